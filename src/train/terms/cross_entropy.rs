//! The cross-entropy of the members: what every classifier learns by.

use super::step::{ClassifierStep, RecordSet};
use super::term::Term;
use crate::error::Result;
use crate::run::config::{Config, Replica};
use crate::train::line::Moment;

#[derive(Debug)]
struct MembersRisk {
    /// Whether a part of the weight goes to the reference set: [`super::reference_risk`].
    shared: bool,
}

pub(super) fn term(config: &Config) -> Option<Box<dyn Term>> {
    Some(Box::new(MembersRisk { shared: config.learns_reference() }))
}

impl Term for MembersRisk {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn scalars(&self, settings: &Replica, _: &Moment) -> Vec<(&'static str, f64)> {
        match self.shared {
            true => vec![("weight of D", 1.0 - settings.reference_weight)],
            false => vec![],
        }
    }

    fn add(&self, step: &mut ClassifierStep) -> Result<()> {
        let members = step.outputs(RecordSet::Members)?;
        let loss = step.cross_entropy(members)?;
        let weight = if self.shared { step.scalar(self.name(), "weight of D")? } else { step.one };
        step.descend(loss, weight);
        Ok(())
    }
}
