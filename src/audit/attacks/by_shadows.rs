//! From scores of the records that shadow models are asked about to an attack on the evidence's records.
//!
//! Not the scores.

use super::attack::{MembershipAttack, Outcome};
use super::scored::Scored;
use crate::audit::evidence::{Evidence, Given, needed};
use crate::audit::shadows::{Shadows, WithoutScore};
use crate::error::Result;

/// Records of each kind, known and scored, that an attack needs.
const LEAST: usize = 2;

/// `score` \[P\] of each model's evidence, or why there is none.
///
/// # Errors
/// As [`outcome`].
pub(super) fn each(
    attack: &MembershipAttack,
    evidence: &[&Evidence],
    score: fn(&Shadows) -> Given<Vec<f64>>,
) -> Result<Vec<Outcome>> {
    let of_model = |evidence: &&Evidence| match score(needed(&evidence.shadows)?) {
        Ok(scores) => outcome(attack, evidence, &scores),
        Err(reason) => Ok(Outcome::NotRun(reason)),
    };
    evidence.iter().map(of_model).collect()
}

/// The attack with these scores \[P\].
///
/// # Errors
/// As [`Scored::new`].
pub(super) fn outcome(attack: &MembershipAttack, evidence: &Evidence, scores: &[f64]) -> Result<Outcome> {
    let target = &needed(&evidence.shadows)?.target;
    let spread: Vec<f64> =
        target.places.iter().map(|place| place.map_or(f64::NAN, |place| scores[place])).collect();
    let judged: Vec<bool> = match target.without_score {
        WithoutScore::Fails => target.places.iter().map(Option::is_some).collect(),
        WithoutScore::IsLeftOut => spread.iter().map(|score| !score.is_nan()).collect(),
    };
    let [members, others] = evidence.split(&judged);
    let records = evidence.halves.filter(members, others);
    if target.without_score == WithoutScore::IsLeftOut && records.smallest() < LEAST {
        return Ok(Outcome::NotRun(format!(
            "{} is not run: too few records that some shadow models were trained with and others without",
            attack.name
        )));
    }
    let [members, others] = evidence.split(&spread);
    Ok(Scored::new(attack.name, &records, members, others)?.into())
}
