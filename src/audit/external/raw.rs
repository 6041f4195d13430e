//! A file of predictions as it stands, before it is understood.
//!
//! Not its reading (`arrays`, `table`), nor what the numbers are (`inspect`).

use super::shadows::ShadowFile;
use crate::audit::attacks::scores::OutputForm;
use std::path::Path;

/// Names of arrays and columns.
pub(super) const LABELS: [&str; 7] = ["labels", "label", "targets", "target", "y", "Y", "classes"];
pub(super) const MEMBERSHIP: [&str; 6] =
    ["membership", "member", "members", "is_member", "is_train", "in_training"];
pub(super) const SUBGROUPS: [&str; 3] = ["subgroup", "subgroups", "group"];
pub(super) const ROWS: [&str; 4] = ["rows", "row", "ids", "id"];

/// What stands in a file.
pub(super) struct RawPredictions {
    /// The file, for messages and as a name.
    pub(super) place: String,
    pub(super) name: String,
    /// \[N, C\], of several augmented copies the first.
    pub(super) outputs: Vec<f32>,
    /// \[N, A, C\] where there are several.
    pub(super) augmented: Option<Vec<f32>>,
    /// A.
    pub(super) augmentations: usize,
    /// C.
    pub(super) classes: usize,
    /// What the outputs' name says that they are, and that name.
    pub(super) declared: Option<OutputForm>,
    pub(super) outputs_name: String,
    /// \[N\].
    pub(super) labels: Vec<i64>,
    /// \[N\], as written.
    pub(super) membership: Membership,
    pub(super) subgroups: Option<Vec<String>>,
    pub(super) persons: Option<Vec<String>>,
    pub(super) rows: Option<Vec<u32>>,
    pub(super) shadows: Option<ShadowFile>,
    /// What is already known of the file.
    pub(super) found: Vec<String>,
}

/// Membership as it is written.
pub(super) enum Membership {
    Numbers(Vec<i64>),
    /// Each record's place among the distinct texts.
    Text(Vec<u32>, Vec<String>),
}

/// The file's name without its ending.
pub(super) fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
