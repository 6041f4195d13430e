//! Reading a data set: whatever its format, its parts are joined and checked here.

use super::features::Features;
use super::formats::{self, names};
use super::labels::Known;
use super::options::LoadOptions;
use super::records::Dataset;
use crate::error::{Error, Result};
use std::path::Path;

/// Reads the data set at `path`: CSV and the like, npz, npy, tar archives and gzip files of text, or a
/// directory with a pair of features and labels; CIFAR-10 and CIFAR-100 in binary, idx images. What it is
/// is told from its bytes and names.
///
/// # Errors
/// Everything that is wrong with the file, named with its place: missing, empty, damaged, too large when
/// inflated, of another format, a pickle; ragged rows; fields that are no finite numbers; labels that
/// are no classes, are outside the range, or leave a class without a record.
pub fn load(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    let parts = formats::identify(path, options.max_bytes)?.read(options)?;
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
        name: names::data_set(path),
        kind: format!("{}; {}, {classes} classes; {what}", parts.note, labels.note),
        features: parts.features,
        labels: labels.ids,
        classes,
        class_names: if parts.class_names.is_empty() { labels.names } else { parts.class_names },
        encoding: parts.encoding,
        image: parts.image,
    })
}
