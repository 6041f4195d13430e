//! A network's parameters: one flat buffer, a matrix a layer; and its running statistics beside them.
//!
//! Not what is computed with them: a [`Network`](super::Network) does that with [views](Parameters::views).

use super::{Initialization, Optimizer};
use crate::error::Result;
use crate::graph::{Graph, NodeId, Tensor};
use rand::rngs::ChaCha8Rng;

/// What a layer's matrix holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerForm {
    /// `[K + 1, N]`: weights, the bias as last row.
    Dense,
    /// `[k·k·Cin (+ 1), Cout]`: row (kh · k + kw) · Cin + ci; the bias, if there is one, as last row.
    Conv {
        /// k: taps each way.
        kernel: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// `[2, C]`: the scale and the shift of batch normalization. The running mean and variance lie
    /// `statistics` columns into their own state.
    Norm {
        /// The first of its C columns in the running statistics.
        statistics: usize,
    },
}

/// A layer's place in the flat buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// As in the model file: `layers.0`, `prediction.1`.
    pub name: String,
    /// What its matrix holds, and so its shape.
    pub form: LayerForm,
    /// K, Cin or C.
    pub inputs: usize,
    /// N, Cout or C.
    pub outputs: usize,
    /// Elements before it in the flat buffer.
    pub offset: usize,
}

impl Layer {
    /// The shape of its matrix.
    pub fn tensor(&self) -> Tensor {
        let rows = match self.form {
            LayerForm::Dense => self.inputs + 1,
            LayerForm::Conv { kernel, bias } => kernel * kernel * self.inputs + usize::from(bias),
            LayerForm::Norm { .. } => 2,
        };
        Tensor::f32(rows, self.outputs)
    }

    /// The first values, row after row.
    fn start(&self, initialisation: Initialization, rng: &mut ChaCha8Rng) -> Vec<f32> {
        match self.form {
            LayerForm::Dense => initialisation.draw(self.inputs, [self.outputs, self.outputs], true, rng),
            LayerForm::Conv { kernel, bias } => {
                let window = kernel * kernel;
                initialisation.draw(window * self.inputs, [self.outputs, window * self.outputs], bias, rng)
            }
            LayerForm::Norm { .. } => {
                let row = |value: f32| std::iter::repeat_n(value, self.outputs);
                row(1.0).chain(row(0.0)).collect()
            }
        }
    }

    /// The tensors that files hold of it.
    fn parts(&self) -> Vec<Part> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let row = |end: &'static str, k: usize| Part {
            end,
            shape: vec![outputs],
            place: Box::new(move |i| (k, i)),
        };
        match self.form {
            LayerForm::Dense => {
                let place = Box::new(move |i| (i % inputs, i / inputs));
                vec![Part { end: "weight", shape: vec![outputs, inputs], place }, row("bias", inputs)]
            }
            LayerForm::Conv { kernel, bias } => {
                let window = kernel * kernel;
                let place = Box::new(move |i| {
                    let (tap, ci, co) = (i % window, i / window % inputs, i / window / inputs);
                    (tap * inputs + ci, co)
                });
                let weight = Part { end: "weight", shape: vec![outputs, inputs, kernel, kernel], place };
                std::iter::once(weight).chain(bias.then(|| row("bias", window * inputs))).collect()
            }
            LayerForm::Norm { .. } => vec![row("weight", 0), row("bias", 1)],
        }
    }
}

/// A tensor of a file, and where its elements are in the layer's matrix.
struct Part {
    /// What its name ends in.
    end: &'static str,
    shape: Vec<usize>,
    /// Row and column of the element with a number.
    place: Box<dyn Fn(usize) -> (usize, usize)>,
}

impl Part {
    fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// What running statistics are called in files, row by row.
const RUNNING: [&str; 2] = ["running_mean", "running_var"];

/// The layers of a network, in the order of its flat buffer.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    /// The layers, one after another without gaps.
    pub layers: Vec<Layer>,
}

impl Parameters {
    /// Appends a layer; returns its number.
    pub fn push(&mut self, name: impl Into<String>, form: LayerForm, inputs: usize, outputs: usize) -> usize {
        let offset = self.elements();
        self.layers.push(Layer { name: name.into(), form, inputs, outputs, offset });
        self.layers.len() - 1
    }

    /// Appends batch normalization of `channels`; returns its number.
    pub fn norm(&mut self, name: impl Into<String>, channels: usize) -> usize {
        let form = LayerForm::Norm { statistics: self.normalized() };
        self.push(name, form, channels, channels)
    }

    /// Appends dense layers `name.0`, `name.1`, … from `inputs` through `widths`; returns their numbers.
    pub fn stack(&mut self, name: &str, mut inputs: usize, widths: &[usize]) -> Vec<usize> {
        let mut numbers = vec![];
        for (i, &outputs) in widths.iter().enumerate() {
            numbers.push(self.push(format!("{name}.{i}"), LayerForm::Dense, inputs, outputs));
            inputs = outputs;
        }
        numbers
    }

    /// P, the length of the flat buffer: all parameters, and the padding of their rows.
    pub fn elements(&self) -> usize {
        self.layers.last().map_or(0, |l| l.offset + l.tensor().elements())
    }

    /// Weights, biases, scales and shifts, padding not counted.
    pub fn weights(&self) -> usize {
        self.layers.iter().map(|l| l.tensor().rows * l.outputs).sum()
    }

    /// Channels that are batch-normalized, all layers together.
    fn normalized(&self) -> usize {
        self.layers.iter().filter(|l| matches!(l.form, LayerForm::Norm { .. })).map(|l| l.outputs).sum()
    }

    /// The state of running statistics, rows mean and variance: `[2, ΣC]`. None without batch
    /// normalization.
    pub fn statistics(&self) -> Option<Tensor> {
        Some(self.normalized()).filter(|channels| *channels > 0).map(|channels| Tensor::f32(2, channels))
    }

    /// Views of one version of the state, a layer each: what the forward pass reads and the
    /// gradient is taken with respect to.
    ///
    /// # Errors
    /// A state of another network.
    pub fn views(&self, graph: &mut Graph, state: NodeId) -> Result<Vec<NodeId>> {
        let view = |l: &Layer| graph.view(&l.name, state, l.offset, l.tensor().rows, l.outputs);
        self.layers.iter().map(view).collect()
    }

    /// The first state: drawn parameters, zero moments; `[rows, P]` as it lies in memory.
    pub fn start(
        &self,
        initialisation: Initialization,
        optimizer: Optimizer,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let mut state = vec![0.0; optimizer.rows() * self.elements()];
        for layer in &self.layers {
            let pitch = layer.tensor().pitch();
            let values = layer.start(initialisation, rng);
            for (k, row) in values.chunks_exact(layer.outputs).enumerate() {
                state[layer.offset + k * pitch..][..layer.outputs].copy_from_slice(row);
            }
        }
        state
    }

    /// The first running statistics, mean 0 and variance 1, as they lie in memory.
    pub fn start_statistics(&self) -> Vec<f32> {
        self.statistics().map_or_else(Vec::new, |tensor| {
            let row = |value: f32| {
                let padding = std::iter::repeat_n(0.0, tensor.pitch() - tensor.cols);
                std::iter::repeat_n(value, tensor.cols).chain(padding)
            };
            row(0.0).chain(row(1.0)).collect()
        })
    }

    /// A state's parameters, and running statistics, as files hold them and PyTorch names them: for each
    /// layer `(name.weight, shape, values)`, `name.bias`, `name.running_mean`, …. Dense weights are \[N, K\],
    /// convolutions' \[Cout, Cin, k, k\].
    pub fn tensors(&self, state: &[f32], statistics: &[f32]) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let mut tensors = vec![];
        for layer in &self.layers {
            let pitch = layer.tensor().pitch();
            for part in layer.parts() {
                let at = |i: usize| {
                    let (k, n) = (part.place)(i);
                    state[layer.offset + k * pitch + n]
                };
                let values = (0..part.elements()).map(at).collect();
                tensors.push((format!("{}.{}", layer.name, part.end), part.shape.clone(), values));
            }
            if let LayerForm::Norm { statistics: start } = layer.form {
                for (end, row) in RUNNING.into_iter().zip(statistics.chunks_exact(statistics.len() / 2)) {
                    let values = row[start..][..layer.outputs].to_vec();
                    tensors.push((format!("{}.{end}", layer.name), vec![layer.outputs], values));
                }
            }
        }
        tensors
    }

    /// The state, with zero moments, and the running statistics from what [`tensors`](Self::tensors) made of
    /// them: `take` gives the tensor of a name and a shape.
    ///
    /// # Errors
    /// Those of `take`.
    pub fn restored(
        &self,
        optimizer: Optimizer,
        mut take: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>,
    ) -> Result<(Vec<f32>, Vec<f32>)> {
        let mut state = vec![0.0; optimizer.rows() * self.elements()];
        let mut statistics = self.start_statistics();
        let width = statistics.len() / 2;
        for layer in &self.layers {
            let pitch = layer.tensor().pitch();
            for part in layer.parts() {
                let values = take(&format!("{}.{}", layer.name, part.end), &part.shape)?;
                for (i, value) in values.into_iter().enumerate() {
                    let (k, n) = (part.place)(i);
                    state[layer.offset + k * pitch + n] = value;
                }
            }
            if let LayerForm::Norm { statistics: start } = layer.form {
                for (row, end) in RUNNING.into_iter().enumerate() {
                    let values = take(&format!("{}.{end}", layer.name), &[layer.outputs])?;
                    statistics[row * width + start..][..layer.outputs].copy_from_slice(&values);
                }
            }
        }
        Ok((state, statistics))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, stream};

    #[test]
    fn exported_weights_are_those_of_the_buffer() {
        let mut parameters = Parameters::default();
        parameters.stack("layers", 3, &[5, 2]);
        assert_eq!(parameters.weights(), 4 * 5 + 6 * 2);
        assert_eq!(parameters.elements(), 4 * 8 + 6 * 4);
        let mut rng = stream(1, Stream::Initialization { network: 0 });
        let state = parameters.start(Initialization::Framework, Optimizer::Adam, &mut rng);
        assert_eq!(state.len(), 3 * parameters.elements());
        let tensors = parameters.tensors(&state, &[]);
        let names: Vec<&str> = tensors.iter().map(|t| t.0.as_str()).collect();
        assert_eq!(names, ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]);
        assert_eq!(tensors[0].1, [5, 3]);
        // weight[n, k] is element (k, n) of the buffer, rows of 8.
        assert_eq!(tensors[0].2[4 * 3 + 2], state[2 * 8 + 4]);
        assert_eq!(tensors[1].2[4], state[3 * 8 + 4]);
    }

    #[test]
    fn convolutions_and_norms_are_exported_as_pytorch_has_them() {
        let mut parameters = Parameters::default();
        parameters.push("conv", LayerForm::Conv { kernel: 3, bias: false }, 4, 8);
        parameters.norm("bn1", 8);
        parameters.norm("bn2", 4);
        parameters.push("last", LayerForm::Conv { kernel: 1, bias: true }, 8, 4);
        assert_eq!(parameters.weights(), 9 * 4 * 8 + 16 + 8 + 9 * 4);
        let mut rng = stream(1, Stream::Initialization { network: 0 });
        let state = parameters.start(Initialization::He, Optimizer::Sgd, &mut rng);
        let statistics: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let tensors = parameters.tensors(&state, &statistics);
        let found: Vec<(&str, &[usize])> = tensors.iter().map(|t| (t.0.as_str(), &t.1[..])).collect();
        let expected: [(&str, &[usize]); 11] = [
            ("conv.weight", &[8, 4, 3, 3]),
            ("bn1.weight", &[8]),
            ("bn1.bias", &[8]),
            ("bn1.running_mean", &[8]),
            ("bn1.running_var", &[8]),
            ("bn2.weight", &[4]),
            ("bn2.bias", &[4]),
            ("bn2.running_mean", &[4]),
            ("bn2.running_var", &[4]),
            ("last.weight", &[4, 8, 1, 1]),
            ("last.bias", &[4]),
        ];
        assert_eq!(found, expected);
        // weight[co = 5, ci = 2, kh = 1, kw = 0] is row (1 · 3 + 0) · 4 + 2, column 5.
        assert_eq!(tensors[0].2[((5 * 4 + 2) * 3 + 1) * 3], state[(3 * 4 + 2) * 8 + 5]);
        assert_eq!((tensors[1].2[3], tensors[2].2[3]), (1.0, 0.0));
        // bn2's are columns 8 to 11 of rows of 12.
        assert_eq!(
            (&tensors[7].2[..], &tensors[8].2[..]),
            (&[8., 9., 10., 11.][..], &[20., 21., 22., 23.][..])
        );
        assert_eq!(parameters.start_statistics()[11..13], [0.0, 1.0]);
        let mut given = tensors.into_iter();
        let take = |name: &str, shape: &[usize]| {
            let next = given.next().unwrap();
            assert_eq!((next.0.as_str(), &next.1[..]), (name, shape));
            Ok(next.2)
        };
        assert_eq!(parameters.restored(Optimizer::Sgd, take).unwrap(), (state, statistics));
    }
}
