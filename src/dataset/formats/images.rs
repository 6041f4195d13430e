//! Images from several files joined into one pool of records, as bytes in planes.
//!
//! Not the files' forms: those are cifar's and idx's. Which record is trained on is a split's business,
//! so a published division into training and test files is not kept: it is said in the data set's kind.

use super::super::features::Features;
use super::super::labels::RawLabels;
use super::super::options::{LoadOptions, only_text_has_columns};
use super::format::{Body, Parts};
use super::source::{Source, read_error};
use crate::error::{Error, Result};
use crate::ops::Image;
use std::io::{ErrorKind, Read};

/// Records so far.
pub(super) struct Pool {
    image: Image,
    words: Vec<u32>,
    labels: RawLabels,
    /// Records of each file, by its short name.
    files: Vec<(String, usize)>,
}

impl Pool {
    pub(super) fn new(image: Image) -> Self {
        Pool { image, words: vec![], labels: RawLabels::default(), files: vec![] }
    }

    /// Takes an image, plane after plane, and its label, from the file called `file`.
    pub(super) fn push(
        &mut self,
        file: &str,
        planes: &[u8],
        label: u8,
        place: impl FnOnce() -> String,
    ) -> Result<()> {
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        self.words.extend(planes.chunks(4).map(word));
        match self.files.last_mut().filter(|(name, _)| name == file) {
            Some((_, count)) => *count += 1,
            None => self.files.push((file.to_owned(), 1)),
        }
        self.labels.push_number(f64::from(label), place)
    }

    /// The data set, called `form` in words, from files at `place`; `names` of its classes, or none.
    pub(super) fn finish(
        self,
        form: &str,
        place: String,
        classes: Option<usize>,
        names: Vec<String>,
        options: &LoadOptions,
    ) -> Result<Parts> {
        only_text_has_columns(options, &place, true)?;
        let files: Vec<String> = self.files.iter().map(|(name, n)| format!("{name} ({n})")).collect();
        let joined = if files.len() > 1 { ", joined into one pool" } else { "" };
        let features = Features::Bytes { words: self.words, width: self.image.features() };
        let schema = features.schema();
        Ok(Parts {
            body: Body::Matrix(features, schema),
            labels: self.labels,
            labels_place: place,
            classes,
            note: format!("{form}: {}{joined}", files.join(", ")),
            image: Some(self.image),
            class_names: names,
        })
    }
}

/// Fills `record` from `reader`; false at the end of the file.
///
/// # Errors
/// A file that ends within the record, which is number `number` from 0.
pub(super) fn read_record(
    reader: &mut impl Read,
    record: &mut [u8],
    source: &Source,
    number: usize,
) -> Result<bool> {
    let mut filled = 0;
    while filled < record.len() {
        match reader.read(&mut record[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => {
                return Err(Error::data(&source.place)
                    .expected(format!("whole records of {} bytes", record.len()))
                    .found(format!("{filled} bytes of record {number}, the last"))
                    .advice("copy or download it again: it is truncated"));
            }
            Ok(count) => filled += count,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(read_error(&source.place, &e)),
        }
    }
    Ok(true)
}
