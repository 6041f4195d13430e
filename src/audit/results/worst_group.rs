//! The group that fares worst: the one that an attack finds best, named without being fooled by how many
//! groups there are.
//!
//! Not the groups' own results (`describe`).

use super::details::WorstGroup;
use super::subgroups::Grouping;
use crate::audit::attacks::scored::Scored;
use crate::error::Result;
use crate::statistics::intervals;
use crate::statistics::judgment::CurveRecords;
use crate::statistics::roc::Roc;

/// What both tails of an interval hold together: 95%.
const TAILS: f64 = 0.05;

/// The worst-off group of `grouping`, by `attack`. `None` of fewer than two groups that the records resolve.
///
/// A group whose interval lies below ½ is told apart by the negative score: as the intervals of all groups
/// cover to either side together, so do their mirror images.
///
/// # Errors
/// A score that is NaN.
pub fn worst_group(grouping: &Grouping, attack: &Scored) -> Result<Option<WorstGroup>> {
    let groups = attack.records.pick(&grouping.members, &grouping.nonmembers);
    let by_group = attack.scores.by_group(&groups, grouping.names.len());
    let compared: Vec<_> =
        grouping.names.iter().zip(&by_group).filter(|(_, halves)| halves.resolve()).collect();
    if compared.len() < 2 {
        return Ok(None);
    }
    let auc_of_all = attack.curve()?.auc();
    let tail = 0.5 * TAILS / compared.len() as f64;
    let mut worst: Option<WorstGroup> = None;
    for (name, halves) in &compared {
        let all = |scored: &[f64], known: &[f64]| match attack.curve_records() {
            CurveRecords::All => [scored, known].concat(),
            CurveRecords::Scored => scored.to_vec(),
        };
        let members = all(&halves.scored_members, &halves.known_members);
        let roc = Roc::new(&members, &all(&halves.scored_nonmembers, &halves.known_nonmembers))?;
        let as_it_is = intervals::auc_at(&roc, tail);
        let reversed = as_it_is[1] < 0.5;
        let (auc, auc_ci95) = match reversed {
            true => (1.0 - roc.auc(), [1.0 - as_it_is[1], 1.0 - as_it_is[0]]),
            false => (roc.auc(), as_it_is),
        };
        if worst.as_ref().is_none_or(|worst| auc_ci95[0] > worst.auc_ci95[0]) {
            worst = Some(WorstGroup {
                name: (*name).clone(),
                attack: attack.name.clone(),
                auc,
                auc_ci95,
                auc_of_all,
                groups: compared.len(),
                stands_out: auc_ci95[0] > auc_of_all,
                reversed,
            });
        }
    }
    Ok(worst)
}

#[cfg(test)]
mod tests {
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
        worst_group(&grouping, &scored).unwrap().unwrap()
    }

    #[test]
    fn an_exposed_group_is_named_and_small_ones_fool_nobody() {
        let sizes = [200, 200, 60, 8, 8, 8, 8];
        let found = worst(&sizes, Some((2, 2.0)), 1);
        assert_eq!((found.name.as_str(), found.groups, found.stands_out), ("g2", 7, true));
        assert!(found.auc_ci95[0] <= found.auc && found.auc <= found.auc_ci95[1], "{found:?}");
        assert!(found.note("subgroup").unwrap().starts_with("subgroup g2 is exposed more"), "{found:?}");
        assert!(!found.reversed);
    }

    #[test]
    fn a_group_whose_members_have_the_lower_scores_is_named() {
        let found = worst(&[2000, 2000, 60], Some((2, -2.0)), 1);
        assert_eq!((found.name.as_str(), found.stands_out, found.reversed), ("g2", true, true));
        // AUC Φ(2/√2) = 0.921.
        assert!(found.auc_ci95[0] <= found.auc && found.auc <= found.auc_ci95[1], "{found:?}");
        assert!(found.auc_ci95[0] < 0.921 && 0.921 < found.auc_ci95[1], "{found:?}");
        assert!(found.note("class").unwrap().contains("attack, reversed for this group, is 0."), "{found:?}");
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
