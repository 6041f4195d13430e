//! Membership-inference attacks and the honest measurement of what they find.
//!
//! Not training: an attack here reads predictions (or trains its own network on them) and never
//! touches the classifier. A score is always "higher = more member-like".
//!
//! The way through: [`Predictions`] → [`scores`] → [`Halves`] (what the attacker knows, what is
//! scored) → [`evaluate`] → [`AttackResult`].

pub mod blind;
pub mod bootstrap;
pub mod describe;
pub mod details;
pub mod epsilon;
pub mod external;
mod files;
pub mod gate;
pub mod halves;
pub mod intervals;
pub mod label_only;
pub mod levels;
pub mod lira;
pub mod neural;
pub mod result;
pub mod risk;
pub mod rmia;
pub mod roc;
mod run;
pub mod score_file;
pub mod scores;
pub mod shadow_model;
pub mod shadows;
pub mod subgroups;
pub mod subject;
pub mod summary;
pub mod threshold;

pub use halves::Halves;
pub use result::{AttackResult, Intervals, Terms};
pub use run::{Job, run};
pub use scores::Predictions;
pub use subject::Subject;
pub use threshold::{Scored, evaluate, threshold_attacks};

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
