//! From scores to [`ReplicaDetails`]: curves, classes and subgroups, histograms, the most exposed records.
//!
//! Not the results of the whole ([`crate::audit::attacks::threshold::judge`]).

use std::collections::BTreeMap;

use super::details::{BINS, Curve, GroupAttack, GroupResult, Histogram, RecordRisk, ReplicaDetails, WORST};
use super::risk::Calibration;
use super::subgroups::Placed;
use crate::audit::attacks::scores::{self, Predictions};
use crate::audit::attacks::threshold::Scored;
use crate::audit::subject::Subject;
use crate::error::Result;
use crate::run::config::Replica;
use crate::statistics::intervals::{self, clopper_pearson};
use crate::statistics::roc::Roc;

/// What is known of the records beside the model's outputs on them.
#[derive(Debug)]
pub struct Records<'a> {
    /// The members' record numbers.
    pub rows: &'a [u32],
    /// By class.
    pub class_names: &'a [String],
    pub subgroups: Option<Placed<'a>>,
}

/// The details of one model; `strongest` names the attack whose scores rank the records.
///
/// # Errors
/// A score that is NaN.
pub fn replica(
    settings: Option<Replica>,
    subject: &Subject,
    attacks: &[Scored],
    strongest: Option<&str>,
    records: &Records,
) -> Result<ReplicaDetails> {
    let [members, nonmembers] = subject.predictions()?;
    let classes =
        Grouping { names: records.class_names, members: members.labels(), nonmembers: nonmembers.labels() };
    let subgroups = match &records.subgroups {
        Some(placed) => groups(&placed.grouping(), attacks, &members, &nonmembers)?,
        None => vec![],
    };
    // φ is the logit of p_y, and −Σ p log p at most log C.
    let confidence = |p: &Predictions| scores::confidence(p).into_iter().map(scores::probability).collect();
    let most = (subject.classes as f64).ln();
    let entropy = |p: &Predictions| scores::entropy(p).iter().map(|e| (-e / most).clamp(0.0, 1.0)).collect();
    let compared = |of: &dyn Fn(&Predictions) -> Vec<f64>| histogram(&of(&members), &of(&nonmembers));
    let ranking = attacks.iter().find(|attack| Some(attack.name.as_str()) == strongest);
    Ok(ReplicaDetails {
        settings,
        curves: curves(attacks)?,
        classes: groups(&classes, attacks, &members, &nonmembers)?,
        subgroups,
        confidence: compared(&confidence),
        entropy: compared(&entropy),
        worst: match ranking {
            Some(attack) => worst(attack, records.rows, members.labels())?,
            None => vec![],
        },
    })
}

/// The ROC of each attack's scored half.
///
/// # Errors
/// A score that is NaN.
pub fn curves(attacks: &[Scored]) -> Result<BTreeMap<String, Curve>> {
    attacks.iter().map(|attack| Ok((attack.name.clone(), curve(attack)?))).collect()
}

fn curve(attack: &Scored) -> Result<Curve> {
    let roc = Roc::new(&attack.scores.scored_members, &attack.scores.scored_nonmembers)?;
    let (m, n) = (roc.members(), roc.nonmembers());
    let mut curve = Curve::default();
    let points = roc.thinned();
    for (i, &(_, accepted, accused)) in points.iter().enumerate() {
        // Of several rules with one FPR the one with the largest TPR: the last.
        if points.get(i + 1).is_some_and(|next| next.2 == accused) {
            continue;
        }
        let [low, high] = clopper_pearson(accepted, m);
        curve.fpr.push(accused as f64 / n as f64);
        curve.tpr.push(accepted as f64 / m as f64);
        curve.tpr_low.push(low);
        curve.tpr_high.push(high);
    }
    Ok(curve)
}

/// Which group each record belongs to: a class, or a value of a subgroup column.
#[derive(Debug, Clone, Copy)]
pub struct Grouping<'a> {
    pub names: &'a [String],
    /// For each member, and for each non-member, the number of its group.
    pub members: &'a [u32],
    pub nonmembers: &'a [u32],
}

/// The results on each group that has a record, in the order of their names' places.
///
/// # Errors
/// A score that is NaN.
pub fn groups(
    grouping: &Grouping,
    attacks: &[Scored],
    members: &Predictions,
    nonmembers: &Predictions,
) -> Result<Vec<GroupResult>> {
    let right = [scores::gap(members), scores::gap(nonmembers)];
    let of = |groups: &[u32], right: &[f64]| -> Vec<(usize, f64)> {
        let mut counts = vec![(0, 0.0); grouping.names.len()];
        for (&group, right) in groups.iter().zip(right) {
            let count = &mut counts[group as usize];
            *count = (count.0 + 1, count.1 + right);
        }
        counts
    };
    let [m, n] = [of(grouping.members, &right[0]), of(grouping.nonmembers, &right[1])];
    let rate = |(count, right): (usize, f64)| (count > 0).then(|| right / count as f64);
    let mut results: Vec<GroupResult> = grouping
        .names
        .iter()
        .zip(m.iter().zip(&n))
        .map(|(name, (&m, &n))| GroupResult {
            name: name.clone(),
            members: m.0,
            nonmembers: n.0,
            train_accuracy: rate(m),
            test_accuracy: rate(n),
            attacks: BTreeMap::new(),
        })
        .collect();
    for attack in attacks {
        let by_group = |records: &[u32], groups: &[u32], scores: &[f64]| -> Vec<Vec<f64>> {
            let mut parts = vec![vec![]; grouping.names.len()];
            let pairs = records.iter().zip(scores);
            pairs.for_each(|(&record, &score)| parts[groups[record as usize] as usize].push(score));
            parts
        };
        let (records, scores) = (&attack.records, &attack.scores);
        let m = by_group(&records.scored_members, grouping.members, &scores.scored_members);
        let n = by_group(&records.scored_nonmembers, grouping.nonmembers, &scores.scored_nonmembers);
        for (result, (m, n)) in results.iter_mut().zip(m.iter().zip(&n)) {
            if m.len() >= 2 && n.len() >= 2 {
                result.attacks.insert(attack.name.clone(), on_group(m, n, attack.threshold)?);
            }
        }
    }
    results.retain(|result| result.members + result.nonmembers > 0);
    Ok(results)
}

fn on_group(members: &[f64], nonmembers: &[f64], threshold: f64) -> Result<GroupAttack> {
    let roc = Roc::new(members, nonmembers)?;
    let (m, n) = (members.len(), nonmembers.len());
    let (accepted, accused) = roc.accepted(threshold);
    Ok(GroupAttack {
        accuracy: 0.5 * (accepted as f64 / m as f64 + (n - accused) as f64 / n as f64),
        auc: roc.auc(),
        accuracy_ci95: intervals::balanced_accuracy(accepted, m, n - accused, n),
        auc_ci95: intervals::auc(&roc),
        members: m,
        nonmembers: n,
    })
}

/// Counts of `values`, each from 0 to 1, for members and for non-members.
pub fn histogram(members: &[f64], nonmembers: &[f64]) -> Histogram {
    let count = |values: &[f64]| -> Vec<u64> {
        let mut counts = vec![0; BINS];
        values.iter().for_each(|v| counts[((v * BINS as f64) as usize).min(BINS - 1)] += 1);
        counts
    };
    Histogram { members: count(members), nonmembers: count(nonmembers) }
}

/// The members with the highest scores of `attack`, records known to the attacker included: he knows them
/// because they are exposed otherwise, the model exposes them all the same. Of equal scores the lower row first.
/// `rows` and `labels` are those of all members.
///
/// # Errors
/// A score that is NaN.
pub fn worst(attack: &Scored, rows: &[u32], labels: &[u32]) -> Result<Vec<RecordRisk>> {
    let calibration = Calibration::new(&attack.scores.known_members, &attack.scores.known_nonmembers)?;
    let (records, scores) = (&attack.records, &attack.scores);
    let all = records.known_members.iter().chain(&records.scored_members);
    let mut all: Vec<(u32, f64)> =
        all.copied().zip(scores.known_members.iter().chain(&scores.scored_members).copied()).collect();
    all.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(rows[a.0 as usize].cmp(&rows[b.0 as usize])));
    let risk = |(record, score): (u32, f64)| RecordRisk {
        row: rows[record as usize],
        label: labels[record as usize],
        attack: attack.name.clone(),
        score,
        risk: calibration.probability(score),
    };
    Ok(all.into_iter().take(WORST).map(risk).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::halves::Halves;

    /// Four members and four non-members of two groups, all scored by one attack.
    fn attack(scores: [f64; 8]) -> Scored {
        let records = Halves {
            known_members: vec![0],
            scored_members: vec![1, 2, 3, 4],
            known_nonmembers: vec![0],
            scored_nonmembers: vec![1, 2, 3, 4],
        };
        let scores = Halves {
            known_members: vec![9.0],
            scored_members: scores[..4].to_vec(),
            known_nonmembers: vec![-9.0],
            scored_nonmembers: scores[4..].to_vec(),
        };
        Scored { name: "confidence".to_owned(), records, scores, threshold: 0.5 }
    }

    #[test]
    fn a_curve_rises_from_zero_to_one() {
        let curve = &curves(&[attack([4.0, 3.0, 2.0, 0.0, 3.5, 1.0, 0.5, 0.0])]).unwrap()["confidence"];
        assert_eq!(curve.fpr, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(curve.tpr, [0.25, 0.75, 0.75, 0.75, 1.0]);
        let inside = curve.tpr.iter().zip(curve.tpr_low.iter().zip(&curve.tpr_high));
        assert!(inside.clone().all(|(t, (l, h))| l <= t && t <= h), "{inside:?}");
    }

    #[test]
    fn groups_are_judged_by_their_own_records() {
        // Records 0 to 4 of each kind; group 0 has records 0, 1 and 2, which are separated.
        let groups_of = [0, 0, 0, 1, 1];
        let names = ["a".to_owned(), "b".to_owned(), "nobody".to_owned()];
        let grouping = Grouping { names: &names, members: &groups_of, nonmembers: &groups_of };
        let logits = [1.0f32, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];
        let model = Predictions::from_logits(&logits, 2, &[0; 5]).unwrap();
        let found =
            groups(&grouping, &[attack([2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 2.0, 2.0])], &model, &model).unwrap();
        assert_eq!(found.len(), 2);
        let accuracies: Vec<f64> = found.iter().map(|g| g.attacks["confidence"].accuracy).collect();
        assert_eq!(accuracies, [1.0, 0.0]);
        assert_eq!((found[0].train_accuracy, found[1].train_accuracy), (Some(2.0 / 3.0), Some(1.0)));
    }

    #[test]
    fn one_is_in_the_last_bin() {
        let histogram = histogram(&[0.0, 0.019, 1.0], &[0.02]);
        assert_eq!((histogram.members[0], histogram.members[BINS - 1], histogram.nonmembers[1]), (2, 1, 1));
    }

    #[test]
    fn the_most_exposed_come_first() {
        let rows = [10, 11, 12, 13, 14];
        let found = worst(&attack([2.0, 5.0, 5.0, -1.0, 0.0, 0.0, 0.0, 0.0]), &rows, &[7; 5]).unwrap();
        assert_eq!(found.iter().map(|r| r.row).collect::<Vec<_>>(), [10, 12, 13, 11, 14]);
        assert_eq!((found[0].risk, found[4].risk, found[0].label), (1.0, 0.0, 7));
    }
}
