//! The group that fares worst: the one that an attack finds best, named without being fooled by how many
//! groups there are.
//!
//! Not the groups' own results (`describe`).

use super::details::WorstGroup;
use super::subgroups::Grouping;
use crate::audit::attacks::scored::Scored;
use crate::error::Result;
use crate::statistics::intervals::{self, Directed};
use crate::statistics::{judgment, simultaneous};

/// What both tails of an interval hold together: 95%.
const TAILS: f64 = 0.05;

/// The worst-off group of `grouping`, by whichever of `attacks` shows most of it. `None` of fewer than two groups
/// that the records resolve.
///
/// Every attack, because the strongest on all records may be blind to a small group that another finds whole. A
/// group whose interval lies below ½ is told apart by the negative score: as all intervals cover to either side
/// together, so do their mirror images.
///
/// # Errors
/// A score that is NaN.
pub fn worst_group(grouping: &Grouping, attacks: &[Scored]) -> Result<Option<WorstGroup>> {
    let mut compared = vec![];
    for attack in attacks {
        let groups = attack.records.pick(&grouping.members, &grouping.nonmembers);
        let by_group = attack.scores.by_group(&groups, grouping.names.len());
        let of_attack: Vec<_> =
            grouping.names.iter().zip(by_group).filter(|(_, halves)| halves.resolve()).collect();
        if of_attack.len() >= 2 {
            compared.push((attack, attack.curve()?.auc(), of_attack));
        }
    }
    let intervals: usize = compared.iter().map(|(_, _, groups)| groups.len()).sum();
    let tail = 0.5 * TAILS / intervals.max(1) as f64;
    let mut worst: Option<(f64, WorstGroup)> = None;
    for (attack, auc_of_all, groups) in &compared {
        for (name, halves) in groups {
            let roc = judgment::curve_of_group(halves, attack.curve_records())?;
            let Directed { auc, ends: auc_ci95, reversed } = intervals::directed_auc(&roc, tail);
            let evidence = simultaneous::evidence(auc, auc_ci95[0]);
            if worst.as_ref().is_none_or(|(most, _)| evidence > *most) {
                let group = WorstGroup {
                    name: (*name).clone(),
                    attack: attack.name.clone(),
                    auc,
                    auc_ci95,
                    auc_of_all: *auc_of_all,
                    groups: groups.len(),
                    stands_out: auc_ci95[0] > *auc_of_all,
                    reversed,
                };
                worst = Some((evidence, group));
            }
        }
    }
    Ok(worst.map(|(_, group)| group))
}

#[cfg(test)]
mod tests {
    use super::super::details::ExposedGroup;
    use super::super::notes::{exposed_note, exposed_text};
    use super::*;
    use crate::random::{Stream, normal, stream};
    use crate::statistics::halves::Halves;

    /// Members and others, `sizes[g]` of each in group g, those of the group `exposed` shifted.
    fn scene(sizes: &[usize], exposed: Option<(usize, f64)>, seed: u64) -> (Vec<u32>, Scored) {
        let groups: Vec<u32> =
            (0..).zip(sizes).flat_map(|(group, &size)| std::iter::repeat_n(group, size)).collect();
        let mut rng = stream(seed, Stream::Audit);
        let mut draw = |share: f64| -> Vec<f64> {
            let shift = exposed.map_or(0.0, |(_, shift)| share * shift);
            let own =
                |group: &u32| if exposed.is_some_and(|(g, _)| *group as usize == g) { shift } else { 0.0 };
            groups.iter().map(|group| normal(&mut rng) + own(group)).collect()
        };
        let (members, others) = (draw(1.0), draw(0.0));
        let halves = Halves::split(groups.len(), groups.len(), seed).unwrap();
        (groups, Scored::new("confidence", &halves, &members, &others).unwrap())
    }

    fn worst(sizes: &[usize], exposed: Option<(usize, f64)>, seed: u64) -> WorstGroup {
        let (groups, scored) = scene(sizes, exposed, seed);
        let names: Vec<String> = (0..sizes.len()).map(|group| format!("g{group}")).collect();
        let grouping = Grouping { names: &names, members: groups.clone(), nonmembers: groups };
        worst_group(&grouping, &[scored]).unwrap().unwrap()
    }

    #[test]
    fn an_exposed_group_is_named_and_small_ones_fool_nobody() {
        let sizes = [200, 200, 60, 8, 8, 8, 8];
        let found = worst(&sizes, Some((2, 2.0)), 1);
        assert_eq!((found.name.as_str(), found.groups, found.stands_out), ("g2", 7, true));
        assert!(found.auc_ci95[0] <= found.auc && found.auc <= found.auc_ci95[1], "{found:?}");
        let note = exposed_note(&ExposedGroup { kind: "subgroup".to_owned(), group: found.clone() });
        assert!(
            note.starts_with("subgroup g2 (confidence, AUC 0.") && note.contains("all 7 groups"),
            "{note}"
        );
        assert!(!found.reversed);
    }

    #[test]
    fn a_group_whose_members_have_the_lower_scores_is_named() {
        let found = worst(&[2000, 2000, 60], Some((2, -2.0)), 1);
        assert_eq!((found.name.as_str(), found.stands_out, found.reversed), ("g2", true, true));
        // AUC Φ(2/√2) = 0.921.
        assert!(found.auc_ci95[0] <= found.auc && found.auc <= found.auc_ci95[1], "{found:?}");
        assert!(found.auc_ci95[0] < 0.921 && 0.921 < found.auc_ci95[1], "{found:?}");
        let text = exposed_text(&ExposedGroup { kind: "class".to_owned(), group: found });
        assert!(text.starts_with("class g2 (confidence reversed for it, AUC 0."), "{text}");
    }

    /// The gap attack has an interval of almost no width, and a rare group that the confidence finds whole.
    #[test]
    fn a_group_that_only_one_attack_finds_is_named() {
        let (groups, scored) = scene(&[400, 16], Some((1, 6.0)), 2);
        let right = vec![1.0; groups.len()];
        let halves = Halves::split(groups.len(), groups.len(), 2).unwrap();
        let gap = Scored::new("gap", &halves, &right, &right).unwrap();
        let names = ["common".to_owned(), "rare".to_owned()];
        let grouping = Grouping { names: &names, members: groups.clone(), nonmembers: groups };
        let found = worst_group(&grouping, &[gap.clone(), scored]).unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), found.attack.as_str(), found.stands_out),
            ("rare", "confidence", true)
        );
        let blind = worst_group(&grouping, &[gap]).unwrap().unwrap();
        assert!(!blind.stands_out, "{blind:?}");
    }

    #[test]
    fn of_equal_groups_none_stands_out_beyond_chance() {
        let sizes: Vec<usize> = (0..20).map(|group| 10 + 3 * group).collect();
        let accused = (0..100).filter(|&seed| worst(&sizes, None, seed).stands_out).count();
        // 5% of the samples, either direction together, and what the estimate of the whole adds: twelve are three
        // standard deviations more.
        assert!(accused <= 12, "{accused} of 100");
    }
}
