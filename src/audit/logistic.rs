//! A logistic regression on each replica's members: what a person gets without a network, to stand beside it.
//!
//! Not what is said of it ([`super::results::utility`]). It is a run like any other, in `logistic` below the
//! audited one's, on the same members, validation and test records, and is trained once.

use super::attacks::scores::{self, Predictions};
use super::job::AuditJob;
use crate::error::Result;
use crate::run::RunDirectory;
use crate::run::config::{Config, DefenseConfig, Initialization, ModelConfig, Sweep, TuningConfig};
use crate::run::directory::SPLIT;
use crate::run::event::{Event, Observer};
use crate::run::predictions::TEST;
use crate::train;
use std::collections::HashMap;

/// The directory of the logistic regressions, below the run's.
pub(super) const DIRECTORY: &str = "logistic";

/// Enough to come to the end: at this rate Retail100, Hospital100 and Location30 with 200 to 2,000 members end where
/// scikit-learn's `LogisticRegression` does, or above.
const EPOCHS: usize = 60;

/// Adam's.
const LEARNING_RATE: f64 = 0.03;

/// Which test records a logistic regression has right, by their numbers.
pub type RightRecords = HashMap<u32, bool>;

/// That of a logistic regression for each replica. They are trained, unless they are there; none, and a note, where
/// they are not and the data are not at hand.
///
/// # Errors
/// As [`train::run`].
pub(super) fn right_records(job: &AuditJob, observer: &mut dyn Observer) -> Result<Vec<RightRecords>> {
    let AuditJob { context, stop, .. } = *job;
    let config = config(job);
    let path = job.directory.file(DIRECTORY);
    let found = RunDirectory::open(&path).ok().filter(|found| is_of_this_run(job, &config, found));
    if let Some(trained) = found.as_ref().filter(|found| found.is_trained()) {
        return read(trained, config.replicas().len());
    }
    let Some(dataset) = job.dataset else {
        let text =
            "no logistic regression to compare with: it would have to be trained, and the data are not there";
        observer.event(&Event::Note(text.to_owned()));
        return Ok(vec![]);
    };
    let resume = found.is_some();
    let directory = match found {
        Some(found) => found.held()?,
        None => RunDirectory::create(&path, true)?.held()?,
    };
    observer.event(&Event::Note(format!("logistic regressions, to compare with, in {}", path.display())));
    let training =
        train::Job { config: &config, dataset, context, directory: &directory, resume, stop, part: None };
    train::run(&training, observer)?;
    read(&directory, config.replicas().len())
}

/// One replica in memory at a time.
fn read(directory: &RunDirectory, replicas: usize) -> Result<Vec<RightRecords>> {
    let of = |number: usize| {
        let predictions = directory.read_replica(number)?;
        let (logits, labels) = predictions.of(TEST);
        let hits = scores::gap(&Predictions::from_logits(&logits, predictions.classes, &labels)?);
        Ok(predictions.rows_of(TEST).into_iter().zip(hits.into_iter().map(|hit| hit > 0.5)).collect())
    };
    (0..replicas).map(of).collect()
}

/// Whether what was `found` has this configuration, these records and these data: another run may have been in the
/// directory before.
fn is_of_this_run(job: &AuditJob, config: &Config, found: &RunDirectory) -> bool {
    let same_config = found.read_config().is_ok_and(|found| config.with_split_of(&found) == found);
    let splits = || Some((found.read_splits().ok()?, job.directory.read_splits().ok()?));
    let same_records = || splits().is_some_and(|(found, wanted)| found == wanted);
    let same_data = |dataset| found.check_data(dataset, false).is_ok_and(|changed| changed.is_none());
    same_config && same_records() && job.dataset.is_none_or(same_data)
}

/// What the training of one costs, in the unit of [`Work`](crate::run::event::Work).
pub(super) fn cost(members: usize, features: usize, classes: usize) -> f64 {
    6.0 * (EPOCHS * members * features * classes) as f64
}

/// One layer, plain training, the records of the run: whatever the run's replicas differ in beside their records.
fn config(job: &AuditJob) -> Config {
    let replicas = job.config.replicas();
    let mut config = job.config.of_replica(&replicas[0]);
    config.name = format!("{}-logistic", config.name);
    config.deviations = vec![];
    config.data.split = job.directory.file(SPLIT).display().to_string();
    config.train.seed = Sweep::many((0u64..).take(replicas.len()).collect());
    config.train.epochs = EPOCHS;
    config.train.evaluate_limit = 0;
    config.model = ModelConfig {
        hidden: vec![],
        initialisation: Initialization::Xavier,
        learning_rate: Sweep::one(LEARNING_RATE),
        weight_decay: Sweep::one(1.0 / config.data.members.max(1) as f64),
        class_weights: config.model.class_weights,
        ..ModelConfig::default()
    };
    config.defense = DefenseConfig { lambda: Sweep::one(0.0), ..DefenseConfig::default() };
    config.audit.shadows = 0;
    config.audit.logistic = false;
    config.tuning = TuningConfig::of(job.context);
    config
}
