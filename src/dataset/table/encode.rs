//! Records of a table to features, by a schema: columns by their names, whatever their order and whatever
//! other columns there are.

use super::super::features::{Builder, Features, Wide};
use super::super::schema::{ColumnKind, Columns, Missing, Schema};
use super::Rows;
use super::cells::{Cell, Cells};
use super::field::{is_missing, is_missing_label, is_missing_number, number, plain, text};
use super::heads::Heads;
use super::raw::{RawColumn, RawTable};
use crate::error::{Error, Result};
use crate::memory;
use std::collections::HashMap;
use std::num::NonZero;
use std::ops::Range;
use std::thread;

/// Floats of a table that one thread encodes.
const SMALL: usize = 1 << 18;

/// Records that are encoded column by column.
const BLOCK: usize = 64;

/// A column of the schema and how its values become features.
struct Encoder<'a> {
    column: &'a Columns,
    /// The feature of each category.
    values: HashMap<&'a str, usize>,
    /// What stands for a missing number.
    fill: f32,
}

/// Why a record has no features.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Unfit {
    expected: String,
    found: String,
    missing: bool,
}

/// What a field is to its column beside its features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Yes,
    /// A category that the schema does not have.
    Unseen,
}

impl<'a> Encoder<'a> {
    fn new(column: &'a Columns) -> Self {
        let values = column.values.iter().map(String::as_str).zip(0..).collect();
        Encoder { column, values, fill: column.fill.parse().unwrap_or(0.0) }
    }

    /// The features of `records` where these are the numbers in `cells` as they are, as most columns' are: none
    /// of them is missing, and nothing is added.
    fn plain<'c>(&self, cells: &'c Cells, records: Range<usize>) -> Option<&'c [f32]> {
        let is_plain = self.column.kind == ColumnKind::Number && !self.column.indicator;
        match cells {
            Cells::Numbers(values) if is_plain => {
                Some(&values[records]).filter(|values| !values.iter().any(|v| v.is_nan()))
            }
            _ => None,
        }
    }

    /// Appends the features of a value.
    fn encode(&self, cell: Cell, row: &mut Vec<f32>) -> Result<Known, Unfit> {
        let column = self.column;
        let mut known = Known::Yes;
        if column.kind == ColumnKind::Drop {
            return Ok(known);
        }
        let without = matches!(cell, Cell::Missing);
        if without && column.missing == Missing::Refuse {
            let (expected, found) = ("a value".to_owned(), "none".to_owned());
            return Err(Unfit { expected, found, missing: true });
        }
        match column.kind {
            ColumnKind::Drop => {}
            ColumnKind::Bit | ColumnKind::Byte | ColumnKind::Number => {
                let value = match cell {
                    Cell::Number(value) => value,
                    _ => self.fill,
                };
                if column.kind == ColumnKind::Bit && value != 0.0 && value != 1.0 {
                    let found = value.to_string();
                    return Err(Unfit { expected: "0 or 1".to_owned(), found, missing: false });
                }
                row.push(value);
            }
            ColumnKind::Category => {
                let at = match cell {
                    Cell::Text(text) => {
                        let at = self.values.get(text).copied();
                        if at.is_none() {
                            known = Known::Unseen;
                        }
                        at.or(column.other.then_some(column.values.len()))
                    }
                    _ if column.missing == Missing::Fill => self.values.get(column.fill.as_str()).copied(),
                    _ => None,
                };
                let width = column.values.len() + usize::from(column.other);
                row.extend((0..width).map(|v| f32::from(u8::from(Some(v) == at))));
            }
        }
        if column.indicator {
            row.push(f32::from(u8::from(without)));
        }
        Ok(known)
    }

    /// The value in a field of text, which `buffer` then holds.
    fn read<'t>(&self, field: &[u8], decimal_comma: bool, buffer: &'t mut String) -> Result<Cell<'t>, Unfit> {
        let field = field.trim_ascii();
        if self.column.kind != ColumnKind::Category
            && self.column.unit.is_empty()
            && !decimal_comma
            && let Some(value) = plain(field).map(|value| value as f32).filter(|value| value.is_finite())
        {
            return Ok(Cell::Number(value));
        }
        *buffer = text(field);
        let text = buffer.as_str();
        if matches!(self.column.kind, ColumnKind::Category | ColumnKind::Drop) {
            return Ok(if is_missing(text) { Cell::Missing } else { Cell::Text(text) });
        }
        if is_missing_number(text) {
            return Ok(Cell::Missing);
        }
        let unit = self.column.unit.as_str();
        let fits = |other: &str| {
            other == unit || (other.is_empty() || unit.is_empty()) && other != "%" && unit != "%"
        };
        let found = number(text, decimal_comma).filter(|n| fits(&n.unit) && (n.value as f32).is_finite());
        let expected = match unit {
            "" => "a number".to_owned(),
            unit => format!("a number in {unit}"),
        };
        let unfit = || Unfit { expected, found: format!("{text:?}"), missing: false };
        found.map(|n| Cell::Number(n.value as f32)).ok_or_else(unfit)
    }
}

impl RawTable {
    /// The features of all records. The schema is this table's own: every record fits.
    ///
    /// # Errors
    /// Memory for more features than there is.
    pub(in crate::dataset) fn encode(&self, schema: &Schema) -> Result<Features> {
        let encoders: Vec<Encoder> = schema.each().map(Encoder::new).collect();
        let width = schema.width();
        // A number makes a float of every feature; all of them else are bits.
        let numbers = schema.each().any(|column| column.kind == ColumnKind::Number);
        let words = if numbers { width.next_multiple_of(4) } else { width.div_ceil(32) };
        let what = format!("{} records of {width} features", self.records);
        memory::check(&self.heads.place, &what, self.records.saturating_mul(words).saturating_mul(4) as u64)?;
        if numbers {
            return self.encode_floats(&encoders, width);
        }
        let mut builder = Builder::new(width, Wide::Floats);
        let mut row = Vec::with_capacity(width);
        for i in 0..self.records {
            self.encode_record(i, &encoders, &mut row)?;
            builder.push(&row)?;
        }
        Ok(builder.finish())
    }

    /// As floats, on as many threads as there are cores.
    fn encode_floats(&self, encoders: &[Encoder], width: usize) -> Result<Features> {
        let stride = width.next_multiple_of(4);
        let mut values = vec![0.0; self.records * stride];
        // A small table is not worth a thread.
        let threads =
            if values.len() < SMALL { 1 } else { thread::available_parallelism().map_or(1, NonZero::get) };
        let share = self.records.div_ceil(threads).max(1);
        let encode = |first: usize, part: &mut [f32]| -> Result<()> {
            let mut features = Vec::with_capacity(width);
            for (block, rows) in part.chunks_mut(BLOCK * stride).enumerate() {
                // Column by column: a hundred of them at once are more than a cache follows.
                let mut at = 0;
                for (column, encoder) in self.columns.iter().zip(encoders) {
                    let records = first + block * BLOCK..first + block * BLOCK + rows.len() / stride;
                    if let Some(values) = encoder.plain(&column.cells, records) {
                        values.iter().zip(rows.chunks_exact_mut(stride)).for_each(|(v, row)| row[at] = *v);
                        at += 1;
                        continue;
                    }
                    let mut count = 0;
                    for (i, row) in (first + block * BLOCK..).zip(rows.chunks_exact_mut(stride)) {
                        features.clear();
                        self.encode_value(column, encoder, i, &mut features)?;
                        count = features.len();
                        row[at..at + count].copy_from_slice(&features);
                    }
                    at += count;
                }
            }
            Ok(())
        };
        if threads == 1 {
            encode(0, &mut values)?;
            return Ok(Features::of_floats(values, width));
        }
        thread::scope(|scope| {
            let parts = values.chunks_mut(share * stride).enumerate();
            let workers: Vec<_> =
                parts.map(|(k, part)| scope.spawn(move || encode(k * share, part))).collect();
            // The first error of the file, whichever thread is first to meet one.
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        Ok(Features::of_floats(values, width))
    }

    /// The features of record `i`, for what `row` holds.
    fn encode_record(&self, i: usize, encoders: &[Encoder], row: &mut Vec<f32>) -> Result<()> {
        row.clear();
        let mut columns = self.columns.iter().zip(encoders);
        columns.try_for_each(|(column, encoder)| self.encode_value(column, encoder, i, row))
    }

    /// Appends the features of record `i`'s value in `column` to `row`.
    fn encode_value(
        &self,
        column: &RawColumn,
        encoder: &Encoder,
        i: usize,
        row: &mut Vec<f32>,
    ) -> Result<()> {
        let encoded = encoder.encode(column.cells.get(i), row).map_err(|unfit| {
            let found = format!("{} in {}", unfit.found, self.heads.title(column.place));
            Error::data(&self.heads.place).expected(unfit.expected).found(found)
        });
        encoded.map(drop)
    }
}

/// The records of a file in the form of a schema.
#[derive(Debug)]
pub(in crate::dataset) struct Encoded {
    pub(in crate::dataset) features: Features,
    /// The place of each record among those of the file, from 0.
    pub(in crate::dataset) rows: Vec<u32>,
    /// The labels as written; `None` where a record has none. Empty where the file has none.
    pub(in crate::dataset) labels: Vec<Option<String>>,
    /// How many values of each record the schema does not know.
    pub(in crate::dataset) unseen: Vec<u32>,
    /// Columns with such values: name, how many records, one of the values.
    pub(in crate::dataset) unseen_columns: Vec<(String, usize, String)>,
    /// Records that cannot be read, and why.
    pub(in crate::dataset) unread: Vec<Unread>,
    /// Columns of the file that the schema has no use for.
    pub(in crate::dataset) further: Vec<String>,
}

impl Encoded {
    /// That of a matrix, whose records can all be read.
    pub(in crate::dataset) fn of_matrix(features: Features, records: usize) -> Self {
        Encoded {
            features,
            rows: (0..records as u32).collect(),
            labels: vec![],
            unseen: vec![0; records],
            unseen_columns: vec![],
            unread: vec![],
            further: vec![],
        }
    }
}

/// A record that cannot be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    /// Its place among the records of the file, from 0.
    pub row: u32,
    /// For want of a value or of a label, and of nothing else.
    pub(in crate::dataset) missing: bool,
    /// What is wrong with it, and where it stands in the file.
    pub error: Error,
}

/// Where the columns of `schema`, and the label, stand in a file: by name where both have names, else by
/// place.
fn places(heads: &Heads, schema: &Schema) -> Result<(Vec<Option<usize>>, Option<usize>)> {
    let wanted: Vec<&Columns> = schema.each().collect();
    let label = &schema.label;
    let named = heads.header && schema.has_names();
    if !named {
        let (all, features) = (wanted.len() + usize::from(label.place.is_some()), wanted.len());
        let at = match (heads.names.len(), label.place) {
            (found, Some(place)) if found == all => Some(place),
            (found, _) if found == features => None,
            (found, _) => {
                return Err(Error::data(&heads.place)
                    .expected(format!("{features} columns beside the label, as the model was trained on"))
                    .found(format!("{found} columns"))
                    .advice(
                        "give the columns that training had, in their order, with or without the label",
                    ));
            }
        };
        let places = (0..heads.names.len()).filter(|j| Some(*j) != at).map(Some);
        return Ok((places.collect(), at));
    }
    let mut taken = vec![false; heads.names.len()];
    let mut take = |name: &str| {
        let at = (0..heads.names.len()).find(|j| !taken[*j] && heads.names[*j] == name);
        at.inspect(|at| taken[*at] = true)
    };
    let at = Some(&label.name).filter(|name| !name.is_empty()).and_then(|name| take(name));
    let mut places = vec![];
    let mut absent = vec![];
    for column in &wanted {
        let place = take(&column.name);
        if place.is_none() && column.kind != ColumnKind::Drop {
            absent.push(column.name.as_str());
        }
        places.push(place.filter(|_| column.kind != ColumnKind::Drop));
    }
    if !absent.is_empty() {
        return Err(Error::data(&heads.place)
            .expected(format!("the columns of the model, {} among them", absent.join(", ")))
            .found(format!("the columns {}", heads.list()))
            .advice("add what is missing, or rename the columns as they were called in training"));
    }
    Ok((places, at))
}

/// Reads `rows` as `schema` says.
///
/// # Errors
/// Columns of the schema that the file does not have; a file that cannot be read on.
pub(in crate::dataset) fn encode(rows: &dyn Rows, schema: &Schema) -> Result<Encoded> {
    let heads = rows.heads();
    let (places, label) = places(heads, schema)?;
    let encoders: Vec<Encoder> = schema.each().map(Encoder::new).collect();
    let used = |j: &usize| places.contains(&Some(*j)) || label == Some(*j) || !heads.header;
    let dropped = |j: &usize| schema.each().any(|c| c.kind == ColumnKind::Drop && c.name == heads.names[*j]);
    let further: Vec<String> =
        (0..heads.names.len()).filter(|j| !used(j) && !dropped(j)).map(|j| heads.title(j)).collect();
    let width = schema.width();
    let is_wide = schema.each().any(|c| c.kind == ColumnKind::Number);
    let mut builder = match is_wide {
        true => Builder::floats(width),
        false => Builder::new(width, Wide::Floats),
    };
    let none = Features::Bits { words: vec![], width };
    let mut out = Encoded { further, ..Encoded::of_matrix(none, 0) };
    let mut unseen: Vec<(usize, String)> = vec![(0, String::new()); encoders.len()];
    let mut row = Vec::with_capacity(width);
    let mut number_of = 0;
    rows.each(&mut |record, place| {
        let at = number_of;
        number_of += 1;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                out.unread.push(Unread { row: at, missing: false, error });
                return Ok(());
            }
        };
        row.clear();
        let mut new = vec![];
        let mut buffer = String::new();
        for (j, (encoder, place_of)) in encoders.iter().zip(&places).enumerate() {
            let Some(column) = *place_of else { continue };
            let read = encoder.read(&record[column], schema.decimal_comma, &mut buffer);
            match read.and_then(|cell| encoder.encode(cell, &mut row)) {
                Ok(Known::Yes) => {}
                Ok(Known::Unseen) => new.push((j, std::mem::take(&mut buffer))),
                Err(Unfit { expected, found, missing }) => {
                    let place = format!("{}, {}", rows.place(place), heads.title(column));
                    let error = Error::data(place).expected(expected).found(found);
                    out.unread.push(Unread { row: at, missing, error });
                    return Ok(());
                }
            }
        }
        builder.push(&row)?;
        out.rows.push(at);
        out.unseen.push(new.len() as u32);
        for (j, text) in new {
            unseen[j] = (unseen[j].0 + 1, text);
        }
        if let Some(label) = label {
            out.labels.push(Some(text(&record[label])).filter(|label| !is_missing_label(label)));
        }
        Ok(())
    })?;
    let named = schema.each().zip(unseen).filter(|(_, (count, _))| *count > 0);
    out.unseen_columns = named.map(|(c, (count, value))| (c.name.clone(), count, value)).collect();
    out.features = builder.finish();
    Ok(out)
}
