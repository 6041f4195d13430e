//! Variances of few values each, of many records: shrunk towards each other.
//!
//! Not what they are of ([`crate::audit::shadows::moments`]) nor used for ([`super::lira`]).
//!
//! A variance of n − 1 = ν degrees of freedom is an estimate, s² ~ σ² χ²(ν) / ν, and a poor one of few models. The
//! records' true variances are taken to be scaled inverse-χ²(d₀, s₀²), and each is replaced by what is expected
//! of it given its estimate (Smyth 2004, "Linear models and empirical Bayes methods for assessing differential
//! expression in microarray experiments"):
//!
//! (d₀ s₀² + ν s²) / (d₀ + ν)
//!
//! d₀ is how many models the prior is worth. It is estimated from the records, by the mean and the variance of
//! log s²: where the records' variances differ no more than estimates of one and the same would, d₀ is ∞, and the
//! pooled variance stands for all; of many models ν is far above d₀, and each record has its own. The authors
//! of LiRA switch from pooled to own at 64 models (Carlini et al. 2022); Bayesian shrinkage in the place of this
//! switch is also what BaVarIA does (arXiv 2603.11799).

use crate::audit::shadows::moments::Moments;
use statrs::function::gamma::digamma;

/// Below this a variance is rounding: every model says the same.
const LEAST: f64 = 1e-12;

/// Estimates are taken to be at least this share of their median when d₀ is estimated: the logarithm of none at all
/// would decide alone (as Smyth's limma does).
const LEAST_SHARE: f64 = 1e-5;

/// What is presumed of a record's variance before its own values are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VariancePrior {
    /// d₀, in degrees of freedom; ∞ where all records share one variance.
    pub strength: f64,
    /// s₀²; the pooled variance where `strength` is ∞.
    pub variance: f64,
}

impl VariancePrior {
    /// By the squares of `records` about their means; `None` where no record has two values.
    pub fn estimated(records: &[Moments]) -> Option<Self> {
        let several = || records.iter().filter(|record| record.count >= 2.0);
        let freedom: f64 = several().map(|record| record.count - 1.0).sum();
        if freedom == 0.0 {
            return None;
        }
        let squares: f64 = several().map(|record| record.squares).sum();
        let pooled = VariancePrior { strength: f64::INFINITY, variance: (squares / freedom).max(LEAST) };
        // (ν, s²) of records that have a variance at all.
        let mut estimates: Vec<(f64, f64)> = several()
            .filter(|record| record.squares > 0.0)
            .map(|record| (record.count - 1.0, record.squares / (record.count - 1.0)))
            .collect();
        if estimates.len() < 2 {
            return Some(pooled);
        }
        let least = LEAST_SHARE * median(estimates.iter().map(|(_, s2)| *s2).collect());
        estimates.iter_mut().for_each(|(_, s2)| *s2 = s2.max(least));
        let n = estimates.len() as f64;
        // E log(χ²(ν) / ν) = ψ(ν/2) − log(ν/2), and its variance is ψ′(ν/2).
        let logs: Vec<f64> = estimates.iter().map(|(v, s2)| s2.ln() - expected_log(*v)).collect();
        let mean = logs.iter().sum::<f64>() / n;
        let spread = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0)
            - estimates.iter().map(|(v, _)| trigamma(v / 2.0)).sum::<f64>() / n;
        if spread <= 0.0 {
            return Some(pooled);
        }
        let strength = 2.0 * trigamma_inverse(spread);
        Some(VariancePrior { strength, variance: (mean + expected_log(strength)).exp().max(LEAST) })
    }

    /// The variance of a record with these values.
    pub fn shrunk(&self, record: &Moments) -> f64 {
        if self.strength.is_infinite() {
            return self.variance;
        }
        let freedom = (record.count - 1.0).max(0.0);
        ((self.strength * self.variance + record.squares) / (self.strength + freedom)).max(LEAST)
    }
}

/// E log(χ²(ν) / ν).
fn expected_log(v: f64) -> f64 {
    digamma(v / 2.0) - (v / 2.0).ln()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { 0.5 * (values[half - 1] + values[half]) }
}

/// ψ′(x), x > 0: by its recurrence from where its asymptotic series is exact to rounding (Abramowitz and Stegun,
/// 6.4.6 and 6.4.12).
fn trigamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 20.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    sum + 1.0 / x + y / 2.0 + y / x * (1.0 / 6.0 + y * (-1.0 / 30.0 + y * (1.0 / 42.0 - y / 30.0)))
}

/// ψ″(x), x > 0; in the same way (6.4.13).
fn tetragamma(x: f64) -> f64 {
    let (mut x, mut sum) = (x, 0.0);
    while x < 20.0 {
        sum -= 2.0 / (x * x * x);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    sum - y * (1.0 + 1.0 / x + y * (0.5 + y * (-1.0 / 6.0 + y * (1.0 / 6.0 - y * 0.3))))
}

/// The x > 0 with ψ′(x) = `y`: Newton's method on 1 / ψ′, which is nearly linear and convex, so that it comes
/// from below and never leaves (Smyth 2004, appendix).
fn trigamma_inverse(y: f64) -> f64 {
    let mut x = 0.5 + 1.0 / y;
    for _ in 0..50 {
        let found = trigamma(x);
        let step = found * (1.0 - found / y) / tetragamma(x);
        x += step;
        if step.abs() < 1e-14 * x {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, normal, stream};
    use std::f64::consts::PI;

    /// `n` values of each of `records` normal records of these deviations.
    fn drawn(deviations: &[f64], n: usize) -> Vec<Moments> {
        let mut rng = stream(4, Stream::Audit);
        let record = |deviation: &f64| {
            let mut moments = Moments::default();
            (0..n).for_each(|_| moments.add(3.0 + deviation * normal(&mut rng)));
            moments
        };
        deviations.iter().map(record).collect()
    }

    #[test]
    fn polygammas_have_their_known_values() {
        let close =
            |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-13, "{found} {expected}");
        close(trigamma(1.0), PI * PI / 6.0);
        close(trigamma(0.5), PI * PI / 2.0);
        // ψ″(1) = −2 ζ(3).
        close(tetragamma(1.0), -2.0 * 1.202_056_903_159_594_2);
        for x in [0.01, 0.3, 1.0, 7.5, 400.0] {
            close(trigamma_inverse(trigamma(x)), x);
        }
    }

    #[test]
    fn records_of_one_variance_share_it_and_others_keep_theirs() {
        let one = VariancePrior::estimated(&drawn(&[2.0; 2000], 4)).unwrap();
        assert!(one.strength > 40.0 && (one.variance - 4.0).abs() < 0.4, "{one:?}");
        let deviations: Vec<f64> = (0..2000).map(|i| if i % 2 == 0 { 0.1 } else { 10.0 }).collect();
        let records = drawn(&deviations, 32);
        let two = VariancePrior::estimated(&records).unwrap();
        assert!(two.strength < 1.0, "{two:?}");
        let ratio = two.shrunk(&records[0]) / (records[0].squares / 31.0);
        assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
    }

    #[test]
    fn a_single_value_has_the_prior_and_none_at_all_has_nothing() {
        let records = drawn(&[1.0, 2.0, 8.0, 16.0, 0.1, 0.01], 8);
        let prior = VariancePrior::estimated(&records).unwrap();
        let mut single = Moments::default();
        single.add(5.0);
        assert!((prior.shrunk(&single) / prior.variance - 1.0).abs() < 1e-15);
        assert_eq!(VariancePrior::estimated(&[single; 9]), None);
    }

    #[test]
    fn values_that_are_all_the_same_leave_a_variance_above_nothing() {
        let mut same = Moments::default();
        (0..4).for_each(|_| same.add(1.5));
        let prior = VariancePrior::estimated(&[same; 5]).unwrap();
        assert_eq!((prior.strength, prior.shrunk(&same)), (f64::INFINITY, LEAST));
    }
}
