//! Intervals in closed form: proportions, balanced accuracy, precision, AUC, a mean over seeds.
//!
//! Not the interval of TPR at a given FPR, whose threshold is itself estimated: that is
//! [`super::operating_point`]'s. An interval is `[low, high]`. Each has a form for 95%, and one ending in
//! `_at` for any `tail` beyond each end, for numbers that were chosen among several
//! ([`super::simultaneous`]).

use super::ellipse;
use super::paired::Pairs;
use super::quantiles::{beta_quantile, student_critical};
use super::roc::Roc;

/// What each tail of a 95% interval holds.
pub const TAIL: f64 = 0.025;

/// The exact 95% interval of a proportion after `successes` of `trials` (Clopper & Pearson 1934):
/// the proportions that a two-sided 5% binomial test does not reject. It covers at least 95% at
/// every size. \[0, 1\] for no trial at all.
pub fn clopper_pearson(successes: usize, trials: usize) -> [f64; 2] {
    [lower_limit(successes, trials, TAIL), upper_limit(successes, trials, TAIL)]
}

/// The lower end of [`clopper_pearson`] with `tail` below it.
pub fn lower_limit(successes: usize, trials: usize, tail: f64) -> f64 {
    debug_assert!(successes <= trials);
    // The binomial tail as a beta quantile: P(X ≥ k; p) = I_p(k, n − k + 1).
    match successes {
        0 => 0.0,
        k => beta_quantile(k as f64, (trials - k) as f64 + 1.0, tail),
    }
}

/// The upper end of [`clopper_pearson`] with `tail` above it.
pub fn upper_limit(successes: usize, trials: usize, tail: f64) -> f64 {
    // The limit of the failures from below: near 1 it keeps its digits, as 1 − that.
    1.0 - lower_limit(trials - successes, trials, tail)
}

/// The 95% interval of accuracy ½(TPR + TNR), from `accepted` of `members` called members and
/// `rejected` of `nonmembers` called non-members.
pub fn balanced_accuracy(accepted: usize, members: usize, rejected: usize, nonmembers: usize) -> [f64; 2] {
    balanced_accuracy_at(accepted, members, rejected, nonmembers, TAIL)
}

/// The same with `tail` beyond each end.
///
/// The extremes over [`ellipse`] of the rates' limits. Exact coverage is 96.7% at least for 2, 3, 5, 10 and
/// 25 records a side. Averaging the ends of the rates' own intervals instead would cover 99.4%, as if both
/// rates always erred together.
pub fn balanced_accuracy_at(
    accepted: usize,
    members: usize,
    rejected: usize,
    nonmembers: usize,
    tail: f64,
) -> [f64; 2] {
    let (mut low, mut high) = (1.0f64, 0.0f64);
    for (first, second) in ellipse::tails(tail) {
        low = low
            .min(0.5 * (lower_limit(accepted, members, first) + lower_limit(rejected, nonmembers, second)));
        high = high
            .max(0.5 * (upper_limit(accepted, members, first) + upper_limit(rejected, nonmembers, second)));
    }
    [low, high]
}

/// The 95% interval of precision, b · TPR / (b · TPR + (1 − b) · FPR) with b the `base_rate` of members,
/// after `accepted` of `members` and `accused` of `nonmembers` were called members: its extremes over
/// [`ellipse`].
pub fn precision(
    accepted: usize,
    members: usize,
    accused: usize,
    nonmembers: usize,
    base_rate: f64,
) -> [f64; 2] {
    let share = |tpr: f64, fpr: f64| base_rate * tpr / (base_rate * tpr + (1.0 - base_rate) * fpr);
    let (mut low, mut high) = (1.0f64, 0.0f64);
    for (first, second) in ellipse::tails(TAIL) {
        // It rises with TPR and falls with FPR; FPR's upper limit and TPR's are never 0.
        low = low.min(share(lower_limit(accepted, members, first), upper_limit(accused, nonmembers, second)));
        high =
            high.max(share(upper_limit(accepted, members, first), lower_limit(accused, nonmembers, second)));
    }
    [low, high]
}

/// The 95% interval of the area under `roc`.
pub fn auc(roc: &Roc) -> [f64; 2] {
    auc_at(roc, TAIL)
}

/// How many records a side the model of the variance weighs in [`auc_at`]. Measured with 0, 2, 5, 8, 10, 20
/// and equal and unequal groups of 2 to 500: below 5 the intervals at an area of 0.96 cover less than 95%,
/// above it those of scores that are far from the model.
const MODEL_RECORDS: f64 = 5.0;

/// The same with `tail` beyond each end; \[0, 1\] where a group has one record only.
///
/// The areas θ whose distance from the estimate is at most c · √(r · V(θ)): a score interval, whose variance
/// is that at the end itself and not at the estimate, so that it has width at an area of 1 and stays in \[0,
/// 1\] (Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann–Whitney statistic,
/// part 2", method 5). V is Hanley & McNeil's (1982), with both groups' sizes at their mean. Scores need not
/// follow that model: r is DeLong's variance in units of it, estimated as if `MODEL_RECORDS` records of the
/// smaller group had followed it, and c is Student's quantile with as many degrees of freedom more than
/// DeLong's variance has (Satterthwaite's, as in Brunner & Munzel 2000).
pub fn auc_at(roc: &Roc, tail: f64) -> [f64; 2] {
    let (m, n) = (roc.members() as f64, roc.nonmembers() as f64);
    if m < 2.0 || n < 2.0 {
        return [0.0, 1.0];
    }
    let area = roc.auc();
    let model = |theta: f64| hanley_mcneil(theta, m, n);
    let [of_members, of_nonmembers] = roc.auc_variance_parts();
    let variance = of_members + of_nonmembers;
    let fewest = m.min(n);
    let typical = model(area.clamp(0.5 / fewest, 1.0 - 0.5 / fewest));
    let ratio =
        (fewest * variance + MODEL_RECORDS * typical) / (fewest * model(area) + MODEL_RECORDS * typical);
    let freedom = match variance > 0.0 {
        true => variance.powi(2) / (of_members.powi(2) / (m - 1.0) + of_nonmembers.powi(2) / (n - 1.0)),
        false => fewest - 1.0,
    };
    let reach = student_critical(tail, freedom + MODEL_RECORDS);
    // The model is symmetrical, so the upper end is the lower end of the area above the curve.
    let low = |area: f64| -> f64 {
        let (mut low, mut high) = (0.0, area);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            let beyond = area - middle > reach * (ratio * model(middle)).sqrt();
            if beyond { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    [low(area), 1.0 - low(1.0 - area)]
}

/// An area under a curve and its interval, of the score in the direction that it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Directed {
    /// Of the negative score where `reversed`.
    pub auc: f64,
    /// Likewise.
    pub ends: [f64; 2],
    /// Whether members have the lower scores: the whole interval lies below ½.
    pub reversed: bool,
}

/// The area under `roc`, with `tail` beyond each end of its interval, by the negative score where all of the interval
/// lies below ½. It covers as often as [`auc_at`]: turned round it is its mirror image.
pub fn directed_auc(roc: &Roc, tail: f64) -> Directed {
    let ends = auc_at(roc, tail);
    match ends[1] < 0.5 {
        true => Directed { auc: 1.0 - roc.auc(), ends: mirrored(ends), reversed: true },
        false => Directed { auc: roc.auc(), ends, reversed: false },
    }
}

/// The interval of 1 − x for that of x.
pub fn mirrored([low, high]: [f64; 2]) -> [f64; 2] {
    [1.0 - high, 1.0 - low]
}

/// The variance of an area θ with m and n records whose scores are exponential, each group taken to be of
/// (m + n)/2 where one more record of it would count (Newcombe 2006, method 5).
fn hanley_mcneil(theta: f64, m: f64, n: f64) -> f64 {
    let others = 0.5 * (m + n) - 1.0;
    let pairs = others * ((1.0 - theta) / (2.0 - theta) + theta / (1.0 + theta));
    theta * (1.0 - theta) * (1.0 + pairs) / (m * n)
}

/// The mean of `values`, one a seed, and its 95% interval: mean ± t(n − 1) · s / √n, with s the
/// sample's standard deviation and t Student's 97.5% quantile. Not cut to any range. The mean is
/// `None` without a value, the interval below two, and where all are equal: what differs between seeds was
/// not seen, and an interval without width would say that nothing does.
pub fn over_seeds(values: &[f64]) -> (Option<f64>, Option<[f64; 2]>) {
    if values.is_empty() {
        return (None, None);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.iter().all(|value| *value == values[0]) {
        return (Some(values[0]), None);
    }
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half_width = student_critical(TAIL, n - 1.0) * (variance / n).sqrt();
    (Some(mean), Some([mean - half_width, mean + half_width]))
}

/// The 95% interval of the mean of independent proportions, of (successes, trials) each, trials at least 1: the
/// shares of several classes, say.
///
/// Exact limits of each, their distances from the estimates added in squares (Newcombe 1998, Zou and Donner 2008).
/// With Wilson's limits 92.3% of the means of shares of 0.98, 0.9 and 1 of 10 are covered. \[0, 1\] of none.
pub fn mean_of_proportions(parts: &[(usize, usize)]) -> [f64; 2] {
    let (mut mean, mut below, mut above) = (0.0, 0.0, 0.0);
    for &(successes, trials) in parts {
        let p = successes as f64 / trials as f64;
        let [low, high] = clopper_pearson(successes, trials);
        mean += p;
        below += (p - low).powi(2);
        above += (high - p).powi(2);
    }
    match parts.len() as f64 {
        0.0 => [0.0, 1.0],
        parts => {
            [((mean - below.sqrt()) / parts).clamp(0.0, 1.0), ((mean + above.sqrt()) / parts).clamp(0.0, 1.0)]
        }
    }
}

/// The 95% interval of how much more often one rule is right than another on the same records.
///
/// The difference of two shares, of records where one rule alone is right: exact limits of each, their distances
/// from the estimates added in squares with the shares' correlation, which is negative (Newcombe 1998's method for
/// paired proportions). Wald's interval, with half a record added to each cell, covers 86.8% at 2 and 0 of 100.
/// \[−1, 1\] of no record.
pub fn paired_difference(pairs: &Pairs) -> [f64; 2] {
    if pairs.records == 0 {
        return [-1.0, 1.0];
    }
    let share = |count: usize| (count as f64 / pairs.records as f64, clopper_pearson(count, pairs.records));
    let (first, [first_low, first_high]) = share(pairs.first_alone);
    let (second, [second_low, second_high]) = share(pairs.second_alone);
    let spread = (first * (1.0 - first) * second * (1.0 - second)).sqrt();
    let correlation = if spread > 0.0 { first * second / spread } else { 0.0 };
    let reach = |a: f64, b: f64| (a * a + b * b + 2.0 * correlation * a * b).sqrt();
    let difference = first - second;
    [
        (difference - reach(first - first_low, second_high - second)).max(-1.0),
        (difference + reach(first_high - first, second - second_low)).min(1.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, stream, uniform};

    fn close(found: [f64; 2], expected: [f64; 2], tolerance: f64) {
        for side in 0..2 {
            assert!(
                (found[side] - expected[side]).abs() <= tolerance,
                "found {found:?}, expected {expected:?}"
            );
        }
    }

    /// P(X = k) of a binomial, by its recurrence.
    fn binomial_weights(n: usize, p: f64) -> Vec<f64> {
        let mut weights = vec![(1.0 - p).powi(n as i32)];
        for k in 0..n {
            weights.push(weights[k] * (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p));
        }
        weights
    }

    #[test]
    fn clopper_pearson_as_published() {
        // Closed forms at the ends: 1 − 0.025^(1/n).
        close(clopper_pearson(0, 20), [0.0, 1.0 - 0.025f64.powf(0.05)], 1e-14);
        close(clopper_pearson(20, 20), [0.025f64.powf(0.05), 1.0], 1e-14);
        // Newcombe 1998, Statistics in Medicine 17:857, table I, method 5.
        close(clopper_pearson(81, 263), [0.2527, 0.3676], 5e-5);
        close(clopper_pearson(15, 148), [0.0578, 0.1617], 5e-5);
        close(clopper_pearson(1, 29), [0.0009, 0.1776], 5e-5);
        assert_eq!(clopper_pearson(0, 0), [0.0, 1.0]);
    }

    #[test]
    fn clopper_pearson_never_covers_less_than_it_says() {
        for n in [5, 30] {
            for p in (1..100).map(|p| f64::from(p) / 100.0) {
                let covers = |k: usize| {
                    let [low, high] = clopper_pearson(k, n);
                    low <= p && p <= high
                };
                let coverage: f64 = (0..=n).filter(|&k| covers(k)).map(|k| binomial_weights(n, p)[k]).sum();
                assert!(coverage >= 0.95, "n = {n}, p = {p}: {coverage}");
            }
        }
    }

    /// Exact coverage, by enumeration of both binomials.
    #[test]
    fn the_accuracy_interval_covers_at_every_size() {
        for (n, widest) in [(2, 1.0), (5, 1.0), (25, 0.985)] {
            let pairs: Vec<[f64; 2]> =
                (0..=n).flat_map(|a| (0..=n).map(move |b| balanced_accuracy(a, n, b, n))).collect();
            let mut mean = 0.0;
            let grid: Vec<f64> = (1..20).map(|p| f64::from(p) / 20.0).collect();
            for &tpr in &grid {
                for &tnr in &grid {
                    let (a, b) = (binomial_weights(n, tpr), binomial_weights(n, tnr));
                    let accuracy = 0.5 * (tpr + tnr);
                    let covered = |k: usize| pairs[k][0] <= accuracy && accuracy <= pairs[k][1];
                    let weight = |k: usize| a[k / (n + 1)] * b[k % (n + 1)];
                    let coverage: f64 = (0..pairs.len()).filter(|&k| covered(k)).map(weight).sum();
                    assert!(coverage >= 0.965, "n = {n}, TPR {tpr}, TNR {tnr}: {coverage}");
                    mean += coverage / (grid.len() * grid.len()) as f64;
                }
            }
            assert!(mean < widest, "n = {n}, needlessly wide: covers {mean}");
        }
    }

    #[test]
    fn the_accuracy_interval_stays_within_bounds() {
        assert_eq!(balanced_accuracy(30, 30, 30, 30)[1], 1.0);
        assert_eq!(balanced_accuracy(0, 30, 0, 30)[0], 0.0);
        assert_eq!(balanced_accuracy(0, 0, 0, 0), [0.0, 1.0]);
    }

    #[test]
    fn the_area_interval_has_width_at_every_size() {
        for n in [2, 3, 10, 1000] {
            let (high, low) = (vec![1.0; n], vec![0.0; n]);
            let [from, to] = auc(&Roc::new(&high, &low).unwrap());
            assert!(0.0 < from && from < 1.0 && to == 1.0, "{n}: [{from}, {to}]");
            // The other way round: mirrored.
            let mirrored = auc(&Roc::new(&low, &high).unwrap());
            close(mirrored, [1.0 - to, 1.0 - from], 1e-15);
        }
        assert_eq!(auc(&Roc::new(&[1.0], &[0.0, 0.5]).unwrap()), [0.0, 1.0]);
    }

    #[test]
    fn the_area_interval_of_many_records_is_delongs() {
        let grid = |n: u32, shift: f64| -> Vec<f64> {
            (0..n).map(|i| (f64::from(i) * 0.618_034).fract() * 2.0 + shift).collect()
        };
        // Uniform scores, members 0.3 higher: far from the model of exponential ones.
        let roc = Roc::new(&grid(20_000, 0.3), &grid(30_000, 0.0)).unwrap();
        let half_width = 1.959_964 * roc.auc_variance_parts().iter().sum::<f64>().sqrt();
        let [low, high] = auc(&roc);
        assert!((0.5 * (high - low) / half_width - 1.0).abs() < 2e-3, "[{low}, {high}] ± {half_width}");
        // Twice the distance for a tail of Φ(−2 · 1.96).
        let [far, _] = auc_at(&roc, 4.43e-5);
        assert!(((roc.auc() - far) / (roc.auc() - low) - 2.0).abs() < 0.02);
    }

    #[test]
    fn precision_reaches_from_nothing_to_certainty_where_that_is_possible() {
        // Nobody accused wrongly of 10, all of 10 rightly: from b l / (b l + (1 − b) u) on.
        let [low, high] = precision(10, 10, 0, 10, 0.1);
        assert!(0.1 < low && low < 0.4 && high == 1.0, "[{low}, {high}]");
        let [low, high] = precision(0, 10, 3, 10, 0.1);
        assert!(low == 0.0 && 0.1 < high && high < 0.6, "[{low}, {high}]");
    }

    #[test]
    fn three_seeds_by_the_t_table() {
        // s = 1, t(2; 0.975) = 4.302653: 2 ± 4.302653 / √3.
        let (mean, interval) = over_seeds(&[1.0, 2.0, 3.0]);
        assert_eq!(mean, Some(2.0));
        let half_width = 4.302_652_729_696_142 / 3f64.sqrt();
        close(interval.unwrap(), [2.0 - half_width, 2.0 + half_width], 1e-10);
        assert_eq!(over_seeds(&[0.7]), (Some(0.7), None));
        assert_eq!(over_seeds(&[0.7, 0.7, 0.7]), (Some(0.7), None));
        assert_eq!(over_seeds(&[]), (None, None));
    }

    /// By hand: the exact limits of 8 of 10 are 0.4439045 and 0.9747893, of 1 of 4 0.0063095 and 0.8058796.
    #[test]
    fn a_mean_of_proportions_by_hand() {
        let [low, high] = mean_of_proportions(&[(8, 10), (1, 4)]);
        let below = ((0.8f64 - 0.443_904_5).powi(2) + (0.25f64 - 0.006_309_5).powi(2)).sqrt();
        let above = ((0.974_789_3f64 - 0.8).powi(2) + (0.805_879_6f64 - 0.25).powi(2)).sqrt();
        assert!((low - (0.525 - 0.5 * below)).abs() < 1e-6, "{low}");
        assert!((high - (0.525 + 0.5 * above)).abs() < 1e-6, "{high}");
        assert_eq!(mean_of_proportions(&[]), [0.0, 1.0]);
        // Of one it is that one's.
        assert!((mean_of_proportions(&[(8, 10)])[0] - 0.443_904_5).abs() < 1e-6);
    }

    #[test]
    fn means_of_proportions_and_paired_differences_cover() {
        let mut rng = stream(11, Stream::Audit);
        let mut hits = |p: f64, n: usize| (0..n).filter(|_| uniform(&mut rng) < p).count();
        for (shares, n) in [([0.5, 0.9, 0.7], 5), ([0.98, 0.9, 1.0], 10), ([0.1, 0.6, 0.8], 40)] {
            let mean = shares.iter().sum::<f64>() / 3.0;
            let covers = |_: &usize| {
                let [low, high] = mean_of_proportions(&shares.map(|p| (hits(p, n), n)));
                low <= mean && mean <= high
            };
            let covered = (0..1000).filter(covers).count();
            assert!(covered >= 930, "{covered} of 1000 at {shares:?} of {n}");
        }
        for (first, second, n) in [(0.1, 0.05, 10), (0.3, 0.3, 30), (0.02, 0.0, 100)] {
            let covers = |_: &usize| {
                let mut pairs = Pairs::default();
                for _ in 0..n {
                    let u = uniform(&mut rng);
                    pairs.add(u < first, (first..first + second).contains(&u));
                }
                let [low, high] = paired_difference(&pairs);
                low <= first - second && first - second <= high
            };
            let covered = (0..1000).filter(covers).count();
            assert!(covered >= 930, "{covered} of 1000 at {first}, {second} of {n}");
        }
    }
}
