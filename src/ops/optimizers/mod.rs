//! One step along a gradient, and what makes a gradient private before it.

pub(super) mod adam;
pub(super) mod adam_ones;
pub(super) mod clip_rows;
pub(super) mod noise;
pub(super) mod record_norm;
pub(super) mod sgd;
