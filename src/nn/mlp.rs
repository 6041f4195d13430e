//! The classifier f for tabular data: dense layers with one activation, logits at the end.

use super::Network;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::{Activation, Dense, Dropout};

/// A multilayer perceptron F → hidden… → C.
#[derive(Debug, Clone)]
pub struct Mlp {
    pub network: Network,
    pub activation: Activation,
}

/// Dropout's inputs: key u32 `[1, 2]` and rate `[1, 1]`.
#[derive(Debug, Clone, Copy)]
pub struct Dropping {
    pub key: NodeId,
    pub rate: NodeId,
}

impl Mlp {
    /// `features` inputs, `hidden` widths, `classes` logits.
    pub fn new(features: usize, hidden: &[usize], classes: usize, activation: Activation) -> Self {
        let mut network = Network::default();
        let widths: Vec<usize> = hidden.iter().copied().chain([classes]).collect();
        network.stack("layers", features, &widths);
        Mlp { network, activation }
    }

    /// Logits `[B, C]` of x `[B, F]`, by the layers' parameters. With `dropping` in training mode:
    /// dropout after every hidden layer.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        mut x: NodeId,
        dropping: Option<Dropping>,
    ) -> Result<NodeId> {
        let last = parameters.len() - 1;
        for (i, &w) in parameters.iter().enumerate() {
            let activation = if i < last { self.activation } else { Activation::Identity };
            x = graph.apply(Dense { activation }, &[x, w])?;
            if let (true, Some(Dropping { key, rate })) = (i < last, dropping) {
                x = graph.apply(Dropout { layer: i as u32 }, &[x, key, rate])?;
            }
        }
        Ok(x)
    }
}
