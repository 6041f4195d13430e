//! Running totals on the GPU, read once an epoch, and what they mean to the host.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

use super::cross_entropy::{fits, weight};

/// What [`CountClassifier`] has counted of one replica.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassifierCounts {
    /// Σ cross-entropy, nats.
    pub loss: f64,
    /// Records whose largest logit is the label's.
    pub right: f64,
    /// Records that were counted.
    pub records: f64,
    /// The step of the first loss that was not finite.
    pub not_finite_at: Option<u64>,
}

impl ClassifierCounts {
    /// Columns: Σ cross-entropy, right, records, 1 + the step of the first non-finite loss (0: none).
    pub const WIDTH: usize = 4;

    /// Those of replica `r`, from the counters `[R, 1, 4]` as they were read back.
    pub fn decode(counters: &[f32], r: usize) -> Self {
        let [loss, right, records, step] = columns::<{ Self::WIDTH }>(counters, r);
        ClassifierCounts { loss, right, records, not_finite_at: step_of(step) }
    }

    /// The fraction of the records that were right; none where none were counted.
    pub fn accuracy(&self) -> Option<f64> {
        (self.records > 0.0).then(|| self.right / self.records)
    }
}

/// What [`CountAttack`] has counted of one replica.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttackCounts {
    /// Σ log-gain terms, nats.
    pub gain: f64,
    /// Records that the attack told right.
    pub right: f64,
    /// Records that were counted.
    pub records: f64,
    /// Σ (s − s₀) over the logits s, s₀ the first of them.
    apart: f64,
    /// Σ (s − s₀)².
    apart_squared: f64,
    /// The step of the first sum that was not finite.
    pub not_finite_at: Option<u64>,
}

impl AttackCounts {
    /// Columns: Σ log-gain terms, right, records, Σ (s − s₀), Σ (s − s₀)², 1 + the step of the first
    /// non-finite sum (0: none), s₀ (the first logit counted), 1 unused.
    pub const WIDTH: usize = 8;

    /// Those of replica `r`, from the counters `[R, 1, 8]` as they were read back.
    pub fn decode(counters: &[f32], r: usize) -> Self {
        let [gain, right, records, apart, apart_squared, step, _, _] =
            columns::<{ Self::WIDTH }>(counters, r);
        AttackCounts { gain, right, records, apart, apart_squared, not_finite_at: step_of(step) }
    }

    /// The standard deviation of the logits.
    pub fn logit_deviation(&self) -> f64 {
        (self.apart_squared / self.records - (self.apart / self.records).powi(2)).max(0.0).sqrt()
    }
}

/// Row `r` of read-back counters `[R, 1, N]`.
fn columns<const N: usize>(counters: &[f32], r: usize) -> [f64; N] {
    std::array::from_fn(|column| f64::from(counters[r * N + column]))
}

/// The step that a flag 1 + step tells of.
fn step_of(flag: f64) -> Option<u64> {
    (flag as u64).checked_sub(1)
}

/// Adds a batch to counters `[1, 4]`; inputs: counters, logits `[B, C]`, labels u32 `[B, 1]`, where they are given
/// the classes' weights `[1, C]`, step u32 `[1, 1]`. A record counts as much as its class weighs, or 1. Records
/// labelled [`PADDING`] do not count; the lowest of equally likely classes is the prediction.
#[derive(Debug, Clone, Copy)]
pub struct CountClassifier;

impl Op for CountClassifier {
    fn name(&self) -> &'static str {
        "count_classifier"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = match inputs {
            [counters, logits, labels, weights @ .., step] => {
                *counters == Tensor::f32(1, ClassifierCounts::WIDTH)
                    && fits(logits, labels, weights)
                    && is_column(step, 1)
            }
            _ => false,
        };
        let expected =
            "counters [1, 4], logits [B, C], labels u32 [B, 1], perhaps weights [1, C], step u32 [1, 1]";
        require(fits, self, expected, inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (mut counts, x, labels, last) = (inputs[0].clone(), inputs[1], inputs[2], inputs.len() - 1);
        let step = inputs[last];
        let mut loss = 0.0;
        for b in (0..x.rows).filter(|&b| labels.at(b, 0) != f64::from(PADDING)) {
            let (row, label) = (x.row(b), labels.at(b, 0) as usize);
            let best = (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
            let weight = weight(&inputs[3..last], label);
            loss -= weight * softmax(row)[label].ln();
            counts.data[1] += weight * f64::from(u8::from(best == label));
            counts.data[2] += weight;
        }
        counts.data[0] += loss;
        if !loss.is_finite() && counts.data[3] == 0.0 {
            counts.data[3] = step.at(0, 0) + 1.0;
        }
        counts
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let x = &inputs[1];
        let words = [x.rows, x.cols, quads(x)].map(word).to_vec();
        let kernel = match inputs.len() {
            4 => kernel!("cross_entropy", "count"),
            _ => kernel!("cross_entropy", "weighted_count"),
        };
        Launch::only(kernel, words, Grid::Items(1))
    }
}

/// Adds an attack batch to counters `[1, 8]`; inputs: counters, logits s `[B, 1]`, step u32 `[1, 1]`. The
/// first `members` records are members; right means (s ≥ 0) = member.
#[derive(Debug, Clone, Copy)]
pub struct CountAttack {
    /// How many of the batch are members, 0 to B.
    pub members: usize,
}

impl Op for CountAttack {
    fn name(&self) -> &'static str {
        "count_attack"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 3
            && inputs[0] == Tensor::f32(1, AttackCounts::WIDTH)
            && inputs[1].dtype == DType::F32
            && inputs[1].cols == 1
            && is_column(&inputs[2], 1);
        require(fits, self, "counters [1, 8], logits [B, 1], step u32 [1, 1]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (mut counts, s, step) = (inputs[0].clone(), inputs[1], inputs[2]);
        if counts.data[2] == 0.0 {
            counts.data[6] = s.at(0, 0);
        }
        let mut sums = [0.0; 4];
        for b in 0..s.rows {
            let (value, member) = (s.at(b, 0), b < self.members);
            let signed = if member { value } else { -value };
            let apart = value - counts.data[6];
            sums[0] -= (-signed).max(0.0) + (-value.abs()).exp().ln_1p();
            sums[1] += f64::from(u8::from((value >= 0.0) == member));
            sums[2] += apart;
            sums[3] += apart * apart;
        }
        for (column, sum) in [0, 1, 3, 4].into_iter().zip(sums) {
            counts.data[column] += sum;
        }
        counts.data[2] += s.rows as f64;
        if sums.iter().any(|sum| !sum.is_finite()) && counts.data[5] == 0.0 {
            counts.data[5] = step.at(0, 0) + 1.0;
        }
        counts
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        // Counted is always the log gain.
        let words = MembershipGain { form: GainForm::Log, members: self.members }.words(&inputs[1]);
        Launch::only(kernel!("membership_gain", "count"), words, Grid::Items(1))
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[1]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let step = (Tensor::u32(1, 1), Contents::Below(9));
    let mut cases = vec![];
    for (rows, cols) in [(1, 1), (3, 7), (130, 30), (64, 100)] {
        let counts = (Tensor::f32(1, ClassifierCounts::WIDTH), Contents::Values(vec![1.0, 2.0, 3.0, 0.0]));
        let labels: Vec<f64> =
            (0..rows).map(|b| f64::from(if b % 5 == 4 { PADDING } else { (b % cols) as u32 })).collect();
        let labels = (Tensor::u32(rows, 1), Contents::Values(labels));
        let x = (Tensor::f32(rows, cols), Contents::Uniform(-4.0, 4.0));
        let weights = (Tensor::f32(1, cols), Contents::Uniform(0.0, 3.0));
        for inputs in [
            vec![counts.clone(), x.clone(), labels.clone(), step.clone()],
            vec![counts, x, labels, weights, step.clone()],
        ] {
            cases.push(Case::new(CountClassifier, inputs).update());
        }
    }
    for (rows, members) in [(1, 1), (67, 30), (256, 128)] {
        for seen in [0.0, 64.0] {
            let counts = Contents::Values(vec![-40.0, 30.0, seen, 1.0, 20.0, 0.0, 0.25, 0.0]);
            let counts = (Tensor::f32(1, AttackCounts::WIDTH), counts);
            let s = (Tensor::f32(rows, 1), Contents::Uniform(-3.0, 3.0));
            cases.push(Case::new(CountAttack { members }, vec![counts, s, step.clone()]).update());
        }
    }
    // The first step that is not finite is kept, a later one does not overwrite it.
    for flag in [0.0, 3.0] {
        for odd in [f64::NAN, f64::INFINITY] {
            let counts =
                (Tensor::f32(1, ClassifierCounts::WIDTH), Contents::Values(vec![1.0, 2.0, 3.0, flag]));
            let x = (Tensor::f32(2, 3), Contents::Values(vec![0.5, odd, 0.25, 1.0, 2.0, 3.0]));
            let labels = (Tensor::u32(2, 1), Contents::Values(vec![0.0, 2.0]));
            cases.push(Case::new(CountClassifier, vec![counts, x, labels, step.clone()]).update());
            let counts = Contents::Values(vec![1.0, 2.0, 3.0, 0.0, 1.0, flag, 0.5, 0.0]);
            let counts = (Tensor::f32(1, AttackCounts::WIDTH), counts);
            let s = (Tensor::f32(3, 1), Contents::Values(vec![0.5, odd, -1.0]));
            cases.push(Case::new(CountAttack { members: 2 }, vec![counts, s, step.clone()]).update());
        }
    }
    cases
}
