//! `[defense]`: what is done in training so that its records are not recognised.
//!
//! Not what acts on it: the game is [`crate::train::game`], private gradients `private_gradients` of [`crate::train::terms`].

use serde::{Deserialize, Serialize};

use super::{AttackInput, AttackLoss, Initialisation, LabelEncoding, Optimizer, Penalty, Schedule, Sweep};

/// `[defense]`: the min-max game between the classifier f and the attack network h.
///
/// Source: Nasr, Shokri and Houmansadr, "Machine Learning with Membership Privacy using
/// Adversarial Regularization", CCS 2018, algorithm 1. λ = 0 in every replica is plain training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DefenseConfig {
    /// λ, ≥ 0: the weight of the privacy penalty in the classifier's loss. Default 0.
    pub lambda: Sweep<f64>,
    /// k, attack steps per classifier step of the `ratio` schedule; ≥ 1. Default 1.
    pub attack_steps: usize,
    /// First epochs in which h is trained but the penalty is off; fewer than `train.epochs`.
    /// Default 0.
    pub lambda_warmup_epochs: usize,
    /// Default `"log"`.
    pub attack_loss: AttackLoss,
    /// Default `"log"`.
    pub penalty: Penalty,
    /// Default `"softmax"`.
    pub attack_input: AttackInput,
    /// How many of the sorted logits h sees; 0: all. `sorted_logits` only. Default 0.
    pub top_k: usize,
    /// Default `"zero_one"`.
    pub label_encoding: LabelEncoding,
    /// Default `"ratio"`.
    pub schedule: Schedule,
    /// Attack steps in a block, ≥ 1; `blocks` only. Default 52.
    pub block_attack_steps: usize,
    /// Classifier steps in a block, ≥ 1; `blocks` only. Default 2.
    pub block_classifier_steps: usize,
    /// Passes of h over D after the plain first epoch, ≥ 0; `blocks` only. Default 5.
    pub first_epoch_attack_passes: usize,
    /// Attack steps drawn for every classifier step on average, ≥ 1; `coin` only. Default 20.
    pub coin_ratio: usize,
    /// v: the classifier's loss is (1 − v) of that on D and v of that on D′, in [0, 1): weighted empirical risk
    /// minimization (Kaplan et al., PETS 2024). Default 0.
    pub reference_weight: Sweep<f64>,
    pub private: PrivateConfig,
    pub attack: GameAttackConfig,
}

impl Default for DefenseConfig {
    fn default() -> Self {
        DefenseConfig {
            lambda: Sweep::one(0.0),
            attack_steps: 1,
            lambda_warmup_epochs: 0,
            attack_loss: AttackLoss::Log,
            penalty: Penalty::Log,
            attack_input: AttackInput::Softmax,
            top_k: 0,
            label_encoding: LabelEncoding::ZeroOne,
            schedule: Schedule::Ratio,
            block_attack_steps: 52,
            block_classifier_steps: 2,
            first_epoch_attack_passes: 5,
            coin_ratio: 20,
            reference_weight: Sweep::one(0.0),
            private: PrivateConfig::default(),
            attack: GameAttackConfig::default(),
        }
    }
}

/// `[defense.private]`: differentially private gradients for the classifier; `mlp` only, instead of the game.
///
/// Source: Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, algorithm 1. What that guarantees:
/// [`crate::train::privacy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivateConfig {
    /// C: each record's gradient, over all layers, is scaled down to this norm; 0: none is. Default 0.
    pub clip: Sweep<f64>,
    /// σ: normal noise of standard deviation σ·C is added to a batch's sum of gradients, ≥ 0; with `clip`.
    /// Default 0.
    pub noise: Sweep<f64>,
    /// δ of the guarantee, in (0, 1). Default 1e-5.
    pub delta: f64,
}

impl Default for PrivateConfig {
    fn default() -> Self {
        PrivateConfig { clip: Sweep::one(0.0), noise: Sweep::one(0.0), delta: 1e-5 }
    }
}

/// `[defense.attack]`: the attack network h trained in the game, ReLU throughout.
///
/// f's output goes through `prediction_layers`, the one-hot label through `label_layers`; the two,
/// concatenated, through `joint_layers` and a last layer of width 1, h's logit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GameAttackConfig {
    /// Widths, at least one, each ≥ 1. Default `[1024, 512, 64]`.
    pub prediction_layers: Vec<usize>,
    /// Widths, at least one, each ≥ 1. Default `[512, 64]`.
    pub label_layers: Vec<usize>,
    /// Widths, each ≥ 1; may be empty. Default `[256, 64]`.
    pub joint_layers: Vec<usize>,
    /// Default `"he"`: the paper's normal(0.01) often leaves this network untrained.
    pub initialisation: Initialisation,
    /// Default `"adam"`.
    pub optimizer: Optimizer,
    /// > 0. Default 1e-3.
    pub learning_rate: Sweep<f64>,
    /// In [0, 1); `sgd` only. Default 0.9.
    pub momentum: f64,
    /// L2 factor, ≥ 0. Default 0.
    pub weight_decay: Sweep<f64>,
}

impl Default for GameAttackConfig {
    fn default() -> Self {
        GameAttackConfig {
            prediction_layers: vec![1024, 512, 64],
            label_layers: vec![512, 64],
            joint_layers: vec![256, 64],
            initialisation: Initialisation::He,
            optimizer: Optimizer::Adam,
            learning_rate: Sweep::one(1e-3),
            momentum: 0.9,
            weight_decay: Sweep::one(0.0),
        }
    }
}
