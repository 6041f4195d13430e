//! The audited runs that a report is about, as their directories hold them.

use std::path::Path;

use serde::Serialize;

use crate::audit::results::details::Details;
use crate::audit::results::records::ReplicaScores;
use crate::audit::results::score_file;
use crate::audit::results::summary::Summary;
use crate::error::{Error, Result};
use crate::run::RunDirectory;
use crate::run::directory::{CONFIG, DETAILS, SCORES};
use crate::run::event::EpochMetrics;

/// A run, or the audit of a file of predictions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// The directory's name.
    pub name: String,
    /// As the directory was given.
    pub directory: String,
    /// `run.toml` as it stands; `null` where another program trained the model.
    pub config: Option<String>,
    /// `summary.json`.
    pub summary: Summary,
    /// `null` where an older version audited the run.
    pub details: Option<Details>,
    /// A line an epoch and replica; none where another program trained the model.
    pub metrics: Vec<EpochMetrics>,
    /// Every record's scores, a model each; `None` unless they were asked for.
    #[serde(skip)]
    pub records: Option<Vec<ReplicaScores>>,
}

impl Run {
    /// Reads what an audit left in the directory `path`.
    ///
    /// # Errors
    /// No `summary.json` there; damaged files.
    pub fn read(path: &Path) -> Result<Self> {
        let directory = RunDirectory::audited(path)?;
        let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let config = directory.file(CONFIG);
        Ok(Run {
            name: full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned(),
            directory: path.display().to_string(),
            config: if config.is_file() {
                Some(std::fs::read_to_string(&config).map_err(|e| Error::io(&config, &e))?)
            } else {
                None
            },
            summary: directory.read_summary()?,
            details: if directory.has(DETAILS) { Some(directory.read_details()?) } else { None },
            metrics: directory.read_metrics()?,
            records: None,
        })
    }

    /// Reads the scores of all records too: the page then lists the most exposed.
    ///
    /// # Errors
    /// No `scores.npz` there, or one of an older version.
    pub fn with_records(self) -> Result<Self> {
        let records = score_file::load(&Path::new(&self.directory).join(SCORES))?;
        Ok(Run { records: Some(records), ..self })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::audit::results::attacks::Attacks;
    use crate::audit::results::details::{BINS, Curve, GroupResult, Histogram, ReplicaDetails};
    use crate::audit::results::summary::{ReplicaSummary, SCHEMA};
    use crate::dataset::DatasetSummary;
    use crate::run::config::Replica;
    use crate::statistics::judgment::{AttackResult, Intervals};

    /// A run of one model with something for every figure.
    pub fn run(name: &str) -> Run {
        let attack = |accuracy: f64| AttackResult {
            accuracy,
            auc: accuracy,
            ci95: Intervals { accuracy: [accuracy - 0.02, accuracy + 0.02], ..Intervals::default() },
            members: 500,
            nonmembers: 700,
            ..AttackResult::default()
        };
        let settings = Replica { lambda: 1.0, ..Replica::default() };
        let model = ReplicaSummary {
            settings: Some(settings),
            train_accuracy: 0.9,
            test_accuracy: Some(0.6),
            attack_trained: true,
            attacks: Attacks::from([("neural".to_owned(), attack(0.6)), ("gap".to_owned(), attack(0.65))]),
            ..ReplicaSummary::default()
        };
        let curve = Curve {
            fpr: vec![0.0, 0.5, 1.0],
            tpr: vec![0.1, 0.7, 1.0],
            tpr_low: vec![0.05, 0.6, 0.99],
            tpr_high: vec![0.2, 0.8, 1.0],
        };
        let class = |name: &str, test: f64| GroupResult {
            name: name.to_owned(),
            members: 9,
            nonmembers: 9,
            train_accuracy: Some(1.0),
            test_accuracy: Some(test),
            ..GroupResult::default()
        };
        let histogram = Histogram { members: vec![3; BINS], nonmembers: vec![4; BINS] };
        let details = ReplicaDetails {
            settings: Some(settings),
            curves: [("neural".to_owned(), curve)].into(),
            classes: vec![class("0", 0.5), class("1", 0.25)],
            confidence: histogram.clone(),
            entropy: histogram,
            ..ReplicaDetails::default()
        };
        let epoch = |epoch: usize| EpochMetrics {
            epoch,
            settings,
            train_accuracy: 0.5,
            gain: Some(-0.7),
            test_accuracy: Some(0.4),
            ..EpochMetrics::default()
        };
        Run {
            name: name.to_owned(),
            directory: format!("runs/{name}"),
            config: Some("name = \"x\"".to_owned()),
            summary: Summary {
                schema: SCHEMA,
                version: "0.1.0".to_owned(),
                dataset: DatasetSummary {
                    name: "made up".to_owned(),
                    records: 2400,
                    features: Some(3),
                    classes: 2,
                },
                replicas: vec![model],
                ..Summary::default()
            },
            details: Some(Details {
                schema: crate::audit::results::details::SCHEMA,
                replicas: vec![details],
            }),
            metrics: vec![epoch(1), epoch(2)],
            records: None,
        }
    }
}
