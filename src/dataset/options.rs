//! What a person may say about a data file that would otherwise be detected.

use crate::error::{Error, Result};
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
    /// Most bytes that a compressed file, or an array in an npz file, may inflate to. Default: 4 GiB.
    pub max_bytes: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions { label_column: None, label_base: None, header: None, max_bytes: 4 << 30 }
    }
}

/// Refuses options that mean nothing for arrays; `labelled`: the labels are an array of their own.
pub(super) fn only_text_has_columns(options: &LoadOptions, place: &str, labelled: bool) -> Result<()> {
    if options.header.is_some() {
        return Err(Error::usage("data.header")
            .expected("a text file")
            .found(format!("the array file {place}")));
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
