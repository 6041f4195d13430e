//! The negative of a tensor.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = −x.  dy/dx = −1.
#[derive(Debug, Clone, Copy)]
pub struct Negate;

impl Op for Negate {
    fn name(&self) -> &'static str {
        "negate"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(all_f32(inputs, 1), self, "x", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        inputs[0].map(|x| -x)
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        _: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(Negate, &[dy])?)])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let length = y.elements() / 4;
        Launch::only(kernel!("negate"), vec![word(length)], Grid::Items(length))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    [(1, 1), (3, 7), (64, 4), (5, 257)]
        .map(|(rows, cols)| Case::new(Negate, vec![(Tensor::f32(rows, cols), UNIT)]).differentiable(&[0]))
        .to_vec()
}
