//! The pages hold together: what they link to and what they name is there, and the first page stays short.
//! Not whether what they say is true.

use std::path::PathBuf;

/// The first page: what it is, install, two commands, a first run, where to go on.
const MOST_LINES_OF_README: usize = 170;
const MOST_COLUMNS: usize = 110;
/// Folders of the repository whose files pages name in code: `` `src/ops/mod.rs` ``.
const FOLDERS: [&str; 9] =
    ["src/", "shaders/", "docs/", "examples/", "tests/", "benches/", "data/", "scripts/", "results/"];
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every page, by its path from the root, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = vec![];
    for folder in ["", "docs"] {
        for entry in root().join(folder).read_dir().expect("a folder of pages") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|e| e == "md") {
                let text = std::fs::read_to_string(&path).expect("a page");
                pages.push((path.strip_prefix(root()).expect("below the root").to_owned(), text));
            }
        }
    }
    pages.sort();
    assert!(pages.len() > 10, "README, CONTRIBUTING, CHANGELOG and docs/: {}", pages.len());
    pages
}

/// The lines of a page that are no code block.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// What stands between `open` and the next `close`, again and again.
fn between<'t>(mut line: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    let mut found = vec![];
    while let Some((inside, rest)) = line.split_once(open).and_then(|(_, rest)| rest.split_once(close)) {
        found.push(inside);
        line = rest;
    }
    found
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let headings =
        prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| line.trim_start_matches('#'));
    let anchor = |heading: &str| -> String {
        let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = vec![];
    for (page, text) in pages() {
        for (number, line) in prose(&text) {
            for target in between(line, "](", ")").into_iter().filter(|t| !t.contains("://")) {
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let path = root().join(&page).parent().expect("a folder").join(file);
                let path = if file.is_empty() { root().join(&page) } else { path };
                let leads = match anchor {
                    "" => path.exists(),
                    anchor => std::fs::read_to_string(path)
                        .is_ok_and(|text| anchors(&text).iter().any(|found| found == anchor)),
                };
                if !leads {
                    broken.push(format!("{}:{}: {target}", page.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "links without a target:\n{}", broken.join("\n"));
}

#[test]
fn every_path_that_is_named_exists() {
    let mut missing = vec![];
    for (page, text) in pages() {
        for (number, line) in prose(&text) {
            for name in between(line, "`", "`") {
                let is_path = FOLDERS.iter().any(|folder| name.starts_with(folder));
                // With a place for a name in it it stands for many.
                if is_path && !name.contains([' ', '*', '…', '{']) && !root().join(name).exists() {
                    missing.push(format!("{}:{}: {name}", page.display(), number + 1));
                }
            }
        }
    }
    assert!(missing.is_empty(), "paths that are not there:\n{}", missing.join("\n"));
}

#[test]
fn the_first_page_stays_short_and_fits_a_screen() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("the first page");
    let lines = text.lines().count();
    assert!(lines <= MOST_LINES_OF_README, "README.md has {lines} lines; guides belong to docs/");
    let is_row = |line: &str| line.starts_with('|');
    let wide: Vec<usize> = prose(&text)
        .filter(|(_, line)| !is_row(line) && line.chars().count() > MOST_COLUMNS)
        .map(|(number, _)| number + 1)
        .collect();
    assert!(wide.is_empty(), "README.md: beyond {MOST_COLUMNS} columns: lines {wide:?}");
}

#[test]
fn what_is_looked_for_is_found() {
    assert_eq!(between("see `a` and [b](c.md#d), `e`", "`", "`"), ["a", "e"]);
    assert_eq!(between("see `a` and [b](c.md#d)", "](", ")"), ["c.md#d"]);
    assert_eq!(anchors("# A `b` c\n```\n# no\n```\n## D: e-f"), ["a-b-c", "d-e-f"]);
    assert_eq!(prose("a\n```\nb\n```\nc").map(|(_, line)| line).collect::<Vec<_>>(), ["a", "c"]);
}
