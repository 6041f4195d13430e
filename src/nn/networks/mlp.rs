//! The classifier f for tabular data: dense layers with one activation, logits at the end.

use super::{Dropping, Mode, Network, NetworkSettings, RecordShape};
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::nn::Parameters;
use crate::ops::{Activation, Dense, Dropout};
use std::sync::Arc;

/// The keys of `[model]` that are a multilayer perceptron's alone.
#[derive(Debug, Clone, PartialEq)]
pub struct MlpSettings {
    /// Widths of the hidden layers, each ≥ 1.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    pub activation: Activation,
}

impl NetworkSettings for MlpSettings {
    fn build(&self, shape: RecordShape, classes: usize) -> Result<Arc<dyn Network>> {
        Ok(Arc::new(Mlp::new(shape.features, &self.hidden, classes, self.activation)))
    }
}

/// A multilayer perceptron F → hidden… → C.
#[derive(Debug, Clone)]
pub struct Mlp {
    parameters: Parameters,
    activation: Activation,
}

impl Mlp {
    /// `features` inputs, `hidden` widths, `classes` logits.
    pub fn new(features: usize, hidden: &[usize], classes: usize, activation: Activation) -> Self {
        let mut parameters = Parameters::default();
        let widths: Vec<usize> = hidden.iter().copied().chain([classes]).collect();
        parameters.stack("layers", features, &widths);
        Mlp { parameters, activation }
    }
}

impl Network for Mlp {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Dropout comes after every hidden layer.
    fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        _: &mut Option<NodeId>,
        mut x: NodeId,
        mode: Mode,
    ) -> Result<NodeId> {
        let dropping = match mode {
            Mode::Evaluation => None,
            Mode::Training { dropping } => dropping,
        };
        let last = weights.len() - 1;
        for (i, &w) in weights.iter().enumerate() {
            let activation = if i < last { self.activation } else { Activation::Identity };
            x = graph.apply(Dense { activation }, &[x, w])?;
            if let (true, Some(Dropping { key, rate })) = (i < last, dropping) {
                x = graph.apply(Dropout { layer: i as u32 }, &[x, key, rate])?;
            }
        }
        Ok(x)
    }
}
