//! Directories: what files are in one, and which of them hold the data.

use super::format::{Listed, Listing};
use super::names;
use super::source::Source;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Everything in the directory `path`, by name.
///
/// # Errors
/// The file system's.
pub(super) fn list(path: &Path, max_bytes: u64) -> Result<Listing> {
    let io = |e: std::io::Error| Error::io(path, &e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        names.extend(entry.map_err(io)?.file_name().into_string().ok());
    }
    names.sort();
    let listed = |name: String| {
        let source = Source::file(&path.join(&name), false, max_bytes);
        Listed { parent: String::new(), name, source }
    };
    let files = names.into_iter().map(listed).collect();
    Ok(Listing { place: path.display().to_string(), directory: Some(path.to_owned()), files })
}

/// The directory's one file of features that has labels beside it.
///
/// # Errors
/// A directory with none, or with several.
pub(super) fn features(path: &Path, listing: &Listing) -> Result<PathBuf> {
    let all = listing.names();
    let has_labels = |name: &&str| names::partners(name).iter().any(|p| all.contains(&p.as_str()));
    let features: Vec<&str> = all.iter().copied().filter(has_labels).collect();
    match features[..] {
        [name] => Ok(path.join(name)),
        [] => Err(Error::data(&listing.place)
            .expected(
                "a directory with features and labels: X.npy and Y.npy, feats.npy and labels.npy, \
                 …-features.npy and …-labels.npy, or the text files feats and labels; or with images: \
                 CIFAR's binary files, or train-images-idx3-ubyte and train-labels-idx1-ubyte",
            )
            .found(names::list(&all))
            .advice("give the path of the data file itself")),
        _ => Err(Error::data(&listing.place)
            .expected("one pair of features and labels")
            .found(names::list(&features))
            .advice("give the path of the features file meant")),
    }
}

/// The labels that belong to the features file `path`, if they are beside it.
pub(super) fn beside(path: &Path, max_bytes: u64) -> Option<Source> {
    let name = path.file_name()?.to_str()?;
    let partners = names::partners(name).into_iter();
    let found = partners.map(|partner| path.with_file_name(partner)).find(|p| p.is_file())?;
    Some(Source::file(&found, false, max_bytes))
}
