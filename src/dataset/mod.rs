//! Data sets: files of any supported format, or synthetic records, checked and packed; and their splits
//! into members, reference and test records.
//!
//! Not on the GPU, and not shuffled or batched: that is training's.
//!
//! | what | where |
//! |---|---|
//! | records in memory | `records`, `features`, `encoding`, `standardization` |
//! | reading | `load`, `options`, [`formats`], `labels` |
//! | records in the encoding of others | `recode` |
//! | made-up records | `synthetic` |
//! | who is a member | `split` |

mod encoding;
mod features;
pub mod formats;
mod labels;
mod load;
mod options;
mod recode;
mod records;
mod split;
mod standardization;
mod synthetic;

pub use crate::ops::Image;
pub use encoding::{ColumnKind, Columns, Encoding};
pub use features::Features;
pub use formats::{arrays, npy, npz};
pub use load::load;
pub use options::{LabelColumn, LoadOptions};
pub use records::{Dataset, DatasetSummary};
pub use split::{Split, load_splits, save_splits};
pub use standardization::Standardization;
pub use synthetic::{Synthetic, synthetic};
