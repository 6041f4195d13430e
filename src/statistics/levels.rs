//! Rates at fixed error levels: what an attack finds when it must hardly ever be wrong.

use serde::{Deserialize, Serialize};

/// The error rates at which the other error's complement is reported.
pub const LEVELS: [f64; 3] = [0.0001, 0.001, 0.01];

/// True-positive rates (or their intervals) at the largest false-positive rate up to each of [`LEVELS`];
/// `None` where α · non-members < 10.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TprAtFpr<T> {
    /// At a false-positive rate of at most 0.0001.
    #[serde(rename = "tpr_at_fpr_0.0001")]
    pub at_0_0001: Option<T>,
    /// At a false-positive rate of at most 0.001.
    #[serde(rename = "tpr_at_fpr_0.001")]
    pub at_0_001: Option<T>,
    /// At a false-positive rate of at most 0.01.
    #[serde(rename = "tpr_at_fpr_0.01")]
    pub at_0_01: Option<T>,
}

/// True-negative rates (or their intervals) at the largest false-negative rate up to each of [`LEVELS`]:
/// how many records an attacker clears who may hardly ever clear a member. `None` where α · members < 10.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TnrAtFnr<T> {
    /// At a false-negative rate of at most 0.0001.
    #[serde(rename = "tnr_at_fnr_0.0001")]
    pub at_0_0001: Option<T>,
    /// At a false-negative rate of at most 0.001.
    #[serde(rename = "tnr_at_fnr_0.001")]
    pub at_0_001: Option<T>,
    /// At a false-negative rate of at most 0.01.
    #[serde(rename = "tnr_at_fnr_0.01")]
    pub at_0_01: Option<T>,
}

impl<T> TprAtFpr<T> {
    /// `rate` at each level.
    pub fn at_each_level(mut rate: impl FnMut(f64) -> Option<T>) -> Self {
        let [at_0_0001, at_0_001, at_0_01] = LEVELS.map(&mut rate);
        TprAtFpr { at_0_0001, at_0_001, at_0_01 }
    }
}

impl<T> TnrAtFnr<T> {
    /// `rate` at each level.
    pub fn at_each_level(mut rate: impl FnMut(f64) -> Option<T>) -> Self {
        let [at_0_0001, at_0_001, at_0_01] = LEVELS.map(&mut rate);
        TnrAtFnr { at_0_0001, at_0_001, at_0_01 }
    }
}
