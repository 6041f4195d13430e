//! What leaves: a trained classifier that is asked again ([`predict`]), and what of its outputs is shown
//! ([`outputs`]).

pub mod outputs;
pub mod predict;
