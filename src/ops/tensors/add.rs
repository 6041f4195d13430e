//! Sum of two tensors: the fan-in of gradients.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = a + b.  dy/da = dy/db = 1.
#[derive(Debug, Clone, Copy)]
pub struct Add;

impl Op for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && (inputs[0].rows, inputs[0].cols) == (inputs[1].rows, inputs[1].cols);
        require(fits, self, "two tensors of one shape", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (a, b) = (inputs[0], inputs[1]);
        Array::from_fn(a.rows, a.cols, |r, c| a.at(r, c) + b.at(r, c))
    }

    fn vjp(
        &self,
        _: &mut Graph,
        _: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(dy), Some(dy)])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let length = y.elements() / 4;
        Launch::only(kernel!("add"), vec![word(length)], Grid::Items(length))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0, 1]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    [(1, 1), (3, 7), (64, 4), (5, 257)]
        .map(|(rows, cols)| {
            let t = Tensor::f32(rows, cols);
            Case::new(Add, vec![(t, UNIT), (t, UNIT)]).differentiable(&[0, 1])
        })
        .to_vec()
}
