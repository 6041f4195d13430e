//! Every setting as a person looks it up: what it means, its default, its unit, its range.
//!
//! Nothing is listed here: all of it follows from the rows of the tables. How it is set on a page is the
//! report's.

use serde::Serialize;
use toml::Value;

use super::keys::{at, known_keys};
use super::{Config, replica};
use crate::error::{Error, Result, nearest};
use crate::setting::{SettingRow, SettingsTable};

/// A setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reference {
    /// Dotted, as in `--set`.
    pub key: String,
    /// What it does, in sentences, without default and range.
    pub meaning: String,
    /// What holds where it is not set.
    pub default: Value,
    /// What its numbers count; empty: nothing that has a name.
    pub unit: &'static str,
    /// What is acceptable, in words.
    pub range: String,
    /// Whether it takes a list, a model for each of its values.
    pub list: bool,
    /// What the table is that it stands in.
    #[serde(skip)]
    pub table: String,
}

impl Reference {
    /// The dotted key of the table that it stands in; empty at the top.
    pub fn place(&self) -> &str {
        self.key.rsplit_once('.').map_or("", |(place, _)| place)
    }
}

/// Every setting, table by table.
///
/// # Errors
/// None: the defaults are part of the program.
pub fn all() -> Result<Vec<Reference>> {
    let mut rows = vec![];
    Config::rows("", &mut rows);
    let defaults = known_keys()?;
    rows.into_iter()
        .map(|row| {
            let default = at(&defaults, &row.key)
                .cloned()
                .ok_or_else(|| Error::usage(row.key.as_str()).expected("a default").found("none"))?;
            Ok(Reference {
                range: range(&row, &default),
                list: replica::takes_list(&row.key),
                key: row.key,
                meaning: row.help,
                default,
                unit: row.unit,
                table: row.table,
            })
        })
        .collect()
}

/// Those whose key or meaning has `word` in it, in capitals or not.
///
/// # Errors
/// There is none; the nearest key is suggested.
pub fn about(word: &str) -> Result<Vec<Reference>> {
    let all = all()?;
    let wanted = word.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&wanted);
    let found: Vec<Reference> = all.iter().filter(|s| has(&s.key) || has(&s.meaning)).cloned().collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let keys = all.iter().map(|setting| setting.key.as_str());
    Err(Error::usage(format!("veilgrad settings {word}"))
        .expected("a word of a setting's key or meaning")
        .found("one of none")
        .advice(match nearest(word, keys) {
            Some(key) => format!("did you mean `{key}`?"),
            None => "`veilgrad settings` lists all".to_owned(),
        }))
}

/// What the row says, or else what its type takes.
fn range(row: &SettingRow, default: &Value) -> String {
    if !row.range.is_empty() {
        return row.range.to_owned();
    }
    let names: Vec<String> = row.names.iter().map(|name| format!("\"{name}\"")).collect();
    match (&names[..], default) {
        ([others @ .., last], _) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        (_, Value::Boolean(_)) => "true or false".to_owned(),
        (_, Value::Integer(_)) => "a whole number, 0 or more".to_owned(),
        (_, Value::Float(_)) => "a number".to_owned(),
        (_, Value::Array(_)) => "a list".to_owned(),
        _ => "text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_listed_once_with_a_meaning_and_a_range() {
        let all = all().unwrap();
        let mut keys = vec![];
        super::super::keys::collect(&known_keys().unwrap(), "", &mut keys);
        let tables: Vec<&str> = all.iter().map(Reference::place).collect();
        keys.retain(|key| !tables.contains(&key.as_str()));
        keys.sort();
        let mut listed: Vec<String> = all.iter().map(|setting| setting.key.clone()).collect();
        listed.sort();
        assert_eq!(listed, keys);
        for setting in &all {
            assert!(setting.meaning.ends_with('.') && !setting.range.is_empty(), "{setting:?}");
            assert!(!setting.table.contains("](") && !setting.meaning.contains("[`"), "{setting:?}");
        }
    }

    #[test]
    fn the_names_of_a_choice_and_the_words_of_a_range() {
        let range = |key: &str| all().unwrap().into_iter().find(|s| s.key == key).unwrap().range;
        assert_eq!(range("defense.attack_loss"), "\"log\" or \"squared\"");
        assert_eq!(range("train.epochs"), "at least 1");
        assert_eq!(range("audit.label_only"), "true or false");
        assert_eq!(range("train.evaluate_limit"), "a whole number, 0 or more");
    }

    #[test]
    fn a_word_finds_keys_and_meanings_and_one_of_none_is_refused() {
        let keys = |word: &str| about(word).map(|found| found.into_iter().map(|s| s.key).collect::<Vec<_>>());
        assert!(keys("LAMBDA").unwrap().contains(&"defense.lambda_warmup_epochs".to_owned()));
        assert!(keys("Szegedy").unwrap().contains(&"model.label_smoothing".to_owned()));
        assert!(keys("train.epoch").unwrap().contains(&"train.epochs".to_owned()));
        assert!(keys("lamda").unwrap_err().advice.contains("`defense.lambda`"));
    }
}
