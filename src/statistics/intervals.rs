//! 95% intervals in closed form: proportions, balanced accuracy, AUC, a mean over seeds.
//!
//! Not the interval of TPR at a given FPR, whose threshold is itself estimated: that is
//! [`super::bootstrap`]'s. An interval is `[low, high]`.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;

use super::roc::Roc;

/// What each tail of a 95% interval holds.
const TAIL: f64 = 0.025;

/// The standard normal's 97.5% quantile.
const Z: f64 = 1.959_963_984_540_054;

/// The exact 95% interval of a proportion after `successes` of `trials` (Clopper & Pearson 1934):
/// the proportions that a two-sided 5% binomial test does not reject. It covers at least 95% at
/// every size. \[0, 1\] for no trial at all.
pub fn clopper_pearson(successes: usize, trials: usize) -> [f64; 2] {
    debug_assert!(successes <= trials);
    [lower_limit(successes, trials, TAIL), upper_limit(successes, trials, TAIL)]
}

/// The exact lower limit of a proportion after `successes` of `trials`, which lies above it in at most the
/// share `tail` of cases; 0 for no success.
pub fn lower_limit(successes: usize, trials: usize, tail: f64) -> f64 {
    // The binomial tail as a beta quantile: P(X ≥ k; p) = I_p(k, n − k + 1).
    let (k, failures) = (successes as f64, (trials - successes) as f64);
    if successes == 0 { 0.0 } else { beta_quantile(k, failures + 1.0, tail) }
}

/// The exact upper limit, likewise; 1 for no failure.
pub fn upper_limit(successes: usize, trials: usize, tail: f64) -> f64 {
    let (k, failures) = (successes as f64, (trials - successes) as f64);
    if successes == trials { 1.0 } else { beta_quantile(k + 1.0, failures, 1.0 - tail) }
}

/// The x with I_x(a, b) = p. Bisection: statrs's own inverse starts Newton's method from a clamped
/// guess and is off by 4e-10 at 3 of 500,000; 64 halvings cost microseconds and cannot stray.
fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if beta_reg(a, b, middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The 95% interval of accuracy ½(TPR + TNR), from `accepted` of `members` called members and
/// `rejected` of `nonmembers` called non-members.
///
/// Each rate gets its Clopper–Pearson interval; their distances from the rates are squared and
/// added (Zou & Donner 2008, "Construction of confidence limits about effect measures", the rule of
/// Newcombe's 1998 score interval for two proportions): low = a − ½√((t − l₁)² + (u − l₂)²), high
/// likewise. Averaging the ends instead would cover 99.4%, as if both rates always erred together.
/// Where a rate is 0 or 1 its own distance on that side is 0, so the ends stay in \[0, 1\].
pub fn balanced_accuracy(accepted: usize, members: usize, rejected: usize, nonmembers: usize) -> [f64; 2] {
    let rate = |part: usize, of: usize| if of == 0 { 0.5 } else { part as f64 / of as f64 };
    let (tpr, tnr) = (rate(accepted, members), rate(rejected, nonmembers));
    let (a, b) = (clopper_pearson(accepted, members), clopper_pearson(rejected, nonmembers));
    let accuracy = 0.5 * (tpr + tnr);
    let half_width = |side: usize| 0.5 * (tpr - a[side]).hypot(tnr - b[side]);
    [accuracy - half_width(0), accuracy + half_width(1)]
}

/// The 95% interval of the area under `roc`: normal, with DeLong's variance, cut to \[0, 1\]. Of no
/// width where the groups do not overlap at all; \[0, 1\] where a group has one record only.
pub fn auc(roc: &Roc) -> [f64; 2] {
    let half_width = Z * roc.auc_variance().sqrt();
    if half_width.is_nan() {
        return [0.0, 1.0];
    }
    [(roc.auc() - half_width).max(0.0), (roc.auc() + half_width).min(1.0)]
}

/// The mean of `values`, one a seed, and its 95% interval: mean ± t(n − 1) · s / √n, with s the
/// sample's standard deviation and t Student's 97.5% quantile. Not cut to any range. The mean is
/// `None` without a value, the interval below two.
pub fn over_seeds(values: &[f64]) -> (Option<f64>, Option<[f64; 2]>) {
    if values.is_empty() {
        return (None, None);
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    // `new` refuses no freedom at all, which is exactly the case without an interval.
    let interval = StudentsT::new(0.0, 1.0, n - 1.0).ok().map(|student| {
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let half_width = student.inverse_cdf(1.0 - TAIL) * (variance / n).sqrt();
        [mean - half_width, mean + half_width]
    });
    (Some(mean), interval)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_accuracy_interval_covers_about_what_it_says() {
        let n = 25;
        let pairs: Vec<[f64; 2]> =
            (0..=n).flat_map(|a| (0..=n).map(move |b| balanced_accuracy(a, n, b, n))).collect();
        let mut mean = 0.0;
        let grid: Vec<f64> = (1..20).map(|p| f64::from(p) / 20.0).collect();
        for &tpr in &grid {
            for &tnr in &grid {
                let (a, b) = (binomial_weights(n, tpr), binomial_weights(n, tnr));
                let accuracy = 0.5 * (tpr + tnr);
                let covered = |k: usize| pairs[k][0] <= accuracy && accuracy <= pairs[k][1];
                let coverage: f64 =
                    (0..pairs.len()).filter(|&k| covered(k)).map(|k| a[k / (n + 1)] * b[k % (n + 1)]).sum();
                assert!(coverage >= 0.95, "TPR {tpr}, TNR {tnr}: {coverage}");
                mean += coverage / (grid.len() * grid.len()) as f64;
            }
        }
        assert!(mean < 0.985, "needlessly wide: covers {mean}");
    }

    #[test]
    fn the_accuracy_interval_stays_within_bounds() {
        assert_eq!(balanced_accuracy(30, 30, 30, 30)[1], 1.0);
        assert_eq!(balanced_accuracy(0, 30, 0, 30)[0], 0.0);
        assert_eq!(
            balanced_accuracy(0, 0, 0, 0),
            [0.5 - 0.5f64.hypot(0.5) / 2.0, 0.5 + 0.5f64.hypot(0.5) / 2.0]
        );
    }

    #[test]
    fn the_area_interval_by_hand() {
        // Area ¾, variance 1/48 + 1/16 = 1/12 (the case of the ROC's own test).
        let roc = Roc::new(&[0.9, 0.8, 0.4], &[0.8, 0.3]).unwrap();
        close(auc(&roc), [0.75 - 1.959963984540054 / 12f64.sqrt(), 1.0], 1e-12);
        assert_eq!(auc(&Roc::new(&[1.0], &[0.0, 0.5]).unwrap()), [0.0, 1.0]);
        assert_eq!(auc(&Roc::new(&[1.0, 2.0], &[0.0, 0.5]).unwrap()), [1.0, 1.0]);
    }

    #[test]
    fn three_seeds_by_the_t_table() {
        // s = 1, t(2; 0.975) = 4.302653: 2 ± 4.302653 / √3.
        let (mean, interval) = over_seeds(&[1.0, 2.0, 3.0]);
        assert_eq!(mean, Some(2.0));
        let half_width = 4.302_652_729_696_142 / 3f64.sqrt();
        close(interval.unwrap(), [2.0 - half_width, 2.0 + half_width], 1e-10);
        assert_eq!(over_seeds(&[0.7]), (Some(0.7), None));
        assert_eq!(over_seeds(&[]), (None, None));
    }
}
