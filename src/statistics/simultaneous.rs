//! How far intervals must reach to cover several estimates together, so that whichever is chosen is covered.
//!
//! Not the intervals ([`super::intervals`], which take the tail that follows from it).
//!
//! Estimates from the same records are correlated, attacks on one model strongly so. Their errors are close
//! to normal, with the correlations that the records' influences have; so the largest |error| in standard
//! errors is close to the largest of correlated normal numbers, whose 95% quantile is found by drawing them
//! (the single-step max-T procedure: Westfall & Young 1993; Hothorn, Bretz & Westfall 2008). Bonferroni's
//! quantile, which knows no correlation, is the largest that it can be.

use super::quantiles::{normal_critical, normal_tail};
use crate::random::{Stream, normal, stream};

/// Draws of the largest number: its 95% quantile is off by 0.015.
const DRAWS: usize = 20_000;

/// How far simultaneous intervals reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// In standard errors.
    pub critical_value: f64,
    /// The tail of an interval of one estimate that reaches as far.
    pub tail: f64,
}

/// How much a number with a simultaneous interval that begins at `low` shows against ½, which is guessing: for
/// choosing the one that shows most. The lower end where that is above ½; else, up to ½, how far the number gets
/// from ½ in units of what the interval reaches. So of numbers none of which shows a thing one that cannot move,
/// as the accuracy of a rule that says the same of every record, does not stand for all.
pub fn evidence(value: f64, low: f64) -> f64 {
    match value > low {
        _ if low > 0.5 => low,
        true => 0.5 * (value - 0.5) / (value - low),
        false => value - 0.5,
    }
}

/// For K estimates, from their `influences`: how every one of N records moves each of them, `[K][N]`, up to a
/// factor of each estimate. With `tail` beyond either end of all intervals together. The same seed gives the
/// same reach.
pub fn reach(influences: &[Vec<f64>], tail: f64, seed: u64) -> Reach {
    let estimates = influences.len();
    let factor = root(&correlations(influences));
    let mut rng = stream(seed, Stream::Bootstrap);
    let mut largest: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let draw: Vec<f64> = (0..estimates).map(|_| normal(&mut rng)).collect();
            let mixed = factor.iter().map(|row| row.iter().zip(&draw).map(|(a, b)| a * b).sum::<f64>().abs());
            mixed.fold(0.0, f64::max)
        })
        .collect();
    largest.sort_unstable_by(f64::total_cmp);
    let place = ((1.0 - 2.0 * tail) * DRAWS as f64) as usize;
    // Between one estimate's and Bonferroni's: a drawn quantile may miss either by its own error.
    let (alone, apart) = (normal_critical(tail), normal_critical(tail / estimates.max(1) as f64));
    let critical_value = largest[place].clamp(alone, apart);
    Reach { critical_value, tail: normal_tail(critical_value) }
}

/// `[K][K]`. An estimate that no record moves (as of a perfect attack) goes with no other.
fn correlations(influences: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let sizes: Vec<f64> = influences.iter().map(|one| dot(one, one).sqrt()).collect();
    let estimates = influences.len();
    let mut found = vec![vec![0.0; estimates]; estimates];
    for i in 0..estimates {
        found[i][i] = 1.0;
        for j in 0..i {
            let size = sizes[i] * sizes[j];
            let together = if size > 0.0 { dot(&influences[i], &influences[j]) / size } else { 0.0 };
            (found[i][j], found[j][i]) = (together, together);
        }
    }
    found
}

/// The lower triangle L with L Lᵀ = `matrix`, by Cholesky's method. Attacks of the same ranking make the
/// matrix singular: what is left of a diagonal by rounding is taken for 0.
fn root(matrix: &[Vec<f64>]) -> Vec<Vec<f64>> {
    const ROUNDING: f64 = 1e-10;
    let mut root: Vec<Vec<f64>> = vec![];
    for (i, given) in matrix.iter().enumerate() {
        let mut row = vec![0.0; i + 1];
        for j in 0..=i {
            let above = if j == i { &row[..j] } else { &root[j][..j] };
            let rest = given[j] - row[..j].iter().zip(above).map(|(a, b)| a * b).sum::<f64>();
            row[j] = match j == i {
                true => rest.max(0.0).sqrt(),
                false if root[j][j] > ROUNDING => rest / root[j][j],
                false => 0.0,
            };
        }
        root.push(row);
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_numbers_that_show_nothing_the_widest_doubt_is_not_the_least() {
        // Shown, in order; then 0.55 less 0.10 before 0.52 less 0.10, a constant, and what is below.
        let ordered =
            [(0.9, 0.8), (0.7, 0.69), (0.6, 0.501), (0.55, 0.45), (0.52, 0.42), (0.5, 0.5), (0.45, 0.35)];
        let found = ordered.map(|(value, low)| evidence(value, low));
        assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
        assert_eq!((found[0], found[5]), (0.8, 0.0));
        assert!((found[3] - 0.25).abs() < 1e-12, "{found:?}");
    }

    fn drawn(count: usize, seed: u64) -> Vec<f64> {
        let mut rng = stream(seed, Stream::Audit);
        (0..count).map(|_| normal(&mut rng)).collect()
    }

    #[test]
    fn the_reach_is_that_of_one_of_copies_and_sidaks_of_independent_estimates() {
        let one = drawn(5000, 0);
        let copies = vec![one.clone(), one.iter().map(|x| -2.0 * x).collect(), one];
        assert!((reach(&copies, 0.025, 1).critical_value - 1.96).abs() < 0.04);
        let independent: Vec<_> = (1..=10).map(|seed| drawn(5000, seed)).collect();
        // Šidák: (1 − 2t)^10 = 0.95, t = 0.002558, z = 2.8000.
        let found = reach(&independent, 0.025, 1);
        assert!((found.critical_value - 2.80).abs() < 0.05, "{found:?}");
        assert!((normal_critical(found.tail) - found.critical_value).abs() < 1e-9);
        assert_eq!(found, reach(&independent, 0.025, 1));
    }

    /// Two estimates of correlation ρ: P(both |Z| ≤ c) for ρ = 0.5 is 0.95 at c = 2.212 (Dunnett 1955's table
    /// for two comparisons with a control, two-sided, infinite freedom: 2.21).
    #[test]
    fn two_correlated_estimates_as_dunnett_tabulated() {
        let (a, b) = (drawn(100_000, 3), drawn(100_000, 4));
        let mixed = a.iter().zip(&b).map(|(a, b)| 0.5 * a + 0.75f64.sqrt() * b).collect();
        let found = reach(&[a, mixed], 0.025, 2);
        assert!((found.critical_value - 2.212).abs() < 0.04, "{found:?}");
    }

    #[test]
    fn a_root_multiplies_back_also_of_a_singular_matrix() {
        let matrix = vec![vec![1.0, 0.5, 1.0], vec![0.5, 1.0, 0.5], vec![1.0, 0.5, 1.0]];
        let root = root(&matrix);
        for i in 0..3 {
            for j in 0..=i {
                let back: f64 = root[i].iter().zip(&root[j]).map(|(a, b)| a * b).sum();
                assert!((back - matrix[i][j]).abs() < 1e-9, "{i} {j}: {back}");
            }
        }
    }

    #[test]
    fn an_estimate_that_no_record_moves_is_counted_as_independent() {
        let still = vec![0.0; 100];
        let found = reach(&[still.clone(), drawn(100, 1), still], 0.025, 0).critical_value;
        // Šidák for three: 2.388.
        assert!((found - 2.388).abs() < 0.05, "{found}");
        assert!(reach(&[drawn(10, 1)], 0.025, 0).critical_value < 1.961);
    }
}
