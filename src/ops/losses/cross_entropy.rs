//! Softmax cross-entropy of logits against labels, averaged over the batch.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

use crate::ops::layers::softmax::softmax;

/// y = 1/B Σ_b (lse(x_b) − x_b\[label_b\]), a scalar, from logits `[B, C]` and labels u32 `[B, 1]`.
/// dx\[b, c\] = dy/B (softmax(x_b)\[c\] − \[c = label_b\]).
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropy;

fn fits(inputs: &[Tensor], count: usize) -> bool {
    inputs.len() == count && inputs[0].dtype == DType::F32 && is_column(&inputs[1], inputs[0].rows)
}

impl Op for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(fits(inputs, 2), self, "logits [B, C] and labels u32 [B, 1]", inputs)?;
        Ok(Tensor::f32(1, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, labels) = (inputs[0], inputs[1]);
        let losses = (0..x.rows).map(|b| -softmax(x.row(b))[labels.at(b, 0) as usize].ln());
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
        Ok(vec![Some(graph.apply(CrossEntropyGrad, &[inputs[0], inputs[1], dy])?), None])
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let x = &inputs[0];
        let words = [x.rows, x.cols, quads(x)].map(word).to_vec();
        Launch::only(kernel!("cross_entropy", "forward"), words, Grid::Items(1))
    }
}

/// dx of [`CrossEntropy`], from logits, labels and the scalar dy.
#[derive(Debug, Clone, Copy)]
pub struct CrossEntropyGrad;

impl Op for CrossEntropyGrad {
    fn name(&self) -> &'static str {
        "cross_entropy_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = fits(inputs, 3) && is_scalar(&inputs[2]);
        require(fits, self, "logits [B, C], labels u32 [B, 1] and a scalar", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, labels) = (inputs[0], inputs[1]);
        let scale = inputs[2].at(0, 0) / x.rows as f64;
        let mut dx = Array::new(x.rows, x.cols, (0..x.rows).flat_map(|b| softmax(x.row(b))).collect());
        for b in 0..x.rows {
            let label = labels.at(b, 0) as usize;
            dx.set(b, label, dx.at(b, label) - 1.0);
        }
        dx.map(|v| v * scale)
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor) -> Launch {
        let words = [dx.rows, inputs[0].cols, quads(dx)].map(word).to_vec();
        Launch::only(kernel!("cross_entropy", "grad_x"), words, Grid::Items(dx.rows))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [(1, 1), (3, 7), (65, 100), (129, 30)]
        .map(|(rows, cols)| {
            let x = (Tensor::f32(rows, cols), Contents::Uniform(-4.0, 4.0));
            let labels = (Tensor::u32(rows, 1), Contents::Below(cols as u32));
            // ln 1 = 0 at one class: the absolute error of a log is that of numbers near 1.
            let tolerance = if cols == 1 { 1.0 } else { 2e-5 };
            Case::new(CrossEntropy, vec![x, labels]).differentiable(&[0]).tolerance(tolerance)
        })
        .to_vec();
    // Exponentials that overflow f32; the loss is a difference of numbers near 100.
    let large = (Tensor::f32(3, 5), Contents::Values(vec![100.0, 99.0, -100.0, 50.0, 98.5]));
    let labels = (Tensor::u32(3, 1), Contents::Below(5));
    cases.push(Case::new(CrossEntropy, vec![large, labels]).tolerance(2e-5));
    cases
}
