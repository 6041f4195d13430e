//! DenseNet-BC for small images: three dense blocks, a transition between two, global average pooling, one
//! dense layer.
//!
//! Source: Huang et al. 2017, "Densely Connected Convolutional Networks": bottlenecks to 4 k channels,
//! compression θ. Three things are not as in PyTorch's usual code, and give the same numbers:
//! - The features of a block are ONE tensor, its channels side by side in each pixel. A layer's last
//!   convolution writes its k channels where they belong ([`Graph::fill`]): nothing is concatenated.
//! - The moments of a channel are computed when it is made, and every later normalization of it uses those:
//!   the batch is the same, so are the moments. Only scale, shift and running statistics are a layer's own.
//! - A transition pools before it convolves: both are linear and the convolution is of 1×1, so they commute,
//!   and there is a quarter to convolve.
//!
//! And one gives other ones: compression rounds down to a multiple of 4 channels (L = 100, k = 12: 148 for
//! 150).

use super::{Mode, Network, NetworkSettings, RecordShape};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::nn::{LayerForm, Parameters};
use crate::ops::{
    Activation, Channels, Conv2d, Dense, Geometry, Image, NormRelu, Pool, Pooling, RunningMoments, Windows,
    moments,
};
use crate::setting::{SettingsTable, UP_TO_1, range, settings};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Dense blocks.
const BLOCKS: usize = 3;

settings! {
    /// `[model.densenet]`.
    pub struct DenseNetSettings {
        /// L: layers.
        depth: usize = 100, unit "layers",
            in range("6 n + 4 from 10 on: 40, 100, 190 …", |v| *v >= 10 && (*v - 4).is_multiple_of(6));
        /// k: channels that a layer adds.
        growth: usize = 12, unit "channels",
            in range("a multiple of 4 from 4 on", |v| *v >= 4 && v.is_multiple_of(4));
        /// θ: the fraction of channels that a transition keeps.
        compression: f64 = 0.5, in UP_TO_1;
        /// What is kept between the forward and the backward pass.
        memory: Memory = Memory::Small;
    }
}

/// What a network keeps between its forward and its backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Memory {
    /// What is cheap to compute is computed again: normalized activations.
    Small,
    /// Everything.
    Fast,
}

impl NetworkSettings for DenseNetSettings {
    fn build(&self, shape: RecordShape, classes: usize) -> Result<Arc<dyn Network>> {
        Ok(Arc::new(DenseNet::new(shape, classes, self)?))
    }
}

/// The network for images of one size.
#[derive(Debug, Clone)]
pub struct DenseNet {
    parameters: Parameters,
    image: Image,
    growth: usize,
    blocks: Vec<DenseBlock>,
    /// Whether what is normalized is computed again in the backward pass, not kept until then.
    recomputed: bool,
}

/// Layers that see all features before them.
#[derive(Debug, Clone, Copy)]
struct DenseBlock {
    height: usize,
    width: usize,
    /// Channels that it begins with.
    first: usize,
    layers: usize,
    /// Channels in the end.
    all: usize,
}

impl DenseBlock {
    /// A convolution over its pixels that keeps their number.
    fn convolution(&self, in_c: usize, out_c: usize, kernel: usize) -> Geometry {
        let (in_h, in_w, padding) = (self.height, self.width, kernel / 2);
        let (y_channels, y_first) = (out_c, 0);
        Geometry { in_h, in_w, in_c, out_c, kernel, stride: 1, padding, y_channels, y_first }
    }
}

/// The error for images that do not fit.
fn unfit(image: Image, found: impl std::fmt::Display) -> Error {
    Error::usage("model.kind")
        .expected("images for DenseNet, at least 4 pixels high and wide, of 1 or 3 channels")
        .found(format!("{image}: {found}"))
        .advice("add black pixels with --set data.pad=N, or take --set model.kind=mlp")
}

impl DenseNet {
    /// For images of this shape. What is normalized is kept for the backward pass, or recomputed in it: the
    /// same numbers, less memory.
    ///
    /// # Errors
    /// Settings out of range, images of which a pooling leaves nothing, or of other than 1 or 3 channels.
    pub fn new(shape: RecordShape, classes: usize, settings: &DenseNetSettings) -> Result<Self> {
        settings.check_ranges("model.densenet")?;
        let &DenseNetSettings { depth, growth, compression, memory } = settings;
        let image = shape.image("model.kind")?;
        if ![1, 3].contains(&image.channels) {
            return Err(unfit(image, "another number of channels"));
        }
        if image.height.min(image.width) < 4 {
            return Err(unfit(image, "a pooling leaves nothing"));
        }
        let layers = (depth - 4) / 6;
        let mut parameters = Parameters::default();
        let convolution = |parameters: &mut Parameters, name: String, kernel, inputs, outputs| {
            parameters.push(name, LayerForm::Conv { kernel, bias: false }, inputs, outputs);
        };
        let (mut height, mut width, mut channels) = (image.height, image.width, 2 * growth);
        convolution(&mut parameters, "conv1".into(), 3, image.channels, channels);
        let mut blocks = vec![];
        for number in 1..=BLOCKS {
            let first = channels;
            for layer in 0..layers {
                let name = |part: &str| format!("dense{number}.{layer}.{part}");
                parameters.norm(name("bn1"), channels);
                convolution(&mut parameters, name("conv1"), 1, channels, 4 * growth);
                parameters.norm(name("bn2"), 4 * growth);
                convolution(&mut parameters, name("conv2"), 3, 4 * growth, growth);
                channels += growth;
            }
            blocks.push(DenseBlock { height, width, first, layers, all: channels });
            if number < BLOCKS {
                let kept = ((compression * channels as f64 / 4.0) as usize).max(1) * 4;
                parameters.norm(format!("trans{number}.bn1"), channels);
                convolution(&mut parameters, format!("trans{number}.conv1"), 1, channels, kept);
                (height, width, channels) = (height / 2, width / 2, kept);
            }
        }
        parameters.norm("bn", channels);
        parameters.push("fc", LayerForm::Dense, channels, classes);
        let recomputed = memory == Memory::Small;
        Ok(DenseNet { parameters, image, growth, blocks, recomputed })
    }
}

impl Network for DenseNet {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// In training by the batch's moments, which make the next version of the running statistics; else by
    /// those.
    fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        statistics: &mut Option<NodeId>,
        x: NodeId,
        mode: Mode,
    ) -> Result<NodeId> {
        let training = matches!(mode, Mode::Training { .. });
        let running = statistics.as_mut().expect("a network with batch normalization has statistics");
        let mut walk = Walk { graph, densenet: self, weights, running, training, next: 0 };
        let (growth, bottleneck) = (self.growth, 4 * self.growth);
        let opening = self.blocks[0].convolution(self.image.channels, self.blocks[0].first, 3);
        let mut features = walk.convolve(x, opening.part(self.blocks[0].all, 0), None)?;
        for (number, block) in self.blocks.iter().enumerate() {
            let own = |first, count| Channels { all: block.all, first, count };
            let mut s = walk.moments(features, own(0, block.first), None)?;
            let mut channels = block.first;
            for _ in 0..block.layers {
                let y = walk.norm(features, s, own(0, channels))?;
                let y = walk.convolve(y, block.convolution(channels, bottleneck, 1), None)?;
                let all = Channels { all: bottleneck, first: 0, count: bottleneck };
                let inner = walk.moments(y, all, None)?;
                let y = walk.norm(y, inner, all)?;
                let last = block.convolution(bottleneck, growth, 3).part(block.all, channels);
                features = walk.convolve(y, last, Some(features))?;
                s = walk.moments(features, own(channels, growth), s)?;
                channels += growth;
            }
            let y = walk.norm(features, s, own(0, block.all))?;
            let (in_h, in_w, channels) = (block.height, block.width, block.all);
            let pooled =
                |walk: &mut Walk, windows| walk.graph.apply(Pool { windows, pooling: Pooling::Mean }, &[y]);
            let Some(next) = self.blocks.get(number + 1) else {
                let y = pooled(&mut walk, Windows::whole(in_h, in_w, channels))?;
                let w = walk.weight();
                return walk.graph.apply(Dense { activation: Activation::Identity }, &[y, w]);
            };
            let y = pooled(&mut walk, Windows { in_h, in_w, channels, window: [2, 2], stride: 2 })?;
            features = walk.convolve(y, next.convolution(channels, next.first, 1).part(next.all, 0), None)?;
        }
        unreachable!("the last block returns")
    }
}

/// A forward pass under way: layers take their parameters in the order in which the network has them.
struct Walk<'a> {
    graph: &'a mut Graph,
    densenet: &'a DenseNet,
    weights: &'a [NodeId],
    running: &'a mut NodeId,
    training: bool,
    next: usize,
}

impl Walk<'_> {
    fn weight(&mut self) -> NodeId {
        self.next += 1;
        self.weights[self.next - 1]
    }

    /// A convolution, into a new tensor or into a part of one.
    fn convolve(&mut self, x: NodeId, geometry: Geometry, into: Option<NodeId>) -> Result<NodeId> {
        let op = Conv2d { geometry, activation: Activation::Identity, bias: false };
        let w = self.weight();
        match into {
            Some(whole) => self.graph.fill(op, &[whole, x, w]),
            None => self.graph.apply(op, &[x, w]),
        }
    }

    /// The batch's moments of some channels, beside those that are known; none outside of training.
    fn moments(&mut self, x: NodeId, channels: Channels, known: Option<NodeId>) -> Result<Option<NodeId>> {
        match self.training {
            true => moments(self.graph, x, channels, known).map(Some),
            false => Ok(None),
        }
    }

    /// Batch normalization and ReLU of a tensor's first channels.
    fn norm(&mut self, x: NodeId, moments: Option<NodeId>, channels: Channels) -> Result<NodeId> {
        let LayerForm::Norm { statistics: first } = self.densenet.parameters.layers[self.next].form else {
            unreachable!("the layers are walked as they were made")
        };
        let Channels { all, count, .. } = channels;
        let recomputed = self.densenet.recomputed;
        let w = self.weight();
        let Some(s) = moments else {
            return self.graph.apply(NormRelu { all, count, first, recomputed }, &[x, *self.running, w]);
        };
        let tensor = self.graph.tensor(x);
        let rows = tensor.rows * tensor.cols / all;
        *self.running = self.graph.update(RunningMoments { first, count, rows }, &[*self.running, s])?;
        self.graph.apply(NormRelu { all, count, first: 0, recomputed }, &[x, s, w])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(height: usize, width: usize, channels: usize) -> RecordShape {
        let image = Image { height, width, channels };
        RecordShape { features: image.features(), image: Some(image) }
    }

    #[test]
    fn it_has_the_published_numbers_of_parameters() {
        // The paper's table 2 for C100+: 0.8 M. By PyTorch's usual code 800,032; 148 channels for 150 after
        // the second block leave out 16 · 2 · (48 + 2) in the third block's bottlenecks, 2 · 300 in the
        // transition, 2 · 2 in the last norm and 2 · 100.
        let parameters =
            DenseNet::new(image(32, 32, 3), 100, &DenseNetSettings::default()).unwrap().parameters;
        let left_out = 16 * 2 * (48 + 2) + 2 * 300 + 2 * 2 + 2 * 100;
        assert_eq!(parameters.weights(), 800_032 - left_out);
        assert_eq!(parameters.layers.len(), 1 + 3 * 16 * 4 + 2 * 2 + 2);
        assert_eq!(format!("{:.2}", parameters.weights() as f64 / 1e6), "0.80");
    }

    #[test]
    fn images_of_other_sizes_are_refused_with_advice() {
        let settings = DenseNetSettings { depth: 16, growth: 4, ..DenseNetSettings::default() };
        let refused = |shape: RecordShape| DenseNet::new(shape, 10, &settings).unwrap_err().to_string();
        let small = refused(image(3, 32, 1));
        assert!(small.contains("a pooling leaves nothing") && small.contains("data.pad"), "{small}");
        assert!(refused(image(32, 32, 4)).contains("number of channels"));
        assert!(refused(RecordShape::plain(3072)).contains("without a shape"));
        DenseNet::new(image(5, 4, 1), 10, &settings).unwrap();
    }
}
