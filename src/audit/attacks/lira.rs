//! The likelihood-ratio attack, LiRA (Carlini et al. 2022, "Membership inference attacks from first principles").
//!
//! Not the shadow models: their scores come one model at a time, and only their moments are kept.
//!
//! For each record, φ (the logit-scaled confidence, [`super::scores::confidence`]) under models that were trained
//! with it and without it is taken to be normal. Means, not medians; variances of n values over n − 1. With fewer
//! than 64 models a record has too few values for variances of its own: they are pooled, the squares
//! about each record's own mean added up over all records.

/// Shadow models from which a record's variances are its own.
const OWN_VARIANCE: usize = 64;

/// Below this a variance is rounding: every model says the same.
const LEAST_VARIANCE: f64 = 1e-12;

/// φ of N records under the shadow models seen so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    models: usize,
    /// \[N\]: under models trained with the record, and without it.
    with: Vec<Moments>,
    without: Vec<Moments>,
}

/// Count, mean and summed squares about it (Welford 1962).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        let distance = x - self.mean;
        self.mean += distance / self.count;
        self.squares += distance * (x - self.mean);
    }

    fn variance(&self) -> f64 {
        (self.squares / (self.count - 1.0)).max(LEAST_VARIANCE)
    }
}

/// The variance of all records about their own means.
fn pooled(records: &[Moments]) -> f64 {
    let sum = |of: fn(&Moments) -> f64| records.iter().map(of).sum::<f64>();
    (sum(|m| m.squares) / sum(|m| (m.count - 1.0).max(0.0))).max(LEAST_VARIANCE)
}

impl Statistics {
    /// Of so many records, before any model.
    pub fn new(records: usize) -> Self {
        Statistics {
            models: 0,
            with: vec![Moments::default(); records],
            without: vec![Moments::default(); records],
        }
    }

    /// A shadow model's φ \[N\], and which of the N records it was trained on.
    ///
    /// # Panics
    /// Lists of another length.
    pub fn add(&mut self, keep: &[bool], phi: &[f64]) {
        assert!(keep.len() == self.with.len() && phi.len() == keep.len(), "one value a record");
        self.models += 1;
        for (i, (&keep, &phi)) in keep.iter().zip(phi).enumerate() {
            if keep { &mut self.with[i] } else { &mut self.without[i] }.add(phi);
        }
    }

    /// Shadow models seen.
    pub fn models(&self) -> usize {
        self.models
    }

    /// log N(φ; with) − log N(φ; without), from the target's φ \[N\]. Of use for records that at least two
    /// models were trained with, and two without; NaN for others.
    pub fn online(&self, phi: &[f64]) -> Vec<f64> {
        let variances = [self.variances(&self.with), self.variances(&self.without)];
        let score = |(i, &phi): (usize, &f64)| {
            let log_density = |moments: &Moments, variance: f64| {
                if moments.count < 2.0 {
                    f64::NAN
                } else {
                    -0.5 * ((phi - moments.mean).powi(2) / variance + variance.ln())
                }
            };
            log_density(&self.with[i], variances[0](i)) - log_density(&self.without[i], variances[1](i))
        };
        phi.iter().enumerate().map(score).collect()
    }

    /// (φ − mean without) / deviation without, from the target's φ \[N\]: the ranking of the tail probability
    /// Φ, which itself saturates at 1. NaN for a record that fewer than two models were trained without.
    pub fn offline(&self, phi: &[f64]) -> Vec<f64> {
        let variance = self.variances(&self.without);
        let score = |(i, &phi): (usize, &f64)| {
            let moments = &self.without[i];
            if moments.count < 2.0 { f64::NAN } else { (phi - moments.mean) / variance(i).sqrt() }
        };
        phi.iter().enumerate().map(score).collect()
    }

    /// Each record's variance: its own, or the pooled one.
    fn variances<'a>(&self, records: &'a [Moments]) -> impl Fn(usize) -> f64 + use<'a> {
        let shared = (self.models < OWN_VARIANCE).then(|| pooled(records));
        move |i| shared.unwrap_or_else(|| records[i].variance())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_records_by_hand() {
        let mut statistics = Statistics::new(2);
        statistics.add(&[true, false], &[3.0, 0.0]);
        statistics.add(&[true, false], &[5.0, 4.0]);
        statistics.add(&[false, true], &[0.0, 7.0]);
        statistics.add(&[false, true], &[2.0, 9.0]);
        // Record 0: with 3, 5; without 0, 2. Record 1: with 7, 9; without 0, 4.
        // Pooled: with (2 + 2) / 2 = 2; without (2 + 8) / 2 = 5.
        let density =
            |x: f64, mean: f64, variance: f64| -0.5 * ((x - mean).powi(2) / variance + variance.ln());
        let expected = [
            density(4.5, 4.0, 2.0) - density(4.5, 1.0, 5.0),
            density(1.0, 8.0, 2.0) - density(1.0, 2.0, 5.0),
        ];
        assert_eq!(statistics.online(&[4.5, 1.0]), expected);
        assert_eq!(statistics.offline(&[4.5, 1.0]), [3.5 / 5f64.sqrt(), -1.0 / 5f64.sqrt()]);
    }

    #[test]
    fn many_models_give_each_record_its_own_variance() {
        let mut statistics = Statistics::new(2);
        for i in 0..OWN_VARIANCE {
            let x = if i % 4 < 2 { 1.0 } else { -1.0 };
            statistics.add(&[i % 2 == 0; 2], &[x, 10.0 * x]);
        }
        let found = statistics.offline(&[1.0, 1.0]);
        assert!((found[0] / found[1] - 10.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn a_record_that_every_model_saw_has_no_score_and_equal_scores_no_infinite_one() {
        let mut statistics = Statistics::new(2);
        (0..4).for_each(|i| statistics.add(&[true, i % 2 == 0], &[1.0, 1.0]));
        assert!(statistics.offline(&[1.0, 1.0])[0].is_nan());
        assert!(statistics.online(&[1.0, 1.0])[0].is_nan());
        assert_eq!(statistics.online(&[1.0, 1.0])[1], 0.0);
    }
}
