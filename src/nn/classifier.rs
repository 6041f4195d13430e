//! The classifier f, whatever its kind.

use super::{AlexNet, DenseNet, Dropping, Mlp, Network};
use crate::dataset::Dataset;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::Image;

/// What a record is to a network: F features, or an image with H·W·C = F.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    pub features: usize,
    pub image: Option<Image>,
}

impl Input {
    /// That of `dataset`, its images with `pad` more pixels on every side.
    pub fn of(dataset: &Dataset, pad: usize) -> Self {
        let image = dataset.image.map(|image| image.padded(pad));
        Input { features: image.map_or(dataset.width(), |image| image.features()), image }
    }

    /// Records of `features` numbers without a shape.
    pub fn plain(features: usize) -> Self {
        Input { features, image: None }
    }
}

/// How a batch goes through f.
#[derive(Debug, Clone, Copy)]
pub enum Pass {
    /// As in use: no dropout, running statistics. Row by row, so such passes may be merged.
    Evaluation,
    /// As in f's own training.
    Training {
        /// Dropout, where there is any.
        dropping: Option<Dropping>,
    },
}

/// A network of any kind.
#[derive(Debug, Clone)]
pub enum Classifier {
    Mlp(Mlp),
    AlexNet(AlexNet),
    DenseNet(DenseNet),
}

impl Classifier {
    /// Its parameters.
    pub fn network(&self) -> &Network {
        match self {
            Classifier::Mlp(mlp) => &mlp.network,
            Classifier::AlexNet(alexnet) => &alexnet.network,
            Classifier::DenseNet(densenet) => &densenet.network,
        }
    }

    /// Logits `[B, C]` of x `[B, F]`, by the layers' parameters `weights` and the newest version of the
    /// running `statistics`, which a training pass replaces by the next.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        statistics: &mut Option<NodeId>,
        x: NodeId,
        pass: Pass,
    ) -> Result<NodeId> {
        match self {
            Classifier::Mlp(mlp) => mlp.forward(
                graph,
                weights,
                x,
                match pass {
                    Pass::Evaluation => None,
                    Pass::Training { dropping } => dropping,
                },
            ),
            Classifier::AlexNet(alexnet) => alexnet.forward(graph, weights, x),
            Classifier::DenseNet(densenet) => {
                let training = matches!(pass, Pass::Training { .. });
                densenet.forward(graph, weights, statistics, x, training)
            }
        }
    }
}
