//! Batches of resident bits as lists of their ones, for a first layer that adds rows of its weights instead
//! of multiplying by mostly zeros; and the transposed bits, for its backward pass.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// How a batch of records is written as lists of ones: a row is a count, entries, and the record's words.
///
/// The entries are the features that are ones, ascending; those beyond the count are 0. The words are as
/// [`Format::Bits`] has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ones {
    /// K: features of a record.
    pub width: usize,
    /// Ones that a record has at most.
    pub most: usize,
}

impl Ones {
    /// Words of a record as stored.
    pub fn words(&self) -> usize {
        Format::Bits.words(self.width)
    }

    /// Where the record's words begin in a row.
    fn first(&self) -> usize {
        1 + self.most
    }

    /// Words of a row.
    pub fn pitch(&self) -> usize {
        self.first() + self.words()
    }

    /// The row of a record.
    fn row(&self, words: &[u32]) -> Vec<u32> {
        let one = |k: usize| words[k / 32] >> (k % 32) & 1 == 1;
        let entries: Vec<u32> = (0..self.width).filter(|k| one(*k)).map(word).take(self.most).collect();
        let count = entries.len();
        let row = std::iter::once(word(count)).chain(entries);
        row.chain(std::iter::repeat_n(0, self.most - count)).chain(words.iter().copied()).collect()
    }

    /// Whether record `b` of a gathered batch has feature `k`.
    pub(in crate::ops) fn has(&self, x: &Array, b: usize, k: usize) -> bool {
        x.at(b, self.first() + k / 32) as u32 >> (k % 32) & 1 == 1
    }

    /// A batch of records for a test: about one of 8 features is a one, the first record has none, the last
    /// has as many as fit.
    pub(in crate::ops) fn example(&self, batch: usize) -> (Tensor, Contents) {
        let rows = (0..batch).flat_map(|b| {
            let mut words = vec![0u32; self.words()];
            let mut left = self.most;
            for k in 0..self.width {
                let [hash, _] = pcg4d([word(b), word(k), 3, 5]);
                let wanted = b > 0 && (b + 1 == batch || hash.is_multiple_of(8));
                if wanted && left > 0 {
                    words[k / 32] |= 1 << (k % 32);
                    left -= 1;
                }
            }
            self.row(&words)
        });
        (Tensor::u32(batch, self.pitch()), Contents::Values(rows.map(f64::from).collect()))
    }
}

/// Rows of resident bits as lists of [`Ones`]: u32 `[B, pitch]` from data u32 `[N, words]` and rows u32
/// `[B, 1]`. A row beyond the data (padding) gives zeros. No record may have more than
/// [`most`](Ones::most) ones: entries beyond are lost. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct GatherOnes(pub Ones);

impl Op for GatherOnes {
    fn name(&self) -> &'static str {
        "gather_ones"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let words = self.0.words();
        let fits = inputs.len() == 2
            && (inputs[0].dtype, inputs[0].cols) == (DType::U32, words)
            && is_column(&inputs[1], inputs[1].rows);
        require(fits, self, &format!("data u32 [N, {words}] and rows u32 [B, 1]"), inputs)?;
        Ok(Tensor::u32(inputs[1].rows, self.0.pitch()))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (data, rows) = (inputs[0], inputs[1]);
        let record = |row: &f64| -> Vec<u32> {
            let row = *row as usize;
            match row < data.rows {
                true => data.row(row).iter().map(|word| *word as u32).collect(),
                false => vec![0; self.0.words()],
            }
        };
        let lists = rows.data.iter().flat_map(|row| self.0.row(&record(row)));
        Array::new(rows.rows, self.0.pitch(), lists.map(f64::from).collect())
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let words = [inputs[0].rows, y.rows, self.0.words(), self.0.most].map(word).to_vec();
        Launch::only(kernel!("gather_ones"), words, Grid::Items(y.rows))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[1]
    }
}

/// The features of a batch as columns of bits: u32 `[K + 1, ⌈B / 32⌉]` from lists of [`Ones`] `[B, pitch]`.
/// Bit b % 32 of word b / 32 of row k is feature k of record b; row K, the bias's, has a one for every
/// record. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct ColumnsOfOnes(pub Ones);

impl Op for ColumnsOfOnes {
    fn name(&self) -> &'static str {
        "columns_of_ones"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let pitch = self.0.pitch();
        let fits = inputs.len() == 1 && (inputs[0].dtype, inputs[0].cols) == (DType::U32, pitch);
        require(fits, self, &format!("lists of ones, u32 [B, {pitch}]"), inputs)?;
        Ok(Tensor::u32(self.0.width + 1, inputs[0].rows.div_ceil(32)))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, width) = (inputs[0], self.0.width);
        Array::from_fn(width + 1, x.rows.div_ceil(32), |k, i| {
            let records = 32 * i..x.rows.min(32 * i + 32);
            let bit = |b: usize| u32::from(k == width || self.0.has(x, b, k)) << (b % 32);
            f64::from(records.map(bit).sum::<u32>())
        })
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let x = &inputs[0];
        let words = [x.rows, self.0.width, x.cols, self.0.first(), y.cols].map(word).to_vec();
        Launch::only(kernel!("columns_of_ones"), words, Grid::Items(y.elements()))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let sizes = [(1, 1, 1, 1), (5, 3, 31, 9), (9, 70, 33, 33), (40, 17, 446, 120), (7, 65, 64, 20)];
    for (records, batch, width, most) in sizes {
        let ones = Ones { width, most };
        // Indices up to one beyond the data: that row is padding.
        let rows = (Tensor::u32(batch, 1), Contents::Below(records as u32 + 1));
        let (_, Contents::Values(lists)) = ones.example(records) else { continue };
        let stored = lists.chunks(ones.pitch()).flat_map(|row| row[ones.first()..].to_vec());
        let data = (Tensor::u32(records, ones.words()).shared(), Contents::Values(stored.collect()));
        cases.push(Case::new(GatherOnes(ones), vec![data, rows]));
        cases.push(Case::new(ColumnsOfOnes(ones), vec![ones.example(batch)]));
    }
    cases
}
