//! The one error type: what was expected, what was found, where, and what to do about it.
//!
//! Also which of the names that there are a person may have meant who typed another ([`nearest`]).
//!
//! Not a backtrace carrier: every message is meant for the person who typed the command.

use std::fmt;
use std::path::Path;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the classes that callers treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A flag, key or value that was typed is not acceptable (exit code 2).
    Usage,
    /// A data file's content.
    Data,
    /// The file system: missing, unreadable, unwritable, already there.
    Io,
    /// No adapter, a limit of the adapter, a kernel that did not build or run.
    Gpu,
    /// The GPU's memory did not suffice: less at once may fit.
    Memory,
    /// The device was lost: nothing more runs on it, what is on disk is kept.
    Lost,
    /// Shapes or nodes of a graph that do not fit each other: a bug in the caller's graph.
    Graph,
    /// A replica's loss or parameters became NaN or infinite.
    Diverged,
    /// Ctrl-C.
    Interrupted,
    /// An audit's result is not what was demanded of it (exit code 3).
    Gate,
    /// What was demanded of an audit cannot be judged (exit code 4).
    Inconclusive,
}

/// An error message in four parts. Displayed as
/// `place: expected …, found …; advice`, empty parts left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The class, which decides the exit code.
    pub kind: Kind,
    /// Where: a file and line, a configuration key, an operation, a limit's name.
    pub place: String,
    /// What was expected there.
    pub expected: String,
    /// What was found instead.
    pub found: String,
    /// What to do.
    pub advice: String,
}

impl Error {
    /// An error of `kind` at `place`; fill in the rest with [`expected`](Self::expected),
    /// [`found`](Self::found) and [`advice`](Self::advice).
    pub fn new(kind: Kind, place: impl Into<String>) -> Self {
        Error {
            kind,
            place: place.into(),
            expected: String::new(),
            found: String::new(),
            advice: String::new(),
        }
    }

    /// An error of what was typed: [`Kind::Usage`].
    pub fn usage(place: impl Into<String>) -> Self {
        Self::new(Kind::Usage, place)
    }

    /// An error of a data file's content: [`Kind::Data`].
    pub fn data(place: impl Into<String>) -> Self {
        Self::new(Kind::Data, place)
    }

    /// An error of adapter, driver or kernel: [`Kind::Gpu`].
    pub fn gpu(place: impl Into<String>) -> Self {
        Self::new(Kind::Gpu, place)
    }

    /// An error of a graph's shapes or nodes: [`Kind::Graph`].
    pub fn graph(place: impl Into<String>) -> Self {
        Self::new(Kind::Graph, place)
    }

    /// An operating-system error on `path`, with advice for the usual causes.
    pub fn io(path: impl AsRef<Path>, source: &std::io::Error) -> Self {
        use std::io::ErrorKind as E;
        let advice = match source.kind() {
            E::NotFound => "check the path",
            E::PermissionDenied | E::ReadOnlyFilesystem => {
                "choose a place you may read and write, or change its permissions"
            }
            E::StorageFull => "free some space, or choose another place",
            _ => "",
        };
        Self::new(Kind::Io, path.as_ref().display().to_string()).found(source.to_string()).advice(advice)
    }

    /// The same error with what was expected, in place of what it said of that.
    #[must_use]
    pub fn expected(mut self, text: impl Into<String>) -> Self {
        self.expected = text.into();
        self
    }

    /// The same error with what was found instead, in place of what it said of that.
    #[must_use]
    pub fn found(mut self, text: impl Into<String>) -> Self {
        self.found = text.into();
        self
    }

    /// The same error with what to do, in place of earlier advice; [`also`](Self::also) keeps that.
    #[must_use]
    pub fn advice(mut self, text: impl Into<String>) -> Self {
        self.advice = text.into();
        self
    }

    /// The same error with what a deserializer says against a value, in the words of who wrote it.
    #[must_use]
    pub fn refused(self, message: &str) -> Self {
        let kinds = ["invalid type: ", "invalid value: "];
        let value = kinds.iter().find_map(|kind| message.strip_prefix(kind));
        match value.and_then(|text| text.rsplit_once(", expected ")) {
            Some((found, expected)) => self.expected(plain_type(expected)).found(plain_value(found)),
            None => self.found(message),
        }
    }

    /// More advice, after what there is.
    #[must_use]
    pub fn also(self, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let advice =
            if self.advice.is_empty() { text.to_owned() } else { format!("{}; {text}", self.advice) };
        self.advice(advice)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        match (self.expected.is_empty(), self.found.is_empty()) {
            (false, false) => write!(f, ": expected {}, found {}", self.expected, self.found)?,
            (false, true) => write!(f, ": expected {}", self.expected)?,
            (true, false) => write!(f, ": {}", self.found)?,
            (true, true) => {}
        }
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// A type as serde names it.
fn plain_type(name: &str) -> &str {
    match name {
        "usize" | "u64" | "u32" => "a whole number from 0",
        "f64" | "f32" => "a number",
        "a sequence" => "a list",
        "a map" => "a table",
        "a boolean" => "true or false",
        "a string" => "text",
        other => other,
    }
}

/// A value as serde describes it: "floating point `0.5`", "string \"a\"", "integer `9` as i128".
fn plain_value(described: &str) -> &str {
    match described {
        "sequence" => return "a list",
        "map" => return "a table",
        _ => {}
    }
    let bare = described.trim_end_matches(" as i128").trim_end_matches(" as u128");
    let kinds = ["floating point ", "integer ", "boolean ", "string "];
    kinds.iter().find_map(|kind| bare.strip_prefix(kind)).map_or(bare, |value| value.trim_matches('`'))
}

/// The name most like `typed`, if any is likely to be meant. The last part of a dotted key counts
/// most, so that the right key in the wrong table is found.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Below this, suggestions are noise: `epoch`/`epochs` is 0.97, `lr`/`learning_rate` 0.64.
    const LIKELY: f64 = 0.85;
    let last = |key: &str| key.rsplit('.').next().map(str::to_lowercase).unwrap_or_default();
    names
        .map(|name| {
            (strsim::jaro_winkler(&last(typed), &last(name)), strsim::jaro_winkler(typed, name), name)
        })
        .filter(|&(alike, ..)| alike >= LIKELY)
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .map(|(.., name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_place_expectation_finding_and_remedy() {
        let error = Error::data("a.csv:3").expected("4 columns").found("3").advice("complete the row");
        assert_eq!(error.to_string(), "a.csv:3: expected 4 columns, found 3; complete the row");
        assert_eq!(Error::gpu("no adapter").to_string(), "no adapter");
        assert_eq!(error.also("or remove it").advice, "complete the row; or remove it");
        assert_eq!(Error::gpu("a").also("wait").advice, "wait");
    }

    #[test]
    fn a_refused_value_is_told_in_plain_words() {
        for (message, told) in [
            (
                "invalid type: floating point `0.5`, expected usize",
                "expected a whole number from 0, found 0.5",
            ),
            ("invalid value: integer `-3`, expected u32", "expected a whole number from 0, found -3"),
            (
                "invalid type: integer `99999999999999999999` as i128, expected usize",
                "expected a whole number from 0, found 99999999999999999999",
            ),
            (
                "invalid type: string \"a, expected b\", expected f64",
                "expected a number, found \"a, expected b\"",
            ),
            ("invalid type: integer `3`, expected a sequence", "expected a list, found 3"),
            ("invalid type: map, expected a boolean", "expected true or false, found a table"),
            ("unknown variant `a`, expected `b` or `c`", "unknown variant `a`, expected `b` or `c`"),
        ] {
            assert_eq!(Error::usage("key").refused(message).to_string(), format!("key: {told}"));
        }
    }

    #[test]
    fn the_nearest_name_is_found_and_a_distant_one_is_not_offered() {
        let names = ["train.epochs", "audit.epochs", "model.learning_rate", "defense.lambda"];
        let near = |typed| nearest(typed, names.into_iter());
        assert_eq!(near("defense.lamda"), Some("defense.lambda"));
        assert_eq!(near("train.Epoch"), Some("train.epochs"));
        assert_eq!(near("audit.epoch"), Some("audit.epochs"));
        assert_eq!(near("learning-rate"), Some("model.learning_rate"));
        assert_eq!(near("momentum"), None);
    }
}
