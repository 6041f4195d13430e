//! What an audit found, and how it is kept.

pub mod attacks;
pub mod check;
pub mod describe;
pub mod details;
mod files;
pub mod gate;
pub mod notes;
pub mod older;
pub mod score_file;
pub mod subgroups;
pub mod summary;
