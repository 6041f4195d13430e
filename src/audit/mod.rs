//! Membership-inference attacks and the honest measurement of what they find.
//!
//! Not training: an attack here reads predictions (or trains its own network on them) and never
//! touches the classifier. A score is always "higher = more member-like".
//!
//! The way through: [`Predictions`](attacks::scores::Predictions) → [`attacks`] →
//! [`Halves`](crate::statistics::halves::Halves) (what the attacker knows, what is scored) → [`results`].

pub mod attacks;
pub mod external;
pub mod results;
mod run;
pub mod shadows;
pub mod subject;
mod work;

pub use run::{Job, run};
pub use work::{PlannedRun, work};

/// Every attack that an audit may run, by its name in results.
pub const ATTACKS: [&str; 14] = [
    "gap",
    "confidence",
    "confidence_per_class",
    "entropy",
    "entropy_per_class",
    "modified_entropy",
    "modified_entropy_per_class",
    "neural",
    "label_only",
    "shadow_model",
    "lira_online",
    "lira_offline",
    "rmia_online",
    "rmia_offline",
];
