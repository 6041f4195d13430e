//! The direction of a score, and what is learnt on the known half: a threshold for all records or one a class.
//!
//! Not what a threshold is worth on the scored half ([`super::judgment`]).

use super::halves::Halves;
use super::intervals;
use super::roc::Roc;
use crate::error::Result;

/// Known records, members and non-members together, from which a class has a threshold of its own.
pub const RECORDS_FOR_A_CLASS: usize = 20;

/// Below ½ with all of its 99.5% interval an AUC turns a score round: as far as the simultaneous intervals of
/// eight attacks' numbers reach ([`super::simultaneous`]), so that what they find below ½ is found.
const REVERSED_TAIL: f64 = 0.0025;

/// The scores in the direction in which members have the higher ones, and whether that is against the score's
/// definition. A definition stands unless the 99.5% interval of the AUC of all records lies below ½: of scores
/// that tell nothing one in four hundred is turned round, and of those that tell everything, all.
///
/// The scored half has its say in this one choice of two, since half the records miss leaks that all of them
/// show. An interval of the AUC is as good after it as before: that of the turned scores is its mirror image,
/// and covers whenever it does.
///
/// # Errors
/// As [`Roc::new`].
pub fn oriented(halves: Halves) -> Result<(Halves, bool)> {
    let known = Roc::new(&halves.known_members, &halves.known_nonmembers)?;
    let all = known.merged(&Roc::new(&halves.scored_members, &halves.scored_nonmembers)?);
    let reversed = intervals::directed_auc(&all, REVERSED_TAIL).reversed;
    Ok((if reversed { halves.map(|score| -score) } else { halves }, reversed))
}

/// The threshold t of the rule "member where score ≥ t" that has the largest ½(TPR + TNR) on the known half
/// ([`Roc::best_threshold`]).
///
/// # Errors
/// As [`Roc::new`].
pub fn best_threshold(halves: &Halves) -> Result<f64> {
    Ok(Roc::new(&halves.known_members, &halves.known_nonmembers)?.best_threshold())
}

/// The scores less a threshold for each class of `labels` (the true labels of the same records): the attack
/// is then "member where score ≥ 0". A class whose known members have the lower scores, with all of the AUC's 99.5%
/// interval, is turned round first. A class with fewer than [`RECORDS_FOR_A_CLASS`] known records, or
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
        scores.iter().zip(labels).map(|(&score, &label)| thresholds.at(label).above(score)).collect()
    };
    Ok(Halves {
        known_members: shifted(&halves.known_members, &labels.known_members),
        known_nonmembers: shifted(&halves.known_nonmembers, &labels.known_nonmembers),
        scored_members: shifted(&halves.scored_members, &labels.scored_members),
        scored_nonmembers: shifted(&halves.scored_nonmembers, &labels.scored_nonmembers),
    })
}

/// The rule "member where score ≥ threshold", or where −score is.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule {
    threshold: f64,
    reversed: bool,
}

impl Rule {
    /// x − t, which is 0 or more exactly where x ≥ t: IEEE subtraction underflows gradually, and equal
    /// infinities, whose difference is none, are at their threshold.
    fn above(self, score: f64) -> f64 {
        let score = if self.reversed { -score } else { score };
        if score == self.threshold { 0.0 } else { score - self.threshold }
    }

    /// The best of a class's known records.
    fn of_class(members: &[f64], nonmembers: &[f64]) -> Result<Self> {
        let roc = Roc::new(members, nonmembers)?;
        let reversed = intervals::directed_auc(&roc, REVERSED_TAIL).reversed;
        let threshold = match reversed {
            true => {
                let negative = |scores: &[f64]| scores.iter().map(|score| -score).collect::<Vec<f64>>();
                Roc::new(&negative(members), &negative(nonmembers))?.best_threshold()
            }
            false => roc.best_threshold(),
        };
        Ok(Rule { threshold, reversed })
    }
}

/// A rule a class, with the one of all classes where there is too little to choose by.
struct ClassThresholds {
    global: Rule,
    /// By label, up to the largest that is known.
    own: Vec<Option<Rule>>,
}

impl ClassThresholds {
    fn at(&self, label: u32) -> Rule {
        self.own.get(label as usize).copied().flatten().unwrap_or(self.global)
    }
}

fn class_thresholds(halves: &Halves, labels: &Halves<u32>) -> Result<ClassThresholds> {
    let threshold = Roc::new(&halves.known_members, &halves.known_nonmembers)?.best_threshold();
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
        match enough && !members.is_empty() && !nonmembers.is_empty() {
            true => Rule::of_class(members, nonmembers).map(Some),
            false => Ok(None),
        }
    });
    Ok(ClassThresholds { global: Rule { threshold, reversed: false }, own: own.collect::<Result<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_turned_round_only_beyond_chance() {
        let halves = |members: &[f64], others: &[f64]| Halves {
            known_members: members.to_vec(),
            known_nonmembers: others.to_vec(),
            scored_members: vec![1.0, 2.0],
            scored_nonmembers: vec![f64::INFINITY, 3.0],
        };
        let low: Vec<f64> = (0..12).map(f64::from).collect();
        let high: Vec<f64> = (12..23).map(f64::from).chain([f64::INFINITY]).collect();
        let (turned, reversed) = oriented(halves(&low, &high)).unwrap();
        assert!(reversed);
        assert_eq!(turned.scored_nonmembers, [f64::NEG_INFINITY, -3.0]);
        let kept = halves(&high, &low);
        assert_eq!(oriented(kept.clone()).unwrap(), (kept, false));
        // AUC 27/128, below ½ by accident.
        let chance = halves(&[0.0, 1.0, 2.0, 8.0, 9.0, 3.0], &[4.0, 5.0, 6.0, 7.0, 10.0, 2.5]);
        assert!(!oriented(chance).unwrap().1);
    }

    /// Being right, of 1,000 reference records that are right less often than 5,000 test records: two of the
    /// audits of results/tables/retail100-20000 and the threshold's either side.
    #[test]
    fn few_records_are_turned_round_where_all_of_them_show_it() {
        let right = |n: usize, share: f64| -> Vec<f64> {
            (0..n).map(|i| f64::from(u8::from((i as f64) < share * n as f64))).collect()
        };
        for (members, others, reversed) in
            [(0.701, 0.779, true), (0.701, 0.756, true), (0.711, 0.756, true), (0.716, 0.756, false)]
        {
            let halves = Halves {
                known_members: right(500, members),
                known_nonmembers: right(2500, others),
                scored_members: right(500, members),
                scored_nonmembers: right(2500, others),
            };
            assert_eq!(oriented(halves).unwrap().1, reversed, "{members} and {others}");
        }
    }

    /// Members of class 0 have the higher scores, those of class 1 the lower ones: all together show nothing.
    #[test]
    fn a_class_has_a_direction_of_its_own() {
        let scores = |member: bool| -> Vec<f64> {
            (0..80).map(|i| f64::from(i % 40) + if (i < 40) == member { 100.0 } else { 0.0 }).collect()
        };
        let classes: Vec<u32> = (0..80).map(|i| i / 40).collect();
        let halves = Halves {
            known_members: scores(true),
            known_nonmembers: scores(false),
            scored_members: scores(true),
            scored_nonmembers: scores(false),
        };
        let labels = Halves {
            known_members: classes.clone(),
            known_nonmembers: classes.clone(),
            scored_members: classes.clone(),
            scored_nonmembers: classes,
        };
        let shifted = per_class(&halves, &labels).unwrap();
        assert!(shifted.scored_members.iter().all(|score| *score >= 0.0));
        assert!(shifted.scored_nonmembers.iter().all(|score| *score < 0.0));
    }

    #[test]
    fn infinite_scores_have_thresholds_of_their_own() {
        let infinite = f64::INFINITY;
        for (score, threshold, accepted) in [
            (-infinite, -infinite, true),
            (infinite, infinite, true),
            (0.0, -infinite, true),
            (-infinite, 0.0, false),
            (0.0, infinite, false),
        ] {
            let rule = Rule { threshold, reversed: false };
            assert_eq!(rule.above(score) >= 0.0, accepted, "{score} against {threshold}");
        }
    }

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
        assert_eq!(thresholds(10).at(1).threshold, 1.0);
        assert_eq!(thresholds(9).at(1).threshold, 5.0);
        assert_eq!(thresholds(9).at(2).threshold, 5.0, "a class nobody knows");
        // Many records, but of members alone: there is nothing to tell them from.
        let only_members =
            Halves { known_members: vec![1.0; 50], known_nonmembers: vec![2.0], ..Halves::default() };
        let labels = Halves { known_members: vec![1; 50], known_nonmembers: vec![0], ..Halves::default() };
        assert_eq!(class_thresholds(&only_members, &labels).unwrap().own, [None, None]);
    }
}
