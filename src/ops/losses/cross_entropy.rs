//! Softmax cross-entropy of logits against labels, averaged over the batch; with weights of the classes too.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

use crate::ops::layers::softmax::softmax;

/// y = 1/B Σ_b w\[label_b\] (lse(x_b) − x_b\[label_b\]), a scalar, from logits `[B, C]`, labels u32 `[B, 1]` and, where
/// they are given, the classes' weights w `[1, C]`; else w = 1.
/// dx\[b, c\] = dy/B w\[label_b\] (softmax(x_b)\[c\] − \[c = label_b\]).
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy;

/// Whether logits and labels fit, and the classes' weights in `more`, which may hold them.
pub(super) fn fits(logits: &Tensor, labels: &Tensor, more: &[Tensor]) -> bool {
    logits.dtype == DType::F32
        && is_column(labels, logits.rows)
        && more.len() < 2
        && more.iter().all(|weights| *weights == Tensor::f32(1, logits.cols))
}

/// Of a record with this label, where the classes' weights are in `more`.
pub(super) fn weight(more: &[&Array], label: usize) -> f64 {
    more.first().map_or(1.0, |weights| weights.at(0, label))
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() >= 2 && fits(&inputs[0], &inputs[1], &inputs[2..]);
        require(fits, self, "logits [B, C], labels u32 [B, 1] and perhaps weights [1, C]", inputs)?;
        Ok(Tensor::f32(1, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, labels) = (inputs[0], inputs[1]);
        let losses = (0..x.rows).map(|b| {
            let label = labels.at(b, 0) as usize;
            -weight(&inputs[2..], label) * softmax(x.row(b))[label].ln()
        });
        Array::scalar(losses.sum::<f64>() / x.rows as f64)
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let dx = graph.apply(CrossEntropyGrad, &[inputs, &[dy]].concat())?;
        Ok([Some(dx), None, None][..inputs.len()].to_vec())
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let x = &inputs[0];
        let words = [x.rows, x.cols, quads(x)].map(word).to_vec();
        let kernel = match inputs.len() {
            2 => kernel!("cross_entropy", "forward"),
            _ => kernel!("cross_entropy", "weighted"),
        };
        Launch::only(kernel, words, Grid::Items(1))
    }
}

/// dx of [`CrossEntropy`], from its inputs and the scalar dy.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropyGrad;

impl Op for CrossEntropyGrad {
    fn name(&self) -> &'static str {
        "cross_entropy_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = match inputs {
            [logits, labels, weights @ .., dy] => fits(logits, labels, weights) && is_scalar(dy),
            _ => false,
        };
        let expected = "logits [B, C], labels u32 [B, 1], perhaps weights [1, C], and a scalar";
        require(fits, self, expected, inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, labels, last) = (inputs[0], inputs[1], inputs.len() - 1);
        let scale = inputs[last].at(0, 0) / x.rows as f64;
        let mut dx = Array::new(x.rows, x.cols, (0..x.rows).flat_map(|b| softmax(x.row(b))).collect());
        for b in 0..x.rows {
            let label = labels.at(b, 0) as usize;
            dx.set(b, label, dx.at(b, label) - 1.0);
            let weight = weight(&inputs[2..last], label);
            (0..x.cols).for_each(|c| dx.set(b, c, weight * dx.at(b, c)));
        }
        dx.map(|v| v * scale)
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor) -> Launch {
        let words = [dx.rows, inputs[0].cols, quads(dx)].map(word).to_vec();
        let kernel = match inputs.len() {
            3 => kernel!("cross_entropy", "grad_x"),
            _ => kernel!("cross_entropy", "weighted_grad_x"),
        };
        Launch::only(kernel, words, Grid::Items(dx.rows))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (3, 7), (65, 100), (129, 30)] {
        let x = (Tensor::f32(rows, cols), Contents::Uniform(-4.0, 4.0));
        let labels = (Tensor::u32(rows, 1), Contents::Below(cols as u32));
        let weights = (Tensor::f32(1, cols), Contents::Uniform(0.0, 3.0));
        // ln 1 = 0 at one class: the absolute error of a log is that of numbers near 1.
        let tolerance = if cols == 1 { 1.0 } else { 2e-5 };
        for inputs in [vec![x.clone(), labels.clone()], vec![x, labels, weights]] {
            cases.push(Case::new(CrossEntropy, inputs).differentiable(&[0]).tolerance(tolerance));
        }
    }
    // Exponentials that overflow f32; the loss is a difference of numbers near 100.
    let large = (Tensor::f32(3, 5), Contents::Values(vec![100.0, 99.0, -100.0, 50.0, 98.5]));
    let labels = (Tensor::u32(3, 1), Contents::Below(5));
    cases.push(Case::new(CrossEntropy, vec![large, labels]).tolerance(2e-5));
    cases
}
