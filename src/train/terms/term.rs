//! What every term of the loss has to say of itself.

use super::step::{ClassifierStep, RecordSet};
use crate::error::Result;
use crate::graph::NodeId;
use crate::run::config::Replica;
use crate::train::line::Moment;
use std::fmt::Debug;

/// A part of what the classifier descends.
pub trait Term: Debug + Send + Sync {
    /// Its name in labels and messages; no two terms share one.
    fn name(&self) -> &'static str;

    /// Which records a classifier step takes beside the members.
    fn records(&self) -> Option<RecordSet> {
        None
    }

    /// Whether it draws random numbers that nobody may draw again, by the step's
    /// [secret](ClassifierStep::secret).
    fn draws_secretly(&self) -> bool {
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
