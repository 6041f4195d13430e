//! What a person may say about a file of predictions.
//!
//! Not what is found in it (`inspect`).

use crate::audit::attacks::scores::OutputForm;
use std::path::PathBuf;

/// What a person may say about a file that would otherwise be detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the outputs are. Default: told from the numbers, and the arrays' name.
    pub form: Option<OutputForm>,
    /// What labels count from, 0 or 1. Default: told from the labels, where they leave no doubt.
    pub label_base: Option<u32>,
    /// The value of membership that means "member". Default: 1, true, member, train or in, unless the model
    /// does better on the others.
    pub member_value: Option<String>,
    /// Divide every row of probabilities by its sum. Default: rows must sum to 1 within 0.01.
    pub normalise: bool,
    /// The array or column of groups. Default: `subgroup`, if it is there.
    pub subgroups: Option<String>,
    /// The array or column that names the person a record is of. Default: persons are not told apart.
    pub persons: Option<String>,
    /// Shadow models' predictions in a place of their own: a file with the arrays above, or the directory of
    /// LiRA's authors, `experiment-…/keep.npy` with `scores/` or `logits/` beside it.
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
            persons: None,
            shadows: None,
            max_bytes: 4 << 30,
        }
    }
}
