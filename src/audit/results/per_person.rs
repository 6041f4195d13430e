//! The attacks on persons: what all records of a person say together.
//!
//! Not the attacks on records, which their scores come from, nor which person a record is of
//! ([`crate::audit::persons`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attacks::{Attacks, all_results};
use super::strongest::{Strongest, strongest_of};
use crate::audit::attacks::scored::Scored;
use crate::audit::persons::RecordPersons;
use crate::error::Result;
use crate::statistics::calibration::Calibration;
use crate::statistics::halves::Halves;
use crate::statistics::judgment::Terms;
use crate::statistics::thresholds;

/// The attacks on persons. A person's records are all members or none; a half has persons with all their
/// records, so that nobody is both known and scored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PersonResults {
    /// Persons whose records are members.
    pub members: usize,
    /// Persons whose records are no members.
    pub nonmembers: usize,
    /// As the attacks on records; their counts are persons.
    pub attacks: Attacks,
    /// The strongest of them; absent in summaries of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strongest: Option<Strongest>,
}

/// What is known of a person's records by one number each: of how many, their sum, the sum of their squares.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Together {
    records: f64,
    sum: f64,
    squares: f64,
}

impl Together {
    fn mean(self) -> f64 {
        self.sum / self.records
    }
}

/// By person: of the known members and non-members, and of the scored ones.
type ByPerson = [BTreeMap<u32, Together>; 4];

/// What persons of equal log odds are ordered by, beside the log odds.
const TIE: f64 = 1e-6;

/// The results of the attacks that were `scored` on the records of `persons`, of which the first `members`
/// are members.
///
/// # Errors
/// A score that is NaN.
pub fn results(
    persons: &RecordPersons,
    members: usize,
    scored: &[Scored],
    terms: &Terms,
) -> Result<PersonResults> {
    let by_person: Vec<Scored> =
        scored.iter().map(|attack| aggregate(persons, members, attack)).collect::<Result<_>>()?;
    let most = |of: fn(&Scored) -> usize| by_person.iter().map(of).max().unwrap_or(0);
    let attacks = all_results(&by_person, terms)?;
    Ok(PersonResults {
        members: most(|attack| attack.records.known_members.len() + attack.records.scored_members.len()),
        nonmembers: most(|attack| {
            attack.records.known_nonmembers.len() + attack.records.scored_nonmembers.len()
        }),
        strongest: strongest_of(&by_person, &attacks, terms.seed)?,
        attacks,
    })
}

/// The scores of persons: Σ log odds / (1 + (n − 1) ρ) over a person's n records, with log odds from the
/// known half's [`Calibration`] and ρ the correlation of one person's records on the known half.
///
/// Were the records independent (ρ = 0), the sum of their log-likelihood ratios would be the best score there
/// is (Neyman & Pearson 1933); were they copies of one (ρ = 1), their mean. For normal log odds of one
/// correlation the weight in between is exactly the likelihood ratio's, 1ᵀ Σ⁻¹ of the equicorrelated Σ. In
/// simulations it was nowhere below the sum, the mean and the largest (1,000 persons a side with 1 to 10
/// records and a shift of half a deviation a record; AUC of this, sum, mean, largest at ρ = 0: 0.788, 0.788,
/// 0.766, 0.673; 0.2: 0.718, 0.715, 0.712, 0.660; 0.5: 0.674, 0.668, 0.673, 0.651; 0.9: 0.644, 0.636, 0.644,
/// 0.641).
///
/// Log odds are steps of the score, of ten known records at least; persons whom they tie are ordered by the mean
/// rank of their records' scores. The direction is that which persons' mean ranks have: the direction that records
/// gave took each for a witness of its own.
fn aggregate(persons: &RecordPersons, members: usize, attack: &Scored) -> Result<Scored> {
    let records = &attack.records;
    let by_person = |scores: &Halves, number: &dyn Fn(f64) -> f64| -> ByPerson {
        let together = |places: &[u32], shift: usize, scores: &[f64]| {
            let mut found = BTreeMap::<u32, Together>::new();
            for (&place, &score) in places.iter().zip(scores) {
                let number = number(score);
                let person = found.entry(persons.of_record(shift + place as usize)).or_default();
                person.records += 1.0;
                person.sum += number;
                person.squares += number * number;
            }
            found
        };
        [
            together(&records.known_members, 0, &scores.known_members),
            together(&records.known_nonmembers, members, &scores.known_nonmembers),
            together(&records.scored_members, 0, &scores.scored_members),
            together(&records.scored_nonmembers, members, &scores.scored_nonmembers),
        ]
    };
    let mean_ranks = |scores: &Halves| -> ByPerson {
        let mut known = [scores.known_members.as_slice(), &scores.known_nonmembers].concat();
        known.sort_unstable_by(f64::total_cmp);
        let below = |score: f64| known.partition_point(|other| *other < score);
        let up_to = |score: f64| known.partition_point(|other| *other <= score);
        by_person(scores, &|score| (below(score) + up_to(score)) as f64 / (2 * known.len()) as f64)
    };
    let defined = attack.scores.clone().map(|score| if attack.reversed { -score } else { score });
    let (_, reversed) = thresholds::oriented(scores_of(&mean_ranks(&defined), |person, _| person.mean()).1)?;
    let scores = defined.map(|score| if reversed { -score } else { score });
    let calibration = Calibration::new(&scores.known_members, &scores.known_nonmembers)?;
    let log_odds = by_person(&scores, &|score| calibration.risk(score).log_odds());
    let correlation = correlation([&log_odds[0], &log_odds[1]]);
    let ranks = mean_ranks(&scores);
    let rank = |place: usize, person: u32| ranks[place].get(&person).map_or(0.0, |ranks| ranks.mean());
    let (records, scores) = scores_of(&log_odds, |person, (place, number)| {
        person.sum / (1.0 + (person.records - 1.0) * correlation) + TIE * rank(place, number)
    });
    let threshold = thresholds::best_threshold(&scores)?;
    // The known half taught the log odds.
    Ok(Scored { name: attack.name.clone(), records, scores, threshold, learns: true, reversed })
}

/// Persons by number, and a score of each: of what is known of him, and of which part of [`ByPerson`] and number
/// he has.
fn scores_of(by_person: &ByPerson, score: impl Fn(&Together, (usize, u32)) -> f64) -> (Halves<u32>, Halves) {
    let part = |place: usize| -> (Vec<u32>, Vec<f64>) {
        by_person[place].iter().map(|(&number, person)| (number, score(person, (place, number)))).unzip()
    };
    let (known_members, of_known_members) = part(0);
    let (known_nonmembers, of_known_nonmembers) = part(1);
    let (scored_members, of_scored_members) = part(2);
    let (scored_nonmembers, of_scored_nonmembers) = part(3);
    let scores = Halves {
        known_members: of_known_members,
        known_nonmembers: of_known_nonmembers,
        scored_members: of_scored_members,
        scored_nonmembers: of_scored_nonmembers,
    };
    (Halves { known_members, known_nonmembers, scored_members, scored_nonmembers }, scores)
}

/// The intraclass correlation of the log odds of one person's records, members and non-members each around
/// their own mean, from the one-way analysis of variance with unequal sizes (Donner 1986, "A review of
/// inference procedures for the intraclass correlation coefficient in the one-way random effects model"),
/// from 0 to 1; 0 where no person has two records.
fn correlation(groups: [&BTreeMap<u32, Together>; 2]) -> f64 {
    let (mut between, mut within) = (0.0, 0.0);
    let (mut between_freedom, mut within_freedom, mut sizes) = (0.0, 0.0, 0.0);
    for persons in groups {
        let total = |of: fn(&Together) -> f64| persons.values().map(of).sum::<f64>();
        let (records, sum) = (total(|t| t.records), total(|t| t.sum));
        let mean = sum / records;
        between += persons.values().map(|t| t.records * (t.sum / t.records - mean).powi(2)).sum::<f64>();
        within += total(|t| t.squares - t.sum * t.sum / t.records);
        between_freedom += persons.len() as f64 - 1.0;
        within_freedom += records - persons.len() as f64;
        sizes += records - total(|t| t.records * t.records) / records;
    }
    if within_freedom <= 0.0 || between_freedom <= 0.0 {
        return 0.0;
    }
    let (between, within, size) =
        (between / between_freedom, within / within_freedom, sizes / between_freedom);
    let correlation = (between - within) / (between + (size - 1.0) * within);
    if correlation.is_nan() { 0.0 } else { correlation.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::persons::Persons;
    use crate::random::{Stream, normal, stream};

    /// `count` persons a side with 1, 2, …, 8 records; members' scores are shifted by `shift`, and `share` of
    /// the variance is a person's.
    fn scene(count: usize, shift: f64, share: f64) -> (Vec<String>, [Vec<f64>; 2]) {
        let mut rng = stream(3, Stream::Audit);
        let (mut names, mut scores) = (vec![], [vec![], vec![]]);
        for (kind, scores) in scores.iter_mut().enumerate() {
            for person in 0..count {
                let own = normal(&mut rng) * share.sqrt() + if kind == 0 { shift } else { 0.0 };
                for _ in 0..=person % 8 {
                    names.push(format!("{kind}-{person}"));
                    scores.push(own + normal(&mut rng) * (1.0 - share).sqrt());
                }
            }
        }
        (names, scores)
    }

    fn audited(names: &[String], [members, others]: &[Vec<f64>; 2], seed: u64) -> (PersonResults, Scored) {
        let persons = Persons::new(names, "here").unwrap();
        let persons = persons.of(0..names.len() as u32);
        let halves = persons.halves(members.len(), seed).unwrap();
        let scored = Scored::new("confidence", &halves, members, others).unwrap();
        let terms = Terms { seed, base_rate: 0.1, delta: 1e-5 };
        (results(&persons, members.len(), std::slice::from_ref(&scored), &terms).unwrap(), scored)
    }

    /// `count` persons a side, each of `records` records with these scores.
    fn persons_of(
        count: usize,
        records: usize,
        score: impl Fn(usize, usize) -> f64,
    ) -> (Vec<String>, [Vec<f64>; 2]) {
        let names =
            (0..2 * count).flat_map(|person| std::iter::repeat_n(format!("p{person}"), records)).collect();
        let of = |kind: usize| (0..count * records).map(|i| score(kind, i / records)).collect();
        (names, [of(0), of(1)])
    }

    #[test]
    fn few_persons_that_are_told_apart_are_told_apart() {
        for (count, records) in [(8, 1), (8, 2), (6, 3), (19, 1), (24, 1), (12, 2)] {
            let (names, scores) =
                persons_of(count, records, |kind, person| (person + 100 * (1 - kind)) as f64);
            let (found, _) = audited(&names, &scores, 1);
            let attack = &found.attacks["confidence"];
            assert_eq!((attack.auc, attack.accuracy), (1.0, 1.0), "{count} of {records}");
        }
    }

    /// Fifty records of each person, who all have his own deviation: a thousand records are twenty persons.
    #[test]
    fn many_records_of_few_persons_accuse_nobody() {
        let (runs, mut accused, mut by_records) = (40, 0, 0);
        for seed in 0..runs {
            let mut rng = stream(seed, Stream::Audit);
            let own: Vec<f64> = (0..40).map(|_| normal(&mut rng)).collect();
            let (names, mut scores) = persons_of(20, 50, |kind, person| own[20 * kind + person]);
            scores.iter_mut().flatten().for_each(|score| *score += 0.5 * normal(&mut rng));
            let (found, scored) = audited(&names, &scores, seed);
            accused += usize::from(found.strongest.unwrap().ci95[0] > 0.5);
            let terms = Terms { seed, base_rate: 0.1, delta: 1e-5 };
            by_records += usize::from(scored.result(&terms).unwrap().ci95.auc[0] > 0.5);
        }
        // 5% of 40 are 2; 6 are three standard deviations more.
        assert!(accused <= 6 && by_records >= 12, "{accused} by persons, {by_records} by records");
    }

    fn together(values: &[&[f64]]) -> BTreeMap<u32, Together> {
        let of = |values: &&[f64]| Together {
            records: values.len() as f64,
            sum: values.iter().sum(),
            squares: values.iter().map(|v| v * v).sum(),
        };
        (0..).zip(values.iter().map(of)).collect()
    }

    #[test]
    fn the_correlation_of_a_persons_records_by_hand() {
        // Members (1, 3), (5, 7): means 2 and 6 around 4, so 16 between with 1 degree of freedom and 4 within
        // with 2. Others (2, 2), (2, 2) add a degree between and two within: 8 and 1 a degree, sizes of 2.
        let (members, others) = (together(&[&[1.0, 3.0], &[5.0, 7.0]]), together(&[&[2.0; 2], &[2.0; 2]]));
        assert!((correlation([&members, &others]) - (8.0 - 1.0) / (8.0 + 1.0)).abs() < 1e-12);
        // One record a person, and records that differ within persons alone.
        let single = together(&[&[1.0], &[2.0]]);
        assert_eq!(correlation([&single, &single]), 0.0);
        let within = together(&[&[1.0, 3.0], &[1.0, 3.0]]);
        assert_eq!(correlation([&within, &within]), 0.0);
    }

    #[test]
    fn several_records_tell_more_of_a_person_than_one() {
        let terms = Terms { seed: 0, base_rate: 0.1, delta: 1e-5 };
        for (share, more) in [(0.0, 0.08), (0.9, -0.02)] {
            let (names, [members, others]) = scene(400, 0.7, share);
            let persons = Persons::new(&names, "here").unwrap();
            let persons = persons.of(0..names.len() as u32);
            let halves = persons.halves(members.len(), 5).unwrap();
            let scored = Scored::new("confidence", &halves, &members, &others).unwrap();
            let of_records = scored.result(&terms).unwrap();
            let found = results(&persons, members.len(), &[scored], &terms).unwrap();
            assert_eq!((found.members, found.nonmembers), (400, 400));
            let attack = &found.attacks["confidence"];
            assert_eq!((attack.members, attack.nonmembers), (200, 200));
            assert!(attack.auc > of_records.auc + more, "{share}: {} {}", attack.auc, of_records.auc);
        }
    }
}
