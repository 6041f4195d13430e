//! What a run is: what was asked for ([`config`], [`preset`]), the directory that holds what came of it
//! ([`directory`], [`model_file`], [`predictions`]) and the program that works on it (`lease`), and what is told
//! while it goes on ([`event`], `ledger`), and which part of it is a program's ([`shard`]).
//!
//! Not the running of it: that is [`crate::train`]'s and [`crate::audit`]'s, and [`crate::experiment`] has
//! the function that does both.

pub mod config;
pub mod directory;
pub mod event;
mod lease;
pub(crate) mod ledger;
pub mod model_file;
pub mod predictions;
pub mod preset;
pub mod shard;

pub use directory::RunDirectory;
