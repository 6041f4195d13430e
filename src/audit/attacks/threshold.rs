//! Threshold attacks: a score of the model's own outputs, with one threshold or one a class.
//!
//! Not the scores themselves ([`super::scores`]).

use super::attack::{MembershipAttack, Outcome};
use super::scored::Scored;
use super::scores::Score;
use crate::audit::evidence::Evidence;
use crate::error::Result;

/// `score` with one threshold.
///
/// # Errors
/// As [`Scored::new`].
pub(super) fn global(
    attack: &MembershipAttack,
    evidence: &[&Evidence],
    score: Score,
) -> Result<Vec<Outcome>> {
    let outcome = |evidence: &&Evidence| Ok(scored(attack, evidence, score)?.into());
    evidence.iter().map(outcome).collect()
}

/// `score` with a threshold a class.
///
/// # Errors
/// As [`Scored::per_class`].
pub(super) fn per_class(
    attack: &MembershipAttack,
    evidence: &[&Evidence],
    score: Score,
) -> Result<Vec<Outcome>> {
    let outcome = |evidence: &&Evidence| {
        let [members, others] = evidence.split(&evidence.labels);
        let labels = evidence.halves.pick(members, others);
        Ok(scored(attack, evidence, score)?.per_class(&labels)?.into())
    };
    evidence.iter().map(outcome).collect()
}

fn scored(attack: &MembershipAttack, evidence: &Evidence, score: Score) -> Result<Scored> {
    let [members, others] = evidence.predictions();
    Scored::new(attack.name, &evidence.halves, &score(&members), &score(&others))
}
