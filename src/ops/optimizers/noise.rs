//! Gaussian noise with counter-based random numbers: no state, and a replica draws the same alone or in
//! company.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = x + s·z with z standard normal, a function of (seed, step, layer, element). Inputs: x, key u32
/// `[1, 2]` (seed, step), s `[1, 1]` ≥ 0. Box and Muller 1958 on 24 bits each, so |z| ≤ 5.8. A hash is no
/// cryptographic generator: what it protects, it protects from those who do not know the seed. No derivative.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// Tells the layers of a network apart.
    pub layer: u32,
}

/// Beside the layers of dropout, which draws from the same keys.
const STREAM: u32 = 1 << 16;

impl Op for Noise {
    fn name(&self) -> &'static str {
        "noise"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 3
            && inputs[0].dtype == DType::F32
            && inputs[1].dtype == DType::U32
            && inputs[1].elements() == 2
            && is_scalar(&inputs[2]);
        require(fits, self, "x, key u32 [1, 2] and a factor [1, 1]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, key, s) = (inputs[0], inputs[1], inputs[2].at(0, 0));
        let pitch = x.cols.next_multiple_of(4);
        Array::from_fn(x.rows, x.cols, |r, c| {
            let element = word(r * pitch + c);
            let seed = [key.at(0, 0) as u32, key.at(0, 1) as u32, STREAM + self.layer, element];
            let [u, v] = pcg4d(seed).map(|word| f64::from(word >> 8));
            let (u, v) = ((u + 1.0) / f64::from(1 << 24), v / f64::from(1 << 24));
            x.at(r, c) + s * (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
        })
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let words = vec![word(y.elements()), word(y.pitch()), word(y.cols), STREAM + self.layer];
        Launch::only(kernel!("noise"), words, Grid::Items(y.elements()))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (3, 7), (65, 64)] {
        for s in [0.0, 0.5] {
            let key = (Tensor::u32(1, 2), Contents::Words);
            let s = (Tensor::f32(1, 1), Contents::Values(vec![s]));
            let case = Case::new(Noise { layer: 1 }, vec![(Tensor::f32(rows, cols), UNIT), key, s]);
            // WGSL bounds the error of cos absolutely, by 2⁻¹¹, and z is up to 5.8 times it.
            cases.push(case.tolerance(2e-3).floor(1.0));
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_normal() {
        let n = 1 << 16;
        let inputs = [Array::zeros(n, 1), Array::new(1, 2, vec![7.0, 9.0]), Array::scalar(1.0)];
        let z = Noise { layer: 0 }.reference(&inputs.each_ref());
        let moment = |power: i32| z.data.iter().map(|z| z.powi(power)).sum::<f64>() / n as f64;
        // 5 σ: 1, √2, √15 and √96 over √n for the moments 0, 1, 0, 3.
        for (power, expected, deviation) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0f64)]
        {
            let error = (moment(power) - expected).abs();
            assert!(error < 5.0 * deviation.sqrt() / (n as f64).sqrt(), "moment {power}: {}", moment(power));
        }
    }
}
