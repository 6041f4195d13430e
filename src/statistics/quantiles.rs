//! Quantiles of the distributions that intervals are made of: normal, Student's t, beta, binomial.
//!
//! Not the intervals ([`super::intervals`]). A tail is the probability beyond an end: 0.025 for each end of a
//! 95% interval.

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;
use std::f64::consts::SQRT_2;

/// P(Z > z) of a standard normal Z. By libm, to the last bits: statrs's erfc is off by 5e-11 of the value.
pub fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// The z > 0 with P(Z > z) = `tail`, 0 < tail < ½.
pub fn normal_critical(tail: f64) -> f64 {
    let near = -Normal::standard().inverse_cdf(tail);
    // A step of Newton's method, to the last bits.
    let density = (-0.5 * near * near).exp() / (2.0 * std::f64::consts::PI).sqrt();
    near + (normal_tail(near) - tail) / density
}

/// The t > 0 with P(T > t) = `tail` for Student's T with `freedom` degrees of freedom, 0 < tail < ½.
pub fn student_critical(tail: f64, freedom: f64) -> f64 {
    // T² / (f + T²) is Beta(½, f/2).
    let share = beta_quantile(0.5, 0.5 * freedom, 1.0 - 2.0 * tail);
    (freedom * share / (1.0 - share)).sqrt()
}

/// The x with I_x(a, b) = p, as exact as statrs's I_x is.
///
/// Newton's method between two ends that enclose the root, halving where it would leave them. (statrs's own
/// inverse starts Newton's method from a clamped guess and is off by 4e-10 at 3 of 500,000.)
pub fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let log_norm = statrs::function::beta::ln_beta(a, b);
    let density = |x: f64| ((a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p() - log_norm).exp();
    let (mut low, mut high) = (0.0, 1.0);
    let mut x = a / (a + b);
    for _ in 0..200 {
        let excess = beta_reg(a, b, x) - p;
        if excess < 0.0 {
            low = x
        } else {
            high = x
        }
        let step = excess / density(x);
        let next = x - step;
        let inside = low < next && next < high;
        if inside && step.abs() <= 4.0 * f64::EPSILON * x {
            return next;
        }
        // The middle of the logarithms near 0, where the root may be 1e-8 of the interval.
        let middle = if low > 0.0 { (low * high).sqrt() } else { 0.25 * high };
        let next = if inside { next } else { middle };
        if next == x || high - low <= f64::EPSILON * high {
            break;
        }
        x = next;
    }
    x
}

/// The smallest k with P(X ≤ k) ≥ p for X, the successes of `trials` trials of probability `success`
/// (0 < success < 1, 0 < p < 1).
pub fn binomial_quantile(trials: usize, success: f64, p: f64) -> usize {
    // P(X ≤ k) = I_{1 − success}(n − k, k + 1); at a probability that is just p it may be rounded down.
    let least = p * (1.0 - 1e-13);
    let reached =
        |k: usize| k >= trials || beta_reg((trials - k) as f64, k as f64 + 1.0, 1.0 - success) >= least;
    // From the normal approximation outwards by doubled steps, then by halves: its error is a few.
    let n = trials as f64;
    let z = if p == 0.5 { 0.0 } else { (0.5 - p).signum() * normal_critical(p.min(1.0 - p)) };
    let guess = n * success - z * (n * success * (1.0 - success)).sqrt();
    let guess = (guess.max(0.0) as usize).min(trials);
    let (mut low, mut high, mut step) = (guess, guess, 1);
    // `low` is not reached, or is −1 as `None`; `high` is.
    while !reached(high) {
        low = high;
        high = (high + step).min(trials);
        step *= 2;
    }
    if low == high {
        loop {
            if low == 0 {
                return first(0, high, reached);
            }
            low = low.saturating_sub(step);
            if !reached(low) {
                break;
            }
            high = low;
            step *= 2;
        }
    }
    first(low + 1, high, reached)
}

/// The smallest of `low..=high` that `reached` holds for; it holds for `high`.
fn first(mut low: usize, mut high: usize, reached: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        if reached(middle) { high = middle } else { low = middle + 1 }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_as_tabulated() {
        assert!((normal_critical(0.025) - 1.959_963_984_540_054).abs() < 1e-12);
        assert!((normal_tail(1.959_963_984_540_054) - 0.025).abs() < 1e-15);
        assert!((student_critical(0.025, 2.0) - 4.302_652_729_696_142).abs() < 1e-9);
        assert!((student_critical(0.025, 1e7) - 1.959_964_221_6).abs() < 1e-8);
        // I_x(a, 1) = x^a, I_x(1, b) = 1 − (1 − x)^b.
        assert!((beta_quantile(20.0, 1.0, 0.025) - 0.025f64.powf(0.05)).abs() < 1e-15);
        let tiny = -((-0.025f64).ln_1p() / 1e6).exp_m1();
        // The logarithms of the beta function are of the size of 1e7 there, and cancel: nine digits are left.
        assert!((beta_quantile(1.0, 1e6, 0.025) / tiny - 1.0).abs() < 1e-8);
    }

    #[test]
    fn a_quantile_gives_its_probability_back() {
        for (a, b) in [(0.5, 0.5), (0.5, 3.0), (1.0, 7.0), (4.0, 499_997.0), (250_000.0, 250_001.0)] {
            for p in [1e-4, 0.025, 0.3, 0.5, 0.975, 0.9999] {
                let found = beta_reg(a, b, beta_quantile(a, b, p));
                assert!((found - p).abs() < 1e-9, "I_x({a}, {b}) = {found}, not {p}");
            }
        }
    }

    #[test]
    fn binomial_quantiles_are_the_first_that_reach() {
        for (n, success) in [(1, 0.5), (10, 0.01), (50, 0.3), (1000, 0.01), (1000, 0.999)] {
            for p in [1e-4, 0.025, 0.5, 0.975, 0.9999] {
                let (mut weight, mut sum, mut k) = ((1.0f64 - success).powi(n as i32), 0.0, 0);
                // The distribution function by its recurrence; weights underflow for 0.999 only.
                let slow = loop {
                    sum += weight;
                    if sum >= p - 1e-12 || k == n {
                        break k;
                    }
                    weight *= (n - k) as f64 / (k + 1) as f64 * success / (1.0 - success);
                    k += 1;
                };
                if success < 0.9 {
                    assert_eq!(binomial_quantile(n, success, p), slow, "n {n}, {success}, p {p}");
                } else {
                    let mirrored = n - binomial_quantile(n, 1.0 - success, 1.0 - p);
                    assert!(binomial_quantile(n, success, p).abs_diff(mirrored) <= 1);
                }
            }
        }
    }
}
