//! Predictions in a CSV file: a row a record, a header that names the columns.
//!
//! Not which column is which (`header`). Commas, semicolons, tabs or blanks part the fields, which may be
//! quoted; where it is not a comma, numbers may have a decimal comma. The file may be compressed with gzip.

use super::column::{Column, Ids, Texts, number};
use super::header::{Header, OutputColumns};
use super::labels::from_matrix;
use super::options::Options;
use super::raw::{self, RawPredictions};
use crate::audit::outputs::{OutputSlice, OutputValues};
use crate::dataset::formats::{delimiter, line_of, open_text};
use crate::error::{Error, Result};
use crate::memory;
use csv::{ByteRecord, ReaderBuilder, Trim};
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// Numbers after which it is asked again whether there is memory for as many more.
const ASKED: usize = 1 << 22;

/// Distinct values of a column that must be few.
const MOST: usize = 100_000;

/// How to audit a model of several labels a record.
const PER_LABEL: &str = "each label is a model of its own, with two classes: audit one after another, a file \
with its column of labels, its column of outputs, and membership";

/// The predictions in the file `path`; of `one_side`, without membership.
pub(super) fn read(path: &Path, options: &Options, one_side: bool) -> Result<RawPredictions> {
    let place = path.display().to_string();
    let (first, all) = first_line(path, options)?;
    let crlf = first.ends_with(b"\r\n");
    let broken = |e: csv::Error| broken(&place, e, crlf);
    let part = delimiter(&first);
    let quote = if first.trim_ascii_start().starts_with(b"'") { b'\'' } else { b'"' };
    let mut reader = ReaderBuilder::new().delimiter(part).quote(quote).trim(Trim::All).from_reader(all);
    let names: Vec<String> = reader
        .headers()
        .map_err(broken)?
        .iter()
        .map(|n| n.trim_matches(['\u{feff}', ' ']).to_owned())
        .collect();
    let header = Header::of(names, path, options, one_side)?;
    let OutputColumns { columns, .. } = &header.outputs;
    let classes = columns.len();
    let (mut outputs, mut rows) = (vec![], Ids::default());
    let (mut labels, mut membership, mut groups) = (Texts::default(), Texts::default(), Texts::default());
    let mut persons = Texts::default();
    let mut one_hot: Vec<f32> = vec![];
    let mut record = ByteRecord::new();
    let mut next = ASKED;
    while reader.read_byte_record(&mut record).map_err(broken)? {
        let text = |at: usize| std::str::from_utf8(&record[at]).unwrap_or("\u{fffd}");
        let bad = |at: usize, expected: &str| {
            let line = line_of(record.position(), crlf);
            Error::data(format!("{place}:{line}, column {}", header.names[at]))
                .expected(expected)
                .found(format!("{:?}", text(at)))
        };
        let number_at = |at: usize| number(text(at)).ok_or_else(|| bad(at, "a number"));
        for &at in columns {
            outputs.push(number_at(at)?);
        }
        match &header.labels[..] {
            [at] => labels.push(text(*at)),
            several => {
                for &at in several {
                    one_hot.push(number_at(at)? as f32);
                }
            }
        }
        for (at, texts) in [(header.membership, &mut membership), (header.subgroup, &mut groups)] {
            let Some(at) = at else { continue };
            texts.push(text(at));
            if texts.values.len() > MOST {
                return Err(bad(at, "one of a few values"));
            }
        }
        if labels.values.len() > MOST {
            return Err(bad(header.labels[0], "one of a few classes"));
        }
        if let Some(at) = header.person {
            persons.push(text(at));
        }
        if let Some(at) = header.row {
            rows.push(text(at));
        }
        if outputs.len() >= next {
            next = 2 * outputs.len();
            memory::check(&place, "as many outputs again", (size_of_val(&outputs[..])) as u64)?;
        }
    }
    let n = outputs.len() / classes;
    if n == 0 {
        return Err(Error::data(place).expected("records").found("only a header"));
    }
    let labels = match header.labels.len() {
        1 => Column::from(labels),
        width => from_matrix(&one_hot, n, width, path, "labels").map_err(|error| Error {
            place: format!("{place}, columns {} …", header.names[header.labels[0]]),
            advice: if error.advice.is_empty() { String::new() } else { PER_LABEL.to_owned() },
            ..error
        })?,
    };
    let given = |there: Option<usize>, texts: Texts| there.map(|_| Column::from(texts));
    Ok(RawPredictions {
        name: raw::name(path),
        half_ulp: OutputSlice::F64(&[]).half_ulp(),
        outputs: OutputValues::F64(outputs),
        augmented: None,
        augmentations: 1,
        classes,
        declared: header.outputs.declared,
        outputs_name: match columns[..] {
            [one] => format!("column {}", header.names[one]),
            _ => {
                format!("columns {} to {}", header.names[columns[0]], header.names[columns[classes - 1]])
            }
        },
        class_names: header.outputs.class_names.clone(),
        several_labels: (header.labels.len() > 1).then(|| PER_LABEL.to_owned()),
        labels,
        membership: given(header.membership, membership),
        subgroups: given(header.subgroup, groups),
        persons: given(header.person, persons),
        rows: header.row.map(|_| rows),
        shadows: None,
        found: header.found,
        place,
    })
}

/// The first line of the file, and all of it again.
fn first_line(path: &Path, options: &Options) -> Result<(Vec<u8>, impl Read + use<>)> {
    /// Longer lines are no header.
    const LONGEST: u64 = 1 << 24;
    let mut reader = BufReader::with_capacity(1 << 18, open_text(path, options.max_bytes)?);
    let mut first = vec![];
    let io = |e: std::io::Error| broken(&path.display().to_string(), csv::Error::from(e), false);
    reader.by_ref().take(LONGEST).read_until(b'\n', &mut first).map_err(io)?;
    if first.contains(&0) {
        return Err(other_kind(&path.display().to_string()));
    }
    let again = Cursor::new(first.clone()).chain(reader);
    Ok((first, again))
}

fn other_kind(place: &str) -> Error {
    Error::data(place)
        .expected("npz, npy files, safetensors, or CSV in UTF-8 with a header")
        .found("a file of another kind")
}

fn broken(place: &str, error: csv::Error, crlf: bool) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(e) => {
            let own = e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).cloned();
            own.unwrap_or_else(|| {
                Error::data(place).expected("a complete, undamaged file").found(e.to_string())
            })
        }
        csv::ErrorKind::Utf8 { .. } => other_kind(place),
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = line_of(pos.as_ref(), crlf);
            Error::data(format!("{place}:{line}"))
                .expected(format!("{expected_len} columns, as in the header"))
                .found(len.to_string())
                .advice("complete or remove the line")
        }
        other => Error::data(place).expected("CSV").found(format!("{other:?}")),
    }
}
