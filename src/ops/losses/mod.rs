//! What is optimized, and what is counted of it: scalars from a batch of outputs.

pub(super) mod counters;
pub(super) mod cross_entropy;
pub(super) mod membership_gain;
pub(super) mod output_penalty;
