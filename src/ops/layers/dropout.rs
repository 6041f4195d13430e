//! Inverted dropout with counter-based random numbers: no state, and a replica draws the same alone or in
//! company.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// y = x / (1 − rate) where the random number of (seed, step, layer, element) is at least `rate`, else 0.
/// Inputs: x, key u32 `[1, 2]` (seed, step), rate `[1, 1]` in \[0, 1).
/// dy/dx is the same mask and factor, so the backward pass is this operation on dy.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    /// Tells the layers of a network apart.
    pub layer: u32,
}

/// The first two words of pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 2020).
pub fn pcg4d(seed: [u32; 4]) -> [u32; 2] {
    let [mut x, mut y, mut z, mut w] = seed.map(|v| v.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    x = x.wrapping_add(y.wrapping_mul(w));
    y = y.wrapping_add(z.wrapping_mul(x));
    z = z.wrapping_add(x.wrapping_mul(y));
    w = w.wrapping_add(y.wrapping_mul(z));
    [x, y, z, w] = [x, y, z, w].map(|v| v ^ (v >> 16));
    let x = x.wrapping_add(y.wrapping_mul(w));
    [x, y.wrapping_add(z.wrapping_mul(x))]
}

impl Op for Dropout {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 3
            && inputs[0].dtype == DType::F32
            && inputs[1].dtype == DType::U32
            && inputs[1].elements() == 2
            && is_scalar(&inputs[2]);
        require(fits, self, "x, key u32 [1, 2] and a rate [1, 1]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, key, rate) = (inputs[0], inputs[1], inputs[2].at(0, 0));
        let pitch = x.cols.next_multiple_of(4);
        Array::from_fn(x.rows, x.cols, |r, c| {
            let element = word(r * pitch + c);
            let [hash, _] = pcg4d([key.at(0, 0) as u32, key.at(0, 1) as u32, self.layer, element]);
            let uniform = f64::from(hash >> 8) / f64::from(1 << 24);
            if uniform >= rate { x.at(r, c) / (1.0 - rate) } else { 0.0 }
        })
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(*self, &[dy, inputs[1], inputs[2]])?), None, None])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let words = vec![word(y.elements()), self.layer];
        Launch::only(kernel!("dropout"), words, Grid::Items(y.elements()))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (3, 7), (65, 64)] {
        for rate in [0.0, 0.25, 0.5] {
            let x = (Tensor::f32(rows, cols), UNIT);
            let key = (Tensor::u32(1, 2), Contents::Words);
            let rate = (Tensor::f32(1, 1), Contents::Values(vec![rate]));
            cases.push(Case::new(Dropout { layer: 1 }, vec![x, key, rate]).differentiable(&[0]));
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_even_over_its_range() {
        // 64 k draws: the share below a half is within 5 σ = 5 · 0.5 / 256 of it.
        let below = (0..1 << 16).filter(|&i| pcg4d([1, 2, 3, i])[0] < 1 << 31).count();
        assert!((below as f64 / 65536.0 - 0.5).abs() < 5.0 * 0.5 / 256.0, "{below}");
    }
}
