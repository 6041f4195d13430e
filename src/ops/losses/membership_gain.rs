//! The attack's gain, from its logits: what h maximizes and, for its own records, what f minimizes.

use crate::graph::{Array, Class, Grid, Launch, Variant};
use crate::kernel;
use crate::ops::*;

/// What a record adds to the gain; h = σ(s), members first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum GainForm {
    /// log h for a member, log(1 − h) for another (the paper).
    Log = 0,
    /// −(1 − h)² for a member, −h² for another (the official code's squared error).
    Squared = 1,
    /// h for every record (the official code's penalty, up to its constant ½).
    Linear = 2,
}

/// y = mean over the batch of the terms of `form`, a scalar, from logits s `[B, 1]`; the first `members`
/// records are members.
#[derive(Debug, Clone, Copy)]
pub struct MembershipGain {
    /// What a record adds.
    pub form: GainForm,
    /// How many of the batch are members, 0 to B.
    pub members: usize,
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// log(1 + eˣ).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

impl MembershipGain {
    fn term(&self, s: f64, b: usize) -> f64 {
        let sign = if b < self.members { 1.0 } else { -1.0 };
        match self.form {
            GainForm::Log => -softplus(-sign * s),
            GainForm::Squared => -sigmoid(-sign * s).powi(2),
            GainForm::Linear => sigmoid(s),
        }
    }

    /// d term / ds.
    fn slope(&self, s: f64, b: usize) -> f64 {
        let sign = if b < self.members { 1.0 } else { -1.0 };
        let miss = sigmoid(-sign * s);
        match self.form {
            GainForm::Log => sign * miss,
            GainForm::Squared => sign * 2.0 * miss * miss * (1.0 - miss),
            GainForm::Linear => miss * (1.0 - miss),
        }
    }

    /// The words of a launch on logits s.
    pub(super) fn words(&self, s: &Tensor) -> Vec<u32> {
        vec![word(s.rows), word(self.members), self.form as u32, word(quads(s)), 0, 0]
    }
}

fn is_logits(inputs: &[Tensor], count: usize) -> bool {
    all_f32(inputs, count) && inputs[0].cols == 1
}

impl Op for MembershipGain {
    fn name(&self) -> &'static str {
        "membership_gain"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(is_logits(inputs, 1), self, "logits [B, 1]", inputs)?;
        Ok(Tensor::f32(1, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let s = inputs[0];
        let sum: f64 = (0..s.rows).map(|b| self.term(s.at(b, 0), b)).sum();
        Array::scalar(sum / s.rows as f64)
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(MembershipGainGrad(*self), &[inputs[0], dy])?)])
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        Launch::only(kernel!("membership_gain", "forward"), self.words(&inputs[0]), Grid::Items(1))
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[0]
    }
}

/// ds\[b\] = dy/B · d term / ds.
#[derive(Debug, Clone, Copy)]
pub struct MembershipGainGrad(pub MembershipGain);

impl Op for MembershipGainGrad {
    fn name(&self) -> &'static str {
        "membership_gain_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = is_logits(inputs, 2) && is_scalar(&inputs[1]);
        require(fits, self, "logits [B, 1] and a scalar", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, 1))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let s = inputs[0];
        let scale = inputs[1].at(0, 0) / s.rows as f64;
        Array::from_fn(s.rows, 1, |b, _| scale * self.0.slope(s.at(b, 0), b))
    }

    fn launch(&self, inputs: &[Tensor], ds: &Tensor) -> Launch {
        let words = self.0.words(&inputs[0]);
        Launch::only(kernel!("membership_gain", "grad_s"), words, Grid::Items(ds.rows))
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[0]
    }
}

/// h's last layer with what follows it both ways, `[B, 8 + K]` from x `[B, K]`, w `[K + 1, 1]` and dy `[1, 1]`:
/// from [column 0](Self::STARTS) on the logits s = x · w\[..K\] + w\[K\], from column 4 on
/// ds = [`MembershipGainGrad`] (s, dy), from column 8 on dx = (ds · wᵀ) ⊙ act′(x), as [`DenseDx`] has it;
/// between them zeros. The plan makes it of those three, to the same bytes where both run their defaults: its
/// variants are called as those of [`Dense`] whose order of sums they have.
#[derive(Debug, Clone, Copy)]
pub struct GainTail {
    /// The gain.
    pub gain: MembershipGain,
    /// Whether x is a ReLU's, whose slope is then a factor of dx.
    pub relu: bool,
}

impl GainTail {
    /// The first columns of s, ds and dx.
    pub const STARTS: [usize; 3] = [0, 4, 8];
}

impl Op for GainTail {
    fn name(&self) -> &'static str {
        "gain_tail"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 3)
            && (inputs[1].rows, inputs[1].cols) == (inputs[0].cols + 1, 1)
            && is_scalar(&inputs[2]);
        require(fits, self, "x [B, K], w [K + 1, 1] and a scalar", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, Self::STARTS[2] + inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, w) = (inputs[0], inputs[1]);
        let s = Dense { activation: Activation::Identity }.reference(&[x, w]);
        let ds = MembershipGainGrad(self.gain).reference(&[&s, inputs[2]]);
        let activation = if self.relu { Activation::Relu } else { Activation::Identity };
        let dx = DenseDx { activation }.reference(&[&ds, w, x]);
        let mut all = Array::zeros(x.rows, Self::STARTS[2] + x.cols);
        for (part, start) in [s, ds, dx].into_iter().zip(Self::STARTS) {
            (0..x.rows)
                .for_each(|b| all.data[b * all.cols + start..][..part.cols].copy_from_slice(part.row(b)));
        }
        all
    }

    fn flops(&self, inputs: &[Tensor], _: &Tensor) -> f64 {
        4.0 * inputs[0].rows as f64 * inputs[0].cols as f64
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let x = &inputs[0];
        let mut words = self.gain.words(&Tensor::f32(x.rows, 1));
        words[4..].copy_from_slice(&[word(x.cols), u32::from(self.relu)]);
        let grid = Grid::Items(x.rows);
        let variants = vec![
            Variant::new("register", kernel!("membership_gain", "tail_by_fours"), grid)
                .default_on(Class::SOFTWARE),
            Variant::new("workgroup", kernel!("membership_gain", "tail"), grid).default_on(Class::HARDWARE),
        ];
        Launch { words, variants }
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for form in [GainForm::Log, GainForm::Squared, GainForm::Linear] {
        for (rows, members) in [(1, 1), (2, 1), (67, 30), (256, 128), (128, 128)] {
            let s = (Tensor::f32(rows, 1), Contents::Uniform(-5.0, 5.0));
            // log h near 0 has the error of numbers near 1, and few records may all be there.
            let tolerance = if rows <= 2 { 2e-5 } else { 2e-6 };
            let case = Case::new(MembershipGain { form, members }, vec![s]).differentiable(&[0]);
            cases.push(case.tolerance(tolerance));
        }
        for (i, (rows, inputs, members)) in [(1, 1, 1), (67, 13, 30), (256, 64, 128)].into_iter().enumerate()
        {
            let gain = MembershipGain { form, members };
            let shapes = [(rows, inputs), (inputs + 1, 1), (1, 1)];
            let inputs = shapes.map(|(rows, cols)| (Tensor::f32(rows, cols), Contents::Uniform(-0.5, 0.9)));
            // The logits are sums of K products of numbers up to 1.
            let tail = GainTail { gain, relu: i > 0 };
            cases.push(Case::new(tail, inputs.to_vec()).tolerance(1e-5).floor(1.0));
        }
        // Saturated logits: log(sigmoid(s)) would be −∞ here.
        let s = (Tensor::f32(4, 1), Contents::Values(vec![-200.0, 60.0, -60.0, 200.0]));
        cases.push(Case::new(MembershipGain { form, members: 2 }, vec![s]));
    }
    cases
}
