//! Tables in Parquet files: their cells as the text that a CSV file of the same table would hold, so that columns mean
//! the same in both. Nulls are missing values; dictionaries, compressions (Snappy, gzip, zstd, LZ4) and row groups are
//! the format's own affair.
//!
//! Not columns of lists or of structures: a cell is one value.

use super::super::options::LoadOptions;
use super::super::table::heads::Heads;
use super::super::table::{Rows, Take};
use super::format::{File, Format, Parts, Stored};
use super::source::{damaged, too_large};
use super::tables;
use crate::error::{Error, Result};
use ::csv::ByteRecord;
use ::parquet::basic::{LogicalType, TimeUnit};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::reader::RowIter;
use ::parquet::record::{Field, Row};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// The column in which pandas keeps the numbers of rows that it has no name for.
const INDEX: &str = "__index_level_0__";

/// Columnar tables.
pub(super) struct Parquet;

impl Format for Parquet {
    fn name(&self) -> &'static str {
        "Parquet"
    }

    /// A file of its own: what says where the columns are stands at its end.
    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>> {
        let whole = !file.source.gzip && file.head.starts_with(MAGIC);
        let stored = |path: PathBuf| Box::new(ParquetFile(path)) as Box<dyn Stored>;
        Ok(file.path.clone().filter(|_| whole).map(stored))
    }
}

struct ParquetFile(PathBuf);

impl Stored for ParquetFile {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        let rows = ParquetRows::open(&self.0, options.max_bytes)?;
        tables::read(&rows, "Parquet", options)
    }
}

struct ParquetRows {
    path: PathBuf,
    heads: Heads,
    columns: Vec<Column>,
    max_bytes: u64,
}

/// What a column's values are beyond what each says of itself.
#[derive(Clone, Copy)]
enum Column {
    Plain,
    /// Whole numbers that are nanoseconds since 1970.
    Nanoseconds,
}

impl ParquetRows {
    fn open(path: &Path, max_bytes: u64) -> Result<Self> {
        let place = path.display().to_string();
        let reader = reader(path, max_bytes)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let (mut names, mut columns) = (vec![], vec![]);
        for (number, field) in schema.root_schema().get_fields().iter().enumerate() {
            let info = field.get_basic_info();
            if !field.is_primitive() || info.has_repetition() && is_repeated(field) {
                return Err(Error::data(format!("{place}, column {number} ({})", field.name()))
                    .expected("one value a record")
                    .found("a list or a structure")
                    .advice("spread it over columns of its own, or drop it before the file is written"));
            }
            let nanoseconds = matches!(info.logical_type_ref(), Some(LogicalType::Timestamp(t)) if t.unit == TimeUnit::NANOS);
            columns.push(if nanoseconds { Column::Nanoseconds } else { Column::Plain });
            names.push(if field.name() == INDEX { String::new() } else { field.name().to_owned() });
        }
        let heads = Heads { place, names, header: true, ..Heads::default() };
        heads.check()?;
        Ok(ParquetRows { path: path.to_owned(), heads, columns, max_bytes })
    }
}

impl Rows for ParquetRows {
    fn heads(&self) -> &Heads {
        &self.heads
    }

    fn place(&self, number: u64) -> String {
        format!("{}, record {number}", self.heads.place)
    }

    fn each(&self, take: Take) -> Result<()> {
        let place = &self.heads.place;
        let mut record = ByteRecord::new();
        let mut number = 0_u64;
        for row in RowIter::from_file_into(Box::new(reader(&self.path, self.max_bytes)?)) {
            let row = row.map_err(|e| broken(place, &e))?;
            fill(&mut record, &row, &self.columns);
            take(Ok(&record), number)?;
            number += 1;
        }
        match number {
            0 => Err(Error::data(place).expected("records").found("none")),
            _ => Ok(()),
        }
    }
}

fn is_repeated(field: &::parquet::schema::types::Type) -> bool {
    field.get_basic_info().repetition() == ::parquet::basic::Repetition::REPEATED
}

/// The file, which inflates to `max_bytes` at most by what it says of itself.
fn reader(path: &Path, max_bytes: u64) -> Result<SerializedFileReader<std::fs::File>> {
    let place = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, &e))?;
    let reader = SerializedFileReader::new(file).map_err(|e| broken(&place, &e))?;
    let groups = reader.metadata().row_groups();
    let bytes: u64 = groups.iter().map(|group| u64::try_from(group.total_byte_size()).unwrap_or(0)).sum();
    if bytes > max_bytes {
        return Err(too_large(&place, max_bytes));
    }
    Ok(reader)
}

fn broken(place: &str, error: &ParquetError) -> Error {
    damaged(place, &error.to_string())
}

/// One text a column.
fn fill(record: &mut ByteRecord, row: &Row, columns: &[Column]) {
    record.clear();
    for ((_, field), column) in row.get_column_iter().zip(columns) {
        match (field, column) {
            (Field::Str(text), _) => record.push_field(text.as_bytes()),
            (Field::Bytes(bytes), _) => record.push_field(bytes.data()),
            (Field::Long(nanoseconds), Column::Nanoseconds) => {
                record.push_field(text(&Field::TimestampMillis(nanoseconds / 1_000_000)).as_bytes());
            }
            (field, _) => record.push_field(text(field).as_bytes()),
        }
    }
}

/// A value as a CSV file has it: nothing where it is missing, true as 1, a date and perhaps a time of day.
fn text(field: &Field) -> String {
    /// Milliseconds of the years that have four digits.
    const DATED: std::ops::Range<i64> = -62_135_596_800_000..253_402_300_800_000;
    // To the second.
    let moment = |field: &Field| field.to_string().chars().take(19).collect();
    match field {
        Field::Null => String::new(),
        Field::Bool(value) => u8::from(*value).to_string(),
        Field::Float(value) if value.is_nan() => String::new(),
        Field::Double(value) if value.is_nan() => String::new(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        Field::Float16(value) => value.to_string(),
        Field::Date(days) if !DATED.contains(&(i64::from(*days) * 86_400_000)) => days.to_string(),
        Field::TimestampMillis(at) if DATED.contains(at) => moment(field),
        Field::TimestampMicros(at) if DATED.contains(&(at / 1000)) => moment(field),
        Field::TimestampMillis(at) | Field::TimestampMicros(at) => at.to_string(),
        field => field.to_string(),
    }
}

/// The table as CSV, with a header.
///
/// # Errors
/// A file that cannot be read, a column of lists or structures.
pub(super) fn as_csv(path: &Path, max_bytes: u64) -> Result<Box<dyn Read>> {
    let rows = ParquetRows::open(path, max_bytes)?;
    let mut header = ::csv::Writer::from_writer(vec![]);
    let written = header.write_record(&rows.heads.names).map_err(io::Error::other);
    let ready = written.and_then(|()| header.into_inner().map_err(|e| io::Error::other(e.to_string())));
    let ready = ready.map_err(|e| Error::io(path, &e))?;
    let iterator = RowIter::from_file_into(Box::new(reader(path, max_bytes)?));
    Ok(Box::new(AsCsv { rows, iterator, record: ByteRecord::new(), ready, at: 0 }))
}

struct AsCsv {
    rows: ParquetRows,
    iterator: RowIter<'static>,
    record: ByteRecord,
    /// Lines, given away up to `at`.
    ready: Vec<u8>,
    at: usize,
}

impl Read for AsCsv {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.ready.len() {
            self.ready.clear();
            self.at = 0;
            if let Some(row) = self.iterator.next() {
                let row = row.map_err(|e| io::Error::other(broken(&self.rows.heads.place, &e)))?;
                fill(&mut self.record, &row, &self.rows.columns);
                let mut writer = ::csv::Writer::from_writer(&mut self.ready);
                writer.write_byte_record(&self.record)?;
                writer.flush()?;
            }
        }
        let count = buffer.len().min(self.ready.len() - self.at);
        buffer[..count].copy_from_slice(&self.ready[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
