//! Intervals of numbers that depend on two independent rates, as an accuracy depends on TPR and TNR.
//!
//! Not the intervals of the rates. Each rate's distance from its estimate has a normal score: both scores
//! within an ellipse's boundary, z₁ = z cos φ, z₂ = z sin φ, with z of the tail wanted, are what a number
//! that is linear in both can have at its end (for a linear number the projection of a ball of radius z is an
//! interval of z standard errors: Scheffé 1953's argument for one contrast). Each score gives a one-sided
//! exact limit of its rate, and the ends of the interval are the extremes of the number over φ. Where limits
//! are symmetrical this is the rule of squared and added distances (Newcombe 1998, Zou & Donner 2008); where
//! they are not, as at 2 of 2, or where a rate jumps between ties, that rule falls short: of ½(TPR + TNR)
//! with 2 records a side it covers 92.3% at worst, this 97.7%.

use super::quantiles::{normal_critical, normal_tail};

/// Points on a quarter of the ellipse, its ends included. With 5 the ends of intervals are the same to three
/// digits.
const POINTS: usize = 9;

/// The tails of the two rates' one-sided limits, (first, second), for an interval with `tail` beyond each
/// end: from all of the distance to the first to all of it to the second.
pub fn tails(tail: f64) -> [(f64, f64); POINTS] {
    let z = normal_critical(tail);
    std::array::from_fn(|i| {
        let angle = std::f64::consts::FRAC_PI_2 * i as f64 / (POINTS - 1) as f64;
        (normal_tail(z * angle.cos()), normal_tail(z * angle.sin()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_move_one_rate_alone_and_the_middle_both() {
        let found = tails(0.025);
        assert!((found[0].0 - 0.025).abs() < 1e-12 && (found[0].1 - 0.5).abs() < 1e-12);
        assert!((found[8].0 - 0.5).abs() < 1e-12 && (found[8].1 - 0.025).abs() < 1e-12);
        // z/√2 = 1.3859.
        assert!((found[4].0 - 0.082_879).abs() < 1e-5 && (found[4].0 - found[4].1).abs() < 1e-12);
    }
}
