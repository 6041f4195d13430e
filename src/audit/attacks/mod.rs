//! The attacks.

pub mod blind;
pub mod label_only;
pub mod lira;
pub mod neural;
pub mod rmia;
pub mod scores;
pub mod shadow_model;
pub mod threshold;
