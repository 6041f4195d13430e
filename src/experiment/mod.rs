//! Runs carried out ([`run`]), and the paper's tables: a table of the paper is a list of runs, and what came
//! of them beside what was published.
//!
//! Not training and not an audit: a table that is asked for ([`request`]) takes runs ([`tables`]), which are
//! found finished or carried out ([`runs`]), and is made of their summaries (`measure`), all of it by
//! [`reproduce()`]. What a table looks like is the report's.
//!
//! ```text
//! Table × data set → tables → configurations and rows → runs → summaries → measure → Comparison
//! ```

pub(crate) mod measure;
pub mod published;
mod reproduce;
pub mod request;
pub mod run;
pub mod runs;
mod sharded;
pub mod table;
pub mod tables;
mod wanted;

pub use reproduce::reproduce;
pub use request::{DataRequest, ReproductionJob, Request, Setup};
pub use sharded::{plan_shards, train_shard};
pub use table::Table;
