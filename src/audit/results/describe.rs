//! From scores to [`ReplicaDetails`]: curves, classes and subgroups, histograms.
//!
//! Not the results of the whole ([`crate::statistics::judgment::judge`]).

use std::collections::BTreeMap;

use super::details::{BINS, Curve, GroupAttack, GroupIntervals, GroupResult, Histogram, ReplicaDetails};
use super::subgroups::Grouping;
use super::worst_group::worst_group;
use crate::audit::attacks::scored::Scored;
use crate::audit::attacks::scores::{self, Predictions};
use crate::audit::evidence::AuditedModel;
use crate::error::Result;
use crate::statistics::halves::Halves;
use crate::statistics::intervals::{self, Directed, TAIL};
use crate::statistics::roc::Roc;
use crate::statistics::{judgment, operating_point};

/// The details of one model.
///
/// # Errors
/// A score that is NaN.
pub fn replica(model: &AuditedModel, class_names: &[String], attacks: &[Scored]) -> Result<ReplicaDetails> {
    let evidence = &model.on_members;
    let [members, nonmembers] = evidence.predictions();
    let classes = Grouping {
        names: class_names,
        members: members.labels().to_vec(),
        nonmembers: nonmembers.labels().to_vec(),
    };
    let subgroups = match &model.subgroups {
        Some(grouping) => groups(grouping, attacks, &members, &nonmembers)?,
        None => vec![],
    };
    let worst = |grouping: Option<&Grouping>| match grouping {
        Some(grouping) => worst_group(grouping, attacks),
        None => Ok(None),
    };
    // φ is the logit of p_y, and −Σ p log p at most log C.
    let confidence = |p: &Predictions| scores::confidence(p).into_iter().map(scores::probability).collect();
    let most = (evidence.classes as f64).ln();
    let entropy = |p: &Predictions| scores::entropy(p).iter().map(|e| (-e / most).clamp(0.0, 1.0)).collect();
    let compared =
        |value: &dyn Fn(&Predictions) -> Vec<f64>| histogram(&value(&members), &value(&nonmembers));
    Ok(ReplicaDetails {
        settings: model.measured.settings,
        curves: curves(attacks)?,
        classes: groups(&classes, attacks, &members, &nonmembers)?,
        subgroups,
        worst_class: worst(Some(&classes))?,
        worst_subgroup: worst(model.subgroups.as_ref())?,
        confidence: compared(&confidence),
        entropy: compared(&entropy),
    })
}

/// The ROC of each attack, on the records that its AUC stands on.
///
/// # Errors
/// A score that is NaN.
pub fn curves(attacks: &[Scored]) -> Result<BTreeMap<String, Curve>> {
    attacks.iter().map(|attack| Ok((attack.name.clone(), curve(attack)?))).collect()
}

fn curve(attack: &Scored) -> Result<Curve> {
    let roc = attack.curve()?;
    let (m, n) = (roc.members(), roc.nonmembers());
    let mut curve = Curve::default();
    for (accused, found) in roc.points() {
        let fpr = accused as f64 / n as f64;
        let [low, high] = operating_point::interval(&roc, fpr);
        curve.fpr.push(fpr);
        curve.tpr.push(found / m as f64);
        curve.tpr_low.push(low);
        curve.tpr_high.push(high);
    }
    Ok(curve)
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
    let counts = |groups: &[u32], right: &[f64]| -> Vec<(usize, f64)> {
        let mut counts = vec![(0, 0.0); grouping.names.len()];
        for (&group, right) in groups.iter().zip(right) {
            let count = &mut counts[group as usize];
            *count = (count.0 + 1, count.1 + right);
        }
        counts
    };
    let [m, n] = [counts(&grouping.members, &right[0]), counts(&grouping.nonmembers, &right[1])];
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
    let by_attack: Vec<Vec<Halves>> = attacks
        .iter()
        .map(|attack| {
            let groups = attack.records.pick(&grouping.members, &grouping.nonmembers);
            attack.scores.by_group(&groups, grouping.names.len())
        })
        .collect();
    // An accuracy and an AUC each.
    let numbers = 2 * by_attack.iter().flatten().filter(|halves| halves.resolve()).count();
    for (attack, by_group) in attacks.iter().zip(&by_attack) {
        for (result, halves) in results.iter_mut().zip(by_group) {
            if halves.resolve() {
                let found = on_group(halves, attack, TAIL / numbers as f64)?;
                result.attacks.insert(attack.name.clone(), found);
            }
        }
    }
    results.retain(|result| result.members + result.nonmembers > 0);
    Ok(results)
}

/// `attack` on the records of one group, with intervals of the usual tail and of the `tail` of all groups together.
/// By the negative score where the latter interval of the AUC lies below ½.
fn on_group(halves: &Halves, attack: &Scored, tail: f64) -> Result<GroupAttack> {
    let scored = Roc::new(&halves.scored_members, &halves.scored_nonmembers)?;
    let (m, n) = (scored.members(), scored.nonmembers());
    let (accepted, accused) = scored.accepted(attack.threshold);
    let curve = judgment::curve_of_group(halves, attack.curve_records())?;
    let Directed { auc, ends: auc_together, reversed } = intervals::directed_auc(&curve, tail);
    let ends = |found: [f64; 2]| if reversed { intervals::mirrored(found) } else { found };
    let accuracy = |tail| ends(intervals::balanced_accuracy_at(accepted, m, n - accused, n, tail));
    let balanced = 0.5 * (accepted as f64 / m as f64 + (n - accused) as f64 / n as f64);
    Ok(GroupAttack {
        accuracy: if reversed { 1.0 - balanced } else { balanced },
        auc,
        accuracy_ci95: accuracy(TAIL),
        auc_ci95: ends(intervals::auc(&curve)),
        simultaneous: Some(GroupIntervals { accuracy: accuracy(tail), auc: auc_together }),
        reversed,
        members: m,
        nonmembers: n,
        curve_members: curve.members(),
        curve_nonmembers: curve.nonmembers(),
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let name = "confidence".to_owned();
        Scored { name, records, scores, threshold: 0.5, learns: true, reversed: false }
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
        let grouping =
            Grouping { names: &names, members: groups_of.to_vec(), nonmembers: groups_of.to_vec() };
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
}
