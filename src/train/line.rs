//! What a line of the tape of scalars holds, and where: it follows from what the terms declare.
//!
//! Not the writing of lines: that is `tape`'s.

use super::attack_pace::AttackPace;
use super::rate::Rate;
use super::schedule::{Round, Updates};
use crate::error::{Error, Result};
use crate::graph::Tensor;
use crate::nn::Optimizer;

/// What holds for a replica in an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Updates so far.
    pub updates: Updates,
    /// Whether f pays for being recognized: not in the first epochs, where λ is warmed up.
    pub penalized: bool,
    /// Of the classifier's learning rate.
    pub rate: Rate,
    /// Attack steps and their updates where each replica has its own number of them.
    pub attack: Option<AttackPace>,
    /// Whether the replica is trained; otherwise every update leaves it as it is.
    pub active: bool,
}

/// The scalars that hold for a replica and an epoch, with what each belongs to: (owner, name) and value.
pub(super) type Held = Vec<((&'static str, &'static str), f32)>;

/// What a round's line of the tape of scalars holds: for every update the optimizer's scalars, the attack's
/// first, then what holds for an epoch, the dropout rate and the terms' scalars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalarLine {
    round: Round,
    /// (owner, name).
    held: Vec<(&'static str, &'static str)>,
}

/// The dropout rate's owner on the line, and its name.
pub(super) const DROPOUT: (&str, &str) = ("dropout", "rate");

impl ScalarLine {
    /// The line of `round`, in which these are held for an epoch.
    pub(super) fn new(round: Round, held: &Held) -> Self {
        ScalarLine { round, held: held.iter().map(|(names, _)| *names).collect() }
    }

    /// Where the optimizer's scalars of attack step `j` begin.
    pub fn attack(&self, j: usize) -> usize {
        Optimizer::SCALARS.len() * j
    }

    /// Where the optimizer's scalars of classifier step `i` begin.
    pub fn classifier(&self, i: usize) -> usize {
        self.attack(self.round.attack + i)
    }

    /// Where the scalar `name` of `owner`, a term or the dropout, stands.
    ///
    /// # Errors
    /// One that is not on the line.
    pub fn place(&self, owner: &str, name: &str) -> Result<usize> {
        let at = self.held.iter().position(|held| *held == (owner, name)).ok_or_else(|| {
            Error::graph("line of scalars")
                .expected(format!("{:?}", self.held))
                .found(format!("{owner}, {name}"))
        })?;
        Ok(self.classifier(self.round.classifier) + at)
    }

    /// The line, `[1, …]`.
    pub fn tensor(&self) -> Tensor {
        Tensor::f32(1, self.classifier(self.round.classifier) + self.held.len())
    }
}
