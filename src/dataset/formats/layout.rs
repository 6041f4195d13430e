//! The layout of a CSV: its delimiter, whether it has a header, where the label stands. Told from the
//! first hundred records.
//!
//! Not what the columns hold (columns).

use super::super::options::LoadOptions;
use super::super::table::field;
use super::super::table::heads::{Heads, is_label};
use super::charset::{self, Charset};
use super::source::{Source, read_error};
use super::text;
use crate::error::{Error, Result};
use std::io::Read;

/// How a text file is to be read.
#[derive(Debug)]
pub(super) struct Layout {
    delimiter: u8,
    /// `f1,…;label`.
    text_form: bool,
    charset: Charset,
    /// Whether lines end in CR LF.
    crlf: bool,
    pub(super) heads: Heads,
}

type Reader = ::csv::Reader<Box<dyn Read>>;

impl Layout {
    /// Looks at the start of `source`; `options.header` overrides the guess.
    pub(super) fn detect(source: &Source, options: &LoadOptions) -> Result<Self> {
        // Long enough for a line of some hundred thousand columns.
        const HEAD: u64 = 1 << 22;
        let charset = charset::of(source, options.encoding.as_deref())?;
        let head = charset::text_head(source, &charset, HEAD)?;
        let bytes = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
        let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        let text_form = text::is_form(line);
        let delimiter = if text_form { b',' } else { delimiter(line) };
        let heads = Heads {
            place: source.place.clone(),
            label_last: text_form,
            semicolons: delimiter == b';',
            ..Heads::default()
        };
        let mut layout = Layout { delimiter, text_form, charset, crlf: line.ends_with(b"\r"), heads };
        let mut rows: Vec<Vec<String>> = Vec::new();
        // Whole lines only, unless the file ends here.
        let whole = if (head.len() as u64) < HEAD {
            bytes
        } else {
            &bytes[..bytes.iter().rposition(|b| *b == b'\n').unwrap_or(0)]
        };
        for record in layout.reader(Box::new(std::io::Cursor::new(whole.to_vec()))).byte_records().take(100) {
            let record = record.map_err(|e| csv_error(&source.place, e))?;
            rows.push(record.iter().map(field::text).collect());
        }
        let Some(first) = rows.first() else {
            return Err(Error::data(&source.place)
                .expected(format!("lines of at most {HEAD} bytes"))
                .found("a longer one")
                .advice("check that it is a CSV"));
        };
        // A schema knows the names that a header would have. One of other names is told by what stands below it:
        // its columns must not be taken for the schema's by their places.
        let by_schema = options.schema.as_ref().map(|schema| {
            schema.names_any(first) || rows.len() > 1 && schema.has_names() && is_header(&rows)
        });
        let header = options.header.or(by_schema).unwrap_or_else(|| !text_form && is_header(&rows));
        layout.heads.header = header;
        layout.heads.names =
            if header { first.clone() } else { first.iter().map(|_| String::new()).collect() };
        layout.heads.check()?;
        Ok(layout)
    }

    /// The line that a record at `position` begins in.
    pub(super) fn line(&self, position: Option<&::csv::Position>) -> u64 {
        line_of(position, self.crlf)
    }

    /// A reader of the records, the header left out, whatever the rows' lengths.
    pub(super) fn open(&self, source: &Source) -> Result<Reader> {
        let bytes = self.charset.decoded(source)?;
        Ok(self.builder().flexible(true).has_headers(self.heads.header).from_reader(if self.text_form {
            Box::new(text::Commas(bytes))
        } else {
            bytes
        }))
    }

    fn reader(&self, bytes: Box<dyn Read>) -> Reader {
        let bytes = if self.text_form { Box::new(text::Commas(bytes)) } else { bytes };
        self.builder().has_headers(false).flexible(true).from_reader(bytes)
    }

    fn builder(&self) -> ::csv::ReaderBuilder {
        let mut builder = ::csv::ReaderBuilder::new();
        builder.delimiter(self.delimiter).buffer_capacity(1 << 16);
        builder
    }

    /// The layout in words.
    pub(super) fn describe(&self) -> String {
        let delimiter = match (self.text_form, self.delimiter) {
            (true, _) => "text of the form features;label".to_owned(),
            (false, b',') => "CSV".to_owned(),
            (false, b'\t') => "tab-separated text".to_owned(),
            (false, b' ') => "blank-separated text".to_owned(),
            (false, other) => format!("CSV with {:?}", other as char),
        };
        let header = if self.heads.header { "with" } else { "without" };
        format!("{delimiter} {header} a header{}", self.charset.note())
    }
}

/// The line, counted from 1, that a record at `position` begins in; 0 where that is not known. In a file whose lines
/// end in CR LF (`crlf`) the reader has a record end at the CR, and counts the LF before the next one to that one.
pub(crate) fn line_of(position: Option<&::csv::Position>, crlf: bool) -> u64 {
    position.map_or(0, |at| at.line() + u64::from(crlf && at.byte() > 0))
}

/// The commonest of comma, semicolon, tab and bar outside quotes; blanks if there is none of those.
pub(crate) fn delimiter(line: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in line.trim_ascii_end() {
        quoted ^= *byte == b'"';
        counts.iter_mut().filter(|(d, _)| !quoted && d == byte).for_each(|(_, n)| *n += 1);
    }
    // On a tie the first: max_by_key would take the last.
    match counts.iter().rev().max_by_key(|(_, n)| *n) {
        Some((delimiter, 1..)) => *delimiter,
        _ if line.trim_ascii().contains(&b' ') => b' ',
        _ => b',',
    }
}

/// Whether the first of `rows` names the columns. It does not if one of its texts turns up again in the
/// same column. It does if it names a label, if it counts its columns from 0 as data frames without
/// names do, or if none of it is a number.
fn is_header(rows: &[Vec<String>]) -> bool {
    let Some((first, rest)) = rows.split_first() else { return false };
    let number = |text: &String| text.parse::<f64>().is_ok();
    let again = |j: usize, text: &String| rest.iter().any(|row| row.get(j) == Some(text));
    if first.iter().enumerate().any(|(j, text)| !number(text) && !text.is_empty() && again(j, text)) {
        return false;
    }
    // Longer than a small record that happens to read 0, 1, 2.
    let counted = first.len() > 9 && first.iter().enumerate().all(|(j, text)| *text == j.to_string());
    let label = first.iter().any(|text| is_label(text));
    counted || label || !first.iter().any(number)
}

/// The error for a record that the reader could not take.
pub(super) fn csv_error(place: &str, error: ::csv::Error) -> Error {
    let line = |pos: &Option<::csv::Position>| pos.as_ref().map_or(0, ::csv::Position::line);
    match error.into_kind() {
        ::csv::ErrorKind::Io(e) => read_error(place, &e),
        ::csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            Error::data(format!("{place}:{}", line(&pos)))
                .expected(format!("{expected_len} columns, as in the first line"))
                .found(len.to_string())
                .advice("complete or remove the line")
        }
        other => Error::data(place).expected("CSV text").found(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<Vec<String>> {
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    #[test]
    fn headers_are_told_from_records() {
        assert!(is_header(&rows("age,town\n3,a\n4,b")));
        assert!(is_header(&rows("0,1,label\n3,4,5")));
        assert!(is_header(&rows("0,1,2,3,4,5,6,7,8,9\n3,4,5,1,1,1,1,1,1,1")));
        assert!(!is_header(&rows("0,1,2\n0,1,1")));
        assert!(!is_header(&rows("5.1,setosa\n4.9,setosa")));
        assert!(!is_header(&rows("red,yes\nblue,no\nred,no")), "red turns up again");
        assert!(!is_header(&rows("y,1\nn,0\ny,1")), "y is a value here");
    }

    #[test]
    fn delimiters_are_counted_outside_quotes() {
        assert_eq!(delimiter(b"a,b;c,d"), b',');
        assert_eq!(delimiter(b"\"a,b,c\";d"), b';');
        assert_eq!(delimiter(b"a\tb"), b'\t');
        assert_eq!(delimiter(b"a|b"), b'|');
        assert_eq!(delimiter(b"1 2 3\r"), b' ');
        assert_eq!(delimiter(b"12"), b',');
    }
}
