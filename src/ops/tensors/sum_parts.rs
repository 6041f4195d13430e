//! The sum of parts that follow each other, in their order: of a sum that several workgroups shared.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = Σ_p x\[p · rows .. (p + 1) · rows, :\], `[rows, N]`, in the order of p, from x `[P · rows, N]`.
#[derive(Debug, Clone, Copy)]
pub struct SumParts {
    /// Rows of a part, and of y.
    pub rows: usize,
}

impl Op for SumParts {
    fn name(&self) -> &'static str {
        "sum_parts"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 1) && inputs[0].rows.is_multiple_of(self.rows);
        require(fits, self, &format!("x [P · {}, N]", self.rows), inputs)?;
        Ok(Tensor::f32(self.rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let x = inputs[0];
        Array::from_fn(self.rows, x.cols, |r, c| (r..x.rows).step_by(self.rows).map(|i| x.at(i, c)).sum())
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let length = y.elements() / 4;
        let words = [inputs[0].rows / self.rows, length].map(word).to_vec();
        Launch::only(kernel!("sum_parts"), words, Grid::Items(length))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    // (P, rows, N)
    let case = |(parts, rows, cols)| {
        let x = (Tensor::f32(parts * rows, cols), UNIT);
        Case::new(SumParts { rows }, vec![x]).tolerance(1e-6).floor(1.0)
    };
    [(1, 1, 1), (2, 3, 5), (16, 7, 4), (32, 65, 12), (3, 64, 64), (97, 2, 9)].map(case).into()
}
