//! NumPy's npz format, a zip of npy arrays: arrays in and out.
//!
//! Not pickles: an array of Python objects is refused.

use super::npy::{self, Array, Element};
use super::pickle;
use super::source::{Limited, damaged, too_large};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

pub(super) type Zip = ZipArchive<BufReader<File>>;

pub(super) fn open(path: &Path) -> Result<Zip> {
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    ZipArchive::new(BufReader::with_capacity(1 << 16, file)).map_err(|e| zip_error(path, &e))
}

fn zip_error(path: &Path, error: &ZipError) -> Error {
    let place = path.display().to_string();
    match error {
        ZipError::UnsupportedArchive(what) => Error::data(place)
            .expected("a zip as numpy.savez or numpy.savez_compressed writes it")
            .found(*what)
            .advice("save it again with numpy.savez_compressed"),
        _ => damaged(&place, &error.to_string()),
    }
}

/// The names of the arrays, without `.npy`.
pub(super) fn arrays(path: &Path, zip: &Zip) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for name in zip.file_names() {
        let name = name.map_err(|e| zip_error(path, &e))?;
        names.extend(name.strip_suffix(".npy").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Opens array `name`, at most `max_bytes` long when inflated, and hands its stream, its length and its
/// name for messages to `read`, which says `None` for an array of objects.
pub(super) fn with_array<T>(
    path: &Path,
    zip: &mut Zip,
    name: &str,
    max_bytes: u64,
    read: impl FnOnce(&mut dyn Read, u64, &str) -> Result<Option<T>>,
) -> Result<T> {
    let place = format!("{}[{name}]", path.display());
    let entry = zip.by_name(&format!("{name}.npy")).map_err(|e| zip_error(path, &e))?;
    let length = entry.size();
    if length > max_bytes {
        return Err(too_large(&place, max_bytes));
    }
    let mut reader = BufReader::with_capacity(1 << 16, Limited::new(entry, max_bytes, &place));
    read(&mut reader, length, &place)?.ok_or_else(|| pickle::objects(path, &place))
}

/// Every array of the npz file `path`, by name. `max_bytes` is the most that each may take when inflated.
///
/// # Errors
/// A missing or damaged file, arrays of objects, element types that [`Array`] does not hold.
pub fn read(path: &Path, max_bytes: u64) -> Result<BTreeMap<String, Array>> {
    read_where(path, max_bytes, |_| true)
}

/// As [`read`], of the arrays with a `wanted` name alone.
///
/// # Errors
/// As [`read`].
pub fn read_where(
    path: &Path,
    max_bytes: u64,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Array>> {
    let mut zip = open(path)?;
    let mut found = BTreeMap::new();
    for name in arrays(path, &zip)?.into_iter().filter(|name| wanted(name)) {
        let array = with_array(path, &mut zip, &name, max_bytes, |r, _, place| npy::read(r, place))?;
        found.insert(name, array);
    }
    Ok(found)
}

/// Writes named arrays one after another.
///
/// The same arrays give the same bytes: times are fixed, and nothing is compressed, so that no version
/// of a compressor shows. `numpy.load` reads the result.
pub struct Writer<W: Write + Seek> {
    zip: ZipWriter<W>,
}

impl<W: Write + Seek> Writer<W> {
    /// An archive without arrays, to be written to `writer`.
    pub fn new(writer: W) -> Self {
        Writer { zip: ZipWriter::new(writer) }
    }

    /// Adds the array `name`: `values` in C order.
    ///
    /// # Errors
    /// A failed write, or a name that was used before.
    ///
    /// # Panics
    /// If `values` has not as many elements as `shape` says.
    pub fn write<T: Element>(&mut self, name: &str, shape: &[usize], values: &[T]) -> Result<()> {
        let bytes = size_of_val(values) as u64;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            // Room for the header; zip64 only where it is needed, since some readers lack it.
            .large_file(bytes > u64::from(u32::MAX) - (1 << 16));
        self.zip.start_file(format!("{name}.npy"), options).map_err(|e| write_error(name, &e))?;
        npy::write(&mut self.zip, shape, values).map_err(|e| write_error(name, &ZipError::Io(e)))
    }

    /// Writes the table of contents, without which the archive cannot be read, and gives the writer back.
    ///
    /// # Errors
    /// A failed write.
    pub fn finish(self) -> Result<W> {
        self.zip.finish().map_err(|e| write_error("table of contents", &e))
    }
}

fn write_error(name: &str, error: &ZipError) -> Error {
    Error::new(Kind::Io, format!("writing array {name}")).found(error.to_string())
}

/// Writes the file `path` whole or not at all: `fill` adds the arrays to a file beside it, which then
/// takes the name.
///
/// # Errors
/// Those of `fill` and of the file system; `path` is then as it was.
pub fn save(path: &Path, fill: impl FnOnce(&mut Writer<BufWriter<File>>) -> Result<()>) -> Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".partial");
    let aside = Path::new(&aside);
    let failed = |e: std::io::Error| Error::io(path, &e);
    let mut writer = Writer::new(BufWriter::new(File::create(aside).map_err(failed)?));
    let written = fill(&mut writer)
        .and_then(|()| writer.finish())
        .and_then(|w| w.into_inner().map_err(|e| failed(e.into_error())))
        .and_then(|file| file.sync_all().map_err(failed))
        .and_then(|()| std::fs::rename(aside, path).map_err(failed));
    if written.is_err() {
        // The first error is the one to report; what cannot be removed is only litter.
        let _ = std::fs::remove_file(aside);
    }
    written.map_err(|e| if e.kind == Kind::Io { Error { place: path.display().to_string(), ..e } } else { e })
}

#[cfg(test)]
mod tests {
    use super::super::npy::Values;
    use super::*;
    use std::io::Cursor;

    fn two_arrays() -> Vec<u8> {
        let mut writer = Writer::new(Cursor::new(Vec::new()));
        writer.write("a", &[2, 2], &[1.0_f32, 2.0, 3.0, 4.0]).expect("written");
        writer.write("b", &[3], &[-1_i64, 0, 1]).expect("written");
        writer.finish().expect("finished").into_inner()
    }

    fn read_bytes(bytes: &[u8], max_bytes: u64) -> Result<BTreeMap<String, Array>> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f.npz");
        std::fs::write(&path, bytes).expect("written");
        read(&path, max_bytes)
    }

    #[test]
    fn what_is_written_is_read_back_and_always_the_same_bytes() {
        let bytes = two_arrays();
        assert_eq!(bytes, two_arrays());
        let arrays = read_bytes(&bytes, 1 << 20).expect("read");
        assert_eq!(arrays["a"], Array { shape: vec![2, 2], values: Values::F32(vec![1., 2., 3., 4.]) });
        assert_eq!(arrays["b"], Array { shape: vec![3], values: Values::I64(vec![-1, 0, 1]) });
    }

    #[test]
    fn every_truncation_is_an_error_and_so_is_a_changed_element() {
        let bytes = two_arrays();
        for length in 0..bytes.len() {
            assert!(read_bytes(&bytes[..length], 1 << 20).is_err(), "cut to {length} of {}", bytes.len());
        }
        let mut changed = bytes.clone();
        let one = 1.0_f32.to_le_bytes();
        let place = changed.windows(4).position(|w| w == one).expect("the 1");
        changed[place] ^= 1;
        let message = read_bytes(&changed, 1 << 20).expect_err("checksum").to_string();
        assert!(message.contains("f.npz[a]") && message.contains("corrupt"), "{message}");
    }

    #[test]
    fn the_limit_names_its_flag() {
        let message = read_bytes(&two_arrays(), 100).expect_err("too large").to_string();
        assert!(message.contains("at most 100 bytes") && message.contains("--max-bytes"), "{message}");
    }

    #[test]
    fn a_failed_save_leaves_the_old_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("f.npz");
        save(&path, |w| w.write("a", &[1], &[1_u8])).expect("saved");
        let before = std::fs::read(&path).expect("there");
        save(&path, |w| {
            w.write("a", &[1], &[2_u8])?;
            Err(Error::data("on purpose"))
        })
        .expect_err("failed");
        assert_eq!(std::fs::read(&path).expect("there"), before);
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
    }
}
