//! Thresholds that are learnt on the known half: one for all records, or one a class.
//!
//! Not what a threshold is worth on the scored half ([`super::judgment`]).

use super::halves::Halves;
use super::roc::Roc;
use crate::error::Result;

/// Known records, members and non-members together, from which a class has a threshold of its own.
pub const RECORDS_FOR_A_CLASS: usize = 20;

/// The threshold t of the rule "member where score ≥ t" that has the largest ½(TPR + TNR) on the known half
/// ([`Roc::best_threshold`]).
///
/// # Errors
/// As [`Roc::new`].
pub fn best_threshold(halves: &Halves) -> Result<f64> {
    Ok(Roc::new(&halves.known_members, &halves.known_nonmembers)?.best_threshold())
}

/// The scores less a threshold for each class of `labels` (the true labels of the same records): the attack
/// is then "member where score ≥ 0". A class with fewer than [`RECORDS_FOR_A_CLASS`] known records, or
/// without a known member or non-member, uses the threshold of all classes together.
///
/// AUC and TPR are those of score − t(class): one ROC in which every class's chosen threshold is at
/// 0, so its point at 0 is the attack itself. Only known records shape it.
///
/// # Errors
/// As [`Roc::new`].
///
/// # Panics
/// Labels and scores of different number.
pub fn per_class(halves: &Halves, labels: &Halves<u32>) -> Result<Halves> {
    let thresholds = class_thresholds(halves, labels)?;
    let shifted = |scores: &[f64], labels: &[u32]| -> Vec<f64> {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        // x − t ≥ 0 exactly where x ≥ t: IEEE subtraction underflows gradually.
        scores.iter().zip(labels).map(|(score, &label)| score - thresholds.at(label)).collect()
    };
    Ok(Halves {
        known_members: shifted(&halves.known_members, &labels.known_members),
        known_nonmembers: shifted(&halves.known_nonmembers, &labels.known_nonmembers),
        scored_members: shifted(&halves.scored_members, &labels.scored_members),
        scored_nonmembers: shifted(&halves.scored_nonmembers, &labels.scored_nonmembers),
    })
}

/// A threshold a class, with the one of all classes where there is too little to choose by.
struct ClassThresholds {
    global: f64,
    /// By label, up to the largest that is known.
    own: Vec<Option<f64>>,
}

impl ClassThresholds {
    fn at(&self, label: u32) -> f64 {
        self.own.get(label as usize).copied().flatten().unwrap_or(self.global)
    }
}

fn class_thresholds(halves: &Halves, labels: &Halves<u32>) -> Result<ClassThresholds> {
    let global = Roc::new(&halves.known_members, &halves.known_nonmembers)?.best_threshold();
    let classes =
        labels.known_members.iter().chain(&labels.known_nonmembers).max().map_or(0, |&y| y as usize + 1);
    let by_class = |scores: &[f64], labels: &[u32]| -> Vec<Vec<f64>> {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        let mut groups = vec![Vec::new(); classes];
        scores.iter().zip(labels).for_each(|(&score, &label)| groups[label as usize].push(score));
        groups
    };
    let members = by_class(&halves.known_members, &labels.known_members);
    let nonmembers = by_class(&halves.known_nonmembers, &labels.known_nonmembers);
    let own = members.iter().zip(&nonmembers).map(|(members, nonmembers)| {
        let enough = members.len() + nonmembers.len() >= RECORDS_FOR_A_CLASS;
        if !enough || members.is_empty() || nonmembers.is_empty() {
            return Ok(None);
        }
        Roc::new(members, nonmembers).map(|roc| Some(roc.best_threshold()))
    });
    Ok(ClassThresholds { global, own: own.collect::<Result<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_nineteen_uses_the_global_threshold() {
        let halves = |n: usize| Halves {
            known_members: [vec![5.0; 100], vec![1.0; n]].concat(),
            known_nonmembers: [vec![4.0; 100], vec![0.0; 10]].concat(),
            ..Halves::default()
        };
        let labels = |n: usize| Halves {
            known_members: [vec![0; 100], vec![1; n]].concat(),
            known_nonmembers: [vec![0; 100], vec![1; 10]].concat(),
            ..Halves::default()
        };
        let thresholds = |n| class_thresholds(&halves(n), &labels(n)).unwrap();
        assert_eq!(thresholds(10).at(1), 1.0);
        assert_eq!(thresholds(9).at(1), 5.0);
        assert_eq!(thresholds(9).at(2), 5.0, "a class nobody knows");
        // Many records, but of members alone: there is nothing to tell them from.
        let only_members =
            Halves { known_members: vec![1.0; 50], known_nonmembers: vec![2.0], ..Halves::default() };
        let labels = Halves { known_members: vec![1; 50], known_nonmembers: vec![0], ..Halves::default() };
        assert_eq!(class_thresholds(&only_members, &labels).unwrap().own, [None, None]);
    }
}
