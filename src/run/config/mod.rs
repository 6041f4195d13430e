//! The whole configuration of a run as one tree, in TOML.
//!
//! What every setting means, its default and its range; [`Config::validate`] holds the ranges,
//! [`Layer`] how presets, files and flags are laid over the defaults. Nothing here acts on a setting.

mod choices;
mod defense;
mod detect;
mod keys;
mod layer;
mod model;
mod sweep;
mod validate;

use serde::{Deserialize, Serialize};

pub use choices::{
    Activation, AttackInput, AttackLoss, Initialisation, LabelEncoding, Optimizer, Penalty, RateSchedule,
    Schedule,
};
pub use defense::{DefenseConfig, GameAttackConfig, PrivateConfig};
pub use detect::{Column, Detect};
pub(crate) use keys::nearest;
pub use layer::Layer;
pub use model::{ModelConfig, ModelKind};
pub use sweep::{REPLICA_KEYS, Replica, Sweep};

use crate::dataset::{LabelColumn, LoadOptions, Synthetic};

/// Everything that decides a run's result, the adapter aside.
///
/// A preset gives some of the keys, the defaults here the others; [`to_toml`](Self::to_toml) writes
/// all of them, and reading that back gives the same tree. A key of type [`Sweep`] takes a number
/// or a list of numbers; all lists multiply to the run's [`replicas`](Self::replicas).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The preset's name. Default `"default"`.
    pub name: String,
    /// What the preset is for, in a sentence. Default empty.
    pub description: String,
    /// Where the preset departs from what it reproduces; printed with every run. Default empty.
    pub deviations: Vec<String>,
    pub data: DataConfig,
    pub model: ModelConfig,
    pub train: TrainConfig,
    pub defense: DefenseConfig,
    pub audit: AuditConfig,
    pub tuning: TuningConfig,
}

/// `[data]`: the records, and how they are divided into D (members), D′ (reference) and test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// A data file or directory. Default empty: the synthetic data of `[data.synthetic]`.
    pub path: String,
    /// The data set that the preset is made for; where it is named, `path` must be given. Default
    /// empty: any, synthetic data included.
    pub expects: String,
    /// |D|, records; ≥ 1. Default 1500. Not used with `split`.
    pub members: usize,
    /// |D′|, records; ≥ 0, and at least a batch where a λ is above 0. Default 1500. Not used with `split`.
    /// Of several, a smaller D′ is the beginning of a larger one, and the test records are what the largest
    /// leaves: such replicas share members and test records.
    pub reference: Sweep<usize>,
    /// Test records; 0: all the rest. Default 0. Not used with `split`.
    pub test: usize,
    /// An npz file of index lists `members`, `reference`, `test`, each one list or one a replica.
    /// Default empty: drawn by `train.seed`.
    pub split: String,
    /// Where the label stands in a table file: a column's name, or its place from 0. Default
    /// `"detect"`.
    pub label_column: Detect<Column>,
    /// The first class's number in the file, 0 or 1. Default `"detect"`.
    pub label_base: Detect<u32>,
    /// Whether a table file's first line names its columns. Default `"detect"`.
    pub header: Detect<bool>,
    /// The greatest size to which a compressed file may inflate, bytes; ≥ 1. Default 4 GiB.
    pub max_bytes: u64,
    /// Black pixels added on every side of an image, 0 to 64; images only. Default 0.
    pub pad: usize,
    /// What is generated where `path` is empty.
    pub synthetic: Synthetic,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            path: String::new(),
            expects: String::new(),
            members: 1500,
            reference: Sweep::one(1500),
            test: 0,
            split: String::new(),
            label_column: Detect::Detect,
            label_base: Detect::Detect,
            header: Detect::Detect,
            max_bytes: 4 << 30,
            pad: 0,
            synthetic: Synthetic::default(),
        }
    }
}

impl DataConfig {
    /// The part that says how a file is read.
    pub fn load_options(&self) -> LoadOptions {
        LoadOptions {
            label_column: self.label_column.given().map(|column| match column {
                Column::Place(place) => LabelColumn::Index(*place),
                Column::Name(name) => LabelColumn::Name(name.clone()),
            }),
            label_base: self.label_base.given().copied(),
            header: self.header.given().copied(),
            max_bytes: self.max_bytes,
        }
    }
}

/// `[train]`: how long, in what portions, from which random numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over D, ≥ 1. Default 50.
    pub epochs: usize,
    /// Records a batch, m: 1 to |D|. A min-max step sees m members and m reference records. Default 128.
    pub batch: usize,
    /// Fixes split, initial weights, batches and dropout; 0 to 2⁶³ − 1. Default 0.
    pub seed: Sweep<u64>,
    /// Records of each of D′ and test that are scored after an epoch, the first ones of each;
    /// after the last epoch all are. 0: none. Default 5000.
    pub evaluate_limit: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig { epochs: 50, batch: 128, seed: Sweep::one(0), evaluate_limit: 5000 }
    }
}

/// `[audit]`: the attacks on the finished models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// Passes of the neural attack over the known half, ≥ 1. Default 50.
    pub epochs: usize,
    /// Records a batch, half members and half not: even, ≥ 2. Default 128.
    pub batch: usize,
    /// Adam's, > 0. Default 1e-3.
    pub learning_rate: f64,
    /// How frequent members are among the records that an attacker would try, in (0, 1): precision is for
    /// this. Default 0.1.
    pub base_rate: f64,
    /// δ of the lower bound on ε, in [0, 1). Default 1e-5.
    pub delta: f64,
    /// Shadow models a replica: even, ≥ 2; 0: none, and no LiRA, RMIA and shadow-model attack. Default 0.
    pub shadows: usize,
    /// Whether to run the label-only attack. Default false.
    pub label_only: bool,
    pub attack: AuditAttackConfig,
}

impl Default for AuditConfig {
    fn default() -> Self {
        AuditConfig {
            epochs: 50,
            batch: 128,
            learning_rate: 1e-3,
            base_rate: 0.1,
            delta: 1e-5,
            shadows: 0,
            label_only: false,
            attack: AuditAttackConfig::default(),
        }
    }
}

/// `[audit.attack]`: the neural attack's network, of the form of [`GameAttackConfig`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditAttackConfig {
    /// Widths, at least one, each ≥ 1. Default `[1024, 512, 64]`.
    pub prediction_layers: Vec<usize>,
    /// Widths, at least one, each ≥ 1. Default `[512, 64]`.
    pub label_layers: Vec<usize>,
    /// Widths, each ≥ 1; may be empty. Default `[256, 64]`.
    pub joint_layers: Vec<usize>,
    /// Default `"he"`.
    pub initialisation: Initialisation,
}

impl Default for AuditAttackConfig {
    fn default() -> Self {
        AuditAttackConfig {
            prediction_layers: vec![1024, 512, 64],
            label_layers: vec![512, 64],
            joint_layers: vec![256, 64],
            initialisation: Initialisation::He,
        }
    }
}

/// `[tuning]`: which kernel variants the run uses, filled in when it begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TuningConfig {
    /// The adapter and driver that `choices` is for; on others it is ignored. Default empty: what
    /// `veilgrad tune` stored for the adapter, if anything.
    pub adapter: String,
    /// What differs from the adapter's default variant, each `"FAMILY CLASS TILE"`. Default empty.
    pub choices: crate::gpu::Choices,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            name: "default".to_owned(),
            description: String::new(),
            deviations: Vec::new(),
            data: DataConfig::default(),
            model: ModelConfig::default(),
            train: TrainConfig::default(),
            defense: DefenseConfig::default(),
            audit: AuditConfig::default(),
            tuning: TuningConfig::default(),
        }
    }
}
