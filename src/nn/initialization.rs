//! How weights start.

use crate::random::{normal, uniform};
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How the weights of a dense layer with `fan_in` inputs and `fan_out` outputs start, or of a convolution,
/// where an output has `fan_in` = k·k·Cin inputs and an input goes into `fan_out` = k·k·Cout outputs.
///
/// Biases start at zero, except under [`Framework`](Self::Framework).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initialization {
    /// Uniform in ±1/√fan_in, biases too: what PyTorch's `nn.Linear` and `nn.Conv2d` do by default.
    Framework,
    /// Normal with variance 2 / fan_in (He et al. 2015, "Delving Deep into Rectifiers", eq. 10).
    He,
    /// Uniform in ±√(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16).
    Xavier,
    /// Normal with this standard deviation, > 0; in TOML `{ normal = 0.01 }`.
    Normal(f64),
}

impl Initialization {
    /// A weight matrix `[fan_in, outputs]` row after row, then, with `bias`, the bias `[outputs]`.
    pub fn draw(
        self,
        fan_in: usize,
        [outputs, fan_out]: [usize; 2],
        bias: bool,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f32> {
        let range = |bound: f64, rng: &mut ChaCha8Rng| (bound * (2.0 * uniform(rng) - 1.0)) as f32;
        let count = fan_in * outputs;
        let biases = if bias { outputs } else { 0 };
        match self {
            Initialization::Framework => {
                let bound = 1.0 / (fan_in as f64).sqrt();
                (0..count + biases).map(|_| range(bound, rng)).collect()
            }
            Initialization::Xavier => {
                let bound = (6.0 / (fan_in + fan_out) as f64).sqrt();
                let weights = (0..count).map(|_| range(bound, rng));
                weights.chain(std::iter::repeat_n(0.0, biases)).collect()
            }
            Initialization::He | Initialization::Normal(_) => {
                let deviation = match self {
                    Initialization::Normal(deviation) => deviation,
                    _ => (2.0 / fan_in as f64).sqrt(),
                };
                let weights = (0..count).map(|_| (deviation * normal(rng)) as f32);
                weights.chain(std::iter::repeat_n(0.0, biases)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, stream};

    #[test]
    fn weights_have_the_variance_they_are_meant_to_have() {
        for (initialisation, variance) in [
            (Initialization::Framework, 1.0 / 3.0 / 300.0),
            (Initialization::He, 2.0 / 300.0),
            (Initialization::Xavier, 2.0 / 500.0),
            (Initialization::Normal(0.01), 1e-4),
        ] {
            let mut rng = stream(1, Stream::Initialization { network: 0 });
            let values = initialisation.draw(300, [200, 200], true, &mut rng);
            assert_eq!(values.len(), 301 * 200);
            let weights = &values[..300 * 200];
            let found = weights.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>() / 60000.0;
            // Four standard errors of a variance from 60,000 draws: 4 √(2 / 60000) = 2.3%.
            assert!((found / variance - 1.0).abs() < 0.023, "{initialisation:?}: {found}");
        }
    }
}
