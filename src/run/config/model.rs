//! `[model]`: the classifier f, its loss on the records, and its optimizer, with a table `[model.KEY]` for
//! each network that has one.
//!
//! Not the networks: they declare their own settings ([`crate::nn::networks`]). Not what any of it does.

use super::choices::START;
use super::{Activation, ClassWeights, Initialization, Optimizer, RateSchedule, Sweep};
use crate::nn::NetworkSettings;
use crate::nn::networks::{mlp::MlpSettings, networks};
use crate::setting::{BELOW_1, NOT_NEGATIVE, POSITIVE, UP_TO_1, WIDTHS, described, settings};
use serde::{Deserialize, Serialize};

/// Declares what has an entry for each network: `ModelKind` and `ModelConfig`.
macro_rules! model_config {
    ($($(#[$doc:meta])+ $key:ident: $kind:ident = $module:ident::$settings:ident,)+) => {
        /// What the classifier is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ModelKind {
            /// A multilayer perceptron, for records of any kind; images are flattened.
            Mlp,
            $($(#[$doc])+ $kind,)+
        }

        settings! {
            /// `[model]`: the classifier f and its optimizer.
            pub struct ModelConfig {
                /// What the classifier is; all but `mlp` need images.
                kind: ModelKind = ModelKind::Mlp;
                /// Widths of the hidden layers; empty: logistic regression. `mlp` only.
                hidden: Vec<usize> = vec![512, 256, 128], in WIDTHS;
                /// Of the hidden layers. `mlp` only.
                activation: Activation = Activation::Tanh;
                /// How weights start. Scales and shifts of batch normalization start at 1 and 0.
                initialisation: Initialization = Initialization::Framework, in START;
                /// The fraction of each hidden layer's outputs that is dropped in training; `mlp` only.
                dropout: Sweep<f64> = Sweep::one(0.0), in BELOW_1;
                /// How much the members of a class weigh in the cross-entropy, and validation records of it in the
                /// choice of the epoch.
                class_weights: ClassWeights = ClassWeights::None;
                /// a: the classifier learns (1 − a)·one-hot + a/C (Szegedy et al. 2016).
                label_smoothing: Sweep<f64> = Sweep::one(0.0), in BELOW_1;
                /// w: w times the entropy of the predictions is taken off the loss (Pereyra et al. 2017).
                confidence_penalty: Sweep<f64> = Sweep::one(0.0), in NOT_NEGATIVE;
                /// Of the classifier.
                optimizer: Optimizer = Optimizer::Adam;
                /// Of the classifier.
                learning_rate: Sweep<f64> = Sweep::one(1e-3), in POSITIVE;
                /// `sgd` only.
                momentum: f64 = 0.9, in BELOW_1;
                /// The L2 factor w: w·θ is added to the gradient, biases included.
                weight_decay: Sweep<f64> = Sweep::one(0.0), in NOT_NEGATIVE;
                /// How the learning rate changes.
                schedule: RateSchedule = RateSchedule::Constant;
                /// Epochs after which the rate falls; `steps` only.
                schedule_epochs: Vec<usize> = vec![],
                    in described(
                        "numbers of epochs from 1 on, ascending, where model.schedule is \"steps\", else \
                         none",
                    );
                /// What the rate is then multiplied by; `steps` only.
                schedule_factor: f64 = 0.1, in UP_TO_1;
                /// First epochs in which the rate rises from 0, linearly step by step.
                warmup_epochs: usize = 0, unit "epochs", in described("fewer than train.epochs");
                /// Whether images are moved by up to 4 pixels each way and mirrored half of the time in the
                /// classifier's own training passes.
                augment: bool = false;
                $([$key]: crate::nn::networks::$module::$settings;)+
            }
        }

        impl ModelConfig {
            /// The settings of the network that it chooses.
            pub fn network(&self) -> Box<dyn NetworkSettings> {
                match self.kind {
                    ModelKind::Mlp => {
                        let (hidden, activation) = (self.hidden.clone(), self.activation);
                        Box::new(MlpSettings { hidden, activation })
                    }
                    $(ModelKind::$kind => Box::new(self.$key.clone()),)+
                }
            }
        }
    };
}
networks!(model_config);
