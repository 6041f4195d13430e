//! Batches of results into one long table, read back once.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// table\[counter · B + b, :\] = x\[b, :\], an update of table `[N, C]`, from x `[B, C]` and counter u32
/// `[1, 1]`. Rows beyond N are dropped.
#[derive(Debug, Clone, Copy)]
pub struct StoreRows;

impl Op for StoreRows {
    fn name(&self) -> &'static str {
        "store_rows"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 3
            && [0, 1].iter().all(|&i| inputs[i].dtype == DType::F32)
            && inputs[0].cols == inputs[1].cols
            && is_column(&inputs[2], 1);
        require(fits, self, "table [N, C], x [B, C] and counter u32 [1, 1]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (mut table, x) = (inputs[0].clone(), inputs[1]);
        let start = inputs[2].at(0, 0) as usize * x.rows;
        for b in 0..x.rows.min(table.rows.saturating_sub(start)) {
            for c in 0..x.cols {
                table.set(start + b, c, x.at(b, c));
            }
        }
        table
    }

    fn launch(&self, inputs: &[Tensor], table: &Tensor) -> Launch {
        let x = &inputs[1];
        let words = [x.rows, quads(x), table.rows].map(word).to_vec();
        Launch::only(kernel!("store_rows"), words, Grid::Items(x.elements() / 4))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    [(10, 3, 5), (7, 1, 1), (130, 64, 30)]
        .map(|(records, batch, cols)| {
            let table = (Tensor::f32(records, cols), UNIT);
            let counter = (Tensor::u32(1, 1), Contents::Below(4));
            Case::new(StoreRows, vec![table, (Tensor::f32(batch, cols), UNIT), counter]).update()
        })
        .to_vec()
}
