//! Batches from the resident data set: rows of features, decoded, and labels.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// How resident features lie in memory (u32 words).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Format {
    /// Feature j is bit j mod 32 of word j / 32.
    Bits = 0,
    /// Feature j is byte j mod 4, low byte first, of word j / 4.
    Bytes = 1,
    /// An f32 a word, rows padded with zeros to a multiple of 4.
    Floats = 2,
}

impl Format {
    /// Words that a record of `width` features takes.
    pub fn words(self, width: usize) -> usize {
        match self {
            Format::Bits => width.div_ceil(32),
            Format::Bytes => width.div_ceil(4),
            Format::Floats => width.next_multiple_of(4),
        }
    }
}

/// y\[b, :\] = decode(data\[rows\[b\], :\]), `[B, width]`, from data u32 `[N, words]` and rows u32 `[B, 1]`.
/// A row beyond N gives zeros. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct GatherRows {
    /// How the features lie in the data.
    pub format: Format,
    /// Features of a record, K.
    pub width: usize,
    /// Ones that a record of bits has at most, where they are so few that a first layer shall walk lists of
    /// them: the plan then makes this a [`GatherOnes`].
    pub most: Option<usize>,
}

impl Op for GatherRows {
    fn name(&self) -> &'static str {
        "gather_rows"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 2
            && inputs[0].dtype == DType::U32
            && inputs[0].cols == self.format.words(self.width)
            && is_column(&inputs[1], inputs[1].rows);
        require(fits, self, "data u32 [N, words] and rows u32 [B, 1]", inputs)?;
        Ok(Tensor::f32(inputs[1].rows, self.width))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (data, rows) = (inputs[0], inputs[1]);
        Array::from_fn(rows.rows, self.width, |b, f| {
            let row = rows.at(b, 0) as usize;
            if row >= data.rows {
                return 0.0;
            }
            let word = |i: usize| data.at(row, i) as u32;
            match self.format {
                Format::Bits => f64::from(word(f / 32) >> (f % 32) & 1),
                Format::Bytes => f64::from(word(f / 4) >> (8 * (f % 4)) & 255),
                Format::Floats => f64::from(f32::from_bits(word(f))),
            }
        })
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let mut words = [inputs[0].rows, y.rows, inputs[0].cols, quads(y)].map(word).to_vec();
        words.push(self.format as u32);
        Launch::only(kernel!("gather_rows"), words, Grid::Items(y.elements() / 4))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[1]
    }
}

/// y\[b, f\] = (data\[rows\[b\], f\] − shift\[f\]) · scale\[f\], from f32 data `[N, F]`, rows u32 `[B, 1]`,
/// shift and scale `[1, F]`: features standardized by each replica's own members. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct GatherStandardized;

impl Op for GatherStandardized {
    fn name(&self) -> &'static str {
        "gather_standardized"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 4
            && is_column(&inputs[1], inputs[1].rows)
            && [0, 2, 3].iter().all(|&i| inputs[i].dtype == DType::F32 && inputs[i].cols == inputs[0].cols)
            && [2, 3].iter().all(|&i| inputs[i].rows == 1);
        require(fits, self, "data [N, F], rows u32 [B, 1], shift and scale [1, F]", inputs)?;
        Ok(Tensor::f32(inputs[1].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (data, rows, shift, scale) = (inputs[0], inputs[1], inputs[2], inputs[3]);
        Array::from_fn(rows.rows, data.cols, |b, f| {
            let row = rows.at(b, 0) as usize;
            if row < data.rows { (data.at(row, f) - shift.at(0, f)) * scale.at(0, f) } else { 0.0 }
        })
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let words = [inputs[0].rows, y.rows, quads(y)].map(word).to_vec();
        Launch::only(kernel!("gather_standardized"), words, Grid::Items(y.elements() / 4))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[1]
    }
}

/// y\[b\] = labels\[rows\[b\]\], u32 `[B, 1]`, or [`PADDING`] for a row beyond the data. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct GatherLabels;

impl Op for GatherLabels {
    fn name(&self) -> &'static str {
        "gather_labels"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 2 && inputs.iter().all(|t| is_column(t, t.rows));
        require(fits, self, "labels u32 [N, 1] and rows u32 [B, 1]", inputs)?;
        Ok(Tensor::u32(inputs[1].rows, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (labels, rows) = (inputs[0], inputs[1]);
        rows.map(|row| labels.data.get(row as usize).copied().unwrap_or(f64::from(PADDING)))
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let words = [inputs[0].rows, y.rows].map(word).to_vec();
        Launch::only(kernel!("gather_labels"), words, Grid::Items(y.rows))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[1]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (records, batch, width) in [(1, 1, 1), (5, 3, 31), (9, 70, 33), (40, 17, 446)] {
        // Indices up to one beyond the data: that row is padding.
        let rows = (Tensor::u32(batch, 1), Contents::Below(records as u32 + 1));
        for format in [Format::Bits, Format::Bytes] {
            let data = Tensor::u32(records, format.words(width)).shared();
            // The padding of a record is zero, as the loaders leave it.
            let used = match format {
                Format::Bits => width % 32,
                _ => 8 * (width % 4),
            };
            let words = data.cols;
            let last = if used == 0 { u32::MAX } else { (1u32 << used) - 1 };
            let values = (0..records * words).map(|i| {
                let [hash, _] = pcg4d([i as u32, width as u32, 7, 1]);
                f64::from(if i % words == words - 1 { hash & last } else { hash })
            });
            let data = (data, Contents::Values(values.collect()));
            cases.push(Case::new(GatherRows { format, width, most: None }, vec![data, rows.clone()]));
        }
        let pitch = Format::Floats.words(width);
        let floats = (0..records * pitch).map(|i| {
            let value = if i % pitch < width { 0.37 * i as f32 - 5.0 } else { 0.0 };
            f64::from(value.to_bits())
        });
        let data = (Tensor::u32(records, pitch).shared(), Contents::Values(floats.collect()));
        cases.push(Case::new(
            GatherRows { format: Format::Floats, width, most: None },
            vec![data, rows.clone()],
        ));
        let line = (Tensor::f32(1, width), UNIT);
        let data = (Tensor::f32(records, width).shared(), UNIT);
        cases.push(Case::new(GatherStandardized, vec![data, rows.clone(), line.clone(), line]));
        let labels = (Tensor::u32(records, 1).shared(), Contents::Below(100));
        cases.push(Case::new(GatherLabels, vec![labels, rows]));
    }
    cases
}
