//! What kind of data a path holds, told from its first bytes and its neighbours' names.
//!
//! Not the reading itself: that is csv's, npy's, npz's, cifar's and idx's.

use super::source::{Source, read_error};
use super::{archive, cifar, idx, pickle};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// How a data set is stored.
#[derive(Debug)]
pub(super) enum Form {
    /// Named arrays in a zip.
    Npz(PathBuf),
    /// One array of features (and labels, if there is no other), or one array of each.
    Npy { features: Source, labels: Option<Source> },
    /// Text, likewise.
    Csv { features: Source, labels: Option<Source> },
    /// Images in CIFAR's binary form.
    Cifar(cifar::Files),
    /// Images in idx files.
    Idx(Vec<idx::Pair>),
}

/// Finds out how `path`, a file or a directory, holds a data set.
pub(super) fn identify(path: &Path, max_bytes: u64) -> Result<Form> {
    let meta = std::fs::metadata(path).map_err(|e| Error::io(path, &e))?;
    if meta.is_dir() {
        return directory(path, max_bytes);
    }
    if meta.len() == 0 {
        return Err(empty(&path.display().to_string()));
    }
    pickle::refuse_by_name(path)?;
    let plain = Source::file(path, false, max_bytes);
    let head = plain.head(512)?;
    let place = &plain.place;
    if head.starts_with(b"PK\x03\x04") {
        return Ok(Form::Npz(path.to_owned()));
    }
    for (magic, what) in [
        (&b"PK\x05\x06"[..], "an empty zip file"),
        (b"PK\x07\x08", "a zip file in several parts"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zXZ\0", "an xz file"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
        (b"\x89HDF", "an HDF5 file"),
        (b"PAR1", "a Parquet file"),
        (b"SQLite", "an SQLite file"),
    ] {
        if head.starts_with(magic) {
            return Err(Error::data(place)
                .expected("csv, npz, npy, or a tar or gzip file of those")
                .found(what)
                .advice("unpack it, or export it as CSV"));
        }
    }
    let source = Source::file(path, head.starts_with(b"\x1f\x8b"), max_bytes);
    let head = if source.gzip { source.head(512)? } else { head };
    // Bytes 257 to 261 of a tar file's first header (POSIX and GNU alike).
    if head.get(257..262) == Some(b"ustar") {
        return archive::identify(&source);
    }
    if idx::is_idx(&head) {
        return Ok(Form::Idx(vec![idx::pair(path, source)?]));
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(files) = cifar::one(&name, source.clone()) {
        return Ok(Form::Cifar(files));
    }
    let labels = beside(path, max_bytes);
    of_bytes(source, labels, &head)
}

/// The form of one file whose first bytes are `head`, and perhaps another with its labels.
pub(super) fn of_bytes(features: Source, labels: Option<Source>, head: &[u8]) -> Result<Form> {
    if head.is_empty() {
        return Err(empty(&features.place));
    }
    pickle::refuse_by_bytes(&features, head)?;
    if head.starts_with(b"\x93NUMPY") {
        return Ok(Form::Npy { features, labels });
    }
    if head.contains(&0) {
        features.verify()?;
        return Err(Error::data(&features.place)
            .expected("csv, npz, npy, or a tar or gzip file of those")
            .found(if head.starts_with(b"\xff\xfe") {
                "UTF-16 text"
            } else {
                "a binary file of another kind"
            })
            .advice("export it as CSV in UTF-8"));
    }
    Ok(Form::Csv { features, labels })
}

fn empty(place: &str) -> Error {
    Error::data(place).expected("records").found("an empty file").advice("check that it was written whole")
}

/// The directory's one pair of features and labels.
fn directory(path: &Path, max_bytes: u64) -> Result<Form> {
    let io = |e: std::io::Error| Error::io(path, &e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        names.extend(entry.map_err(io)?.file_name().into_string().ok());
    }
    names.sort();
    let plain: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = |i: usize| Source::file(&path.join(&names[i]), false, max_bytes);
    if let Some(files) = cifar::among(&plain, &path.display().to_string(), file)? {
        return Ok(Form::Cifar(files));
    }
    let images = idx::pairs(path, &names, max_bytes)?;
    if !images.is_empty() {
        return Ok(Form::Idx(images));
    }
    let features: Vec<&String> =
        names.iter().filter(|name| partners(name).iter().any(|p| names.contains(p))).collect();
    match features[..] {
        [name] => identify(&path.join(name), max_bytes),
        [] => Err(Error::data(path.display().to_string())
            .expected(
                "a directory with features and labels: X.npy and Y.npy, feats.npy and labels.npy, \
                 …-features.npy and …-labels.npy, or the text files feats and labels; or with images: \
                 CIFAR's binary files, or train-images-idx3-ubyte and train-labels-idx1-ubyte",
            )
            .found(list(&names))
            .advice("give the path of the data file itself")),
        _ => Err(Error::data(path.display().to_string())
            .expected("one pair of features and labels")
            .found(list(&features))
            .advice("give the path of the features file meant")),
    }
}

/// The labels that belong to the features file `path`, if they are beside it.
fn beside(path: &Path, max_bytes: u64) -> Option<Source> {
    let name = path.file_name()?.to_str()?;
    let found =
        partners(name).into_iter().map(|partner| path.with_file_name(partner)).find(|p| p.is_file())?;
    Some(Source::file(&found, false, max_bytes))
}

/// The names that the labels of the features file `name` may have.
pub(super) fn partners(name: &str) -> Vec<String> {
    let (stem, extension) = match name.split_once('.') {
        Some((stem, extension)) => (stem, format!(".{extension}")),
        None => (name, String::new()),
    };
    let mut stems = Vec::new();
    match stem {
        "X" => stems.extend(["Y", "y"].map(str::to_owned)),
        "x" => stems.push("y".to_owned()),
        _ => {
            for features in ["features", "feats"] {
                if let Some(start) = stem.strip_suffix(features) {
                    stems.push(format!("{start}labels"));
                }
            }
        }
    }
    stems.iter().map(|stem| format!("{stem}{extension}")).collect()
}

/// The first few of `names`, for a message.
pub(super) fn list(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// The number of classes, where the published data set that a file is named after has a fixed one:
/// Purchase100, Texas100 and Location30, told by name and number of features.
pub(super) fn published_classes(place: &str, width: usize) -> Option<usize> {
    let place = place.to_lowercase();
    [("purchase", 600, 100), ("texas", 6169, 100), ("location", 446, 30), ("bangkok", 446, 30)]
        .iter()
        .find(|(name, features, _)| place.contains(name) && *features == width)
        .map(|(_, _, classes)| *classes)
}

/// What a data set is called: the file's name without its endings.
pub(super) fn name(path: &Path) -> String {
    let name = path.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy());
    let mut stem: &str = &name;
    for ending in [".gz", ".tgz", ".tar", ".npz", ".npy", ".csv", ".tsv", ".txt"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    stem.to_owned()
}

/// Reads a text source's start, refusing one that is empty.
pub(super) fn text_head(source: &Source, length: u64) -> Result<Vec<u8>> {
    let head = source.head(length)?;
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(empty(&source.place));
    }
    Ok(head)
}

/// A closure that turns a read's failure at `place` into an [`Error`].
pub(super) fn reading(place: &str) -> impl Fn(std::io::Error) -> Error {
    move |e| read_error(place, &e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_name() {
        assert_eq!(partners("X.npy"), ["Y.npy", "y.npy"]);
        assert_eq!(partners("texas100-features.npy"), ["texas100-labels.npy"]);
        assert_eq!(partners("feats"), ["labels"]);
        assert!(partners("purchase.csv").is_empty());
    }

    #[test]
    fn published_sets_are_known_by_name_and_width() {
        assert_eq!(published_classes("/a/dataset_purchase", 600), Some(100));
        assert_eq!(published_classes("dataset_texas.tgz[texas/100/feats]", 6169), Some(100));
        assert_eq!(published_classes("my_locations.csv", 12), None);
    }

    #[test]
    fn names_lose_their_endings() {
        assert_eq!(name(Path::new("/a/dataset_location.tgz")), "dataset_location");
        assert_eq!(name(Path::new("b/retail100.npz")), "retail100");
        assert_eq!(name(Path::new("c.csv.gz")), "c");
    }

    #[test]
    fn foreign_formats_are_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("data.csv");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            identify(&path, 1 << 20).expect_err("refused").to_string()
        };
        assert!(refused(b"").contains("an empty file"));
        assert!(refused(b"BZh91AY").contains("bzip2"));
        assert!(refused(b"\xff\xfe1\0,\0").contains("UTF-16"));
        assert!(refused(b"\x7fELF\0\0").contains("binary"));
        assert!(refused(b"\x80\x04\x95").contains("pickle"));
    }

    #[test]
    fn a_directory_needs_one_pair() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str| std::fs::write(dir.path().join(name), "1,0\n").expect("written");
        let identify = || identify(dir.path(), 1 << 20);
        assert!(identify().expect_err("empty").to_string().contains("found nothing"));
        write("feats");
        write("labels");
        assert!(matches!(identify(), Ok(Form::Csv { labels: Some(_), .. })));
        write("X.npy");
        write("Y.npy");
        assert!(identify().expect_err("two").to_string().contains("found X.npy, feats"));
    }
}
