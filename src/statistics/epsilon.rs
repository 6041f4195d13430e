//! A lower bound on ε from an attack's success: what a privacy claim cannot be better than.
//!
//! Not a proof of privacy: a small bound may only mean a weak attack, or few records.
//!
//! Were training (ε, δ)-differentially private, every attack on one record would have TPR ≤ e^ε · FPR + δ and
//! TNR ≤ e^ε · FNR + δ (Kairouz, Oh and Viswanath 2015, "The composition theorem for differential privacy").
//! So ε ≥ ln((TPR − δ) / FPR) and ε ≥ ln((TNR − δ) / FNR), with bounds on the rates in their places that hold
//! together with 95% confidence (Jagielski, Ullman and Oprea 2020, "Auditing differentially private machine
//! learning"; Nasr et al. 2021, "Adversary instantiation").

use super::intervals::{TAIL, lower_limit, upper_limit};
use super::roc::Roc;

/// The bound at confidence 95%, 0 or more. The threshold, which of the two inequalities is used, and whether
/// members are where scores are high or low, are chosen on the known half, so that the scored half's
/// confidence needs no correction for the choice, nor for a direction that all records gave the score
/// ([`super::thresholds::oriented`]).
pub fn lower_bound(known: &Roc, scored: &Roc, delta: f64) -> f64 {
    let mut best = (f64::NEG_INFINITY, 0.0, 0);
    for (threshold, accepted, accused) in known.thinned() {
        for (claim, counts) in claims(known, accepted, accused).into_iter().enumerate() {
            let value = promise(counts, delta);
            if value > best.0 {
                best = (value, threshold, claim);
            }
        }
    }
    let (_, threshold, claim) = best;
    let (accepted, accused) = scored.accepted(threshold);
    bound(claims(scored, accepted, accused)[claim], delta).max(0.0)
}

/// What a threshold lets one claim, each as \[right, of, wrong, among\]: "member" where the score is high,
/// "not a member" where it is low, and the same of a score whose members have the lower ones.
fn claims(roc: &Roc, accepted: usize, accused: usize) -> [[usize; 4]; 4] {
    let (m, n) = (roc.members(), roc.nonmembers());
    let (missed, rejected) = (m - accepted, n - accused);
    [[accepted, m, accused, n], [rejected, n, missed, m], [missed, m, rejected, n], [accused, n, accepted, m]]
}

/// ln((low(right / of) − δ) / high(wrong / among)); −∞ where the numerator is not positive.
fn bound([right, of, wrong, among]: [usize; 4], delta: f64) -> f64 {
    // One end of each 95% interval errs in 2.5% of cases: both hold in 95%.
    let (low, high) = (lower_limit(right, of, TAIL), upper_limit(wrong, among, TAIL));
    if low > delta { ((low - delta) / high).ln() } else { f64::NEG_INFINITY }
}

/// About [`bound`], from Wilson's score intervals (1927), which cost no quantile of a beta distribution: good
/// enough to choose by.
fn promise([right, of, wrong, among]: [usize; 4], delta: f64) -> f64 {
    const Z: f64 = 1.96;
    let end = |part: usize, of: usize, sign: f64| {
        let (p, n) = (part as f64 / of as f64, of as f64);
        let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        (p + Z * Z / (2.0 * n) + sign * spread) / (1.0 + Z * Z / n)
    };
    ((end(right, of, -1.0) - delta).max(0.0) / end(wrong, among, 1.0)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, normal, stream, uniform};

    /// The curves of the known and of the scored half.
    fn halves(mut draw: impl FnMut(bool) -> f64, n: usize) -> [Roc; 2] {
        let mut many = |member| (0..n).map(|_| draw(member)).collect::<Vec<f64>>();
        [(); 2].map(|()| Roc::new(&many(true), &many(false)).unwrap())
    }

    fn lower_bound([known, scored]: &[Roc; 2], delta: f64) -> f64 {
        super::lower_bound(known, scored, delta)
    }

    #[test]
    fn a_perfect_attack_shows_what_its_records_can() {
        let perfect = halves(|member| f64::from(u8::from(member)), 1000);
        // No error in 1,000: the one-sided bounds are 0.025^(1/1000) and its complement.
        let low = 0.025f64.powf(1e-3);
        let expected = ((low - 1e-5) / (1.0 - low)).ln();
        assert!((lower_bound(&perfect, 1e-5) - expected).abs() < 1e-9);
        assert!(lower_bound(&perfect, 0.5) < expected);
    }

    /// Randomised response is ε-private and its own best attack: the bound may exceed ε in 5% of audits.
    #[test]
    fn the_bound_holds_as_often_as_it_says() {
        for (epsilon, least) in [(0.0f64, 0.0), (1.0, 0.75), (3.0, 2.4)] {
            let truth = epsilon.exp() / (1.0 + epsilon.exp());
            let runs = 300;
            let (mut broken, mut sum) = (0, 0.0);
            for seed in 0..runs {
                let mut rng = stream(seed, Stream::Audit);
                let audit = halves(|member| f64::from(u8::from(member == (uniform(&mut rng) < truth))), 1000);
                let found = lower_bound(&audit, 0.0);
                broken += usize::from(found > epsilon);
                sum += found / runs as f64;
            }
            // 5% of 300 are 15; the standard deviation is 4.
            assert!(broken <= 27, "ε {epsilon}: {broken} of {runs} bounds are above it");
            assert!(sum >= least, "ε {epsilon}: the bounds' mean is {sum}");
        }
    }

    #[test]
    fn either_tail_may_give_it_away() {
        let mut rng = stream(3, Stream::Audit);
        // Members never score low: a record below 0 is none.
        let mut draw = |member: bool| {
            let x = normal(&mut rng);
            if member { x.abs() } else { x }
        };
        let audit = halves(&mut draw, 2000);
        assert!(lower_bound(&audit, 1e-5) > 4.0);
    }

    #[test]
    fn the_direction_of_a_score_does_not_matter() {
        let bounds = [1.0, -1.0].map(|sign| {
            let mut rng = stream(4, Stream::Audit);
            let audit = halves(|member| sign * (normal(&mut rng) + if member { 1.5 } else { 0.0 }), 1000);
            lower_bound(&audit, 1e-5)
        });
        assert!(bounds[0] > 1.0 && (bounds[0] - bounds[1]).abs() < 0.2, "{bounds:?}");
    }
}
