//! The strongest of all that the attacks found on a model, with intervals that know that it was chosen.
//!
//! Not the attacks' own results ([`super::attacks`]): an attack's own 95% interval is that of one attack
//! alone.

use serde::{Deserialize, Serialize};

use super::attacks::{Attacks, most_accurate};
use crate::audit::attacks::scored::Scored;
use crate::error::Result;
use crate::statistics::halves::Halves;
use crate::statistics::intervals::{self, TAIL};
use crate::statistics::judgment::{self, CurveRecords};
use crate::statistics::roc::Roc;
use crate::statistics::simultaneous;

/// The strongest evidence of a leak. Of K attacks there are 2K numbers to choose from, an accuracy and an AUC
/// each; the largest of them is above ½ by accident far more often than in 2.5% of audits. The intervals here
/// cover all 2K numbers together with 95% confidence, so whichever is chosen is covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Strongest {
    /// Whose number it is.
    pub attack: String,
    /// Which of its numbers.
    pub metric: Metric,
    /// As in the attack's result.
    pub value: f64,
    /// The simultaneous 95% interval: the highest lower end of all, where one is above ½.
    pub ci95: [f64; 2],
    /// The highest upper end of all: no leak below it is excluded, whichever attack finds it. Absent in summaries
    /// of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_excluded: Option<f64>,
    /// The highest accuracy.
    pub by_accuracy: BestOfMetric,
    /// The largest AUC.
    pub by_auc: BestOfMetric,
    /// Numbers that were compared: 2K.
    pub compared: usize,
    /// How many standard errors the simultaneous intervals reach to either side, in the place of 1.96.
    pub critical_value: f64,
    /// How it was chosen, in a sentence.
    pub chosen: String,
}

/// The attack that is best by one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BestOfMetric {
    /// The attack's name, as among the results.
    pub attack: String,
    /// The attack's accuracy or AUC, the largest of all.
    pub value: f64,
    /// The simultaneous 95% interval of the largest true one: the highest lower end of all attacks' intervals and
    /// the highest upper end, whoever has them.
    pub ci95: [f64; 2],
}

/// A number by which attacks are compared; 0.5 is guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// ½(TPR + TNR) at the threshold from the known half.
    Accuracy,
    /// Area under the ROC.
    Auc,
}

/// The name of the strongest attack: that of `found`; in a summary without it, of before schema 3, the most
/// accurate of `attacks`. `None` of none.
pub fn name<'s>(found: Option<&'s Strongest>, attacks: &'s Attacks) -> Option<&'s str> {
    match found {
        Some(found) => Some(&found.attack),
        None => most_accurate(attacks).map(|(name, _)| name),
    }
}

/// Records of either kind whose influence is looked at: correlations are then known to a hundredth.
const RECORDS: usize = 10_000;

/// The strongest of `attacks`, which are the results of `scored`; `seed` draws the critical value. `None` of
/// none.
///
/// # Errors
/// A score that is NaN.
pub fn strongest_of(scored: &[Scored], attacks: &Attacks, seed: u64) -> Result<Option<Strongest>> {
    let mut candidates: Vec<Candidate> = vec![];
    let mut influences: Vec<Vec<f64>> = vec![];
    let records = |of: fn(&Halves<u32>) -> [&Vec<u32>; 2]| {
        let largest = scored.iter().flat_map(|attack| of(&attack.records)).flatten().max();
        largest.map_or(0, |&largest| largest as usize + 1)
    };
    let members = records(|records| [&records.known_members, &records.scored_members]);
    let nonmembers = records(|records| [&records.known_nonmembers, &records.scored_nonmembers]);
    let sample = Sample { members, stride: (members.max(nonmembers)).div_ceil(RECORDS).max(1), nonmembers };
    for attack in scored {
        let Some(result) = attacks.get(&attack.name) else { continue };
        let half = judgment::curve(&attack.scores, CurveRecords::Scored)?;
        let curve = attack.curve()?;
        influences.push(sample.of_accuracy(attack, &half));
        candidates.push(Candidate { attack, metric: Metric::Accuracy, value: result.accuracy, roc: half });
        influences.push(sample.of_area(attack, &curve));
        candidates.push(Candidate { attack, metric: Metric::Auc, value: result.auc, roc: curve });
    }
    if candidates.is_empty() {
        return Ok(None);
    }
    let reach = simultaneous::reach(&influences, TAIL, seed);
    let judged: Vec<Judged> =
        candidates.iter().map(|candidate| (candidate, candidate.interval(reach.tail))).collect();
    let best = |better: &dyn Fn(&Judged) -> Option<f64>| {
        let found = judged.iter().filter_map(|judged| better(judged).map(|by| (by, judged)));
        // The first of equals.
        found.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, judged)| judged)
    };
    let of_metric = |metric: Metric| {
        let of = || judged.iter().filter(|(candidate, _)| candidate.metric == metric);
        best(&|(candidate, _)| (candidate.metric == metric).then_some(candidate.value)).map(
            |(candidate, _)| BestOfMetric {
                attack: candidate.attack.name.clone(),
                value: candidate.value,
                ci95: [0, 1].map(|end| of().map(|(_, ci95)| ci95[end]).fold(0.0, f64::max)),
            },
        )
    };
    let not_excluded = judged.iter().map(|(_, [_, high])| *high).fold(0.0, f64::max);
    let strongest = best(&|(candidate, [low, _])| Some(simultaneous::evidence(candidate.value, *low)));
    let found = strongest.zip(of_metric(Metric::Accuracy)).zip(of_metric(Metric::Auc));
    Ok(found.map(|(((candidate, ci95), by_accuracy), by_auc)| Strongest {
        attack: candidate.attack.name.clone(),
        metric: candidate.metric,
        value: candidate.value,
        ci95: *ci95,
        not_excluded: Some(not_excluded),
        by_accuracy,
        by_auc,
        compared: candidates.len(),
        critical_value: reach.critical_value,
        chosen: format!(
            "{} of {} simultaneous 95% intervals, of accuracy and AUC of {} attacks, \
             which reach {:.2} standard errors (max-T over the attacks' correlated errors)",
            if ci95[0] > 0.5 {
                "the highest lower end"
            } else {
                "the furthest above guessing, for its width,"
            },
            candidates.len(),
            candidates.len() / 2,
            reach.critical_value
        ),
    }))
}

/// A number that may be the strongest.
struct Candidate<'s> {
    attack: &'s Scored,
    metric: Metric,
    value: f64,
    /// Of the records that it stands on.
    roc: Roc,
}

/// A candidate with its simultaneous interval.
type Judged<'c, 's> = (&'c Candidate<'s>, [f64; 2]);

impl Candidate<'_> {
    fn interval(&self, tail: f64) -> [f64; 2] {
        let (roc, (m, n)) = (&self.roc, (self.roc.members(), self.roc.nonmembers()));
        match self.metric {
            Metric::Auc => intervals::auc_at(roc, tail),
            Metric::Accuracy => {
                let (accepted, accused) = roc.accepted(self.attack.threshold);
                intervals::balanced_accuracy_at(accepted, m, n - accused, n, tail)
            }
        }
    }
}

/// Every `stride`-th record: where its influence on a number is kept.
struct Sample {
    members: usize,
    nonmembers: usize,
    stride: usize,
}

impl Sample {
    /// On ½(TPR + TNR) with the threshold that it has: of records of the scored half alone.
    fn of_accuracy(&self, attack: &Scored, half: &Roc) -> Vec<f64> {
        let (accepted, accused) = half.accepted(attack.threshold);
        let (m, n) = (half.members() as f64, half.nonmembers() as f64);
        let (tpr, fpr) = (accepted as f64 / m, accused as f64 / n);
        let accepts = |score: f64| if score >= attack.threshold { 1.0 } else { 0.0 };
        self.collect(attack, false, |score| (accepts(score) - tpr) / m, |score| (fpr - accepts(score)) / n)
    }

    /// On the AUC: DeLong's structural components.
    fn of_area(&self, attack: &Scored, curve: &Roc) -> Vec<f64> {
        let (m, n, area) = (curve.members() as f64, curve.nonmembers() as f64, curve.auc());
        let known = attack.curve_records() == CurveRecords::All;
        let member = |score: f64| (curve.beaten_by_member(score) - area) / m;
        self.collect(attack, known, member, |score| (curve.beating_nonmember(score) - area) / n)
    }

    /// `[members / stride + nonmembers / stride]`; 0 for a record that does not count.
    fn collect(
        &self,
        attack: &Scored,
        known: bool,
        member: impl Fn(f64) -> f64,
        nonmember: impl Fn(f64) -> f64,
    ) -> Vec<f64> {
        let shift = self.members.div_ceil(self.stride);
        let mut found = vec![0.0; shift + self.nonmembers.div_ceil(self.stride)];
        let (records, scores) = (&attack.records, &attack.scores);
        let mut put = |shift: usize, records: &[u32], scores: &[f64], influence: &dyn Fn(f64) -> f64| {
            for (&record, &score) in records.iter().zip(scores) {
                if (record as usize).is_multiple_of(self.stride) {
                    found[shift + record as usize / self.stride] = influence(score);
                }
            }
        };
        put(0, &records.scored_members, &scores.scored_members, &member);
        put(shift, &records.scored_nonmembers, &scores.scored_nonmembers, &nonmember);
        if known {
            put(0, &records.known_members, &scores.known_members, &member);
            put(shift, &records.known_nonmembers, &scores.known_nonmembers, &nonmember);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::attacks::all_results;
    use super::*;
    use crate::random::{Stream, normal, stream};
    use crate::statistics::judgment::Terms;

    /// `count` attacks on `n` records a side that share `shared` of their variance; the first finds `shift`.
    fn attacks(count: usize, n: usize, shared: f64, shift: f64, seed: u64) -> Vec<Scored> {
        let mut rng = stream(seed, Stream::Audit);
        let common: [Vec<f64>; 2] = [(); 2].map(|()| (0..n).map(|_| normal(&mut rng)).collect());
        let halves = Halves::split(n, n, seed).unwrap();
        let mut one = |number: usize| {
            let mut side = |common: &[f64], shift: f64| -> Vec<f64> {
                let own = |c: &f64| shared.sqrt() * c + (1.0 - shared).sqrt() * normal(&mut rng) + shift;
                common.iter().map(own).collect()
            };
            let shift = if number == 0 { shift } else { 0.0 };
            let (members, others) = (side(&common[0], shift), side(&common[1], 0.0));
            Scored::new(&format!("attack {number}"), &halves, &members, &others).unwrap()
        };
        (0..count).map(&mut one).collect()
    }

    fn found(scored: &[Scored], seed: u64) -> Strongest {
        let terms = Terms { seed, base_rate: 0.1, delta: 1e-5 };
        strongest_of(scored, &all_results(scored, &terms).unwrap(), seed).unwrap().unwrap()
    }

    #[test]
    fn among_attacks_that_find_nothing_it_is_seldom_above_a_half() {
        for (n, shared) in [(100, 0.7), (20, 0.3)] {
            let runs = 200;
            let above = |seed| found(&attacks(6, n, shared, 0.0, seed), seed).ci95[0] > 0.5;
            let accidents = (0..runs).filter(|&seed| above(seed)).count();
            // 5% of 200, either direction together, are 10; 19 are three standard deviations more.
            assert!(accidents <= 19, "{n} a side: {accidents} of {runs}");
        }
    }

    /// An AUC of 0.46, on 500 known records a side: half of them would not have shown it.
    #[test]
    fn a_leak_that_reads_the_wrong_way_round_is_found() {
        let (runs, shift) = (40, -0.15);
        let named = |seed| {
            let strongest = found(&attacks(6, 1000, 0.5, shift, seed), seed);
            strongest.attack == "attack 0" && strongest.ci95[0] > 0.5
        };
        let times = (0..runs).filter(|&seed| named(seed)).count();
        // AUC Φ(−0.15/√2) = 0.458, 3.3 standard errors of 0.0129 below ½: beyond 2.81 of them in 68%.
        assert!(times >= 22, "{times} of {runs}");
    }

    #[test]
    fn a_leak_is_found_and_named() {
        let strongest = found(&attacks(6, 500, 0.5, 0.5, 1), 1);
        // AUC Φ(0.5/√2) = 0.638.
        assert_eq!((strongest.attack.as_str(), strongest.metric), ("attack 0", Metric::Auc));
        assert_eq!(
            (strongest.by_accuracy.attack.as_str(), strongest.by_auc.value),
            ("attack 0", strongest.value)
        );
        assert!(strongest.ci95[0] > 0.55 && strongest.ci95[1] < 0.72, "{strongest:?}");
        assert!(2.0 < strongest.critical_value && strongest.critical_value < 2.87, "{strongest:?}");
        assert!(strongest.chosen.contains("of 12 simultaneous"), "{}", strongest.chosen);
    }

    /// An attack that says the same of every record has intervals of almost no width; what others may find they do
    /// not exclude.
    #[test]
    fn a_constant_does_not_stand_for_attacks_that_may_find_something() {
        let mut scored = attacks(3, 200, 0.0, 0.1, 5);
        let halves = Halves::split(200, 200, 5).unwrap();
        scored[2] = Scored::new("gap", &halves, &[1.0; 200], &[1.0; 200]).unwrap();
        let strongest = found(&scored, 5);
        assert!(strongest.ci95[0] <= 0.5 && strongest.attack == "attack 0", "{strongest:?}");
        let excluded = strongest.not_excluded.unwrap();
        assert!(excluded > 0.53 && excluded >= strongest.ci95[1], "{strongest:?}");
        assert_eq!(excluded, strongest.by_accuracy.ci95[1].max(strongest.by_auc.ci95[1]));
        for best in [&strongest.by_accuracy, &strongest.by_auc] {
            assert!(best.ci95[0] <= best.value && best.value <= best.ci95[1], "{best:?}");
        }
        assert!(strongest.chosen.starts_with("the furthest above guessing"), "{}", strongest.chosen);
    }

    #[test]
    fn one_attack_is_two_numbers_and_none_is_nothing() {
        let strongest = found(&attacks(1, 100, 0.0, 0.0, 0), 0);
        assert_eq!(strongest.compared, 2);
        assert!((1.95..2.25).contains(&strongest.critical_value));
        assert_eq!(strongest_of(&[], &Attacks::new(), 0).unwrap(), None);
    }
}
