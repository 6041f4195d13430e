//! Tar archives, compressed or not: which members hold the data.
//!
//! Not unpacked to disk: a member is read as a stretch of the inflated stream.

use super::format::{File, Listed, Listing};
use super::names;
use super::source::{Source, reading};
use crate::error::{Error, Result};
use std::io::{self, Read};

/// The one data file of an archive, or its pair of features and labels in one directory.
///
/// # Errors
/// An archive with none, or with several.
pub(super) fn file(listing: &Listing) -> Result<File> {
    let pairs: Vec<(&Listed, &Listed)> = listing
        .files
        .iter()
        .filter_map(|features| {
            let partners = names::partners(&features.name);
            let labels = |file: &&Listed| file.parent == features.parent && partners.contains(&file.name);
            Some((features, listing.files.iter().find(labels)?))
        })
        .collect();
    let data: Vec<&Listed> = listing.files.iter().filter(|file| !is_documentation(&file.name)).collect();
    let (features, labels) = match (&pairs[..], &data[..]) {
        ([(features, labels)], _) => (&features.source, Some(labels.source.clone())),
        ([], [only]) => (&only.source, None),
        _ => {
            let paths: Vec<String> =
                listing.files.iter().map(|file| format!("{}{}", file.parent, file.name)).collect();
            return Err(Error::data(&listing.place)
                .expected("an archive with one data file, or with one pair feats and labels")
                .found(names::list(&paths))
                .advice("unpack it and give the path of the file meant"));
        }
    };
    Ok(File { path: None, head: features.head(512)?, source: features.clone(), labels })
}

fn is_documentation(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with("readme") || name.starts_with("license") || name.ends_with(".md")
}

/// Every regular file that is not hidden. The whole archive is read, to its checksum, so that damage
/// anywhere shows before any record is used.
///
/// # Errors
/// A damaged archive.
pub(super) fn list(source: &Source) -> Result<Listing> {
    let failed = reading(&source.place);
    let mut archive = tar::Archive::new(source.open()?);
    let mut files = Vec::new();
    for entry in archive.entries().map_err(&failed)? {
        let entry = entry.map_err(&failed)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let (parent, name) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
        if entry.header().entry_type().is_file() && !name.starts_with('.') {
            let source = source.member(&path, entry.raw_file_position(), entry.size());
            files.push(Listed { parent: parent.to_owned(), name: name.to_owned(), source });
        }
    }
    let mut rest = archive.into_inner();
    io::copy(rest.by_ref(), &mut io::sink()).map_err(&failed)?;
    Ok(Listing { place: source.place.clone(), directory: None, files })
}
