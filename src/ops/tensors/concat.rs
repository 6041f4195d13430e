//! Columns of two tensors side by side, and the column slice that is its backward.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y\[b, :\] = (a\[b, :\], b\[b, :\]).  Backward: a [`ColumnSlice`] each.
#[derive(Debug, Clone, Copy)]
pub struct Concat;

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && inputs[0].rows == inputs[1].rows;
        require(fits, self, "two tensors with as many rows", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols + inputs[1].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (a, b) = (inputs[0], inputs[1]);
        Array::from_fn(
            a.rows,
            a.cols + b.cols,
            |r, c| {
                if c < a.cols { a.at(r, c) } else { b.at(r, c - a.cols) }
            },
        )
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let mut start = 0;
        let mut gradients = vec![];
        for (&input, &wanted) in inputs.iter().zip(wanted) {
            let cols = graph.tensor(input).cols;
            let slice = ColumnSlice { start, cols, pad: false };
            gradients.push(if wanted { Some(graph.apply(slice, &[dy])?) } else { None });
            start += cols;
        }
        Ok(gradients)
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let (a, b) = (&inputs[0], &inputs[1]);
        let sizes = [y.rows, y.pitch(), y.cols, a.pitch(), a.cols, b.pitch(), b.cols, 0, 0];
        Launch::only(kernel!("concat", "forward"), sizes.map(word).to_vec(), Grid::Items(y.elements()))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0, 1]
    }
}

/// y\[b, c\] = x\[b, start + c\] for `cols` columns; with `pad` the reverse, zeros around x.
#[derive(Debug, Clone, Copy)]
pub struct ColumnSlice {
    /// The first column of the part.
    pub start: usize,
    /// Columns of y.
    pub cols: usize,
    /// Whether x is the part and y the whole.
    pub pad: bool,
}

impl Op for ColumnSlice {
    fn name(&self) -> &'static str {
        "column_slice"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let x = inputs.first().map_or(0, |x| x.cols);
        let (inner, outer) = if self.pad { (x, self.cols) } else { (self.cols, x) };
        let fits = all_f32(inputs, 1) && self.start + inner <= outer;
        require(fits, self, "the columns within the wider tensor", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, self.cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let x = inputs[0];
        Array::from_fn(x.rows, self.cols, |r, c| match self.pad {
            false => x.at(r, c + self.start),
            true if (self.start..self.start + x.cols).contains(&c) => x.at(r, c - self.start),
            true => 0.0,
        })
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let back = ColumnSlice { cols: graph.tensor(inputs[0]).cols, pad: !self.pad, ..*self };
        Ok(vec![Some(graph.apply(back, &[dy])?)])
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let x = &inputs[0];
        let place = [self.start, usize::from(self.pad)];
        let sizes = [y.rows, y.pitch(), y.cols, x.pitch(), x.cols, 0, 0].into_iter().chain(place);
        Launch::only(kernel!("concat", "slice"), sizes.map(word).collect(), Grid::Items(y.elements()))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, a, b) in [(1, 1, 1), (3, 7, 6), (65, 64, 64), (2, 5, 130)] {
        let inputs = vec![(Tensor::f32(rows, a), UNIT), (Tensor::f32(rows, b), UNIT)];
        cases.push(Case::new(Concat, inputs).differentiable(&[0, 1]));
        for pad in [false, true] {
            let (from, to) = if pad { (b, a + b) } else { (a + b, b) };
            let op = ColumnSlice { start: a, cols: to, pad };
            cases.push(Case::new(op, vec![(Tensor::f32(rows, from), UNIT)]).differentiable(&[0]));
        }
    }
    cases
}
