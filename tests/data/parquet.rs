//! Tables in Parquet, written by pyarrow (`tests/files`): the same data set as the same table in CSV.

use crate::files::{load, load_with, write};
use std::path::{Path, PathBuf};
use veilgrad::dataset::{LoadOptions, MissingRecords};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

/// Two and a half row groups, five compressions, a dictionary, nulls, a decimal, dates and moments in nanoseconds.
#[test]
fn a_table_is_the_same_in_parquet_and_in_csv() {
    let options = LoadOptions { missing: MissingRecords::Impute, ..LoadOptions::default() };
    let [parquet, csv] =
        ["people.parquet", "people.csv"].map(|name| load_with(&file(name), &options).expect(name));
    assert_eq!((parquet.records(), &parquet.class_names), (240, &csv.class_names));
    assert_eq!(parquet.labels, csv.labels);
    assert_eq!(parquet.features, csv.features);
    assert_eq!(parquet.schema, csv.schema);
    let dated = |name: &str| parquet.schema.columns.iter().find(|c| c.name == name).map(|c| c.why.clone());
    assert!(dated("born").is_some_and(|why| why.contains("date")), "{:?}", dated("born"));
    assert_eq!(dated("born"), dated("seen"));
    let error = load(&file("people.parquet")).expect_err("missing values").to_string();
    assert!(error.contains("age") && error.contains("--missing"), "{error}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let error = load(&file("lists.parquet")).expect_err("lists").to_string();
    assert!(error.contains("column 1 (list)") && error.contains("a list or a structure"), "{error}");
    let whole = std::fs::read(file("people.parquet")).expect("read");
    for (name, bytes) in [("cut.parquet", &whole[..whole.len() / 2]), ("head.parquet", &whole[..12])] {
        let error = write(&[(name, bytes)], |dir| load(&dir.join(name)).expect_err("damaged")).to_string();
        assert!(error.contains(name) && error.contains("truncated or corrupt"), "{error}");
    }
    let few = LoadOptions { max_bytes: 1000, ..LoadOptions::default() };
    let error = load_with(&file("people.parquet"), &few).expect_err("too large").to_string();
    assert!(error.contains("at most 1000 bytes"), "{error}");
}
