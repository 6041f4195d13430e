//! From a score to a risk: how probable it is that a record with this score is a member, and between which
//! limits that is known.
//!
//! Not an attack: the score is one's. The privacy risk score of Song & Mittal 2021 ("Systematic evaluation of
//! privacy risks of machine learning models") is this probability too, there from histograms and without
//! limits.

use super::intervals::{lower_limit, upper_limit};
use super::roc::Roc;
use crate::error::Result;

/// The weakest and the strongest prior, in records ([`Calibration::new`]). By simulation: without the upper
/// bound a few very exposed records among many that are not are drawn too near to the average (5% of the
/// members with a risk of 0.99, 1,000 a side: the surest 1% were told 0.71 where 0.82 is true, with 15 0.80);
/// with 30 half as far. A smaller one tells the surest of a weak attack too much.
const PRIOR: [f64; 2] = [1.0, 15.0];

/// The least number of records of a step.
const LEAST_STEP: f64 = 10.0;

/// The smallest window of records that limits rest on; each further one is four times as large.
const LEAST_WINDOW: usize = 16;

/// What both tails of a limit hold together: 95% intervals.
const TAILS: f64 = 0.05;

/// The largest number of folds of [`cross_fit`].
const FOLDS: usize = 5;

/// The probability that a record is a member, **at even odds**: as if members were as frequent as others
/// among the records in question. It is p(score | member) / (p(score | member) + p(score | non-member));
/// where members have the share b instead, the odds risk / (1 − risk) are multiplied by b / (1 − b).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Risk {
    /// From 0 to 1, both excluded; ½ says nothing either way.
    pub value: f64,
    /// The 95% interval, for one record; from 0 to 1.
    pub low: f64,
    /// The upper end of that interval.
    pub high: f64,
}

impl Risk {
    /// Nothing is known.
    pub const UNKNOWN: Risk = Risk { value: 0.5, low: 0.0, high: 1.0 };

    /// log(risk / (1 − risk)): the logarithm of the likelihood ratio of member and non-member.
    pub fn log_odds(self) -> f64 {
        (self.value / (1.0 - self.value)).ln()
    }
}

/// The risk as a non-decreasing function of the score, learnt from scored members and non-members.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// (lowest score, share of members) of each step, highest score first.
    steps: Vec<(f64, f64)>,
    /// (score, \[low, high\]) of the share at some of the scores, highest first.
    limits: Vec<(f64, [f64; 2])>,
    /// Members a non-member: shares become even odds by it.
    ratio: f64,
}

/// The records of the highest scores: so many members, and so many records in all.
#[derive(Debug, Clone, Copy, Default)]
struct Highest {
    members: usize,
    records: usize,
}

impl Calibration {
    /// Learnt from the scores of N records.
    ///
    /// *The value.* Records of neighboring scores are put into steps of ½ N^⅔ at least (the width at which
    /// the variance of a step and the bias of a monotone curve within it shrink together), a score never
    /// divided; each step's share of members is drawn towards that of all by a beta prior whose strength is
    /// fitted to how much the steps differ beyond chance (method of moments; Kleinman 1973, "Proportions with
    /// extraneous variance"), and what then falls with the score is pooled (isotonic regression by pool
    /// adjacent violators; Barlow et al. 1972). Isotonic regression alone says 1 of the highest scores of any
    /// attack: its last step ends where the members happen to end.
    ///
    /// *The limits* presume only that the risk does not fall with the score. Then the share of members among
    /// the next w records at or below a score is at most this score's, and that at or above at least: the
    /// lower limit is the largest of the exact (Clopper–Pearson) lower limits of such windows of 16, 64, …
    /// records and of all, each at its part of the error, the upper one likewise (as in Dimitriadis et al.
    /// 2023, "Honest calibration assessment for binary outcome predictions"). So the limits cover at any
    /// number of records. The upper limit of the highest score is 1 where nothing above it says otherwise.
    ///
    /// # Errors
    /// As [`Roc::new`].
    pub fn new(members: &[f64], nonmembers: &[f64]) -> Result<Self> {
        let roc = Roc::new(members, nonmembers)?;
        let (m, n) = (roc.members() as f64, roc.nonmembers() as f64);
        let mut highest = vec![Highest::default()];
        let mut scores = vec![];
        for (score, accepted, accused) in roc.blocks() {
            let above = highest[highest.len() - 1];
            scores.push(score);
            highest.push(Highest {
                members: above.members + accepted,
                records: above.records + accepted + accused,
            });
        }
        Ok(Calibration {
            steps: steps(&scores, &highest, m / (m + n)),
            limits: limits(&scores, &highest),
            ratio: m / n,
        })
    }

    /// The risk at `score`; beyond the scores it was learnt from, that of the nearest step.
    pub fn risk(&self, score: f64) -> Risk {
        // A share s among m members and n others is at even odds (s / m) / (s / m + (1 − s) / n).
        let even = |share: f64| share / (share + self.ratio * (1.0 - share));
        let at = self.steps.partition_point(|step| step.0 > score).min(self.steps.len() - 1);
        // Limits at scores on both sides hold here too, since the risk does not fall with the score.
        let (above, below) = (
            self.limits.partition_point(|limit| limit.0 >= score),
            self.limits.partition_point(|limit| limit.0 > score),
        );
        let low = even(self.limits.get(below).map_or(0.0, |(_, ends)| ends[0]));
        let high = even(above.checked_sub(1).map_or(1.0, |above| self.limits[above].1[1]));
        // Below a level of 95% of both limits they could cross; then neither is believed.
        Risk { value: even(self.steps[at].1).clamp(low.min(high), high.max(low)), low, high }
    }
}

/// (lowest score, share of members) of each step, highest first; `share` is that of all.
fn steps(scores: &[f64], highest: &[Highest], share: f64) -> Vec<(f64, f64)> {
    let all = highest[scores.len()].records;
    let least = (0.5 * (all as f64).powf(2.0 / 3.0)).ceil().max(LEAST_STEP) as usize;
    // (lowest score, members, records).
    let mut cut: Vec<(f64, f64, f64)> = vec![];
    let mut first = 0;
    for (last, &score) in scores.iter().enumerate() {
        let (above, below) = (highest[first], highest[last + 1]);
        let rest = all - below.records;
        // What would be too little for a step of its own belongs to the last.
        if rest == 0 || below.records - above.records >= least && rest >= least {
            let count = |of: fn(Highest) -> usize| (of(below) - of(above)) as f64;
            cut.push((score, count(|h| h.members), count(|h| h.records)));
            first = last + 1;
        }
    }
    let prior = prior(&cut, share);
    let mut pooled: Vec<(f64, f64, f64)> = vec![];
    for (score, members, records) in cut {
        let mut step = (score, members + prior * share, records + prior);
        while let Some(above) = pooled.pop_if(|above| above.1 / above.2 <= step.1 / step.2) {
            step = (step.0, step.1 + above.1, step.2 + above.2);
        }
        pooled.push(step);
    }
    pooled.into_iter().map(|(score, members, records)| (score, members / records)).collect()
}

/// The strength of the prior, in records: s(1 − s) / σ² − 1 of a beta distribution with the mean s and the
/// variance σ², which is what the shares of the steps differ by beyond chance.
fn prior(steps: &[(f64, f64, f64)], share: f64) -> f64 {
    let (mut between, mut chance) = (0.0, 0.0);
    for &(_, members, records) in steps {
        let found = members / records;
        between += (found - share).powi(2) / steps.len() as f64;
        // The unbiased estimate of a share's variance; a step has ten records at least, but where all have
        // fewer.
        chance += found * (1.0 - found) / (records - 1.0).max(1.0) / steps.len() as f64;
    }
    let variance = between - chance;
    let strength = if variance > 0.0 { share * (1.0 - share) / variance - 1.0 } else { f64::INFINITY };
    strength.clamp(PRIOR[0], PRIOR[1])
}

/// (score, limits of the share) at a few hundred scores: close together at both ends, where records differ
/// most, and as many evenly in between.
fn limits(scores: &[f64], highest: &[Highest]) -> Vec<(f64, [f64; 2])> {
    let all = highest[scores.len()].records;
    // Geometric sizes 16, 64, … below N, and N itself.
    let mut windows: Vec<usize> = std::iter::successors(Some(LEAST_WINDOW), |w| Some(4 * w))
        .take_while(|window| *window < all)
        .collect();
    windows.push(all);
    let tail = 0.5 * TAILS / windows.len() as f64;
    let between =
        |above: Highest, below: Highest| (below.members - above.members, below.records - above.records);
    let at = |block: usize| {
        let mut ends = [0.0f64, 1.0];
        // From this score downwards, and upwards; a window that reaches the end is as good as all larger
        // ones.
        for &window in &windows {
            let from = highest[block].records;
            let last = highest.partition_point(|h| h.records < from + window).min(scores.len());
            let (members, records) = between(highest[block], highest[last]);
            ends[0] = ends[0].max(lower_limit(members, records, tail));
            if last == scores.len() {
                break;
            }
        }
        for &window in &windows {
            let from = highest[block + 1].records.saturating_sub(window);
            let first = highest.partition_point(|h| h.records <= from) - 1;
            let (members, records) = between(highest[first], highest[block + 1]);
            ends[1] = ends[1].min(upper_limit(members, records, tail));
            if first == 0 {
                break;
            }
        }
        (scores[block], ends)
    };
    marks(all).into_iter().map(|record| highest.partition_point(|h| h.records <= record) - 1).fold(
        vec![],
        |mut found: Vec<(f64, [f64; 2])>, block| {
            if found.last().is_none_or(|(score, _)| *score != scores[block]) {
                found.push(at(block));
            }
            found
        },
    )
}

/// Places 0 to `all` − 1, ascending: 100 evenly, and from either end by steps that grow by a quarter.
fn marks(all: usize) -> Vec<usize> {
    let evenly = (0..100).map(|i| all * i / 100);
    let growing = std::iter::successors(Some(0usize), |i| Some(i + 1 + i / 4)).take_while(|i| *i < all);
    let mut marks: Vec<usize> = evenly.chain(growing.flat_map(|i| [i, all - 1 - i])).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

/// Each record's risk by a [`Calibration`] that neither it nor another record of its unit taught: units (a
/// record, or all records of one person) are dealt to up to five folds, and the records of a fold are told by
/// the others. So nobody's own membership raises his risk. `units` are numbers of the same records, members'
/// and non-members' from 0 on; [`Risk::UNKNOWN`] where a group has one unit alone.
///
/// # Errors
/// A score that is NaN.
///
/// # Panics
/// Scores and units of different number.
pub fn cross_fit(scores: [&[f64]; 2], units: [&[u32]; 2]) -> Result<[Vec<Risk>; 2]> {
    let mut risks = scores.map(|scores| vec![Risk::UNKNOWN; scores.len()]);
    let distinct = units.map(|units| units.iter().max().map_or(0, |&last| last as usize + 1));
    let folds = distinct[0].min(distinct[1]).min(FOLDS);
    if folds < 2 {
        return Ok(risks);
    }
    for fold in 0..folds {
        let told = |kind: usize, i: usize| units[kind][i] as usize % folds == fold;
        let [members, nonmembers] = [0, 1].map(|kind| {
            assert_eq!(scores[kind].len(), units[kind].len(), "a unit a score");
            let others = scores[kind].iter().enumerate().filter(|(i, _)| !told(kind, *i));
            others.map(|(_, &score)| score).collect::<Vec<f64>>()
        });
        if members.is_empty() || nonmembers.is_empty() {
            continue;
        }
        let calibration = Calibration::new(&members, &nonmembers)?;
        for (kind, risks) in risks.iter_mut().enumerate() {
            let own = risks.iter_mut().zip(scores[kind]).enumerate().filter(|(i, _)| told(kind, *i));
            own.for_each(|(_, (risk, &score))| *risk = calibration.risk(score));
        }
    }
    Ok(risks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, normal, stream, uniform};

    /// Scores of members and of others, and the true risk at a score.
    type Drawn = ([Vec<f64>; 2], fn(f64, f64) -> f64);

    /// `n` a side. Members are normal with the mean `shift`, the others with the mean 0: at even odds the
    /// risk is 1 / (1 + exp(shift² / 2 − shift · score)).
    fn binormal(n: usize, shift: f64, seed: u64) -> Drawn {
        let mut rng = stream(seed, Stream::Audit);
        let mut draw = |mean: f64| (0..n).map(|_| normal(&mut rng) + mean).collect::<Vec<f64>>();
        ([draw(shift), draw(0.0)], |score, shift| 1.0 / (1.0 + (shift * shift / 2.0 - shift * score).exp()))
    }

    /// As an attack by shadow models on an ordinary model: `share` of the members have scores around 4, all
    /// others around 0.
    fn few_exposed(n: usize, share: f64, seed: u64) -> Drawn {
        let mut rng = stream(seed, Stream::Audit);
        let members = (0..n).map(|_| normal(&mut rng) + if uniform(&mut rng) < share { 4.0 } else { 0.0 });
        let members = members.collect();
        let others = (0..n).map(|_| normal(&mut rng)).collect();
        ([members, others], |score, share| {
            let ratio = 1.0 - share + share * (4.0 * score - 8.0).exp();
            if ratio.is_infinite() { 1.0 } else { ratio / (1.0 + ratio) }
        })
    }

    /// Isotonic regression alone, which this module is compared with.
    fn isotonic([members, others]: [&[f64]; 2]) -> impl Fn(f64) -> f64 {
        let mut blocks: Vec<(f64, f64, f64)> = vec![];
        for (at, accepted, accused) in Roc::new(members, others).unwrap().blocks() {
            let mut block = (at, accepted as f64, accused as f64);
            let share = |b: &(f64, f64, f64)| b.1 / (b.1 + b.2);
            while let Some(above) = blocks.pop_if(|above| share(above) <= share(&block)) {
                block = (block.0, block.1 + above.1, block.2 + above.2);
            }
            blocks.push(block);
        }
        move |score| {
            let block = blocks[blocks.partition_point(|b| b.0 > score).min(blocks.len() - 1)];
            block.1 / (block.1 + block.2)
        }
    }

    /// What is found over many samples.
    #[derive(Debug, Default)]
    struct Found {
        /// The largest distance of the mean of the risks and of the true ones in a tenth of \[0, 1\] that
        /// holds 1% of the records at least.
        worst_bin: f64,
        /// Means over the 1% of the records with the highest risks: told, and true.
        told: f64,
        truth: f64,
        /// The same of isotonic regression alone.
        told_by_isotonic: f64,
        truth_of_isotonic: f64,
        /// Shares of records whose limits hold the true risk: of all, and of each sample's highest score.
        covered: f64,
        covered_at_the_top: f64,
        width: f64,
    }

    fn simulate(draw: fn(usize, f64, u64) -> Drawn, n: usize, of: f64, samples: u64) -> Found {
        let units: Vec<u32> = (0..n as u32).collect();
        let (mut all, mut plain, mut found) = (vec![], vec![], Found::default());
        for seed in 0..samples {
            let ([members, others], truth) = draw(n, of, seed);
            let told = cross_fit([&members, &others], [&units, &units]).unwrap();
            // Isotonic regression is learnt from one half and told of the other.
            let half = |scores: &[f64], known: bool| -> Vec<f64> {
                let own = scores.iter().enumerate().filter(|(i, _)| (i % 2 == 0) == known);
                own.map(|(_, &score)| score).collect()
            };
            let known = [half(&members, true), half(&others, true)];
            let fitted = isotonic([&known[0], &known[1]]);
            for score in [half(&members, false), half(&others, false)].concat() {
                plain.push((fitted(score), truth(score, of)));
            }
            let mut highest = (f64::NEG_INFINITY, false);
            for (&score, risk) in members.iter().chain(&others).zip(told[0].iter().chain(&told[1])) {
                let right = truth(score, of);
                let held = risk.low <= right && right <= risk.high;
                found.covered += f64::from(u8::from(held)) / (samples as f64 * 2.0 * n as f64);
                found.width += (risk.high - risk.low) / (samples as f64 * 2.0 * n as f64);
                if score > highest.0 {
                    highest = (score, held);
                }
                all.push((risk.value, right));
            }
            found.covered_at_the_top += f64::from(u8::from(highest.1)) / samples as f64;
        }
        let mean = |pairs: &[(f64, f64)]| {
            let sum = pairs.iter().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
            (sum.0 / pairs.len() as f64, sum.1 / pairs.len() as f64)
        };
        for bin in 0..10 {
            let within: Vec<_> =
                all.iter().copied().filter(|pair| ((pair.0 * 10.0) as usize).min(9) == bin).collect();
            if within.len() * 100 >= all.len() {
                let (told, true_risk) = mean(&within);
                found.worst_bin = found.worst_bin.max((told - true_risk).abs());
            }
        }
        let surest = |pairs: &mut Vec<(f64, f64)>| {
            pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
            mean(&pairs[..pairs.len() / 100])
        };
        (found.told, found.truth) = surest(&mut all);
        (found.told_by_isotonic, found.truth_of_isotonic) = surest(&mut plain);
        found
    }

    #[test]
    fn risks_are_what_they_say_and_the_surest_are_not_told_one() {
        for (shift, n) in [(0.0, 250), (0.3, 250), (1.0, 250), (2.5, 250)] {
            let found = simulate(binormal, n, shift, 20);
            assert!(found.worst_bin < 0.08, "shift {shift}, {n} a side: {found:?}");
            assert!(found.told < found.truth + 2.0 / (n as f64).sqrt(), "shift {shift}: {found:?}");
            assert!(found.covered > 0.95 && found.covered_at_the_top > 0.8, "shift {shift}: {found:?}");
        }
        // The fault that was: the surest were told 0.93 where 0.66 is true.
        let found = simulate(binormal, 250, 0.3, 20);
        assert!(found.told_by_isotonic > found.truth_of_isotonic + 0.2, "{found:?}");
    }

    #[test]
    fn a_few_exposed_records_are_not_drowned_in_the_others() {
        let found = simulate(few_exposed, 1000, 0.05, 5);
        assert!(found.told > 0.75 && found.told < found.truth, "{found:?}");
        assert!(found.covered > 0.95, "{found:?}");
    }

    /// The figures of the documentation:
    /// `cargo test --release --lib calibration_in_figures -- --ignored --nocapture`.
    #[test]
    #[ignore = "minutes of simulation"]
    fn calibration_in_figures() {
        println!("{:>14} {:>6} | {:>15} | {:>15} | worst  covers  at the", "", "", "isotonic alone", "");
        println!(
            "{:>14} {:>6} | {:>7} {:>7} | {:>7} {:>7} | bin            top    width",
            "scores", "a side", "told", "true", "told", "true"
        );
        type Draw = fn(usize, f64, u64) -> Drawn;
        let kinds: [(&str, Draw, f64); 5] = [
            ("shift 0", binormal, 0.0),
            ("shift 0.3", binormal, 0.3),
            ("shift 1", binormal, 1.0),
            ("shift 2.5", binormal, 2.5),
            ("5% exposed", few_exposed, 0.05),
        ];
        for (name, draw, of) in kinds {
            for n in [10, 20, 50, 250, 1000, 5000] {
                let found = simulate(draw, n, of, (100_000 / n as u64).clamp(20, 1000));
                println!(
                    "{name:>14} {n:>6} | {:>7.3} {:>7.3} | {:>7.3} {:>7.3} | {:.3}  {:.3}   {:.3}  {:.3}",
                    found.told_by_isotonic,
                    found.truth_of_isotonic,
                    found.told,
                    found.truth,
                    found.worst_bin,
                    found.covered,
                    found.covered_at_the_top,
                    found.width
                );
                assert!(found.covered > 0.95 && found.covered_at_the_top > 0.93, "{found:?}");
            }
        }
    }

    #[test]
    fn a_score_of_two_values_by_hand() {
        // 40 members, 30 of them at 1; 60 others, 15 of them at 1.
        let at = |ones: usize, zeros: usize| [vec![1.0; ones], vec![0.0; zeros]].concat();
        let calibration = Calibration::new(&at(30, 10), &at(15, 45)).unwrap();
        // Shares 30/45 and 10/55 around 0.4: the variance by moments less that of chance.
        let between = (0.5 * (30.0 / 45.0 - 0.4f64).powi(2)) + 0.5 * (10.0 / 55.0 - 0.4f64).powi(2);
        let chance = 0.5 * (2.0 / 9.0) / 44.0 + 0.5 * (10.0 * 45.0 / 55.0f64.powi(2)) / 54.0;
        let prior = 0.24 / (between - chance) - 1.0;
        let share = (30.0 + 0.4 * prior) / (45.0 + prior);
        // At even odds: p(1 | member) / (p(1 | member) + p(1 | other)).
        let expected = (share / 40.0) / (share / 40.0 + (1.0 - share) / 60.0);
        let risk = calibration.risk(1.0);
        assert!((risk.value - expected).abs() < 1e-12, "{risk:?}, expected {expected}");
        assert!(risk.low < 0.75 && 0.75 < risk.high && risk.low > 0.55 && risk.high < 0.9, "{risk:?}");
        // A score in between is as the one below it, and no more is known of it than of both.
        let between = calibration.risk(0.5);
        assert_eq!((between.low, between.high), (calibration.risk(0.0).low, risk.high));
        assert_eq!((calibration.risk(7.0).value, calibration.risk(7.0).high), (risk.value, 1.0));
        assert_eq!((calibration.risk(-7.0).low, calibration.risk(f64::NEG_INFINITY).low), (0.0, 0.0));
    }

    #[test]
    fn the_larger_group_counts_no_more() {
        let scores = |n: usize| (0..n).map(|i| f64::from(u8::from(i % 2 == 0))).collect::<Vec<f64>>();
        let risk = Calibration::new(&scores(40), &scores(400)).unwrap().risk(1.0);
        assert!((risk.value - 0.5).abs() < 1e-12 && risk.low < 0.5 && risk.high > 0.5, "{risk:?}");
    }

    #[test]
    fn nobodys_own_membership_teaches_his_risk() {
        let ([mut members, mut others], _) = binormal(60, 1.0, 7);
        let (own, other) = (members[7], others[7]);
        let units: Vec<u32> = (0..60).collect();
        let before = cross_fit([&members, &others], [&units, &units]).unwrap();
        (members[7], others[7]) = (other, own);
        let after = cross_fit([&members, &others], [&units, &units]).unwrap();
        assert_eq!((before[0][7], before[1][7]), (after[1][7], after[0][7]));
        // Nor do the other records of the same person.
        let person = [vec![0; 30], (1..31).collect()].concat();
        let told = cross_fit([&members, &others], [&person, &person]).unwrap();
        (0..30).for_each(|i| members[i] += 100.0);
        let moved = cross_fit([&members, &others], [&person, &person]).unwrap();
        assert!(moved[0][..30].iter().all(|risk| *risk == moved[0][0]), "all above whatever was learnt from");
        assert_eq!(moved[0][0].value, told[0][..30].iter().map(|r| r.value).fold(0.0, f64::max));
    }

    #[test]
    fn too_few_to_learn_from_are_unknown() {
        let told = cross_fit([&[1.0], &[0.0, 0.5]], [&[0], &[0, 1]]).unwrap();
        assert_eq!((told[0][0], told[1].len()), (Risk::UNKNOWN, 2));
        let told = cross_fit([&[1.0, 2.0], &[0.0, 0.5]], [&[0, 1], &[0, 1]]).unwrap();
        assert!(told[0].iter().all(|risk| risk.value == 0.5 && risk.high == 1.0), "{told:?}");
        assert!(cross_fit([&[1.0, f64::NAN], &[0.0, 0.5]], [&[0, 1], &[0, 1]]).is_err());
    }
}
