//! The stratified bootstrap interval of TPR at a given FPR, its threshold chosen again each time.
//!
//! Not a loop over records. A resample draws N non-members and M members with replacement; all it
//! leaves behind is one number, and that number's distribution is known:
//!
//! 1. The threshold lies just above the (k + 1)-th highest of the N drawn non-members, k being the
//!    false positives allowed. Drawing a record uniformly is taking rank ⌊N·U⌋, so that non-member
//!    has rank ⌊N·U₍ₖ₊₁₎⌋, and U₍ₖ₊₁₎, an order statistic of N uniforms, is Beta(k + 1, N − k).
//! 2. Of the M drawn members those above it number Binomial(M, share of members above it).
//!
//! So a resample is one beta and one binomial draw, exactly distributed as the loop's result, at a
//! cost that does not grow with the records: sorting anew would take minutes at a million.

use rand::rngs::ChaCha8Rng;

use super::roc::Roc;
use crate::random::{Stream, normal, stream, uniform};

/// Resamples an interval is taken from.
pub const RESAMPLES: usize = 1000;

/// The 95% percentile interval `[low, high]` of [`Roc::tpr_at_fpr`] at `alpha`; `None` where that
/// is. The same seed gives the same interval. It has no width where every resample agrees, as at a
/// TPR of 0 or 1: a bootstrap cannot show what it never drew.
pub fn tpr_at_fpr(roc: &Roc, alpha: f64, seed: u64) -> Option<[f64; 2]> {
    roc.tpr_at_fpr(alpha)?;
    let mut rng = stream(seed, Stream::Bootstrap);
    let allowed = roc.false_positives_allowed(alpha);
    let mut rates: Vec<f64> = (0..RESAMPLES).map(|_| resample(roc, allowed, &mut rng)).collect();
    rates.sort_unstable_by(f64::total_cmp);
    Some([quantile(&rates, 0.025), quantile(&rates, 0.975)])
}

/// TPR on one resample, where at most `allowed` < N non-members may be accepted.
fn resample(roc: &Roc, allowed: usize, rng: &mut ChaCha8Rng) -> f64 {
    let (members, nonmembers) = (roc.members(), roc.nonmembers());
    let position = order_statistic(rng, allowed + 1, nonmembers);
    let rank = ((position * nonmembers as f64) as usize).min(nonmembers - 1);
    let share = roc.members_above_nonmember(rank) as f64 / members as f64;
    binomial(rng, members, share) as f64 / members as f64
}

/// The quantile of sorted values, linear between neighbors (Hyndman & Fan's type 7).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
    below + position.fract() * (above - below)
}

/// The `i`-th smallest of `n` uniforms, 1 ≤ i ≤ n: Beta(i, n + 1 − i), as a ratio of gammas.
fn order_statistic(rng: &mut ChaCha8Rng, i: usize, n: usize) -> f64 {
    let (low, high) = (gamma(rng, i as f64), gamma(rng, (n + 1 - i) as f64));
    low / (low + high)
}

/// Gamma with shape ≥ 1 and scale 1, by rejection (Marsaglia & Tsang 2000, "A simple method for
/// generating gamma variables").
fn gamma(rng: &mut ChaCha8Rng, shape: f64) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform(rng).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// How many of `n` uniforms fall below `p`, in O(log n) draws (Relles 1972, "A simple algorithm for
/// generating binomial random variables when N is large"): draw their median; on which side of `p`
/// it fell settles half of them, and the other half are uniform on what is left of the interval.
fn binomial(rng: &mut ChaCha8Rng, mut n: usize, mut p: f64) -> usize {
    if p >= 1.0 {
        return n;
    }
    let mut below = 0;
    while n > 16 {
        let i = n / 2;
        let median = order_statistic(rng, i, n);
        if median < p {
            below += i;
            n -= i;
            p = (p - median) / (1.0 - median);
        } else {
            n = i - 1;
            p /= median;
        }
    }
    below + (0..n).filter(|_| uniform(rng) < p).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::below;

    fn rng() -> ChaCha8Rng {
        stream(11, Stream::Audit)
    }

    fn mean_and_variance(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0))
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut rng = rng();
        let draws = 20_000;
        // Five standard errors of the mean; 10% of the variance is ten of its own.
        let mut check =
            |name: &str, mean: f64, variance: f64, draw: &mut dyn FnMut(&mut ChaCha8Rng) -> f64| {
                let values: Vec<f64> = (0..draws).map(|_| draw(&mut rng)).collect();
                let (m, v) = mean_and_variance(&values);
                assert!(
                    (m - mean).abs() < 5.0 * (variance / f64::from(draws)).sqrt(),
                    "{name}: mean {m}, not {mean}"
                );
                assert!((v / variance - 1.0).abs() < 0.1, "{name}: variance {v}, not {variance}");
            };
        for shape in [1.0, 2.0, 500.0] {
            check("gamma", shape, shape, &mut |rng| gamma(rng, shape));
        }
        for (i, n) in [(1, 1), (11, 1000), (500, 1000)] {
            // Beta(a, b): a / s, ab / s²(s + 1), with s = a + b = n + 1.
            let (a, s) = (i as f64, n as f64 + 1.0);
            let variance = a * (s - a) / (s * s * (s + 1.0));
            check("order statistic", a / s, variance, &mut |rng| order_statistic(rng, i, n));
        }
        for (n, p) in [(10, 0.3), (17, 0.5), (1000, 0.01), (1_000_000, 0.25), (999, 0.999)] {
            check("binomial", n as f64 * p, n as f64 * p * (1.0 - p), &mut |rng| binomial(rng, n, p) as f64);
        }
        assert_eq!((binomial(&mut rng, 1000, 0.0), binomial(&mut rng, 1000, 1.0)), (0, 1000));
    }

    /// Chi-square against the exact probabilities, on both sides of the recursion's small case.
    #[test]
    fn binomial_draws_follow_the_binomial() {
        let mut rng = rng();
        let (n, p, draws) = (40usize, 0.2, 40_000);
        let mut seen = vec![0.0; n + 1];
        (0..draws).for_each(|_| seen[binomial(&mut rng, n, p)] += 1.0);
        let (mut weight, mut chi2, mut cells) = ((1.0f64 - p).powi(40), 0.0, 0);
        for (k, count) in seen.iter().enumerate() {
            let expected = weight * f64::from(draws);
            if expected > 10.0 {
                chi2 += (count - expected).powi(2) / expected;
                cells += 1;
            }
            weight *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        }
        assert!(cells > 12 && chi2 < 45.0, "χ² = {chi2} over {cells} cells"); // p-value 1e-4 at 15
    }

    /// The loop that the module replaces.
    fn literal(members: &[f64], nonmembers: &[f64], alpha: f64, resamples: usize) -> Vec<f64> {
        let mut rng = stream(5, Stream::Audit);
        let mut draw = |from: &[f64]| -> Vec<f64> {
            from.iter().map(|_| from[below(&mut rng, from.len() as u32) as usize]).collect()
        };
        let mut rates: Vec<f64> = (0..resamples)
            .map(|_| Roc::new(&draw(members), &draw(nonmembers)).unwrap().tpr_at_fpr(alpha).unwrap())
            .collect();
        rates.sort_unstable_by(f64::total_cmp);
        rates
    }

    #[test]
    fn a_resample_is_distributed_as_one_drawn_record_by_record() {
        let mut rng = rng();
        // Rounded, so that blocks of ties are cut through by the threshold.
        let mut sample = |n: usize, shift: f64| -> Vec<f64> {
            (0..n).map(|_| ((normal(&mut rng) + shift) * 20.0).round()).collect()
        };
        let (members, nonmembers) = (sample(400, 1.5), sample(1000, 0.0));
        let expected = literal(&members, &nonmembers, 0.01, 6000);
        let roc = Roc::new(&members, &nonmembers).unwrap();
        let mut found: Vec<f64> = (0..6000).map(|_| resample(&roc, 10, &mut rng)).collect();
        found.sort_unstable_by(f64::total_cmp);
        let ((m, v), (mean, variance)) = (mean_and_variance(&found), mean_and_variance(&expected));
        assert!(variance > 0.001, "the case has no spread to compare: {variance}");
        // Five standard errors of a difference of two means; a rank too few or many is off by 0.01.
        assert!(
            (m - mean).abs() < 5.0 * (2.0 * variance / 6000.0).sqrt(),
            "mean {m}, record by record {mean}"
        );
        assert!((v / variance - 1.0).abs() < 0.15, "variance {v}, record by record {variance}");
        for p in [0.025, 0.25, 0.5, 0.75, 0.975] {
            let (f, e) = (quantile(&found, p), quantile(&expected, p));
            assert!((f - e).abs() < 0.012, "quantile {p}: {f}, record by record {e}");
        }
    }

    #[test]
    fn one_seed_one_interval_and_none_where_not_resolvable() {
        let members: Vec<f64> = (0..500).map(|i| f64::from(i) + 600.0).collect();
        let nonmembers: Vec<f64> = (0..1000).map(f64::from).collect();
        let roc = Roc::new(&members, &nonmembers).unwrap();
        assert_eq!(tpr_at_fpr(&roc, 0.01, 1), tpr_at_fpr(&roc, 0.01, 1));
        assert_ne!(tpr_at_fpr(&roc, 0.01, 1), tpr_at_fpr(&roc, 0.01, 2));
        assert_eq!(tpr_at_fpr(&roc, 0.001, 1), None);
        let [low, high] = tpr_at_fpr(&roc, 0.01, 1).unwrap();
        let rate = roc.tpr_at_fpr(0.01).unwrap();
        assert!(low < rate && rate < high);
    }
}
