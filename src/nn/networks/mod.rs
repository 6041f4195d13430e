//! The classifier f: what training asks of a network ([`Network`]), and the networks there are (`networks!`).
//!
//! A network is a file here, with its settings, and a row of `networks!`. One that is in no configuration
//! implements [`Network`] elsewhere and is handed to [`Recipe::new`](crate::train::Recipe::new):
//! `examples/own_network.rs`.

pub mod alexnet;
pub mod densenet;
pub mod mlp;

use super::Parameters;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::Image;
use std::fmt::Debug;
use std::sync::Arc;

/// Hands the networks to the macro `$rows`, a row each: its key in a configuration (`model.kind = "alexnet"`,
/// and the table `[model.alexnet]`), the kind's name in Rust, the type of its settings.
///
/// The multilayer perceptron is no row: its settings stand in `[model]` itself.
macro_rules! networks {
    ($rows:ident) => {
        $rows! {
            /// The AlexNet for small images of the official code.
            alexnet: Alexnet = alexnet::AlexNetSettings,
            /// DenseNet-BC (Huang et al. 2017, "Densely Connected Convolutional Networks").
            densenet: Densenet = densenet::DenseNetSettings,
        }
    };
}
pub(crate) use networks;

/// A classifier f, as a graph: where its parameters lie, and how a batch goes through it.
pub trait Network: Debug + Send + Sync {
    /// Its layers in the flat buffer; the last one's outputs are the classes.
    fn parameters(&self) -> &Parameters;

    /// Adds a pass to `graph`: logits `[B, C]` of x `[B, F]` (images `[B, H·W·C]`, channels last), by
    /// `weights`, a matrix for each of [`parameters`](Self::parameters)' layers. A network with batch
    /// normalization reads the newest version of the running `statistics`, and a training pass replaces it by
    /// the next.
    ///
    /// # Errors
    /// Shapes that do not fit.
    fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        statistics: &mut Option<NodeId>,
        x: NodeId,
        mode: Mode,
    ) -> Result<NodeId>;
}

/// The settings of a network of a configuration, a table of [`crate::setting`].
pub trait NetworkSettings: Debug {
    /// The network for records of this shape, in so many classes.
    ///
    /// # Errors
    /// Records that do not fit it.
    fn build(&self, shape: RecordShape, classes: usize) -> Result<Arc<dyn Network>>;
}

/// How a batch goes through f.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    /// As in use: no dropout, running statistics. Row by row, so such passes may be merged.
    Evaluation,
    /// As in f's own training.
    Training {
        /// Dropout, where there is any.
        dropping: Option<Dropping>,
    },
}

/// Dropout's inputs: key u32 `[1, 2]` and rate `[1, 1]`.
#[derive(Debug, Clone, Copy)]
pub struct Dropping {
    /// The key of the masks, u32 `[1, 2]`: (seed, step).
    pub key: NodeId,
    /// The share of activations that are dropped, `[1, 1]`, 0 to below 1.
    pub rate: NodeId,
}

/// What a record is to a network: F features, or an image with H·W·C = F.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordShape {
    /// F, padding pixels included.
    pub features: usize,
    /// Its height, width and channels; `None`: F numbers without a shape.
    pub image: Option<Image>,
}

impl RecordShape {
    /// That of `dataset`, its images with `pad` more pixels on every side.
    pub fn of(dataset: &Dataset, pad: usize) -> Self {
        let image = dataset.image.map(|image| image.padded(pad));
        RecordShape { features: image.map_or(dataset.width(), |image| image.features()), image }
    }

    /// Records of `features` numbers without a shape.
    pub fn plain(features: usize) -> Self {
        RecordShape { features, image: None }
    }

    /// The image, for what the setting `key` needs one.
    ///
    /// # Errors
    /// Records without a shape.
    pub fn image(self, key: &str) -> Result<Image> {
        self.image.ok_or_else(|| {
            Error::usage(key)
                .expected("images: a data set of CIFAR or idx files")
                .found(format!("records of {} features without a shape", self.features))
                .advice("leave it out, or give --data with images")
        })
    }
}
