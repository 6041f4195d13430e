//! The random numbers that decide splits, synthetic data, initial weights and batches: the same seed
//! gives the same numbers on every machine and in every version.
//!
//! Not the GPU's generator (dropout masks are counted there). Keys that must be secret come from the operating
//! system: [`secret_key`].
//!
//! ChaCha with 8 rounds (Bernstein 2008) is specified to the bit. What libraries change between
//! versions is what is built on it: expansion of a seed, bounded integers, shuffles. Those are written
//! out here, and their outputs are pinned by the tests.

use crate::error::{Error, Result};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};
use std::f64::consts::TAU;

/// What a sequence of random numbers is for. Two purposes never share a sequence, so that one of them
/// drawing more numbers leaves the other as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Which records are members, reference and test records.
    Split,
    /// The synthetic data set.
    Synthetic,
    /// The initial weights of network number `network`.
    Initialization {
        /// Its number: 0 is f, 1 is h; an audit's attack networks have others.
        network: u32,
    },
    /// The order of the records in pass number `pass` of batch sequence `which`
    /// (members for the classifier, members for the attack, reference records …).
    Batches {
        /// The sequence.
        which: u32,
        /// Passes over the records before it.
        pass: u64,
    },
    /// Seeds of dropout masks and of augmentation.
    Dropout,
    /// What an audit's attacker knows.
    Audit,
    /// Coin flips of an epoch of a training schedule.
    Schedule {
        /// The epoch, from 0.
        epoch: u64,
    },
    /// Resamples behind an interval.
    Bootstrap,
    /// The records and the seeds of an audit's shadow models.
    Shadows,
    /// The perturbed copies of record `record`.
    Perturbation {
        /// Its row in the data set.
        record: u64,
    },
    /// The key of a private training's noise where it is to be repeated, of a replica with this `seed`.
    Noise {
        /// The replica's seed.
        seed: u64,
    },
    /// Signals planted for an audit's control.
    Planted,
}

impl Stream {
    /// (purpose, member of it, sequence): these numbers are part of every stored result. Add to them,
    /// never change them.
    fn identity(self) -> (u32, u32, u64) {
        match self {
            Stream::Split => (0, 0, 0),
            Stream::Synthetic => (1, 0, 0),
            Stream::Initialization { network } => (2, network, 0),
            Stream::Batches { which, pass } => (3, which, pass),
            Stream::Dropout => (4, 0, 0),
            Stream::Audit => (5, 0, 0),
            Stream::Schedule { epoch } => (6, 0, epoch),
            Stream::Bootstrap => (7, 0, 0),
            Stream::Shadows => (8, 0, 0),
            Stream::Perturbation { record } => (9, 0, record),
            Stream::Noise { seed } => (10, 0, seed),
            Stream::Planted => (11, 0, 0),
        }
    }
}

/// The generator for `stream` under `seed`.
///
/// ChaCha's 256-bit key is, little end first: the seed (64 bits), the purpose (32), its member (32) and
/// a constant (128); the sequence number is ChaCha's stream. The library's `seed_from_u64` is passed
/// over because its expansion of the seed is the library's to change.
pub fn stream(seed: u64, stream: Stream) -> ChaCha8Rng {
    let (purpose, member, sequence) = stream.identity();
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..12].copy_from_slice(&purpose.to_le_bytes());
    key[12..16].copy_from_slice(&member.to_le_bytes());
    key[16..].copy_from_slice(b"veilgrad streams");
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(sequence);
    rng
}

/// 256 bits that nobody can know or draw again, from the operating system's generator.
///
/// # Errors
/// A system that has none.
pub fn secret_key() -> Result<[u32; 8]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::usage("secret key").expected("random numbers of the operating system").found(e.to_string())
    })?;
    Ok(std::array::from_fn(|i| u32::from_le_bytes(std::array::from_fn(|byte| bytes[4 * i + byte]))))
}

/// A uniform integer in `0..n`, without bias: Lemire's multiply-and-reject (2019, "Fast Random Integer
/// Generation in an Interval"), on 32-bit draws.
///
/// # Panics
/// If `n` is 0: no integer lies in an empty range.
pub fn below(rng: &mut ChaCha8Rng, n: u32) -> u32 {
    assert!(n > 0, "random::below(0)");
    // The low word decides rejection: 2^32 mod n of its values would be one too many.
    let excess = n.wrapping_neg() % n;
    loop {
        let product = u64::from(rng.next_u32()) * u64::from(n);
        if product as u32 >= excess {
            return (product >> 32) as u32;
        }
    }
}

/// A uniform number in [0, 1): the upper 53 bits of a 64-bit draw.
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A standard normal number (mean 0, deviation 1) by Box and Muller (1958).
///
/// The pair's second number is dropped: keeping it would make a draw depend on how many came before.
/// `ln` and `cos` are the platform's, so the last bit may differ between platforms; rounded to f32, as
/// weights are, that is all but never seen.
pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (TAU * uniform(rng)).cos()
}

/// True with probability `p` (0 to 1, to a resolution of 2⁻³²), by one 32-bit draw.
pub fn chance(rng: &mut ChaCha8Rng, p: f64) -> bool {
    u64::from(rng.next_u32()) < (p * 4_294_967_296.0).round() as u64
}

/// Puts `values` in a uniformly random order: Fisher and Yates, from the last place down.
pub fn shuffle(values: &mut [u32], rng: &mut ChaCha8Rng) {
    let length = u32::try_from(values.len()).expect("u32 values of more than 2^32 places do not occur");
    for last in (1..length).rev() {
        values.swap(last as usize, below(rng, last + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changing any of these numbers breaks every stored seed. They were computed by a second
    /// implementation of ChaCha8 and of this file, in Python.
    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut rng = stream(7, Stream::Split);
        let mut order: Vec<u32> = (0..10).collect();
        shuffle(&mut order, &mut rng);
        assert_eq!(order, [9, 3, 8, 7, 5, 2, 4, 6, 0, 1]);
        assert_eq!(
            [below(&mut rng, 100), below(&mut rng, 1), below(&mut rng, u32::MAX)],
            [48, 0, 1_640_172_812]
        );
        assert_eq!(uniform(&mut rng).to_bits(), 0x3fba_6259_8d3d_8500);
        let batch = stream(7, Stream::Batches { which: 2, pass: 3 }).next_u64();
        assert_eq!(batch, 0x4f2e_8c32_3bef_ee0a);
    }
    #[test]
    fn every_stream_differs() {
        let streams = [
            Stream::Split,
            Stream::Synthetic,
            Stream::Initialization { network: 0 },
            Stream::Initialization { network: 1 },
            Stream::Batches { which: 0, pass: 0 },
            Stream::Batches { which: 0, pass: 1 },
            Stream::Batches { which: 1, pass: 0 },
            Stream::Dropout,
            Stream::Audit,
            Stream::Schedule { epoch: 0 },
            Stream::Bootstrap,
            Stream::Noise { seed: 0 },
            Stream::Noise { seed: 1 },
        ];
        let mut first: Vec<u64> = streams.iter().map(|s| stream(1, *s).next_u64()).collect();
        first.push(stream(2, Stream::Split).next_u64());
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), streams.len() + 1);
    }

    #[test]
    fn below_is_even_where_the_remainder_matters() {
        // n = 3·2^30: without rejection a third of the values would come up twice as often.
        let mut rng = stream(0, Stream::Audit);
        let n = 3 << 30;
        let low = (0..30_000).filter(|_| below(&mut rng, n) < n / 3).count();
        assert!((9_700..10_300).contains(&low), "{low} of 30000 in the lowest third");
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let mut rng = stream(3, Stream::Audit);
        let n = 100_000;
        let mean = (0..n).map(|_| uniform(&mut rng)).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 0.005, "mean of uniforms {mean}");
        let draws: Vec<f64> = (0..n).map(|_| normal(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        let fourth = draws.iter().map(|x| x.powi(4)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "mean {mean}, variance {variance}");
        assert!((fourth - 3.0).abs() < 0.15, "fourth moment {fourth}, a normal's is 3");
    }

    #[test]
    fn chance_reaches_its_ends() {
        let mut rng = stream(3, Stream::Audit);
        assert!((0..1000).all(|_| chance(&mut rng, 1.0)));
        assert!(!(0..1000).any(|_| chance(&mut rng, 0.0)));
        let hits = (0..10_000).filter(|_| chance(&mut rng, 0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits} of 10000 at p = 0.25");
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut rng = stream(5, Stream::Audit);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut values = [0, 1, 2];
            shuffle(&mut values, &mut rng);
            *counts.entry(values).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|c| (880..1120).contains(c)), "{counts:?}");
    }
}
