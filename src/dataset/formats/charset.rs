//! The characters of a text file: UTF-8, or another encoding that is told from the bytes or was given, and
//! never with losses.

use super::source::{Source, damaged, empty, reading};
use crate::error::{Error, Result};
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// How bytes become characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charset {
    encoding: &'static Encoding,
    /// Told from the bytes.
    detected: bool,
}

/// Bytes looked at in one go.
const BLOCK: usize = 1 << 16;

impl Charset {
    /// In messages: what is not plain UTF-8.
    pub(super) fn note(&self) -> String {
        match (self.encoding == UTF_8, self.detected) {
            (true, _) => String::new(),
            (false, true) => format!(", in {} as its bytes show", self.name()),
            (false, false) => format!(", in {} as given", self.name()),
        }
    }

    fn name(&self) -> &'static str {
        if self.encoding == WINDOWS_1252 { "Latin-1 (Windows-1252)" } else { self.encoding.name() }
    }

    /// The characters of `source` in UTF-8.
    pub(super) fn decoded(&self, source: &Source) -> Result<Box<dyn Read>> {
        let bytes = source.open()?;
        if self.encoding == UTF_8 {
            // It was looked through: nothing is to be decoded.
            return Ok(bytes);
        }
        Ok(Box::new(Decoded {
            inner: bytes,
            decoder: self.encoding.new_decoder(),
            raw: vec![0; BLOCK],
            ended: false,
            ready: String::new(),
            at: 0,
            place: source.place.clone(),
            name: self.name(),
        }))
    }
}

/// The characters of `source`: as `given`, else as its bytes show.
///
/// # Errors
/// An encoding that there is none of this name; bytes that are neither UTF-8 nor clearly of another.
pub(super) fn of(source: &Source, given: Option<&str>) -> Result<Charset> {
    let given = match given {
        None => None,
        Some(name) => Some(Encoding::for_label(name.as_bytes()).ok_or_else(|| {
            Error::usage("--encoding")
                .expected("an encoding such as utf-8, latin1, utf-16, windows-1250, shift_jis")
                .found(name)
        })?),
    };
    let head = source.head(4096)?;
    if let Some(encoding) = wide(&head).or(given.filter(|encoding| *encoding != UTF_8)) {
        return Ok(Charset { encoding, detected: given.is_none() });
    }
    let seen = look_through(source)?;
    let odd = |found: String| {
        Error::data(&source.place)
            .expected("text in UTF-8")
            .found(found)
            .advice("give the encoding, such as --encoding latin1, or export the file in UTF-8")
    };
    match (seen.invalid, seen.sequences, given) {
        (Some(before), 0, None) if seen.undefined => {
            let line = line_after(source, before)?;
            Err(odd(format!("bytes from line {line} on that are neither that nor Latin-1")))
        }
        (None, _, _) => Ok(Charset { encoding: UTF_8, detected: true }),
        (Some(before), _, Some(_)) => {
            Err(odd(format!("bytes in line {} that are not", line_after(source, before)?)))
        }
        (Some(_), 0, None) => Ok(Charset { encoding: WINDOWS_1252, detected: true }),
        (Some(before), n, None) => {
            let line = line_after(source, before)?;
            Err(odd(format!("bytes in line {line} that are not, beside {n} characters that are")))
        }
    }
}

/// The line of the byte that so many come before.
fn line_after(source: &Source, bytes: u64) -> Result<usize> {
    let mut before = BufReader::with_capacity(BLOCK, source.open()?.take(bytes));
    let mut line = 1;
    loop {
        let block = before.fill_buf().map_err(reading(&source.place))?;
        let count = block.len();
        if count == 0 {
            return Ok(line);
        }
        line += block.iter().filter(|byte| **byte == b'\n').count();
        before.consume(count);
    }
}

/// UTF-16, by its mark or by the zeros beside each letter.
fn wide(head: &[u8]) -> Option<&'static Encoding> {
    match head {
        [0xff, 0xfe, ..] => return Some(UTF_16LE),
        [0xfe, 0xff, ..] => return Some(UTF_16BE),
        _ => {}
    }
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let half = head.len() / 2;
    match (zeros(0), zeros(1)) {
        (0, odd) if half >= 2 && 2 * odd > half => Some(UTF_16LE),
        (even, 0) if half >= 2 && 2 * even > half => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether these first bytes of a file are UTF-16.
pub(super) fn is_utf16(head: &[u8]) -> bool {
    wide(head).is_some()
}

/// What bytes show that are taken for UTF-8.
struct Seen {
    /// How many bytes come before the first that is not.
    invalid: Option<u64>,
    /// Characters of several bytes that are.
    sequences: u64,
    /// Whether some of those that are not are no characters of Windows-1252 either.
    undefined: bool,
}

fn look_through(source: &Source) -> Result<Seen> {
    let mut reader = source.open()?;
    let mut seen = Seen { invalid: None, sequences: 0, undefined: false };
    let mut block = vec![0; BLOCK];
    let (mut kept, mut before) = (0, 0);
    loop {
        let count = reader.read(&mut block[kept..]).map_err(reading(&source.place))?;
        let end = kept + count;
        let mut start = 0;
        while start <= end {
            let rest = &block[start..end];
            let (valid, odd) = match std::str::from_utf8(rest) {
                Ok(valid) => (valid, None),
                Err(e) => {
                    let valid = std::str::from_utf8(&rest[..e.valid_up_to()]).unwrap_or_default();
                    // A character that the end of the block cuts goes on in the next one.
                    let cut = e.error_len().is_none() && count > 0;
                    (valid, (!cut).then(|| e.error_len().unwrap_or(rest.len() - valid.len())))
                }
            };
            if !valid.is_ascii() {
                seen.sequences += valid.chars().filter(|c| !c.is_ascii()).count() as u64;
            }
            start += valid.len();
            let Some(odd) = odd else { break };
            seen.invalid.get_or_insert(before + start as u64);
            seen.undefined |= block[start..start + odd].iter().any(|b| b"\x81\x8d\x8f\x90\x9d".contains(b));
            start += odd;
        }
        before += start as u64;
        block.copy_within(start..end, 0);
        kept = end - start;
        if count == 0 {
            return Ok(seen);
        }
    }
}

/// The characters of the text file `path` in UTF-8, inflated where it is gzip, of at most `max_bytes`.
///
/// # Errors
/// As [`of`]; a read fails past the limit.
pub(crate) fn open_text(path: &Path, max_bytes: u64) -> Result<Box<dyn Read>> {
    let plain = Source::file(path, false, max_bytes);
    #[cfg(feature = "parquet")]
    if plain.head(4)? == super::parquet::MAGIC {
        return super::parquet::as_csv(path, max_bytes);
    }
    let gzip = plain.head(2)? == b"\x1f\x8b";
    let source = Source { gzip, ..plain };
    let without_flag = |error: Error| match error.advice.contains("--encoding") {
        true => error.advice("export the file in UTF-8"),
        false => error,
    };
    of(&source, None).map_err(without_flag)?.decoded(&source)
}

/// The first `length` bytes of the text, in UTF-8, of a text that is not empty.
pub(super) fn text_head(source: &Source, charset: &Charset, length: u64) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    charset.decoded(source)?.take(length).read_to_end(&mut head).map_err(reading(&source.place))?;
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(empty(&source.place));
    }
    Ok(head)
}

/// A reader of UTF-8 from one of another encoding; what is not of that encoding is an error.
struct Decoded {
    inner: Box<dyn Read>,
    decoder: Decoder,
    raw: Vec<u8>,
    ended: bool,
    /// Decoded, and read up to `at`.
    ready: String,
    at: usize,
    place: String,
    name: &'static str,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !self.ended {
            let count = self.inner.read(&mut self.raw)?;
            self.ended = count == 0;
            self.ready.clear();
            self.at = 0;
            // Room for all that so many bytes can become: the decoder never stops for want of it.
            let room = self.decoder.max_utf8_buffer_length_without_replacement(count);
            self.ready.reserve(room.unwrap_or(8 * BLOCK));
            let bytes = &self.raw[..count];
            let (result, _) =
                self.decoder.decode_to_string_without_replacement(bytes, &mut self.ready, self.ended);
            if !matches!(result, DecoderResult::InputEmpty) {
                let error = damaged(&self.place, &format!("bytes that are no {}", self.name));
                return Err(io::Error::other(error));
            }
        }
        let count = buffer.len().min(self.ready.len() - self.at);
        buffer[..count].copy_from_slice(&self.ready.as_bytes()[self.at..][..count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], given: Option<&str>) -> Result<(String, String)> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.csv");
        std::fs::write(&path, bytes).expect("written");
        let source = Source::file(&path, false, 1 << 20);
        let charset = of(&source, given)?;
        let mut text = String::new();
        charset.decoded(&source)?.read_to_string(&mut text).map_err(reading("a.csv"))?;
        Ok((text, charset.note()))
    }

    fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn what_the_bytes_show_is_decoded_without_losses() {
        let text = "name;x\nMüller;1\nMöller;2\n";
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let (found, note) = read(&latin, None).expect("Latin-1");
        assert_eq!((found.as_str(), note.as_str()), (text, ", in Latin-1 (Windows-1252) as its bytes show"));
        assert_eq!(read(text.as_bytes(), None).expect("UTF-8"), (text.to_owned(), String::new()));
        for bytes in [
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
            utf16(&format!("\u{feff}{text}"), u16::to_le_bytes),
            utf16(&format!("\u{feff}{text}"), u16::to_be_bytes),
        ] {
            assert_eq!(read(&bytes, None).expect("UTF-16").0, text);
        }
        let long = format!("{}\n", "ä,ö,ü,ß\n".repeat(30_000));
        let latin: Vec<u8> = long.chars().map(|c| c as u8).collect();
        assert_eq!(read(&latin, None).expect("Latin-1").0, long);
        assert_eq!(read(long.as_bytes(), None).expect("UTF-8").0, long);
    }

    #[test]
    fn what_may_be_meant_in_two_ways_is_refused() {
        let mixed = b"a\nM\xc3\xbcller\nM\xf6ller\n";
        let message = read(mixed, None).expect_err("mixed").to_string();
        assert!(message.contains("line 3") && message.contains("--encoding latin1"), "{message}");
        assert_eq!(read(mixed, Some("latin1")).expect("given").0, "a\nMÃ¼ller\nMöller\n");
        assert!(read(b"a\xf6b", Some("utf-8")).expect_err("given").to_string().contains("UTF-8"));
        assert!(read(b"a", Some("klingon")).expect_err("none").to_string().contains("--encoding"));
        // Shift-JIS has bytes that Windows-1252 does not.
        let message = read(b"k\n\x92\x6a\n\x8f\x97\n", None).expect_err("unknown").to_string();
        assert!(message.contains("from line 2 on") && message.contains("--encoding"), "{message}");
        assert_eq!(read(b"\x92\x6a\x8f\x97", Some("shift_jis")).expect("given").0, "男女");
        assert!(read(b"a\x81\xff", Some("shift_jis")).expect_err("none").to_string().contains("Shift_JIS"));
    }
}
