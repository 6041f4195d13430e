//! What differentially private training guarantees: ε at a given δ.
//!
//! Two neighboring sets of members differ in one record, which in the other takes part with a gradient of
//! zero. An epoch goes through the members in an order drawn by the seed, every record in one batch at most,
//! batches of one size. So an epoch is ONE Gaussian mechanism of the noise multiplier σ, however many steps
//! it has, and E epochs are E of them, whatever the order: that is [`Guarantee::epsilon`], with no credit for
//! the shuffling. Had every batch been drawn by Poisson sampling at the same rate, the Gaussian mechanism
//! with subsampling would hold: [`Guarantee::epsilon_if_poisson`], a smaller ε that is often quoted for
//! shuffled batches too, which is not a theorem (Chua et al. 2024, "How Private are DP-SGD
//! Implementations?"). It is given to compare, never as ours.
//!
//! Not covered: what is chosen by looking at the members (settings, standardization), and those who know the
//! seed.

use crate::run::config::{Config, Replica};
use serde::Serialize;
use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;
use std::fmt;

/// The guarantee of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Guarantee {
    /// Of the training as it is done.
    pub epsilon: f64,
    /// Of a training with Poisson sampling of the same rate, noise and number of steps.
    pub epsilon_if_poisson: f64,
    pub delta: f64,
}

impl Guarantee {
    /// Of `replica`, trained on so many members; `None` without noise.
    pub fn of(config: &Config, replica: &Replica, members: usize) -> Option<Guarantee> {
        if replica.clip <= 0.0 || replica.noise <= 0.0 {
            return None;
        }
        let (delta, epochs) = (config.defense.private.delta, config.train.epochs as u64);
        let steps = epochs * (members / config.train.batch) as u64;
        let rate = config.train.batch as f64 / members as f64;
        Some(Guarantee {
            epsilon: gaussian(replica.noise, epochs, delta),
            epsilon_if_poisson: sampled_gaussian(replica.noise, rate, steps, delta),
            delta,
        })
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "differential privacy: ε = {:.2} at δ = {:e} (shuffled batches; were they Poisson samples, \
             {:.2})",
            self.epsilon, self.delta, self.epsilon_if_poisson
        )
    }
}

/// ε at `delta` of `count` Gaussian mechanisms of the noise multiplier `noise` one after another: exactly
/// that of one with noise / √count. With μ = √count / noise, δ(ε) = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ) (Balle
/// and Wang 2018, "Improving the Gaussian Mechanism for Differential Privacy", theorem 8).
pub fn gaussian(noise: f64, count: u64, delta: f64) -> f64 {
    let mu = (count as f64).sqrt() / noise;
    let cdf = |x: f64| 0.5 * erfc(-x / std::f64::consts::SQRT_2);
    let delta_at = |epsilon: f64| {
        let second = cdf(-0.5 * mu - epsilon / mu);
        // 0 · ∞ where ε is beyond e's range: the product is 0.
        cdf(0.5 * mu - epsilon / mu) - if second > 0.0 { epsilon.exp() * second } else { 0.0 }
    };
    if delta_at(0.0) <= delta {
        return 0.0;
    }
    // δ falls in ε; μ²/2 + μ √(2 ln 1/δ) is more than enough.
    let (mut low, mut high) = (0.0, 0.5 * mu * mu + mu * (2.0 * (1.0 / delta).ln()).sqrt() + 1.0);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if delta_at(middle) > delta { low = middle } else { high = middle }
    }
    high
}

/// Orders of Rényi divergence that are tried.
const ORDERS: std::ops::RangeInclusive<u64> = 2..=256;

/// ε at `delta` of `steps` Gaussian mechanisms, each on a Poisson sample of the records at `rate` in (0, 1]:
/// by Rényi divergence of whole orders α (Mironov, Talwar and Zhang 2019, "Rényi Differential Privacy of the
/// Sampled Gaussian Mechanism", section 3.3), turned into ε by Canonne, Kamath and Steinke 2020, proposition
/// 12.
pub fn sampled_gaussian(noise: f64, rate: f64, steps: u64, delta: f64) -> f64 {
    let epsilon = |order: u64| {
        let a = order as f64;
        let divergence = steps as f64 * log_moment(noise, rate, order) / (a - 1.0);
        divergence + (-1.0 / a).ln_1p() - (delta * a).ln() / (a - 1.0)
    };
    ORDERS.map(epsilon).fold(f64::INFINITY, f64::min).max(0.0)
}

/// ln Σ_k C(α, k) (1 − q)^(α − k) q^k e^((k² − k) / 2σ²).
fn log_moment(noise: f64, rate: f64, order: u64) -> f64 {
    let choose = |k: u64| {
        let [n, k] = [order, k].map(|v| v as f64);
        ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0)
    };
    let term = |k: u64| {
        let rest = if k == order { 0.0 } else { (order - k) as f64 * (-rate).ln_1p() };
        choose(k) + rest + k as f64 * rate.ln() + (k * k - k) as f64 / (2.0 * noise * noise)
    };
    let terms: Vec<f64> =
        (0..=order).map(|k| if k == 0 { order as f64 * (-rate).ln_1p() } else { term(k) }).collect();
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + terms.iter().map(|term| (term - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Each row of the fixture's list with its numbers.
    fn rows(key: &str) -> Vec<Vec<f64>> {
        let fixture: Value =
            serde_json::from_str(include_str!("../../tests/golden/accountant.json")).unwrap();
        let list = fixture[key].as_array().unwrap();
        list.iter().map(|row| row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()).collect()
    }

    #[test]
    fn the_sampled_gaussian_is_that_of_a_public_accountant() {
        let rows = rows("sampled_gaussian");
        assert!(rows.len() >= 8);
        for row in rows {
            let [noise, rate, steps, delta, rdp, pld] = row[..] else { panic!("{row:?}") };
            let found = sampled_gaussian(noise, rate, steps as u64, delta);
            assert!((found / rdp - 1.0).abs() < 1e-9, "{row:?}: {found}");
            assert!(found >= pld, "an upper bound of the tight value: {row:?}: {found}");
        }
    }

    #[test]
    fn composed_gaussians_are_those_of_a_public_accountant() {
        let rows = rows("gaussian");
        assert!(rows.len() >= 6);
        for row in rows {
            let [noise, count, delta, pld] = row[..] else { panic!("{row:?}") };
            let found = gaussian(noise, count as u64, delta);
            // The accountant's discretization rounds up, by steps of 1e-4.
            assert!(found <= pld + 1e-9 && pld - found < 2e-3, "{row:?}: {found}");
        }
    }

    #[test]
    fn no_noise_no_guarantee_and_more_noise_a_better_one() {
        let config = Config::default();
        let replica = |noise| Replica { clip: 1.0, noise, ..Replica::default() };
        assert_eq!(Guarantee::of(&config, &replica(0.0), 1500), None);
        let guarantee = |noise| Guarantee::of(&config, &replica(noise), 1500).unwrap();
        assert!(
            guarantee(2.0).epsilon < guarantee(1.0).epsilon
                && guarantee(2.0).epsilon_if_poisson < guarantee(2.0).epsilon
        );
        assert_eq!(gaussian(1e9, 1, 1e-5), 0.0);
        assert!(gaussian(1e-3, 1, 1e-5).is_finite());
    }
}
