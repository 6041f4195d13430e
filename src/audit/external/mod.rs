//! The audit of any model: its predictions in a file, whoever trained it.
//!
//! Not the attacks, which are those on our own models. Nothing here is guessed: what the file leaves open is
//! an error that names the flag to set, and what was found is reported.
//!
//! `arrays` and `table` read the file, `inspect` finds out what its numbers are, `shadows` reads shadow
//! models' outputs one model at a time, `case` makes evidence of it all.
//!
//! | array (or CSV column) | shape | holds |
//! |---|---|---|
//! | `logits` or `probabilities` (`logit_0`…, `p_0`…) | \[N, C\] or \[N, A, C\] (A copies) | the outputs |
//! | `labels` (`label`) | \[N\] | the true classes, from 0 or from 1 |
//! | `membership` | \[N\] | 1 member, 0 not; 2 of the reference set D′ |
//! | `subgroup` | \[N\] | optional: a group to be told apart |
//! | `rows` (`row`) | \[N\] | optional: the records' numbers |
//! | `shadow_logits` | \[M, N, C\] or \[M, N, A, C\] | optional: M shadow models' outputs |
//! | `shadow_scores` | \[M, N\] or \[M, N, A\] | in their place: φ |
//! | `shadow_keep` | \[M, N\] | which of the N each of them was trained on |

mod arrays;
mod case;
mod inspect;
mod options;
mod raw;
mod shadows;
mod shape;
mod table;

pub use inspect::ExternalPredictions;
pub use options::Options;

use crate::dataset::arrays::Arrays;
use crate::error::Result;
use shadows::ShadowFile;
use std::path::Path;

/// Reads the predictions in the file or directory `path`.
///
/// # Errors
/// A missing or damaged file, a pickle; arrays that are missing or do not fit each other; whatever the
/// numbers leave open, with the flag that settles it.
pub fn read(path: &Path, options: &Options) -> Result<ExternalPredictions> {
    let mut raw = match Arrays::open(path, options.max_bytes)? {
        Some(arrays) => arrays::read(path, arrays, options)?,
        None => table::read(path, options)?,
    };
    if let Some(path) = &options.shadows {
        raw.shadows = Some(ShadowFile::open(path, options.max_bytes)?);
    }
    inspect::inspect(raw, options)
}
