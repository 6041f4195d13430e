//! A classifier's outputs on records, in the precision in which they came.
//!
//! Not the scores that attacks make of them ([`super::attacks::scores`]), nor the reading of files.

use crate::run::predictions::ReplicaPredictions;

/// What a classifier's outputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputForm {
    /// Up to a constant a record, logarithms of probabilities; −∞ is a probability of 0.
    Logits,
    /// From 0 to 1, of each record with the sum 1.
    Probabilities,
}

/// Outputs `[N, C]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputValues {
    /// Stored in 32 bits.
    F32(Vec<f32>),
    /// Stored in 64 bits.
    F64(Vec<f64>),
}

/// [`OutputValues`], borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OutputSlice<'a> {
    /// Stored in 32 bits.
    F32(&'a [f32]),
    /// Stored in 64 bits.
    F64(&'a [f64]),
}

impl OutputValues {
    /// The same, borrowed.
    pub fn as_slice(&self) -> OutputSlice<'_> {
        match self {
            OutputValues::F32(values) => OutputSlice::F32(values),
            OutputValues::F64(values) => OutputSlice::F64(values),
        }
    }
}

impl<'a> OutputSlice<'a> {
    /// How many numbers there are, N · C.
    pub fn len(self) -> usize {
        match self {
            OutputSlice::F32(values) => values.len(),
            OutputSlice::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number at `place`.
    ///
    /// # Panics
    /// A place past the end.
    pub fn at(self, place: usize) -> f64 {
        match self {
            OutputSlice::F32(values) => values[place].into(),
            OutputSlice::F64(values) => values[place],
        }
    }

    /// The numbers from `place` on fill `row`.
    ///
    /// # Panics
    /// A place past the end.
    pub fn copy_to(self, place: usize, row: &mut [f64]) {
        match self {
            OutputSlice::F32(values) => {
                row.iter_mut().zip(&values[place..]).for_each(|(x, v)| *x = (*v).into());
            }
            OutputSlice::F64(values) => row.copy_from_slice(&values[place..place + row.len()]),
        }
    }

    /// The place of the first number that is as asked.
    pub fn position(self, mut asked: impl FnMut(f64) -> bool) -> Option<usize> {
        match self {
            OutputSlice::F32(values) => values.iter().position(|v| asked((*v).into())),
            OutputSlice::F64(values) => values.iter().position(|v| asked(*v)),
        }
    }

    /// The numbers' bytes.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            OutputSlice::F32(values) => bytemuck::cast_slice(values),
            OutputSlice::F64(values) => bytemuck::cast_slice(values),
        }
    }

    /// Half the distance from 1 to the next number of its type: as much may be lost by what is stored as 1.
    pub fn half_ulp(self) -> f64 {
        match self {
            OutputSlice::F32(_) => f64::from(f32::EPSILON) / 2.0,
            OutputSlice::F64(_) => f64::EPSILON / 2.0,
        }
    }
}

macro_rules! from_slices {
    ($($type:ty => $variant:ident),*) => {$(
        impl<'a> From<&'a [$type]> for OutputSlice<'a> {
            fn from(values: &'a [$type]) -> Self {
                OutputSlice::$variant(values)
            }
        }
        impl<'a> From<&'a Vec<$type>> for OutputSlice<'a> {
            fn from(values: &'a Vec<$type>) -> Self {
                OutputSlice::$variant(values)
            }
        }
        impl<'a, const N: usize> From<&'a [$type; N]> for OutputSlice<'a> {
            fn from(values: &'a [$type; N]) -> Self {
                OutputSlice::$variant(values)
            }
        }
    )*};
}
from_slices!(f32 => F32, f64 => F64);

/// Outputs `[N, C]`, and what they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outputs<'a> {
    /// N · C of them, row after row.
    pub values: OutputSlice<'a>,
    /// Logits or probabilities.
    pub form: OutputForm,
    /// C.
    pub classes: usize,
    /// [`OutputSlice::half_ulp`], or that of the coarser type in which they were stored (float16).
    pub half_ulp: f64,
}

impl<'a> Outputs<'a> {
    /// Outputs that were stored in the type in which they are.
    pub fn new(form: OutputForm, values: impl Into<OutputSlice<'a>>, classes: usize) -> Self {
        let values = values.into();
        Outputs { values, form, classes, half_ulp: values.half_ulp() }
    }

    /// The outputs `[C]` on the record at `place` fill `row`.
    ///
    /// # Panics
    /// A place past the end.
    pub fn row(self, place: usize, row: &mut [f64]) {
        self.values.copy_to(place * self.classes, row);
    }

    /// The class of the record at `place`: of equal outputs the first.
    ///
    /// # Panics
    /// A place past the end.
    pub fn predicted(self, place: usize) -> usize {
        let first = place * self.classes;
        let largest = |best: usize, c: usize| {
            if self.values.at(first + c) > self.values.at(first + best) { c } else { best }
        };
        (1..self.classes).fold(0, largest)
    }

    /// Logits `[C]` of the record at `place`, for a network that takes their softmax in single precision:
    /// shifted by their largest where single precision would lose their differences. A probability of 0 is
    /// one of 1e-30, which that softmax cannot tell from it.
    ///
    /// # Panics
    /// A place past the end.
    pub fn network_input(self, place: usize, into: &mut Vec<f32>) {
        const LEAST: f64 = 1e-30;
        let first = place * self.classes;
        match (self.form, self.values) {
            (OutputForm::Probabilities, values) => {
                into.extend((0..self.classes).map(|c| values.at(first + c).max(LEAST).ln() as f32));
            }
            (OutputForm::Logits, values) => {
                let range = first..first + self.classes;
                let largest = range.clone().map(|at| values.at(at)).fold(f64::NEG_INFINITY, f64::max);
                let shift = if matches!(values, OutputSlice::F64(_)) { largest } else { 0.0 };
                let least = largest + LEAST.ln();
                let finite = |z: f64| if z == f64::NEG_INFINITY { least } else { z };
                into.extend(range.map(|at| (finite(values.at(at)) - shift) as f32));
            }
        }
    }
}

/// What is known of a model's records, in their order in a file.
#[derive(Debug, Clone, Copy)]
pub struct ModelRecords<'a> {
    /// `[N, C]`.
    pub outputs: Outputs<'a>,
    /// `[N]`: the records' numbers.
    pub rows: &'a [u32],
    /// `[N]`, each below C.
    pub labels: &'a [u32],
    /// `[N]`: the codes of [`crate::run::predictions`].
    pub membership: &'a [u8],
}

impl ModelRecords<'_> {
    /// Places of the records with this membership, in their order.
    pub fn places(&self, membership: u8) -> Vec<u32> {
        (0..).zip(self.membership).filter(|(_, found)| **found == membership).map(|(at, _)| at).collect()
    }
}

impl<'a> From<&'a ReplicaPredictions> for ModelRecords<'a> {
    fn from(predictions: &'a ReplicaPredictions) -> Self {
        let ReplicaPredictions { logits, classes, rows, labels, membership } = predictions;
        ModelRecords { outputs: Outputs::new(OutputForm::Logits, logits, *classes), rows, labels, membership }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_beyond_single_precision_leaves_a_networks_input_as_it_is() {
        let (plain, shifted) = ([0.5, -1.25, f64::NEG_INFINITY], [1e8 + 0.5, 1e8 - 1.25, f64::NEG_INFINITY]);
        let input = |values: &[f64; 3]| {
            let mut row = vec![];
            Outputs::new(OutputForm::Logits, values, 3).network_input(0, &mut row);
            row
        };
        assert_eq!(input(&plain), input(&shifted));
        assert_eq!(input(&plain)[..2], [0.0, -1.75]);
        // ln 1e-30 below the largest.
        assert!((input(&plain)[2] + 69.077_55).abs() < 1e-4);
    }
}
