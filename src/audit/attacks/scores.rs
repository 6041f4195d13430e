//! The scores of the threshold attacks: one number a record from the classifier's output on it.
//!
//! Not the attacks themselves: choosing a threshold and judging it is [`super::scored`]'s.
//!
//! Notation: N records, C classes, z the logits, y the label, p = softmax(z). All arithmetic is
//! f64 and in logarithms: log p_i = z_i − lse(z) and log(1 − p_i) = lse_{j≠i}(z) − lse(z), so a
//! confidence of 1 − 1e-20 is still told from one of 1 − 1e-21.

use std::f64::consts::LN_2;

use crate::error::{Error, Result};

/// Probability-only inputs are clamped here from below: log 0 would make every score infinite.
const SMALLEST_PROBABILITY: f64 = 1e-30;

/// How far a row of probabilities may sum from 1: f16 exports are off by up to about 1e-3.
const SUM_TOLERANCE: f64 = 1e-2;

/// A classifier's output on N records, with their labels.
#[derive(Debug, Clone, Copy)]
pub struct Predictions<'a> {
    /// \[N, C\] row-major.
    values: &'a [f32],
    form: OutputForm,
    classes: usize,
    /// \[N\], each under C.
    labels: &'a [u32],
}

/// What a classifier's outputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputForm {
    Logits,
    Probabilities,
}

impl<'a> Predictions<'a> {
    /// [`from_logits`](Self::from_logits) or [`from_probabilities`](Self::from_probabilities).
    ///
    /// # Errors
    /// Theirs.
    pub fn new(form: OutputForm, outputs: &'a [f32], classes: usize, labels: &'a [u32]) -> Result<Self> {
        match form {
            OutputForm::Logits => Self::from_logits(outputs, classes, labels),
            OutputForm::Probabilities => Self::from_probabilities(outputs, classes, labels),
        }
    }

    /// From logits \[N, `classes`\], row-major, and labels \[N\].
    ///
    /// # Errors
    /// Fewer than two classes, sizes that do not fit, a label that is no class, a logit that is
    /// NaN or infinite.
    pub fn from_logits(logits: &'a [f32], classes: usize, labels: &'a [u32]) -> Result<Self> {
        let predictions = Self::shaped(logits, OutputForm::Logits, classes, labels)?;
        if let Some(at) = logits.iter().position(|z| !z.is_finite()) {
            return Err(Error::data(format!("logits, record {}", at / classes))
                .expected("finite numbers")
                .found(logits[at].to_string())
                .advice("the model diverged; audit an earlier state of it"));
        }
        Ok(predictions)
    }

    /// From probabilities \[N, `classes`\], row-major, and labels \[N\], for a model whose logits
    /// are out of reach. Clamped at 1e-30; confidences near 1 keep f32's resolution only.
    ///
    /// # Errors
    /// As [`from_logits`](Self::from_logits), and a value outside \[0, 1\] or a row whose sum is
    /// not 1 (within 0.01).
    pub fn from_probabilities(probabilities: &'a [f32], classes: usize, labels: &'a [u32]) -> Result<Self> {
        let predictions = Self::shaped(probabilities, OutputForm::Probabilities, classes, labels)?;
        for (record, row) in probabilities.chunks_exact(classes).enumerate() {
            let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
            let outside = row.iter().find(|p| !(0.0..=1.0).contains(*p));
            if outside.is_some() || (sum - 1.0).abs() > SUM_TOLERANCE {
                let found = outside.map_or_else(|| format!("a sum of {sum}"), f32::to_string);
                return Err(Error::data(format!("probabilities, record {record}"))
                    .expected("numbers from 0 to 1 that sum to 1")
                    .found(found)
                    .advice("pass a model's raw outputs as logits"));
            }
        }
        Ok(predictions)
    }

    fn shaped(values: &'a [f32], form: OutputForm, classes: usize, labels: &'a [u32]) -> Result<Self> {
        if classes < 2 {
            return Err(Error::data("predictions").expected("at least 2 classes").found(classes.to_string()));
        }
        if Some(values.len()) != labels.len().checked_mul(classes) {
            return Err(Error::data("predictions")
                .expected(format!("{} records of {classes} classes", labels.len()))
                .found(format!("{} values", values.len()))
                .advice("pass one row of outputs for each label"));
        }
        if let Some(record) = labels.iter().position(|&y| y as usize >= classes) {
            return Err(Error::data(format!("predictions, record {record}"))
                .expected(format!("a label under {classes}"))
                .found(labels[record].to_string())
                .advice("labels count from 0"));
        }
        Ok(Predictions { values, form, classes, labels })
    }

    /// N.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no record at all.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// C.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// \[N\].
    pub fn labels(&self) -> &'a [u32] {
        self.labels
    }

    /// `score` of every record, through one reused row of f64.
    fn map(&self, score: impl Fn(&Row) -> f64) -> Vec<f64> {
        let mut z = vec![0.0; self.classes];
        let rows = self.values.chunks_exact(self.classes).zip(self.labels);
        rows.map(|(row, &label)| {
            for (z, &value) in z.iter_mut().zip(row) {
                let value = f64::from(value);
                *z = match self.form {
                    OutputForm::Logits => value,
                    OutputForm::Probabilities => value.max(SMALLEST_PROBABILITY).ln(),
                };
            }
            score(&Row { z: &z, lse: log_sum_exp(z.iter().copied()), label: label as usize })
        })
        .collect()
    }
}

/// One record: z up to a constant, and its log-sum-exp.
struct Row<'r> {
    /// \[C\].
    z: &'r [f64],
    lse: f64,
    label: usize,
}

impl Row<'_> {
    /// log p_i.
    fn log_p(&self, i: usize) -> f64 {
        self.z[i] - self.lse
    }

    /// log(1 − p_i). The sum over the other classes is needed only where 1 − p_i cancels, above ½,
    /// which is one class at most: all C of a record cost O(C), not O(C²).
    fn log_not_p(&self, i: usize) -> f64 {
        let log_p = self.log_p(i);
        if log_p <= -LN_2 {
            return (-log_p.exp()).ln_1p();
        }
        let others = self.z[..i].iter().chain(&self.z[i + 1..]);
        log_sum_exp(others.copied()) - self.lse
    }
}

/// log Σ exp z, shifted by the largest so that nothing overflows.
fn log_sum_exp(z: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = z.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + z.map(|z| (z - largest).exp()).sum::<f64>().ln()
}

/// A score of every record, \[N\]: higher = more member-like.
pub type Score = fn(&Predictions) -> Vec<f64>;

/// The gap attack: 1 where the classifier is right, 0 where it is wrong; \[N\]. Of equal outputs
/// the first counts as the predicted class.
pub fn gap(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| {
        let first_largest = (1..row.z.len()).fold(0, |best, i| if row.z[i] > row.z[best] { i } else { best });
        f64::from(u8::from(first_largest == row.label))
    })
}

/// Logit-scaled confidence φ = log p_y − log(1 − p_y); \[N\]. Monotone in p_y and in the loss, so
/// it stands for all three, and alone keeps its resolution near both 0 and 1 (Carlini et al. 2022,
/// "Membership inference attacks from first principles").
pub fn confidence(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| row.log_p(row.label) - row.log_not_p(row.label))
}

/// p_y of φ, its logit.
pub fn probability(phi: f64) -> f64 {
    1.0 / (1.0 + (-phi).exp())
}

/// Negative entropy Σ p log p, in nats, from −log C to 0; \[N\]. Blind to the label.
pub fn entropy(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| {
        let terms = (0..row.z.len()).map(|i| {
            let log_p = row.log_p(i);
            log_p.exp() * log_p
        });
        terms.sum()
    })
}

/// Negative modified entropy (1 − p_y) log p_y + Σ_{i≠y} p_i log(1 − p_i), 0 at most; \[N\].
/// Song & Mittal 2021, "Systematic evaluation of privacy risks of machine learning models",
/// give its negative, which is low for members. Unlike the entropy it falls when the classifier is
/// confident and wrong.
pub fn modified_entropy(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| {
        let terms = (0..row.z.len()).map(|i| {
            let (log_p, log_not_p) = (row.log_p(i), row.log_not_p(i));
            if i == row.label { log_not_p.exp() * log_p } else { log_p.exp() * log_not_p }
        });
        terms.sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= 1e-12 * e.abs().max(1.0), "found {found:?}, expected {expected:?}");
        }
    }

    #[test]
    fn scores_of_a_uniform_record_by_hand() {
        let predictions = Predictions::from_logits(&[3.0; 4], 4, &[1]).unwrap();
        // p = ¼: φ = ln(¼ / ¾); Σ p ln p = ln ¼; ¾ ln ¼ + 3 · ¼ ln ¾.
        close(&gap(&predictions), &[0.0]); // the tie goes to class 0
        close(&confidence(&predictions), &[(1.0f64 / 3.0).ln()]);
        close(&entropy(&predictions), &[0.25f64.ln()]);
        close(&modified_entropy(&predictions), &[0.75 * 0.25f64.ln() + 0.75 * 0.75f64.ln()]);
    }

    #[test]
    fn probabilities_and_logits_of_the_same_model_score_alike() {
        let probabilities = [0.5f32, 0.25, 0.25, 0.0, 1.0, 0.0];
        let predictions = Predictions::from_probabilities(&probabilities, 3, &[0, 1]).unwrap();
        let logits = [2f32.ln(), 0.0, 0.0, 0.0, 70.0, 0.0];
        let same = Predictions::from_logits(&logits, 3, &[0, 1]).unwrap();
        for score in [gap, entropy, modified_entropy] {
            let (one, other) = (score(&predictions), score(&same));
            assert!((0..2).all(|i| (one[i] - other[i]).abs() < 1e-7), "{one:?} {other:?}");
        }
        // The second row is (1e-30, 1, 1e-30) after the clamp: φ = −ln 2e-30.
        close(&confidence(&predictions), &[0.0, -(2e-30f64).ln()]);
    }

    #[test]
    fn confidence_tells_apart_what_rounds_to_one() {
        // 1 − p_y = 2e-35 and 2e-44: both are 1 in f64.
        let logits = [80.0f32, 0.0, 0.0, 100.0, 0.0, 0.0];
        let predictions = Predictions::from_logits(&logits, 3, &[0, 0]).unwrap();
        close(&confidence(&predictions), &[80.0 - LN_2, 100.0 - LN_2]);
    }

    #[test]
    fn extreme_logits_give_finite_scores() {
        let logits = [f32::MAX, f32::MIN, 0.0, f32::MIN, f32::MAX, 0.0];
        let predictions = Predictions::from_logits(&logits, 3, &[0, 0]).unwrap();
        for scores in [gap, confidence, entropy, modified_entropy].map(|score| score(&predictions)) {
            assert!(scores.iter().all(|s| s.is_finite()), "{scores:?}");
            assert!(scores[0] >= scores[1], "right and sure is never less member-like: {scores:?}");
        }
    }

    #[test]
    fn modified_entropy_punishes_a_confident_mistake_and_entropy_does_not() {
        let logits = [9.0f32, 0.0, 9.0, 0.0];
        let predictions = Predictions::from_logits(&logits, 2, &[0, 1]).unwrap();
        let (plain, modified) = (entropy(&predictions), modified_entropy(&predictions));
        assert_eq!(plain[0], plain[1]);
        assert!(modified[0] > -0.01 && modified[1] < -8.0, "{modified:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        let found = |result: Result<Predictions>| result.unwrap_err().to_string();
        assert!(found(Predictions::from_logits(&[0.0; 5], 2, &[0, 1])).contains("5 values"));
        assert!(found(Predictions::from_logits(&[0.0; 4], 2, &[0, 2])).contains("record 1"));
        assert!(found(Predictions::from_logits(&[0.0; 1], 1, &[0])).contains("2 classes"));
        assert!(found(Predictions::from_logits(&[0.0, 0.0, f32::NAN, 0.0], 2, &[0, 0])).contains("record 1"));
        assert!(found(Predictions::from_probabilities(&[0.9, 0.9], 2, &[0])).contains("a sum of 1.79"));
        assert!(found(Predictions::from_probabilities(&[2.0, -1.0], 2, &[0])).contains("found 2"));
    }
}
