//! What training and auditing tell whoever started them, while they run.
//!
//! Not how it is shown: nothing below the command line prints.

use serde::{Deserialize, Deserializer, Serialize};

use super::config::Replica;
use crate::dataset::Dataset;
use crate::gpu::AdapterSummary;

/// Is told of [`Event`]s. `()` ignores them.
pub trait Observer {
    /// Takes note of what has happened; called between submissions, so it should be quick.
    fn event(&mut self, event: &Event);
}

impl Observer for () {
    fn event(&mut self, _: &Event) {}
}

/// A part of a job: what is done, and in which run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Task {
    /// The run's directory by its last name, or the name of a file of predictions.
    pub run: String,
    /// The group of replicas that are trained together, from 0; 0 where the task is of all replicas.
    pub group: usize,
    /// What is done.
    pub phase: Phase,
}

/// What is done in a [`Task`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Epochs of training, evaluation included.
    Training,
    /// An attack of the audit, by the name that is shown.
    Attack(String),
}

/// A task and how much work it is.
///
/// Equal tasks of a job (an attack of each replica) are carried out one after another, each until it reports
/// 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// What is to be done.
    pub task: Task,
    /// Multiplications and additions, roughly; only ratios within a job count.
    pub cost: f64,
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The adapter was opened.
    Adapter(AdapterSummary),
    /// The data were read.
    Dataset {
        /// The file's name without its endings, or `synthetic`.
        name: String,
        /// A sentence on what was detected.
        kind: String,
        /// N.
        records: usize,
        /// F.
        features: usize,
        /// C.
        classes: usize,
    },
    /// The configuration comes from a preset.
    Preset {
        /// The preset's name.
        name: String,
        /// Where it departs from what it reproduces.
        deviations: Vec<String>,
    },
    /// All tasks of the job in their order, once, before the first of them begins: whoever starts a job
    /// tells.
    Planned(Vec<Work>),
    /// So much of a task, from 0 to 1, was done before the job began: epochs of a run that is continued, a
    /// run that is found finished.
    Kept {
        /// The task.
        task: Task,
        /// Its part that was done, from 0 to 1.
        done: f64,
    },
    /// Training begins.
    Started {
        /// The run, as in [`Task::run`].
        run: String,
        /// How many models are trained.
        replicas: usize,
        /// Groups of replicas that are trained one after another, for want of memory.
        groups: usize,
        /// Epochs of each model, those done before included.
        epochs: usize,
        /// Classifier steps an epoch.
        steps: usize,
        /// Dispatches a step.
        dispatches: usize,
        /// Which variants of the kernels are used.
        tiles: String,
    },
    /// Training goes on after the last whole checkpoint.
    Resumed {
        /// The run, as in [`Task::run`].
        run: String,
        /// Epochs done before.
        epoch: usize,
        /// Damaged checkpoints that were passed over, by name.
        skipped: Vec<String>,
    },
    /// So much of a task is done, from 0 to 1.
    Progress {
        /// The task.
        task: Task,
        /// Its part that is done, from 0 to 1.
        done: f64,
        /// Of a training the epoch under way, from 1: epochs are of unlike length, so `done` does not tell it.
        epoch: Option<usize>,
    },
    /// An epoch of `epochs` is done, of these replicas.
    Epoch {
        /// The training that it is an epoch of.
        task: Task,
        /// Epochs of the whole training.
        epochs: usize,
        /// One of each replica that was in the epoch.
        metrics: Vec<EpochMetrics>,
    },
    /// Worth knowing.
    Note(String),
    /// Worth knowing for those who work on the program.
    Detail(String),
    /// Something that changes what the results mean.
    Warning(String),
}

impl Event {
    /// That these data were read.
    pub fn dataset(dataset: &Dataset) -> Self {
        Event::Dataset {
            name: dataset.name.clone(),
            kind: dataset.kind.clone(),
            records: dataset.records(),
            features: dataset.width(),
            classes: dataset.classes,
        }
    }

    /// `done` of `total` parts of an attack of the audit of `run` are done.
    pub fn attack(run: &str, name: &str, done: usize, total: usize) -> Self {
        let task = Task { run: run.to_owned(), group: 0, phase: Phase::Attack(name.to_owned()) };
        Event::Progress { task, done: done as f64 / total.max(1) as f64, epoch: None }
    }
}

/// An epoch of a replica: a line of `metrics.jsonl`.
///
/// Every JSON key is the field's name; the replica's settings (`lambda`, `seed`, `learning_rate`,
/// `attack_learning_rate`, `weight_decay`, `attack_weight_decay`, `dropout`, `reference`, …) stand among
/// them. Accuracies are fractions. `null`: not measured, and for the loss: not finite.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EpochMetrics {
    /// From 1.
    pub epoch: usize,
    /// From 0, in the order of [`Config::replicas`](super::config::Config::replicas).
    pub replica: usize,
    /// What distinguishes the replica from its siblings.
    #[serde(flatten)]
    pub settings: Replica,
    /// The classifier's mean cross-entropy over the epoch's batches, the penalty not included; nats.
    #[serde(deserialize_with = "null_is_nan")]
    pub loss: f64,
    /// On the batches as they were trained on.
    pub train_accuracy: f64,
    /// The attack network's inference gain, ½ mean log h on D + ½ mean log(1 − h) on D′; −0.693 is
    /// guessing. Where there is a game.
    pub gain: Option<f64>,
    /// The attack network's, on the batches that it was trained on. Where there is a game.
    pub attack_accuracy: Option<f64>,
    /// The standard deviation of the attack network's logit over the epoch's records.
    pub attack_logit_deviation: Option<f64>,
    /// The attack network beside a threshold on the confidence, after the epoch. Where there is a game.
    #[serde(default)]
    pub adversary: Option<AdversaryCheck>,
    /// Attack steps per classifier step in this epoch, where `defense.attack_steps` is `"auto"`.
    #[serde(default)]
    pub attack_steps: Option<usize>,
    /// After the epoch, on the first `train.evaluate_limit` records of D′.
    pub reference_accuracy: Option<f64>,
    /// After the epoch, on the first `train.evaluate_limit` test records.
    pub test_accuracy: Option<f64>,
    /// After the epoch, on the validation records, where these choose the epoch that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// Mean cross-entropy there, nats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Whether the attack network gives every record the same logit: it has not trained.
    pub collapsed: Option<bool>,
    /// The step, counted from 0 over the whole run, whose loss or parameters were not finite; the
    /// replica stays as it was after the epoch before.
    pub frozen_at_step: Option<u64>,
    /// What the epoch took, evaluation included, of all models that were trained together.
    pub seconds: f64,
}

/// How well the game's attack network h tells members from records of D′, beside a threshold on the
/// confidence: on the same records, with a threshold on each that was chosen on others.
///
/// Accuracies are ½(TPR + TNR).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AdversaryCheck {
    /// The attack network's.
    pub attack_accuracy: f64,
    /// That of a threshold on the probability of the label.
    pub threshold_accuracy: f64,
    /// The probability of an h so far below the threshold or further, were the two equally good (McNemar).
    pub chance: f64,
    /// Records that were scored, half of them members.
    pub records: usize,
}

impl AdversaryCheck {
    /// A chance below which h counts as the weaker one.
    const WEAKER: f64 = 0.01;

    /// Whether h is weaker than the threshold, beyond chance: a classifier that pays for being recognized by
    /// such an h pays for less than anyone sees.
    pub fn is_weaker(&self) -> bool {
        self.attack_accuracy < self.threshold_accuracy && self.chance < Self::WEAKER
    }

    /// What a weaker h means and what to do, in a sentence; none of one that is not weaker.
    pub fn remark(&self) -> Option<String> {
        self.is_weaker().then(|| {
            format!(
                "the attack network of the game tells members from reference records in {:.1}% of the cases, \
                 a threshold on the confidence in {:.1}% (by chance: {}): a defense against so weak an adversary is \
                 no evidence of privacy; give it more attack steps (defense.attack_steps = \"auto\", or a \
                 larger number), an initial phase (defense.lambda_warmup_epochs), or another rate \
                 (defense.attack.learning_rate)",
                100.0 * self.attack_accuracy,
                100.0 * self.threshold_accuracy,
                if self.chance < 1e-4 { "below 0.0001".to_owned() } else { format!("{:.4}", self.chance) },
            )
        })
    }
}

impl EpochMetrics {
    /// What the classifier does on the validation records, where it was asked.
    pub fn score(&self) -> Option<Score> {
        // JSON has no NaN: it is read as no loss.
        let (accuracy, loss) = (self.validation_accuracy?, self.validation_loss.unwrap_or(f64::NAN));
        Some(Score { epoch: self.epoch, accuracy, loss })
    }
}

/// What a classifier does on the validation records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// After so many epochs.
    pub epoch: usize,
    /// The fraction that is right.
    pub accuracy: f64,
    /// Mean cross-entropy, nats.
    pub loss: f64,
}

impl Score {
    /// More right, or as many at a lower loss.
    pub fn beats(&self, other: &Score) -> bool {
        self.accuracy > other.accuracy || (self.accuracy == other.accuracy && self.loss < other.loss)
    }
}

/// JSON has no NaN: serde_json writes `null` for what is not finite.
fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_documented_keys() {
        let metrics = EpochMetrics {
            epoch: 2,
            replica: 1,
            settings: Replica { lambda: 0.5, seed: 7, ..Replica::default() },
            loss: 1.25,
            train_accuracy: 0.5,
            gain: Some(-0.6875),
            collapsed: Some(false),
            seconds: 3.0,
            ..EpochMetrics::default()
        };
        let line = serde_json::to_string(&metrics).unwrap();
        assert_eq!(
            line,
            r#"{"epoch":2,"replica":1,"lambda":0.5,"seed":7,"learning_rate":0.0,"attack_learning_rate":0.0,"weight_decay":0.0,"attack_weight_decay":0.0,"dropout":0.0,"reference":0,"label_smoothing":0.0,"confidence_penalty":0.0,"reference_weight":0.0,"clip":0.0,"noise":0.0,"loss":1.25,"train_accuracy":0.5,"gain":-0.6875,"attack_accuracy":null,"attack_logit_deviation":null,"adversary":null,"attack_steps":null,"reference_accuracy":null,"test_accuracy":null,"collapsed":false,"frozen_at_step":null,"seconds":3.0}"#
        );
        assert_eq!(serde_json::from_str::<EpochMetrics>(&line).unwrap(), metrics);
    }

    #[test]
    fn a_loss_that_is_not_finite_is_null_and_read_back() {
        for loss in [f64::NAN, f64::INFINITY] {
            let metrics = EpochMetrics { loss, gain: Some(f64::NEG_INFINITY), ..EpochMetrics::default() };
            let line = serde_json::to_string(&metrics).unwrap();
            assert!(line.contains(r#""loss":null"#) && line.contains(r#""gain":null"#), "{line}");
            let back: EpochMetrics = serde_json::from_str(&line).unwrap();
            assert!(back.loss.is_nan() && back.gain.is_none());
        }
    }
}
