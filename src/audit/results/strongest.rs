//! The strongest of all that the attacks found on a model, with intervals that know that it was chosen.
//!
//! Not the attacks' own results ([`super::attacks`]): an attack's own 95% interval is that of one attack alone.

use serde::{Deserialize, Serialize};

/// The strongest evidence of a leak. Of K attacks there are 2K numbers to choose from, an accuracy and an AUC
/// each; the largest of them is above ½ by accident far more often than in 2.5% of audits. The intervals here
/// cover all 2K numbers together with 95% confidence, so whichever is chosen is covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strongest {
    /// Whose number it is.
    pub attack: String,
    /// Which of its numbers.
    pub metric: Metric,
    /// As in the attack's result.
    pub value: f64,
    /// The simultaneous 95% interval: the highest lower end of all.
    pub ci95: [f64; 2],
    /// The highest accuracy.
    pub by_accuracy: BestOfMetric,
    /// The largest AUC.
    pub by_auc: BestOfMetric,
    /// Numbers that were compared: 2K.
    pub compared: usize,
    /// How many standard errors the simultaneous intervals reach to either side, in the place of 1.96.
    pub critical_value: f64,
    /// How it was chosen, in a sentence.
    pub chosen: String,
}

/// The attack that is best by one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BestOfMetric {
    pub attack: String,
    pub value: f64,
    /// The simultaneous 95% interval, as [`Strongest::ci95`].
    pub ci95: [f64; 2],
}

/// A number by which attacks are compared; 0.5 is guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    Accuracy,
    Auc,
}
