//! The audit of any model: its predictions in a file, whoever trained it.
//!
//! Not the attacks, which are those on our own models. Nothing here is guessed: what the file leaves open is an
//! error that names the flag to set, and what was found is said.
//!
//! `raw` reads the file, `inspect` finds out what its numbers are, `shadows` hears what shadow models say,
//! `audit` runs the attacks.
//!
//! | array (or CSV column) | shape | holds |
//! |---|---|---|
//! | `logits` or `probabilities` (`logit_0`…, `p_0`…) | \[N, C\], or \[N, A, C\] of A augmented copies | the outputs |
//! | `labels` (`label`) | \[N\] | the true classes, from 0 or from 1 |
//! | `membership` | \[N\] | 1 member, 0 not; 2 of the reference set D′ |
//! | `subgroup` | \[N\] | optional: a group to be told apart |
//! | `rows` (`row`) | \[N\] | optional: the records' numbers |
//! | `shadow_logits` or `shadow_scores` | \[M, N, C\] or \[M, N, A, C\]; \[M, N\] or \[M, N, A\] | optional: M shadow models' |
//! | `shadow_keep` | \[M, N\] | which of the N each of them was trained on |

mod audit;
mod inspect;
mod raw;
mod shadows;
mod table;

pub use audit::{Job, run};
pub use inspect::External;

use super::attacks::scores::Form;
use crate::error::Result;
use std::path::{Path, PathBuf};

/// What a person may say about a file that would otherwise be detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the outputs are. Default: told from the numbers, and the arrays' name.
    pub form: Option<Form>,
    /// What labels count from, 0 or 1. Default: told from the labels, where they leave no doubt.
    pub label_base: Option<u32>,
    /// The value of membership that means "member". Default: 1, true, member, train or in, unless the model does
    /// better on the others.
    pub member_value: Option<String>,
    /// Divide every row of probabilities by its sum. Default: rows must sum to 1 within 0.01.
    pub normalise: bool,
    /// The array or column of groups. Default: `subgroup`, if it is there.
    pub subgroups: Option<String>,
    /// Shadow models' predictions in a place of their own: a file with the arrays above, or the directory of LiRA's
    /// authors, `experiment-…/keep.npy` with `scores/` or `logits/` beside it.
    pub shadows: Option<PathBuf>,
    /// Most bytes that an array may inflate to. Default 4 GiB.
    pub max_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            form: None,
            label_base: None,
            member_value: None,
            normalise: false,
            subgroups: None,
            shadows: None,
            max_bytes: 4 << 30,
        }
    }
}

/// Reads the predictions in the file or directory `path`.
///
/// # Errors
/// A missing or damaged file, a pickle; arrays that are missing or do not fit each other; whatever the numbers leave
/// open, with the flag that settles it.
pub fn read(path: &Path, options: &Options) -> Result<External> {
    inspect::inspect(raw::read(path, options)?, options)
}
