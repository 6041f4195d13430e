//! The confidences of a sample of the pool under each shadow model: enough to try a shadow model as the target.
//!
//! Not the moments of all records ([`super::moments`]), in which single models are lost.

use super::moments::ConfidenceSums;

/// Records of a sample at most: an AUC of 10,000 of either kind is known to 0.004.
const RECORDS: usize = 20_000;

/// p_y of S records under each of N models.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConfidenceSample {
    /// \[S\]: which records these are.
    places: Vec<usize>,
    models: Vec<SampledModel>,
}

#[derive(Debug, Clone, PartialEq)]
struct SampledModel {
    /// \[S\].
    trained_on: Vec<bool>,
    /// \[S\].
    confidence: Vec<f64>,
}

/// A shadow model in the place of the target.
#[derive(Debug, Clone, PartialEq)]
pub struct SubstituteTarget {
    /// p_y under it, of records that it was trained on, and the mean of p_y under other models that were trained
    /// without them.
    pub members: Vec<(f64, f64)>,
    /// The same of records that it was not trained on.
    pub others: Vec<(f64, f64)>,
}

impl ConfidenceSample {
    /// Of evenly spaced places of the first `pooled`, before any model.
    pub fn new(pooled: usize) -> Self {
        let places = (0..pooled).step_by(pooled.div_ceil(RECORDS).max(1)).collect();
        ConfidenceSample { places, models: vec![] }
    }

    /// A shadow model's p_y \[P\], and which of the P records it was trained on.
    ///
    /// # Panics
    /// Shorter lists than those of the first model.
    pub fn add(&mut self, trained_on: &[bool], confidence: &[f64]) {
        self.models.push(SampledModel {
            trained_on: self.places.iter().map(|&place| trained_on[place]).collect(),
            confidence: self.places.iter().map(|&place| confidence[place]).collect(),
        });
    }

    /// Each model in turn as the target, judged by the others. Its complementary partner, if it has one, is left out
    /// with it: with the partner in, a member would have a model less without it than others have, and be given away
    /// by that. Records that no model, or only models, were trained on are left out.
    pub fn substitutes(&self) -> impl Iterator<Item = SubstituteTarget> + '_ {
        let mut sums = ConfidenceSums::new(self.places.len());
        self.models.iter().for_each(|model| sums.add(&model.trained_on, &model.confidence));
        (0..self.models.len()).map(move |target| self.substitute(target, &sums))
    }

    fn substitute(&self, target: usize, sums: &ConfidenceSums) -> SubstituteTarget {
        let (model, partner) = (&self.models[target], self.partner(target, sums));
        let mut found = SubstituteTarget { members: vec![], others: vec![] };
        for place in 0..self.places.len() {
            let (mut count, mut sum) = sums.without[place];
            if sums.with[place].0 == 0.0 {
                continue;
            }
            for left_out in [Some(model), partner].into_iter().flatten().filter(|m| !m.trained_on[place]) {
                (count, sum) = (count - 1.0, sum - left_out.confidence[place]);
            }
            if count > 0.0 {
                let kind = if model.trained_on[place] { &mut found.members } else { &mut found.others };
                kind.push((model.confidence[place], sum / count));
            }
        }
        found
    }

    /// The model that was trained on just those records of the pool that `target` was not.
    fn partner(&self, target: usize, sums: &ConfidenceSums) -> Option<&SampledModel> {
        let own = &self.models[target].trained_on;
        let complements = |other: &&SampledModel| {
            let mut pairs = own.iter().zip(&other.trained_on).zip(&sums.with);
            pairs.all(|((one, other), with)| one != other || with.0 == 0.0)
        };
        self.models.iter().find(complements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_judged_without_itself_and_its_partner() {
        let mut sample = ConfidenceSample::new(3);
        // Record 2 is of no pool.
        sample.add(&[true, false, false], &[0.9, 0.2, 0.5]);
        sample.add(&[false, true, false], &[0.4, 0.8, 0.5]);
        sample.add(&[true, false, false], &[0.7, 0.3, 0.5]);
        sample.add(&[false, true, false], &[0.6, 0.95, 0.5]);
        let found: Vec<SubstituteTarget> = sample.substitutes().collect();
        // Model 0, whose partner is model 1: of the rest model 3 is without record 0 and model 2 without record 1.
        let close = |found: &[(f64, f64)], expected: (f64, f64)| {
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].0, expected.0);
            assert!((found[0].1 - expected.1).abs() < 1e-15, "{found:?}");
        };
        close(&found[0].members, (0.9, 0.6));
        close(&found[0].others, (0.2, 0.3));
        // Model 2's is model 1 too: the first that complements it.
        close(&found[2].members, (0.7, 0.6));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn a_large_pool_is_sampled() {
        assert_eq!(ConfidenceSample::new(50_001).places.len(), 16_667);
        assert_eq!(ConfidenceSample::new(20_000).places.len(), 20_000);
        assert_eq!(ConfidenceSample::new(0).places.len(), 0);
    }
}
