//! The scores of an attack on one model, with the direction and the threshold that the known half teaches.
//!
//! Not how they come about, nor what they are worth ([`crate::statistics::judgment`]).

use crate::error::Result;
use crate::statistics::halves::Halves;
use crate::statistics::judgment::{self, AttackResult, CurveRecords, Terms};
use crate::statistics::roc::Roc;
use crate::statistics::thresholds;

/// What is said of a score that is used against its definition.
const REVERSED: &str = "reversed: members have the lower scores beyond chance, so the negative score is used";

/// The scores of one attack, and which records they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// `neural`, `confidence_per_class`, ….
    pub name: String,
    /// Indices into the members and into the non-members.
    pub records: Halves<u32>,
    /// Of the same records; higher = more member-like, infinities included.
    pub scores: Halves,
    /// The attack says "member" of a score of at least this.
    pub threshold: f64,
    /// Whether the known half taught the scores themselves, as it does where a network is trained on it or a
    /// class has a threshold of its own.
    pub learns: bool,
    /// Whether `scores` are the negative of the attack's definition ([`thresholds::oriented`]).
    pub reversed: bool,
}

impl Scored {
    /// The scores of `members` and `nonmembers` at `records`, in the direction that they have, with the
    /// threshold that is best on the known half, which taught them nothing else.
    ///
    /// # Errors
    /// As [`thresholds::oriented`].
    ///
    /// # Panics
    /// `records` with an index past the end of its group.
    pub fn new(name: &str, records: &Halves<u32>, members: &[f64], nonmembers: &[f64]) -> Result<Self> {
        let (scores, reversed) = thresholds::oriented(records.pick(members, nonmembers))?;
        let threshold = thresholds::best_threshold(&scores)?;
        let (name, records) = (name.to_owned(), records.clone());
        Ok(Scored { name, records, scores, threshold, learns: false, reversed })
    }

    /// These scores less a threshold a class ([`thresholds::per_class`]), by the labels of the same records.
    ///
    /// # Errors
    /// As [`thresholds::per_class`].
    pub fn per_class(self, labels: &Halves<u32>) -> Result<Self> {
        let scores = thresholds::per_class(&self.scores, labels)?;
        Ok(Scored { scores, threshold: 0.0, learns: true, ..self })
    }

    /// ½(TPR + TNR) on the scored half.
    ///
    /// # Errors
    /// As [`judgment::accuracy`].
    pub fn accuracy(&self) -> Result<f64> {
        judgment::accuracy(&self.scores, self.threshold)
    }

    /// Which records its AUC, TPR and TNR stand on.
    pub fn curve_records(&self) -> CurveRecords {
        if self.learns { CurveRecords::Scored } else { CurveRecords::All }
    }

    /// The curve that its AUC, TPR and TNR are of.
    ///
    /// # Errors
    /// As [`judgment::curve`].
    pub fn curve(&self) -> Result<Roc> {
        judgment::curve(&self.scores, self.curve_records())
    }

    /// All that is reported of it.
    ///
    /// # Errors
    /// As [`judgment::judge`].
    pub fn result(&self, terms: &Terms) -> Result<AttackResult> {
        let mut result = judgment::judge(&self.scores, self.threshold, self.curve_records(), terms)?;
        result.reversed = self.reversed;
        if self.reversed {
            result.remark(REVERSED);
        }
        Ok(result)
    }
}
