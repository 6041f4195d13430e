//! Adam along the gradient of a first layer on lists of ones, which is nowhere written.

use crate::graph::{Array, Class, Grid, Launch, Need, Variant};
use crate::kernel;
use crate::ops::*;

/// state `[3, P]` ← [`Adam`] along [`DenseOnesDw`], of the `(K + 1) · N` parameters from `first` on; the inputs
/// are the state, [columns of bits](ColumnsOfOnes) u32 `[K + 1, ⌈B / 32⌉]`, dz `[B, N]` and the scalars.
///
/// A first layer has most of a network's parameters, and Adam waits for memory: this spares it the gradient's
/// write and its read. Sums and steps are those of the two operations, in the same order: the same bytes on a
/// software adapter, whose compiler joins no product and sum.
#[derive(Debug, Clone, Copy)]
pub struct AdamOnes(pub Adam);

impl Op for AdamOnes {
    fn name(&self) -> &'static str {
        "adam_ones"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 4
            && DenseOnesDw.shape(&inputs[1..3]).is_ok_and(|dw| {
                let gradient = Tensor::f32(1, dw.elements());
                self.0.shape(&[inputs[0], gradient, inputs[3]]).is_ok()
            });
        let expected =
            "state [3, P], columns of bits, u32 [K + 1, ⌈B / 32⌉], dz [B, N], scalars [1, slot + 4…]";
        require(fits, self, expected, inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let dw = DenseOnesDw.reference(&inputs[1..3]).to_memory(DType::F32);
        self.0.reference(&[inputs[0], &Array::new(1, dw.len(), dw), inputs[3]])
    }

    fn moved(&self, inputs: &[Tensor], _: &Tensor) -> Option<usize> {
        let [x, dz] = [inputs[1], inputs[2]];
        Some(6 * Tensor::f32(x.rows, dz.cols).elements() + x.elements() + dz.elements())
    }

    fn launch(&self, inputs: &[Tensor], state: &Tensor) -> Launch {
        let [x, dz] = [inputs[1], inputs[2]];
        let mut words = [x.rows - 1, dz.cols, x.cols, quads(&dz)].map(word).to_vec();
        words.extend(self.0.words(state));
        let items = Grid::Items(x.rows * dz.cols.div_ceil(4));
        let variants = vec![
            Variant::new("outer", kernel!("adam_ones.native"), Grid::Tiles { rows: x.rows, cols: dz.cols })
                .needs(&[Need::Subgroups(8), Need::Int64])
                .default_on(Class::SOFTWARE),
            Variant::new("workgroup", kernel!("adam_ones"), items).default_on(Class::ALL),
        ];
        Launch { words, variants }
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[2]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let shapes: [(usize, usize, usize); 7] =
        [(1, 1, 1), (2, 3, 5), (31, 33, 32), (33, 46, 257), (64, 64, 256), (129, 20, 97), (9, 40, 301)];
    for (batch, width, outputs) in shapes {
        for active in [0.0, 1.0] {
            let first = 12;
            let parameters = first + (width + 1) * outputs.next_multiple_of(4) + 8;
            let ones = Ones { width, most: width };
            let (list, Contents::Values(values)) = ones.example(batch) else { continue };
            let columns = ColumnsOfOnes(ones).reference(&[&Array::new(list.rows, list.cols, values)]);
            let scalars = Contents::Values(vec![0.0, 1e-3, 1.5, 0.01, active, 0.0, 0.0, 0.0]);
            let inputs = vec![
                (Tensor::f32(3, parameters), Contents::Uniform(0.1, 1.0)),
                (Tensor::u32(columns.rows, columns.cols), Contents::Values(columns.data)),
                (Tensor::f32(batch, outputs), UNIT),
                (Tensor::f32(1, 8), scalars),
            ];
            cases.push(Case::new(AdamOnes(Adam { first, ..Adam::at(1) }), inputs).update().tolerance(1e-5));
        }
    }
    cases
}
