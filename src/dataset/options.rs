//! What a person may say about a data file that would otherwise be detected.

use super::schema::Schema;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Which column of a text file, or of an array that holds everything, is the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelColumn {
    /// By the header.
    Name(String),
    /// Counted from 0.
    Index(usize),
}

impl FromStr for LabelColumn {
    type Err = std::convert::Infallible;

    /// A number is an index, anything else a name.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| LabelColumn::Name(text.to_owned()), LabelColumn::Index))
    }
}

/// What a person may say about a file that would otherwise be detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadOptions {
    /// Default: a column called label, class, target or y; without a header the first.
    pub label_column: Option<LabelColumn>,
    /// What numeric labels count from. Default: 0 or 1, whichever is the lowest label.
    pub label_base: Option<u32>,
    /// Whether a text file's first line names its columns. Default: detected.
    pub header: Option<bool>,
    /// What becomes of records without a value in a table.
    pub missing: MissingRecords,
    /// The characters' encoding of a text file, by its name on the web, such as `latin1`. Default: UTF-8,
    /// or what the bytes show.
    pub encoding: Option<String>,
    /// Whether a table's numbers have a decimal comma. Default: no, and a comma that may be one is refused.
    pub decimal_comma: Option<bool>,
    /// Columns of a table to leave out, by name or counted from 0.
    pub drop: Vec<String>,
    /// Columns to keep that would be left out.
    pub keep: Vec<String>,
    /// Columns whose numbers are names of categories.
    pub categorical: Vec<String>,
    /// Columns that are numbers: what is none is an error.
    pub numeric: Vec<String>,
    /// Whether the classes that too few members have are one, `other`.
    pub merge_rare_classes: bool,
    /// What a table's columns are, and how they become features. Default: told from the members.
    pub schema: Option<Schema>,
    /// Most bytes that a compressed file, or an array in an npz file, may inflate to. Default: 4 GiB.
    pub max_bytes: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions {
            label_column: None,
            label_base: None,
            header: None,
            missing: MissingRecords::Error,
            encoding: None,
            decimal_comma: None,
            drop: vec![],
            keep: vec![],
            categorical: vec![],
            numeric: vec![],
            merge_rare_classes: false,
            schema: None,
            max_bytes: 4 << 30,
        }
    }
}

impl LoadOptions {
    /// The lists of columns, each with its flag's name.
    pub(super) fn column_lists(&self) -> [(&'static str, &[String]); 4] {
        [
            ("drop", &self.drop[..]),
            ("keep", &self.keep),
            ("categorical", &self.categorical),
            ("numeric", &self.numeric),
        ]
    }
}

/// What becomes of a table's records without a value in some column. Where it is not an error, records
/// without a label are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingRecords {
    /// They are an error, which counts them.
    #[default]
    Error,
    /// They are left out.
    Drop,
    /// The members' median, or commonest category, stands for the value; one more feature says so.
    Impute,
    /// As `impute` for numbers; of text, missing is a category of its own.
    Category,
}

/// Refuses options that mean nothing for arrays; `labelled`: the labels are an array of their own.
pub(super) fn only_text_has_columns(options: &LoadOptions, place: &str, labelled: bool) -> Result<()> {
    if options.header.is_some() {
        return Err(Error::usage("data.header")
            .expected("a text file")
            .found(format!("the array file {place}")));
    }
    for (flag, names) in options.column_lists() {
        if let Some(name) = names.first() {
            return Err(Error::usage(format!("--{flag} {name}"))
                .expected("a table of columns, such as a CSV")
                .found(format!("the array file {place}")));
        }
    }
    match &options.label_column {
        Some(LabelColumn::Name(name)) => Err(Error::usage("--label-column")
            .expected("a text file with a header")
            .found(format!("the name {name:?} for the array file {place}"))),
        Some(LabelColumn::Index(_)) if labelled => Err(Error::usage("--label-column")
            .expected("features and labels in one array")
            .found(format!("labels in an array of their own ({place})"))
            .advice("leave it out")),
        _ => Ok(()),
    }
}
