//! A file of predictions as it stands, before it is understood.
//!
//! Not its reading (`arrays`, `table`), nor what the numbers are (`inspect`).

use super::column::{Column, Ids};
use super::shadows::ShadowFile;
use crate::audit::outputs::{OutputForm, OutputValues};
use crate::error::{Error, Result};
use std::path::Path;

/// What stands in a file.
pub(super) struct RawPredictions {
    /// The file, for messages and as a name.
    pub(super) place: String,
    pub(super) name: String,
    /// \[N, C\], of several augmented copies the first.
    pub(super) outputs: OutputValues,
    /// Half the distance from 1 to the next number of the type in which they were stored.
    pub(super) half_ulp: f64,
    /// \[N, A, C\] where there are several.
    pub(super) augmented: Option<OutputValues>,
    /// A.
    pub(super) augmentations: usize,
    /// C; 1 where the outputs are one column, of class 1 of two.
    pub(super) classes: usize,
    /// What the outputs' name says that they are, and that name.
    pub(super) declared: Option<OutputForm>,
    pub(super) outputs_name: String,
    /// By class, where the file names them.
    pub(super) class_names: Option<Vec<String>>,
    /// \[N\], as written.
    pub(super) labels: Column,
    /// Where labels were a row of zeros and a one each: how to audit outputs of several labels a record.
    pub(super) several_labels: Option<String>,
    /// \[N\], as written; `None` where the file is of one side, or lacks it.
    pub(super) membership: Option<Column>,
    pub(super) subgroups: Option<Column>,
    pub(super) persons: Option<Column>,
    pub(super) rows: Option<Ids>,
    pub(super) shadows: Option<ShadowFile>,
    /// What is already known of the file.
    pub(super) found: Vec<String>,
}

impl RawPredictions {
    /// The predictions of `members` and of `others`, which come apart, as one file's.
    ///
    /// # Errors
    /// Outputs of another number of classes, or of another kind.
    pub(super) fn join(members: RawPredictions, others: RawPredictions) -> Result<Self> {
        let unlike = |expected: String, found: String| {
            Err(Error::data(format!("{}, {}", others.place, others.outputs_name))
                .expected(format!("{expected}, as in {}, {}", members.place, members.outputs_name))
                .found(found))
        };
        if members.classes != others.classes {
            return unlike(format!("{} classes", members.classes), others.classes.to_string());
        }
        if members.declared != others.declared {
            return unlike(format!("{:?}", members.declared), format!("{:?}", others.declared));
        }
        if members.class_names != others.class_names {
            return unlike(format!("{:?}", members.class_names), format!("{:?}", others.class_names));
        }
        if members.augmentations > 1 || others.augmentations > 1 {
            return unlike("one copy of each record".to_owned(), "several augmented copies".to_owned());
        }
        let both = |own: usize, other: usize| [vec![1; own], vec![0; other]].concat();
        let membership = both(members.labels.len(), others.labels.len());
        let optional = |own: Option<Column>, other: Option<Column>| Some(own?.then(other?));
        Ok(RawPredictions {
            outputs: join_values(members.outputs, others.outputs),
            half_ulp: members.half_ulp.max(others.half_ulp),
            labels: members.labels.then(others.labels),
            membership: Some(Column::Numbers(membership)),
            subgroups: optional(members.subgroups, others.subgroups),
            persons: optional(members.persons, others.persons),
            rows: members.rows.zip(others.rows).map(|(own, other)| own.then(other)),
            found: [members.found, others.found].concat(),
            shadows: None,
            ..members
        })
    }
}

fn join_values(members: OutputValues, others: OutputValues) -> OutputValues {
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<f64>>();
    match (members, others) {
        (OutputValues::F32(mut own), OutputValues::F32(other)) => {
            own.reserve_exact(other.len());
            own.extend(other);
            OutputValues::F32(own)
        }
        (OutputValues::F64(mut own), OutputValues::F64(other)) => {
            own.reserve_exact(other.len());
            own.extend(other);
            OutputValues::F64(own)
        }
        (OutputValues::F32(own), other) => join_values(OutputValues::F64(wide(own)), other),
        (own, OutputValues::F32(other)) => join_values(own, OutputValues::F64(wide(other))),
    }
}

/// The file's name without its endings.
pub(super) fn name(path: &Path) -> String {
    crate::dataset::formats::data_set(path)
}
