//! Statistics of attacks: numbers in, numbers out.
//!
//! Not where the numbers come from: scores are the audit's.

pub mod bootstrap;
pub mod calibration;
pub mod epsilon;
pub mod halves;
pub mod intervals;
pub mod judgment;
pub mod levels;
pub mod roc;
pub mod thresholds;
