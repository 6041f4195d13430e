//! Training: a configuration and a data set in, a run directory out.
//!
//! | what | where |
//! |---|---|
//! | what is trained | [`recipe`], its loss in [`terms`] |
//! | which records when, at which rate | `batches`, [`schedule`], `rate`, [`line`](mod@line), `tape` |
//! | the graph of a round | [`game`] |
//! | the loop on the GPU | [`steps`], `pace` |
//! | replicas on the GPU, epoch by epoch | [`cohort`], `snapshot`, [`evaluate`], `referee` |
//! | what a private training guarantees | [`privacy`] |
//! | the data on the GPU | [`resident`] |
//! | the run | `run`, `splits`, `checkpoint`, `groups`, `finished`, `reporter` |
//! | its replicas in parts, by several programs | [`parts`], what they will take `cost` |
//!
//! What was asked for and what is kept is [`crate::run`].

mod attack_pace;
mod batches;
mod blocks;
mod checkpoint;
mod class_weights;
pub mod cohort;
mod cost;
pub mod evaluate;
mod finished;
pub mod game;
mod groups;
pub mod line;
mod model;
mod pace;
pub mod parts;
pub mod privacy;
mod rate;
pub mod recipe;
mod referee;
mod reporter;
pub mod resident;
mod round;
mod run;
pub mod schedule;
mod snapshot;
mod splits;
pub mod steps;
pub(crate) mod tape;
pub mod terms;
mod work;

pub use attack_pace::AttackPace;
pub use batches::Batches;
pub use checkpoint::{Stretch, kept};
pub use cohort::Cohort;
pub use cost::PartCost;
pub use model::Model;
pub use pace::Pace;
pub use parts::PartedRun;
pub use rate::Rate;
pub use recipe::Recipe;
pub(crate) use run::cohort_size;
pub use run::{Job, Outcome, Part, run};
pub use schedule::Schedule;
pub use snapshot::Snapshot;
pub use splits::{load, load_again};
pub use work::{PlannedTraining, plan};
