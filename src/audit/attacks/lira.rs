//! The likelihood-ratio attack, LiRA (Carlini et al. 2022, "Membership inference attacks from first
//! principles").
//!
//! Not the shadow models: what they make of the records comes in moments
//! ([`crate::audit::shadows::moments`]).
//!
//! For each record, φ (the logit-scaled confidence, [`super::scores::confidence`]) under models that were
//! trained with it and without it is taken to be normal. Means, not medians; a record has too few values for
//! variances of its own: these are shrunk ([`super::variances`]).

use super::variances::VariancePrior;
use crate::audit::evidence::Given;
use crate::audit::shadows::Shadows;
use crate::audit::shadows::moments::{Moments, PhiMoments, finite};

/// [`online`] of the records that shadow models are asked about.
pub(super) fn online_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    over_copies(online(&shadows.moments.phi, &shadows.target.phi), shadows)
}

/// [`offline`] of the records that shadow models are asked about.
pub(super) fn offline_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    over_copies(offline(&shadows.moments.phi, &shadows.target.phi), shadows)
}

/// Of several augmented copies the mean of their log-likelihood ratios, as the authors take it.
fn over_copies(scores: Option<Vec<f64>>, shadows: &Shadows) -> Given<Vec<f64>> {
    let scores = scores.ok_or_else(|| {
        format!(
            "LiRA is not run: of {} shadow models no record has two that were trained with it and two without \
             it, and from one value no variance follows; it takes at least 4 (--shadows 4)",
            shadows.models.models()
        )
    })?;
    let copies = shadows.target.copies;
    Ok(scores.chunks(copies).map(|scores| scores.iter().sum::<f64>() / copies as f64).collect())
}

/// log N(φ; with) − log N(φ; without), from the target's φ \[N\]. Of use for records that a model was trained
/// with, and one without; NaN for others. `None` where no record has two models on a side.
pub fn online(moments: &PhiMoments, phi: &[f64]) -> Option<Vec<f64>> {
    let priors = [VariancePrior::estimated(&moments.with)?, VariancePrior::estimated(&moments.without)?];
    let score = |(i, &phi): (usize, &f64)| {
        let log_density = |record: &Moments, prior: &VariancePrior| {
            if record.count < 1.0 {
                return f64::NAN;
            }
            let variance = prior.shrunk(record);
            -0.5 * ((phi - record.mean).powi(2) / variance + variance.ln())
        };
        log_density(&moments.with[i], &priors[0]) - log_density(&moments.without[i], &priors[1])
    };
    Some(finite(phi).iter().enumerate().map(score).collect())
}

/// (φ − mean without) / deviation without, from the target's φ \[N\]: the ranking of the tail probability
/// Φ, which itself saturates at 1. NaN for a record that all models were trained with. `None` where no record has
/// two that were not.
pub fn offline(moments: &PhiMoments, phi: &[f64]) -> Option<Vec<f64>> {
    let prior = VariancePrior::estimated(&moments.without)?;
    let score = |(i, &phi): (usize, &f64)| {
        let record = &moments.without[i];
        if record.count < 1.0 { f64::NAN } else { (phi - record.mean) / prior.shrunk(record).sqrt() }
    };
    Some(finite(phi).iter().enumerate().map(score).collect())
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
        // Record 0: with 3, 5; without 0, 2. Record 1: with 7, 9; without 0, 4. Two estimates so alike are of one
        // variance. Pooled: with (2 + 2) / 2 = 2; without (2 + 8) / 2 = 5.
        let density =
            |x: f64, mean: f64, variance: f64| -0.5 * ((x - mean).powi(2) / variance + variance.ln());
        let expected = [
            density(4.5, 4.0, 2.0) - density(4.5, 1.0, 5.0),
            density(1.0, 8.0, 2.0) - density(1.0, 2.0, 5.0),
        ];
        assert_eq!(online(&moments, &[4.5, 1.0]).unwrap(), expected);
        assert_eq!(offline(&moments, &[4.5, 1.0]).unwrap(), [3.5 / 5f64.sqrt(), -1.0 / 5f64.sqrt()]);
    }

    #[test]
    fn many_models_give_each_record_its_own_variance() {
        let mut moments = PhiMoments::new(2);
        for i in 0..64 {
            let x = if i % 4 < 2 { 1.0 } else { -1.0 };
            moments.add(&[i % 2 == 0; 2], &[x, 10.0 * x]);
        }
        let found = offline(&moments, &[1.0, 1.0]).unwrap();
        assert!((found[0] / found[1] - 10.0).abs() < 0.2, "{found:?}");
    }

    #[test]
    fn a_record_that_every_model_saw_has_no_score_and_equal_scores_no_infinite_one() {
        let mut moments = PhiMoments::new(2);
        (0..4).for_each(|i| moments.add(&[true, i % 2 == 0], &[1.0, 1.0]));
        assert!(offline(&moments, &[1.0, 1.0]).unwrap()[0].is_nan());
        assert!(online(&moments, &[1.0, 1.0]).unwrap()[0].is_nan());
        assert_eq!(online(&moments, &[1.0, 1.0]).unwrap()[1], 0.0);
    }

    #[test]
    fn two_models_have_no_variance() {
        let mut moments = PhiMoments::new(2);
        moments.add(&[true, false], &[3.0, 0.0]);
        moments.add(&[false, true], &[1.0, 2.0]);
        assert_eq!((online(&moments, &[1.0, 1.0]), offline(&moments, &[1.0, 1.0])), (None, None));
    }

    #[test]
    fn no_confidence_at_all_is_a_score() {
        let mut moments = PhiMoments::new(2);
        moments.add(&[true, false], &[f64::INFINITY, f64::NEG_INFINITY]);
        moments.add(&[true, false], &[5.0, 4.0]);
        moments.add(&[false, true], &[f64::NEG_INFINITY, 7.0]);
        moments.add(&[false, true], &[2.0, 9.0]);
        for scores in [online(&moments, &[f64::NEG_INFINITY, 1.0]), offline(&moments, &[f64::INFINITY; 2])] {
            assert!(scores.as_ref().unwrap().iter().all(|score| score.is_finite()), "{scores:?}");
        }
    }
}
