//! The terms of the classifier's loss, a file each: the scalars that a term reads from the tape, and the
//! nodes that it adds to a classifier step.
//!
//! To add one: a file with its [`Term`] and a row in [`ALL`] (and a row for each setting, with the others).
//! The line of the tape follows from what the terms declare. Not the networks, nor the order of steps.

mod cross_entropy;
mod game_penalty;
mod output_penalties;
mod private_gradients;
mod reference_risk;
mod step;

pub use step::{ClassifierStep, Outputs};

use super::tape::Moment;
use crate::error::Result;
use crate::graph::NodeId;
use crate::run::config::{Config, Replica};
use std::fmt::Debug;

/// A part of what the classifier descends.
pub trait Term: Debug + Send + Sync {
    /// Its name in labels and messages; no two terms share one.
    fn name(&self) -> &'static str;

    /// Which records a classifier step takes beside the members.
    fn records(&self) -> Option<RecordSet> {
        None
    }

    /// Whether it draws random numbers, by the step's [key](ClassifierStep::key).
    fn draws(&self) -> bool {
        false
    }

    /// The scalars that it reads from the tape, by name, with their values for a replica with these settings
    /// in an epoch. Names and order are the same for all replicas and epochs.
    fn scalars(&self, _settings: &Replica, _moment: &Moment) -> Vec<(&'static str, f64)> {
        vec![]
    }

    /// Adds its part of the loss to `step`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    fn add(&self, _step: &mut ClassifierStep) -> Result<()> {
        Ok(())
    }

    /// What becomes of the parameters' gradients, a matrix a layer.
    ///
    /// # Errors
    /// Gradients that it cannot work on.
    fn gradients(&self, _step: &mut ClassifierStep, gradients: Vec<NodeId>) -> Result<Vec<NodeId>> {
        Ok(gradients)
    }
}

/// A set of records that training takes batches from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordSet {
    /// D.
    Members,
    /// D′.
    Reference,
}

/// Makes a term where the configuration asks for it in any replica.
type Row = fn(&Config) -> Option<Box<dyn Term>>;

/// Every term, in the order in which a step's graph has them.
pub const ALL: &[Row] = &[
    reference_risk::term,
    cross_entropy::term,
    output_penalties::term,
    game_penalty::term,
    private_gradients::term,
];

/// The terms that `config` asks for.
pub fn wanted(config: &Config) -> Vec<Box<dyn Term>> {
    ALL.iter().filter_map(|row| row(config)).collect()
}
