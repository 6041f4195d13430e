//! The audit's files in a run's directory.
//!
//! Not the directory itself, and not training's files in it ([`crate::run::directory`]).

use std::path::Path;

use super::check;
use super::details::Details;
use super::older::AnySummary;
use super::summary::Summary;
use crate::error::{Error, Kind, Result};
use crate::run::RunDirectory;
use crate::run::directory::{CONFIG, DETAILS, SUMMARY};

impl RunDirectory {
    /// The directory of an audit: of a run, or of another program's predictions.
    ///
    /// # Errors
    /// There is no `summary.json` at `path`.
    pub fn audited(path: &Path) -> Result<Self> {
        if path.join(SUMMARY).is_file() {
            return Ok(RunDirectory::at(path));
        }
        let error =
            Error::new(Kind::Io, path.display().to_string()).expected(format!("an audit's {SUMMARY}"));
        Err(match path.join(CONFIG).is_file() {
            true => error
                .found("a run without it")
                .advice(format!("write it with `veilgrad audit {}`", path.display())),
            false => error.found(if path.exists() { "none" } else { "nothing at all" }).advice(
                "give the directory of a run, one that `veilgrad audit --predictions … --out` wrote, or one \
                 with the tables of `veilgrad reproduce`",
            ),
        })
    }

    /// Writes `summary.json`.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_summary(&self, summary: &Summary) -> Result<()> {
        self.write_json(SUMMARY, summary)
    }

    /// Reads `summary.json`, also one that an older version wrote.
    ///
    /// # Errors
    /// A missing or damaged file; one of a newer version.
    pub fn read_summary(&self) -> Result<Summary> {
        self.read_json::<AnySummary>(SUMMARY).map(Summary::from)
    }

    /// Writes `details.json`.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_details(&self, details: &Details) -> Result<()> {
        self.write_json(DETAILS, details)
    }

    /// Reads `details.json`.
    ///
    /// # Errors
    /// A missing or damaged file; lists in it that do not fit each other.
    pub fn read_details(&self) -> Result<Details> {
        let details = self.read_json(DETAILS)?;
        check::details(&self.file(DETAILS), &details)?;
        Ok(details)
    }
}
