//! What shadow models make of each record, in moments: models come one at a time, and none is kept.
//!
//! Not the attacks that score by them ([`crate::audit::attacks::lira`], [`crate::audit::attacks::rmia`]).

use crate::audit::attacks::scores::probability;
use std::borrow::Cow;

/// What stands for an infinite φ of a model that has no finite one: −log 1e-45. LiRA's authors add 1e-45 to both
/// probabilities before they take logarithms.
const LARGEST_PHI: f64 = 103.616;

/// φ \[any number\] of one model with an end: p_y = 0 makes −∞ of it, and p_y = 1 may make ∞, of which neither
/// mean nor variance can be made. They become the largest finite |φ| of the same model, with their sign: as far as
/// its outputs, whatever they are rounded to, can tell. (A constant such as the authors' is an outlier of dozens of
/// deviations where probabilities come with three digits.)
pub fn finite(phi: &[f64]) -> Cow<'_, [f64]> {
    if phi.iter().all(|phi| !phi.is_infinite()) {
        return Cow::Borrowed(phi);
    }
    let finite = phi.iter().filter(|phi| phi.is_finite()).map(|phi| phi.abs());
    let largest = finite.reduce(f64::max).unwrap_or(LARGEST_PHI);
    Cow::Owned(phi.iter().map(|phi| if phi.is_infinite() { largest.copysign(*phi) } else { *phi }).collect())
}

/// Count, mean and summed squares about it (Welford 1962).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// How many values.
    pub count: f64,
    /// Σ x / count.
    pub mean: f64,
    /// Σ (x − mean)².
    pub squares: f64,
}

impl Moments {
    /// One more value.
    pub fn add(&mut self, x: f64) {
        self.count += 1.0;
        let distance = x - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (x - self.mean);
    }
}

/// φ of P records under the shadow models seen so far.
#[derive(Debug, Clone, PartialEq)]
pub struct PhiMoments {
    /// \[P\]: under models trained with the record, and without it.
    pub with: Vec<Moments>,
    /// \[P\]: under models trained without it.
    pub without: Vec<Moments>,
}

impl PhiMoments {
    /// Of so many records, before any model.
    pub fn new(records: usize) -> Self {
        let none = vec![Moments::default(); records];
        PhiMoments { with: none.clone(), without: none }
    }

    /// A shadow model's φ \[P\], and which of the P records it was trained on.
    ///
    /// # Panics
    /// Lists of another length.
    pub fn add(&mut self, trained_on: &[bool], phi: &[f64]) {
        assert!(trained_on.len() == self.with.len() && phi.len() == trained_on.len(), "one value a record");
        for (i, (&with, &phi)) in trained_on.iter().zip(finite(phi).iter()).enumerate() {
            if with { &mut self.with[i] } else { &mut self.without[i] }.add(phi);
        }
    }
}

/// The confidences of P records under the shadow models seen so far.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfidenceSums {
    /// \[P\] (models, sum of p_y): trained with the record, and without it.
    pub with: Vec<(f64, f64)>,
    /// \[P\] (models, sum of p_y): of models trained without it.
    pub without: Vec<(f64, f64)>,
}

impl ConfidenceSums {
    /// Of so many records, before any model.
    pub fn new(records: usize) -> Self {
        ConfidenceSums { with: vec![(0.0, 0.0); records], without: vec![(0.0, 0.0); records] }
    }

    /// A shadow model's p_y \[P\], and which of the P records it was trained on.
    ///
    /// # Panics
    /// Lists of another length.
    pub fn add(&mut self, trained_on: &[bool], confidence: &[f64]) {
        assert!(
            trained_on.len() == self.with.len() && confidence.len() == trained_on.len(),
            "one value a record"
        );
        for (i, (&with, &p)) in trained_on.iter().zip(confidence).enumerate() {
            let sum = if with { &mut self.with[i] } else { &mut self.without[i] };
            *sum = (sum.0 + 1.0, sum.1 + p);
        }
    }
}

/// Both, of P records of which a model is asked about A augmented copies each.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowMoments {
    copies: usize,
    /// Of P · A copies, a record's next to each other.
    pub phi: PhiMoments,
    /// Of P records, by their first copy.
    pub confidence: ConfidenceSums,
}

impl ShadowMoments {
    /// Of P `records` of A `copies`, before any model.
    pub fn new(records: usize, copies: usize) -> Self {
        ShadowMoments {
            copies,
            phi: PhiMoments::new(records * copies),
            confidence: ConfidenceSums::new(records),
        }
    }

    /// A shadow model's φ \[P, A\], and which of the P records it was trained on.
    ///
    /// # Panics
    /// Lists of another length.
    pub fn add(&mut self, trained_on: &[bool], phi: &[f64]) {
        let repeated = trained_on.iter().flat_map(|&with| std::iter::repeat_n(with, self.copies));
        self.phi.add(&repeated.collect::<Vec<_>>(), phi);
        self.confidence.add(trained_on, &first_confidences(phi, self.copies));
    }
}

/// p_y \[P\] of the first copies, from φ \[P, A\].
pub fn first_confidences(phi: &[f64], copies: usize) -> Vec<f64> {
    phi.chunks(copies).map(|phi| probability(phi[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinite_confidences_are_as_far_as_a_model_can_tell() {
        let (up, down) = (f64::INFINITY, f64::NEG_INFINITY);
        assert_eq!(*finite(&[2.0, -7.0, down, up]), [2.0, -7.0, -7.0, 7.0]);
        assert_eq!(*finite(&[2.0, 8.0, down]), [2.0, 8.0, -8.0]);
        assert_eq!(*finite(&[down, up]), [-LARGEST_PHI, LARGEST_PHI]);
        assert!(finite(&[f64::NAN, up])[0].is_nan(), "what is no number is not made one");
    }
}
