//! Files for the tests: a small table written in every form.

use std::io::{Cursor, Write};
use std::path::Path;
use veilgrad::dataset::npy::{self, Element};
use veilgrad::dataset::{self, Dataset, LoadOptions};
use veilgrad::error::{Error, Result};
use zip::write::SimpleFileOptions;

/// N rows of features, and N labels from 0.
#[derive(Debug, Clone)]
pub struct Table {
    pub rows: Vec<Vec<f32>>,
    pub labels: Vec<u32>,
}

impl Table {
    pub fn classes(&self) -> u32 {
        self.labels.iter().max().map_or(0, |l| l + 1)
    }

    /// The features, row after row.
    pub fn matrix<T>(&self, convert: impl Fn(f32) -> T) -> Vec<T> {
        self.rows.iter().flatten().map(|v| convert(*v)).collect()
    }

    pub fn labels(&self, base: u32) -> Vec<i32> {
        self.labels.iter().map(|l| (l + base) as i32).collect()
    }

    /// Rows of label and features.
    pub fn with_labels(&self, base: u32) -> Vec<f32> {
        let row = |(label, row): (&u32, &Vec<f32>)| [&[(label + base) as f32][..], row].concat();
        self.labels.iter().zip(&self.rows).flat_map(row).collect()
    }
}

/// A CSV with the label in column `at`; without labels if the table has none.
pub fn csv(table: &Table, base: u32, at: usize, header: &str) -> String {
    let mut text = header.to_owned();
    for (i, row) in table.rows.iter().enumerate() {
        let mut fields: Vec<String> = row.iter().map(f32::to_string).collect();
        if let Some(label) = table.labels.get(i) {
            fields.insert(at, (label + base).to_string());
        }
        text.push_str(&fields.join(","));
        text.push('\n');
    }
    text
}

/// `f1,…;label`.
pub fn txt(table: &Table) -> String {
    let line = |(label, row): (&u32, &Vec<f32>)| {
        let fields: Vec<String> = row.iter().map(f32::to_string).collect();
        format!("{};{label}\n", fields.join(","))
    };
    let text: String = table.labels.iter().zip(&table.rows).map(line).collect();
    // With a single feature the form has no comma to be known by.
    if table.rows[0].len() == 1 { csv(table, 0, 0, "") } else { text }
}

pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).expect("appended");
    }
    builder.into_inner().expect("finished")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("finished")
}

pub fn tgz(members: &[(&str, &[u8])]) -> Vec<u8> {
    gzip(&tar(members))
}

/// An npy file of `n` rows, or of `n` values.
pub fn npy_file<T: Element>(n: usize, values: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let shape = [n, values.len() / n];
    let shape = if shape[1] == 1 { &shape[..1] } else { &shape[..] };
    npy::write(&mut bytes, shape, values).expect("written");
    bytes
}

/// A matrix as npy even where it has one column.
fn npy_matrix<T: Element>(n: usize, values: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    npy::write(&mut bytes, &[n, values.len() / n], values).expect("written");
    bytes
}

/// An npz file as NumPy compresses it, or not.
pub fn npz<X: Element, Y: Element>(
    (x_name, x): (&str, &[X]),
    (y_name, y): (&str, &[Y]),
    n: usize,
    compressed: bool,
) -> Vec<u8> {
    let method = if compressed { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [(x_name, npy_matrix(n, x)), (y_name, npy_file(n, y))] {
        zip.start_file(format!("{name}.npy"), options).expect("started");
        zip.write_all(&bytes).expect("written");
    }
    zip.finish().expect("finished").into_inner()
}

/// Writes files into a fresh directory and calls `then` with it.
pub fn write<T>(files: &[(&str, &[u8])], then: impl FnOnce(&Path) -> T) -> T {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).expect("written");
    }
    then(dir.path())
}

pub fn load(path: &Path) -> Result<Dataset> {
    load_with(path, &LoadOptions::default())
}

pub fn load_with(path: &Path, options: &LoadOptions) -> Result<Dataset> {
    dataset::load(path, options)
}

/// The error of loading `path`.
pub fn refused(path: &Path) -> Error {
    match load(path) {
        Ok(data) => panic!("{} loaded: {}", path.display(), data.kind),
        Err(error) => error,
    }
}
