//! Standard output for results, standard error for everything else.

use std::io::{self, Write};

use serde::Serialize;
use terminal_size::{Width, terminal_size_of};

use crate::error::{Error, Kind, Result};
use crate::report::lines::fitted;

/// Narrower terminals are written to as if they had so many columns: below, words stand alone.
const NARROWEST: usize = 40;

/// The columns of standard output where it is a terminal, else `otherwise`.
pub(super) fn columns(otherwise: usize) -> usize {
    width(terminal_size_of(io::stdout()).map(|(width, _)| width)).unwrap_or(otherwise)
}

/// The columns of standard error where it is a terminal, else as many as there are.
pub(super) fn note_columns() -> usize {
    width(terminal_size_of(io::stderr()).map(|(width, _)| width)).unwrap_or(usize::MAX)
}

/// A terminal's columns.
fn width(of: Option<Width>) -> Option<usize> {
    of.map(|Width(columns)| usize::from(columns).max(NARROWEST))
}

/// Writes `text` to standard output, with a line break at its end; on a terminal broken between words where it
/// is too narrow.
///
/// # Errors
/// The output cannot be written. A reader who has left (`| head`) is none.
pub(super) fn result(text: &str) -> Result<()> {
    exact(&fitted(text, columns(usize::MAX)))
}

/// Writes `text`, which another program may read, to standard output as it is, with a line break at its end.
///
/// # Errors
/// As [`result`].
pub(super) fn exact(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::io("standard output", &e)),
        _ => Ok(()),
    }
}

/// Writes `value` as indented JSON to standard output.
///
/// # Errors
/// As [`result`].
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Kind::Io, "standard output").found(e.to_string()))?;
    exact(&text)
}

/// Writes a line to standard error, on a terminal as [`result`] does. Where it cannot be written there is no other place to report that.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", fitted(text, note_columns()));
}

/// The command that was typed, as advice to type it again.
pub(super) fn again() -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    let quoted = |word: String| match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    let words: Vec<String> = std::iter::once("veilgrad".to_owned()).chain(words).collect();
    format!("continue with `{}`", words.join(" "))
}
