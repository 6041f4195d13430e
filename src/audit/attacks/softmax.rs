//! Logarithms of a record's probabilities and of their complements, from logits or from probabilities.
//!
//! Not the scores that are made of them ([`super::scores`]).
//!
//! C classes, z the logits, p = softmax(z). All arithmetic is f64. With m the
//! largest logit and s = Σ exp(z − m) over all but one largest, log p_i = z_i − m − log(1 + s), and of the
//! largest log(1 − p) = log s − log(1 + s): a confidence of 1 − 1e-90 is still told from one of 1 − 1e-91.
//!
//! Of probabilities, which were rounded when they were stored, 1 − p is the complement of a p below 1. Of a p
//! that is stored as 1 it is the sum of the others, half a unit in 1's last place at most, which is what
//! rounding may have taken. So ties stay ties, and a score by p_y alone depends on nothing else below 1.

use crate::audit::outputs::Outputs;

/// One record.
pub(super) struct Row<'r> {
    /// \[C\].
    pub(super) values: &'r [f64],
    pub(super) label: usize,
    pub(super) outputs: Outputs<'r>,
}

/// The largest of a record's logits, and the others.
pub(super) struct Softmax<'r> {
    z: &'r [f64],
    /// The place of the first largest.
    pub(super) top: usize,
    /// s = Σ exp(z − m) over all others, and log(1 + s).
    others: f64,
    log_total: f64,
}

impl<'r> Softmax<'r> {
    pub(super) fn new(z: &'r [f64]) -> Self {
        let top = largest(z);
        let others = z.iter().enumerate().filter(|(i, _)| *i != top).map(|(_, x)| (x - z[top]).exp()).sum();
        Softmax { z, top, others, log_total: f64::ln_1p(others) }
    }

    /// log p_i.
    pub(super) fn log_p(&self, i: usize) -> f64 {
        self.z[i] - self.z[self.top] - self.log_total
    }

    /// log s, also where s itself is too small for an f64.
    pub(super) fn log_others(&self) -> f64 {
        if self.others > f64::MIN_POSITIVE {
            return self.others.ln();
        }
        let rest = || self.z.iter().enumerate().filter(|(i, _)| *i != self.top).map(|(_, z)| *z);
        let second = rest().fold(f64::NEG_INFINITY, f64::max);
        if second == f64::NEG_INFINITY {
            return second;
        }
        second - self.z[self.top] + rest().map(|z| (z - second).exp()).sum::<f64>().ln()
    }

    /// log(1 − p_i), from p_i.
    pub(super) fn log_not_p(&self, i: usize, p: f64) -> f64 {
        // Any other class has ½ at most: nothing cancels.
        if i == self.top { self.log_others() - self.log_total } else { log_complement(p) }
    }
}

impl Row<'_> {
    /// The place of the predicted class: of equal outputs the first.
    pub(super) fn predicted(&self) -> usize {
        largest(self.values)
    }

    /// 1 − p of the class at `place`, of probabilities.
    pub(super) fn complement(&self, place: usize) -> f64 {
        if self.values[place] < 1.0 {
            return 1.0 - self.values[place];
        }
        let others = self.values.iter().enumerate().filter(|(i, _)| *i != place).map(|(_, p)| p);
        others.sum::<f64>().min(self.outputs.half_ulp)
    }

    /// log p and log(1 − p) of the class at `place`, of probabilities.
    pub(super) fn logs(&self, place: usize) -> [f64; 2] {
        let p = self.values[place];
        if p < 1.0 {
            return [p.ln(), log_complement(p)];
        }
        let lost = self.complement(place);
        [log_complement(lost), lost.ln()]
    }
}

/// The place of the first largest.
fn largest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

/// log(1 − p), by its series where p is small: most classes' p are.
pub(super) fn log_complement(p: f64) -> f64 {
    // The first term left out is below 2e-17 of the sum.
    if p < 1e-4 { -p * (1.0 + p * (0.5 + p * (1.0 / 3.0 + p * 0.25))) } else { (-p).ln_1p() }
}

/// p log p, which is 0 for p = 0.
pub(super) fn p_log_p(p: f64, log_p: f64) -> f64 {
    if p == 0.0 { 0.0 } else { p * log_p }
}
