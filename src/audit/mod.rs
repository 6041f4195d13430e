//! Membership-inference attacks and the honest measurement of what they find.
//!
//! Not training: an attack here reads predictions (or trains its own network on them) and never
//! touches the classifier. A score is always "higher = more member-like".
//!
//! The way through: a run's directory ([`run`]) or another program's file ([`external`]) → [`evidence`] →
//! [`attacks::ALL`] → [`carry_out`] → [`results`].

pub mod attacks;
mod carry_out;
pub mod evidence;
pub mod external;
mod job;
pub mod logistic;
pub mod outputs;
mod own_run;
pub mod persons;
pub mod results;
pub mod shadows;
mod sharded;
mod work;

pub use carry_out::{Audit, carry_out};
pub use job::AuditJob;
pub use own_run::run;
pub use sharded::{plan_shards, train_shard};
pub use work::{PlannedRun, work};
