//! Data sets in text: CSV with or without a header, features and labels in one file or in two.
//!
//! Not the layout's detection (layout) and not the columns' (columns).

use super::super::encoding::{ColumnKind, Encoding};
use super::super::features::{Builder, Features, Wide};
use super::super::labels::RawLabels;
use super::super::options::LoadOptions;
use super::columns::{Encoder, Survey, text};
use super::format::{File, Format, Parts, Stored};
use super::layout::{Layout, csv_error};
use super::names::published_classes;
use super::source::Source;
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
        Ok((!file.head.contains(&0)).then(|| Box::new(stored()) as Box<dyn Stored>))
    }
}

/// Features, and their labels where these are in a file of their own.
struct CsvFiles {
    features: Source,
    labels: Option<Source>,
}

impl Stored for CsvFiles {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        load(&self.features, self.labels.as_ref(), options)
    }
}

/// Reads `features`, with the labels in one of its columns or, one a line, in the file `labels`.
fn load(features: &Source, labels: Option<&Source>, options: &LoadOptions) -> Result<Parts> {
    let layout = Layout::detect(features, options.header)?;
    let (label, label_note) = match labels {
        Some(_) if options.label_column.is_some() => {
            return Err(Error::usage("--label-column")
                .expected("features and labels in one file")
                .found(format!("labels in a file of their own beside {}", features.place)));
        }
        Some(labels) => (None, format!("labels in {}", labels.place)),
        None => {
            let (index, why) = layout.label_column(features, options)?;
            if layout.names.len() < 2 {
                return Err(Error::data(&features.place)
                    .expected("at least two columns, a label and features")
                    .found("one")
                    .advice("give the features file if this one holds only labels"));
            }
            (Some(index), format!("label in {}, {why}", layout.title(index)))
        }
    };
    let mut table = survey(features, &layout, label)?;
    if let Some(labels) = labels {
        table.labels = read_labels(labels, options.header)?;
    }
    let encoding = Encoding::new(
        layout
            .names
            .iter()
            .enumerate()
            .filter(|(j, _)| Some(*j) != label)
            .map(|(_, name)| name.clone())
            .zip(table.kinds.iter().cloned()),
    );
    let features_read = match table.bits {
        Some(bits) => bits,
        None => encode(features, &layout, label, &table.kinds, encoding.width())?,
    };
    let width = features_read.width();
    Ok(Parts {
        features: features_read,
        labels: table.labels,
        labels_place: labels.unwrap_or(features).place.clone(),
        classes: published_classes(&features.place, width),
        encoding,
        note: format!("{}, {label_note}", layout.describe()),
        image: None,
        class_names: vec![],
    })
}

/// What one pass over the file has found.
struct Table {
    labels: RawLabels,
    kinds: Vec<ColumnKind>,
    /// The features, if all are bits as they stand: most published sets need no second pass.
    bits: Option<Features>,
}

/// First pass: what each column holds.
fn survey(source: &Source, layout: &Layout, label: Option<usize>) -> Result<Table> {
    let mut labels = RawLabels::default();
    let mut columns: Vec<Survey> =
        (0..layout.names.len()).filter(|j| Some(*j) != label).map(|j| Survey::new(layout.title(j))).collect();
    let mut bits = Some(Builder::new(columns.len(), Wide::Floats));
    let mut row = Vec::with_capacity(columns.len());
    each_record(source, layout, |record, place| {
        row.clear();
        let mut columns = columns.iter_mut();
        for (j, field) in record.iter().enumerate() {
            if Some(j) == label {
                labels.push(&text(field), place)?;
            } else if let Some(column) = columns.next() {
                row.extend(column.see(field, place)?);
            }
        }
        match &mut bits {
            Some(builder) if row.len() == columns_of(record, label) => builder.push(&row),
            _ => bits = None,
        }
        Ok(())
    })?;
    let kinds = columns.into_iter().map(Survey::kind).collect::<Result<Vec<_>>>()?;
    Ok(Table { labels, kinds, bits: bits.map(Builder::finish) })
}

fn columns_of(record: &ByteRecord, label: Option<usize>) -> usize {
    record.len() - usize::from(label.is_some())
}

/// Second pass: numbers and categories become features.
fn encode(
    source: &Source,
    layout: &Layout,
    label: Option<usize>,
    kinds: &[ColumnKind],
    width: usize,
) -> Result<Features> {
    let encoders: Vec<Encoder> = kinds.iter().map(Encoder::new).collect();
    let mut builder = Builder::new(width, Wide::Floats);
    let mut row = Vec::with_capacity(width);
    each_record(source, layout, |record, place| {
        row.clear();
        let fields = record.iter().enumerate().filter(|(j, _)| Some(*j) != label);
        for ((_, field), encoder) in fields.zip(&encoders) {
            encoder.encode(field, &mut row).ok_or_else(|| {
                Error::data(place()).expected("the file as it was a moment ago").found(text(field))
            })?;
        }
        builder.push(&row);
        Ok(())
    })?;
    Ok(builder.finish())
}

/// The labels of a file with one a line.
fn read_labels(source: &Source, header: Option<bool>) -> Result<RawLabels> {
    let layout = Layout::detect(source, header)?;
    if layout.names.len() != 1 {
        return Err(Error::data(&source.place)
            .expected("one label a line")
            .found(format!("{} columns", layout.names.len())));
    }
    let mut labels = RawLabels::default();
    each_record(source, &layout, |record, place| labels.push(&text(&record[0]), place))?;
    Ok(labels)
}

/// Calls `take` with every record and its place (file:line).
fn each_record(
    source: &Source,
    layout: &Layout,
    mut take: impl FnMut(&ByteRecord, &dyn Fn() -> String) -> Result<()>,
) -> Result<()> {
    let mut reader = layout.open(source)?;
    let mut record = ByteRecord::new();
    let mut records = 0_u64;
    while reader.read_byte_record(&mut record).map_err(|e| csv_error(&source.place, e))? {
        let line = record.position().map_or(0, ::csv::Position::line);
        take(&record, &|| format!("{}:{line}", source.place))?;
        records += 1;
    }
    if records == 0 {
        return Err(Error::data(&source.place)
            .expected("records")
            .found(if layout.header { "only a header" } else { "none" })
            .advice("if the first line is a record and no header, give --set data.header=false"));
    }
    Ok(())
}
