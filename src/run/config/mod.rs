//! The whole configuration of a run as one tree, in TOML.
//!
//! A setting is one row of a table below ([`crate::setting`] describes a row), or of `model` and `defense`
//! beside this file: from it follow the field, its default, its key, its range, and the list of all settings
//! ([`mod@reference`]). What needs two settings is in `validate`; which of them take a list, and what follows
//! from that, is in `replica`; [`Layer`] is how presets, files and flags are laid over the defaults. Nothing
//! here acts on a setting.

mod attack_steps;
mod choices;
mod defense;
mod detect;
mod deviation;
mod fit;
mod keys;
mod layer;
mod model;
pub mod reference;
mod replica;
mod sweep;
mod tuning;
mod validate;

pub use attack_steps::AttackSteps;
pub use choices::{
    Activation, AttackInput, AttackLoss, ClassWeights, DecimalSign, GameForm, Initialization, LabelEncoding,
    MissingRecords, Optimizer, Penalty, RateSchedule, Schedule, Sparse, Stop,
};
pub use defense::{DefenseConfig, GameAttackConfig, PrivateConfig};
pub use detect::{Column, Detect};
pub use deviation::Deviation;
pub use fit::Fitted;
pub use layer::Layer;
pub use model::{ModelConfig, ModelKind};
pub(crate) use replica::short;
pub use replica::{Nesting, Replica, ReplicaKey, replica_keys};
pub use sweep::Sweep;

use crate::dataset::{LabelColumn, LoadOptions, Synthetic};
use crate::setting::{
    AT_LEAST_1, BELOW_1, BETWEEN_0_AND_1, POSITIVE, SOME_WIDTHS, WIDTHS, described, range, settings,
};
use choices::START;

settings! {
    /// Everything that decides a run's result, the adapter aside.
    ///
    /// A preset gives some of the keys, the defaults here the others; [`to_toml`](Self::to_toml) writes
    /// all of them, and reading that back gives the same tree. A key of type [`Sweep`] takes a number
    /// or a list of numbers; all lists multiply to the run's [`replicas`](Self::replicas).
    pub struct Config {
        /// The preset's name.
        name: String = "default".to_owned();
        /// What the preset is for, in a sentence.
        description: String = String::new();
        /// Where the preset departs from what it reproduces; printed with every run. Texts, or
        /// `{ text = "…", of = ["train.epochs"] }`, which falls away where a setting that it speaks of is changed.
        deviations: Vec<Deviation> = vec![];
        [data]: DataConfig;
        [model]: ModelConfig;
        [train]: TrainConfig;
        [defense]: DefenseConfig;
        [audit]: AuditConfig;
        [engine]: EngineConfig;
        [tuning]: TuningConfig;
    }
}

settings! {
    /// `[data]`: the records, and how they are divided into D (members), D′ (reference) and test.
    pub struct DataConfig {
        /// A data file or directory. Empty: the synthetic data of `[data.synthetic]`.
        path: String = String::new();
        /// The data set that the preset is made for; where it is named, `path` must be given. Empty: any,
        /// synthetic data included.
        expects: String = String::new();
        /// |D|: the records to train on. Not used with `split`.
        members: usize = 1500, unit "records", in range("at least 1 record", |v| *v >= 1);
        /// |D′|: the reference records. Of several, a smaller D′ is the beginning of a larger one, and the
        /// test records are what the largest leaves: such replicas share members and test records. Not used
        /// with `split`.
        reference: Sweep<usize> = Sweep::one(1500), unit "records",
            in described("0 or more; at least a batch where D′ is used");
        /// Records that are in none of the other sets, for `train.stop`: the audit never asks about them. Not
        /// used with `split`.
        validation: usize = 0, unit "records";
        /// Test records; 0: all the rest. Not used with `split`.
        test: usize = 0, unit "records";
        /// Which sizes follow the number of records: members half of it, reference a fifth, validation a tenth
        /// and the rest for testing; batch, at most `train.batch`, such that an epoch has 8 steps;
        /// weight_decay, 1 by the members. Filled in once the data are read: a run's own file holds the numbers.
        fit: Vec<Fitted> = vec![];
        /// An npz file of index lists `members`, `reference`, `test` and perhaps `validation`, each one list or
        /// one a replica. Empty: drawn by `train.seed`.
        split: String = String::new();
        /// Where the label stands in a table file: a column's name, or its place counted from 0.
        label_column: Detect<Column> = Detect::Detect, in described("\"detect\", a name, or a number from 0");
        /// The first class's number in the file.
        label_base: Detect<u32> = Detect::Detect, in range("0 or 1", |base| *base <= 1);
        /// Whether a table file's first line names its columns.
        header: Detect<bool> = Detect::Detect, in described("\"detect\", true or false");
        /// What becomes of records without a value in a table. Where it is not `error`, records without a
        /// label are left out.
        missing: MissingRecords = MissingRecords::Error;
        /// The characters of a text file, by their name on the web, such as `latin1`. Empty: UTF-8, or what
        /// the bytes show.
        encoding: String = String::new();
        /// The decimal sign of a table's numbers.
        decimal: DecimalSign = DecimalSign::Detect;
        /// Columns of a table to leave out, by name or counted from 0.
        drop: Vec<String> = vec![];
        /// Columns to keep that look like identifiers, dates, an index or free text, and are left out
        /// otherwise.
        keep: Vec<String> = vec![];
        /// Columns whose values are names of categories, though they are written as numbers.
        categorical: Vec<String> = vec![];
        /// Columns that hold numbers: anything else there is an error.
        numeric: Vec<String> = vec![];
        /// Whether the classes that fewer than 5 members have are one, `other`.
        merge_rare_classes: bool = false;
        /// A file that says what a table's columns are, as `veilgrad schema` writes it. Empty: learnt from the
        /// members.
        schema: String = String::new();
        /// The greatest size to which a compressed file may inflate.
        max_bytes: u64 = 4 << 30, unit "bytes", in range("at least 1 byte", |v| *v >= 1);
        /// Black pixels added on every side of an image; images only.
        pad: usize = 0, unit "pixels", in range("0 to 64 pixels", |v| *v <= 64);
        [synthetic]: Synthetic;
    }
}

impl DataConfig {
    /// The part that says how a file is read, without the schema, which is a file of its own.
    pub fn load_options(&self) -> LoadOptions {
        LoadOptions {
            label_column: self.label_column.given().map(|column| match column {
                Column::Place(place) => LabelColumn::Index(*place),
                Column::Name(name) => LabelColumn::Name(name.clone()),
            }),
            label_base: self.label_base.given().copied(),
            header: self.header.given().copied(),
            missing: self.missing,
            encoding: Some(self.encoding.clone()).filter(|name| !name.is_empty()),
            decimal_comma: match self.decimal {
                DecimalSign::Detect => None,
                DecimalSign::Point => Some(false),
                DecimalSign::Comma => Some(true),
            },
            drop: self.drop.clone(),
            keep: self.keep.clone(),
            categorical: self.categorical.clone(),
            numeric: self.numeric.clone(),
            merge_rare_classes: self.merge_rare_classes,
            schema: None,
            max_bytes: self.max_bytes,
        }
    }
}

settings! {
    /// `[train]`: how long, in what portions, from which random numbers.
    pub struct TrainConfig {
        /// Passes over D.
        epochs: usize = 50, in AT_LEAST_1;
        /// m: records a batch, at most |D|. A min-max step sees m members and m reference records.
        batch: usize = 128, unit "records", in AT_LEAST_1;
        /// Fixes split, initial weights, batches and dropout.
        // TOML's integers are signed: a greater seed could not be read back from run.toml.
        seed: Sweep<u64> = Sweep::one(0), in range("0 to 2⁶³ − 1", |v| *v < 1 << 63);
        /// Which epoch's classifier is kept.
        stop: Stop = Stop::Epochs;
        /// Records of each of D′ and test that are scored after an epoch, the first ones of each; after the
        /// last epoch all are. 0: none.
        evaluate_limit: usize = 5000, unit "records";
    }
}

impl Config {
    /// The same with the split file of `other`: a run may have been moved since it was begun, and its splits with it.
    #[must_use]
    pub fn with_split_of(&self, other: &Config) -> Config {
        let mut config = self.clone();
        config.data.split.clone_from(&other.data.split);
        config
    }

    /// The same with the sentences of `other`'s preset: they decide nothing, and another build may word them otherwise.
    #[must_use]
    pub fn with_deviations_of(&self, other: &Config) -> Config {
        Config { deviations: other.deviations.clone(), ..self.clone() }
    }
}

settings! {
    /// `[audit]`: the attacks on the finished models.
    pub struct AuditConfig {
        /// Passes of the neural attack over the known half.
        epochs: usize = 50, in AT_LEAST_1;
        /// Records a batch, half members and half not.
        batch: usize = 128, unit "records",
            in range("an even number from 2", |v| *v >= 2 && v.is_multiple_of(2));
        /// Adam's.
        learning_rate: f64 = 1e-3, in POSITIVE;
        /// How frequent members are among the records that an attacker would try: precision is for this.
        base_rate: f64 = 0.1, in BETWEEN_0_AND_1;
        /// δ of the lower bound on ε.
        delta: f64 = 1e-5, in BELOW_1;
        /// Shadow models a replica; 0: none, and no LiRA, RMIA and shadow-model attack.
        shadows: usize = 0, unit "models",
            in range("an even number: shadow models come in pairs", |v| v.is_multiple_of(2));
        /// Whether to run the label-only attack.
        label_only: bool = false;
        /// Whether to make the attack of the game's authors by their protocol too, which counts the best epoch on
        /// the records that it scores: for numbers beside published ones. `veilgrad reproduce` does.
        as_published: bool = false;
        /// Whether a logistic regression is trained on the same members, to stand beside the classifier in what it is
        /// good for; it is in no attack.
        logistic: bool = false;
        [attack]: AuditAttackConfig;
    }
}

settings! {
    /// `[audit.attack]`: the neural attack's network, of the form of `[defense.attack]`.
    pub struct AuditAttackConfig {
        /// Widths of the layers that see the prediction.
        prediction_layers: Vec<usize> = vec![1024, 512, 64], in SOME_WIDTHS;
        /// Widths of the layers that see the label.
        label_layers: Vec<usize> = vec![512, 64], in SOME_WIDTHS;
        /// Widths of the layers that see both; may be empty.
        joint_layers: Vec<usize> = vec![256, 64], in WIDTHS;
        /// How its weights start.
        initialisation: Initialization = Initialization::He, in START;
    }
}

settings! {
    /// `[engine]`: how the work is done, where there is more than one way to the same result.
    pub struct EngineConfig {
        /// Whether the first layer on data of bits adds the rows of its weights that a record has ones for
        /// (`on`), or multiplies by all of the record (`off`). `auto`: the former where at most one of 10 bits
        /// is a one on average.
        sparse: Sparse = Sparse::Auto;
        /// Whether operations of a step are merged that fewer dispatches, or fewer bytes moved, compute as well:
        /// towers write and read parts of rows without copies, the attack network's last layer and what follows it
        /// are one, and a first layer on lists of ones makes its step of Adam where its gradient is summed. By an
        /// adapter's default kernels the same bytes.
        merge: bool = true;
    }
}

settings! {
    /// `[tuning]`: which kernel variants the run uses, filled in when it begins.
    pub struct TuningConfig {
        /// The adapter and driver that `choices` is for; on others it is ignored. Empty: what `veilgrad tune`
        /// stored for the adapter, if anything.
        adapter: String = String::new();
        /// What differs from the adapter's default variant, each `"FAMILY CLASS VARIANT"`.
        #[serde(deserialize_with = "crate::ops::known_choices")]
        choices: crate::gpu::Choices = crate::gpu::Choices::default();
    }
}
