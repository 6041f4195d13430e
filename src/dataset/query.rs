//! Records that a trained model is asked about: read by its schema, with or without labels, and whatever in
//! them cannot be read left out and named.

use super::formats;
use super::formats::format::{Body, Parts};
use super::formats::names;
use super::options::LoadOptions;
use super::records::Dataset;
use super::table::encode::{Encoded, Unread};
use crate::error::{Error, Result};
use std::path::Path;

/// The records of a file that a model can be asked about.
#[derive(Debug)]
pub struct Query {
    /// Their features. The labels are zeros: [`labels`](Self::labels) has the file's own.
    pub dataset: Dataset,
    /// The place of each record among those of the file, from 0.
    pub rows: Vec<u32>,
    /// The label that the file gives each record, as written; `None` where it has no labels.
    pub labels: Option<Vec<Option<String>>>,
    /// How many categories of each record the model never saw.
    pub unseen: Vec<u32>,
    /// Columns with categories that the model never saw: its name, how many records, one of the values.
    pub unseen_columns: Vec<(String, usize, String)>,
    /// Records that cannot be read, and why.
    pub unread: Vec<Unread>,
    /// Columns of the file that the model has no use for.
    pub further: Vec<String>,
}

/// Reads the records at `path` as a model with the schema of the `options` was trained on them.
///
/// # Errors
/// A file that is no data at all; columns of the schema that it does not have.
pub fn query(path: &Path, class_names: &[String], options: &LoadOptions) -> Result<Query> {
    let schema = options.schema.clone().unwrap_or_default();
    let parts = formats::identify(path, options.max_bytes)?.read(options)?;
    let Parts { body, labels, labels_place, image, class_names: own, .. } = parts;
    let written = labels.written();
    let encoded = match body {
        Body::Encoded(encoded) => *encoded,
        Body::Matrix(features, _) => {
            let (width, wanted) = (features.width(), schema.width());
            let place = path.display().to_string();
            if width != wanted {
                return Err(Error::data(place)
                    .expected(format!("{wanted} features a record, as the model was trained on"))
                    .found(width.to_string()));
            }
            let kinds: Vec<_> = schema.each().map(|c| c.kind).collect();
            let records = features.records();
            let features = features.in_form_of(&kinds).ok_or_else(|| {
                Error::data(place).expected("0 and 1 where training had nothing else").found("other numbers")
            })?;
            Encoded::of_matrix(features, records)
        }
        Body::Table(_) => {
            return Err(Error::data(path.display().to_string())
                .expected("a model that was trained on a table")
                .found("a table for a model that was trained on arrays"));
        }
    };
    let Encoded { features, rows, labels: among, unseen, unseen_columns, unread, further } = encoded;
    if !written.is_empty() && written.len() != rows.len() + unread.len() {
        return Err(Error::data(labels_place)
            .expected(format!("{} labels, one for each record", rows.len() + unread.len()))
            .found(written.len().to_string()));
    }
    let of_file = |row: &u32| written.get(*row as usize).cloned().flatten();
    // Some formats name their classes beside the numbers that are the labels.
    let named =
        |label: String| label.parse::<usize>().ok().and_then(|i| own.get(i).cloned()).unwrap_or(label);
    let labels = match (written.is_empty(), among.is_empty()) {
        (false, _) => Some(rows.iter().map(|row| of_file(row).map(named)).collect()),
        (true, false) => Some(among),
        (true, true) => None,
    };
    let dataset = Dataset {
        name: names::data_set(path),
        kind: String::new(),
        labels: vec![0; rows.len()],
        features,
        classes: class_names.len(),
        class_names: class_names.to_vec(),
        schema,
        image,
    };
    Ok(Query { dataset, rows, labels, unseen, unseen_columns, unread, further })
}
