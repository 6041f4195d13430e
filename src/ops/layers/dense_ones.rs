//! A fully connected first layer on lists of ones: sums of rows of its weights, and its backward pass.
//!
//! It has no dx: nothing below it is trained. A weight that is not finite times a zero is NaN in [`Dense`] and
//! nothing here; the replica is frozen by the loss or the parameters of that step either way.

use crate::graph::{Array, Class, Grid, Launch, Need, Variant};
use crate::kernel;
use crate::ops::*;

/// The variants are called as those of [`Dense`] and [`DenseDw`] that they stand in for, and add in the same
/// ascending order: the results are the same bytes. Where those run as `register`, forward, they differ by the
/// rounding of sums.
fn variants(wide: crate::graph::Kernel, plain: crate::graph::Kernel, y: &Tensor) -> Vec<Variant> {
    let items = Grid::Items(y.elements() / 4);
    vec![
        Variant::new("outer", wide, Grid::Tiles { rows: y.rows, cols: y.cols })
            .needs(&[Need::Subgroups(8), Need::Int64])
            .default_on(Class::SOFTWARE),
        Variant::new("workgroup", plain, items).default_on(Class::ALL),
    ]
}

/// y = act(Σ over the ones k of a record of w\[k\] + w\[K\]), `[B, N]`, from lists of [`Ones`], u32
/// `[B, pitch]`, and w `[K + 1, N]`: [`Dense`] on bits.
#[derive(Debug, Clone, Copy)]
pub struct DenseOnes {
    /// The features of a record, and how many ones it has at most.
    pub ones: Ones,
    /// What is applied to each sum.
    pub activation: Activation,
}

impl Op for DenseOnes {
    fn name(&self) -> &'static str {
        "dense_ones"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let (pitch, rows) = (self.ones.pitch(), self.ones.width + 1);
        let fits = inputs.len() == 2
            && (inputs[0].dtype, inputs[0].cols) == (DType::U32, pitch)
            && (inputs[1].dtype, inputs[1].rows) == (DType::F32, rows);
        require(fits, self, &format!("lists of ones, u32 [B, {pitch}], and w [{rows}, N]"), inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[1].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, w) = (inputs[0], inputs[1]);
        Array::from_fn(x.rows, w.cols, |b, n| {
            let ones = (0..self.ones.width).filter(|&k| self.ones.has(x, b, k));
            self.activation.value(ones.map(|k| w.at(k, n)).sum::<f64>() + w.at(self.ones.width, n))
        })
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let mut words = [y.rows, self.ones.width, y.cols, inputs[0].cols].map(word).to_vec();
        words.extend([self.activation as u32, word(quads(y))]);
        let variants = variants(kernel!("dense_ones.native", "forward"), kernel!("dense_ones", "forward"), y);
        Launch { words, variants }
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }

    fn writes_columns(&self) -> bool {
        true
    }
}

/// dw\[k\] = Σ of dz\[b\] over the records b that have feature k, `[K + 1, N]`, from
/// [columns of bits](ColumnsOfOnes) u32 `[K + 1, ⌈B / 32⌉]` and dz `[B, N]`: [`DenseDw`] on bits.
#[derive(Debug, Clone, Copy)]
pub struct DenseOnesDw;

impl Op for DenseOnesDw {
    fn name(&self) -> &'static str {
        "dense_ones_dw"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 2
            && inputs[1].dtype == DType::F32
            && (inputs[0].dtype, inputs[0].cols) == (DType::U32, inputs[1].rows.div_ceil(32));
        require(fits, self, "columns of bits, u32 [K + 1, ⌈B / 32⌉], and dz [B, N]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[1].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, dz) = (inputs[0], inputs[1]);
        Array::from_fn(x.rows, dz.cols, |k, n| {
            let records = (0..dz.rows).filter(|b| x.at(k, b / 32) as u32 >> (b % 32) & 1 == 1);
            records.map(|b| dz.at(b, n)).sum()
        })
    }

    fn launch(&self, inputs: &[Tensor], dw: &Tensor) -> Launch {
        let (x, dz) = (&inputs[0], &inputs[1]);
        let words = [dz.rows, dw.rows - 1, dw.cols, x.cols, 0, quads(dz)].map(word).to_vec();
        let variants = variants(kernel!("dense_ones.native", "grad_w"), kernel!("dense_ones", "grad_w"), dw);
        Launch { words, variants }
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[1]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let shapes = [
        (1, 1, 1, 1),
        (2, 3, 5, 2),
        (7, 13, 11, 13),
        (31, 33, 32, 9),
        (33, 446, 257, 120),
        (64, 64, 256, 20),
        (129, 100, 97, 30),
        (9, 40, 301, 40),
    ];
    for (i, (rows, width, outputs, most)) in shapes.into_iter().enumerate() {
        let activation =
            [Activation::Tanh, Activation::Relu, Activation::Sigmoid, Activation::Identity][i % 4];
        let ones = Ones { width, most };
        // A single output must not be a difference near 0, as in the cases of `dense`.
        let fill = if i == 0 { Contents::Uniform(0.3, 0.9) } else { UNIT };
        let w = (Tensor::f32(width + 1, outputs), fill);
        let case = Case::new(DenseOnes { ones, activation }, vec![ones.example(rows), w]);
        cases.push(case.tolerance(1e-5).floor(1.0));
        let (list, Contents::Values(values)) = ones.example(rows) else { continue };
        let columns = ColumnsOfOnes(ones).reference(&[&Array::new(list.rows, list.cols, values)]);
        let x = (Tensor::u32(columns.rows, columns.cols), Contents::Values(columns.data));
        let case = Case::new(DenseOnesDw, vec![x, (Tensor::f32(rows, outputs), UNIT)]);
        cases.push(case.tolerance(1e-5).floor(1.0));
    }
    cases
}
