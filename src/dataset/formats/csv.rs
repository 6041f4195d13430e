//! Data sets in text: CSV with or without a header, features and labels in one file or in two.
//!
//! Not the layout's detection (layout), not its characters (charset), not what the columns hold
//! ([`table`](super::super::table)).

use super::super::labels::RawLabels;
use super::super::options::LoadOptions;
use super::super::table::heads::Heads;
use super::super::table::{Rows, Take};
use super::charset::is_utf16;
use super::format::{File, Format, Parts, Stored};
use super::layout::{Layout, csv_error};
use super::source::Source;
use super::tables;
use crate::error::{Error, Result};
use ::csv::ByteRecord;

/// Text with delimiters.
pub(super) struct Csv;

impl Format for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    /// Any text.
    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>> {
        let stored = || CsvFiles { features: file.source.clone(), labels: file.labels.clone() };
        let text = !file.head.contains(&0) || is_utf16(&file.head);
        Ok(text.then(|| Box::new(stored()) as Box<dyn Stored>))
    }
}

/// Features, and their labels where these are in a file of their own.
struct CsvFiles {
    features: Source,
    labels: Option<Source>,
}

impl Stored for CsvFiles {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        let rows = CsvRows::new(&self.features, options)?;
        let note = rows.layout.describe();
        let Some(source) = &self.labels else { return tables::read(&rows, &note, options) };
        if options.label_column.is_some() {
            return Err(Error::usage("--label-column")
                .expected("features and labels in one file")
                .found(format!("labels in a file of their own beside {}", self.features.place)));
        }
        let mut parts =
            tables::read_features(&rows, &format!("{note}, labels in {}", source.place), options)?;
        (parts.labels, parts.labels_place) = (read_labels(source, options)?, source.place.clone());
        Ok(parts)
    }
}

struct CsvRows<'a> {
    source: &'a Source,
    layout: Layout,
}

impl<'a> CsvRows<'a> {
    fn new(source: &'a Source, options: &LoadOptions) -> Result<Self> {
        Ok(CsvRows { source, layout: Layout::detect(source, options)? })
    }
}

impl Rows for CsvRows<'_> {
    fn heads(&self) -> &Heads {
        &self.layout.heads
    }

    fn place(&self, line: u64) -> String {
        format!("{}:{line}", self.source.place)
    }

    fn each(&self, take: Take) -> Result<()> {
        let place = &self.source.place;
        let columns = self.layout.heads.names.len();
        let mut reader = self.layout.open(self.source)?;
        let mut record = ByteRecord::new();
        let mut records = 0_u64;
        while reader.read_byte_record(&mut record).map_err(|e| csv_error(place, e))? {
            let line = self.layout.line(record.position());
            let whole = match record.len() == columns {
                true => Ok(&record),
                false => Err(Error::data(self.place(line))
                    .expected(format!("{columns} columns, as in the first line"))
                    .found(record.len().to_string())
                    .advice("complete or remove the line")),
            };
            take(whole, line)?;
            records += 1;
        }
        if records == 0 {
            return Err(Error::data(place)
                .expected("records")
                .found(if self.layout.heads.header { "only a header" } else { "none" })
                .advice("if the first line is a record and no header, give --no-header"));
        }
        Ok(())
    }
}

/// The labels of a file with one a line.
fn read_labels(source: &Source, options: &LoadOptions) -> Result<RawLabels> {
    let rows = CsvRows::new(source, options)?;
    let columns = rows.heads().names.len();
    if columns != 1 {
        return Err(Error::data(&source.place)
            .expected("one label a line")
            .found(format!("{columns} columns")));
    }
    let mut labels = RawLabels::default();
    rows.each(&mut |record, at| labels.push_field(&record?[0], || rows.place(at)))?;
    Ok(labels)
}
