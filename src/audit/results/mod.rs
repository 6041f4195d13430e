//! What an audit found, and how it is kept.

pub mod attacks;
pub(crate) mod check;
pub(crate) mod describe;
pub(crate) mod describe_shadows;
pub mod details;
mod files;
pub mod gate;
pub mod ladder;
pub(crate) mod masked;
pub(crate) mod notes;
pub mod older;
pub mod per_person;
pub mod records;
pub mod score_file;
pub mod shadows;
pub mod strongest;
pub mod subgroups;
pub mod summary;
pub mod utility;
pub mod worst_group;
