//! Per-record gradient norms of a dense layer, from its input and the gradient of its output.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y\[b\] = ‖(x_b, 1)‖² ‖dz_b‖², `[B, 1]`, from x `[B, K]` and dz `[B, N]`: the squared norm of record b's
/// part of [`DenseDw`], whose K·N numbers are never made (Goodfellow 2015, "Efficient per-example gradient
/// computations"). No derivative.
#[derive(Debug, Clone, Copy)]
pub struct RecordNorm;

impl Op for RecordNorm {
    fn name(&self) -> &'static str {
        "record_norm"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && inputs[0].rows == inputs[1].rows;
        require(fits, self, "x [B, K] and dz [B, N]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let square = |row: &[f64]| row.iter().map(|v| v * v).sum::<f64>();
        Array::from_fn(inputs[0].rows, 1, |b, _| (square(inputs[0].row(b)) + 1.0) * square(inputs[1].row(b)))
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let words = [y.rows, quads(&inputs[0]), quads(&inputs[1])].map(word).to_vec();
        Launch::only(kernel!("record_norm"), words, Grid::Items(y.rows))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    [(1, 1, 1), (7, 13, 11), (64, 600, 100), (65, 63, 2)]
        .map(|(rows, inputs, outputs)| {
            let x = (Tensor::f32(rows, inputs), UNIT);
            // A sum of K squares has an error of about √K · 2⁻²⁴ of itself.
            Case::new(RecordNorm, vec![x, (Tensor::f32(rows, outputs), UNIT)]).tolerance(1e-5)
        })
        .to_vec()
}
