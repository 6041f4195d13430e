//! AlexNet for small images, as the official code of the defense takes it from W. Yang's
//! pytorch-classification: five convolutions, three poolings, one dense layer.

use super::{Mode, Network, NetworkSettings, RecordShape};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::nn::{LayerForm, Parameters};
use crate::ops::{Activation, Conv2d, Dense, Geometry, Image, Pool, Pooling, Windows};
use crate::setting::{range, settings};
use std::sync::Arc;

/// (channels, kernel, stride, padding, whether a maximum over 2×2 pixels follows, the name PyTorch has).
const LAYERS: [(usize, usize, usize, usize, bool, &str); 5] = [
    (64, 11, 4, 5, true, "features.0"),
    (192, 5, 1, 2, true, "features.3"),
    (384, 3, 1, 1, false, "features.6"),
    (256, 3, 1, 1, false, "features.8"),
    (256, 3, 1, 1, true, "features.10"),
];

settings! {
    /// `[model.alexnet]`.
    pub struct AlexNetSettings {
        /// The number of channels of each layer is multiplied by this and rounded to a multiple of 4; at 1
        /// they are 64, 192, 384, 256, 256.
        width: f64 = 1.0, in range("more than 0 and at most 4", |v| *v > 0.0 && *v <= 4.0);
    }
}

impl NetworkSettings for AlexNetSettings {
    fn build(&self, shape: RecordShape, classes: usize) -> Result<Arc<dyn Network>> {
        Ok(Arc::new(AlexNet::new(shape, classes, self.width)?))
    }
}

/// The network for images of one size.
#[derive(Debug, Clone)]
pub struct AlexNet {
    parameters: Parameters,
    /// Of each convolution, and the pooling after it.
    layers: Vec<(Geometry, Option<Windows>)>,
}

/// The error for images that do not fit.
fn unfit(image: Image, found: impl Into<String>) -> Error {
    Error::usage("model.kind")
        .expected(
            "images that AlexNet leaves one pixel of, 29 to 60 pixels high and wide, of 1 or 3 channels",
        )
        .found(format!("{image}: {}", found.into()))
        .advice("add black pixels (28×28: --set data.pad=2), or take --set model.kind=mlp")
}

impl AlexNet {
    /// For images of this shape; the numbers of channels are multiplied by `width` and rounded to multiples
    /// of 4. ReLU throughout.
    ///
    /// # Errors
    /// Images of which nothing, or more than a pixel, is left at the end; other than 1 or 3 channels.
    pub fn new(shape: RecordShape, classes: usize, width: f64) -> Result<Self> {
        let mut image = shape.image("model.kind")?;
        let whole = image;
        if ![1, 3].contains(&image.channels) {
            return Err(unfit(whole, "another number of channels"));
        }
        let (mut parameters, mut layers) = (Parameters::default(), vec![]);
        for (channels, kernel, stride, padding, pooled, name) in LAYERS {
            let out_c = ((width * channels as f64 / 4.0).round() as usize).max(1) * 4;
            let Image { height: in_h, width: in_w, channels: in_c } = image;
            let (y_channels, y_first) = (out_c, 0);
            let geometry = Geometry { in_h, in_w, in_c, out_c, kernel, stride, padding, y_channels, y_first };
            let [mut height, mut width] = geometry.out().map_err(|e| unfit(whole, e.found))?;
            let windows = Windows { in_h: height, in_w: width, channels: out_c, window: [2, 2], stride: 2 };
            if pooled {
                [height, width] = windows.out().map_err(|_| unfit(whole, "a pooling leaves nothing"))?;
            }
            parameters.push(name, LayerForm::Conv { kernel, bias: true }, in_c, out_c);
            layers.push((geometry, pooled.then_some(windows)));
            image = Image { height, width, channels: out_c };
        }
        if (image.height, image.width) != (1, 1) {
            return Err(unfit(whole, format!("{}×{} pixels are left", image.height, image.width)));
        }
        parameters.push("classifier", LayerForm::Dense, image.channels, classes);
        Ok(AlexNet { parameters, layers })
    }
}

impl Network for AlexNet {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        _: &mut Option<NodeId>,
        mut x: NodeId,
        _: Mode,
    ) -> Result<NodeId> {
        for (&(geometry, pooling), &w) in self.layers.iter().zip(weights) {
            x = graph.apply(Conv2d { geometry, activation: Activation::Relu, bias: true }, &[x, w])?;
            if let Some(windows) = pooling {
                x = graph.apply(Pool { windows, pooling: Pooling::Max }, &[x])?;
            }
        }
        let dense = Dense { activation: Activation::Identity };
        graph.apply(dense, &[x, weights[self.layers.len()]])
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
        // Convolution: (k k Cin + 1) Cout; dense: (256 + 1) C.
        let convolutions = (363 + 1) * 64 + (1600 + 1) * 192 + (1728 + 1) * 384 + (3456 + 1) * 256;
        let last = (2304 + 1) * 256;
        let network = AlexNet::new(image(32, 32, 3), 100, 1.0).unwrap().parameters;
        assert_eq!(network.weights(), convolutions + last + 257 * 100);
        assert_eq!(network.weights(), 2_495_396);
        let narrow = AlexNet::new(image(32, 32, 3), 5, 1.0 / 16.0).unwrap().parameters;
        let outputs: Vec<usize> = narrow.layers.iter().map(|l| l.outputs).collect();
        assert_eq!(outputs, [4, 12, 24, 16, 16, 5]);
    }

    #[test]
    fn images_of_other_sizes_are_refused_with_advice() {
        let refused = |input: RecordShape| AlexNet::new(input, 10, 1.0).unwrap_err().to_string();
        let small = refused(image(28, 28, 1));
        assert!(small.contains("a pooling leaves nothing") && small.contains("data.pad=2"), "{small}");
        assert!(refused(image(64, 64, 3)).contains("2×2 pixels are left"));
        assert!(refused(image(32, 61, 3)).contains("1×2 pixels are left"), "{}", refused(image(32, 61, 3)));
        assert!(refused(image(32, 32, 2)).contains("number of channels"));
        assert!(refused(RecordShape::plain(3072)).contains("without a shape"));
        for size in [29, 60] {
            AlexNet::new(image(size, size, 3), 10, 1.0).unwrap();
        }
    }
}
