//! Label smoothing and the confidence penalty: predictions of members that are less sure ([`OutputPenalty`]).

use super::step::{ClassifierStep, RecordSet};
use super::term::Term;
use crate::error::Result;
use crate::ops::OutputPenalty;
use crate::run::config::{Config, Replica};
use crate::train::line::Moment;

#[derive(Debug)]
struct OutputPenalties;

pub(super) fn term(config: &Config) -> Option<Box<dyn Term>> {
    let weights = [&config.model.label_smoothing, &config.model.confidence_penalty];
    let wanted = weights.into_iter().flat_map(|weights| weights.values()).any(|weight| *weight > 0.0);
    wanted.then(|| Box::new(OutputPenalties) as Box<dyn Term>)
}

impl Term for OutputPenalties {
    fn name(&self) -> &'static str {
        "output penalties"
    }

    /// As [`OutputPenalty`] reads them: a, then w.
    fn scalars(&self, settings: &Replica, _: &Moment) -> Vec<(&'static str, f64)> {
        vec![
            ("label smoothing", settings.label_smoothing),
            ("confidence penalty", settings.confidence_penalty),
        ]
    }

    fn add(&self, step: &mut ClassifierStep) -> Result<()> {
        let weights = step.scalars(self.name(), "label smoothing", 2)?;
        let members = step.outputs(RecordSet::Members)?;
        let penalty = step.graph.apply(OutputPenalty, &[members.z, members.labels, weights])?;
        step.descend(penalty, step.one);
        Ok(())
    }
}
