//! Data sets: files of any supported format, or synthetic records, checked and packed; and their splits
//! into members, reference and test records.
//!
//! Not on the GPU, and not shuffled or batched: that is training's.
//!
//! | what | where |
//! |---|---|
//! | records in memory | `records`, `features`, `standardization` |
//! | what columns are, and how they become features | `schema`, `table` |
//! | reading | `load`, `options`, [`formats`], `labels` |
//! | records that a model is asked about | `query` |
//! | made-up records | `synthetic` |
//! | who is a member | `split` |
//! | whether data are still the same | `fingerprint` |

mod features;
mod fingerprint;
pub mod formats;
mod labels;
mod load;
mod options;
mod query;
mod records;
mod schema;
mod split;
mod standardization;
mod synthetic;
mod table;

pub use crate::ops::Image;
pub use features::Features;
pub use fingerprint::Fingerprint;
pub use formats::{arrays, npy, npz};
pub use load::{load, load_for};
pub use options::{LabelColumn, LoadOptions, MissingRecords};
pub use query::{Query, query};
pub use records::{Dataset, DatasetSummary};
pub use schema::{ColumnKind, Columns, LEAST_MEMBERS, LabelColumnSchema, Missing, OTHER, Schema};
pub use split::{Split, load_splits, save_splits};
pub use standardization::Standardization;
pub use synthetic::{Synthetic, synthetic};
pub use table::encode::Unread;
