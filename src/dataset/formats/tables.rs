//! What every format of tables does with its rows: their schema is to be found, or was given.

use super::super::labels::RawLabels;
use super::super::options::LoadOptions;
use super::super::table::Rows;
use super::super::table::encode::encode;
use super::super::table::raw::RawTable;
use super::format::{Body, Parts};
use super::names::published_classes;
use crate::error::{Error, Result};

/// Reads `rows`, the label in one of their columns; `note` says what they are.
pub(super) fn read(rows: &dyn Rows, note: &str, options: &LoadOptions) -> Result<Parts> {
    let heads = rows.heads();
    if options.schema.is_some() {
        return read_features(rows, note, options);
    }
    let (label, why) = heads.label_column(options)?;
    if heads.names.len() < 2 {
        return Err(Error::data(&heads.place)
            .expected("at least two columns, a label and features")
            .found("one")
            .advice("give the features file if this one holds only labels"));
    }
    let (table, labels) = RawTable::read(rows, Some(label), options)?;
    Ok(Parts {
        classes: published_classes(&heads.place, heads.names.len() - 1),
        body: Body::Table(Box::new(table)),
        labels,
        labels_place: heads.place.clone(),
        note: format!("{note}, label in {}, {why}", heads.title(label)),
        image: None,
        class_names: vec![],
    })
}

/// Reads `rows`; the labels, if they are not found by the schema that is given, are left for the caller.
pub(super) fn read_features(rows: &dyn Rows, note: &str, options: &LoadOptions) -> Result<Parts> {
    let heads = rows.heads();
    let body = match &options.schema {
        Some(schema) => Body::Encoded(Box::new(encode(rows, schema)?)),
        None => Body::Table(Box::new(RawTable::read(rows, None, options)?.0)),
    };
    Ok(Parts {
        classes: published_classes(&heads.place, heads.names.len()),
        body,
        labels: RawLabels::default(),
        labels_place: heads.place.clone(),
        note: note.to_owned(),
        image: None,
        class_names: vec![],
    })
}
