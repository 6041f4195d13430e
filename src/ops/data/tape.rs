//! The loop on the GPU: what the host wrote for many steps, a line a step, and the counter that says which.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = tape\[counter, :\], the step's line: `[1, cols]` f32 or `[rows, 1]` u32, from tape u32 `[S, words]`
/// and counter u32 `[1, 1]`. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct Tape {
    /// The result.
    pub line: Tensor,
}

impl Op for Tape {
    fn name(&self) -> &'static str {
        "tape"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 2
            && inputs[0].dtype == DType::U32
            && inputs[0].cols == self.line.elements()
            && is_column(&inputs[1], 1);
        require(
            fits,
            self,
            &format!("tape u32 [S, {}] and counter u32 [1, 1]", self.line.elements()),
            inputs,
        )?;
        Ok(self.line)
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let words = inputs[0].row(inputs[1].at(0, 0) as usize);
        let decode = |word: f64| match self.line.dtype {
            DType::U32 => word,
            DType::F32 => f64::from(f32::from_bits(word as u32)),
        };
        let memory: Vec<f64> = words.iter().map(|&w| decode(w)).collect();
        Array::from_memory(&memory, &self.line)
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        // Only f32 lines have padding, and they are single rows.
        let cols = if y.dtype == DType::F32 { y.cols } else { y.elements() };
        let words = vec![word(inputs[0].cols), word(cols)];
        Launch::only(kernel!("tape", "read_line"), words, Grid::Items(inputs[0].cols))
    }
}

/// The end of a step: counter + 1.
#[derive(Debug, Clone, Copy)]
pub struct Advance;

impl Op for Advance {
    fn name(&self) -> &'static str {
        "advance"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 1 && is_column(&inputs[0], 1);
        require(fits, self, "counter u32 [1, 1]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        inputs[0].map(|n| n + 1.0)
    }

    fn launch(&self, _: &[Tensor], _: &Tensor) -> Launch {
        Launch::only(kernel!("tape", "advance"), vec![0, 0], Grid::Items(1))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let counter = (Tensor::u32(1, 1), Contents::Below(5));
    let mut cases = vec![Case::new(Advance, vec![counter.clone()]).update()];
    for rows in [1, 3, 130] {
        let tape = (Tensor::u32(5, rows), Contents::Words);
        cases.push(Case::new(Tape { line: Tensor::u32(rows, 1) }, vec![tape, counter.clone()]));
    }
    for cols in [1, 7, 8] {
        let line = Tensor::f32(1, cols);
        let values = (0..60).map(|i| f64::from((0.5 * i as f32 - 7.0).to_bits())).collect();
        let tape = (Tensor::u32(5, line.elements()), Contents::Values(values));
        cases.push(Case::new(Tape { line }, vec![tape, counter.clone()]));
    }
    cases
}
