//! `[defense]`: what is done in training so that its records are not recognized.
//!
//! Not what acts on it: the game is [`crate::train::game`], private gradients `private_gradients` of
//! [`crate::train::terms`].

use super::choices::START;
use super::{
    AttackInput, AttackLoss, AttackSteps, GameForm, Initialization, LabelEncoding, Optimizer, Penalty,
    Schedule, Sweep,
};
use crate::setting::{
    AT_LEAST_1, BELOW_1, BETWEEN_0_AND_1, NOT_NEGATIVE, POSITIVE, SOME_WIDTHS, WIDTHS, described, range,
    settings, whole_list,
};

settings! {
    /// `[defense]`: the min-max game between the classifier f and the attack network h.
    ///
    /// Source: Nasr, Shokri and Houmansadr, "Machine Learning with Membership Privacy using
    /// Adversarial Regularization", CCS 2018, algorithm 1. λ = 0 in every replica is plain training.
    pub struct DefenseConfig {
        /// λ: the weight of the privacy penalty in the classifier's loss.
        lambda: Sweep<f64> = Sweep::one(0.0), in NOT_NEGATIVE;
        /// A published form of the game. It sets `attack_loss`, `penalty`, `attack_input`, `label_encoding`,
        /// `schedule` and `attack.initialisation`; each of them may be given beside it, or after it. Given once
        /// more, over a preset of this form, it changes nothing.
        form: GameForm = GameForm::Paper;
        /// k: attack steps per classifier step of the `ratio` schedule. `"auto"`: each replica takes as many
        /// as keep h as good as a threshold on the confidence, found anew after every epoch, up to
        /// `attack_steps_most`.
        attack_steps: AttackSteps = AttackSteps::Count(1), unit "steps",
            in range("\"auto\" or at least 1", |v| *v >= 1);
        /// The most of them with `"auto"`, which computes as many in every step, whichever of them count.
        attack_steps_most: usize = 8, unit "steps", in AT_LEAST_1;
        /// First epochs in which h is trained but the penalty is off.
        lambda_warmup_epochs: usize = 0, unit "epochs",
            in described("fewer than train.epochs, or the penalty is never on");
        /// What h minimizes.
        attack_loss: AttackLoss = AttackLoss::Log;
        /// What the classifier pays, times λ, for its members being recognized.
        penalty: Penalty = Penalty::Log;
        /// What h sees of the classifier's output.
        attack_input: AttackInput = AttackInput::Softmax;
        /// How many of the sorted logits h sees; 0: all.
        top_k: usize = 0, unit "logits", in described("0, unless defense.attack_input is \"sorted_logits\"");
        /// How the label is handed to h.
        label_encoding: LabelEncoding = LabelEncoding::ZeroOne;
        /// In which order attack steps and classifier steps follow each other.
        schedule: Schedule = Schedule::Ratio;
        /// Epochs before the first block; `blocks` only.
        plain_epochs: usize = 1, unit "epochs";
        /// Passes of h at the end of the plain epochs; `blocks` only.
        first_epoch_attack_passes: usize = 5, unit "passes";
        /// Attack steps of a block, as far as their pass goes; 0: a third of a pass. `blocks` only.
        block_attack_steps: usize = 0, unit "steps";
        /// Block i begins at batch i · `block_attack_steps`, modulo this, of the attack's pass; 0: the pass's
        /// batches less 3. `blocks` only.
        block_attack_modulus: usize = 0, unit "batches";
        /// Classifier steps of a block, as far as their pass goes; `blocks` only.
        block_classifier_steps: usize = 2, unit "steps", in AT_LEAST_1;
        /// The same of the classifier's batches; 0: its pass's batches less 1. `blocks` only.
        block_classifier_modulus: usize = 0, unit "batches";
        /// Blocks of an epoch; 0: half as many as the classifier's pass has batches. `blocks` only.
        block_rounds: usize = 0, unit "blocks";
        /// Batches of the attack's pass and of the classifier's that a preset's `block_attack_steps`,
        /// `block_attack_modulus`, `block_classifier_modulus` and `block_rounds` are for: where the passes are of
        /// other lengths, they are what 0 makes them. Empty, as it is where one of the four is given after the
        /// preset: at every length. `blocks` only.
        block_passes: Vec<usize> = vec![], unit "batches",
            in whole_list("empty, or two numbers of at least 1", |list| {
                list.is_empty() || (list.len() == 2 && !list.contains(&0))
            });
        /// Whole batches at the end of a pass that are left out; `blocks` only.
        block_left_out: usize = 1, unit "batches";
        /// Attack steps drawn for every classifier step on average; `coin` only.
        coin_ratio: usize = 20, unit "steps", in AT_LEAST_1;
        /// v: the classifier's loss is (1 − v) of that on D and v of that on D′: weighted empirical risk
        /// minimization (Kaplan et al., PETS 2024).
        reference_weight: Sweep<f64> = Sweep::one(0.0), in BELOW_1;
        [private]: PrivateConfig;
        [attack]: GameAttackConfig;
    }
}

impl DefenseConfig {
    /// The settings that `block_passes` speaks of.
    pub(super) const OF_PASSES: [&str; 4] =
        ["block_attack_steps", "block_attack_modulus", "block_classifier_modulus", "block_rounds"];

    /// Attack steps that a round of the `ratio` schedule computes.
    pub fn steps_of_a_round(&self) -> usize {
        match self.attack_steps {
            AttackSteps::Auto => self.attack_steps_most,
            AttackSteps::Count(count) => count,
        }
    }
}

settings! {
    /// `[defense.private]`: differentially private gradients for the classifier; `mlp` only, instead of the
    /// game.
    ///
    /// Source: Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, algorithm 1. What that
    /// guarantees: [`crate::train::privacy`].
    pub struct PrivateConfig {
        /// C: each record's gradient, over all layers, is scaled down to this norm; 0: none is.
        clip: Sweep<f64> = Sweep::one(0.0), in NOT_NEGATIVE;
        /// σ: normal noise of standard deviation σ·C is added to a batch's sum of gradients; with `clip`.
        noise: Sweep<f64> = Sweep::one(0.0), in NOT_NEGATIVE;
        /// δ of the guarantee.
        delta: f64 = 1e-5, in BETWEEN_0_AND_1;
        /// What the noise is drawn from where a run is to be repeated byte for byte: then nothing is private,
        /// for who knows the noise takes it away. 0: from the operating system, never the same twice and
        /// never written.
        noise_seed: u64 = 0;
    }
}

settings! {
    /// `[defense.attack]`: the attack network h trained in the game; ReLU where nothing else is said.
    ///
    /// f's output goes through `prediction_layers`, the one-hot label through `label_layers`; the two,
    /// concatenated, through `joint_layers` and a last layer of width 1, h's logit.
    pub struct GameAttackConfig {
        /// Widths of the layers that see the prediction.
        prediction_layers: Vec<usize> = vec![1024, 512, 64], in SOME_WIDTHS;
        /// Widths of the layers that see the label.
        label_layers: Vec<usize> = vec![512, 64], in SOME_WIDTHS;
        /// Whether nothing follows the layers that see the label, as in the authors' code for Texas100.
        label_linear: bool = false;
        /// Widths of the layers that see both; may be empty.
        joint_layers: Vec<usize> = vec![256, 64], in WIDTHS;
        /// How its weights start: the paper's normal(0.01) often leaves this network untrained.
        initialisation: Initialization = Initialization::He, in START;
        /// Of the attack network.
        optimizer: Optimizer = Optimizer::Adam;
        /// Of the attack network.
        learning_rate: Sweep<f64> = Sweep::one(1e-3), in POSITIVE;
        /// `sgd` only.
        momentum: f64 = 0.9, in BELOW_1;
        /// The L2 factor.
        weight_decay: Sweep<f64> = Sweep::one(0.0), in NOT_NEGATIVE;
    }
}
