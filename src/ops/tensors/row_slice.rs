//! Consecutive rows of a tensor as a differentiable copy. (Without a derivative, [`Graph::rows`] is free.)

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y\[b, :\] = x\[start + b, :\].  Backward: [`RowPad`].
#[derive(Debug, Clone, Copy)]
pub struct RowSlice {
    /// The first row of the part in x.
    pub start: usize,
    /// Rows of y.
    pub rows: usize,
}

impl Op for RowSlice {
    fn name(&self) -> &'static str {
        "row_slice"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 1) && self.start + self.rows <= inputs[0].rows;
        require(fits, self, &format!("at least {} rows", self.start + self.rows), inputs)?;
        Ok(Tensor::f32(self.rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        Array::from_fn(self.rows, inputs[0].cols, |r, c| inputs[0].at(self.start + r, c))
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let rows = graph.tensor(inputs[0]).rows;
        Ok(vec![Some(graph.apply(RowPad { start: self.start, rows }, &[dy])?)])
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        copy_rows(&inputs[0], y, self.start, 0)
    }
}

/// y of `rows` rows, zero but for y\[start + b, :\] = x\[b, :\].  Backward: [`RowSlice`].
#[derive(Debug, Clone, Copy)]
pub struct RowPad {
    /// Where x begins in y.
    pub start: usize,
    /// Rows of y.
    pub rows: usize,
}

impl Op for RowPad {
    fn name(&self) -> &'static str {
        "row_pad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 1) && self.start + inputs[0].rows <= self.rows;
        require(fits, self, &format!("at most {} rows", self.rows - self.start), inputs)?;
        Ok(Tensor::f32(self.rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let x = inputs[0];
        Array::from_fn(self.rows, x.cols, |r, c| {
            if (self.start..self.start + x.rows).contains(&r) { x.at(r - self.start, c) } else { 0.0 }
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
        let rows = graph.tensor(inputs[0]).rows;
        Ok(vec![Some(graph.apply(RowSlice { start: self.start, rows }, &[dy])?)])
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        copy_rows(&inputs[0], y, self.start, 1)
    }
}

fn copy_rows(x: &Tensor, y: &Tensor, start: usize, pad: u32) -> Launch {
    let length = y.elements() / 4;
    let words = vec![word(start * quads(x)), word(length), word(x.elements() / 4), pad];
    Launch::only(kernel!("row_slice"), words, Grid::Items(length))
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols, start, count) in [(1, 1, 0, 1), (7, 5, 2, 3), (130, 9, 129, 1), (66, 64, 0, 65)] {
        let slice = RowSlice { start, rows: count };
        cases.push(Case::new(slice, vec![(Tensor::f32(rows, cols), UNIT)]).differentiable(&[0]));
        let pad = RowPad { start, rows };
        cases.push(Case::new(pad, vec![(Tensor::f32(count, cols), UNIT)]).differentiable(&[0]));
    }
    cases
}
