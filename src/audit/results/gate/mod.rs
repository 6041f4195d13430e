//! The gate: conditions on an audit's numbers that stop a pipeline whose model leaks.
//!
//! Not the audit: it is over, printed and written when these are looked at.

mod condition;
pub(crate) mod junit;
mod path;
pub mod policy;
mod subject;

pub use condition::Condition;

use std::path::Path;

use super::details::Details;
use super::summary::Summary;
use crate::error::{Error, Kind, Result};

/// What came of a condition for one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It does not hold: nothing is wrong.
    Passed,
    /// It holds: the audit fails.
    Failed,
    /// Nobody can say: the number is not known, its control failed, or its interval is on both sides.
    Inconclusive,
}

/// A condition judged by one number of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The condition, as it was typed.
    pub condition: String,
    /// Whose number: `replica 1: neural.accuracy`.
    pub number: String,
    /// What came of it.
    pub outcome: Outcome,
    /// What is so: `is 0.700000`.
    pub finding: String,
    /// Why the condition is there, in its author's words; may be empty.
    pub reason: String,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.condition, self.number, self.finding)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " ({})", self.reason) }
    }
}

/// Conditions that are looked at together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gate {
    /// In the order in which they were given.
    pub conditions: Vec<Condition>,
}

impl Gate {
    /// The conditions typed one by one, then those of the policy file, if there is one.
    ///
    /// # Errors
    /// As [`Condition::parse`] and [`policy::read`].
    pub fn new(typed: &[String], policy: Option<&Path>) -> Result<Self> {
        let mut conditions = typed.iter().map(|text| Condition::parse(text)).collect::<Result<Vec<_>>>()?;
        if let Some(path) = policy {
            conditions.extend(policy::read(path)?);
        }
        Ok(Gate { conditions })
    }

    /// What comes of every condition, for every number that it is about.
    ///
    /// # Errors
    /// None for the numbers and texts of an audit.
    pub fn judge(&self, summary: &Summary, details: &Details) -> Result<Vec<Verdict>> {
        let judged = self.conditions.iter().map(|condition| condition.judge(summary, details));
        Ok(judged.collect::<Result<Vec<_>>>()?.concat())
    }
}

/// Whether the audit passes.
///
/// # Errors
/// [`Kind::Gate`] where a condition holds, with all that was inconclusive beside it;
/// [`Kind::Inconclusive`] where none holds and one cannot be judged.
pub fn enforce(verdicts: &[Verdict]) -> Result<()> {
    let of = |outcome: Outcome| -> Vec<String> {
        let found = verdicts.iter().filter(|verdict| verdict.outcome == outcome);
        found.map(Verdict::to_string).collect()
    };
    let (failed, inconclusive) = (of(Outcome::Failed), of(Outcome::Inconclusive));
    let listed = inconclusive.join("\n  ");
    match (failed.is_empty(), inconclusive.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(Error::new(Kind::Inconclusive, "the gate is inconclusive").found(listed)),
        (false, true) => Err(Error::new(Kind::Gate, "the gate fails").found(failed.join("\n  "))),
        (false, false) => Err(Error::new(Kind::Gate, "the gate fails")
            .found(format!("{}\n  inconclusive besides:\n  {listed}", failed.join("\n  ")))),
    }
}
