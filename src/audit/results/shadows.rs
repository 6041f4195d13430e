//! What the attacks by shadow models stood on: how many models and records, and what was estimated from them.
//!
//! Not what they found ([`super::attacks`]), nor how it is estimated (`describe_shadows`).

use serde::{Deserialize, Serialize};

/// The shadow models of one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ShadowSummary {
    /// How many shadow models.
    pub models: usize,
    /// Records that at least one of them was trained on.
    pub pool: usize,
    /// Records of RMIA's population.
    pub rmia_population: usize,
    /// γ of RMIA.
    pub rmia_gamma: f64,
    /// a of `rmia_offline`.
    pub rmia_a: f64,
    /// a of `rmia_offline_tuned`, chosen on the shadow models; `null` where they are too few.
    pub rmia_a_tuned: Option<f64>,
    /// How LiRA's variances of a record's φ are shrunk, under models trained with the record; `null` where no record
    /// has two such models.
    pub lira_with: Option<Shrinkage>,
    /// The same of models trained without it.
    pub lira_without: Option<Shrinkage>,
}

/// What a record's variance is shrunk towards, and how much ([`crate::audit::attacks::variances`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Shrinkage {
    /// How many models the others' variances are worth (d₀, in degrees of freedom); `null`: all records share one
    /// variance.
    pub strength: Option<f64>,
    /// The variance of φ that a record without models of its own would have (s₀²).
    pub variance: f64,
}
