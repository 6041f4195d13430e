//! Per-record clipping: rows scaled so that each record's gradient is no longer than a bound.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y_b = dz_b · C / max(C, B √s_b), from dz `[B, N]`, s `[B, 1]` and the bound C `[1, 1]` > 0. dz is the
/// gradient of a mean over B records, so a record's own gradient is B times its part, and s its part's
/// squared norm over all layers. The gradients that follow from y are means of clipped gradients (Abadi et
/// al. 2016, "Deep Learning with Differential Privacy", algorithm 1). No derivative.
#[derive(Debug, Clone, Copy)]
pub struct ClipRows;

impl Op for ClipRows {
    fn name(&self) -> &'static str {
        "clip_rows"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 3)
            && (inputs[1].rows, inputs[1].cols) == (inputs[0].rows, 1)
            && is_scalar(&inputs[2]);
        require(fits, self, "dz [B, N], squared norms [B, 1] and a bound [1, 1]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (dz, squares, clip) = (inputs[0], inputs[1], inputs[2].at(0, 0));
        Array::from_fn(dz.rows, dz.cols, |b, n| {
            dz.at(b, n) * clip / clip.max(dz.rows as f64 * squares.at(b, 0).sqrt())
        })
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let length = y.elements() / 4;
        let words = vec![word(length), word(quads(y)), (y.rows as f32).to_bits()];
        Launch::only(kernel!("clip_rows"), words, Grid::Items(length))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (7, 5), (65, 100)] {
        // Nobody, some and everybody is clipped.
        for clip in [1e3, 0.6 * rows as f64, 1e-3] {
            let squares = (Tensor::f32(rows, 1), Contents::Uniform(0.0, 1.0));
            let clip = (Tensor::f32(1, 1), Contents::Values(vec![clip]));
            cases.push(Case::new(ClipRows, vec![(Tensor::f32(rows, cols), UNIT), squares, clip]));
        }
    }
    cases
}
