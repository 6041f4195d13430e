//! The reference set's risk: f learns D′ too, with the weight v, and D with 1 − v.
//!
//! Source: Kaplan et al., "Weighted empirical risk minimization" as a defense against membership inference,
//! PETS 2024 (`defense.reference_weight`).

use super::step::{ClassifierStep, RecordSet};
use super::term::Term;
use crate::error::Result;
use crate::run::config::{Config, Replica};
use crate::train::line::Moment;

#[derive(Debug)]
struct ReferenceRisk;

pub(super) fn term(config: &Config) -> Option<Box<dyn Term>> {
    config.learns_reference().then(|| Box::new(ReferenceRisk) as Box<dyn Term>)
}

impl Term for ReferenceRisk {
    fn name(&self) -> &'static str {
        "reference risk"
    }

    fn records(&self) -> Option<RecordSet> {
        Some(RecordSet::Reference)
    }

    fn scalars(&self, settings: &Replica, _: &Moment) -> Vec<(&'static str, f64)> {
        vec![("weight of D′", settings.reference_weight)]
    }

    fn add(&self, step: &mut ClassifierStep) -> Result<()> {
        let reference = step.outputs(RecordSet::Reference)?;
        let loss = step.cross_entropy(reference)?;
        let weight = step.scalar(self.name(), "weight of D′")?;
        step.descend(loss, weight);
        Ok(())
    }
}
