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
        let auc_ci95 = intervals::auc_at(&roc, tail);
        if worst.as_ref().is_none_or(|worst| auc_ci95[0] > worst.auc_ci95[0]) {
            worst = Some(WorstGroup {
                name: (*name).clone(),
                attack: attack.name.clone(),
                auc: roc.auc(),
                auc_ci95,
                auc_of_all,
                groups: compared.len(),
                stands_out: auc_ci95[0] > auc_of_all,
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

    /// Members and others, `sizes[g]` of each in group g, those of group `exposed` shifted by 2.
    fn scene(sizes: &[usize], exposed: Option<usize>, seed: u64) -> (Vec<u32>, Scored) {
        let groups: Vec<u32> =
            (0..).zip(sizes).flat_map(|(group, &size)| std::iter::repeat_n(group, size)).collect();
        let mut rng = stream(seed, Stream::Audit);
        let mut draw = |shift: f64| -> Vec<f64> {
            let own = |group: &u32| if Some(*group as usize) == exposed { shift } else { 0.0 };
            groups.iter().map(|group| normal(&mut rng) + own(group)).collect()
        };
        let (members, others) = (draw(2.0), draw(0.0));
        let halves = Halves::split(groups.len(), groups.len(), seed).unwrap();
        (groups, Scored::new("confidence", &halves, &members, &others).unwrap())
    }

    fn worst(sizes: &[usize], exposed: Option<usize>, seed: u64) -> WorstGroup {
        let (groups, scored) = scene(sizes, exposed, seed);
        let names: Vec<String> = (0..sizes.len()).map(|group| format!("g{group}")).collect();
        let grouping = Grouping { names: &names, members: groups.clone(), nonmembers: groups };
        worst_group(&grouping, &scored).unwrap().unwrap()
    }

    #[test]
    fn an_exposed_group_is_named_and_small_ones_fool_nobody() {
        let sizes = [200, 200, 60, 8, 8, 8, 8];
        let found = worst(&sizes, Some(2), 1);
        assert_eq!((found.name.as_str(), found.groups, found.stands_out), ("g2", 7, true));
        assert!(found.auc_ci95[0] <= found.auc && found.auc <= found.auc_ci95[1], "{found:?}");
        assert!(found.note("subgroup").unwrap().starts_with("subgroup g2 is exposed more"), "{found:?}");
    }

    #[test]
    fn of_equal_groups_none_stands_out_beyond_chance() {
        let sizes: Vec<usize> = (0..20).map(|group| 10 + 3 * group).collect();
        let accused = (0..100).filter(|&seed| worst(&sizes, None, seed).stands_out).count();
        // 2.5% of the samples, and what the estimate of the whole adds; six of a hundred have a chance of 4%.
        assert!(accused <= 6, "{accused} of 100");
    }
}
