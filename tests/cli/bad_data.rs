//! Files that are no data set: exit code 1, the place and the remedy, no result and no directory.
//!
//! One or two of each kind; every form of them is in `tests/data/errors.rs`.

use crate::program::{Run, Veilgrad};
use std::io::{Cursor, Write};
use veilgrad::dataset::npy::{self, Element};

/// The run on a file `name` with these bytes, which must be refused with `parts`.
#[track_caller]
fn refused(name: &str, bytes: impl AsRef<[u8]>, flags: &str, parts: &[&str]) -> Run {
    let program = Veilgrad::new();
    program.write(name, bytes);
    program.refuses(1, &format!("--data {name} {flags}"), parts)
}

/// 200 records of 4 classes, counted from `base`, and 8 bits: rows of label and bits.
fn table(base: usize) -> String {
    let bit = |i: usize, j: usize| ((i * 2_654_435_761) >> (j + 8) & 1).to_string();
    let row = |i: usize| {
        let bits: Vec<String> = (0..8).map(|j| bit(i, j)).collect();
        format!("{},{}\n", i % 4 + base, bits.join(","))
    };
    (0..200).map(row).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("compressed");
    encoder.finish().expect("finished")
}

/// A .tgz with the one member `data`.
fn tgz(text: &str) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, "data", text.as_bytes()).expect("appended");
    gzip(&builder.into_inner().expect("finished"))
}

/// A compressed npz with `features`, n × width, and `labels`.
fn npz<X: Element>(features: &[X], labels: &[i64]) -> Vec<u8> {
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("features.npy", options).expect("started");
    npy::write(&mut zip, &[labels.len(), features.len() / labels.len()], features).expect("written");
    zip.start_file("labels.npy", options).expect("started");
    npy::write(&mut zip, &[labels.len()], labels).expect("written");
    zip.finish().expect("finished").into_inner()
}

#[test]
fn a_missing_file() {
    let program = Veilgrad::new();
    program.refuses(1, "--data missing.csv", &["missing.csv: No such file", "check the path"]);
}

#[test]
fn an_empty_file() {
    refused("a.csv", "", "", &["a.csv: expected records, found an empty file"]);
}

#[test]
fn a_ragged_row() {
    refused("a.csv", "0,1,1\n1,0,0\n1,0\n", "", &["a.csv:3: expected 3 columns", "found 2"]);
}

#[test]
fn a_field_that_is_no_number() {
    refused("a.csv", "0,1.5\n1,x\n1,2\n", "", &["a.csv:2, column 1", "expected a number", "found \"x\""]);
}

#[test]
fn a_feature_that_is_nan_or_infinite() {
    refused("a.csv", "y,age\n0,1.5\n1,NaN\n", "", &["1 in column 1 (age)", "--missing drop"]);
    refused("a.csv", "0,1.5\n1,inf\n", "", &["a.csv:2, column 1", "finite"]);
    let bytes = npz(&[1.0_f32, f32::INFINITY], &[0, 1]);
    refused("a.npz", bytes, "", &["a.npz[features], record 1, feature 0", "finite"]);
}

#[test]
fn a_label_out_of_range() {
    refused("a.csv", "1,1\n0,0\n", "--label-base 1", &["a.csv:2", "found 0"]);
    refused("a.csv", "0,1\n1,0\n1.5,0\n", "", &["a.csv:3", "\"1.5\""]);
}

#[test]
fn a_class_without_a_record() {
    // A published form names its classes. (Of a file of one's own, a number without a record is no class.)
    let bits = ",0".repeat(446);
    let rows: String = (1..30).map(|label| format!("{label}{bits}\n")).collect();
    refused("dataset_location.tgz", tgz(&rows), "", &["dataset_location.tgz", "1 to 30", "none of class 30"]);
}

#[test]
fn labels_from_1_and_from_0_are_told_apart_and_said() {
    let program = Veilgrad::new();
    program.write("from0.csv", table(0));
    program.write("from1.csv", table(1));
    program.trains("run0", "--data from0.csv").says(&["labels 0 to 3 (0-based), 4 classes"]);
    program.trains("run1", "--data from1.csv").says(&["labels 1 to 4 (1-based), 4 classes"]);
    assert_eq!(
        program.read("run0/checkpoint-group000-epoch000002"),
        program.read("run1/checkpoint-group000-epoch000002"),
        "the same classes, the same model"
    );
    program.refuses(1, "--data from0.csv --label-base 1", &["from0.csv:1", "found 0"]);
}

#[test]
fn a_truncated_or_corrupt_file() {
    let whole = tgz(&table(0));
    refused("a.tgz", &whole[..whole.len() / 2], "", &["a.tgz", "truncated or corrupt"]);
    let mut corrupt = whole.clone();
    corrupt[whole.len() / 2] ^= 0xff;
    refused("a.tgz", &corrupt, "", &["a.tgz", "truncated or corrupt"]);

    let whole = npz(&[1_u8; 800], &(0..200).map(|i| i % 4).collect::<Vec<i64>>());
    refused("a.npz", &whole[..whole.len() / 2], "", &["a.npz", "truncated or corrupt"]);
    // Within the compressed features: the end of the file, which lists what is in it, is whole.
    let mut corrupt = whole.clone();
    corrupt[60] ^= 0xff;
    refused("a.npz", &corrupt, "", &["a.npz"]);
}

#[test]
fn a_file_that_inflates_to_too_much_unless_the_limit_is_raised() {
    let (text, limit) = ("0,1,0\n1,0,1\n".repeat(2000), "--max-bytes 20000");
    let archive = tgz(&text);
    assert!(archive.len() < 1000 && text.len() == 24_000);
    refused("bomb.tgz", &archive, limit, &["bomb.tgz", "at most 20000 bytes", "--max-bytes"]);
    let zeros = npz(&vec![0_u8; 50_000], &(0..50_000).map(|i| i % 2).collect::<Vec<i64>>());
    refused("bomb.npz", zeros, limit, &["bomb.npz", "at most 20000 bytes", "--max-bytes"]);

    let program = Veilgrad::new();
    program.write("large.tgz", &archive);
    program.trains("run", "--data large.tgz --test 100 --max-bytes 200000").says(&["4000 records"]);
}

#[test]
fn a_pickle_is_refused_with_the_conversion() {
    let parts = ["a Python pickle", "python3 -c", "np.savez("];
    refused("purchase.p", b"anything", "", &parts);
    // By its bytes, whatever it is called.
    refused("data.bin", b"\x80\x04\x95\x00", "", &parts);
}
