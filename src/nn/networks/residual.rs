//! A residual perceptron: dense layers of one width, each added to what went into it.
//!
//! Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 3.1, with dense layers for
//! convolutions and without batch normalization.

use super::{Mode, Network, NetworkSettings, RecordShape};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::nn::Parameters;
use crate::ops::{Activation, Add, Dense};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `[model.residual]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResidualSettings {
    /// Outputs of every hidden layer, ≥ 1. Default 256.
    pub width: usize,
    /// Hidden layers after the first, ≥ 0. Default 3.
    pub depth: usize,
}

impl Default for ResidualSettings {
    fn default() -> Self {
        ResidualSettings { width: 256, depth: 3 }
    }
}

impl NetworkSettings for ResidualSettings {
    fn check(&self) -> Result<()> {
        Error::check_setting("model.residual.width", self.width >= 1, "at least 1", self.width)
    }

    fn build(&self, shape: RecordShape, classes: usize) -> Result<Arc<dyn Network>> {
        let mut parameters = Parameters::default();
        let widths: Vec<usize> = std::iter::repeat_n(self.width, self.depth + 1).chain([classes]).collect();
        parameters.stack("layers", shape.features, &widths);
        Ok(Arc::new(Residual { parameters }))
    }
}

/// The network.
#[derive(Debug, Clone)]
pub struct Residual {
    parameters: Parameters,
}

impl Network for Residual {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        _: &mut Option<NodeId>,
        x: NodeId,
        _: Mode,
    ) -> Result<NodeId> {
        let relu = Dense { activation: Activation::Relu };
        let mut x = graph.apply(relu, &[x, weights[0]])?;
        for &w in &weights[1..weights.len() - 1] {
            let added = graph.apply(relu, &[x, w])?;
            x = graph.apply(Add, &[x, added])?;
        }
        graph.apply(Dense { activation: Activation::Identity }, &[x, weights[weights.len() - 1]])
    }
}
