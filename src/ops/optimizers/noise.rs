//! Gaussian noise from a cipher's key stream: no state, and a replica draws the same alone or in company.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;
use std::array::from_fn;
use std::f64::consts::PI;

/// y = x + s·z with z standard normal, a function of (key, step, layer, element). Inputs: x, key u32 `[1, 9]`
/// (256 bits of key, step), s `[1, 1]` ≥ 0. No derivative.
///
/// Box and Muller 1958 on words of ChaCha20 (Bernstein 2008; RFC 8439): who does not have the key cannot tell z
/// from chance. z is an f32 and |z| ≤ 6.7, so its tails and its last bits are not the normal distribution's
/// (Mironov 2012, "On significance of the least significant bits for differential privacy").
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// Tells the layers of a network apart.
    pub layer: u32,
}

impl Noise {
    /// Words of the input `key`: the cipher's key and the step.
    pub const KEY: usize = 9;
}

impl Op for Noise {
    fn name(&self) -> &'static str {
        "noise"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 3
            && inputs[0].dtype == DType::F32
            && inputs[1].dtype == DType::U32
            && inputs[1].elements() == Noise::KEY
            && is_scalar(&inputs[2]);
        require(fits, self, "x, key u32 [1, 9] and a factor [1, 1]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, key, s) = (inputs[0], inputs[1], inputs[2].at(0, 0));
        let pitch = x.cols.next_multiple_of(4);
        let words: [u32; Noise::KEY] = from_fn(|i| key.at(0, i) as u32);
        let cipher = from_fn(|i| words[i]);
        let blocks: Vec<[f64; 16]> = (0..(x.rows * pitch).div_ceil(16))
            .map(|block| normals(chacha20(cipher, [word(block), self.layer, words[8], 0])))
            .collect();
        Array::from_fn(x.rows, x.cols, |r, c| {
            let element = r * pitch + c;
            x.at(r, c) + s * blocks[element / 16][element % 16]
        })
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let words = vec![word(y.elements()), word(y.pitch()), word(y.cols), self.layer];
        Launch::only(kernel!("noise"), words, Grid::Items(y.elements().div_ceil(16)))
    }
}

/// A block of ChaCha20's key stream; `place` is the block's number and the three words of nonce.
fn chacha20(key: [u32; 8], place: [u32; 4]) -> [u32; 16] {
    let start: [u32; 16] = from_fn(|i| match i {
        0..4 => [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574][i],
        4..12 => key[i - 4],
        _ => place[i - 12],
    });
    let mut v = start;
    for _ in 0..10 {
        for column in 0..4 {
            quarter_round(&mut v, [column, 4 + column, 8 + column, 12 + column]);
        }
        for diagonal in 0..4 {
            let turned = |row: usize| 4 * row + (diagonal + row) % 4;
            quarter_round(&mut v, from_fn(turned));
        }
    }
    from_fn(|i| v[i].wrapping_add(start[i]))
}

fn quarter_round(v: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    for (sum, turned, by, bits) in [(a, d, b, 16), (c, b, d, 12), (a, d, b, 8), (c, b, d, 7)] {
        v[sum] = v[sum].wrapping_add(v[by]);
        v[turned] = (v[turned] ^ v[sum]).rotate_left(bits);
    }
}

/// Four radii, four angles, and again, give the cosines and the sines of each four.
fn normals(words: [u32; 16]) -> [f64; 16] {
    from_fn(|i| {
        let (half, lane) = (i / 8, i % 4);
        let (radius, angle) = (words[8 * half + lane], words[8 * half + 4 + lane]);
        // As f32 rounds them: the normal is a function of the rounded word.
        let u = f64::from(radius as f32 + 1.0) / 2f64.powi(32);
        let angle = (f64::from(angle as f32) / 2f64.powi(31) - 1.0) * PI;
        let turned = if i % 8 < 4 { angle.cos() } else { angle.sin() };
        (-2.0 * u.ln()).sqrt() * turned
    })
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (3, 7), (5, 13), (65, 64)] {
        for s in [0.0, 0.5] {
            let key = (Tensor::u32(1, Noise::KEY), Contents::Words);
            let s = (Tensor::f32(1, 1), Contents::Values(vec![s]));
            let case = Case::new(Noise { layer: 1 }, vec![(Tensor::f32(rows, cols), UNIT), key, s]);
            // WGSL bounds the error of cos and sin absolutely, by 2⁻¹¹, and z is up to 6.7 times it.
            cases.push(case.tolerance(2e-3).floor(1.0));
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stream_is_the_published_one() {
        // RFC 8439, section 2.3.2: key 00 01 … 1f, counter 1, nonce 000000090000004a00000000.
        let key = from_fn(|i| u32::from_le_bytes(from_fn(|byte| (4 * i + byte) as u8)));
        let found = chacha20(key, [1, 0x0900_0000, 0x4a00_0000, 0]);
        assert_eq!(found[..4], [0xe4e7_f110, 0x1559_3bd1, 0x1fdd_0f50, 0xc471_20a3]);
        assert_eq!(found[12..], [0xd19c_12b5, 0xb94e_16de, 0xe883_d0cb, 0x4e3c_50a2]);
    }

    #[test]
    fn the_noise_is_normal_and_no_two_elements_go_together() {
        let n = 1 << 16;
        let key = Array::new(1, Noise::KEY, (0..9).map(f64::from).collect());
        let inputs = [Array::zeros(n, 4), key, Array::scalar(1.0)];
        let z = Noise { layer: 0 }.reference(&inputs.each_ref()).data;
        let n = z.len() as f64;
        let moment = |power: i32| z.iter().map(|z| z.powi(power)).sum::<f64>() / n;
        // 5 σ: 1, √2, √15 and √96 over √n for the moments 0, 1, 0, 3.
        for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0f64)] {
            let error = (moment(power) - expected).abs();
            assert!(error < 5.0 * variance.sqrt() / n.sqrt(), "moment {power}: {}", moment(power));
        }
        // Neighbors, cosine and sine of one pair, halves of a block, blocks.
        for distance in [1, 4, 8, 16] {
            let product = z.iter().zip(&z[distance..]).map(|(a, b)| a * b).sum::<f64>() / n;
            assert!(product.abs() < 5.0 / n.sqrt(), "at distance {distance}: {product}");
        }
    }

    #[test]
    fn every_part_of_the_key_and_the_place_counts() {
        let drawn = |changed: Option<usize>, layer: u32| {
            let key = (0..Noise::KEY).map(|i| if changed == Some(i) { 7.0 } else { 5.0 }).collect();
            let inputs = [Array::zeros(4, 16), Array::new(1, Noise::KEY, key), Array::scalar(1.0)];
            Noise { layer }.reference(&inputs.each_ref()).data
        };
        let mut all: Vec<Vec<f64>> = (0..Noise::KEY).map(|i| drawn(Some(i), 0)).collect();
        all.extend([drawn(None, 0), drawn(None, 1)]);
        for (i, one) in all.iter().enumerate() {
            let same = |other: &Vec<f64>| one.iter().zip(other).any(|(a, b)| a == b);
            assert!(!all[i + 1..].iter().any(same), "{i}");
        }
    }
}
