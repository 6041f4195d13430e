//! The house keeps its shape: which room may use which, no file imports in a circle, nothing below the
//! command line prints, only the engine names wgpu.
//!
//! Read from the sources as text: `use` statements and paths that begin with `crate::`. Unit tests at a
//! file's end do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// From the top down: a room uses those below it.
const ROOMS: [&str; 15] = [
    "cli",
    "experiment",
    "report",
    "audit",
    "lab",
    "release",
    "train",
    "statistics",
    "run",
    "nn",
    "dataset",
    "plan",
    "ops",
    "gpu",
    "graph",
];

/// They serve all, and use none.
const SERVICES: [&str; 4] = ["error", "memory", "random", "setting"];

/// A file of `src`, read.
struct File {
    path: PathBuf,
    /// `["train", "steps"]`; of `train/mod.rs` `["train"]`.
    module: Vec<String>,
    text: String,
}

impl File {
    /// The text before the unit tests.
    fn code(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
    }

    fn room(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }
}

fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut open) = (vec![], vec![root.clone()]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).expect("a directory").map(|e| e.expect("an entry").path()));
            continue;
        }
        if path.extension().is_none_or(|e| e != "rs") {
            continue;
        }
        let inside = path.strip_prefix(&root).expect("below src").with_extension("");
        let mut module: Vec<String> =
            inside.iter().map(|part| part.to_str().expect("UTF-8").to_owned()).collect();
        if ["mod", "lib", "main"].contains(&module[module.len() - 1].as_str()) {
            module.pop();
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        found.push(File { path: PathBuf::from("src").join(path.strip_prefix(&root).unwrap()), module, text });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The paths of a `use` tree such as `a::{b, c::d}`.
fn leaves(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let segments = |text: &str| -> Vec<String> {
        text.split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
    };
    let Some(open) = tree.find('{') else {
        return vec![segments(tree.split(" as ").next().unwrap_or_default())];
    };
    let head = segments(&tree[..open]);
    let inner = &tree[open + 1..tree.rfind('}').expect("a closing brace")];
    let (mut parts, mut depth, mut start) = (vec![], 0, 0);
    for (i, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let all = parts.into_iter().filter(|part| !part.trim().is_empty()).flat_map(leaves);
    all.map(|leaf| [head.clone(), leaf].concat()).collect()
}

/// Every path that the file names, from the crate's root, and whether it is made public there.
fn paths(file: &File) -> Vec<(Vec<String>, bool)> {
    let mut found = vec![];
    let absolute = |path: Vec<String>| -> Option<Vec<String>> {
        let mut base = file.module.clone();
        let mut rest = path.as_slice();
        match rest.first()?.as_str() {
            "crate" => return Some(rest[1..].to_vec()),
            "self" => rest = &rest[1..],
            "super" => {}
            // A child of this module, or another crate.
            _ => return Some([base, path.clone()].concat()),
        }
        while rest.first().is_some_and(|s| s == "super") {
            base.pop()?;
            rest = &rest[1..];
        }
        Some([base, rest.to_vec()].concat())
    };
    let code: String = file
        .code()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("use ") {
        let before = &rest[..at];
        let line = before.rsplit('\n').next().unwrap_or_default().trim_start();
        rest = &rest[at + 4..];
        if !(line.is_empty() || line.starts_with("pub")) {
            continue;
        }
        let end = rest.find(';').unwrap_or(rest.len());
        found.extend(leaves(&rest[..end]).into_iter().filter_map(absolute).map(|p| (p, !line.is_empty())));
    }
    for (at, _) in code.match_indices("crate::") {
        let path = &code[at..];
        let end = path.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(path.len());
        let named: Vec<String> =
            path[..end].split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect();
        found.push((named[1..].to_vec(), false));
    }
    found
}

/// For each file, the files that it takes something from.
fn imports(files: &[File]) -> BTreeMap<&Path, BTreeSet<&Path>> {
    let modules: BTreeMap<&[String], &File> = files
        .iter()
        .filter(|file| !file.module.is_empty())
        .map(|file| (file.module.as_slice(), file))
        .collect();
    // (module, name) → the path that it is made public from.
    let mut public: BTreeMap<(&[String], String), Vec<String>> = BTreeMap::new();
    for file in files {
        for (path, _) in paths(file).into_iter().filter(|(_, public)| *public) {
            if let Some(name) = path.last() {
                public.insert((&file.module, name.clone()), path);
            }
        }
    }
    let resolve = |path: &[String]| -> Option<&File> {
        let mut path = path.to_vec();
        for _ in 0..8 {
            let length = (1..=path.len()).rev().find(|&n| modules.contains_key(&path[..n]))?;
            let file = modules[&path[..length]];
            match path.get(length).and_then(|name| public.get(&(file.module.as_slice(), name.clone()))) {
                Some(target) if *target != path[..=length] => {
                    path = [target.clone(), path[length + 1..].to_vec()].concat();
                }
                _ => return Some(file),
            }
        }
        None
    };
    let of = |file: &File| -> BTreeSet<&Path> {
        let named = paths(file).into_iter().filter_map(|(path, public)| Some((resolve(&path)?, public)));
        named
            .filter(|(other, public)| other.path != file.path && !public)
            .map(|(other, _)| other.path.as_path())
            .collect()
    };
    files.iter().map(|file| (file.path.as_path(), of(file))).collect()
}

#[test]
fn arrows_go_down() {
    let files = files();
    let rooms: BTreeMap<&Path, &str> = files.iter().map(|f| (f.path.as_path(), f.room())).collect();
    let floor = |room: &str| ROOMS.iter().position(|r| *r == room);
    let mut wrong = vec![];
    for (from, all) in imports(&files) {
        for to in all {
            let (a, b) = (rooms[from], rooms[to]);
            let fine = match (floor(a), floor(b)) {
                (Some(a), Some(b)) => a <= b,
                (None, Some(_)) => a.is_empty(),
                (_, None) => SERVICES.contains(&b),
            };
            if !fine {
                wrong.push(format!("{} takes from {}", from.display(), to.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unknown: BTreeSet<&str> = rooms
        .into_values()
        .filter(|room| !room.is_empty() && floor(room).is_none() && !SERVICES.contains(room))
        .collect();
    assert!(unknown.is_empty(), "rooms that the house does not have: {unknown:?}");
}

#[test]
fn no_file_imports_in_a_circle() {
    let files = files();
    let imports = imports(&files);
    // What can be reached from each file, by steps.
    let mut circles = BTreeSet::new();
    for &start in imports.keys() {
        let (mut seen, mut open) = (BTreeSet::new(), vec![start]);
        while let Some(file) = open.pop() {
            for &next in &imports[file] {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        if seen.contains(start) {
            let members: Vec<String> = seen
                .iter()
                .filter(|other| reaches(&imports, other, start))
                .map(|other| other.display().to_string())
                .collect();
            circles.insert(members.join(", "));
        }
    }
    assert!(circles.is_empty(), "{}", circles.into_iter().collect::<Vec<_>>().join("\n"));
}

fn reaches(imports: &BTreeMap<&Path, BTreeSet<&Path>>, from: &Path, to: &Path) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(file) = open.pop() {
        for &next in &imports[file] {
            if next == to {
                return true;
            }
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    false
}

#[test]
fn every_file_opens_with_what_it_is() {
    let silent: Vec<String> = files()
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn nothing_below_the_command_line_prints() {
    for file in files().iter().filter(|file| !["cli", ""].contains(&file.room())) {
        for word in ["println!", "eprintln!", "print!", "eprint!", "dbg!"] {
            let printed = file.code().lines().any(|l| l.contains(word) && !l.trim_start().starts_with("//"));
            assert!(!printed, "{} prints with {word}", file.path.display());
        }
    }
}

#[test]
fn only_the_engine_names_wgpu() {
    for file in files().iter().filter(|file| !["gpu", "plan"].contains(&file.room())) {
        assert!(!file.code().contains("wgpu::"), "{} names wgpu", file.path.display());
    }
}

#[test]
fn paths_of_a_use_tree() {
    let found: Vec<String> =
        leaves("a::{self, b, c::{D, e as f}}").iter().map(|leaf| leaf.join("::")).collect();
    assert_eq!(found, ["a::self", "a::b", "a::c::D", "a::c::e"]);
}
