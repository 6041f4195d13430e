//! The game's penalty: λ times what the attack network h gains from f's members, h held fixed.
//!
//! Source: Nasr, Shokri and Houmansadr, CCS 2018, equation 8; the other forms are the authors' code's. Not
//! h's own training: that is the round's ([`crate::train::game`]).

use super::step::{ClassifierStep, RecordSet};
use super::term::Term;
use crate::error::Result;
use crate::ops::{GainForm, MembershipGain};
use crate::run::config::{Config, Penalty, Replica};
use crate::train::line::Moment;

#[derive(Debug)]
struct GamePenalty {
    /// What f descends, times λ.
    form: GainForm,
    /// Of λ, such that it is descended.
    sign: f64,
}

pub(super) fn term(config: &Config) -> Option<Box<dyn Term>> {
    let (form, sign) = match config.defense.penalty {
        Penalty::Log => (GainForm::Log, 1.0),
        Penalty::Linear => (GainForm::Linear, 1.0),
        // mean h² is the negative of the squared gain of records taken for non-members.
        Penalty::Squared => (GainForm::Squared, -1.0),
    };
    config.is_defended().then(|| Box::new(GamePenalty { form, sign }) as Box<dyn Term>)
}

impl Term for GamePenalty {
    fn name(&self) -> &'static str {
        "game penalty"
    }

    fn scalars(&self, settings: &Replica, moment: &Moment) -> Vec<(&'static str, f64)> {
        let lambda = if moment.penalized { settings.lambda } else { 0.0 };
        vec![("λ", self.sign * lambda)]
    }

    fn add(&self, step: &mut ClassifierStep) -> Result<()> {
        let Some((network, state)) = step.attack else { return Ok(()) };
        // Before the logit that it weighs: the plan can merge the two.
        let lambda = step.scalar(self.name(), "λ")?;
        let members = step.outputs(RecordSet::Members)?;
        let weights = network.parameters.views(step.graph, state)?;
        let (s, _) = network.forward(step.graph, &weights, members.z, members.labels)?;
        let first_members = if self.form == GainForm::Squared { 0 } else { step.batch };
        let gain = step.graph.apply(MembershipGain { form: self.form, members: first_members }, &[s])?;
        step.descend(gain, lambda);
        Ok(())
    }
}
