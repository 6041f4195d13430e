//! `[model]`: the classifier f and its optimizer, with a table `[model.KEY]` for each network that has one.
//!
//! Not the networks: they declare their own settings ([`crate::nn::networks`]).

use serde::{Deserialize, Serialize};

use super::{Activation, Initialisation, Optimizer, RateSchedule, Sweep};
use crate::error::Result;
use crate::nn::NetworkSettings;
use crate::nn::networks::{mlp::MlpSettings, networks};

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

        /// `[model]`: the classifier f and its optimizer.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct ModelConfig {
            /// Default `"mlp"`; the others need images.
            pub kind: ModelKind,
            /// Widths of the hidden layers, each ≥ 1; empty: logistic regression. `mlp` only. Default
            /// `[512, 256, 128]`.
            pub hidden: Vec<usize>,
            /// `mlp` only. Default `"tanh"`.
            pub activation: Activation,
            /// Default `"framework"`. Scales and shifts of batch normalization start at 1 and 0.
            pub initialisation: Initialisation,
            /// The fraction of each hidden layer's outputs that is dropped in training, in [0, 1); `mlp`
            /// only. Default 0.
            pub dropout: Sweep<f64>,
            /// a: the classifier learns (1 − a)·one-hot + a/C, in [0, 1) (Szegedy et al. 2016). Default 0.
            pub label_smoothing: Sweep<f64>,
            /// w: w times the entropy of the predictions is taken off the loss, ≥ 0 (Pereyra et al. 2017).
            /// Default 0.
            pub confidence_penalty: Sweep<f64>,
            /// Default `"adam"`.
            pub optimizer: Optimizer,
            /// > 0. Default 1e-3.
            pub learning_rate: Sweep<f64>,
            /// In [0, 1); `sgd` only. Default 0.9.
            pub momentum: f64,
            /// L2 factor w, ≥ 0: w·θ is added to the gradient, biases included. Default 0.
            pub weight_decay: Sweep<f64>,
            /// How the learning rate changes. Default `"constant"`.
            pub schedule: RateSchedule,
            /// Epochs after which the rate falls, ascending, each ≥ 1; `steps` only. Default empty.
            pub schedule_epochs: Vec<usize>,
            /// What it is then multiplied by, in (0, 1]; `steps` only. Default 0.1.
            pub schedule_factor: f64,
            /// First epochs in which the rate rises from 0, linearly step by step; fewer than `train.epochs`.
            /// Default 0.
            pub warmup_epochs: usize,
            /// Whether images are moved by up to 4 pixels each way and mirrored half of the time in the
            /// classifier's own training passes. Default false.
            pub augment: bool,
            $(pub $key: crate::nn::networks::$module::$settings,)+
        }

        impl Default for ModelConfig {
            fn default() -> Self {
                ModelConfig {
                    kind: ModelKind::Mlp,
                    hidden: vec![512, 256, 128],
                    activation: Activation::Tanh,
                    initialisation: Initialisation::Framework,
                    dropout: Sweep::one(0.0),
                    label_smoothing: Sweep::one(0.0),
                    confidence_penalty: Sweep::one(0.0),
                    optimizer: Optimizer::Adam,
                    learning_rate: Sweep::one(1e-3),
                    momentum: 0.9,
                    weight_decay: Sweep::one(0.0),
                    schedule: RateSchedule::Constant,
                    schedule_epochs: Vec::new(),
                    schedule_factor: 0.1,
                    warmup_epochs: 0,
                    augment: false,
                    $($key: Default::default(),)+
                }
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

            /// Checks the settings of every network, also of those that are not chosen.
            ///
            /// # Errors
            /// A usage error that names the key.
            pub(super) fn check_networks(&self) -> Result<()> {
                $(self.$key.check()?;)+
                Ok(())
            }
        }
    };
}
networks!(model_config);
