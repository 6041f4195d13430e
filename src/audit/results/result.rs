//! What an attack achieved: the numbers, their intervals, and what to think of them.
//!
//! Not how they are computed ([`crate::audit::attacks::threshold`]) nor how they are printed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audit::attacks::threshold::Scored;
use crate::error::Result;
use crate::run::config::AuditConfig;
use crate::statistics::levels::{TnrAtFnr, TprAtFpr};

/// The attacks on one group of records, by name.
pub type Attacks = BTreeMap<String, AttackResult>;

/// One attack on the scored half. All rates are fractions from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AttackResult {
    /// ½(TPR + TNR) at the threshold chosen on the known half; 0.5 is guessing.
    pub accuracy: f64,
    /// TPR − FPR at that threshold, 2 · accuracy − 1; 0 is guessing (Yeom et al. 2018).
    pub advantage: f64,
    /// Area under the ROC; 0.5 is guessing.
    pub auc: f64,
    #[serde(flatten)]
    pub tpr: TprAtFpr<f64>,
    #[serde(flatten)]
    pub tnr: TnrAtFnr<f64>,
    /// The share of members among the records that the attack accuses, were members as frequent as
    /// [`Terms::base_rate`]; `None` where it accuses nobody.
    pub precision: Option<f64>,
    /// With 95% confidence, no training that is (ε, δ)-differentially private with a smaller ε gives the
    /// attack this success ([`crate::statistics::epsilon`]); 0: nothing is shown.
    pub epsilon_lower_bound: f64,
    /// 95% intervals of the others.
    pub ci95: Intervals,
    /// Members scored.
    pub members: usize,
    /// Non-members scored.
    pub nonmembers: usize,
    /// What a reader must know before believing the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A 95% interval `[low, high]` for each metric of an [`AttackResult`], `None` where that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    pub accuracy: [f64; 2],
    pub advantage: [f64; 2],
    pub auc: [f64; 2],
    #[serde(flatten)]
    pub tpr: TprAtFpr<[f64; 2]>,
    #[serde(flatten)]
    pub tnr: TnrAtFnr<[f64; 2]>,
    pub precision: Option<[f64; 2]>,
}

/// What an evaluation presumes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Draws the bootstrap.
    pub seed: u64,
    /// How frequent members are among the records that an attacker would try; in (0, 1).
    pub base_rate: f64,
    /// δ of the lower bound on ε; in [0, 1).
    pub delta: f64,
}

impl AuditConfig {
    /// What an evaluation under `seed` presumes.
    pub fn terms(&self, seed: u64) -> Terms {
        Terms { seed, base_rate: self.base_rate, delta: self.delta }
    }
}

impl AttackResult {
    /// Adds a remark to [`note`](Self::note), after those there.
    pub fn remark(&mut self, text: &str) {
        let note = self.note.take().map_or_else(|| text.to_owned(), |before| format!("{before}; {text}"));
        self.note = Some(note);
    }

    /// What to print in the place of a rate that is `None`.
    pub fn not_resolvable(&self) -> String {
        format!("not resolvable with {} non-members", self.nonmembers)
    }
}

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

    fn result(accuracy: f64, auc: f64) -> AttackResult {
        AttackResult {
            accuracy,
            advantage: 2.0 * accuracy - 1.0,
            auc,
            tpr: TprAtFpr { at_0_01: Some(0.25), ..TprAtFpr::default() },
            tnr: TnrAtFnr::default(),
            precision: Some(0.5),
            epsilon_lower_bound: 0.0,
            ci95: Intervals {
                accuracy: [0.51, 0.75],
                tpr: TprAtFpr { at_0_01: Some([0.125, 0.5]), ..TprAtFpr::default() },
                ..Intervals::default()
            },
            members: 1000,
            nonmembers: 1000,
            note: None,
        }
    }

    fn attacks(list: &[(&str, f64, f64)]) -> Attacks {
        list.iter().map(|&(name, accuracy, auc)| (name.to_owned(), result(accuracy, auc))).collect()
    }

    #[test]
    fn the_json_has_the_names_of_the_summary() {
        let text = serde_json::to_string(&result(0.625, 0.75)).unwrap();
        let keys: Vec<String> = serde_json::from_str::<serde_json::Map<_, _>>(&text)
            .unwrap()
            .into_iter()
            .map(|(k, _)| k)
            .collect();
        let expected = "accuracy advantage auc ci95 epsilon_lower_bound members nonmembers precision \
                        tnr_at_fnr_0.0001 tnr_at_fnr_0.001 tnr_at_fnr_0.01 tpr_at_fpr_0.0001 tpr_at_fpr_0.001 tpr_at_fpr_0.01";
        assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
        assert!(text.contains(r#""tpr_at_fpr_0.001":null,"tpr_at_fpr_0.01":0.25,"#), "{text}");
        let mut noted = result(0.625, 0.75);
        noted.remark("one");
        noted.remark("two");
        assert_eq!(noted.note.as_deref(), Some("one; two"));
        let back: AttackResult = serde_json::from_str(&serde_json::to_string(&noted).unwrap()).unwrap();
        assert_eq!(back, noted);
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
