//! What is asked for: which of the paper's tables, on which data.
//!
//! Not the runs that a table takes ([`super::tables`]), nor their carrying out ([`super::reproduce`]).

use super::published::KnownDataset;
use super::table::Table;
use crate::dataset::Dataset;
use crate::gpu::Context;
use crate::run::config::{Config, GameForm, Layer};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which tables, in this order.
    pub tables: Vec<Table>,
    /// On which data, a set of tables each.
    pub data: Vec<DataRequest>,
    /// The rows of a table with a [key](Table::key), its values separated by commas; `None`: the paper's rows.
    pub values: Option<String>,
    /// What |D| and |D′| are multiplied by.
    pub scale: f64,
    /// Models a row, of the seeds from 0 on.
    pub seeds: usize,
    /// Forms of the game, each a set of tables of its own; none: the preset's own.
    pub forms: Vec<GameForm>,
    /// Laid over every preset.
    pub settings: Vec<Layer>,
}

/// A data set and the set-up for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataRequest {
    /// A data file; `None`: the preset needs none.
    pub data: Option<String>,
    /// A preset's name or file; `None`: by the data's size.
    pub preset: Option<String>,
}

/// A data set, loaded, with the configuration of its preset.
#[derive(Debug)]
pub struct Setup {
    /// The preset's, with what was asked for laid over it.
    pub config: Config,
    /// The records.
    pub dataset: Dataset,
    /// What was published of them; `None`: nothing.
    pub known: Option<KnownDataset>,
    /// What was asked for beside the preset, for the table to say.
    pub changes: Vec<String>,
}

/// What a reproduction needs.
#[derive(Debug)]
pub struct ReproductionJob<'a> {
    /// The device to train and attack on.
    pub context: &'a Context,
    /// What is asked for.
    pub request: &'a Request,
    /// Holds the runs and the tables.
    pub out: &'a Path,
    /// Whether parts that were trained on unlike machines may become one run.
    pub mixed: bool,
    /// Seconds of training that a run takes at most before it is trained in parts.
    pub longest: f64,
    /// Set from outside (Ctrl-C): stop at the next submission.
    pub stop: &'a AtomicBool,
}
