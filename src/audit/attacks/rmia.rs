//! The robust membership-inference attack, RMIA (Zarifzadeh, Liu and Shokri 2024, "Low-cost high-power
//! membership inference attacks").
//!
//! Not the shadow models: what they make of the records comes in sums ([`crate::audit::shadows::moments`]).
//!
//! ratio(x) = p_y(x) / Pr(x), the target's confidence over what models say of x on average; a record's score
//! is the share of population records z, itself not among them, with ratio(x) / ratio(z) ≥ γ. Scored are records
//! of the shadow pool: where no model was ever trained with x, Pr(x) is low for that alone, and x looks like a member.

use super::attack::{MembershipAttack, Outcome};
use super::by_shadows;
use crate::audit::evidence::{Evidence, Given, needed};
use crate::audit::shadows::Shadows;
use crate::audit::shadows::moments::ConfidenceSums;
use crate::audit::shadows::sample::{ConfidenceSample, SubstituteTarget};
use crate::error::Result;
use crate::statistics::roc::Roc;

/// γ: by how much a record's ratio must exceed a population record's.
pub const GAMMA: f64 = 2.0;

/// a of the offline form, in which Pr(x) is guessed from models that were trained without x: ½((1 + a)·mean +
/// 1 − a). The authors' for images.
pub const OFFLINE: f64 = 0.33;

/// Values of a that are tried: 0, 0.1, … 1.
const TRIED: u32 = 10;

/// Confidences are clamped here from below: a ratio of zeros is no number.
const LEAST: f64 = 1e-30;

/// [`online`] of the records that shadow models are asked about, or why not.
pub(super) fn online_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    Ok(online(&shadows.moments.confidence, &shadows.confidences(), population(shadows)?))
}

/// [`offline`] of the records that shadow models are asked about, or why not.
pub(super) fn offline_scores(shadows: &Shadows) -> Given<Vec<f64>> {
    Ok(offline(&shadows.moments.confidence, &shadows.confidences(), population(shadows)?, OFFLINE))
}

/// [`offline`] with the a that is best on the shadow models.
///
/// # Errors
/// As [`by_shadows::outcome`] and [`tuned`].
pub(super) fn run_tuned(attack: &MembershipAttack, evidence: &[&Evidence]) -> Result<Vec<Outcome>> {
    let of_model = |evidence: &&Evidence| {
        let shadows = needed(&evidence.shadows)?;
        let population = match population(shadows) {
            Ok(population) => population,
            Err(reason) => return Ok(Outcome::NotRun(reason)),
        };
        let Some(a) = tuned(&shadows.sample)? else {
            return Ok(Outcome::NotRun(format!(
                "{} is not run: {} shadow models are too few for one of them to stand in for the target; it takes \
                 at least 4 (--shadows 4)",
                attack.name,
                shadows.models.models()
            )));
        };
        let scores = offline(&shadows.moments.confidence, &shadows.confidences(), population, a);
        Ok(match by_shadows::outcome(attack, evidence, &scores)? {
            Outcome::Scored { scored, training, .. } => {
                Outcome::Scored { scored, training, tuned_a: Some(a) }
            }
            not_run => not_run,
        })
    };
    evidence.iter().map(of_model).collect()
}

fn population<'s>(shadows: &'s Shadows) -> Given<&'s [u32]> {
    match &shadows.target.population[..] {
        [] | [_] => {
            Err("RMIA is not run: it compares records with known non-members, and there are none".to_owned())
        }
        population => Ok(population),
    }
}

/// The scores \[N\] of the target's p_y \[N\], with Pr(x) the mean over all models, those trained with x
/// included. `population` are records that the target was not trained on. NaN for a record that no model was trained
/// with.
pub fn online(sums: &ConfidenceSums, confidence: &[f64], population: &[u32]) -> Vec<f64> {
    let prior = |i: usize| {
        let (with, without) = (sums.with[i], sums.without[i]);
        (with.1 + without.1) / (with.0 + without.0)
    };
    scores(sums, confidence, population, prior)
}

/// As [`online`], with Pr(x) from models trained without x alone, and `a`; NaN also where there is none.
pub fn offline(sums: &ConfidenceSums, confidence: &[f64], population: &[u32], a: f64) -> Vec<f64> {
    let prior = |i: usize| {
        let (count, sum) = sums.without[i];
        guessed(sum / count, a)
    };
    scores(sums, confidence, population, prior)
}

/// Pr(x) from the mean of p_y under models that were trained without x.
fn guessed(without: f64, a: f64) -> f64 {
    0.5 * ((1.0 + a) * without + 1.0 - a)
}

fn scores(
    sums: &ConfidenceSums,
    confidence: &[f64],
    population: &[u32],
    prior: impl Fn(usize) -> f64,
) -> Vec<f64> {
    let ratio = |i: usize| {
        // `max` would turn the NaN of a record without models into a number.
        let prior = prior(i);
        if prior.is_nan() { prior } else { confidence[i].max(LEAST) / prior.max(LEAST) }
    };
    let mut itself = vec![0; confidence.len()];
    let mut others = vec![];
    for (z, ratio) in population.iter().map(|&z| (z as usize, ratio(z as usize))) {
        if !ratio.is_nan() {
            itself[z] = 1;
            others.push(ratio);
        }
    }
    others.sort_unstable_by(f64::total_cmp);
    let score = |i: usize| {
        let (ratio, compared) = (ratio(i), others.len() - itself[i]);
        if sums.with[i].0 == 0.0 || ratio.is_nan() || compared == 0 {
            return f64::NAN;
        }
        // γ > 1: a record never exceeds itself, so that only the divisor knows of it.
        others.partition_point(|&other| ratio / other >= GAMMA) as f64 / compared as f64
    };
    (0..confidence.len()).map(score).collect()
}

/// The a with the largest AUC of ratio(x) on average over the shadow models, each in turn as the target
/// ([`ConfidenceSample::substitutes`]); the least of equals. (The population only turns ratios into shares.) `None`
/// where no model has others to be judged by.
///
/// # Errors
/// As [`Roc::new`]: a confidence that is NaN.
pub fn tuned(sample: &ConfidenceSample) -> Result<Option<f64>> {
    let mut areas = vec![0.0; TRIED as usize + 1];
    let mut targets = 0;
    let a = |tried: usize| tried as f64 / f64::from(TRIED);
    for SubstituteTarget { members, others } in sample.substitutes() {
        if members.is_empty() || others.is_empty() {
            continue;
        }
        targets += 1;
        for (tried, area) in areas.iter_mut().enumerate() {
            let ratios = |records: &[(f64, f64)]| -> Vec<f64> {
                let ratio = |&(p, without): &(f64, f64)| p.max(LEAST) / guessed(without, a(tried)).max(LEAST);
                records.iter().map(ratio).collect()
            };
            *area += Roc::new(&ratios(&members), &ratios(&others))?.auc();
        }
    }
    let best = (0..areas.len()).fold(0, |best, tried| if areas[tried] > areas[best] { tried } else { best });
    Ok((targets > 0).then(|| a(best)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, normal, shuffle, stream, uniform};

    fn sums() -> ConfidenceSums {
        let mut sums = ConfidenceSums::new(3);
        sums.add(&[true, false, false], &[0.8, 0.2, 0.5]);
        sums.add(&[false, true, false], &[0.4, 0.6, 0.5]);
        sums
    }

    #[test]
    fn three_records_by_hand() {
        let target = [0.9, 0.4, 0.25];
        // Online: Pr = 0.6, 0.4, 0.5; ratios 1.5, 1, 0.5, against record 2's: 3, 2, and no model saw record 2.
        let found = online(&sums(), &target, &[2]);
        assert_eq!(found[..2], [1.0, 1.0]);
        assert!(found[2].is_nan());
        // Record 0 exceeds record 2 twice and record 1 not; record 1 is compared with record 2 alone.
        assert_eq!(online(&sums(), &target, &[1, 2])[..2], [0.5, 1.0]);
        // Offline: Pr = ½(1.33 · (0.4, 0.2, 0.5) + 0.67) = 0.601, 0.468, 0.6675; ratios 1.498, 0.855, 0.375.
        assert_eq!(offline(&sums(), &target, &[1, 2], OFFLINE)[..2], [0.5, 1.0]);
        // a = 1: Pr = 0.4, 0.2, 0.5; ratios 2.25, 2, 0.5.
        assert_eq!(offline(&sums(), &target, &[1, 2], 1.0)[..2], [0.5, 1.0]);
    }

    #[test]
    fn a_record_is_compared_with_others_only() {
        assert!(online(&sums(), &[0.9, 0.4, 0.25], &[1])[1].is_nan());
    }

    #[test]
    fn no_confidence_at_all_is_still_a_number() {
        let mut sums = ConfidenceSums::new(2);
        sums.add(&[true, false], &[0.0, 0.0]);
        sums.add(&[true, true], &[0.0, 0.0]);
        assert_eq!(online(&sums, &[0.0, 0.0], &[1])[0], 0.0);
        assert!(offline(&sums, &[0.0, 0.0], &[1], OFFLINE)[0].is_nan());
    }

    /// Models that raise the confidence of their members by a `share` of what is missing to 1.
    fn pairs(share: f64) -> ConfidenceSample {
        let mut rng = stream(2, Stream::Audit);
        let records = 1000;
        let base: Vec<f64> = (0..records).map(|_| uniform(&mut rng)).collect();
        let mut sample = ConfidenceSample::new(records);
        for _ in 0..4 {
            let mut order: Vec<u32> = (0..records as u32).collect();
            shuffle(&mut order, &mut rng);
            for half in [0, 1] {
                let mut trained_on = vec![false; records];
                order
                    .iter()
                    .skip(half * records / 2)
                    .take(records / 2)
                    .for_each(|&i| trained_on[i as usize] = true);
                let confidence = (0..records).map(|i| {
                    let p = base[i] + if trained_on[i] { share * (1.0 - base[i]) } else { 0.0 };
                    (p + 0.02 * normal(&mut rng)).clamp(0.001, 1.0)
                });
                sample.add(&trained_on, &confidence.collect::<Vec<_>>());
            }
        }
        sample
    }

    #[test]
    fn a_is_the_one_by_which_shadow_models_are_told_apart_best() {
        // Where all members reach nearly 1 whatever they were, a = 0 is far off and large a compares like with like.
        let a = tuned(&pairs(0.3)).unwrap().unwrap();
        assert!((0.0..=1.0).contains(&a) && (a * 10.0).fract() < 1e-9, "{a}");
        let mut two = ConfidenceSample::new(4);
        two.add(&[true, true, false, false], &[0.9, 0.8, 0.2, 0.3]);
        two.add(&[false, false, true, true], &[0.4, 0.3, 0.8, 0.9]);
        assert_eq!(tuned(&two).unwrap(), None, "a pair leaves none to judge by");
    }

    #[test]
    fn a_model_that_leaks_nothing_is_not_given_away_by_the_others() {
        for SubstituteTarget { members, others } in pairs(0.0).substitutes() {
            let ratios =
                |r: &[(f64, f64)]| r.iter().map(|(p, without)| p / without.max(LEAST)).collect::<Vec<_>>();
            let auc = Roc::new(&ratios(&members), &ratios(&others)).unwrap().auc();
            assert!((auc - 0.5).abs() < 0.07, "{auc}");
        }
    }
}
