//! The scores of the threshold attacks: one number a record from the classifier's output on it.
//!
//! Not the attacks themselves: choosing a threshold and judging it is [`super::scored`]'s.
//!
//! Notation: N records, C classes, z the logits, y the label, p = softmax(z). All arithmetic is f64
//! (`softmax`).

use std::num::NonZero;

use super::softmax::{Row, Softmax, log_complement, p_log_p};
pub use crate::audit::outputs::{OutputForm, OutputSlice, Outputs};
use crate::error::{Error, Result};

/// A classifier's output on N records, with their labels.
#[derive(Debug, Clone, Copy)]
pub struct Predictions<'a> {
    outputs: Outputs<'a>,
    /// \[N\]: where each record is among the outputs; `None`: they are those of the N, in order.
    places: Option<&'a [u32]>,
    /// \[N\], each under C.
    labels: &'a [u32],
}

impl<'a> Predictions<'a> {
    /// Of `outputs` on N records, with labels \[N\].
    ///
    /// # Errors
    /// Fewer than two classes, sizes that do not fit, a label that is no class. Logits that are NaN or +∞, or
    /// a record whose are all −∞. Probabilities outside \[0, 1\], or a row whose sum is further from 1 than
    /// rounding explains.
    pub fn new(outputs: Outputs<'a>, labels: &'a [u32]) -> Result<Self> {
        check_shape(outputs, labels)?;
        match outputs.form {
            OutputForm::Logits => check_logits(outputs)?,
            OutputForm::Probabilities => check_probabilities(outputs)?,
        }
        Ok(Predictions { outputs, places: None, labels })
    }

    /// From logits \[N, `classes`\], row-major, and labels \[N\].
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_logits(
        logits: impl Into<OutputSlice<'a>>,
        classes: usize,
        labels: &'a [u32],
    ) -> Result<Self> {
        Self::new(Outputs::new(OutputForm::Logits, logits, classes), labels)
    }

    /// From probabilities \[N, `classes`\], row-major, and labels \[N\], for a model whose logits are out of
    /// reach.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_probabilities(
        probabilities: impl Into<OutputSlice<'a>>,
        classes: usize,
        labels: &'a [u32],
    ) -> Result<Self> {
        Self::new(Outputs::new(OutputForm::Probabilities, probabilities, classes), labels)
    }

    /// Of the records at `places` \[N\] of outputs that were checked, with their labels \[N\].
    ///
    /// # Panics
    /// Later, where there is no such place or no such class.
    pub(in crate::audit) fn at(outputs: Outputs<'a>, places: &'a [u32], labels: &'a [u32]) -> Self {
        Predictions { outputs, places: Some(places), labels }
    }

    /// N, the number of records.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no record at all.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// C, the number of classes.
    pub fn classes(&self) -> usize {
        self.outputs.classes
    }

    /// The true classes \[N\], each under C.
    pub fn labels(&self) -> &'a [u32] {
        self.labels
    }

    /// `score` of every record, each by itself, so that the number of threads changes nothing.
    fn map(&self, score: impl Fn(&Row) -> f64 + Sync) -> Vec<f64> {
        /// Records that are worth a thread.
        const LEAST: usize = 4096;
        let mut scores = vec![0.0; self.len()];
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = self.len().div_ceil(threads).max(LEAST);
        let score_share = |first: usize, scores: &mut [f64]| {
            let mut values = vec![0.0; self.classes()];
            for (i, found) in (first..).zip(scores) {
                self.outputs.row(self.places.map_or(i, |places| places[i] as usize), &mut values);
                let label = self.labels[i] as usize;
                *found = score(&Row { values: &values, label, outputs: self.outputs });
            }
        };
        if scores.len() <= share {
            score_share(0, &mut scores);
            return scores;
        }
        std::thread::scope(|scope| {
            for (number, part) in scores.chunks_mut(share).enumerate() {
                scope.spawn(move || score_share(number * share, part));
            }
        });
        scores
    }
}

fn check_shape(outputs: Outputs, labels: &[u32]) -> Result<()> {
    let classes = outputs.classes;
    if classes < 2 {
        return Err(Error::data("predictions").expected("at least 2 classes").found(classes.to_string()));
    }
    if Some(outputs.values.len()) != labels.len().checked_mul(classes) {
        return Err(Error::data("predictions")
            .expected(format!("{} records of {classes} classes", labels.len()))
            .found(format!("{} values", outputs.values.len()))
            .advice("pass one row of outputs for each label"));
    }
    if let Some(record) = labels.iter().position(|&y| y as usize >= classes) {
        return Err(Error::data(format!("predictions, record {record}"))
            .expected(format!("a label under {classes}"))
            .found(labels[record].to_string())
            .advice("labels count from 0"));
    }
    Ok(())
}

fn check_logits(outputs: Outputs) -> Result<()> {
    let classes = outputs.classes;
    let refused = |record: usize, found: String| {
        Err(Error::data(format!("logits, record {record}"))
            .expected("finite numbers, or −∞ for a class of probability 0")
            .found(found)
            .advice("the model diverged; audit an earlier state of it"))
    };
    let mut impossible = 0;
    let mut all_impossible = None;
    let mut at = 0;
    let bad = outputs.values.position(|z| {
        impossible = if at % classes == 0 { 0 } else { impossible } + usize::from(z == f64::NEG_INFINITY);
        if impossible == classes {
            all_impossible.get_or_insert(at / classes);
        }
        at += 1;
        z.is_nan() || z == f64::INFINITY
    });
    match (bad, all_impossible) {
        (Some(at), _) => refused(at / classes, outputs.values.at(at).to_string()),
        (None, Some(record)) => refused(record, "−∞ for every class".to_owned()),
        (None, None) => Ok(()),
    }
}

/// How far a row of probabilities of so many classes may sum from 1: single-precision exports are off by up
/// to about 1e-3, text of two decimals by half a hundredth a class.
fn sum_tolerance(classes: usize) -> f64 {
    f64::max(1e-2, 0.005 * classes as f64) + 1e-9
}

fn check_probabilities(outputs: Outputs) -> Result<()> {
    let refused = |record: usize, found: String| {
        Err(Error::data(format!("probabilities, record {record}"))
            .expected("numbers from 0 to 1 that sum to 1")
            .found(found)
            .advice("pass a model's raw outputs as logits"))
    };
    let mut row = vec![0.0; outputs.classes];
    for record in 0..outputs.values.len() / outputs.classes {
        outputs.row(record, &mut row);
        if let Some(p) = row.iter().find(|p| !(0.0..=1.0).contains(*p)) {
            return refused(record, p.to_string());
        }
        let sum: f64 = row.iter().sum();
        if (sum - 1.0).abs() > sum_tolerance(outputs.classes) {
            return refused(record, format!("a sum of {sum}"));
        }
    }
    Ok(())
}

/// A score of every record, \[N\]: higher = more member-like.
pub type Score = fn(&Predictions) -> Vec<f64>;

/// The gap attack: 1 where the classifier is right, 0 where it is wrong; \[N\]. Of equal outputs
/// the first counts as the predicted class.
pub fn gap(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| f64::from(u8::from(row.predicted() == row.label)))
}

/// Logit-scaled confidence φ = log p_y − log(1 − p_y); \[N\]. Monotone in p_y and in the loss, so
/// it stands for all three, and alone keeps its resolution near both 0 and 1 (Carlini et al. 2022,
/// "Membership inference attacks from first principles"). −∞ where p_y is 0; ∞ where it is 1 and all others
/// are 0.
pub fn confidence(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| match row.outputs.form {
        OutputForm::Logits => {
            let softmax = Softmax::new(row.values);
            if row.label == softmax.top {
                return -softmax.log_others();
            }
            let log_p = softmax.log_p(row.label);
            log_p - log_complement(log_p.exp())
        }
        OutputForm::Probabilities => {
            let [log_p, log_not_p] = row.logs(row.label);
            log_p - log_not_p
        }
    })
}

/// p_y of φ, its logit.
pub fn probability(phi: f64) -> f64 {
    1.0 / (1.0 + (-phi).exp())
}

/// Negative entropy Σ p log p, in nats, from −log C to 0; \[N\]. Blind to the label.
pub fn entropy(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| match row.outputs.form {
        OutputForm::Logits => {
            // Σ p (z − m) − log(1 + s) of all p: the exponentials are those of s.
            let top = row.values[row.predicted()];
            let (mut others, mut weighted, mut first) = (0.0, 0.0, true);
            for z in row.values {
                let below = z - top;
                if below == 0.0 && std::mem::take(&mut first) {
                    continue;
                }
                let e = below.exp();
                others += e;
                weighted += p_log_p(e, below);
            }
            weighted / (1.0 + others) - f64::ln_1p(others)
        }
        OutputForm::Probabilities => {
            (0..row.values.len()).map(|i| p_log_p(row.values[i], row.logs(i)[0])).sum()
        }
    })
}

/// Negative modified entropy (1 − p_y) log p_y + Σ_{i≠y} p_i log(1 − p_i), 0 at most; \[N\].
/// Song & Mittal 2021, "Systematic evaluation of privacy risks of machine learning models",
/// give its negative, which is low for members. Unlike the entropy it falls when the classifier is
/// confident and wrong, to −∞ where p_y is 0.
pub fn modified_entropy(predictions: &Predictions) -> Vec<f64> {
    predictions.map(|row| match row.outputs.form {
        OutputForm::Logits => {
            let softmax = Softmax::new(row.values);
            let terms = (0..row.values.len()).map(|i| {
                let log_p = softmax.log_p(i);
                let p = log_p.exp();
                if i == row.label {
                    softmax.log_not_p(i, p).exp() * log_p
                } else {
                    p_log_p(p, softmax.log_not_p(i, p))
                }
            });
            terms.sum()
        }
        OutputForm::Probabilities => {
            let terms = row.values.iter().enumerate().map(|(i, &p)| {
                let [log_p, log_not_p] = row.logs(i);
                if i == row.label { p_log_p(row.complement(i), log_p) } else { p_log_p(p, log_not_p) }
            });
            terms.sum()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

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
        let probabilities = [2f32 / 3.0, 1.0 / 3.0, 0.0, 0.0, 1.0, 0.0];
        let predictions = Predictions::from_probabilities(&probabilities, 3, &[0, 1]).unwrap();
        let logits = [2f32.ln(), 0.0, f32::NEG_INFINITY, f32::NEG_INFINITY, 70.0, f32::NEG_INFINITY];
        let same = Predictions::from_logits(&logits, 3, &[0, 1]).unwrap();
        for score in [gap, entropy, modified_entropy] {
            let (one, other) = (score(&predictions), score(&same));
            assert!((0..2).all(|i| (one[i] - other[i]).abs() < 1e-7), "{one:?} {other:?}");
        }
        let found = confidence(&predictions);
        assert!((found[0] - 2f64.ln()).abs() < 1e-6 && found[1] == f64::INFINITY, "{found:?}");
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
        assert!(found(Predictions::from_probabilities(&[0.9, 0.9], 2, &[0])).contains("a sum of 1.8"));
        assert!(found(Predictions::from_probabilities(&[2.0, -1.0], 2, &[0])).contains("found 2"));
    }
}
