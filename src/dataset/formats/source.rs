//! A stretch of bytes to be read, perhaps several times: a file, a compressed file, a member of an
//! archive. Inflated bytes are counted against a limit.
//!
//! Not what the bytes mean: the formats decide that.

use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Where bytes come from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// For messages: the path, and `[member]` where there is one.
    pub(super) place: String,
    pub(super) gzip: bool,
    /// Offset and length of an archive's member, after inflation.
    pub(super) range: Option<(u64, u64)>,
    /// Most bytes that may come out of a compressed file.
    pub(super) max_bytes: u64,
}

impl Source {
    pub(super) fn file(path: &Path, gzip: bool, max_bytes: u64) -> Self {
        Source { path: path.to_owned(), place: path.display().to_string(), gzip, range: None, max_bytes }
    }

    /// The stretch `offset..offset + length` of this source, called `name`.
    pub(super) fn member(&self, name: &str, offset: u64, length: u64) -> Self {
        Source {
            place: format!("{}[{name}]", self.path.display()),
            range: Some((offset, length)),
            ..self.clone()
        }
    }

    /// The bytes from the start.
    pub(super) fn open(&self) -> Result<Box<dyn Read>> {
        let file = File::open(&self.path).map_err(|e| Error::io(&self.path, &e))?;
        let mut reader: Box<dyn Read> = if self.gzip {
            let inflated = MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file));
            Box::new(Limited::new(inflated, self.max_bytes, &self.place))
        } else {
            Box::new(file)
        };
        if let Some((offset, length)) = self.range {
            io::copy(&mut reader.by_ref().take(offset), &mut io::sink())
                .map_err(|e| read_error(&self.place, &e))?;
            reader = Box::new(reader.take(length));
        }
        Ok(reader)
    }

    /// Up to `length` bytes from the start.
    pub(super) fn head(&self, length: u64) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        self.open()?.take(length).read_to_end(&mut head).map_err(|e| read_error(&self.place, &e))?;
        Ok(head)
    }

    /// Reads a compressed file to its checksum, so that damage is not taken for odd content.
    pub(super) fn verify(&self) -> Result<()> {
        if self.gzip {
            io::copy(&mut self.open()?, &mut io::sink()).map_err(|e| read_error(&self.place, &e))?;
        }
        Ok(())
    }

    /// How many bytes there are, where that is known without inflating.
    pub(super) fn length(&self) -> Result<Option<u64>> {
        match (self.range, self.gzip) {
            (Some((_, length)), _) => Ok(Some(length)),
            (None, true) => Ok(None),
            (None, false) => {
                std::fs::metadata(&self.path).map(|m| Some(m.len())).map_err(|e| Error::io(&self.path, &e))
            }
        }
    }
}

/// A reader that fails past a number of bytes: a small file that inflates to a huge one.
pub(super) struct Limited<R> {
    inner: R,
    left: u64,
    limit: u64,
    place: String,
}

impl<R> Limited<R> {
    pub(super) fn new(inner: R, limit: u64, place: &str) -> Self {
        Limited { inner, left: limit, limit, place: place.to_owned() }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => Err(io::Error::other(too_large(&self.place, self.limit))),
        }
    }
}

/// The error for a source that inflates to more than `limit` bytes.
pub(super) fn too_large(place: &str, limit: u64) -> Error {
    Error::data(place)
        .expected(format!("at most {limit} bytes once decompressed"))
        .found("more")
        .advice("if you trust the file, raise the limit with --max-bytes")
}

/// The error for a failed read: an [`Error`] that a reader of ours wrapped, damage, or the system's.
pub(super) fn read_error(place: &str, source: &io::Error) -> Error {
    use io::ErrorKind as E;
    if let Some(error) = source.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return error.clone();
    }
    match source.kind() {
        E::UnexpectedEof | E::InvalidData | E::InvalidInput | E::Other => damaged(place, &source.to_string()),
        _ => Error::io(place, source),
    }
}

/// The error for a source without a record.
pub(crate) fn empty(place: &str) -> Error {
    Error::data(place).expected("records").found("an empty file").advice("check that it was written whole")
}

/// A closure that turns a read's failure at `place` into an [`Error`].
pub(super) fn reading(place: &str) -> impl Fn(std::io::Error) -> Error {
    move |e| read_error(place, &e)
}

/// The error for a file that is cut short or altered.
pub(super) fn damaged(place: &str, found: &str) -> Error {
    Error::data(place)
        .expected("a complete, undamaged file")
        .found(found)
        .advice("copy or download it again: it is truncated or corrupt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact_and_names_the_flag() {
        let bytes = [7; 100];
        let mut all = Vec::new();
        Limited::new(&bytes[..], 100, "f").read_to_end(&mut all).expect("100 of 100");
        assert_eq!(all, bytes);
        let error = Limited::new(&bytes[..], 99, "f").read_to_end(&mut all).expect_err("100 of 99");
        let error = read_error("elsewhere", &error);
        assert!(error.to_string().starts_with("f: expected at most 99 bytes"), "{error}");
        assert!(error.advice.contains("--max-bytes"));
    }
}
