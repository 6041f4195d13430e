//! The likelihood-ratio attack, LiRA (Carlini et al. 2022, "Membership inference attacks from first
//! principles").
//!
//! Not the shadow models: what they make of the records comes in moments
//! ([`crate::audit::shadows::moments`]).
//!
//! For each record, φ (the logit-scaled confidence, [`super::scores::confidence`]) under models that were
//! trained with it and without it is taken to be normal. Means, not medians; variances are over
//! n − 1. With fewer than 64 models a record has too few values for variances of its own: they are pooled,
//! the squares about each record's own mean added up over all records.

use crate::audit::evidence::Given;
use crate::audit::shadows::Shadows;
use crate::audit::shadows::moments::{Moments, PhiMoments};

/// Shadow models from which a record's variances are its own.
const OWN_VARIANCE: usize = 64;

/// Below this a variance is rounding: every model says the same.
const LEAST_VARIANCE: f64 = 1e-12;

/// [`online`] of the records that shadow models are asked about.
pub(super) fn online_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    Ok(over_copies(online(&shadows.moments.phi, &shadows.target.phi), shadows.target.copies))
}

/// [`offline`] of the records that shadow models are asked about.
pub(super) fn offline_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    Ok(over_copies(offline(&shadows.moments.phi, &shadows.target.phi), shadows.target.copies))
}

/// Of several augmented copies the mean of their log-likelihood ratios, as the authors take it.
fn over_copies(scores: Vec<f64>, copies: usize) -> Vec<f64> {
    scores.chunks(copies).map(|scores| scores.iter().sum::<f64>() / copies as f64).collect()
}

/// log N(φ; with) − log N(φ; without), from the target's φ \[N\]. Of use for records that at least two
/// models were trained with, and two without; NaN for others.
pub fn online(moments: &PhiMoments, phi: &[f64]) -> Vec<f64> {
    let variances = [variances(moments, &moments.with), variances(moments, &moments.without)];
    let score = |(i, &phi): (usize, &f64)| {
        let log_density = |record: &Moments, variance: f64| {
            if record.count < 2.0 {
                f64::NAN
            } else {
                -0.5 * ((phi - record.mean).powi(2) / variance + variance.ln())
            }
        };
        log_density(&moments.with[i], variances[0](i)) - log_density(&moments.without[i], variances[1](i))
    };
    phi.iter().enumerate().map(score).collect()
}

/// (φ − mean without) / deviation without, from the target's φ \[N\]: the ranking of the tail probability
/// Φ, which itself saturates at 1. NaN for a record that fewer than two models were trained without.
pub fn offline(moments: &PhiMoments, phi: &[f64]) -> Vec<f64> {
    let variance = variances(moments, &moments.without);
    let score = |(i, &phi): (usize, &f64)| {
        let record = &moments.without[i];
        if record.count < 2.0 { f64::NAN } else { (phi - record.mean) / variance(i).sqrt() }
    };
    phi.iter().enumerate().map(score).collect()
}

/// A variance, of values that are not all the same.
fn variance(moments: &Moments) -> f64 {
    (moments.squares / (moments.count - 1.0)).max(LEAST_VARIANCE)
}

/// The variance of all records about their own means.
fn pooled(records: &[Moments]) -> f64 {
    let sum = |of: fn(&Moments) -> f64| records.iter().map(of).sum::<f64>();
    (sum(|m| m.squares) / sum(|m| (m.count - 1.0).max(0.0))).max(LEAST_VARIANCE)
}

/// Each record's variance: its own, or the pooled one.
fn variances<'m>(moments: &PhiMoments, records: &'m [Moments]) -> impl Fn(usize) -> f64 + use<'m> {
    let shared = (moments.models() < OWN_VARIANCE).then(|| pooled(records));
    move |i| shared.unwrap_or_else(|| variance(&records[i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_records_by_hand() {
        let mut moments = PhiMoments::new(2);
        moments.add(&[true, false], &[3.0, 0.0]);
        moments.add(&[true, false], &[5.0, 4.0]);
        moments.add(&[false, true], &[0.0, 7.0]);
        moments.add(&[false, true], &[2.0, 9.0]);
        // Record 0: with 3, 5; without 0, 2. Record 1: with 7, 9; without 0, 4.
        // Pooled: with (2 + 2) / 2 = 2; without (2 + 8) / 2 = 5.
        let density =
            |x: f64, mean: f64, variance: f64| -0.5 * ((x - mean).powi(2) / variance + variance.ln());
        let expected = [
            density(4.5, 4.0, 2.0) - density(4.5, 1.0, 5.0),
            density(1.0, 8.0, 2.0) - density(1.0, 2.0, 5.0),
        ];
        assert_eq!(online(&moments, &[4.5, 1.0]), expected);
        assert_eq!(offline(&moments, &[4.5, 1.0]), [3.5 / 5f64.sqrt(), -1.0 / 5f64.sqrt()]);
    }

    #[test]
    fn many_models_give_each_record_its_own_variance() {
        let mut moments = PhiMoments::new(2);
        for i in 0..OWN_VARIANCE {
            let x = if i % 4 < 2 { 1.0 } else { -1.0 };
            moments.add(&[i % 2 == 0; 2], &[x, 10.0 * x]);
        }
        let found = offline(&moments, &[1.0, 1.0]);
        assert!((found[0] / found[1] - 10.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn a_record_that_every_model_saw_has_no_score_and_equal_scores_no_infinite_one() {
        let mut moments = PhiMoments::new(2);
        (0..4).for_each(|i| moments.add(&[true, i % 2 == 0], &[1.0, 1.0]));
        assert!(offline(&moments, &[1.0, 1.0])[0].is_nan());
        assert!(online(&moments, &[1.0, 1.0])[0].is_nan());
        assert_eq!(online(&moments, &[1.0, 1.0])[1], 0.0);
    }
}
