//! Features as they lie in memory and on the GPU: packed bits, bytes, or padded floats.
//!
//! Not where they come from (csv, npy), and not how they are scaled (standardization).

use super::schema::{ColumnKind, Columns, Schema};
use crate::error::Result;
use crate::memory;

/// The feature matrix (N records × F features), one row after another, ready for upload: what the GPU
/// sees is exactly this.
#[derive(Debug, Clone, PartialEq)]
pub enum Features {
    /// Every value is 0 or 1. A row is ⌈F/32⌉ words; feature j is bit j % 32 of word j / 32; the unused
    /// bits of the last word are 0.
    Bits {
        /// N rows, one after another.
        words: Vec<u32>,
        /// F.
        width: usize,
    },
    /// Every value is an integer in 0..=255. A row is ⌈F/4⌉ words; feature j is byte j % 4, little end
    /// first, of word j / 4; the unused bytes are 0.
    Bytes {
        /// N rows, one after another.
        words: Vec<u32>,
        /// F.
        width: usize,
    },
    /// A row is F floats and zeros up to a multiple of 4; every value is finite.
    Floats {
        /// N rows, one after another, with their zeros.
        values: Vec<f32>,
        /// F.
        width: usize,
    },
}

impl Features {
    /// F, the number of features of a record; at least 1.
    pub fn width(&self) -> usize {
        match self {
            Features::Bits { width, .. } | Features::Bytes { width, .. } | Features::Floats { width, .. } => {
                *width
            }
        }
    }

    /// Words (or floats) from one row's start to the next.
    pub fn stride(&self) -> usize {
        match self {
            Features::Bits { width, .. } => width.div_ceil(32),
            Features::Bytes { width, .. } => width.div_ceil(4),
            Features::Floats { width, .. } => width.next_multiple_of(4),
        }
    }

    /// N, the number of records.
    pub fn records(&self) -> usize {
        match self {
            Features::Bits { words, .. } | Features::Bytes { words, .. } => words.len() / self.stride(),
            Features::Floats { values, .. } => values.len() / self.stride(),
        }
    }

    /// Feature `j` of record `i`, as stored (bytes as 0 to 255).
    ///
    /// # Panics
    /// If `i` or `j` is out of range.
    pub fn value(&self, i: usize, j: usize) -> f32 {
        assert!(j < self.width(), "feature {j} of {}", self.width());
        let start = i * self.stride();
        match self {
            Features::Bits { words, .. } => (words[start + j / 32] >> (j % 32) & 1) as f32,
            Features::Bytes { words, .. } => (words[start + j / 4] >> (8 * (j % 4)) & 0xff) as f32,
            Features::Floats { values, .. } => values[start + j],
        }
    }

    /// The F features of record `i`, as stored.
    ///
    /// # Panics
    /// If `i` is out of range.
    pub fn row(&self, i: usize) -> Vec<f32> {
        (0..self.width()).map(|j| self.value(i, j)).collect()
    }

    /// The schema of a matrix without names: bytes, or bits and numbers as found.
    pub(super) fn schema(&self) -> Schema {
        let wide = match self {
            Features::Bytes { .. } => ColumnKind::Byte,
            Features::Bits { .. } | Features::Floats { .. } => ColumnKind::Number,
        };
        let kind = |binary| if binary { ColumnKind::Bit } else { wide };
        Schema::new(self.binary_columns().into_iter().map(|binary| Columns::new("", kind(binary))))
    }

    /// The same values in the form of data with this schema: floats where a column is a number, else bytes or
    /// bits. `None` where a value does not fit it.
    pub(super) fn in_form_of(self, kinds: &[ColumnKind]) -> Option<Features> {
        let width = self.width();
        // Asked once, and not at every value: an image has thousands of columns.
        let [has_numbers, has_bytes] =
            [ColumnKind::Number, ColumnKind::Byte].map(|kind| kinds.contains(&kind));
        let bits = |j: usize| kinds[j] == ColumnKind::Bit;
        let fits = |value: f32, j: usize| match () {
            () if bits(j) => is_bit(value),
            () if has_numbers => true,
            () => value.fract() == 0.0 && (0.0..=255.0).contains(&value),
        };
        let rows = || (0..self.records()).map(|i| self.row(i));
        if !rows().all(|row| (0..width).all(|j| fits(row[j], j))) {
            return None;
        }
        if has_numbers {
            return Some(Builder::floats(width).with(rows()));
        }
        if has_bytes {
            return Some(Builder::bytes(width).with(rows()));
        }
        Some(Builder::new(width, Wide::Floats).with(rows()))
    }

    /// These floats, a row padded to whole vec4s; bits, where all of them are.
    pub(super) fn of_floats(values: Vec<f32>, width: usize) -> Features {
        let are_bits = values.iter().all(|value| is_bit(*value));
        let floats = Features::Floats { values, width };
        match are_bits {
            true => Builder::new(width, Wide::Floats).with((0..floats.records()).map(|i| floats.row(i))),
            false => floats,
        }
    }

    /// The records that `keep` keeps.
    pub(super) fn retained(mut self, keep: &[bool]) -> Features {
        let stride = self.stride();
        let mut element = 0;
        let mut kept = || {
            element += 1;
            keep[(element - 1) / stride]
        };
        match &mut self {
            Features::Bits { words, .. } | Features::Bytes { words, .. } => words.retain(|_| kept()),
            Features::Floats { values, .. } => values.retain(|_| kept()),
        }
        self
    }

    /// For every feature, whether it is 0 or 1 in every record.
    pub(super) fn binary_columns(&self) -> Vec<bool> {
        let width = self.width();
        match self {
            Features::Bits { .. } => vec![true; width],
            Features::Bytes { .. } => vec![false; width],
            Features::Floats { values, .. } => {
                let mut binary = vec![true; width];
                for row in values.chunks_exact(self.stride()) {
                    for (binary, value) in binary.iter_mut().zip(row) {
                        *binary &= is_bit(*value);
                    }
                }
                binary
            }
        }
    }
}

fn is_bit(value: f32) -> bool {
    value == 0.0 || value == 1.0
}

/// What a matrix becomes when a value is neither 0 nor 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    /// For sources that hold nothing but 0..=255.
    Bytes,
    Floats,
}

/// Builds [`Features`] while a file streams by: bits as long as every value is a bit, widened once
/// where one is not. A file of 950 MB of 64-bit zeros and ones never takes more than its 15 MB of bits.
#[derive(Debug)]
pub(super) struct Builder {
    features: Features,
    wide: Wide,
    /// How many records there will be, and where they come from, where that is known.
    expected: Option<(usize, String)>,
}

impl Builder {
    /// No records yet, of `width` ≥ 1 features.
    pub(super) fn new(width: usize, wide: Wide) -> Self {
        Builder::of(Features::Bits { words: Vec::new(), width }, wide)
    }

    fn of(features: Features, wide: Wide) -> Self {
        Builder { features, wide, expected: None }
    }

    /// Of so many records from `place`: where they turn out to take more than bits, there must be memory for all
    /// of them.
    pub(super) fn expecting(self, records: usize, place: &str) -> Self {
        Builder { expected: Some((records, place.to_owned())), ..self }
    }

    /// No records yet, of `width` ≥ 1 features of a byte.
    fn bytes(width: usize) -> Self {
        Builder::of(Features::Bytes { words: vec![], width }, Wide::Bytes)
    }

    /// The features of these records, which fit their form as they are.
    fn with(mut self, rows: impl Iterator<Item = Vec<f32>>) -> Features {
        rows.for_each(|row| assert!(self.append(&row), "of the form that was looked for"));
        self.finish()
    }

    /// No records yet, of `width` ≥ 1 features that are floats whatever their values.
    pub(super) fn floats(width: usize) -> Self {
        Builder::of(Features::Floats { values: Vec::new(), width }, Wide::Floats)
    }

    /// `records` records of zeros, to be [`set`](Self::set): for sources that give columns first.
    pub(super) fn zeros(records: usize, width: usize, wide: Wide) -> Self {
        let words = vec![0; records * width.div_ceil(32)];
        Builder::of(Features::Bits { words, width }, wide)
    }

    /// Appends a record of `width` finite values.
    ///
    /// # Errors
    /// No memory for the records that are expected.
    pub(super) fn push(&mut self, row: &[f32]) -> Result<()> {
        if !self.append(row) {
            self.widen()?;
            self.append(row);
        }
        Ok(())
    }

    /// Appends a record, unless it does not fit the form that the others have.
    fn append(&mut self, row: &[f32]) -> bool {
        let stride = self.features.stride();
        match &mut self.features {
            Features::Bits { words, .. } => {
                let start = words.len();
                let mut bits = true;
                words.extend(row.chunks(32).map(|chunk| {
                    chunk.iter().rev().fold(0, |word, value| {
                        bits &= is_bit(*value);
                        word << 1 | u32::from(*value == 1.0)
                    })
                }));
                if !bits {
                    words.truncate(start);
                    return false;
                }
            }
            Features::Bytes { words, .. } => {
                words.extend(row.chunks(4).map(|chunk| {
                    chunk.iter().rev().fold(0, |word, value| word << 8 | u32::from(*value as u8))
                }))
            }
            Features::Floats { values, .. } => {
                let end = values.len() + stride;
                values.extend_from_slice(row);
                values.resize(end, 0.0);
            }
        }
        true
    }

    /// Sets feature `j` of record `i`, so far 0, to a finite value.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(super) fn set(&mut self, i: usize, j: usize, value: f32) -> Result<()> {
        if value == 0.0 {
            return Ok(());
        }
        if value != 1.0 && matches!(self.features, Features::Bits { .. }) {
            self.widen()?;
        }
        let start = i * self.features.stride();
        match &mut self.features {
            Features::Bits { words, .. } => words[start + j / 32] |= 1 << (j % 32),
            Features::Bytes { words, .. } => words[start + j / 4] |= u32::from(value as u8) << (8 * (j % 4)),
            Features::Floats { values, .. } => values[start + j] = value,
        }
        Ok(())
    }

    fn widen(&mut self) -> Result<()> {
        let width = self.features.width();
        let mut wide = match self.wide {
            Wide::Bytes => Features::Bytes { words: Vec::new(), width },
            Wide::Floats => Features::Floats { values: Vec::new(), width },
        };
        if let Some((records, place)) = &self.expected {
            let words = records.saturating_mul(wide.stride());
            let what = format!("{records} records of {width} features");
            memory::check(place, &what, words.saturating_mul(4) as u64)?;
            // Growing would take up to twice the memory.
            match &mut wide {
                Features::Bytes { words: of, .. } | Features::Bits { words: of, .. } => {
                    of.reserve_exact(words)
                }
                Features::Floats { values, .. } => values.reserve_exact(words),
            }
        }
        let bits = std::mem::replace(&mut self.features, wide);
        for i in 0..bits.records() {
            self.append(&bits.row(i));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Features {
        self.features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(rows: &[Vec<f32>], wide: Wide) -> Features {
        let mut builder = Builder::new(rows[0].len(), wide);
        rows.iter().for_each(|row| builder.push(row).unwrap());
        builder.finish()
    }

    #[test]
    fn bits_lie_as_documented() {
        let mut row = vec![0.0; 34];
        row[0] = 1.0;
        row[33] = 1.0;
        let features = build(&[row.clone(), vec![1.0; 34]], Wide::Floats);
        assert_eq!(features, Features::Bits { words: vec![1, 2, u32::MAX, 3], width: 34 });
        assert_eq!((features.records(), features.stride(), features.row(0)), (2, 2, row));
    }

    #[test]
    fn bytes_lie_as_documented() {
        let features = build(&[vec![1.0, 2.0, 3.0, 4.0, 255.0]], Wide::Bytes);
        assert_eq!(features, Features::Bytes { words: vec![0x0403_0201, 255], width: 5 });
        assert_eq!(features.row(0), [1.0, 2.0, 3.0, 4.0, 255.0]);
    }

    #[test]
    fn floats_are_padded_and_earlier_bits_kept() {
        let features = build(&[vec![0.0, 1.0, 1.0, 0.0, 1.0], vec![0.5, -1.0, 0.0, 1.0, 2.0]], Wide::Floats);
        let values = vec![0., 1., 1., 0., 1., 0., 0., 0., 0.5, -1., 0., 1., 2., 0., 0., 0.];
        assert_eq!(features, Features::Floats { values, width: 5 });
        assert_eq!(features.binary_columns(), [false, false, true, true, false]);
    }

    #[test]
    fn setting_columns_first_gives_what_pushing_rows_gives() {
        for wide in [Wide::Bytes, Wide::Floats] {
            for top in [1_u32, 9] {
                let rows: Vec<Vec<f32>> = (0..7_u32)
                    .map(|i| (0..37_u32).map(|j| ((i * 5 + j * 3) % (top + 1)) as f32).collect())
                    .collect();
                let mut builder = Builder::zeros(7, 37, wide);
                let places = (0..37).flat_map(|j| (0..7).map(move |i| (i, j)));
                places.for_each(|(i, j)| builder.set(i, j, rows[i][j]).unwrap());
                assert_eq!(builder.finish(), build(&rows, wide));
            }
        }
    }
}
