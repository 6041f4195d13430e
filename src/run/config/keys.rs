//! The keys there are, and which of them a person who typed another may have meant.
//!
//! Derived from the default configuration: no list to keep in step with the tree.

use toml::de::DeTable;
use toml::{Spanned, Table, Value};

use super::Config;
use crate::error::{Error, Result, nearest};
use crate::setting::join;

/// All keys with their defaults. No setting may be an `Option`: it would be missing here.
pub(super) fn known_keys() -> Result<Table> {
    as_table(&Config::default())
}

/// Every key of `config` with its value.
pub(super) fn as_table(config: &Config) -> Result<Table> {
    Table::try_from(config).map_err(|e| Error::usage("configuration").found(e.to_string()))
}

/// What stands at the dotted `key`.
pub(super) fn at<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// The dotted name of the innermost setting written at byte `at`.
pub(super) fn key_at(table: &DeTable<'_>, at: usize) -> Option<String> {
    table.iter().find_map(|(name, value)| {
        let name_text = name.get_ref();
        if let Some(inner) = value.get_ref().as_table()
            && let Some(key) = key_at(inner, at)
        {
            return Some(join(name_text, &key));
        }
        (covers(name, at) || covers(value, at)).then(|| name_text.to_string())
    })
}

fn covers<T>(spanned: &Spanned<T>, at: usize) -> bool {
    spanned.span().contains(&at)
}

pub(super) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}

/// What to do about a key that does not exist: the nearest name, or its neighbors.
pub(super) fn suggestion(key: &str, siblings: &Table, parent: &str) -> Result<String> {
    let all = known_keys()?;
    let mut names = Vec::new();
    collect(&all, "", &mut names);
    if let Some(nearest) = nearest(key, names.iter().map(String::as_str)) {
        return Ok(format!("did you mean `{nearest}`?"));
    }
    let place = if parent.is_empty() { "the top level".to_owned() } else { format!("[{parent}]") };
    Ok(format!("the keys of {place} are {}", list(siblings.keys())))
}

pub(super) fn collect(table: &Table, parent: &str, names: &mut Vec<String>) {
    for (name, value) in table {
        let key = join(parent, name);
        if let Value::Table(inner) = value {
            collect(inner, &key, names);
        }
        names.push(key);
    }
}

/// What a value of this key looks like, by its default.
pub(super) fn advice(key: &str) -> String {
    let Ok(all) = known_keys() else { return String::new() };
    let mut value = Value::Table(all);
    for part in key.split('.') {
        match value.get(part) {
            Some(inner) => value = inner.clone(),
            None => return String::new(),
        }
    }
    format!("the default is {value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_key_at_a_byte() {
        let text = "[a]\nb = 1\n[a.c]\nd = { e = 2 }";
        let parsed = DeTable::parse(text).unwrap();
        let at = |part: &str| key_at(parsed.get_ref(), text.find(part).unwrap());
        assert_eq!(at("1").as_deref(), Some("a.b"));
        assert_eq!(at("d =").as_deref(), Some("a.c.d"));
        assert_eq!(at("2").as_deref(), Some("a.c.d.e"));
    }
}
