//! Sum and mean over all elements of a tensor, and the broadcast that is their backward.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = factor · Σ x, a scalar `[1, 1]`: factor 1 for the sum, 1/n for the mean.  dy/dx = factor.
#[derive(Debug, Clone, Copy)]
pub struct Reduce {
    /// What the sum is multiplied by.
    pub factor: f32,
}

impl Reduce {
    /// Σ x.
    pub const SUM: Reduce = Reduce { factor: 1.0 };

    /// The mean over the elements of tensors like `tensor`.
    pub fn mean(tensor: &Tensor) -> Self {
        Reduce { factor: 1.0 / (tensor.rows * tensor.cols) as f32 }
    }
}

impl Op for Reduce {
    fn name(&self) -> &'static str {
        "reduce"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(all_f32(inputs, 1), self, "x", inputs)?;
        Ok(Tensor::f32(1, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        Array::scalar(f64::from(self.factor) * inputs[0].data.iter().sum::<f64>())
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let Tensor { rows, cols, .. } = graph.tensor(inputs[0]);
        Ok(vec![Some(graph.apply(Broadcast { rows, cols, factor: self.factor }, &[dy])?)])
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let x = &inputs[0];
        let words = vec![word(x.elements() / 4), word(quads(x)), word(x.cols), self.factor.to_bits()];
        Launch::only(kernel!("reduce", "sum"), words, Grid::Items(1))
    }
}

/// y\[r, c\] = factor · s, from a scalar s.  dy/ds = factor · rows · cols.
#[derive(Debug, Clone, Copy)]
pub struct Broadcast {
    /// Rows of y.
    pub rows: usize,
    /// Columns of y.
    pub cols: usize,
    /// What s is multiplied by.
    pub factor: f32,
}

impl Op for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(inputs.len() == 1 && is_scalar(&inputs[0]), self, "a scalar [1, 1]", inputs)?;
        Ok(Tensor::f32(self.rows, self.cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let value = f64::from(self.factor) * inputs[0].at(0, 0);
        Array::from_fn(self.rows, self.cols, |_, _| value)
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        _: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(Reduce { factor: self.factor }, &[dy])?)])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let length = y.elements() / 4;
        let words = vec![word(length), word(quads(y)), word(y.cols), self.factor.to_bits()];
        Launch::only(kernel!("reduce", "broadcast"), words, Grid::Items(length))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (3, 7), (65, 4), (128, 101)] {
        let x = Tensor::f32(rows, cols);
        for op in [Reduce::SUM, Reduce::mean(&x)] {
            // Positive terms: no cancellation to divide the error by.
            cases.push(Case::new(op, vec![(x, Contents::Uniform(0.0, 1.0))]).differentiable(&[0]));
        }
        let op = Broadcast { rows, cols, factor: 0.5 };
        cases.push(Case::new(op, vec![(Tensor::f32(1, 1), UNIT)]).differentiable(&[0]).tolerance(1e-5));
    }
    cases
}
