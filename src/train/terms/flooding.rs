//! Flooding: the members' cross-entropy L is not brought below a level b; |L − b| + b is descended.
//!
//! Source: Ishida et al. 2020, "Do We Need Zero Training Loss After Achieving Zero Training Error?", equation 2.

use super::step::{ClassifierStep, RecordSet};
use super::term::Term;
use crate::error::Result;
use crate::ops::{Activate, Activation, Add, CrossEntropy, Scale};
use crate::run::config::{Config, Replica};
use crate::train::line::Moment;

#[derive(Debug)]
struct Flooding {
    /// b, nats.
    level: f64,
}

pub(super) fn term(config: &Config) -> Option<Box<dyn Term>> {
    let level = config.defense.flooding;
    (level > 0.0).then(|| Box::new(Flooding { level }) as Box<dyn Term>)
}

impl Term for Flooding {
    fn name(&self) -> &'static str {
        "flooding"
    }

    fn scalars(&self, _: &Replica, _: &Moment) -> Vec<(&'static str, f64)> {
        vec![("level", self.level)]
    }

    /// |L − b| + b = L + max(2 b − 2 L, 0), and L is a term already.
    fn add(&self, step: &mut ClassifierStep) -> Result<()> {
        let members = step.outputs(RecordSet::Members)?;
        let level = step.scalar(self.name(), "level")?;
        let loss = step.graph.apply(CrossEntropy, &[members.z, members.labels])?;
        let twice_level = step.graph.apply(Scale { factor: 2.0 }, &[step.one, level])?;
        let less_loss = step.graph.apply(Scale { factor: -2.0 }, &[loss, step.one])?;
        let below = step.graph.apply(Add, &[less_loss, twice_level])?;
        let flooded = step.graph.apply(Activate(Activation::Relu), &[below])?;
        step.descend(flooded, step.one);
        Ok(())
    }
}
