//! Row numbers counted from another row: where a table lies in several parts, the rows of a later one.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y\[b\] = rows\[b\] − start, u32 `[B, 1]`. A row before `start` wraps around below 0, and so is beyond any
/// table, as [`PADDING`] is before and after. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct RowsFrom {
    /// The row that becomes row 0.
    pub start: usize,
}

impl Op for RowsFrom {
    fn name(&self) -> &'static str {
        "rows_from"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 1 && is_column(&inputs[0], inputs[0].rows);
        require(fits, self, "rows u32 [B, 1]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        inputs[0].map(|row| (row - self.start as f64).rem_euclid(f64::from(u32::MAX) + 1.0))
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        Launch::only(kernel!("rows_from"), [y.rows, self.start].map(word).to_vec(), Grid::Items(y.rows))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let case =
        |batch, start, contents| Case::new(RowsFrom { start }, vec![(Tensor::u32(batch, 1), contents)]);
    vec![
        case(1, 0, Contents::Below(9)),
        case(65, 40, Contents::Below(90)),
        case(127, 3, Contents::Values(vec![0.0, 2.0, 3.0, 4.0, f64::from(PADDING)])),
    ]
}
