//! Data sets: files of any supported form, or synthetic records, checked and packed; and their splits
//! into members, reference and test records.
//!
//! Not on the GPU, and not shuffled or batched: that is training's.
//!
//! | what | where |
//! |---|---|
//! | which form a file has | `detect`, `archive`, `pickle`, `source` |
//! | text | `csv`, `layout`, `columns`, `text` |
//! | arrays | [`npy`], [`npz`], [`arrays`], `array`, `matrix` |
//! | images | `cifar`, `idx`, `images` |
//! | labels to class ids | `labels` |
//! | features in memory | `features`, `encoding` |
//! | records in the encoding of others | `recode` |
//! | made-up records | `synthetic` |
//! | who is a member | `split` |

mod archive;
mod array;
pub mod arrays;
mod cifar;
mod columns;
mod csv;
mod detect;
mod encoding;
mod features;
mod idx;
mod images;
mod labels;
mod layout;
mod matrix;
pub mod npy;
pub mod npz;
mod pickle;
mod recode;
mod source;
mod split;
mod synthetic;
mod text;

pub use crate::ops::Image;
pub use encoding::{ColumnKind, Columns, Encoding, Standardisation};
pub use features::Features;
pub use split::{Split, load_splits, save_splits};
pub use synthetic::{Synthetic, synthetic};

use crate::error::{Error, Result};
use detect::Form;
use labels::{Known, RawLabels};
use serde::{Deserialize, Serialize};
use source::Source;
use std::io::{BufReader, Read};
use std::path::Path;
use std::str::FromStr;

/// N records with their labels, all in memory, checked: finite features, labels below `classes`, a
/// record of every class.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The file's name without its endings, or `synthetic`.
    pub name: String,
    /// One sentence of what was detected: format, where the labels were and what they count from,
    /// what the columns are, how many records.
    pub kind: String,
    /// N × F.
    pub features: Features,
    /// N class ids in 0..classes.
    pub labels: Vec<u32>,
    pub classes: usize,
    /// By class id, as written in the file.
    pub class_names: Vec<String>,
    /// How the file's columns became features.
    pub encoding: Encoding,
    /// Where the records are images: their shape. The features are then bytes, plane after plane.
    pub image: Option<Image>,
}

impl Dataset {
    /// N.
    pub fn records(&self) -> usize {
        self.labels.len()
    }

    /// F, the number of features of a record.
    pub fn width(&self) -> usize {
        self.features.width()
    }

    /// The F features of record `i`, as stored (not standardised).
    ///
    /// # Panics
    /// If there is no record `i`.
    pub fn row(&self, i: usize) -> Vec<f32> {
        self.features.row(i)
    }
}

/// The data set, D, D′ and test records together. Of predictions that another program made: the predictions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetSummary {
    pub name: String,
    pub records: usize,
    /// `null` where only predictions are known.
    pub features: Option<usize>,
    pub classes: usize,
}

/// Which column of a text file, or of an array that holds everything, is the label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelColumn {
    /// By the header.
    Name(String),
    /// Counted from 0.
    Index(usize),
}

impl FromStr for LabelColumn {
    type Err = std::convert::Infallible;

    /// A number is an index, anything else a name.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| LabelColumn::Name(text.to_owned()), LabelColumn::Index))
    }
}

/// What a person may say about a file that would otherwise be detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadOptions {
    /// Default: a column called label, class, target or y; without a header the first.
    pub label_column: Option<LabelColumn>,
    /// What numeric labels count from. Default: 0 or 1, whichever is the lowest label.
    pub label_base: Option<u32>,
    /// Whether a text file's first line names its columns. Default: detected.
    pub header: Option<bool>,
    /// Most bytes that a compressed file, or an array in an npz file, may inflate to. Default: 4 GiB.
    pub max_bytes: u64,
}

impl Default for LoadOptions {
    fn default() -> Self {
        LoadOptions { label_column: None, label_base: None, header: None, max_bytes: 4 << 30 }
    }
}

/// A data set read but not yet joined.
struct Parts {
    features: Features,
    labels: RawLabels,
    /// Where the labels are, for messages.
    labels_place: String,
    /// The number of classes, where the form names it.
    classes: Option<usize>,
    encoding: Encoding,
    note: String,
    image: Option<Image>,
    /// The classes' names in the order of their labels; empty: the labels themselves.
    class_names: Vec<String>,
}

/// Reads the data set at `path`: CSV and the like, npz, npy, tar archives and gzip files of text, or a
/// directory with a pair of features and labels; CIFAR-10 and CIFAR-100 in binary, idx images. What it is
/// is told from its bytes and names.
///
/// # Errors
/// Everything that is wrong with the file, named with its place: missing, empty, damaged, too large when
/// inflated, of another format, a pickle; ragged rows; fields that are no finite numbers; labels that
/// are no classes, are outside the range, or leave a class without a record.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    let parts = match detect::identify(path, options.max_bytes)? {
        Form::Csv { features, labels } => csv::load(&features, labels.as_ref(), options)?,
        Form::Npy { features, labels } => load_npy(&features, labels.as_ref(), options)?,
        Form::Npz(path) => load_npz(&path, options)?,
        Form::Cifar(files) => cifar::load(&files, options)?,
        Form::Idx(pairs) => idx::load(&pairs, options)?,
    };
    let records = parts.features.records();
    if parts.labels.len() != records {
        return Err(Error::data(&parts.labels_place)
            .expected(format!("{records} labels, one for each record"))
            .found(parts.labels.len().to_string())
            .advice("check that features and labels belong together"));
    }
    let known = Known { base: options.label_base, classes: parts.classes };
    let labels = parts.labels.resolve(&parts.labels_place, known)?;
    let classes = labels.names.len();
    if !parts.class_names.is_empty() && parts.class_names.len() != classes {
        return Err(Error::data(&parts.labels_place)
            .expected(format!("{classes} names of classes"))
            .found(parts.class_names.len().to_string())
            .advice("copy or download it again"));
    }
    let width = parts.features.width();
    let form = match &parts.features {
        Features::Bits { .. } => "binary features",
        Features::Bytes { .. } => "features of one byte",
        Features::Floats { .. } => "features",
    };
    let what = match parts.image {
        Some(image) => format!("{records} images of {image}"),
        None => format!("{}: {records} records of {width} {form}", parts.encoding.describe()),
    };
    Ok(Dataset {
        name: detect::name(path),
        kind: format!("{}; {}, {classes} classes; {what}", parts.note, labels.note),
        features: parts.features,
        labels: labels.ids,
        classes,
        class_names: if parts.class_names.is_empty() { labels.names } else { parts.class_names },
        encoding: parts.encoding,
        image: parts.image,
    })
}

fn load_npz(path: &Path, options: &LoadOptions) -> Result<Parts> {
    let place = path.display().to_string();
    only_text_has_columns(options, &place, true)?;
    let (matrix, (labels, classes), labels_place) = npz::read_data(path, options.max_bytes)?;
    Ok(Parts {
        classes: classes.or_else(|| detect::published_classes(&place, matrix.features.width())),
        encoding: Encoding::of_matrix(&matrix.features),
        features: matrix.features,
        labels,
        labels_place,
        note: format!("npz, {}", matrix.note),
        image: None,
        class_names: vec![],
    })
}

fn load_npy(features: &Source, labels: Option<&Source>, options: &LoadOptions) -> Result<Parts> {
    let place = &features.place;
    only_text_has_columns(options, place, labels.is_some())?;
    let column = match (labels, &options.label_column) {
        (Some(_), _) => None,
        (None, Some(LabelColumn::Index(index))) => Some(*index),
        (None, _) => Some(0),
    };
    let (reader, header) = open_npy(features)?;
    let matrix = matrix::read(reader, &header, column, place)?;
    let ((raw, classes), note) = match labels {
        Some(labels) => {
            let (reader, header) = open_npy(labels)?;
            let read = matrix::read_labels(reader, &header, &labels.place)?;
            (read, format!("labels in {}", labels.place))
        }
        None => ((matrix.labels, None), format!("label in column {}", column.unwrap_or(0))),
    };
    Ok(Parts {
        classes: classes.or_else(|| detect::published_classes(place, matrix.features.width())),
        encoding: Encoding::of_matrix(&matrix.features),
        features: matrix.features,
        labels: raw,
        labels_place: labels.unwrap_or(features).place.clone(),
        note: format!("npy, {}, {note}", matrix.note),
        image: None,
        class_names: vec![],
    })
}

/// The header of an npy file, its length checked, and its elements.
fn open_npy(source: &Source) -> Result<(impl Read, npy::Header)> {
    let mut reader = BufReader::with_capacity(1 << 16, source.open()?);
    let header = npy::Header::read(&mut reader, &source.place)?
        .ok_or_else(|| pickle::objects(&source.path, &source.place))?;
    match source.length()? {
        Some(length) => header.check_length(length, &source.place)?,
        None if header.file_length() > u128::from(source.max_bytes) => {
            return Err(source::too_large(&source.place, source.max_bytes));
        }
        None => {}
    }
    Ok((reader, header))
}

/// Refuses options that mean nothing for arrays; `labelled`: the labels are an array of their own.
fn only_text_has_columns(options: &LoadOptions, place: &str, labelled: bool) -> Result<()> {
    if options.header.is_some() {
        return Err(Error::usage("data.header")
            .expected("a text file")
            .found(format!("the array file {place}")));
    }
    match &options.label_column {
        Some(LabelColumn::Name(name)) => Err(Error::usage("--label-column")
            .expected("a text file with a header")
            .found(format!("the name {name:?} for the array file {place}"))),
        Some(LabelColumn::Index(_)) if labelled => Err(Error::usage("--label-column")
            .expected("features and labels in one array")
            .found(format!("labels in an array of their own ({place})"))
            .advice("leave it out")),
        _ => Ok(()),
    }
}
