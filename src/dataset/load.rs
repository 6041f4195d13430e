//! Reading a data set: whatever its format, its parts are joined and checked here, and its schema is learnt.

use super::features::Features;
use super::formats::format::{Body, Parts};
use super::formats::{self, names};
use super::labels::{Known, Labels, RawLabels};
use super::options::LoadOptions;
use super::records::Dataset;
use super::schema::{LEAST_MEMBERS, LabelColumnSchema, OTHER, Schema};
use super::table::encode::Encoded;
use super::table::infer::LearnFrom;
use super::table::raw::RawTable;
use crate::error::{Error, Result};
use std::path::Path;

/// The members of each replica, by their numbers, of data with so many records.
type Draw<'a> = &'a dyn Fn(usize) -> Result<Vec<Vec<u32>>>;

/// Reads the data set at `path`: CSV and the like, npz, npy, tar archives and gzip files of text, or a
/// directory with a pair of features and labels; CIFAR-10 and CIFAR-100 in binary, idx images. What it is
/// is told from its bytes and names.
///
/// The schema of a table is learnt from all of its records: for data that are nobody's secret. What is
/// trained on is loaded by [`load_for`].
///
/// # Errors
/// Everything that is wrong with the file, named with its place: missing, empty, damaged, too large when
/// inflated, of another format, a pickle; ragged rows; fields that are no finite numbers; values that are
/// missing; labels that are no classes, are outside the range, or leave a class without a record.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    read(path, options, None)
}

/// Reads the data set at `path` for training. A table's categories, medians and classes are learnt from the
/// members alone, and what fewer than [`LEAST_MEMBERS`] of each replica's have is not kept; `members` gives
/// the members of each replica, of so many records. A schema among the `options` is taken as it is.
///
/// # Errors
/// As [`load`], and a class that too few members have; those of `members`.
pub fn load_for(
    path: &Path,
    options: &LoadOptions,
    members: impl Fn(usize) -> Result<Vec<Vec<u32>>>,
) -> Result<Dataset> {
    read(path, options, Some(&members))
}

fn read(path: &Path, options: &LoadOptions, draw: Option<Draw>) -> Result<Dataset> {
    let Parts { body, labels, labels_place, classes, note, image, class_names } =
        formats::identify(path, options.max_bytes)?.read(options)?;
    if !matches!(body, Body::Encoded(_)) || labels.len() > 0 {
        let records = body.records();
        if labels.len() != records {
            return Err(Error::data(&labels_place)
                .expected(format!("{records} labels, one for each record"))
                .found(labels.len().to_string())
                .advice("check that features and labels belong together"));
        }
    }
    let published = classes.is_some();
    let known = Known { base: options.label_base, classes };
    let read = match body {
        Body::Matrix(features, schema) => {
            let labels = labels.resolve(&labels_place, known)?;
            Joined { features, schema, labels, note: String::new() }
        }
        Body::Table(table) => {
            let learn = Learn { options, known, draw, rare: !published };
            learn.table(*table, labels, &labels_place)?
        }
        Body::Encoded(encoded) => by_schema(*encoded, &labels, options, &labels_place)?,
    };
    let Joined { features, schema, labels, note: left_out } = read;
    let classes = labels.names.len();
    if !class_names.is_empty() && class_names.len() != classes {
        return Err(Error::data(&labels_place)
            .expected(format!("{classes} names of classes"))
            .found(class_names.len().to_string())
            .advice("copy or download it again"));
    }
    let (records, width) = (features.records(), features.width());
    let form = match &features {
        Features::Bits { .. } => "binary features",
        Features::Bytes { .. } => "features of one byte",
        Features::Floats { .. } => "features",
    };
    let what = match image {
        Some(image) => format!("{records} images of {image}"),
        None => format!("{}: {records} records of {width} {form}", schema.describe()),
    };
    let left_out = if left_out.is_empty() { left_out } else { format!("; {left_out}") };
    Ok(Dataset {
        name: names::data_set(path),
        kind: format!("{note}; {}, {classes} classes; {what}{left_out}", labels.note),
        features,
        labels: labels.ids,
        classes,
        class_names: if class_names.is_empty() { labels.names } else { class_names },
        schema,
        image,
    })
}

/// A data set without its names.
struct Joined {
    features: Features,
    schema: Schema,
    labels: Labels,
    /// Records that were left out, in words.
    note: String,
}

/// How the schema of a table is learnt.
struct Learn<'a> {
    options: &'a LoadOptions,
    known: Known,
    /// `None`: from everything.
    draw: Option<Draw<'a>>,
    /// Whether a class may be rare: not in a published data set, whose classes are no one's.
    rare: bool,
}

impl Learn<'_> {
    fn table(&self, mut table: RawTable, mut raw: RawLabels, place: &str) -> Result<Joined> {
        let roles = table.roles(self.options)?;
        let note = table.complete(&mut raw, &roles, self.options)?;
        // Before the members are drawn: what is wrong with the labels is the file's fault, not the split's.
        let mut labels = raw.resolve(place, self.known)?;
        let lists = self.draw.map(|draw| draw(table.records())).transpose()?;
        let from = lists.as_deref().map_or(LearnFrom::Everything, LearnFrom::Members);
        let mut other = false;
        if self.rare {
            other = self.merge_rare(&mut labels, from, place)?;
        }
        let mut schema = table.infer(from, &roles, self.options.missing)?;
        schema.label = LabelColumnSchema {
            name: table.label.map(|label| table.heads.names[label].clone()).unwrap_or_default(),
            place: table.label,
            classes: labels.names.clone(),
            other,
        };
        Ok(Joined { features: table.encode(&schema)?, schema, labels, note })
    }

    /// Makes one class of those that fewer than [`LEAST_MEMBERS`] members have, where that is asked for;
    /// whether there were any.
    fn merge_rare(&self, labels: &mut Labels, from: LearnFrom, place: &str) -> Result<bool> {
        let least = from.least();
        let counts = from.fewest_of_each(&labels.ids, labels.names.len());
        let rare = counts.iter().filter(|count| **count < least).count();
        if rare == 0 {
            return Ok(false);
        }
        let classes = if rare == 1 { "class" } else { "classes" };
        if !self.options.merge_rare_classes {
            // Not which: that there is such a record may be what nobody should learn.
            return Err(Error::data(place)
                .expected(format!("at least {LEAST_MEMBERS} members of every class"))
                .found(format!("{rare} {classes} with fewer"))
                .advice("train on more members, or make them one class with --merge-rare-classes"));
        }
        let mut names: Vec<String> = (0..counts.len())
            .filter(|class| counts[*class] >= least && labels.names[*class] != OTHER)
            .map(|class| labels.names[class].clone())
            .collect();
        let number = |name: &String| names.iter().position(|n| n == name).unwrap_or(names.len()) as u32;
        let new: Vec<u32> = labels.names.iter().map(number).collect();
        labels.ids.iter_mut().for_each(|id| *id = new[*id as usize]);
        names.push(OTHER.to_owned());
        let together = from.fewest_of_each(&labels.ids, names.len()).last().copied().unwrap_or(0);
        if together < least || names.len() < 2 {
            return Err(Error::data(place)
                .expected(format!("at least {LEAST_MEMBERS} members of the rare classes together"))
                .found(format!("{together}"))
                .advice("train on more members, or leave the records of these classes out of the file"));
        }
        labels.note = format!("{}, {rare} rare {classes} merged as {OTHER:?}", labels.note);
        labels.names = names;
        Ok(true)
    }
}

/// Records that were read by the schema of the `options`, with their labels in `raw` or among them. Those
/// that cannot be read are errors, but for the missing values that are to be left out.
fn by_schema(encoded: Encoded, raw: &RawLabels, options: &LoadOptions, place: &str) -> Result<Joined> {
    let mut schema = options.schema.clone().unwrap_or_default();
    let drops = options.missing != super::MissingRecords::Error;
    let dropped = |row: &super::Unread| row.missing && drops;
    if let Some(unread) = encoded.unread.iter().find(|unread| !dropped(unread)) {
        return Err(unread.error.clone());
    }
    let of_file = raw.written();
    let written: Vec<Option<&String>> = match of_file.is_empty() {
        true => encoded.labels.iter().map(Option::as_ref).collect(),
        false => encoded.rows.iter().map(|row| of_file.get(*row as usize).and_then(Option::as_ref)).collect(),
    };
    if written.is_empty() {
        return Err(Error::data(place)
            .expected(format!("the label's column {:?}", schema.label.name))
            .found("none"));
    }
    let without = written.iter().filter(|label| label.is_none()).count();
    if without > 0 && !drops {
        return Err(Error::data(place)
            .expected("a label for every record")
            .found(format!("{without} of {} records without one", written.len()))
            .advice("leave these records out with --missing drop"));
    }
    if schema.label.classes.is_empty() {
        let mut names: Vec<String> = written.iter().flatten().map(|label| (*label).clone()).collect();
        names.sort();
        names.dedup();
        schema.label.classes = names;
    }
    let mut ids = vec![];
    for label in written.iter().flatten() {
        ids.push(schema.label.class(label).ok_or_else(|| {
            Error::data(place).expected("a class of the schema").found(format!("the label {label:?}"))
        })?);
    }
    let mut features = encoded.features;
    let mut note = String::new();
    let left_out = encoded.unread.len() + without;
    if left_out > 0 {
        let keep: Vec<bool> = written.iter().map(Option::is_some).collect();
        features = features.retained(&keep);
        let records = if left_out == 1 { "record" } else { "records" };
        note = format!("{left_out} {records} without a value left out");
        if without > 0 {
            note.push_str(&format!(", {without} of them without a label"));
        }
        note.push_str("; the others are numbered without them");
    }
    let names = schema.label.classes.clone();
    let labels = Labels { ids, names, note: "labels by the schema".to_owned() };
    Ok(Joined { features, schema, labels, note })
}
