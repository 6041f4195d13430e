//! `veilgrad audit`: the flags about single records: their groups, their persons, and the file that may name
//! them.
//!
//! Not the reading of the columns ([`crate::audit::results::subgroups`], [`crate::audit::persons`]).

use std::path::{Path, PathBuf};

use clap::Args;

use crate::audit::persons::Persons;
use crate::audit::results::records::ReplicaScores;
use crate::audit::results::subgroups::Subgroups;
use crate::error::{Error, Result};
use crate::report::records::{self, AuditedRecords};

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Records, persons and groups")]
pub(super) struct RecordArgs {
    /// A CSV file with a row for each record of the data set (or of --predictions), which has the column of
    /// groups or of persons.
    #[arg(long, value_name = "FILE")]
    subgroups: Option<PathBuf>,
    /// The column of --subgroups that names a record's group; without --subgroups, of --predictions. Results
    /// are given by group too.
    #[arg(long, value_name = "NAME")]
    subgroup_column: Option<String>,
    /// The column of --subgroups that names the person a record is of; without --subgroups, of --predictions.
    ///
    /// Several records may be of one person, who is then a member with all of them or not at all. The attacker
    /// knows half of the persons, and the attacks are given for persons too: what all records of one say
    /// together.
    #[arg(long, value_name = "NAME")]
    person_column: Option<String>,
    /// Write every attacked record into this CSV file: its row and name, its label, whether it is a member,
    /// each attack's score and word on it, its risk with an interval.
    ///
    /// The file tells of each person whether he is a member. Nothing else that is written to be read elsewhere
    /// (summary.json, details.json, the report) has a row of a person; scores.npz, from which `veilgrad report
    /// --records` makes the same table later, is to stay on this machine.
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
}

impl RecordArgs {
    /// Whether the columns are in a file of their own.
    pub(super) fn has_file(&self) -> bool {
        self.subgroups.is_some()
    }

    /// The columns of groups and of persons in the predictions themselves, where no file of theirs is named.
    pub(super) fn own_columns(&self) -> [Option<String>; 2] {
        match self.subgroups {
            Some(_) => [None, None],
            None => [self.subgroup_column.clone(), self.person_column.clone()],
        }
    }

    /// # Errors
    /// A file without a column, or a run's column without a file.
    pub(super) fn check(&self, of_run: bool) -> Result<()> {
        let columns =
            [("--subgroup-column", &self.subgroup_column), ("--person-column", &self.person_column)];
        let given = columns.into_iter().find(|(_, column)| column.is_some());
        match (given, &self.subgroups) {
            (None, Some(_)) => Err(Error::usage("--subgroups")
                .expected("--subgroup-column or --person-column, the column that is meant")
                .found("neither")),
            (Some((flag, _)), None) if of_run => {
                Err(Error::usage(flag).expected("--subgroups, the file of the column").found("none"))
            }
            _ => Ok(()),
        }
    }

    /// The groups of the `records` records in the file of their own.
    pub(super) fn read_subgroups(&self, records: usize) -> Result<Option<Subgroups>> {
        let column = self.subgroups.as_ref().zip(self.subgroup_column.as_ref());
        column.map(|(path, column)| Subgroups::read(path, column, records)).transpose()
    }

    /// The persons of the `records` records in the file of their own.
    pub(super) fn read_persons(&self, records: usize) -> Result<Option<Persons>> {
        let column = self.subgroups.as_ref().zip(self.person_column.as_ref());
        column.map(|(path, column)| Persons::read(path, column, records)).transpose()
    }

    /// Writes the records of the audit called `name`, where that is asked for; `scores` are read only then.
    ///
    /// # Errors
    /// Those of `scores`; the file system's.
    pub(super) fn write(
        &self,
        name: &str,
        scores: impl FnOnce() -> Result<Vec<ReplicaScores>>,
    ) -> Result<()> {
        let Some(path) = &self.records else { return Ok(()) };
        write(path, &[AuditedRecords { name, replicas: &scores()? }])
    }
}

/// Writes the records of these audits into the file `path`.
///
/// # Errors
/// The file system's.
pub(super) fn write(path: &Path, audits: &[AuditedRecords]) -> Result<()> {
    std::fs::write(path, records::csv(audits)?).map_err(|e| Error::io(path, &e))
}
