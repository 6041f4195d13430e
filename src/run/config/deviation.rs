//! Where a preset departs from what it reproduces: a sentence, and which settings it speaks of.

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::Config;
use crate::error::{Error, Result};

/// A sentence of a preset on where it departs from what it reproduces.
///
/// In TOML a text, or `{ text = "…", of = ["train.epochs"] }`: then it falls away where one of the settings
/// `of` is no longer the preset's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Deviation {
    /// Whatever else is set.
    Always(String),
    /// As long as some settings are the preset's.
    While {
        /// The sentence.
        text: String,
        /// Dotted keys.
        of: Vec<String>,
    },
}

impl Deviation {
    /// The sentence.
    pub fn text(&self) -> &str {
        match self {
            Deviation::Always(text) | Deviation::While { text, .. } => text,
        }
    }

    /// The dotted keys of the settings that it speaks of.
    pub fn of(&self) -> &[String] {
        match self {
            Deviation::Always(_) => &[],
            Deviation::While { of, .. } => of,
        }
    }
}

/// Takes out of `config` the deviations that speak of settings which are not those of `preset`.
///
/// # Errors
/// A deviation speaks of a setting that there is none of.
pub(super) fn drop_outdated(config: &mut Config, preset: &Config) -> Result<()> {
    let table = |config: &Config| {
        Table::try_from(config).map_err(|e| Error::usage("configuration").found(e.to_string()))
    };
    let (now, then) = (table(config)?, table(preset)?);
    if let Some(key) = config.deviations.iter().flat_map(Deviation::of).find(|key| at(&now, key).is_none()) {
        return Err(Error::usage("deviations")
            .expected("keys of settings in `of`")
            .found(key.as_str())
            .advice("`veilgrad settings` lists them"));
    }
    config.deviations.retain(|deviation| deviation.of().iter().all(|key| at(&now, key) == at(&then, key)));
    Ok(())
}

/// What stands at the dotted `key`.
pub(super) fn at<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let first = parts.next().and_then(|part| table.get(part));
    parts.fold(first, |value, part| value?.get(part))
}
