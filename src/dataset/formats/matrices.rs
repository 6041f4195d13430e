//! Data sets in numpy's arrays: which array holds what, in an npz file or in npy files.
//!
//! Not the arrays' own form (npy, npz), nor how a matrix becomes features (matrix).

use super::super::features::Features;
use super::super::labels::RawLabels;
use super::super::options::{LabelColumn, LoadOptions, only_text_has_columns};
use super::format::{Body, File, Format, Parts, Stored};
use super::matrix::{self, Matrix};
use super::names::{list, published_classes};
use super::npy::Header;
use super::npz::{arrays, open, with_array};
use super::pickle;
use super::source::{Source, too_large};
use crate::error::{Error, Result};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Named arrays in a zip.
pub(super) struct Npz;

/// One array of features (and labels, if there is no other), or one array of each.
pub(super) struct Npy;

/// Names under which features and labels are stored together, the likelier first.
const PAIRS: [(&str, &str); 9] = [
    ("features", "labels"),
    ("X", "Y"),
    ("X", "y"),
    ("x", "y"),
    ("feats", "labels"),
    ("data", "labels"),
    ("features", "targets"),
    ("data", "targets"),
    ("data", "target"),
];

impl Format for Npz {
    fn name(&self) -> &'static str {
        "npz"
    }

    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>> {
        let zip = !file.source.gzip && file.head.starts_with(b"PK\x03\x04");
        Ok(file.path.clone().filter(|_| zip).map(|path| Box::new(NpzFile(path)) as Box<dyn Stored>))
    }
}

struct NpzFile(PathBuf);

impl Stored for NpzFile {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        let path = &self.0;
        let place = path.display().to_string();
        only_text_has_columns(options, &place, true)?;
        let (matrix, labels, labels_place) = read_data(path, options)?;
        Ok(Parts {
            classes: published_classes(&place, matrix.features.width()),
            body: body(matrix.features),
            labels,
            labels_place,
            note: format!("npz, {}", matrix.note),
            image: None,
            class_names: vec![],
        })
    }
}

impl Format for Npy {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>> {
        let found = file.head.starts_with(b"\x93NUMPY");
        let stored = || NpyFiles { features: file.source.clone(), labels: file.labels.clone() };
        Ok(found.then(|| Box::new(stored()) as Box<dyn Stored>))
    }
}

struct NpyFiles {
    features: Source,
    labels: Option<Source>,
}

impl Stored for NpyFiles {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        let (features, labels) = (&self.features, self.labels.as_ref());
        let place = &features.place;
        only_text_has_columns(options, place, labels.is_some())?;
        let (reader, header) = open_npy(features)?;
        let width = header.shape.iter().skip(1).product::<usize>();
        let column = match (labels, &options.label_column) {
            (Some(_), _) => None,
            // What a model is asked about needs no labels.
            _ if options.schema.as_ref().is_some_and(|schema| schema.width() == width) => None,
            (None, Some(LabelColumn::Index(index))) => Some(*index),
            (None, _) => Some(0),
        };
        let matrix = matrix::read(reader, &header, column, place)?;
        let (raw, note) = match labels {
            Some(labels) => {
                let (reader, header) = open_npy(labels)?;
                let read = matrix::read_labels(reader, &header, &labels.place)?;
                (read, format!("labels in {}", labels.place))
            }
            None => {
                let note =
                    column.map_or("no labels".to_owned(), |column| format!("label in column {column}"));
                (matrix.labels, note)
            }
        };
        Ok(Parts {
            classes: published_classes(place, matrix.features.width()),
            body: body(matrix.features),
            labels: raw,
            labels_place: labels.unwrap_or(features).place.clone(),
            note: format!("npy, {}, {note}", matrix.note),
            image: None,
            class_names: vec![],
        })
    }
}

fn body(features: Features) -> Body {
    let schema = features.schema();
    Body::Matrix(features, schema)
}

/// The data set in `path`: its features, its labels, and where the labels are, for messages.
fn read_data(path: &Path, options: &LoadOptions) -> Result<(Matrix, RawLabels, String)> {
    let max_bytes = options.max_bytes;
    let mut zip = open(path)?;
    let names = arrays(path, &zip)?;
    let has = |name: &str| names.iter().any(|n| n == name);
    // What a model is asked about needs no labels.
    let alone = || PAIRS.iter().find(|(f, _)| has(f)).filter(|_| options.schema.is_some());
    let Some((features, labels)) = PAIRS.iter().find(|(f, l)| has(f) && has(l)).or_else(alone) else {
        let pairs: Vec<String> = PAIRS.iter().take(4).map(|(f, l)| format!("{f} and {l}")).collect();
        return Err(Error::data(path.display().to_string())
            .expected(format!("two arrays: {}", pairs.join(", or ")))
            .found(list(&names))
            .advice("rename the arrays with numpy.savez(…, features=…, labels=…)"));
    };
    // The labels first: they are small, and what is wrong with them shows at once.
    let raw = match has(labels) {
        false => RawLabels::default(),
        true => with_array(path, &mut zip, labels, max_bytes, |mut reader, length, place| {
            let Some(header) = Header::read(&mut reader, place)? else { return Ok(None) };
            header.check_length(length, place)?;
            matrix::read_labels(reader, &header, place).map(Some)
        })?,
    };
    let matrix = with_array(path, &mut zip, features, max_bytes, |mut reader, length, place| {
        let Some(header) = Header::read(&mut reader, place)? else { return Ok(None) };
        header.check_length(length, place)?;
        matrix::read(reader, &header, None, place).map(Some)
    })?;
    Ok((matrix, raw, format!("{}[{labels}]", path.display())))
}

/// The header of an npy file, its length checked, and its elements.
fn open_npy(source: &Source) -> Result<(impl Read, Header)> {
    let mut reader = BufReader::with_capacity(1 << 16, source.open()?);
    let header = Header::read(&mut reader, &source.place)?
        .ok_or_else(|| pickle::objects(&source.path, &source.place))?;
    match source.length()? {
        Some(length) => header.check_length(length, &source.place)?,
        None if header.file_length() > u128::from(source.max_bytes) => {
            return Err(too_large(&source.place, source.max_bytes));
        }
        None => {}
    }
    Ok((reader, header))
}
