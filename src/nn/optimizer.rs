//! Optimizers: the state they keep beside the parameters, and the node that makes a step.

use crate::error::Result;
use crate::graph::{Graph, NodeId, Tensor};
use crate::ops::{Adam, Sgd};
use serde::{Deserialize, Serialize};

/// The rule that turns gradients into updates. Weight decay is L2: added to the gradient first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Adam with β₁ = 0.9, β₂ = 0.999, ε = 1e-8 (Kingma and Ba 2015, algorithm 1).
    Adam,
    /// Stochastic gradient descent with momentum, undampened, not Nesterov's.
    Sgd,
}

impl Optimizer {
    /// The scalars of the tape that an update reads, by name, in the order of [`scalars`](Self::scalars).
    pub const SCALARS: [&'static str; 4] = ["rate", "correction", "weight decay", "active"];

    /// Rows of the state: the parameters, then what the optimizer remembers of each.
    pub fn rows(self) -> usize {
        match self {
            Optimizer::Adam => 3,
            Optimizer::Sgd => 2,
        }
    }

    /// The state of a network with so many parameters: `[rows, P]`.
    pub fn state(self, parameters: usize) -> Tensor {
        Tensor::f32(self.rows(), parameters)
    }

    /// One step along `gradient`, with the [`SCALARS`](Self::SCALARS) from `slot` of `scalars` on.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn update(
        self,
        graph: &mut Graph,
        state: NodeId,
        gradient: NodeId,
        scalars: NodeId,
        slot: usize,
        momentum: f64,
    ) -> Result<NodeId> {
        let inputs = [state, gradient, scalars];
        match self {
            Optimizer::Adam => graph.update(Adam::at(slot), &inputs),
            Optimizer::Sgd => graph.update(Sgd { slot, momentum: momentum as f32 }, &inputs),
        }
    }

    /// The scalars of update number `step` (1-based): rate (Adam: rate / (1 − β₁ᵗ)), 1 / √(1 − β₂ᵗ),
    /// weight decay, active. The powers are taken in f64 on the host, once a step.
    pub fn scalars(self, rate: f64, decay: f64, step: u64, active: bool) -> [f32; Self::SCALARS.len()] {
        let (rate, correction) = match self {
            Optimizer::Adam => {
                let adam = Adam::at(0);
                let power = |b: f32| 1.0 - f64::from(b).powf(step as f64);
                (rate / power(adam.b1), 1.0 / power(adam.b2).sqrt())
            }
            Optimizer::Sgd => (rate, 0.0),
        };
        [rate as f32, correction as f32, decay as f32, f32::from(u8::from(active))]
    }
}
