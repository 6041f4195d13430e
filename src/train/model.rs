//! A model to be trained: its settings and its records.

use crate::dataset::{Dataset, Split, Standardization};
use crate::error::Result;
use crate::run::config::Replica;

/// A model to be trained: its settings and its records.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its number in the run.
    pub number: usize,
    /// What distinguishes it from its siblings.
    pub settings: Replica,
    /// Its members, reference and test records.
    pub split: Split,
    /// By its own members; `None` where no feature is a number.
    pub standardization: Option<Standardization>,
}

impl Model {
    /// Model `number` of a run on `dataset`.
    ///
    /// # Errors
    /// Records that the data do not have.
    pub fn new(number: usize, settings: Replica, split: Split, dataset: &Dataset) -> Result<Self> {
        split.check(dataset.records())?;
        let standardization = dataset.standardization(&split.members);
        Ok(Model { number, settings, split, standardization })
    }
}
