//! Class scores in descending order, all or the first k of them: attack inputs that do not know which class
//! is which.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y\[b, rank(c)\] = x\[b, c\] for ranks below `k`; descending, the lower column first among equals.
/// The derivative is the permutation's.
#[derive(Debug, Clone, Copy)]
pub struct SortRows {
    /// Columns of y, 1 to those of x.
    pub k: usize,
}

/// For each column of the row its place in descending order.
fn ranks(row: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    let mut ranks = vec![0; row.len()];
    for (place, c) in order.into_iter().enumerate() {
        ranks[c] = place;
    }
    ranks
}

impl Op for SortRows {
    fn name(&self) -> &'static str {
        "sort_rows"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 1) && (1..=inputs[0].cols).contains(&self.k);
        require(fits, self, &format!("at least {} columns", self.k), inputs)?;
        Ok(Tensor::f32(inputs[0].rows, self.k))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let mut y = Array::zeros(inputs[0].rows, self.k);
        for r in 0..y.rows {
            for (c, place) in ranks(inputs[0].row(r)).into_iter().enumerate().filter(|p| p.1 < self.k) {
                y.set(r, place, inputs[0].at(r, c));
            }
        }
        y
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(SortRowsGrad, &[inputs[0], dy])?)])
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let x = &inputs[0];
        let words = [x.rows, x.cols, x.pitch(), y.cols, y.pitch()].map(word).to_vec();
        Launch::only(kernel!("sort_rows", "forward"), words, Grid::Items(x.rows * x.pitch()))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

/// dx\[b, c\] = dy\[b, rank(c)\], or 0 beyond the first k; inputs x and dy.
#[derive(Debug, Clone, Copy)]
pub struct SortRowsGrad;

impl Op for SortRowsGrad {
    fn name(&self) -> &'static str {
        "sort_rows_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && inputs[0].rows == inputs[1].rows && inputs[1].cols <= inputs[0].cols;
        require(fits, self, "x [B, C] and dy [B, k]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, dy) = (inputs[0], inputs[1]);
        let rows = (0..x.rows).flat_map(|r| {
            ranks(x.row(r)).into_iter().map(move |place| if place < dy.cols { dy.at(r, place) } else { 0.0 })
        });
        Array::new(x.rows, x.cols, rows.collect())
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor) -> Launch {
        let dy = &inputs[1];
        let words = [dx.rows, dx.cols, dx.pitch(), dy.cols, dy.pitch()].map(word).to_vec();
        Launch::only(kernel!("sort_rows", "grad_x"), words, Grid::Items(dx.elements()))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols, k) in [(1, 1, 1), (3, 7, 7), (5, 7, 3), (65, 100, 10), (2, 30, 30), (3, 2, 1)] {
        cases.push(Case::new(SortRows { k }, vec![(Tensor::f32(rows, cols), UNIT)]).differentiable(&[0]));
    }
    let ties = Contents::Values(vec![0.5, 0.25, 0.5, 0.25, 0.0, 0.5]);
    cases.push(Case::new(SortRows { k: 4 }, vec![(Tensor::f32(2, 6), ties)]));
    cases
}
