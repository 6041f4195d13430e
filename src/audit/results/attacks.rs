//! The results of several attacks on one model: the strongest, and what the gap attack says of the others.
//!
//! Not the numbers of one attack ([`crate::statistics::judgment`]) nor how they are printed.

use std::collections::BTreeMap;

use crate::audit::attacks::scored::Scored;
use crate::error::Result;
use crate::statistics::judgment::{AttackResult, Terms};

/// The attacks on one group of records, by name.
pub type Attacks = BTreeMap<String, AttackResult>;

/// The attack with the highest accuracy; of equals the one with the larger AUC, then the first by
/// name. `None` of none.
pub fn strongest(attacks: &Attacks) -> Option<(&str, &AttackResult)> {
    let key = |result: &AttackResult| (result.accuracy, result.auc);
    let stronger = |best: (&'_ String, &'_ AttackResult), next: (&'_ String, &'_ AttackResult)| {
        key(next.1).partial_cmp(&key(best.1)) == Some(std::cmp::Ordering::Greater)
    };
    let best = attacks.iter().reduce(|best, next| if stronger(best, next) { next } else { best });
    best.map(|(name, result)| (name.as_str(), result))
}

/// The results of `scored` by name, those below the gap attack flagged.
///
/// # Errors
/// A score that is NaN.
pub fn all_results(scored: &[Scored], terms: &Terms) -> Result<Attacks> {
    let mut attacks = Attacks::new();
    for attack in scored {
        attacks.insert(attack.name.clone(), attack.result(terms)?);
    }
    flag_masked(&mut attacks);
    Ok(attacks)
}

/// Remarks on every attack whose accuracy is under that of the gap attack, the floor that needs the
/// predicted label alone: such an attack was misled, which is no evidence of privacy.
fn flag_masked(attacks: &mut Attacks) {
    // A gap attack that is no better than guessing is no floor: nothing can be far below it.
    let leaks = |gap: &&AttackResult| gap.ci95.accuracy[0] > 0.5;
    let Some(floor) = attacks.get("gap").filter(leaks).map(|gap| gap.accuracy) else { return };
    for result in attacks.values_mut().filter(|result| result.accuracy < floor) {
        result.remark("below the gap attack: confidences are masked, the leak is not gone");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::judgment::Intervals;

    fn result(accuracy: f64, auc: f64) -> AttackResult {
        let ci95 = Intervals { accuracy: [0.51, 0.75], ..Intervals::default() };
        AttackResult { accuracy, auc, ci95, ..AttackResult::default() }
    }

    fn attacks(list: &[(&str, f64, f64)]) -> Attacks {
        list.iter().map(|&(name, accuracy, auc)| (name.to_owned(), result(accuracy, auc))).collect()
    }

    #[test]
    fn the_strongest_has_the_highest_accuracy() {
        let named = |list: &[(&str, f64, f64)]| strongest(&attacks(list)).map(|(name, _)| name.to_owned());
        assert_eq!(named(&[("a", 0.6, 0.9), ("b", 0.7, 0.6)]).as_deref(), Some("b"));
        assert_eq!(named(&[("a", 0.6, 0.7), ("b", 0.6, 0.8), ("c", 0.6, 0.8)]).as_deref(), Some("b"));
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn only_attacks_below_the_gap_are_flagged() {
        let mut all = attacks(&[("gap", 0.6, 0.6), ("neural", 0.59, 0.7), ("confidence", 0.6, 0.5)]);
        flag_masked(&mut all);
        assert!(all["neural"].note.as_deref().unwrap().starts_with("below the gap attack"));
        assert_eq!((&all["gap"].note, &all["confidence"].note), (&None, &None));
    }
}
