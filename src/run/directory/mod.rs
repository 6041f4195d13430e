//! A run's directory: which files it holds, and how each appears there whole or not at all.
//!
//! Not what is in them: the tensors' format is `model_file`'s, the arrays' [`super::predictions`]',
//! checkpoints' their own.
//!
//! | file | holds |
//! |---|---|
//! | `run.toml` | the resolved configuration; `--preset DIR/run.toml` repeats the run |
//! | `metrics.jsonl` | a JSON line per epoch and replica: [`EpochMetrics`](super::event::EpochMetrics) |
//! | `schema.toml` | what the data's columns are, and how they become features |
//! | `data.json` | the data's size and the classes' names |
//! | `fingerprint.json` | by which other data are noticed |
//! | `models/replica-0.safetensors`, … | a classifier each: what may leave |
//! | `split.npz` | who was member, reference, validation and test record |
//! | `predictions.npz` | logits, labels and membership of the records, a set per replica |
//! | `summary.json` | accuracies and attacks; the audit's |
//! | `details.json` | what a report draws and lists; the audit's |
//! | `scores.npz` | every record's score under every attack, and its risk; the audit's |
//! | `checkpoint…` | what an interrupted run continues from |
//! | `parts/0000-0008`, … | replicas that are trained apart, until they are taken over; `part.json`: on what |
//! | `trained_on.json` | on what the replicas of each part were trained, where there were parts |
//! | `shadows-0`, …, `shadows-0-split.npz`, … | a replica's shadow models, on whom they were trained |
//! | `logistic` | a logistic regression for each replica, on the same members |
//! | `run.lock`, `lease.json` | which program works on it |
//!
//! Which of them may leave the machine: `docs/threat-model.md`.

mod data;
mod metrics;
mod parts;
mod trained;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::{Config, Layer};
use super::lease::{LEASE, LOCK, Lease};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Kind, Result};

pub use data::{FINGERPRINT, RunData};
pub use metrics::Repaired;
pub use parts::{PARTS, Program, TRAINED_ON, TrainedOn, TrainedPart};

/// The resolved configuration: `--preset DIR/run.toml` repeats the run.
pub const CONFIG: &str = "run.toml";
/// A line an epoch and replica ([`EpochMetrics`](super::event::EpochMetrics)).
pub const METRICS: &str = "metrics.jsonl";
/// What the data's columns are and how they become features ([`Schema`](crate::dataset::Schema)).
pub const SCHEMA: &str = "schema.toml";
/// The data's size and the classes' names ([`RunData`]).
pub const DATA: &str = "data.json";
/// The folder of the classifiers, a file each ([`ModelFile`](super::model_file::ModelFile)).
pub const MODELS: &str = "models";
/// Who was member, reference and test record, by replica.
pub const SPLIT: &str = "split.npz";
/// Logits, labels and membership of the records ([`super::predictions`]).
pub const PREDICTIONS: &str = "predictions.npz";
/// Accuracies and attacks, the audit's ([`Summary`](crate::audit::results::summary::Summary)).
pub const SUMMARY: &str = "summary.json";
/// What a report draws and lists, the audit's.
pub const DETAILS: &str = "details.json";
/// Every record's score under every attack, and its risk, the audit's.
pub const SCORES: &str = "scores.npz";

/// What the file of a replica's model is called, without its ending.
pub fn model_name(number: usize) -> String {
    format!("replica-{number}")
}

/// What the names of a run's checkpoint files begin with.
pub const CHECKPOINT_PREFIX: &str = "checkpoint";

/// What a file's name ends in while it is being written.
const PARTIAL: &str = ".partial";

/// The directory of one run.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    path: PathBuf,
    /// Where this program alone may write.
    lease: Option<Arc<Lease>>,
}

/// Directories are the same where their paths are.
impl PartialEq for RunDirectory {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for RunDirectory {}

impl RunDirectory {
    /// Makes `path` the directory of a new run, and its parents where they are missing. With `force` a
    /// run that is there is replaced: once [`write_config`](Self::write_config) begins the new one, so
    /// that nothing is lost to a run that cannot begin.
    ///
    /// # Errors
    /// As [`check_free`](Self::check_free); a directory that cannot be made or written.
    pub fn create(path: &Path, force: bool) -> Result<Self> {
        Self::check_free(path, force)?;
        fs::create_dir_all(path).map_err(|e| Error::io(path, &e))?;
        let directory = RunDirectory::at(path);
        // Found out now, not after the first epoch.
        tempfile::tempfile_in(path).map_err(|e| Error::io(path, &e))?;
        Ok(directory)
    }

    /// Whether [`create`](Self::create) would find the place free.
    ///
    /// # Errors
    /// `path` is a file, or without `force` a directory that is not empty.
    pub fn check_free(path: &Path, force: bool) -> Result<()> {
        let error = || Error::new(Kind::Io, path.display().to_string()).expected("a new or empty directory");
        if !path.exists() {
            return Ok(());
        }
        if !path.is_dir() {
            return Err(error().found("a file").advice("choose another --out"));
        }
        let names = names(path)?;
        // A program that ended before it had begun a run leaves its lock.
        if force || names.iter().all(|name| is_lock(name)) {
            return Ok(());
        }
        Err(if names.iter().any(|name| is_own(name)) {
            error().found("a run").advice("choose another --out, or replace that run with --force")
        } else {
            error()
                .found(format!("a directory with {} other files", names.len()))
                .advice("choose another --out, or with --force put the run beside them")
        })
    }

    /// The directory of a run that was begun.
    ///
    /// # Errors
    /// There is no `run.toml` at `path`.
    pub fn open(path: &Path) -> Result<Self> {
        if path.join(CONFIG).is_file() {
            return Ok(RunDirectory::at(path));
        }
        let found = match (path.exists(), path.is_dir()) {
            (false, _) => "nothing",
            (true, false) => "a file",
            (true, true) => "a directory without it",
        };
        Err(Error::new(Kind::Io, path.display().to_string())
            .expected(format!("a run's directory, with its {CONFIG}"))
            .found(found)
            .advice("give the directory that `veilgrad train` or `veilgrad demo` named"))
    }

    /// Whatever `path` holds.
    pub(crate) fn at(path: &Path) -> Self {
        RunDirectory { path: path.to_owned(), lease: None }
    }

    /// The same directory, which this program alone may write from now on, until the last of it is dropped.
    ///
    /// # Errors
    /// Another program works on it, and is named; a directory that cannot be written.
    pub fn held(self) -> Result<Self> {
        let lease = Some(Arc::new(Lease::take(&self.path)?));
        Ok(RunDirectory { lease, ..self })
    }

    /// Whose directory it was before it was [`held`](Self::held), where that program did not end as it should
    /// have.
    pub fn taken_over(&self) -> Option<&str> {
        self.lease.as_ref()?.taken_over.as_deref()
    }

    /// # Errors
    /// Another program has taken over a directory that this one held: it must write no more.
    fn check_held(&self) -> Result<()> {
        self.lease.as_ref().map_or(Ok(()), |lease| lease.check())
    }

    /// Its path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last name of its path.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or(self.path.as_os_str()).to_string_lossy().into_owned()
    }

    /// The path of the file `name` in it, there or not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether the file `name` is there.
    pub fn has(&self, name: &str) -> bool {
        self.file(name).is_file()
    }

    /// Writes the file `name` beside its place, flushed to the disk, then renames it.
    ///
    /// # Errors
    /// Those of `fill` and of the file system; a file of that name is then as it was.
    pub fn write(&self, name: &str, fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
        self.check_held()?;
        let path = self.file(name);
        let aside = self.file(&format!("{name}{PARTIAL}"));
        let failed = |e: std::io::Error| Error::io(&path, &e);
        let mut writer = BufWriter::new(File::create(&aside).map_err(failed)?);
        let written = fill(&mut writer)
            .and_then(|()| writer.into_inner().map_err(|e| failed(e.into_error())))
            .and_then(|file| file.sync_all().map_err(failed))
            .and_then(|()| fs::rename(&aside, &path).map_err(failed));
        if written.is_err() {
            // The first error is the one to report; what cannot be removed is only litter.
            let _ = fs::remove_file(&aside);
        }
        written
    }

    /// Begins the run: removes the files of one that it replaces, and no others, and writes `run.toml`.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_config(&self, config: &Config) -> Result<()> {
        let text = config.to_toml()?;
        self.remove_own_files()?;
        self.write_bytes(CONFIG, text.as_bytes())
    }

    /// Reads `run.toml`, its ranges checked.
    ///
    /// # Errors
    /// A file that is missing or that somebody damaged, placed by its line.
    pub fn read_config(&self) -> Result<Config> {
        Config::resolve(&[Layer::read(&self.file(CONFIG))?])
    }

    /// Writes the file `name` as JSON.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|e| Error::new(Kind::Io, self.file(name).display().to_string()).found(e.to_string()))?;
        text.push('\n');
        self.write_bytes(name, text.as_bytes())
    }

    /// Reads the file `name`, which the audit wrote.
    ///
    /// # Errors
    /// A missing or damaged file.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let path = self.file(name);
        let text = fs::read_to_string(&path).map_err(|e| Error::io(&path, &e))?;
        serde_json::from_str(&text).map_err(|e| {
            Error::data(path.display().to_string())
                .expected("what an audit of this version wrote")
                .found(e.to_string())
                .advice(format!("write it again with `veilgrad audit {}`", self.path.display()))
        })
    }

    /// Removes a run that has nothing to keep: no epoch of it was finished.
    ///
    /// # Errors
    /// The file system's.
    pub fn discard_if_unbegun(&self) -> Result<()> {
        let begun = |name: &String| name == METRICS || name == MODELS || name.starts_with(CHECKPOINT_PREFIX);
        if names(&self.path)?.iter().any(begun) {
            return Ok(());
        }
        self.remove_own_files()?;
        let left = names(&self.path)?;
        if left.iter().all(|name| is_lock(name)) {
            for name in left {
                let path = self.file(&name);
                fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
            }
            fs::remove_dir(&self.path).map_err(|e| Error::io(&self.path, &e))?;
        }
        Ok(())
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.file(name);
        self.write(name, |w| w.write_all(bytes).map_err(|e| Error::io(&path, &e)))
    }

    fn remove_own_files(&self) -> Result<()> {
        for name in names(&self.path)?.iter().filter(|name| is_own(name)) {
            let path = self.file(name);
            if path.is_dir() {
                fs::remove_dir_all(&path).map_err(|e| Error::io(&path, &e))?;
                continue;
            }
            fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
        }
        Ok(())
    }
}

/// Whether a run writes a file of this name, or was killed while it did.
fn is_own(name: &str) -> bool {
    let name = name.strip_suffix(PARTIAL).unwrap_or(name);
    let own = [
        CONFIG,
        METRICS,
        SCHEMA,
        DATA,
        FINGERPRINT,
        MODELS,
        SPLIT,
        PREDICTIONS,
        SUMMARY,
        DETAILS,
        SCORES,
        TRAINED_ON,
    ];
    own.contains(&name) || name.starts_with(CHECKPOINT_PREFIX)
}

/// Whether the file says which program works on a directory.
fn is_lock(name: &str) -> bool {
    name == LOCK || name.starts_with(LEASE)
}

/// What is in the directory `path`; names that are not UTF-8 are in a form that is never a run's.
fn names(path: &Path) -> Result<Vec<String>> {
    let failed = |e: std::io::Error| Error::io(path, &e);
    fs::read_dir(path)
        .map_err(failed)?
        .map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::event::EpochMetrics;
    use super::*;

    fn scratch() -> (tempfile::TempDir, RunDirectory) {
        let parent = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&parent.path().join("a/b"), false).unwrap();
        (parent, directory)
    }

    #[test]
    fn a_run_is_not_overwritten_without_force_and_other_files_never() {
        let (_parent, directory) = scratch();
        directory.write_config(&Config::default()).unwrap();
        fs::write(directory.file("checkpoint-3.bin"), "x").unwrap();
        fs::write(directory.file("summary.json.partial"), "x").unwrap();
        fs::write(directory.file("notes.txt"), "mine").unwrap();

        let error = RunDirectory::create(directory.path(), false).unwrap_err();
        assert_eq!((error.kind, error.found.as_str()), (Kind::Io, "a run"));
        assert!(error.advice.contains("--force"), "{error}");
        assert!(directory.has(CONFIG));

        let again = RunDirectory::create(directory.path(), true).unwrap();
        assert!(again.has("checkpoint-3.bin"), "removed before the new run began");
        again.write_config(&Config::default()).unwrap();
        let mut left = names(directory.path()).unwrap();
        left.sort();
        assert_eq!(left, ["notes.txt", CONFIG]);
        fs::remove_file(again.file(CONFIG)).unwrap();
        let error = RunDirectory::create(directory.path(), false).unwrap_err().to_string();
        assert!(error.contains("1 other files"), "{error}");
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let (_parent, directory) = scratch();
        let file = directory.file("file");
        fs::write(&file, "").unwrap();
        let message = |path: &Path| RunDirectory::create(path, true).unwrap_err().to_string();
        assert!(message(&file).contains("expected a new or empty directory, found a file"));
        assert!(message(&file.join("below")).contains("below: "), "{}", message(&file.join("below")));
    }

    #[test]
    fn only_a_run_is_opened() {
        let (_parent, directory) = scratch();
        let found = |path: &Path| RunDirectory::open(path).unwrap_err().found;
        assert_eq!(found(directory.path()), "a directory without it");
        assert_eq!(found(&directory.file("missing")), "nothing");
        directory.write_config(&Config::default()).unwrap();
        assert_eq!(found(&directory.file(CONFIG)), "a file");
        assert_eq!(RunDirectory::open(directory.path()).unwrap(), directory);
    }

    #[test]
    fn the_configuration_is_read_back() {
        let (_parent, directory) = scratch();
        let mut config = Config::default();
        config.train.epochs = 7;
        directory.write_config(&config).unwrap();
        assert_eq!(directory.read_config().unwrap(), config);
        fs::write(directory.file(CONFIG), "train.epochs = 0").unwrap();
        assert!(directory.read_config().unwrap_err().to_string().starts_with("train.epochs: "));
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_alone() {
        let (_parent, directory) = scratch();
        directory.write_bytes("f", b"old").unwrap();
        let failure = directory.write("f", |w| {
            w.write_all(b"new").unwrap();
            Err(Error::data("on purpose"))
        });
        assert_eq!(failure.unwrap_err().place, "on purpose");
        assert_eq!(fs::read(directory.file("f")).unwrap(), b"old");
        assert_eq!(names(directory.path()).unwrap(), ["f"]);
    }

    #[test]
    fn predictions_of_an_unfinished_run_say_how_to_finish_it() {
        let (_parent, directory) = scratch();
        let error = directory.read_predictions().unwrap_err();
        assert!(error.advice.contains("--resume"), "{error}");
    }

    #[test]
    fn a_run_without_an_epoch_can_be_discarded_and_one_with_cannot() {
        let (_parent, directory) = scratch();
        directory.write_config(&Config::default()).unwrap();
        directory.append_metrics(&[EpochMetrics::default()]).unwrap();
        directory.discard_if_unbegun().unwrap();
        assert!(directory.has(CONFIG));
        fs::remove_file(directory.file(METRICS)).unwrap();
        directory.discard_if_unbegun().unwrap();
        assert!(!directory.path().exists());
    }
}
