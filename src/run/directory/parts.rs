//! `parts/FIRST-END`: directories of a run's replicas that were trained apart, and on what they were.
//!
//! Not their training, nor how they become one run ([`crate::train::parts`]).

use super::{MODELS, RunDirectory, is_own, model_name, names};
use crate::error::{Error, Result};
use crate::run::config::TuningConfig;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::ops::Range;

/// Holds the parts.
pub const PARTS: &str = "parts";
/// In a part: which replicas, trained on what.
pub const PART: &str = "part.json";
/// In a run that was made of parts: theirs.
pub const TRAINED_ON: &str = "trained_on.json";

/// What the replicas of a run that was made of parts were trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedOn {
    /// Which program took them over.
    pub merged_by: Program,
    /// In the order of their replicas.
    pub parts: Vec<TrainedPart>,
}

/// Replicas that one program trains on one machine: what their bytes depend on beside the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainedPart {
    /// By their numbers in the run.
    pub replicas: Range<usize>,
    /// What trained them.
    pub program: Program,
}

/// A program on a machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// This program's version.
    pub version: String,
    /// The adapter with its driver, and the kernel variants that were chosen for it.
    pub tuning: TuningConfig,
}

impl Program {
    /// The one that runs, on a machine of this adapter and these kernel variants.
    pub fn this(tuning: TuningConfig) -> Self {
        Program { version: env!("CARGO_PKG_VERSION").to_owned(), tuning }
    }

    /// In words.
    pub fn describe(&self) -> String {
        let TuningConfig { adapter, choices } = &self.tuning;
        let tuned = match serde_json::to_value(choices) {
            Ok(serde_json::Value::Array(all)) if !all.is_empty() => format!(", tuned: {}", all.len()),
            _ => String::new(),
        };
        format!("{adapter}{tuned} (version {})", self.version)
    }
}

impl RunDirectory {
    /// The directory of the part that has these replicas.
    pub fn part(&self, replicas: &Range<usize>) -> RunDirectory {
        RunDirectory::at(&self.file(PARTS).join(format!("{:04}-{:04}", replicas.start, replicas.end)))
    }

    /// The parts that were begun, in the order of their replicas.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn parts(&self) -> Result<Vec<(Range<usize>, RunDirectory)>> {
        if !self.file(PARTS).is_dir() {
            return Ok(vec![]);
        }
        let range = |name: String| -> Option<Range<usize>> {
            let (first, end) = name.split_once('-')?;
            Some(first.parse().ok()?..end.parse().ok()?)
        };
        let mut ranges: Vec<Range<usize>> = names(&self.file(PARTS))?
            .into_iter()
            .filter_map(range)
            .filter(|range| !range.is_empty())
            .collect();
        ranges.sort_by_key(|range| (range.start, range.end));
        Ok(ranges.into_iter().map(|range| (range.clone(), self.part(&range))).collect())
    }

    /// Begins a part: removes the files of one that is there, and says what it is trained on.
    ///
    /// # Errors
    /// The file system's.
    pub fn begin_part(&self, part: &TrainedPart) -> Result<()> {
        self.remove_own_files()?;
        self.write_json(PART, part)
    }

    /// What the part in this directory is, and is trained on; `None` where it was not begun.
    pub fn read_part(&self) -> Option<TrainedPart> {
        self.read_json(PART).ok()
    }

    /// Writes what the models of this run were trained on.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_trained_on(&self, trained_on: &TrainedOn) -> Result<()> {
        self.write_json(TRAINED_ON, trained_on)
    }

    /// What its models were trained on; `None` where one program trained all of them.
    ///
    /// # Errors
    /// A damaged file.
    pub fn read_trained_on(&self) -> Result<Option<TrainedOn>> {
        self.has(TRAINED_ON).then(|| self.read_json(TRAINED_ON)).transpose()
    }

    /// Takes over the file of a part's model.
    ///
    /// # Errors
    /// A missing file; the file system's.
    pub fn copy_model(&self, part: &RunDirectory, number: usize) -> Result<()> {
        let (from, to) = (part.model(number), self.model(number));
        let bytes = fs::read(&from).map_err(|e| Error::io(&from, &e))?;
        let folder = self.file(MODELS);
        fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, &e))?;
        let name = format!("{MODELS}/{}.safetensors", model_name(number));
        self.write(&name, |w| w.write_all(&bytes).map_err(|e| Error::io(&to, &e)))
    }

    /// Removes the parts, once the run holds what they held; other files stay.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove_parts(&self) -> Result<()> {
        for (_, part) in self.parts()? {
            part.remove_own_files()?;
            let left = names(&part.path)?;
            if left.iter().any(|name| name != PART && !super::is_lock(name) && !is_own(name)) {
                continue;
            }
            fs::remove_dir_all(&part.path).map_err(|e| Error::io(&part.path, &e))?;
        }
        // What somebody put there stays, and so does the folder.
        let _ = fs::remove_dir(self.file(PARTS));
        Ok(())
    }
}
