//! Where a preset departs from what it reproduces: a sentence, and which settings it speaks of.

use serde::{Deserialize, Serialize};

use super::Config;
use super::keys::{as_table, at};
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

impl Config {
    /// Those of the deviations that speak of no setting which is not `preset`'s: for whoever changes settings.
    ///
    /// # Errors
    /// A deviation speaks of a setting that there is none of.
    pub fn deviations_since(&self, preset: &Config) -> Result<Vec<Deviation>> {
        let (now, then) = (as_table(self)?, as_table(preset)?);
        if let Some(key) = self.deviations.iter().flat_map(Deviation::of).find(|key| at(&now, key).is_none())
        {
            return Err(Error::usage("deviations")
                .expected("keys of settings in `of`")
                .found(key.as_str())
                .advice("`veilgrad settings` lists them"));
        }
        let holds = |deviation: &&Deviation| deviation.of().iter().all(|key| at(&now, key) == at(&then, key));
        Ok(self.deviations.iter().filter(holds).cloned().collect())
    }
}
