//! CIFAR-10 and CIFAR-100 in their authors' binary form: an archive, its unpacked directory, or one of
//! its files.
//!
//! A record is a label byte (CIFAR-100: a coarse one, then the fine one, which is used) and 3072 bytes,
//! the planes of red, green and blue of 32 × 32 pixels (www.cs.toronto.edu/~kriz/cifar.html). Not the Python
//! form: that is a pickle.

use super::super::options::LoadOptions;
use super::format::{File, Format, Listing, Parts, Stored};
use super::images::{Pool, read_record};
use super::names::list;
use super::source::{Source, read_error};
use crate::error::{Error, Result};
use crate::ops::Image;
use std::io::{BufReader, Read};

const IMAGE: Image = Image { height: 32, width: 32, channels: 3 };

/// CIFAR-10 and CIFAR-100.
pub(super) struct Cifar;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Cifar10,
    Cifar100,
}

/// The files of one of them.
#[derive(Debug)]
struct Files {
    set: Set,
    images: Vec<Source>,
    /// The classes' names, a line each.
    names: Option<Source>,
}

impl Set {
    fn name(self) -> &'static str {
        match self {
            Set::Cifar10 => "CIFAR-10",
            Set::Cifar100 => "CIFAR-100",
        }
    }

    fn classes(self) -> usize {
        match self {
            Set::Cifar10 => 10,
            Set::Cifar100 => 100,
        }
    }

    /// Bytes before the pixels; the last is the label.
    fn label_bytes(self) -> usize {
        match self {
            Set::Cifar10 => 1,
            Set::Cifar100 => 2,
        }
    }

    /// The files that the authors' archive has.
    fn files(self) -> &'static [&'static str] {
        match self {
            Set::Cifar10 => &[
                "data_batch_1.bin",
                "data_batch_2.bin",
                "data_batch_3.bin",
                "data_batch_4.bin",
                "data_batch_5.bin",
                "test_batch.bin",
            ],
            Set::Cifar100 => &["train.bin", "test.bin"],
        }
    }

    fn names_file(self) -> &'static str {
        match self {
            Set::Cifar10 => "batches.meta.txt",
            Set::Cifar100 => "fine_label_names.txt",
        }
    }

    /// The set that has a file of this name.
    /// The one with a file called `name`.
    fn with_file(name: &str) -> Option<Set> {
        [Set::Cifar10, Set::Cifar100].into_iter().find(|set| set.files().contains(&name))
    }
}

impl Format for Cifar {
    fn name(&self) -> &'static str {
        "CIFAR's binary files"
    }

    /// One of the files alone.
    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>> {
        let files = |set| Files { set, images: vec![file.source.clone()], names: None };
        Ok(Set::with_file(&file.name()).map(|set| Box::new(files(set)) as Box<dyn Stored>))
    }

    fn among(&self, listing: &Listing) -> Result<Option<Box<dyn Stored>>> {
        let names = listing.names();
        let Some(set) = names.iter().find_map(|name| Set::with_file(name)) else { return Ok(None) };
        let called = |wanted: &str| {
            names.iter().position(|name| *name == wanted).map(|i| listing.files[i].source.clone())
        };
        let mut images = vec![];
        for wanted in set.files() {
            images.push(called(wanted).ok_or_else(|| {
                Error::data(&listing.place)
                    .expected(format!("{}'s files {}", set.name(), set.files().join(", ")))
                    .found(list(&names))
                    .advice("copy or download it again, or give the path of one of the files")
            })?);
        }
        Ok(Some(Box::new(Files { set, images, names: called(set.names_file()) })))
    }
}

impl Stored for Files {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        load(self, options)
    }
}

/// Reads all files into one pool.
fn load(files: &Files, options: &LoadOptions) -> Result<Parts> {
    let (set, start) = (files.set, files.set.label_bytes());
    let mut pool = Pool::new(IMAGE);
    let mut record = vec![0; start + IMAGE.features()];
    for source in &files.images {
        let place = &source.place;
        let short = place.rsplit(['/', '\\', '[']).next().unwrap_or(place).trim_end_matches(']');
        if let Some(length) = source.length()?.filter(|l| *l == 0 || l % record.len() as u64 != 0) {
            return Err(Error::data(place)
                .expected(format!("{} records of {} bytes each", set.name(), record.len()))
                .found(format!("{length} bytes"))
                .advice("copy or download it again: it is truncated, or of another kind"));
        }
        let mut reader = BufReader::with_capacity(1 << 16, source.open()?);
        let mut number = 0;
        while read_record(&mut reader, &mut record, source, number)? {
            pool.push(short, &record[start..], record[start - 1], || format!("{place}, record {number}"))?;
            number += 1;
        }
    }
    let names = match &files.names {
        Some(source) => class_names(source)?,
        None => vec![],
    };
    let place = files.images[0].path.display().to_string();
    pool.finish(&format!("{} (binary)", set.name()), place, Some(set.classes()), names, options)
}

/// A name a line.
fn class_names(source: &Source) -> Result<Vec<String>> {
    let mut text = String::new();
    source.open()?.read_to_string(&mut text).map_err(|e| read_error(&source.place, &e))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
