//! What a format of data files is: what it is offered, and what it makes of it.
//!
//! Not the formats themselves, nor which there are ([`super::ALL`]).

use super::super::features::Features;
use super::super::labels::RawLabels;
use super::super::options::LoadOptions;
use super::super::schema::Schema;
use super::super::table::encode::Encoded;
use super::super::table::raw::RawTable;
use super::source::Source;
use crate::error::Result;
use crate::ops::Image;
use std::path::{Path, PathBuf};

/// A format of data files. It is asked first for the files of a directory or an archive together, then for
/// one file.
pub(in crate::dataset) trait Format: Sync {
    /// In messages.
    fn name(&self) -> &'static str;

    /// The data set in `file`, if it is of this format.
    ///
    /// # Errors
    /// A file of this format that cannot be one.
    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>>;

    /// The data set that some files of `listing` hold together, if they are of this format.
    ///
    /// # Errors
    /// Some files of it, but not all; files of several data sets.
    fn among(&self, _listing: &Listing) -> Result<Option<Box<dyn Stored>>> {
        Ok(None)
    }
}

/// A data set that was found and is not read yet.
pub(in crate::dataset) trait Stored {
    /// Reads it.
    ///
    /// # Errors
    /// Everything that is wrong with its files; options that mean nothing for them.
    fn read(&self, options: &LoadOptions) -> Result<Parts>;
}

/// One file, or a member of an archive.
pub(in crate::dataset) struct File {
    /// Where it is; none of an archive's member.
    pub(super) path: Option<PathBuf>,
    pub(super) source: Source,
    /// The file with its labels, told by its name.
    pub(super) labels: Option<Source>,
    /// The first bytes, 512 or all, inflated.
    pub(super) head: Vec<u8>,
}

/// The files of a directory or an archive.
pub(in crate::dataset) struct Listing {
    /// For messages.
    pub(super) place: String,
    /// The directory; none of an archive.
    pub(super) directory: Option<PathBuf>,
    /// In the directory's order of names, or in the archive's own.
    pub(super) files: Vec<Listed>,
}

/// A file of a [`Listing`].
pub(super) struct Listed {
    /// The path within an archive up to the last slash, that included; empty in a directory.
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) source: Source,
}

impl Listing {
    /// The files' names without their parents.
    pub(super) fn names(&self) -> Vec<&str> {
        self.files.iter().map(|file| file.name.as_str()).collect()
    }
}

impl File {
    /// The file's own name, empty of an archive's member.
    pub(super) fn name(&self) -> String {
        let name = self.path.as_deref().and_then(Path::file_name);
        name.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// A data set read but not yet joined.
pub(in crate::dataset) struct Parts {
    pub(in crate::dataset) body: Body,
    pub(in crate::dataset) labels: RawLabels,
    /// Where the labels are, for messages.
    pub(in crate::dataset) labels_place: String,
    /// The number of classes, where the format names it.
    pub(in crate::dataset) classes: Option<usize>,
    pub(in crate::dataset) note: String,
    pub(in crate::dataset) image: Option<Image>,
    /// The classes' names in the order of their labels; empty: the labels themselves.
    pub(in crate::dataset) class_names: Vec<String>,
}

/// What was read beside the labels.
pub(in crate::dataset) enum Body {
    /// Features as they are, and what they are.
    Matrix(Features, Schema),
    /// A table whose schema is to be found.
    Table(Box<RawTable>),
    /// A table, by the schema that was given; its labels, where it has them, are there.
    Encoded(Box<Encoded>),
}

impl Body {
    /// Records.
    pub(in crate::dataset) fn records(&self) -> usize {
        match self {
            Body::Matrix(features, _) => features.records(),
            Body::Table(table) => table.records(),
            Body::Encoded(encoded) => encoded.rows.len(),
        }
    }
}
