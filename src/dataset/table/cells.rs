//! The values of a column, in the least form that holds them.

use std::collections::HashMap;

/// The code of a text that is missing.
pub(super) const NO_TEXT: u32 = u32::MAX;

/// The fields of a column, one a record.
#[derive(Debug)]
pub(super) enum Cells {
    /// Every field is `0` or `1`: so many bits, 64 a word.
    Bits {
        words: Vec<u64>,
        count: usize,
    },
    /// NaN where the value is missing.
    Numbers(Vec<f32>),
    Text(TextCells),
}

/// Texts, each different one once.
#[derive(Debug, Default)]
pub(super) struct TextCells {
    /// [`NO_TEXT`] where the value is missing.
    pub(super) codes: Vec<u32>,
    pub(super) values: Vec<String>,
    index: HashMap<String, u32>,
}

/// A value of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    Missing,
    Number(f32),
    Text(&'a str),
}

impl TextCells {
    /// As many missing values.
    pub(super) fn missing(count: usize) -> Self {
        TextCells { codes: vec![NO_TEXT; count], ..TextCells::default() }
    }

    pub(super) fn push(&mut self, value: String) {
        let next = self.values.len() as u32;
        let code = *self.index.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        });
        self.codes.push(code);
    }
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        match self {
            Cells::Bits { count, .. } => *count,
            Cells::Numbers(values) => values.len(),
            Cells::Text(text) => text.codes.len(),
        }
    }

    /// The value of record `i`.
    pub(super) fn get(&self, i: usize) -> Cell<'_> {
        match self {
            Cells::Bits { words, .. } => Cell::Number((words[i / 64] >> (i % 64) & 1) as f32),
            Cells::Numbers(values) if values[i].is_nan() => Cell::Missing,
            Cells::Numbers(values) => Cell::Number(values[i]),
            Cells::Text(text) => match text.codes[i] {
                NO_TEXT => Cell::Missing,
                code => Cell::Text(&text.values[code as usize]),
            },
        }
    }

    /// The records without a value, in order.
    pub(super) fn missing(&self) -> Vec<usize> {
        match self {
            Cells::Bits { .. } => vec![],
            Cells::Numbers(values) => (0..values.len()).filter(|i| values[*i].is_nan()).collect(),
            Cells::Text(text) => (0..text.codes.len()).filter(|i| text.codes[*i] == NO_TEXT).collect(),
        }
    }

    pub(super) fn push_bit(&mut self, bit: bool) {
        match self {
            Cells::Bits { words, count } => {
                if *count % 64 == 0 {
                    words.push(0);
                }
                words[*count / 64] |= u64::from(bit) << (*count % 64);
                *count += 1;
            }
            Cells::Numbers(values) => values.push(f32::from(u8::from(bit))),
            Cells::Text(text) => text.push(if bit { "1" } else { "0" }.to_owned()),
        }
    }

    pub(super) fn push_number(&mut self, value: f32) {
        if let Cells::Bits { count, .. } = self {
            let values = (0..*count).map(|i| match self.get(i) {
                Cell::Number(value) => value,
                _ => f32::NAN,
            });
            *self = Cells::Numbers(values.collect());
        }
        if let Cells::Numbers(values) = self {
            values.push(value);
        }
    }

    pub(super) fn retain(&mut self, keep: &[bool]) {
        fn kept<T: Copy>(values: &mut Vec<T>, keep: &[bool]) {
            let mut keep = keep.iter();
            values.retain(|_| keep.next().is_some_and(|keep| *keep));
        }
        match self {
            Cells::Bits { .. } => {
                let old = std::mem::replace(self, Cells::Bits { words: vec![], count: 0 });
                for i in (0..old.len()).filter(|i| keep[*i]) {
                    self.push_bit(old.get(i) == Cell::Number(1.0));
                }
            }
            Cells::Numbers(values) => kept(values, keep),
            Cells::Text(text) => kept(&mut text.codes, keep),
        }
    }
}
