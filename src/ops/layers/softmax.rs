//! Softmax over the columns of each row.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y\[b, c\] = exp(x\[b, c\]) / Σ exp(x\[b, :\]), shifted by the row's largest.
/// dx = y ⊙ (dy − ⟨y, dy⟩).
#[derive(Debug, Clone, Copy)]
pub struct Softmax;

/// The softmax of one row.
pub(in crate::ops) fn softmax(row: &[f64]) -> Vec<f64> {
    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = row.iter().map(|x| (x - top).exp()).collect();
    let total: f64 = e.iter().sum();
    e.iter().map(|e| e / total).collect()
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(all_f32(inputs, 1), self, "logits [B, C]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let x = inputs[0];
        Array::new(x.rows, x.cols, (0..x.rows).flat_map(|r| softmax(x.row(r))).collect())
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        _: &[NodeId],
        y: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(SoftmaxGrad, &[y, dy])?)])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let words = [y.rows, y.cols, quads(y)].map(word).to_vec();
        Launch::only(kernel!("softmax", "forward"), words, Grid::Items(y.rows))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

/// dx = y ⊙ (dy − ⟨y, dy⟩).
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxGrad;

impl Op for SoftmaxGrad {
    fn name(&self) -> &'static str {
        "softmax_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && (inputs[0].rows, inputs[0].cols) == (inputs[1].rows, inputs[1].cols);
        require(fits, self, "y and dy of one shape", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (y, dy) = (inputs[0], inputs[1]);
        let inner: Vec<f64> =
            (0..y.rows).map(|r| y.row(r).iter().zip(dy.row(r)).map(|(a, b)| a * b).sum()).collect();
        Array::from_fn(y.rows, y.cols, |r, c| y.at(r, c) * (dy.at(r, c) - inner[r]))
    }

    fn launch(&self, _: &[Tensor], dx: &Tensor) -> Launch {
        let words = [dx.rows, dx.cols, quads(dx)].map(word).to_vec();
        Launch::only(kernel!("softmax", "grad_x"), words, Grid::Items(dx.rows))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [(1, 1), (3, 7), (65, 100), (2, 257)]
        .map(|(rows, cols)| {
            // The gradient is a difference: small where one class has nearly all.
            Case::new(Softmax, vec![(Tensor::f32(rows, cols), Contents::Uniform(-4.0, 4.0))])
                .differentiable(&[0])
                .tolerance(1e-5)
        })
        .to_vec();
    // Logits whose exponentials overflow f32.
    let large = Contents::Values(vec![1000.0, 999.0, -1000.0, 500.0, 998.5]);
    cases.push(Case::new(Softmax, vec![(Tensor::f32(3, 5), large)]));
    cases
}
