//! A network's parameters: one flat buffer, a `[K + 1, N]` matrix a layer with the bias as last row.

use super::{Initialisation, Optimizer};
use crate::error::Result;
use crate::graph::{Graph, NodeId, Tensor};
use rand_chacha::ChaCha8Rng;

/// A layer's place in the flat buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// As in the model file: `layers.0`, `prediction.1`.
    pub name: String,
    /// K.
    pub inputs: usize,
    /// N.
    pub outputs: usize,
    /// Elements before it in the flat buffer.
    pub offset: usize,
}

impl Layer {
    fn tensor(&self) -> Tensor {
        Tensor::f32(self.inputs + 1, self.outputs)
    }
}

/// The layers of a network, in the order of its flat buffer.
#[derive(Debug, Clone, Default)]
pub struct Network {
    pub layers: Vec<Layer>,
}

impl Network {
    /// Appends layers `name.0`, `name.1`, … from `inputs` through `widths`; returns their numbers.
    pub fn stack(&mut self, name: &str, mut inputs: usize, widths: &[usize]) -> Vec<usize> {
        let first = self.layers.len();
        for (i, &outputs) in widths.iter().enumerate() {
            let offset = self.parameters();
            self.layers.push(Layer { name: format!("{name}.{i}"), inputs, outputs, offset });
            inputs = outputs;
        }
        (first..self.layers.len()).collect()
    }

    /// P, the length of the flat buffer: all weights and biases, and the padding of their rows.
    pub fn parameters(&self) -> usize {
        self.layers.last().map_or(0, |l| l.offset + l.tensor().elements())
    }

    /// Weights and biases, padding not counted.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(|l| (l.inputs + 1) * l.outputs).sum()
    }

    /// Views of one version of the state, a layer each: what the forward pass reads and the
    /// gradient is taken with respect to.
    ///
    /// # Errors
    /// A state of another network.
    pub fn views(&self, graph: &mut Graph, state: NodeId) -> Result<Vec<NodeId>> {
        self.layers.iter().map(|l| graph.view(&l.name, state, l.offset, l.inputs + 1, l.outputs)).collect()
    }

    /// The first state: drawn parameters, zero moments; `[rows, P]` as it lies in memory.
    pub fn start(
        &self,
        initialisation: Initialisation,
        optimizer: Optimizer,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let mut state = vec![0.0; optimizer.rows() * self.parameters()];
        for layer in &self.layers {
            let pitch = layer.tensor().pitch();
            let values = initialisation.draw(layer.inputs, layer.outputs, rng);
            for (k, row) in values.chunks_exact(layer.outputs).enumerate() {
                state[layer.offset + k * pitch..][..layer.outputs].copy_from_slice(row);
            }
        }
        state
    }

    /// The parameters of a state as files hold them: for each layer `(name.weight, [N, K], values)`
    /// and `(name.bias, [N], values)`.
    pub fn tensors(&self, state: &[f32]) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut tensors = vec![];
        for layer in &self.layers {
            let pitch = layer.tensor().pitch();
            let at = |k: usize, n: usize| state[layer.offset + k * pitch + n];
            let (inputs, outputs) = (layer.inputs, layer.outputs);
            let weight = (0..outputs * inputs).map(|i| at(i % inputs, i / inputs)).collect();
            let bias = (0..outputs).map(|n| at(inputs, n)).collect();
            tensors.push((format!("{}.weight", layer.name), vec![outputs, inputs], weight));
            tensors.push((format!("{}.bias", layer.name), vec![outputs], bias));
        }
        tensors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::random::{Stream, stream};

    #[test]
    fn exported_weights_are_those_of_the_buffer() {
        let mut network = Network::default();
        network.stack("layers", 3, &[5, 2]);
        assert_eq!(network.weights(), 4 * 5 + 6 * 2);
        assert_eq!(network.parameters(), 4 * 8 + 6 * 4);
        let mut rng = stream(1, Stream::Initialisation { network: 0 });
        let state = network.start(Initialisation::Framework, Optimizer::Adam, &mut rng);
        assert_eq!(state.len(), 3 * network.parameters());
        let tensors = network.tensors(&state);
        let names: Vec<&str> = tensors.iter().map(|t| t.0.as_str()).collect();
        assert_eq!(names, ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]);
        assert_eq!(tensors[0].1, [5, 3]);
        // weight[n, k] is element (k, n) of the buffer, rows of 8.
        assert_eq!(tensors[0].2[4 * 3 + 2], state[2 * 8 + 4]);
        assert_eq!(tensors[1].2[4], state[3 * 8 + 4]);
    }
}
