//! The robust membership-inference attack, RMIA (Zarifzadeh, Liu and Shokri 2024, "Low-cost high-power
//! membership inference attacks").
//!
//! Not the shadow models: what they make of the records comes in sums ([`crate::audit::shadows::moments`]).
//!
//! ratio(x) = p_y(x) / Pr(x), the target's confidence over what models say of x on average; a record's score
//! is the share of population records z with ratio(x) / ratio(z) ≥ γ.

use crate::audit::evidence::Given;
use crate::audit::shadows::Shadows;
use crate::audit::shadows::moments::ConfidenceSums;

/// γ: by how much a record's ratio must exceed a population record's.
const GAMMA: f64 = 2.0;

/// a of the offline form, in which Pr(x) is guessed from models that were trained without x: ½((1 + a)·mean +
/// 1 − a).
const OFFLINE: f64 = 0.33;

/// Confidences are clamped here from below: a ratio of zeros is no number.
const LEAST: f64 = 1e-30;

/// [`online`] of the records that shadow models are asked about, or why not.
pub(super) fn online_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    Ok(online(&shadows.moments.confidence, &shadows.confidences(), &population(shadows)?))
}

/// [`offline`] of the records that shadow models are asked about, or why not.
pub(super) fn offline_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    Ok(offline(&shadows.moments.confidence, &shadows.confidences(), &population(shadows)?))
}

fn population(shadows: &Shadows) -> Given<Vec<u32>> {
    let population = shadows.population();
    if population.is_empty() {
        return Err(
            "RMIA is not run: no known non-member is one that no shadow model was trained on".to_owned()
        );
    }
    Ok(population)
}

/// The scores \[N\] of the target's p_y \[N\], with Pr(x) the mean over all models, those trained with x
/// included. `population` are records that neither the target nor any model was trained on.
pub fn online(sums: &ConfidenceSums, confidence: &[f64], population: &[u32]) -> Vec<f64> {
    let prior = |i: usize| {
        let (with, without) = (sums.with[i], sums.without[i]);
        (with.1 + without.1) / (with.0 + without.0)
    };
    scores(confidence, population, prior)
}

/// As [`online`], with Pr(x) from models trained without x alone; NaN where there is none.
pub fn offline(sums: &ConfidenceSums, confidence: &[f64], population: &[u32]) -> Vec<f64> {
    let prior = |i: usize| {
        let (count, sum) = sums.without[i];
        0.5 * ((1.0 + OFFLINE) * sum / count + 1.0 - OFFLINE)
    };
    scores(confidence, population, prior)
}

fn scores(confidence: &[f64], population: &[u32], prior: impl Fn(usize) -> f64) -> Vec<f64> {
    let ratio = |i: usize| confidence[i].max(LEAST) / prior(i).max(LEAST);
    let mut others: Vec<f64> = population.iter().map(|&z| ratio(z as usize)).collect();
    others.sort_unstable_by(f64::total_cmp);
    let score = |i: usize| {
        // `max` would turn the NaN of a record without models into a number.
        if prior(i).is_nan() {
            return f64::NAN;
        }
        let ratio = ratio(i);
        others.partition_point(|&other| ratio / other >= GAMMA) as f64 / others.len() as f64
    };
    (0..confidence.len()).map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_records_by_hand() {
        let mut sums = ConfidenceSums::new(3);
        sums.add(&[true, false, false], &[0.8, 0.2, 0.5]);
        sums.add(&[false, true, false], &[0.4, 0.6, 0.5]);
        let target = [0.9, 0.4, 0.25];
        // Online: Pr = 0.6, 0.4, 0.5; ratios 1.5, 1, 0.5, against record 2's: 3, 2, 1.
        assert_eq!(online(&sums, &target, &[2]), [1.0, 1.0, 0.0]);
        assert_eq!(online(&sums, &target, &[1, 2]), [0.5, 0.5, 0.0]);
        // Offline: Pr = ½(1.33 · (0.4, 0.2, 0.5) + 0.67) = 0.601, 0.468, 0.6675; ratios 1.498, 0.855, 0.375.
        assert_eq!(offline(&sums, &target, &[1, 2]), [0.5, 0.5, 0.0]);
    }

    #[test]
    fn no_confidence_at_all_is_still_a_number() {
        let mut sums = ConfidenceSums::new(2);
        sums.add(&[true, false], &[0.0, 0.0]);
        assert_eq!(online(&sums, &[0.0, 0.0], &[1]), [0.0, 0.0]);
        assert!(offline(&sums, &[0.0, 0.0], &[1])[0].is_nan());
    }
}
