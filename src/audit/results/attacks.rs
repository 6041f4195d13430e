//! The results of several attacks on one model.
//!
//! Not the numbers of one attack ([`crate::statistics::judgment`]), nor what the strongest of them is worth
//! ([`super::strongest`]).

use std::collections::BTreeMap;

use crate::audit::attacks::scored::Scored;
use crate::error::Result;
use crate::statistics::judgment::{AttackResult, Terms};

/// The attacks on one group of records, by name.
pub type Attacks = BTreeMap<String, AttackResult>;

/// The attack with the highest accuracy, which need not be the strongest ([`super::strongest`]); of equals the one with the larger AUC, then the first by
/// name. `None` of none.
pub fn most_accurate(attacks: &Attacks) -> Option<(&str, &AttackResult)> {
    let key = |result: &AttackResult| (result.accuracy, result.auc);
    let stronger = |best: (&'_ String, &'_ AttackResult), next: (&'_ String, &'_ AttackResult)| {
        key(next.1).partial_cmp(&key(best.1)) == Some(std::cmp::Ordering::Greater)
    };
    let best = attacks.iter().reduce(|best, next| if stronger(best, next) { next } else { best });
    best.map(|(name, result)| (name.as_str(), result))
}

/// The results of `scored` by name.
///
/// # Errors
/// A score that is NaN.
pub fn all_results(scored: &[Scored], terms: &Terms) -> Result<Attacks> {
    let mut attacks = Attacks::new();
    for attack in scored {
        attacks.insert(attack.name.clone(), attack.result(terms)?);
    }
    Ok(attacks)
}

#[cfg(test)]
mod tests {
    use super::*;
    fn result(accuracy: f64, auc: f64) -> AttackResult {
        AttackResult { accuracy, auc, ..AttackResult::default() }
    }

    fn attacks(list: &[(&str, f64, f64)]) -> Attacks {
        list.iter().map(|&(name, accuracy, auc)| (name.to_owned(), result(accuracy, auc))).collect()
    }

    #[test]
    fn the_larger_area_decides_between_equal_accuracies() {
        let named =
            |list: &[(&str, f64, f64)]| most_accurate(&attacks(list)).map(|(name, _)| name.to_owned());
        assert_eq!(named(&[("a", 0.6, 0.9), ("b", 0.7, 0.6)]).as_deref(), Some("b"));
        assert_eq!(named(&[("a", 0.6, 0.7), ("b", 0.6, 0.8), ("c", 0.6, 0.8)]).as_deref(), Some("b"));
        assert_eq!(named(&[]), None);
    }
}
