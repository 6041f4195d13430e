//! The formats of data files, one file each, and which of them a path holds: told from its first bytes and
//! its neighbors' names.
//!
//! | what | where |
//! |---|---|
//! | what a format is | `format` |
//! | text | `csv`, `layout`, `charset`, `text` |
//! | columns | `parquet` |
//! | what tables have in common | `tables` |
//! | arrays | [`npy`], [`npz`], [`arrays`], `array`, `matrix`, `matrices` |
//! | images | `cifar`, `idx`, `images` |
//! | bytes, and what names say | `source`, `archive`, `directory`, `names` |
//! | what is not read | `foreign`, `pickle` |
//!
//! To add one: a file with a `Format` and its `mod` line, a row in `ALL` before the last, which takes any
//! text, and a reader in `fuzz/`; `CONTRIBUTING.md` has the recipe.

mod archive;
pub(super) mod array;
pub mod arrays;
mod charset;
mod cifar;
mod csv;
mod directory;
mod foreign;
pub(super) mod format;
mod idx;
mod images;
mod layout;
mod matrices;
mod matrix;
pub(super) mod names;
pub mod npy;
pub mod npz;
#[cfg(feature = "parquet")]
mod parquet;
pub(crate) mod pickle;
mod source;
mod tables;
mod text;

use crate::error::{Error, Result};
pub(crate) use charset::open_text;
pub(crate) use foreign::recognize;
use format::{File, Format, Listing, Stored};
pub(crate) use layout::{delimiter, line_of};
pub(crate) use names::data_set;
use source::Source;
pub(crate) use source::empty;
use std::path::Path;

/// Every format, in the order in which they are asked. The last takes any text.
const ALL: &[&dyn Format] = &[
    &matrices::Npz,
    &idx::Idx,
    &cifar::Cifar,
    &matrices::Npy,
    #[cfg(feature = "parquet")]
    &parquet::Parquet,
    // The last.
    &csv::Csv,
];

/// Finds out how `path`, a file or a directory, holds a data set.
///
/// # Errors
/// A path that cannot be read, an empty file, a pickle, a file of another format; a directory or an archive
/// without a data set, or with several.
pub(super) fn identify(path: &Path, max_bytes: u64) -> Result<Box<dyn Stored>> {
    let meta = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
    if meta.is_dir() {
        let listing = directory::list(path, max_bytes)?;
        return match among(&listing)? {
            Some(found) => Ok(found),
            None => identify(&directory::features(path, &listing)?, max_bytes),
        };
    }
    if meta.len() == 0 {
        return Err(source::empty(&path.display().to_string()));
    }
    pickle::refuse_by_name(path)?;
    let plain = Source::file(path, false, max_bytes);
    let gzip = plain.head(2)? == b"\x1f\x8b";
    let source = Source { gzip, ..plain };
    let head = source.head(512)?;
    // Bytes 257 to 261 of a tar file's first header (POSIX and GNU alike).
    if head.get(257..262) == Some(b"ustar") {
        let listing = archive::list(&source)?;
        return match among(&listing)? {
            Some(found) => Ok(found),
            None => in_file(&archive::file(&listing)?),
        };
    }
    in_file(&File { path: Some(path.to_owned()), labels: directory::beside(path, max_bytes), source, head })
}

/// The data set of several files of `listing`.
fn among(listing: &Listing) -> Result<Option<Box<dyn Stored>>> {
    for format in ALL {
        if let Some(found) = format.among(listing)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The data set of one file.
fn in_file(file: &File) -> Result<Box<dyn Stored>> {
    let place = &file.source.place;
    if file.head.is_empty() {
        return Err(source::empty(place));
    }
    pickle::refuse_by_bytes(&file.source, &file.head)?;
    let foreign = foreign::recognize(&file.source.path, &file.head);
    if foreign.is_none() {
        for format in ALL {
            if let Some(found) = format.in_file(file)? {
                return Ok(found);
            }
        }
    }
    file.source.verify()?;
    let (found, advice) =
        foreign.unwrap_or_else(|| ("a binary file of another kind", "export it as CSV in UTF-8".to_owned()));
    Err(Error::data(place)
        .expected(format!(
            "{}, or a tar or gzip file of those",
            ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
        ))
        .found(found)
        .advice(advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_formats_are_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("data.csv");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            identify(&path, 1 << 20).err().expect("refused").to_string()
        };
        assert!(refused(b"").contains("an empty file"));
        assert!(refused(b"BZh91AY").contains("bzip2"));
        assert!(refused(b"1 1:0.5 3:1\n").contains("LIBSVM"));
        assert!(refused(b"\x7fELF\0\0").contains("binary"));
        assert!(refused(b"\x80\x04\x95").contains("pickle"));
    }

    #[test]
    fn a_directory_needs_one_pair() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str| std::fs::write(dir.path().join(name), "1,0\n").expect("written");
        let identify = || identify(dir.path(), 1 << 20);
        assert!(identify().err().expect("empty").to_string().contains("found nothing"));
        write("feats");
        write("labels");
        assert!(identify().is_ok());
        write("X.npy");
        write("Y.npy");
        assert!(identify().err().expect("two").to_string().contains("found X.npy, feats"));
    }
}
