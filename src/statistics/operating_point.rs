//! The interval of TPR at a given FPR, whose threshold is itself estimated.
//!
//! Not the rate ([`Roc::tpr_at_fpr`]), nor the interval of a rate at a threshold that is given
//! ([`super::intervals::clopper_pearson`]).
//!
//! Two things are uncertain. Where the threshold of FPR α truly lies: of N non-members Binomial(N, α) score
//! above it, whatever their distribution, so limits of that count are limits of its rank among them. And the
//! share of members above a threshold: of M members that is a proportion. They are independent, so the ends
//! are the extremes over [`ellipse`]: each point of it gives a rank, and there an exact limit of the
//! proportion. Records of one score are ranked by lot: of them the mean number stands, rounded outward.
//!
//! A percentile bootstrap, with the threshold chosen again each time, has no width at a TPR of 0 or 1, and
//! covers 0.2% to 71% with 100 members at TPR 0.01 or 0.9999; adding squared distances of the two limits
//! falls to 86% where scores are tied, for there the rate jumps.

use super::ellipse;
use super::intervals::{TAIL, lower_limit, upper_limit};
use super::quantiles::binomial_quantile;
use super::roc::Roc;

/// The 95% interval of [`Roc::tpr_at_fpr`] at `alpha`; `None` where that is.
pub fn tpr_at_fpr(roc: &Roc, alpha: f64) -> Option<[f64; 2]> {
    roc.tpr_at_fpr(alpha)?;
    Some(interval(roc, alpha))
}

/// The 95% interval of the largest TPR at an FPR of at most `alpha`, also where few non-members resolve it:
/// it is then wide.
pub fn interval(roc: &Roc, alpha: f64) -> [f64; 2] {
    let (members, nonmembers) = (roc.members(), roc.nonmembers());
    // No binomial: of N non-members surely none, or all, are above the threshold.
    if alpha <= 0.0 {
        return [0.0, upper_limit(roc.members_around(0)[0] as usize, members, TAIL)];
    }
    if alpha >= 1.0 {
        return [lower_limit(members, members, TAIL), 1.0];
    }
    let estimated = roc.false_positives_allowed(alpha);
    let (mut low, mut high) = (1.0f64, 0.0f64);
    for (of_threshold, of_rate) in ellipse::tails(TAIL) {
        // With k non-members above the true threshold it lies between those of ranks k − 1 and k.
        let fewest = binomial_quantile(nonmembers, alpha, of_threshold).min(estimated);
        let most = binomial_quantile(nonmembers, alpha, 1.0 - of_threshold).max(estimated);
        let surely = if fewest == 0 { 0 } else { roc.members_around(fewest - 1)[0].floor() as usize };
        let perhaps = if most >= nonmembers { members } else { roc.members_around(most)[1].ceil() as usize };
        low = low.min(lower_limit(surely, members, of_rate));
        high = high.max(upper_limit(perhaps, members, of_rate));
    }
    [low, high]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, normal, stream};
    use crate::statistics::quantiles::{normal_critical, normal_tail};

    /// Members N(shift, 1), others N(0, 1), rounded to multiples of `step` where it is not 0: a curve, and
    /// the true TPR at `alpha`.
    fn sample(m: usize, n: usize, alpha: f64, shift: f64, step: f64, seed: u64) -> (Roc, f64) {
        let mut rng = stream(seed, Stream::Audit);
        let round = |x: f64| if step > 0.0 { (x / step).round() * step } else { x };
        let mut draw =
            |n: usize, shift: f64| -> Vec<f64> { (0..n).map(|_| round(normal(&mut rng) + shift)).collect() };
        let roc = Roc::new(&draw(m, shift), &draw(n, 0.0)).unwrap();
        let truth = match step > 0.0 {
            false => normal_tail(normal_critical(alpha) - shift),
            // The straight line between the levels on either side of it.
            true => (-100..100)
                .map(|level| (f64::from(level) - 0.5) * step)
                .map(|t| {
                    [
                        (normal_tail(t + step), normal_tail(t + step - shift)),
                        (normal_tail(t), normal_tail(t - shift)),
                    ]
                })
                .find(|[strict, lenient]| strict.0 <= alpha && alpha < lenient.0)
                .map(|[a, b]| a.1 + (alpha - a.0) / (b.0 - a.0) * (b.1 - a.1))
                .expect("levels on both sides of it"),
        };
        (roc, truth)
    }

    #[test]
    fn it_covers_with_many_and_few_members_and_ties() {
        // A perfect attack, one that is worth nothing, ties that the threshold cuts through.
        for (m, n, alpha, shift, step) in [
            (1000, 1000, 0.01, 2.5, 0.0),
            (1000, 1000, 0.01, 2.5, 0.5),
            (1000, 1000, 0.01, 1.5, 2.0 / 3.0),
            (1000, 1000, 0.01, 2.5, 2.0),
            (100, 2000, 0.01, 0.0, 2.0),
            (100, 1000, 0.01, 0.0, 0.0),
            (100, 1000, 0.01, 6.0, 0.0),
            (10, 1000, 0.01, 1.5, 0.0),
        ] {
            let runs = 300;
            let mut covered = 0;
            for seed in 0..runs {
                let (roc, truth) = sample(m, n, alpha, shift, step, seed);
                let [low, high] = tpr_at_fpr(&roc, alpha).unwrap();
                assert!(low < high && 0.0 <= low && high <= 1.0);
                let rate = roc.tpr_at_fpr(alpha).unwrap();
                assert!(low <= rate && rate <= high, "{rate} in [{low}, {high}]");
                covered += usize::from(low <= truth && truth <= high);
            }
            // 95% of 300 less three standard errors.
            assert!(covered >= 273, "{m} of {n}, {shift}, {step}: {covered} of {runs}");
        }
    }

    #[test]
    fn none_where_the_rate_is_not_resolvable_and_wide_where_asked_all_the_same() {
        let (roc, _) = sample(50, 900, 0.01, 1.0, 0.0, 1);
        assert_eq!(tpr_at_fpr(&roc, 0.01), None);
        let [low, high] = interval(&roc, 0.01);
        assert!(high - low > 0.1, "[{low}, {high}]");
        let ([low, _], [_, high]) = (interval(&roc, 0.0), interval(&roc, 1.0));
        assert_eq!((low, high), (0.0, 1.0));
    }
}
