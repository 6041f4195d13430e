//! What differentially private training guarantees: ε at a given δ. And where the keys of its noise come from.
//!
//! Two neighboring sets of members differ in one record, which in the other takes part with a gradient of
//! zero. An epoch goes through the members in an order drawn by the seed, every record in one batch at most,
//! batches of one size. So an epoch is ONE Gaussian mechanism of the noise multiplier σ, however many steps
//! it has, and E epochs are E of them, whatever the order: that is [`Guarantee::epsilon`]. The shuffling earns
//! no credit: ε of batches drawn by Poisson sampling is smaller, and often quoted for shuffled ones too, which
//! is not a theorem (Chua et al. 2024, "How Private are DP-SGD Implementations?").
//!
//! Not covered: what is chosen or learnt by looking at the members (settings, encoding and standardization,
//! the epoch to stop at), what is written of them beside the weights (metrics, predictions, an audit), those
//! who know the noise. Noise is computed in f32, which the theorem is not about
//! ([`crate::ops::Noise`]).

use crate::error::Result;
use crate::random::{Stream, secret_key, stream};
use crate::run::config::{Config, Replica};
use rand::Rng;
use serde::Serialize;
use statrs::function::erf::erfc;
use std::fmt;

/// Where the secret keys of a run come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Each is drawn anew by the operating system, and kept nowhere.
    System,
    /// From this seed and the replica's: the same in every run, so no secrets.
    Repeated(u64),
}

impl Secrets {
    /// Those of runs by `config`.
    pub fn of(config: &Config) -> Self {
        match config.defense.private.noise_seed {
            0 => Secrets::System,
            seed => Secrets::Repeated(seed),
        }
    }

    /// A key for a replica with these settings.
    ///
    /// # Errors
    /// As [`secret_key`].
    pub fn draw(self, settings: &Replica) -> Result<[u32; 8]> {
        match self {
            Secrets::System => secret_key(),
            Secrets::Repeated(seed) => {
                let mut rng = stream(seed, Stream::Noise { seed: settings.seed });
                Ok(std::array::from_fn(|_| rng.next_u32()))
            }
        }
    }
}

/// The guarantee of one replica's weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Guarantee {
    /// ε at `delta`, 0 or more ([`gaussian`]).
    pub epsilon: f64,
    /// δ, as `defense.private.delta` sets it.
    pub delta: f64,
}

impl Guarantee {
    /// Of `replica`, trained on so many members; `None` without noise, or where it is repeated.
    pub fn of(config: &Config, replica: &Replica) -> Option<Guarantee> {
        let secret = Secrets::of(config) == Secrets::System;
        let (delta, epochs) = (config.defense.private.delta, config.train.epochs as u64);
        let noisy = replica.clip > 0.0 && replica.noise > 0.0;
        (noisy && secret).then(|| Guarantee { epsilon: gaussian(replica.noise, epochs, delta), delta })
    }
}

/// What is to be told of a replica's guarantee, or of why it has none; `None` where nobody asked for one.
pub fn statement(config: &Config, replica: &Replica) -> Option<String> {
    let asked = replica.clip > 0.0 && replica.noise > 0.0;
    asked.then(|| match Guarantee::of(config, replica) {
        Some(guarantee) => guarantee.to_string(),
        None => format!(
            "nothing is private: the noise is repeated (defense.private.noise_seed, --noise-seed, is {}), and \
             who knows it takes it away",
            config.defense.private.noise_seed
        ),
    })
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "differential privacy of the weights: ε = {:.2} at δ = {:e}, between members with one record and with \
             one of zero gradient in its place; shuffling earns no credit; outside of it: what the members decide \
             beside the gradients (encoding, standardization, settings, when to stop), metrics, predictions and audits",
            self.epsilon, self.delta
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
        let mut config = Config::default();
        let replica = |noise| Replica { clip: 1.0, noise, ..Replica::default() };
        assert_eq!(Guarantee::of(&config, &replica(0.0)), None);
        let epsilon = |noise| Guarantee::of(&config, &replica(noise)).unwrap().epsilon;
        assert!(epsilon(2.0) < epsilon(1.0));
        assert_eq!(gaussian(1e9, 1, 1e-5), 0.0);
        assert!(gaussian(1e-3, 1, 1e-5).is_finite());
        assert!(statement(&config, &replica(1.0)).unwrap().starts_with("differential privacy"));
        config.defense.private.noise_seed = 3;
        assert_eq!(Guarantee::of(&config, &replica(1.0)), None);
        assert!(statement(&config, &replica(1.0)).unwrap().starts_with("nothing is private"));
        assert_eq!(statement(&config, &replica(0.0)), None);
    }

    #[test]
    fn a_key_is_never_the_same_twice_unless_it_is_to_be() {
        let replica = |seed| Replica { seed, ..Replica::default() };
        let [one, other] = [0, 0].map(|seed| Secrets::System.draw(&replica(seed)).unwrap());
        assert!(one != other && one != [0; 8]);
        let repeated = |noise: u64, seed: u64| Secrets::Repeated(noise).draw(&replica(seed)).unwrap();
        assert_eq!(repeated(3, 4), repeated(3, 4));
        assert!(repeated(3, 4) != repeated(3, 5) && repeated(3, 4) != repeated(4, 4));
    }
}
