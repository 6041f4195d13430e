//! The audit of any model: its predictions in a file, whoever trained it.
//!
//! Not the attacks, which are those on our own models. Nothing here is guessed: what the file leaves open is
//! an error that names the flag to set, and what was found is reported.
//!
//! `arrays` and `table` read the file, by what `names` know of its names (`header` of a table's, `sides` of
//! two sides' in one file); `labels` and `membership` find out what those mean, `outputs` what the numbers
//! are, and `inspect` puts it together; `shadows` reads shadow models' numbers one model at a time
//! (`shadow_values`: what they are), `case` makes evidence of it all. What is not read has a converter in
//! `foreign`.
//!
//! | array (or CSV column) | shape | holds |
//! |---|---|---|
//! | `logits` or `probabilities` (`logit_0`…, `p_0`…) | \[N, C\], \[N\], \[N, A, C\] (A copies) | outputs |
//! | `labels` (`label`) | \[N\], or one-hot \[N, C\] | the true classes: numbers or names |
//! | `membership` | \[N\] | 1 member, 0 not, 2 of the reference set D′; or train and test, … |
//! | `subgroup` | \[N\] | optional: a group to be told apart |
//! | `rows`, `ids` | \[N\] | optional: the records' numbers or names |
//! | `class_names` | \[C\] | optional |
//! | `shadow_logits`, `shadow_probabilities` | \[M, N, C\] or \[M, N, A, C\] | optional: of M models |
//! | `shadow_scores` | \[M, N\] or \[M, N, A\] | in their place: φ |
//! | `shadow_keep` | \[M, N\] | which of the N each of them was trained on |
//!
//! Members and others may be in two files ([`read_sides`]), or in arrays of one: `logits_train`,
//! `logits_test`, ….

mod arrays;
mod case;
mod column;
mod foreign;
mod header;
mod inspect;
mod labels;
mod membership;
mod names;
mod options;
mod outputs;
mod raw;
mod shadow_values;
mod shadows;
mod shape;
mod sides;
mod table;

pub use inspect::ExternalPredictions;
pub use names::Role;
pub use options::Options;
pub use shadow_values::ShadowValues;

use crate::dataset::arrays::Arrays;
use crate::error::Result;
use raw::RawPredictions;
use shadows::ShadowFile;
use std::path::Path;

/// Reads the predictions in the file or directory `path`.
///
/// # Errors
/// A missing or damaged file, one of another kind, with a command that converts it; arrays that are missing
/// or do not fit each other; whatever the numbers leave open, with the flag that settles it; more than there
/// is memory for.
pub fn read(path: &Path, options: &Options) -> Result<ExternalPredictions> {
    let raw = raw(path, options, false)?;
    complete(raw, options)
}

/// Reads the predictions on members and those on others, which are in two files.
///
/// # Errors
/// As [`read`]; outputs of different kinds.
pub fn read_sides(members: &Path, others: &Path, options: &Options) -> Result<ExternalPredictions> {
    let joined = RawPredictions::join(raw(members, options, true)?, raw(others, options, true)?)?;
    complete(joined, options)
}

/// With shadow models' predictions that are in another place.
fn complete(mut raw: RawPredictions, options: &Options) -> Result<ExternalPredictions> {
    if let Some(path) = &options.shadows {
        let file = ShadowFile::open(path, options)?;
        raw.found.extend(file.found.clone());
        raw.shadows = Some(file);
    }
    inspect::inspect(raw, options)
}

fn raw(path: &Path, options: &Options, one_side: bool) -> Result<RawPredictions> {
    foreign::refuse(path)?;
    match Arrays::open(path, options.max_bytes)? {
        Some(arrays) => arrays::read(path, arrays, options, one_side),
        None => table::read(path, options, one_side),
    }
}
