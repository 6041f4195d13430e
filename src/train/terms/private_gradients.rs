//! Differentially private gradients of a network of dense layers: clipped record by record, then made noisy.
//!
//! Source: Abadi et al., "Deep Learning with Differential Privacy", CCS 2016, algorithm 1. Not what it
//! guarantees: [`crate::train::privacy`].

use super::step::ClassifierStep;
use super::term::Term;
use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId};
use crate::ops::{Add, ClipRows, DenseDw, Noise, RecordNorm};
use crate::run::config::{Config, Replica};
use crate::train::line::Moment;
use std::any::Any;

#[derive(Debug)]
struct PrivateGradients {
    /// m.
    batch: usize,
}

pub(super) fn term(config: &Config) -> Option<Box<dyn Term>> {
    let batch = config.train.batch;
    config.is_private().then(|| Box::new(PrivateGradients { batch }) as Box<dyn Term>)
}

impl Term for PrivateGradients {
    fn name(&self) -> &'static str {
        "private gradients"
    }

    fn draws_secretly(&self) -> bool {
        true
    }

    /// C, and the noise's standard deviation on a batch's MEAN gradient, σ·C/m.
    fn scalars(&self, settings: &Replica, _: &Moment) -> Vec<(&'static str, f64)> {
        vec![("clip", settings.clip), ("noise", settings.noise * settings.clip / self.batch as f64)]
    }

    fn gradients(&self, step: &mut ClassifierStep, gradients: Vec<NodeId>) -> Result<Vec<NodeId>> {
        let key = step.secret.ok_or_else(|| Error::graph(self.name()).expected("a secret key"))?;
        let clip = step.scalar(self.name(), "clip")?;
        let noise = step.scalar(self.name(), "noise")?;
        private(step.graph, &gradients, [clip, noise, key])
    }
}

/// For each of `gradients`, the mean gradients of dense layers over a batch: the mean of the records' clipped
/// ones, with noise; by C `[1, 1]`, the noise's deviation `[1, 1]` and a secret key u32 `[1, 9]`.
///
/// Each is `dense_dw(x, dz)`, the sum over records of (x_b, 1)ᵀ dz_b; the whole gradient's norm of record b
/// is the root of Σ over layers of ‖(x_b, 1)‖² ‖dz_b‖², so no record's gradient is ever made: rows of dz are
/// scaled, and the same product is taken again.
fn private(graph: &mut Graph, gradients: &[NodeId], [clip, noise, key]: [NodeId; 3]) -> Result<Vec<NodeId>> {
    let layers = gradients.iter().map(|&id| inputs(graph, id)).collect::<Result<Vec<_>>>()?;
    let mut squares: Option<NodeId> = None;
    for &[x, dz] in &layers {
        let own = graph.apply(RecordNorm, &[x, dz])?;
        squares = Some(match squares {
            Some(sum) => graph.apply(Add, &[sum, own])?,
            None => own,
        });
    }
    let Some(squares) = squares else { return Ok(vec![]) };
    let noisy = |(layer, [x, dz]): (usize, [NodeId; 2])| {
        let dz = graph.apply(ClipRows, &[dz, squares, clip])?;
        let dw = graph.apply(DenseDw, &[x, dz])?;
        graph.apply(Noise { layer: layer as u32 }, &[dw, key, noise])
    };
    layers.into_iter().enumerate().map(noisy).collect()
}

/// x and dz of the layer whose gradient `id` is.
fn inputs(graph: &Graph, id: NodeId) -> Result<[NodeId; 2]> {
    let node = graph.node(id);
    match (&node.kind, &node.inputs[..]) {
        (Kind::Compute(op), &[x, dz]) if (op.as_ref() as &dyn Any).is::<DenseDw>() => Ok([x, dz]),
        _ => Err(Error::graph("private gradient").expected("a dense layer's gradient").found(&*node.label)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Array, Tensor, Values};
    use crate::nn::networks::mlp::Mlp;
    use crate::nn::{Mode, Network};
    use crate::ops::{Activation, CrossEntropy, gradients};

    /// A network's gradient, of records `rows` of the data alone.
    fn gradient(rows: &[usize], clip: Option<f64>) -> Vec<f64> {
        const FEATURES: usize = 5;
        let mlp = Mlp::new(FEATURES, &[7, 4], 3, Activation::Tanh);
        let (mut graph, mut given) = (Graph::new(), Values::new());
        let g = &mut graph;
        // Numbers that look random and depend on their place only.
        let number = |place: usize| ((place as f64 + 1.0) * 0.618_033_988_7).fract() * 4.0 - 2.0;
        let x = g.input("x", Tensor::f32(rows.len(), FEATURES));
        given.insert(x, Array::from_fn(rows.len(), FEATURES, |b, k| number(FEATURES * rows[b] + k)));
        let labels = g.input("labels", Tensor::u32(rows.len(), 1));
        given.insert(labels, Array::from_fn(rows.len(), 1, |b, _| (rows[b] % 3) as f64));
        let mut weights = vec![];
        for layer in &mlp.parameters().layers {
            let w = g.input(&layer.name, layer.tensor());
            given.insert(
                w,
                Array::from_fn(layer.tensor().rows, layer.tensor().cols, |k, n| number(31 * k + n)),
            );
            weights.push(w);
        }
        let z = mlp.forward(g, &weights, &mut None, x, Mode::Evaluation).unwrap();
        let loss = g.apply(CrossEntropy, &[z, labels]).unwrap();
        let one = g.constant(1.0);
        let mut parts = gradients(g, &[(loss, one)], &weights).unwrap();
        if let Some(bound) = clip {
            let (clip, noise) = (g.input("clip", Tensor::f32(1, 1)), g.input("noise", Tensor::f32(1, 1)));
            let key = g.input("key", Tensor::u32(1, Noise::KEY));
            given.extend([
                (clip, Array::scalar(bound)),
                (noise, Array::scalar(0.0)),
                (key, Array::new(1, Noise::KEY, vec![1.0; Noise::KEY])),
            ]);
            parts = private(g, &parts, [clip, noise, key]).unwrap();
        }
        let values = graph.evaluate(&given, &parts).unwrap();
        parts.iter().flat_map(|part| values[part].data.clone()).collect()
    }

    #[test]
    fn clipping_is_that_of_a_loop_over_batches_of_one() {
        let records: Vec<usize> = (0..11).collect();
        let alone: Vec<Vec<f64>> = records.iter().map(|&b| gradient(&[b], None)).collect();
        let norm = |g: &[f64]| g.iter().map(|v| v * v).sum::<f64>().sqrt();
        let mut norms: Vec<f64> = alone.iter().map(|g| norm(g)).collect();
        norms.sort_by(f64::total_cmp);
        // All are clipped, about half, none.
        for bound in [norms[0] / 2.0, norms[5], norms[10] * 2.0] {
            let found = gradient(&records, Some(bound));
            for (i, found) in found.iter().enumerate() {
                let clipped = alone.iter().map(|g| g[i] * (bound / norm(g)).min(1.0));
                let expected = clipped.sum::<f64>() / records.len() as f64;
                assert!((found - expected).abs() < 1e-14 * bound.max(1.0), "{i}: {found}, {expected}");
            }
            let mean = norm(&gradient(&records, Some(bound)));
            assert!(mean <= bound * (1.0 + 1e-12), "no longer than the bound: {mean}, {bound}");
        }
        let plain = gradient(&records, None);
        let loose = gradient(&records, Some(1e9));
        assert!(
            plain.iter().zip(&loose).all(|(a, b)| (a - b).abs() < 1e-14),
            "a loose bound changes nothing"
        );
    }
}
