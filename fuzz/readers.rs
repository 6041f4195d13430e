//! What is fuzzed: each reader of files as a function of bytes. For the fuzzer's targets beside this file and
//! for `tests/fuzz`, which includes it.
//!
//! A reader may refuse what it is given, with an error. It must not panic, abort, hang, nor take more memory
//! than the file's size warrants.

use std::fs::{create_dir, remove_dir_all, write};
use std::path::{Path, PathBuf};

use veilgrad::audit::external;
use veilgrad::audit::results::score_file;
use veilgrad::dataset::{LoadOptions, Schema, load, load_for, query};
use veilgrad::error::{Error, Result};
use veilgrad::report::{export, html, run::Run, terminal};
use veilgrad::run::config::{Config, Layer};
use veilgrad::run::directory::{CONFIG, DETAILS, METRICS, PREDICTIONS, SCORES, SPLIT, SUMMARY};
use veilgrad::run::{RunDirectory, model_file::ModelFile};
use veilgrad::train::kept;

/// Reads bytes, which it writes into an empty directory first; the error of a file that it refuses.
pub type Reader = fn(&Path, &[u8]) -> Result<()>;

/// Most bytes that a compressed file may inflate to, `--max-bytes`.
const MAX_BYTES: u64 = 1 << 26;

/// The other file of an audit whose summary or details are read.
const SOUND_SUMMARY: &[u8] = include_bytes!("corpus/summary/summary.json");

/// Calls `reader` with `bytes` in a directory of its own, which it leaves empty. For the targets.
pub fn in_scratch(reader: Reader, bytes: &[u8]) {
    let directory = std::env::temp_dir().join(format!("veilgrad-fuzz-{}", std::process::id()));
    let _ = remove_dir_all(&directory);
    create_dir(&directory).expect("a directory for the input");
    // A refusal is as good as an acceptance.
    let _ = reader(&directory, bytes);
    remove_dir_all(&directory).expect("removed");
}

fn put(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    write(&path, bytes).expect("the input is written");
    path
}

/// As training and prediction load a data set.
fn data(path: &Path) -> Result<()> {
    let options = LoadOptions { max_bytes: MAX_BYTES, ..LoadOptions::default() };
    let dataset = load(path, &options)?;
    dataset.schema.rows();
    let even = |records: usize| Ok(vec![(0..records as u32).step_by(2).collect()]);
    // What all records allow, the members alone may not: a class that too few of them have.
    let _ = load_for(path, &options, even);
    let again = LoadOptions { schema: Some(dataset.schema), ..options };
    query(path, &dataset.class_names, &again).map(|_| ())
}

/// Tables in text, compressed or not.
pub fn csv(directory: &Path, bytes: &[u8]) -> Result<()> {
    data(&put(directory, "table.csv", bytes))
}

pub fn npz(directory: &Path, bytes: &[u8]) -> Result<()> {
    data(&put(directory, "arrays.npz", bytes))
}

pub fn npy(directory: &Path, bytes: &[u8]) -> Result<()> {
    data(&put(directory, "array.npy", bytes))
}

pub fn parquet(directory: &Path, bytes: &[u8]) -> Result<()> {
    data(&put(directory, "table.parquet", bytes))
}

pub fn tgz(directory: &Path, bytes: &[u8]) -> Result<()> {
    data(&put(directory, "archive.tgz", bytes))
}

pub fn cifar(directory: &Path, bytes: &[u8]) -> Result<()> {
    data(&put(directory, "test_batch.bin", bytes))
}

/// The length of a file of images (a little-endian u32), that file, and the file of their labels.
pub fn idx(directory: &Path, bytes: &[u8]) -> Result<()> {
    let (length, files) = bytes.split_at_checked(4).unwrap_or((&[0; 4], bytes));
    let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
    let (images, labels) = files.split_at(length.min(files.len()));
    put(directory, "train-labels-idx1-ubyte", labels);
    data(&put(directory, "train-images-idx3-ubyte", images))
}

/// Another program's predictions, as an audit reads them: npz, npy, safetensors, or text.
pub fn predictions(directory: &Path, bytes: &[u8]) -> Result<()> {
    let path = put(directory, "predictions", bytes);
    let options = external::Options { max_bytes: MAX_BYTES, ..external::Options::default() };
    external::read(&path, &options)?.case(0, None, None, None).map(|_| ())
}

/// A model that leaves.
pub fn safetensors(directory: &Path, bytes: &[u8]) -> Result<()> {
    let file = ModelFile::read(&put(directory, "model.safetensors", bytes))?;
    file.facts.config()?;
    let (features, numbers) = (file.facts.schema.width(), file.facts.schema.numbers());
    let _ = file.tensor("features.mean", &[numbers.len()]);
    file.tensor("classifier.0.weight", &[features, 2]).or(Ok(vec![])).map(|_| ())
}

/// Settings in TOML, also those of a finished run.
pub fn presets(directory: &Path, bytes: &[u8]) -> Result<()> {
    let config = Config::resolve(&[
        Layer::read(&put(directory, CONFIG, bytes))?,
        Layer::string("--data", "data.path", "table.csv"),
    ])?;
    config.replicas();
    config.to_toml().map(|_| ())
}

pub fn schema(directory: &Path, bytes: &[u8]) -> Result<()> {
    let schema = Schema::read(&put(directory, "schema.toml", bytes))?;
    schema.numbers();
    schema.rows();
    schema.to_toml().map(|_| ())
}

/// What a run goes on from.
pub fn checkpoints(directory: &Path, bytes: &[u8]) -> Result<()> {
    put(directory, CONFIG, b"");
    put(directory, "checkpoint-group000-epoch000002", bytes);
    match kept(&RunDirectory::open(directory)?, 0..3)?.0.iter().any(|stretch| stretch.found.is_some()) {
        true => Ok(()),
        false => Err(Error::data("checkpoint").found("a damaged file")),
    }
}

pub fn metrics(directory: &Path, bytes: &[u8]) -> Result<()> {
    put(directory, METRICS, bytes);
    report(directory, SOUND_SUMMARY)
}

pub fn summary(directory: &Path, bytes: &[u8]) -> Result<()> {
    report(directory, bytes)
}

pub fn details(directory: &Path, bytes: &[u8]) -> Result<()> {
    put(directory, DETAILS, bytes);
    report(directory, SOUND_SUMMARY)
}

/// Everything that `veilgrad report` makes of an audit.
fn report(directory: &Path, summary: &[u8]) -> Result<()> {
    put(directory, SUMMARY, summary);
    let run = [Run::read(directory)?];
    terminal::summary(&run[0].summary, 80);
    export::tables(&run, &[])?;
    html::page(None, &run, &[]).map(|_| ())
}

/// A run's own arrays: its splits, its predictions, the scores of its records. The one that the bytes are.
pub fn run_arrays(directory: &Path, bytes: &[u8]) -> Result<()> {
    put(directory, CONFIG, b"");
    for name in [SPLIT, PREDICTIONS] {
        put(directory, name, bytes);
    }
    let run = RunDirectory::open(directory)?;
    let some = |n: usize| match n {
        0 => Err(Error::data("arrays").expected("those of a model").found("none")),
        _ => Ok(()),
    };
    let splits = run.read_splits().and_then(|splits| some(splits.len()));
    let predictions = run.read_predictions().and_then(|models| some(models.len()));
    let scores = score_file::load(&put(directory, SCORES, bytes)).and_then(|models| some(models.len()));
    splits.or(predictions).or(scores)
}
