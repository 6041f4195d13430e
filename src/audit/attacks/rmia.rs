//! The robust membership-inference attack, RMIA (Zarifzadeh, Liu and Shokri 2024, "Low-cost high-power membership
//! inference attacks").
//!
//! Not the shadow models: their confidences come one model at a time, and only their means are kept.
//!
//! ratio(x) = p_y(x) / Pr(x), the target's confidence over what models say of x on average; a record's score is the
//! share of population records z with ratio(x) / ratio(z) ≥ γ.

/// γ: by how much a record's ratio must exceed a population record's.
const GAMMA: f64 = 2.0;

/// a of the offline form, in which Pr(x) is guessed from models that were trained without x: ½((1 + a)·mean + 1 − a).
const OFFLINE: f64 = 0.33;

/// Confidences are clamped here from below: a ratio of zeros is no number.
const LEAST: f64 = 1e-30;

/// The confidences of N records under the shadow models seen so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// \[N\] (models, sum of p_y): trained with the record, and without it.
    with: Vec<(f64, f64)>,
    without: Vec<(f64, f64)>,
}

impl Statistics {
    /// Of so many records, before any model.
    pub fn new(records: usize) -> Self {
        Statistics { with: vec![(0.0, 0.0); records], without: vec![(0.0, 0.0); records] }
    }

    /// A shadow model's p_y \[N\], and which of the N records it was trained on.
    ///
    /// # Panics
    /// Lists of another length.
    pub fn add(&mut self, keep: &[bool], confidence: &[f64]) {
        assert!(keep.len() == self.with.len() && confidence.len() == keep.len(), "one value a record");
        for (i, (&keep, &p)) in keep.iter().zip(confidence).enumerate() {
            let sum = if keep { &mut self.with[i] } else { &mut self.without[i] };
            *sum = (sum.0 + 1.0, sum.1 + p);
        }
    }

    /// The scores \[N\] of the target's p_y \[N\], with Pr(x) the mean over all models, those trained with x
    /// included. `population` are records that neither the target nor any model was trained on.
    pub fn online(&self, confidence: &[f64], population: &[u32]) -> Vec<f64> {
        let prior = |i: usize| {
            let (with, without) = (self.with[i], self.without[i]);
            (with.1 + without.1) / (with.0 + without.0)
        };
        scores(confidence, population, prior)
    }

    /// As [`online`](Self::online), with Pr(x) from models trained without x alone; NaN where there is none.
    pub fn offline(&self, confidence: &[f64], population: &[u32]) -> Vec<f64> {
        let prior = |i: usize| {
            let (count, sum) = self.without[i];
            0.5 * ((1.0 + OFFLINE) * sum / count + 1.0 - OFFLINE)
        };
        scores(confidence, population, prior)
    }
}

fn scores(confidence: &[f64], population: &[u32], prior: impl Fn(usize) -> f64) -> Vec<f64> {
    let ratio = |i: usize| confidence[i].max(LEAST) / prior(i).max(LEAST);
    let mut others: Vec<f64> = population.iter().map(|&z| ratio(z as usize)).collect();
    others.sort_unstable_by(f64::total_cmp);
    let score = |i: usize| {
        // `max` would turn the NaN of a record without models into a number.
        if prior(i).is_nan() {
            return f64::NAN;
        }
        let ratio = ratio(i);
        others.partition_point(|&other| ratio / other >= GAMMA) as f64 / others.len() as f64
    };
    (0..confidence.len()).map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_records_by_hand() {
        let mut statistics = Statistics::new(3);
        statistics.add(&[true, false, false], &[0.8, 0.2, 0.5]);
        statistics.add(&[false, true, false], &[0.4, 0.6, 0.5]);
        let target = [0.9, 0.4, 0.25];
        // Online: Pr = 0.6, 0.4, 0.5; ratios 1.5, 1, 0.5, against record 2's: 3, 2, 1.
        assert_eq!(statistics.online(&target, &[2]), [1.0, 1.0, 0.0]);
        assert_eq!(statistics.online(&target, &[1, 2]), [0.5, 0.5, 0.0]);
        // Offline: Pr = ½(1.33 · (0.4, 0.2, 0.5) + 0.67) = 0.601, 0.468, 0.6675; ratios 1.498, 0.855, 0.375.
        assert_eq!(statistics.offline(&target, &[1, 2]), [0.5, 0.5, 0.0]);
    }

    #[test]
    fn no_confidence_at_all_is_still_a_number() {
        let mut statistics = Statistics::new(2);
        statistics.add(&[true, false], &[0.0, 0.0]);
        assert_eq!(statistics.online(&[0.0, 0.0], &[1]), [0.0, 0.0]);
        assert!(statistics.offline(&[0.0, 0.0], &[1])[0].is_nan());
    }
}
