//! Label smoothing and the confidence penalty: what they add to the cross-entropy.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::layers::softmax::softmax;
use crate::ops::*;

/// y = 1/B Σ_b (a (log p_label − 1/C Σ_c log p_c) + w Σ_c p_c log p_c), a scalar, from logits `[B, C]`,
/// labels u32 `[B, 1]` and (a, w) `[1, 2]`, with p the softmax.
///
/// Cross-entropy + y is cross-entropy against (1 − a)·one-hot + a/C (label smoothing, Szegedy et al. 2016),
/// less w times the entropy (Pereyra et al. 2017, "Regularizing Neural Networks by Penalizing Confident
/// Output Distributions"). dx\[b, c\] = dy/B (a (\[c = label_b\] − 1/C) + w p_c (log p_c − Σ_j p_j log p_j)).
#[derive(Debug, Clone, Copy)]
pub struct OutputPenalty;

fn fits(inputs: &[Tensor], count: usize) -> bool {
    inputs.len() == count
        && inputs[0].dtype == DType::F32
        && is_column(&inputs[1], inputs[0].rows)
        && inputs[2].dtype == DType::F32
        && (inputs[2].rows, inputs[2].cols) == (1, 2)
}

/// p and log p.
fn probabilities(row: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let p = softmax(row);
    let logs = p.iter().map(|p| p.ln()).collect();
    (p, logs)
}

fn entropy(p: &[f64], logs: &[f64]) -> f64 {
    -p.iter().zip(logs).map(|(p, log)| p * log).sum::<f64>()
}

impl Op for OutputPenalty {
    fn name(&self) -> &'static str {
        "output_penalty"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(fits(inputs, 3), self, "logits [B, C], labels u32 [B, 1] and weights [1, 2]", inputs)?;
        Ok(Tensor::f32(1, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, labels) = (inputs[0], inputs[1]);
        let [a, w] = [0, 1].map(|i| inputs[2].at(0, i));
        let penalty = |b: usize| {
            let (p, logs) = probabilities(x.row(b));
            let mean = logs.iter().sum::<f64>() / x.cols as f64;
            a * (logs[labels.at(b, 0) as usize] - mean) - w * entropy(&p, &logs)
        };
        Array::scalar((0..x.rows).map(penalty).sum::<f64>() / x.rows as f64)
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let dx = graph.apply(OutputPenaltyGrad, &[inputs[0], inputs[1], inputs[2], dy])?;
        Ok(vec![Some(dx), None, None])
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let x = &inputs[0];
        let words = [x.rows, x.cols, quads(x)].map(word).to_vec();
        Launch::only(kernel!("output_penalty", "forward"), words, Grid::Items(1))
    }
}

/// dx of [`OutputPenalty`], from logits, labels, weights and the scalar dy.
#[derive(Debug, Clone, Copy)]
pub struct OutputPenaltyGrad;

impl Op for OutputPenaltyGrad {
    fn name(&self) -> &'static str {
        "output_penalty_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = fits(inputs, 4) && is_scalar(&inputs[3]);
        require(fits, self, "logits [B, C], labels u32 [B, 1], weights [1, 2] and a scalar", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, labels) = (inputs[0], inputs[1]);
        let [a, w] = [0, 1].map(|i| inputs[2].at(0, i));
        let scale = inputs[3].at(0, 0) / x.rows as f64;
        let mut dx = Array::zeros(x.rows, x.cols);
        for b in 0..x.rows {
            let (p, logs) = probabilities(x.row(b));
            let entropy = entropy(&p, &logs);
            for c in 0..x.cols {
                let own = f64::from(u8::from(c == labels.at(b, 0) as usize));
                let smoothed = a * (own - 1.0 / x.cols as f64);
                dx.set(b, c, scale * (smoothed + w * p[c] * (logs[c] + entropy)));
            }
        }
        dx
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor) -> Launch {
        let words = [dx.rows, inputs[0].cols, quads(dx)].map(word).to_vec();
        Launch::only(kernel!("output_penalty", "grad_x"), words, Grid::Items(dx.rows))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (3, 7), (65, 100), (129, 30)] {
        for weights in [vec![0.1, 0.0], vec![0.0, 0.5], vec![0.2, 0.3]] {
            let x = (Tensor::f32(rows, cols), Contents::Uniform(-4.0, 4.0));
            let labels = (Tensor::u32(rows, 1), Contents::Below(cols as u32));
            let weights = (Tensor::f32(1, 2), Contents::Values(vec![weights[0], weights[1], 0.0, 0.0]));
            // Differences of logarithms of up to log C: their error is theirs.
            let case = Case::new(OutputPenalty, vec![x, labels, weights]).differentiable(&[0]);
            cases.push(case.tolerance(2e-5).floor(1.0));
        }
    }
    cases
}
