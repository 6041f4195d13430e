//! Statistics of attacks: numbers in, numbers out.
//!
//! Not where the numbers come from: scores are the audit's.

pub mod calibration;
pub mod ellipse;
pub mod epsilon;
pub mod halves;
pub mod intervals;
pub mod judgment;
pub mod levels;
pub mod operating_point;
pub mod paired;
pub mod quantiles;
pub mod roc;
pub mod simultaneous;
pub mod thresholds;
