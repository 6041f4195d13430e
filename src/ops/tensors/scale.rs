//! A tensor times a constant and a scalar of the replica: λ, and learning-rate-like factors.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = factor · s · x, with s `[1, 1]`.  dy/dx = factor · s; s has no derivative here (it is a setting).
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The constant.
    pub factor: f32,
}

impl Op for Scale {
    fn name(&self) -> &'static str {
        "scale"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(all_f32(inputs, 2) && is_scalar(&inputs[1]), self, "x and a scalar [1, 1]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let factor = f64::from(self.factor) * inputs[1].at(0, 0);
        inputs[0].map(|x| x * factor)
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(*self, &[dy, inputs[1]])?), None])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let length = y.elements() / 4;
        let words = vec![word(length), self.factor.to_bits()];
        Launch::only(kernel!("scale"), words, Grid::Items(length))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    [(1, 1), (3, 7), (64, 4), (5, 257)]
        .map(|(rows, cols)| {
            let inputs = vec![(Tensor::f32(rows, cols), UNIT), (Tensor::f32(1, 1), UNIT)];
            Case::new(Scale { factor: 0.75 }, inputs).differentiable(&[0])
        })
        .to_vec()
}
