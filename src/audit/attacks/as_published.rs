//! The final attack of the game's authors, for a number that may stand beside the published ones.
//!
//! Not an attack of the audit ([`super::ALL`]), whose protocol is stricter: here the best epoch on the records that
//! are scored counts. Source: the authors' code (SPIN-UMass/ML-Privacy-Regulization). A fresh network of the form
//! of the game's, weights from N(0, 0.01), 50 epochs of Adam at 1e-4 by cross-entropy (their code for Texas100 has
//! the squared error), trained on half of D against as many records of D′ as the non-members; scored by h > ½ on
//! the other half of D against the test records.

use super::attack::Sizes;
use super::neural::{self, Lesson};
use crate::audit::evidence::{Evidence, needed};
use crate::error::Result;
use crate::nn::Initialization;
use crate::run::config::{AuditConfig, Config};
use crate::train::recipe::attack_network;
use std::sync::atomic::AtomicBool;

/// What it is called while it runs.
pub const TASK: &str = "neural attack as published";

/// Epochs that a network is trained for.
pub const EPOCHS: usize = 50;
const LEARNING_RATE: f64 = 1e-4;
const INITIALIZATION: Initialization = Initialization::Normal(0.01);

/// Multiply-adds of training a network a model and of asking it about the scored records after every epoch.
pub fn cost(config: &Config, sizes: &Sizes) -> f64 {
    let half = sizes.members / 2;
    let an_epoch = 6 * 2 * half + 2 * (half + sizes.others);
    attack_network(config, sizes.classes).parameters.elements() as f64
        * (sizes.replicas * EPOCHS * an_epoch) as f64
}

/// ½(TPR + TNR) at the best epoch. `epoch_done` is called after each of [`EPOCHS`].
///
/// # Errors
/// As [`neural::train`].
pub fn accuracy(
    config: &Config,
    on_members: &Evidence,
    on_reference: &Evidence,
    stop: &AtomicBool,
    epoch_done: &mut dyn FnMut(),
) -> Result<f64> {
    let attack = attack_network(config, on_members.classes);
    let mut training = AuditConfig {
        epochs: EPOCHS,
        learning_rate: LEARNING_RATE,
        batch: 2 * config.train.batch,
        ..config.audit.clone()
    };
    training.attack.initialisation = INITIALIZATION;
    let (lesson, scored) = lesson(on_members, on_reference);
    let context = needed(&on_members.gpu)?;
    let mut best = 0.0f64;
    let members = scored.members;
    neural::train_watched(context, &training, &attack, &lesson, &scored.records, stop, &mut |logits| {
        let accused =
            |logits: &[f32]| logits.iter().filter(|s| **s > 0.0).count() as f64 / logits.len() as f64;
        let (of_members, of_others) = logits.split_at(members);
        best = best.max(0.5 * (accused(of_members) + 1.0 - accused(of_others)));
        epoch_done();
    })?;
    Ok(best)
}

/// Records of a lesson that are scored, the members first.
struct Scored {
    records: Vec<u32>,
    members: usize,
}

/// Members and test records, then the records of D′ that are learnt from.
fn lesson(on_members: &Evidence, on_reference: &Evidence) -> (Lesson, Scored) {
    let mut lesson = Lesson::from(on_members);
    let known = &on_members.halves.known_members;
    let taken = known.len().min(on_reference.members);
    let first = lesson.labels.len() as u32;
    let classes = lesson.classes;
    lesson.outputs.extend_from_slice(&on_reference.network_inputs()[..taken * classes]);
    lesson.labels.extend_from_slice(&on_reference.labels[..taken]);
    lesson.known = [known.clone(), (first..first + taken as u32).collect()];
    let members = &on_members.halves.scored_members;
    let tests = on_members.members as u32..first;
    let scored = Scored { members: members.len(), records: members.iter().copied().chain(tests).collect() };
    (lesson, scored)
}
