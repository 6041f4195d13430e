//! The scores of an attack on one model, with the threshold that the known half teaches.
//!
//! Not how they come about, nor what they are worth ([`crate::statistics::judgment`]).

use crate::error::Result;
use crate::statistics::halves::Halves;
use crate::statistics::judgment::{self, AttackResult, Terms};
use crate::statistics::thresholds;

/// The scores of one attack, and which records they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// `neural`, `confidence_per_class`, ….
    pub name: String,
    /// Indices into the members and into the non-members.
    pub records: Halves<u32>,
    /// Of the same records.
    pub scores: Halves,
    /// The attack says "member" of a score of at least this.
    pub threshold: f64,
}

impl Scored {
    /// The scores of `members` and `nonmembers` at `records`, with the threshold that is best on the known
    /// half.
    ///
    /// # Errors
    /// As [`thresholds::best_threshold`].
    ///
    /// # Panics
    /// `records` with an index past the end of its group.
    pub fn new(name: &str, records: &Halves<u32>, members: &[f64], nonmembers: &[f64]) -> Result<Self> {
        let scores = records.pick(members, nonmembers);
        let threshold = thresholds::best_threshold(&scores)?;
        Ok(Scored { name: name.to_owned(), records: records.clone(), scores, threshold })
    }

    /// These scores less a threshold a class ([`thresholds::per_class`]), by the labels of the same records.
    ///
    /// # Errors
    /// As [`thresholds::per_class`].
    pub fn per_class(self, labels: &Halves<u32>) -> Result<Self> {
        Ok(Scored { scores: thresholds::per_class(&self.scores, labels)?, threshold: 0.0, ..self })
    }

    /// ½(TPR + TNR) on the scored half.
    ///
    /// # Errors
    /// As [`judgment::accuracy`].
    pub fn accuracy(&self) -> Result<f64> {
        judgment::accuracy(&self.scores, self.threshold)
    }

    /// All that is reported of it.
    ///
    /// # Errors
    /// As [`judgment::judge`].
    pub fn result(&self, terms: &Terms) -> Result<AttackResult> {
        judgment::judge(&self.scores, self.threshold, terms)
    }
}
