//! Batch normalization with the ReLU that follows it, by moments that are given: a batch's ([`Moments`]) or
//! running ones.

use super::moments::{Channels, Parts};
use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// Added to the variance: PyTorch's default. The shaders have it too.
const EPSILON: f64 = 1e-5;

/// y = max(0, γ n + β), n = (x − μ) / √(σ² + 10⁻⁵), `[B, P·count]`, of the first `count` channels of each
/// pixel of x `[B, P·all]`, with moments (μ, σ²) in columns from `first` on of s, and w `[2, count]` = (γ,
/// β).
///
/// With dz = dy `[y > 0]`, sums over pixels: dγ = Σ dz n, dβ = Σ dz, dμ = −γ dβ / √(σ² + ε),
/// dσ² = −γ dγ / (2 (σ² + ε)), and through x itself dx = dz γ / √(σ² + ε). A batch's own moments are
/// functions of x: [`Moments`] turns dμ and dσ² into the rest of dx, once for all that normalize a channel.
#[derive(Debug, Clone, Copy)]
pub struct NormRelu {
    /// All channels of a pixel of x.
    pub all: usize,
    /// How many are normalized.
    pub count: usize,
    /// The first one's column of s.
    pub first: usize,
    /// Whether the backward pass computes it again ([`Op::recomputed`]).
    pub recomputed: bool,
}

impl NormRelu {
    fn channels(&self) -> Channels {
        Channels { all: self.all, first: 0, count: self.count }
    }

    fn parts(&self, x: &Tensor) -> Parts {
        self.channels().parts(x)
    }

    /// Whether x, s and w fit.
    fn fit(&self, inputs: &[Tensor]) -> bool {
        let [x, s, w] = [&inputs[0], &inputs[1], &inputs[2]];
        self.channels().fit(x)
            && (s.rows, w.rows, w.cols) == (2, 2, self.count)
            && self.first + self.count <= s.cols
            && [self.first, s.cols].iter().all(|c| c.is_multiple_of(4))
    }

    /// The result's tensor for this x.
    fn result(&self, x: &Tensor) -> Tensor {
        Tensor::f32(x.rows, x.cols / self.all * self.count)
    }

    /// The numbers of `norm_relu.wgsl`, lengths of channels in vec4s; `rest` is pixels a part, parts, and whether
    /// to accumulate, as far as a pass takes them.
    fn words(&self, rows: usize, s: &Tensor, rest: [usize; 3]) -> Vec<u32> {
        let channels = [self.all / 4, self.count / 4, quads(s), self.first / 4];
        [rows].into_iter().chain(channels).chain(rest).map(word).collect()
    }

    /// n and 1 / √(σ² + ε) of channel c of pixel i.
    fn normal(&self, x: &Array, s: &Array, i: usize, c: usize) -> (f64, f64) {
        let scale = 1.0 / (s.at(1, self.first + c) + EPSILON).sqrt();
        ((x.data[i * self.all + c] - s.at(0, self.first + c)) * scale, scale)
    }

    /// (n, 1 / √(σ² + ε), dz) of channel c of pixel i, from x, s, w and dy.
    fn through(&self, [x, s, w, dy]: [&Array; 4], i: usize, c: usize) -> (f64, f64, f64) {
        let (n, scale) = self.normal(x, s, i, c);
        let open = w.at(0, c) * n + w.at(1, c) > 0.0;
        (n, scale, if open { dy.data[i * self.count + c] } else { 0.0 })
    }
}

const OPERANDS: &str = "x [B, P·channels], s [2, …], w [2, C], multiples of 4 of channels";

impl Op for NormRelu {
    fn name(&self) -> &'static str {
        "norm_relu"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(all_f32(inputs, 3) && self.fit(inputs), self, OPERANDS, inputs)?;
        Ok(self.result(&inputs[0]))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, s, w) = (inputs[0], inputs[1], inputs[2]);
        let pixels = x.cols / self.all;
        Array::from_fn(x.rows, pixels * self.count, |b, i| {
            let c = i % self.count;
            let (n, _) = self.normal(x, s, b * pixels + i / self.count, c);
            (w.at(0, c) * n + w.at(1, c)).max(0.0)
        })
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, s, w) = (inputs[0], inputs[1], inputs[2]);
        let sums = graph.apply(NormReluSums(*self), &[x, s, w, dy])?;
        let all = graph.tensor(s).cols;
        let ds = NormReluDs { norm: *self, all };
        Ok(vec![
            match wanted[0] {
                true => Some(graph.apply(NormReluDx { norm: *self, accumulate: false }, &[x, s, w, dy])?),
                false => None,
            },
            if wanted[1] { Some(graph.apply(ds, &[sums, s, w])?) } else { None },
            if wanted[2] { Some(graph.apply(SumParts { rows: 2 }, &[sums])?) } else { None },
        ])
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let rows = self.channels().rows(&inputs[0]);
        let grid = Grid::Items(rows.div_ceil(8) * self.count / 4);
        Launch::only(kernel!("norm_relu", "forward"), self.words(rows, &inputs[1], [0; 3]), grid)
    }

    fn recomputed(&self) -> bool {
        self.recomputed
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

/// dx of [`NormRelu`] through x itself, other channels' 0, from x, s, w and dy. To `accumulate`: added to a
/// sum instead, the first input.
#[derive(Debug, Clone, Copy)]
pub struct NormReluDx {
    /// The operation that this is a derivative of.
    pub norm: NormRelu,
    /// Whether the first input is a sum of gradients `[B, P·all]` that dx is added to.
    pub accumulate: bool,
}

impl Op for NormReluDx {
    fn name(&self) -> &'static str {
        "norm_relu_dx"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let own = &inputs[usize::from(self.accumulate)..];
        let fits = all_f32(own, 4)
            && self.norm.fit(own)
            && own[3] == self.norm.result(&own[0])
            && (!self.accumulate || inputs[0] == own[0]);
        require(fits, self, &format!("{OPERANDS}, dy [B, P·C]"), inputs)?;
        Ok(own[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let [x, s, w, dy] = inputs[usize::from(self.accumulate)..] else { unreachable!("four operands") };
        let (norm, pixels) = (&self.norm, x.cols / self.norm.all);
        Array::from_fn(x.rows, x.cols, |b, i| {
            let old = if self.accumulate { inputs[0].at(b, i) } else { 0.0 };
            let c = i % norm.all;
            if c >= norm.count {
                return old;
            }
            let (_, scale, dz) = norm.through([x, s, w, dy], b * pixels + i / norm.all, c);
            old + dz * w.at(0, c) * scale
        })
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor) -> Launch {
        let own = &inputs[usize::from(self.accumulate)..];
        let rows = self.norm.channels().rows(dx);
        let words = self.norm.words(rows, &own[1], [0, 0, usize::from(self.accumulate)]);
        let width = if self.accumulate { self.norm.count } else { self.norm.all };
        let grid = Grid::Items(rows.div_ceil(8) * width / 4);
        Launch::only(kernel!("norm_relu", "grad_x"), words, grid)
    }

    fn accumulating(&self) -> Option<Arc<dyn Op>> {
        Some(Arc::new(NormReluDx { accumulate: true, ..*self }))
    }
}

/// The sums that γ's, β's and the moments' gradients are made of, Σ dz n and Σ dz in parts: `[2 parts, C]`,
/// from x, s, w and dy.
#[derive(Debug, Clone, Copy)]
pub struct NormReluSums(pub NormRelu);

impl Op for NormReluSums {
    fn name(&self) -> &'static str {
        "norm_relu_sums"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 4) && self.0.fit(inputs) && inputs[3] == self.0.result(&inputs[0]);
        require(fits, self, &format!("{OPERANDS}, dy [B, P·C]"), inputs)?;
        Ok(Tensor::f32(2 * self.0.parts(&inputs[0]).count, self.0.count))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let [x, s, w, dy] = *inputs else { unreachable!("four operands") };
        let parts = self.0.parts(&Tensor::f32(x.rows, x.cols));
        let mut sums = Array::zeros(2 * parts.count, self.0.count);
        for i in 0..x.data.len() / self.0.all {
            for c in 0..self.0.count {
                let (n, _, dz) = self.0.through([x, s, w, dy], i, c);
                let at = i / parts.each * 2 * self.0.count + c;
                sums.data[at] += dz * n;
                sums.data[at + self.0.count] += dz;
            }
        }
        sums
    }

    fn launch(&self, inputs: &[Tensor], sums: &Tensor) -> Launch {
        let rows = self.0.channels().rows(&inputs[0]);
        let words = self.0.words(rows, &inputs[1], [self.0.parts(&inputs[0]).each, 0, 0]);
        let grid = Grid::Items(sums.rows / 2 * self.0.count / 4);
        Launch::only(kernel!("norm_relu", "sums"), words, grid)
    }
}

/// ds = (dμ, dσ²) `[2, all]` of [`NormRelu`], other columns 0, from the sums, s `[2, all]` and w.
#[derive(Debug, Clone, Copy)]
pub struct NormReluDs {
    /// The operation that this is a derivative of.
    pub norm: NormRelu,
    /// Columns of s.
    pub all: usize,
}

impl Op for NormReluDs {
    fn name(&self) -> &'static str {
        "norm_relu_ds"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let (s, count) = (Tensor::f32(2, self.all), self.norm.count);
        let fits = all_f32(inputs, 3)
            && inputs[0].cols == count
            && (inputs[1].rows, inputs[1].cols) == (2, self.all)
            && inputs[2] == Tensor::f32(2, count);
        require(fits, self, "sums [2 parts, C], s [2, all] and w [2, C]", inputs)?;
        Ok(s)
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (sums, s, w) = (SumParts { rows: 2 }.reference(&inputs[..1]), inputs[1], inputs[2]);
        let mut ds = Array::zeros(2, self.all);
        for c in 0..self.norm.count {
            let (at, gamma) = (self.norm.first + c, w.at(0, c));
            let v = s.at(1, at) + EPSILON;
            ds.set(0, at, -gamma / v.sqrt() * sums.at(1, c));
            ds.set(1, at, -0.5 * gamma / v * sums.at(0, c));
        }
        ds
    }

    fn launch(&self, inputs: &[Tensor], ds: &Tensor) -> Launch {
        let words = self.norm.words(0, ds, [0, inputs[0].rows / 2, 0]);
        Launch::only(kernel!("norm_relu", "grad_s"), words, Grid::Items(quads(ds)))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (batch, pixels, [all, count, first, width]) in
        [(1, 1, [4, 4, 0, 4]), (3, 7, [8, 4, 4, 12]), (65, 9, [12, 12, 0, 12]), (130, 131, [28, 20, 8, 40])]
    {
        let norm = NormRelu { all, count, first, recomputed: false };
        // Far from the kink on either side: γ n is beyond ±1.8, β within 1.5. A pixel on it would open in f32
        // or in f64 alone.
        let value = |i: u32| {
            let [a, b] = pcg4d([i, 4, 2, 1]).map(|word| f64::from(word % 1000) / 1000.0);
            0.6 + (4.0 + a) * if b < 0.5 { -1.0 } else { 1.0 }
        };
        let x = (Tensor::f32(batch, pixels * all), Contents::Values((0..997).map(value).collect()));
        let s = (Tensor::f32(2, width), Contents::Uniform(0.2, 1.0));
        let w = (Tensor::f32(2, count), Contents::Uniform(0.5, 1.5));
        let dy = (norm.result(&x.0), UNIT);
        let inputs = vec![x.clone(), s.clone(), w.clone()];
        let case = Case::new(norm, inputs.clone()).floor(1.0).tolerance(1e-5);
        // Differences of sums over so many pixels as in the large ones would be rounding.
        cases.push(if batch < 10 { case.differentiable(&[0, 1, 2]) } else { case });
        let with = |more: &[(Tensor, Contents)]| inputs.iter().chain(more).cloned().collect::<Vec<_>>();
        let dx = NormReluDx { norm, accumulate: false };
        cases.push(Case::new(dx, with(std::slice::from_ref(&dy))).floor(1.0).tolerance(1e-5));
        let mut all_of_it = with(std::slice::from_ref(&dy));
        all_of_it.insert(0, x.clone());
        let op = NormReluDx { accumulate: true, ..dx };
        cases.push(Case::new(op, all_of_it).update().floor(1.0).tolerance(1e-5));
        let sums = NormReluSums(norm);
        cases.push(Case::new(sums, with(&[dy])).floor(8.0).tolerance(1e-5));
        let parts = (Tensor::f32(2 * norm.parts(&x.0).count, count), Contents::Uniform(0.0, 1.0));
        cases.push(Case::new(NormReluDs { norm, all: width }, vec![parts, s, w]).tolerance(1e-5));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Values;

    /// Normalized by its own moments, x has a gradient through them too: both parts against differences.
    #[test]
    fn the_gradient_through_a_batchs_own_moments_is_that_of_differences() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(3, 2 * 8));
        let w = graph.input("w", Tensor::f32(2, 4));
        let dy = graph.input("dy", Tensor::f32(1, 1));
        let channels = Channels { all: 8, first: 0, count: 4 };
        let s = moments(&mut graph, x, channels, None).unwrap();
        let y = graph.apply(NormRelu { all: 8, count: 4, first: 0, recomputed: true }, &[x, s, w]).unwrap();
        let square = graph.apply(Activate(Activation::Tanh), &[y]).unwrap();
        let loss = graph.apply(Reduce::SUM, &[square]).unwrap();
        let wrt = gradients(&mut graph, &[(loss, dy)], &[x, w]).unwrap();
        let value = |i: usize| f64::from(pcg4d([i as u32, 1, 2, 3])[0] % 1000) / 500.0 - 1.0;
        let values = Values::from([
            (x, Array::from_fn(3, 16, |r, c| value(16 * r + c))),
            (w, Array::from_fn(2, 4, |r, c| 0.7 + 0.2 * value(100 + 4 * r + c))),
            (dy, Array::scalar(1.0)),
        ]);
        let found = graph.evaluate(&values, &wrt).unwrap();
        for (&of, gradient) in [x, w].iter().zip(&wrt) {
            for i in 0..values[&of].data.len() {
                let at = |delta: f64| {
                    let mut moved = values.clone();
                    moved.get_mut(&of).unwrap().data[i] += delta;
                    graph.evaluate(&moved, &[loss]).unwrap()[&loss].at(0, 0)
                };
                let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
                let analytic = found[gradient].data[i];
                assert!((numeric - analytic).abs() < 1e-6, "{of:?} {i}: {numeric} {analytic}");
            }
        }
    }
}
