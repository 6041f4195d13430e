//! Mean and variance of image channels over a batch, as batch normalization takes them: once a channel, where
//! it is made, for all who normalize it. And the running ones, for use outside of training.
//!
//! Source: Ioffe and Szegedy 2015, "Batch Normalization", algorithms 1 and 2; momentum as PyTorch defines it.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// Some channels of the pixels of a batch, x `[B, P·channels]` seen as N = B·P rows of `channels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// All of a pixel.
    pub all: usize,
    /// The first that is meant.
    pub first: usize,
    /// How many are meant, one after another.
    pub count: usize,
}

impl Channels {
    /// N.
    pub(super) fn rows(&self, x: &Tensor) -> usize {
        x.rows * (x.cols / self.all)
    }

    pub(super) fn fit(&self, x: &Tensor) -> bool {
        let fours = [self.all, self.first, self.count].iter().all(|c| c.is_multiple_of(4));
        fours && self.first + self.count <= self.all && x.cols.is_multiple_of(self.all)
    }

    /// [`Parts`] of their N rows.
    pub(super) fn parts(&self, x: &Tensor) -> Parts {
        let rows = self.rows(x);
        let each = rows.div_ceil(256).max(64);
        Parts { each, count: rows.div_ceil(each) }
    }

    /// Whether a column of x is one of them.
    pub(super) fn contain(&self, column: usize) -> bool {
        (self.first..self.first + self.count).contains(&(column % self.all))
    }
}

/// Rows are added up in parts, side by side: `count` of `each` rows, the last one's maybe fewer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub each: usize,
    pub count: usize,
}

/// The numbers of `moments.wgsl`, of which each pass has its own; lengths of channels in vec4s.
#[derive(Default)]
struct Words {
    rows: usize,
    pitch: usize,
    first: usize,
    quads: usize,
    part: usize,
    parts: usize,
    accumulate: bool,
    running_pitch: usize,
    unbiased: f32,
}

impl Words {
    fn of(c: &Channels, x: &Tensor) -> Self {
        let [pitch, first, quads] = [c.all, c.first, c.count].map(|channels| channels / 4);
        Words { rows: c.rows(x), pitch, first, quads, ..Words::default() }
    }

    fn list(&self) -> Vec<u32> {
        let lengths = [self.rows, self.pitch, self.first, self.quads, self.part, self.parts];
        let rest = [u32::from(self.accumulate), word(self.running_pitch)];
        let factors = [MOMENTUM, self.unbiased].map(f32::to_bits);
        lengths.into_iter().map(word).chain(rest).chain(factors).collect()
    }
}

/// Sums Σ (x − s) and Σ (x − s)² of each channel in parts, `[2 parts, count]`, s its first value, from x. No
/// derivative of its own: [`Moments`] has it for both.
#[derive(Debug, Clone, Copy)]
pub struct ChannelSums(pub Channels);

impl Op for ChannelSums {
    fn name(&self) -> &'static str {
        "channel_sums"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 1) && self.0.fit(&inputs[0]);
        require(fits, self, "x [B, P·channels], multiples of 4 of channels", inputs)?;
        Ok(Tensor::f32(2 * self.0.parts(&inputs[0]).count, self.0.count))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, c) = (inputs[0], &self.0);
        let parts = c.parts(&Tensor::f32(x.rows, x.cols));
        let mut sums = Array::zeros(2 * parts.count, c.count);
        for (i, pixel) in x.data.chunks(c.all).enumerate() {
            for k in 0..c.count {
                let d = pixel[c.first + k] - x.data[c.first + k];
                let at = i / parts.each * 2 * c.count + k;
                sums.data[at] += d;
                sums.data[at + c.count] += d * d;
            }
        }
        sums
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let (x, c) = (&inputs[0], &self.0);
        let words = Words { part: c.parts(x).each, ..Words::of(c, x) }.list();
        Launch::only(kernel!("moments", "sums"), words, Grid::Items(y.rows / 2 * c.count / 4))
    }
}

/// s = rows mean μ and variance σ² (biased) of the channels, `[2, all]`, from the [`ChannelSums`] and x. It
/// writes the columns of its channels.  dx = dμ / N + 2 dσ² (x − μ) / N, the sums being functions of x.
#[derive(Debug, Clone, Copy)]
pub struct Moments(pub Channels);

impl Op for Moments {
    fn name(&self) -> &'static str {
        "moments"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && ChannelSums(self.0).shape(&inputs[1..])? == inputs[0];
        require(fits, self, "sums [2 parts, count] and x [B, P·channels]", inputs)?;
        Ok(Tensor::f32(2, self.0.all))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (sums, x, c) = (inputs[0], inputs[1], &self.0);
        let rows = (x.data.len() / c.all) as f64;
        let mut s = Array::zeros(2, c.all);
        for k in 0..c.count {
            let total = |odd: usize| (odd..sums.rows).step_by(2).map(|i| sums.at(i, k)).sum::<f64>() / rows;
            let (d, square) = (total(0), total(1));
            s.set(0, c.first + k, x.data[c.first + k] + d);
            s.set(1, c.first + k, (square - d * d).max(0.0));
        }
        s
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        y: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let dx = MomentsDx { channels: self.0, accumulate: false };
        Ok(vec![None, Some(graph.apply(dx, &[dy, inputs[1], y])?)])
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let (sums, x, c) = (&inputs[0], &inputs[1], &self.0);
        let words = Words { parts: sums.rows / 2, ..Words::of(c, x) }.list();
        Launch::only(kernel!("moments", "forward"), words, Grid::Items(c.count / 4))
    }

    fn writes(&self, column: usize) -> bool {
        self.0.contain(column)
    }
}

/// dx of [`Moments`], other channels' 0, from ds `[2, all]`, x and s. To `accumulate`: added to a sum
/// instead, the first input.
#[derive(Debug, Clone, Copy)]
pub struct MomentsDx {
    /// Those that the [`Moments`] are of.
    pub channels: Channels,
    /// Whether the first input is a sum of gradients `[B, P·all]` that dx is added to.
    pub accumulate: bool,
}

impl Op for MomentsDx {
    fn name(&self) -> &'static str {
        "moments_dx"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let own = &inputs[usize::from(self.accumulate)..];
        let s = Tensor::f32(2, self.channels.all);
        let fits = all_f32(own, 3)
            && self.channels.fit(&own[1])
            && [own[0], own[2]] == [s; 2]
            && (!self.accumulate || inputs[0] == own[1]);
        require(fits, self, "ds [2, channels], x [B, P·channels] and s [2, channels]", inputs)?;
        Ok(own[1])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let [ds, x, s] = inputs[usize::from(self.accumulate)..] else { unreachable!("three operands") };
        let rows = (x.data.len() / self.channels.all) as f64;
        Array::from_fn(x.rows, x.cols, |b, i| {
            let old = if self.accumulate { inputs[0].at(b, i) } else { 0.0 };
            if !self.channels.contain(i) {
                return old;
            }
            let c = i % self.channels.all;
            old + ds.at(0, c) / rows + 2.0 * ds.at(1, c) * (x.at(b, i) - s.at(0, c)) / rows
        })
    }

    fn launch(&self, _: &[Tensor], dx: &Tensor) -> Launch {
        let c = &self.channels;
        let words = Words { accumulate: self.accumulate, ..Words::of(c, dx) };
        let width = if self.accumulate { c.count } else { c.all };
        let grid = Grid::Items(words.rows.div_ceil(8) * width / 4);
        Launch::only(kernel!("moments", "grad_x"), words.list(), grid)
    }

    fn accumulating(&self) -> Option<Arc<dyn Op>> {
        Some(Arc::new(MomentsDx { accumulate: true, ..*self }))
    }
}

/// The share of a batch in the running statistics: PyTorch's default.
const MOMENTUM: f32 = 0.1;

/// running\[:, first..\] = 0.9 running + 0.1 s\[:, ..count\], an update of the running mean and variance
/// `[2, ΣC]`, from a batch's moments s; the variance times N / (N − 1), unbiased.
#[derive(Debug, Clone, Copy)]
pub struct RunningMoments {
    /// The layer's columns of the running statistics.
    pub first: usize,
    /// How many channels the layer has.
    pub count: usize,
    /// N.
    pub rows: usize,
}

impl RunningMoments {
    fn unbiased(&self) -> f32 {
        self.rows as f32 / (self.rows.max(2) - 1) as f32
    }
}

impl Op for RunningMoments {
    fn name(&self) -> &'static str {
        "running_moments"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2)
            && inputs.iter().all(|t| t.rows == 2)
            && self.first + self.count <= inputs[0].cols
            && self.count <= inputs[1].cols
            && [self.first, self.count, inputs[1].cols].iter().all(|c| c.is_multiple_of(4));
        require(fits, self, "running [2, ΣC] and s [2, channels]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (running, s) = (inputs[0], inputs[1]);
        let (share, unbiased) = (f64::from(MOMENTUM), f64::from(self.unbiased()));
        let mut next = running.clone();
        for (row, factor) in [(0, 1.0), (1, unbiased)] {
            for c in 0..self.count {
                let old = running.at(row, self.first + c);
                next.set(row, self.first + c, (1.0 - share) * old + share * factor * s.at(row, c));
            }
        }
        next
    }

    fn launch(&self, inputs: &[Tensor], running: &Tensor) -> Launch {
        let words = Words {
            pitch: quads(&inputs[1]),
            first: self.first / 4,
            quads: self.count / 4,
            running_pitch: quads(running),
            unbiased: self.unbiased(),
            ..Words::default()
        };
        Launch::only(kernel!("moments", "running"), words.list(), Grid::Items(self.count / 4))
    }
}

/// The moments of channels of `x`, in place in `into` or in a new tensor.
///
/// # Errors
/// Shapes that do not fit.
pub fn moments(graph: &mut Graph, x: NodeId, channels: Channels, into: Option<NodeId>) -> Result<NodeId> {
    let sums = graph.apply(ChannelSums(channels), &[x])?;
    match into {
        Some(s) => graph.fill(Moments(channels), &[s, sums, x]),
        None => graph.apply(Moments(channels), &[sums, x]),
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (batch, pixels, [all, first, count]) in
        [(1, 1, [4, 0, 4]), (3, 7, [8, 4, 4]), (65, 9, [12, 0, 12]), (130, 131, [28, 8, 12])]
    {
        let channels = Channels { all, first, count };
        let x = Tensor::f32(batch, pixels * all);
        let far = Contents::Uniform(9.0, 11.0);
        let s = (Tensor::f32(2, all), Contents::Uniform(0.1, 2.0));
        cases.push(Case::new(ChannelSums(channels), vec![(x, far.clone())]).tolerance(1e-5).floor(1.0));
        let sums = (Tensor::f32(2 * channels.parts(&x).count, count), Contents::Uniform(0.0, 0.1));
        let inputs = vec![s.clone(), sums, (x, UNIT)];
        cases.push(Case::new(Moments(channels), inputs).fill().tolerance(1e-5));
        let inputs = vec![s.clone(), (x, UNIT), s.clone()];
        let dx = MomentsDx { channels, accumulate: false };
        cases.push(Case::new(dx, inputs.clone()));
        let inputs = [(x, UNIT)].into_iter().chain(inputs).collect();
        cases.push(Case::new(MomentsDx { accumulate: true, ..dx }, inputs).update());
        let running = (Tensor::f32(2, 44), UNIT);
        let op = RunningMoments { first: 8, count, rows: batch * pixels };
        cases.push(Case::new(op, vec![running, s]).update());
    }
    cases
}
