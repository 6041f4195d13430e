//! The neural attack: an attack network a model, and beside each its positive control.
//!
//! Not the networks' training ([`super::neural`]).

use super::attack::{MembershipAttack, NetworkTraining, Outcome, Sizes, Tools};
use super::ladder;
use super::neural::{self, Lesson, Told, plant};
use super::scored::Scored;
use crate::audit::evidence::{AttackedRecords, Evidence, needed};
use crate::audit::results::ladder::RUNGS;
use crate::error::Result;
use crate::run::config::AuditConfig;
use crate::statistics::intervals;

/// The logit of membership of each record.
///
/// # Errors
/// As [`neural::train`].
pub(super) fn run(
    attack: &MembershipAttack,
    evidence: &[&Evidence],
    tools: &mut Tools,
) -> Result<Vec<Outcome>> {
    let mut lessons: Vec<Lesson> = evidence.iter().map(|evidence| Lesson::from(*evidence)).collect();
    // The same records with a signal planted, trained beside. On D alone: on D′ it would be the same network
    // on records of the same kind.
    let on_members = evidence.iter().filter(|evidence| evidence.attacked == AttackedRecords::Members);
    let mut ladders = vec![];
    for evidence in on_members {
        lessons.push(plant(evidence));
        let mut ladder = ladder::planted(evidence);
        lessons.append(&mut ladder.lessons);
        ladders.push(ladder);
    }
    let mut ladders = ladders.iter();
    let (context, config, stop) = (needed(&evidence[0].gpu)?, tools.config, tools.stop);
    let scores = neural::train(context, config, &lessons, stop, &mut |told| match told {
        Told::Progress(done, total) => tools.progress(done, total),
        Told::Halved(error) => tools.halved(error),
    })?;
    let (scores, controls) = scores.split_at(evidence.len());
    let mut controls = controls.iter();
    let mut outcomes = vec![];
    for (evidence, scores) in evidence.iter().zip(scores) {
        let scored = |scores: &[f64]| {
            let [members, others] = evidence.split(scores);
            Scored::new(attack.name, &evidence.halves, members, others)
        };
        let own = Scored { learns: true, ..scored(scores)? };
        let finds_itself = intervals::auc(&own.curve()?)[0] > 0.5;
        let mut training =
            NetworkTraining { control: None, ladder: vec![], finds_itself, deviation: deviation(scores) };
        if evidence.attacked == AttackedRecords::Members {
            training.control = controls.next().map(|scores| scored(scores)?.accuracy()).transpose()?;
            for (planted, auc) in
                ladders.next().into_iter().flat_map(|planted| RUNGS.map(|auc| (planted, auc)))
            {
                training.ladder.extend(controls.next().map(|s| planted.found(auc, s)).transpose()?);
            }
        }
        let training = Some(training);
        outcomes.push(Outcome::Scored { scored: own, training, tuned_a: None });
    }
    Ok(outcomes)
}

fn deviation(scores: &[f64]) -> f64 {
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / scores.len() as f64;
    variance.sqrt()
}

/// Multiply-adds of training a network a model, and with controls one for each of theirs.
pub(super) fn cost(config: &AuditConfig, sizes: &Sizes) -> f64 {
    let known = sizes.members.min(sizes.others) / 2;
    let networks = sizes.replicas * if sizes.control { 2 + RUNGS.len() } else { 1 };
    networks as f64 * network_cost(config, sizes.classes, known, sizes.members + sizes.others)
}

/// Multiply-adds of training one network on `known` records of either kind, and of asking it about `asked`.
pub(super) fn network_cost(config: &AuditConfig, classes: usize, known: usize, asked: usize) -> f64 {
    neural::network(config, classes).parameters.elements() as f64
        * (6 * 2 * known * config.epochs + 2 * asked) as f64
}
