//! The choices a configuration makes by name: one enum each, written in TOML as the snake-case name.
//!
//! Only what the names mean; what carries them out lives with the networks and the schedule.

pub use crate::dataset::MissingRecords;
pub use crate::nn::{AttackInput, Initialization, LabelEncoding, Optimizer};
pub use crate::ops::Activation;

use serde::{Deserialize, Serialize};

use crate::setting::{Range, SettingValues, range};

/// The sign before the fraction of a table's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecimalSign {
    /// A point; a comma that may be one is refused.
    #[serde(rename = "detect")]
    Detect,
    /// A point: `1.5`.
    #[serde(rename = ".")]
    Point,
    /// A comma: `1,5`.
    #[serde(rename = ",")]
    Comma,
}

/// A published form of the game: what several settings of it are unless they are given themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GameForm {
    /// The paper's text: the logarithm of the gain, probabilities, k attack steps to a classifier step.
    Paper,
    /// The authors' code for Purchase100: squared errors, a bounded penalty, logits, blocks of steps.
    Authors,
}

impl GameForm {
    /// All of them.
    pub const ALL: [GameForm; 2] = [GameForm::Paper, GameForm::Authors];

    /// The form that is called so.
    pub fn named(name: &str) -> Option<GameForm> {
        GameForm::ALL.into_iter().find(|form| form.name() == name)
    }

    /// As TOML and the command line call it.
    pub fn name(self) -> &'static str {
        match self {
            GameForm::Paper => "paper",
            GameForm::Authors => "authors",
        }
    }

    /// The settings that it stands for, in TOML.
    pub(super) fn settings(self) -> &'static str {
        match self {
            GameForm::Paper => {
                r#"
                [defense]
                attack_loss = "log"
                penalty = "log"
                attack_input = "softmax"
                label_encoding = "zero_one"
                schedule = "ratio"
                attack.initialisation = "he"
                "#
            }
            GameForm::Authors => {
                r#"
                [defense]
                attack_loss = "squared"
                penalty = "linear"
                attack_input = "logits"
                label_encoding = "zero_one"
                schedule = "blocks"
                attack.initialisation = { normal = 0.01 }
                "#
            }
        }
    }
}

/// What the attack network minimizes; h is its probability that a record is a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackLoss {
    /// Binary cross-entropy: the negative of the paper's inference gain.
    Log,
    /// Mean squared error, (1 − h)² on members and h² on the others: the official code.
    Squared,
}

/// What the classifier pays, times λ, for its members being recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Penalty {
    /// Mean log h: the paper.
    Log,
    /// Mean h − ½: the official code for Purchase100 and Texas100.
    Linear,
    /// Mean h²: the official code for CIFAR-100, which labels members 0 and so writes (h − 1)².
    Squared,
}

/// How much the members of a class weigh in the classifier's loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// As many as there are of them: every member weighs 1.
    None,
    /// Every class as much as every other: a member weighs n / (C · n_c), of n members in C classes with n_c in its.
    Balanced,
}

/// Which epoch's classifier a run keeps. It trains to the last epoch either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The last one's.
    Epochs,
    /// That of the epoch after which most validation records were right; of several, where their loss was
    /// least, then the first. Records weigh as much as their class does (`model.class_weights`).
    Validation,
}

/// How the classifier's learning rate changes over the epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSchedule {
    /// The same rate in every epoch.
    Constant,
    /// Multiplied by `schedule_factor` after each number of epochs in `schedule_epochs`.
    Steps,
    /// Half a cosine from the rate to 0 over the run.
    Cosine,
}

/// Whether a first layer on data of bits walks the ones of each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sparse {
    /// Where the ones are few.
    Auto,
    /// Always.
    On,
    /// Never: it multiplies by all of the record.
    Off,
}

/// In which order attack steps and classifier steps follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// `attack_steps` attack steps before every classifier step: the paper.
    Ratio,
    /// Plain epochs, then `first_epoch_attack_passes` of the attack; after that blocks of
    /// `block_attack_steps` and `block_classifier_steps`: the official code.
    Blocks,
    /// Each step is drawn: an attack step against a classifier step at odds of `coin_ratio` : 1 (WERM).
    Coin,
}

/// How weights may start; the number is the deviation of a normal distribution.
pub(super) const START: Range<f64> = range(
    "\"framework\", \"he\", \"xavier\", or { normal = DEVIATION } with a finite number above 0",
    |deviation| deviation.is_finite() && *deviation > 0.0,
);

impl SettingValues for Initialization {
    type One = f64;

    fn values(&self) -> impl Iterator<Item = &f64> {
        match self {
            Initialization::Normal(deviation) => Some(deviation),
            Initialization::Framework | Initialization::He | Initialization::Xavier => None,
        }
        .into_iter()
    }
}
