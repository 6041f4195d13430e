//! The list of all settings: as text for a terminal, as Markdown for the page `docs/settings.md`.
//!
//! Not the settings ([`crate::run::config::reference`]).

use super::lines::filled;
use crate::run::config::reference::Reference;

const INDENT: &str = "    ";

/// A block a setting, in lines of at most `columns`: its key and default, what it means, its range.
pub fn text(settings: &[Reference], columns: usize) -> String {
    settings.iter().map(|setting| block(setting, columns)).collect::<Vec<_>>().join("\n")
}

fn block(setting: &Reference, columns: usize) -> String {
    let mut words = format!("{} Range: {}", setting.meaning, sentence(&setting.range));
    if !setting.unit.is_empty() {
        words += &format!(" Unit: {}.", setting.unit);
    }
    if setting.list {
        words += " A list trains a model for each value.";
    }
    let mut block = filled(&format!("{} = {}", setting.key, setting.default), "", INDENT, columns);
    block += &filled(&words, INDENT, INDENT, columns);
    block
}

fn sentence(words: &str) -> String {
    if words.ends_with('…') { words.to_owned() } else { format!("{words}.") }
}

/// What the page begins with.
const HEAD: &str = "\
# Settings

Every setting of a run, by its key. A preset or a file (`--preset`) gives some of them, `--set KEY=VALUE` any,
a flag of `veilgrad train` those that are needed most; the others have their defaults. A run's `run.toml` \
holds
all of them. Where a list may stand, the run trains a model for every combination of the lists' values, at \
once.

This page is what `veilgrad settings --markdown` writes; `veilgrad settings WORD` finds a setting.
";

/// The page: a section a table.
pub fn markdown(settings: &[Reference]) -> String {
    let mut page = String::from(HEAD);
    let mut place = None;
    for setting in settings {
        if place != Some(setting.place()) {
            place = Some(setting.place());
            let heading = if setting.place().is_empty() { "At the top" } else { setting.place() };
            page += &format!("\n## {heading}\n\n{}\n\n", setting.table);
            page += "| key | meaning | default | range |\n|---|---|---|---|\n";
        }
        let list = if setting.list { "; or a list" } else { "" };
        let unit = if setting.unit.is_empty() { String::new() } else { format!(" ({})", setting.unit) };
        let cells = [
            format!("`{}`", setting.key),
            setting.meaning.clone(),
            format!("`{}`{unit}", setting.default),
            format!("{}{list}", setting.range),
        ];
        page += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::reference::{about, all};

    #[test]
    fn lines_fit_a_narrow_terminal_and_lose_no_word() {
        let all = all().unwrap();
        let text = text(&all, 80);
        for line in text.lines().filter(|line| line.trim().contains(' ')) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(all.iter().all(|setting| shown.contains(&setting.meaning)));
    }

    #[test]
    fn a_setting_is_its_key_its_default_and_all_that_is_known_of_it() {
        let epochs = about("train.epochs").unwrap();
        let first = epochs.iter().find(|setting| setting.key == "train.epochs").unwrap();
        assert_eq!(block(first, 80), "train.epochs = 50\n    Passes over D. Range: at least 1.\n");
    }

    /// The page in the repository: `veilgrad settings --markdown > docs/settings.md` writes it anew.
    #[test]
    fn the_page_is_what_the_program_writes() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
        let page = std::fs::read_to_string(path).unwrap();
        assert!(page == markdown(&all().unwrap()), "docs/settings.md is not what the program writes");
    }
}
