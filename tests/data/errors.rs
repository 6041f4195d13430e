//! Bad input: each kind is refused with its place, what was expected and what to do.

use crate::files::{Table, gzip, load, load_with, npy_file, npz, refused, tar, tgz, write};
use std::path::Path;
use veilgrad::dataset::{LabelColumn, LoadOptions};
use veilgrad::error::Kind;

/// The message for a file `name` with these bytes.
fn message(name: &str, bytes: &[u8]) -> String {
    write(&[(name, bytes)], |dir| refused(&dir.join(name))).to_string()
}

fn message_with(name: &str, bytes: &[u8], options: &LoadOptions) -> String {
    write(&[(name, bytes)], |dir| load_with(&dir.join(name), options)).expect_err("refused").to_string()
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "expected {part:?} in: {message}");
    }
}

#[test]
fn a_missing_file() {
    let error = refused(Path::new("no/such/file.csv"));
    assert_eq!((error.kind, error.place.as_str()), (Kind::Io, "no/such/file.csv"));
    assert_eq!(error.advice, "check the path");
}

#[test]
fn an_empty_file() {
    assert_says(&message("a.csv", b""), &["a.csv: expected records, found an empty file"]);
    assert_says(&message("a.csv", b"\n \n"), &["an empty file"]);
    assert_says(&message("a.csv.gz", &gzip(b"")), &["an empty file"]);
    assert_says(&message("a.tgz", &tgz(&[("data", b"")])), &["a.tgz[data]", "an empty file"]);
    assert_says(&message("a.csv", b"label,a\n"), &["only a header"]);
}

#[test]
fn a_ragged_row() {
    let text = b"0,1,1\n1,0,0\n1,0\n";
    assert_says(&message("a.csv", text), &["a.csv:3: expected 3 columns", "found 2"]);
    assert_says(&message("a.tgz", &tgz(&[("data", text)])), &["a.tgz[data]:3"]);
    assert_says(&message("a.csv", b"label,a\n0,1\n1,0,0\n"), &["a.csv:3: expected 2 columns", "found 3"]);
}

#[test]
fn a_field_that_is_no_finite_number() {
    assert_says(&message("a.csv", b"0,1.5\n1,x\n1,2\n"), &["a.csv:2, column 1", "a number", "\"x\""]);
    assert_says(&message("a.csv", b"0,1.5\n1,\n1,2\n"), &["of 3 records: 1 in column 1", "--missing drop"]);
    assert_says(&message("a.csv", b"y,age\n0,1.5\n1,NaN\n"), &["of 2 records: 1 in column 1 (age)"]);
    assert_says(&message("a.csv", b"0,1.5\n1,inf\n"), &["a.csv:2, column 1", "finite"]);
    let table = Table { rows: vec![vec![1.0, 0.0], vec![f32::NAN, 0.0]], labels: vec![0, 1] };
    let bytes = npz(("X", &table.matrix(|v| v)), ("Y", &table.labels(0)), 2, true);
    assert_says(&message("a.npz", &bytes), &["a.npz[X], record 1, feature 0", "finite", "NaN"]);
}

#[test]
fn labels_that_are_no_classes() {
    assert_says(&message("a.csv", b"0,1\n1,0\n1.5,0\n"), &["a.csv:3", "\"1.5\""]);
    assert_says(&message("a.csv", b"0,1\n0,0\n"), &["at least two classes"]);
    let one = LoadOptions { label_base: Some(1), ..LoadOptions::default() };
    assert_says(&message_with("a.csv", b"1,1\n0,0\n", &one), &["a.csv:2", "a label from 1 on", "found 0"]);
}

#[test]
fn a_published_set_has_a_fixed_number_of_classes() {
    let bits = ",0".repeat(446);
    let rows = |labels: &[u32]| -> String { labels.iter().map(|l| format!("{l}{bits}\n")).collect() };
    let all: Vec<u32> = (1..=30).collect();
    let loads =
        |text: &str| write(&[("location.csv", text.as_bytes())], |dir| load(&dir.join("location.csv")));
    assert_eq!(loads(&rows(&all)).expect("30 classes").classes, 30);
    assert_says(&loads(&rows(&all[..29])).expect_err("29").to_string(), &["1 to 30", "none of class 30"]);
    let more: Vec<u32> = (1..=31).collect();
    let error = loads(&rows(&more)).expect_err("31").to_string();
    assert_says(&error, &["location.csv:31", "1 to 30", "found 31"]);
}

#[test]
fn features_and_labels_of_different_lengths() {
    let bytes = npz(("X", &[0_u8, 1, 1, 0, 1, 1]), ("Y", &[0_i64, 1, 0]), 3, false);
    let short = npy_file(2, &[0_i64, 1]);
    let x = npy_file(3, &[0_u8, 1, 1, 0, 1, 1]);
    write(&[("a.npz", &bytes)], |dir| load(&dir.join("a.npz"))).expect("3 and 3");
    let error = write(&[("X.npy", &x), ("Y.npy", &short)], load).expect_err("3 and 2").to_string();
    assert_says(&error, &["Y.npy: expected 3 labels", "found 2"]);
    let error = write(&[("feats", b"0,1\n1,1\n"), ("labels", b"1\n")], load).expect_err("2 and 1");
    assert_says(&error.to_string(), &["labels: expected 2 labels", "found 1"]);
}

#[test]
fn options_that_do_not_fit_the_file() {
    let by = |column| LoadOptions { label_column: Some(column), ..LoadOptions::default() };
    let name = |name: &str| by(LabelColumn::Name(name.to_owned()));
    let text = b"a,b\n0,1\n1,0\n";
    assert_says(&message("a.csv", text), &["the columns a, b", "--label-column"]);
    assert_says(&message_with("a.csv", text, &name("c")), &["--label-column", "a, b", "found \"c\""]);
    assert_says(&message_with("a.csv", text, &by(LabelColumn::Index(2))), &["from 0 to 1", "found 2"]);
    assert_says(&message_with("a.csv", b"0,1\n1,0\n", &name("c")), &["has no header"]);
    let bytes = npz(("X", &[0_u8, 1]), ("Y", &[0_i64, 1]), 2, false);
    assert_says(&message_with("a.npz", &bytes, &name("c")), &["--label-column", "the name \"c\""]);
    assert_says(&message_with("a.npz", &bytes, &by(LabelColumn::Index(0))), &["an array of their own"]);
    let header = LoadOptions { header: Some(true), ..LoadOptions::default() };
    assert_says(&message_with("a.npz", &bytes, &header), &["data.header", "a text file"]);
    let base = LoadOptions { label_base: Some(1), ..LoadOptions::default() };
    assert_says(&message_with("a.csv", b"u,0\nv,1\n", &base), &["--label-base", "text"]);
}

#[test]
fn too_much_once_inflated() {
    let options = LoadOptions { max_bytes: 10_000, ..LoadOptions::default() };
    let text = "0,0\n1,0\n".repeat(10_000);
    let zeros = npz(("X", &vec![0_u8; 50_000]), ("Y", &vec![0_i64; 50_000]), 50_000, true);
    for (name, bytes) in [
        ("bomb.tgz", tgz(&[("data", text.as_bytes())])),
        ("bomb.csv.gz", gzip(text.as_bytes())),
        ("bomb.npz", zeros),
    ] {
        assert!(bytes.len() < 10_000, "{name} is small");
        assert_says(&message_with(name, &bytes, &options), &[name, "at most 10000 bytes", "--max-bytes"]);
    }
}

#[test]
fn damage_inside_a_compressed_file() {
    let text = "0,0\n1,0\n".repeat(100);
    let mut bytes = tgz(&[("data", text.as_bytes())]);
    let end = bytes.len();
    // The checksum, then the deflate stream.
    for place in [end - 8, end / 2] {
        bytes[place] ^= 0xff;
        assert_says(&message("a.tgz", &bytes), &["a.tgz", "truncated or corrupt"]);
        bytes[place] ^= 0xff;
    }
}

#[test]
fn pickles() {
    let parts = ["pickle", "python3 -c", "np.savez("];
    assert_says(&message("data.p", b"anything"), &parts);
    assert_says(&message("data.pkl", b"\x80\x04\x95"), &parts);
    assert_says(&message("data.bin", b"\x80\x03c"), &parts);
    let mut objects = npy_file(2, &[0_i64, 0]);
    let place = objects.windows(5).position(|w| w == b"'<i8'").expect("the type");
    objects[place..place + 5].copy_from_slice(b"'|O' ");
    assert_says(&message("a.npy", &objects), &["pickle", "allow_pickle", "a-plain.npz"]);
}

#[test]
fn archives_without_one_data_set() {
    let member: &[u8] = b"0,1\n1,0\n";
    assert_says(&message("a.tar", &tar(&[("a", member), ("b", member)])), &["one data file", "found a, b"]);
    assert_says(&message("a.tar", &tar(&[("README", member)])), &["found README"]);
    let bytes = npz(("a", &[0_u8, 1]), ("b", &[0_i64, 1]), 2, false);
    assert_says(&message("a.npz", &bytes), &["features and labels, or X and Y", "found a, b"]);
}
