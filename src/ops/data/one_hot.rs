//! Labels as rows of two values, for the encodings that the label layer's row gather cannot express (±1).

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y\[b, c\] = high where c = label_b, else low; `[B, classes]` from labels u32 `[B, 1]`. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct OneHot {
    /// C, the columns of the result.
    pub classes: usize,
    /// The value elsewhere: 0 or −1.
    pub low: f32,
    /// The value at the label: 1.
    pub high: f32,
}

impl Op for OneHot {
    fn name(&self) -> &'static str {
        "one_hot"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 1 && is_column(&inputs[0], inputs[0].rows);
        require(fits, self, "labels u32 [B, 1]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, self.classes))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        Array::from_fn(inputs[0].rows, self.classes, |b, c| {
            f64::from(if inputs[0].at(b, 0) as usize == c { self.high } else { self.low })
        })
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let mut words = [y.rows, quads(y), y.cols].map(word).to_vec();
        words.extend([self.low.to_bits(), self.high.to_bits()]);
        Launch::only(kernel!("one_hot"), words, Grid::Items(y.elements() / 4))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    [(1, 1), (5, 3), (65, 100)]
        .map(|(rows, classes)| {
            let labels = (Tensor::u32(rows, 1), Contents::Below(classes as u32));
            Case::new(OneHot { classes, low: -1.0, high: 1.0 }, vec![labels])
        })
        .to_vec()
}
