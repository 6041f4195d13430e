//! What is to be known of a model before its numbers are believed, in sentences for `summary.json`.
//!
//! Not the remarks on single attacks: those stand in their results.

use super::details::{ExposedGroup, WorstGroup};
use super::ladder::weakest_found;
use super::summary::ReplicaSummary;
use crate::audit::attacks::blind;
use crate::audit::attacks::neural::CONTROL;
use crate::audit::attacks::title;

/// Of replica `number`.
pub fn notes(number: usize, replica: &ReplicaSummary) -> Vec<String> {
    let mut notes = vec![];
    if replica.collapsed {
        notes.push(format!(
            "replica {number}: the defense's attack network collapsed (it says the same of every record, or \
             a layer is dead): its penalty taught the classifier nothing"
        ));
    }
    if let Some(remark) = replica.weak_adversary() {
        notes.push(format!("replica {number}: {remark}"));
    }
    if let Some(step) = replica.frozen_at_step {
        notes.push(format!("replica {number}: training diverged at step {step}; this is the state before"));
    }
    if !replica.attack_trained {
        let reason = match replica.control_accuracy.unwrap_or(0.0) {
            control if control > CONTROL && weakest_found(&replica.planted).is_none() => {
                "it does not find even the strongest of the leaks planted at the scale of this model's \
                 confidences"
                    .to_owned()
            }
            control if control > CONTROL => "it says the same of every record".to_owned(),
            control => format!("it finds {:.0}% where a signal is planted", 100.0 * control),
        };
        notes.push(format!(
            "replica {number}: the neural attack did not train ({reason}): its result is no evidence of \
             privacy"
        ));
    }
    if let Some(weakest) = weakest_found(&replica.planted) {
        notes.push(format!(
            "replica {number}: the weakest planted leak that the neural attack's network finds is one that the \
             best attack finds with AUC {weakest}: it may miss weaker ones"
        ));
    }
    if let Some(found) = replica.blind.as_ref().filter(|found| blind::differ(found)) {
        notes.push(format!(
            "replica {number}: members and test records differ without the model (blind attack: AUC {:.3}): \
             what the attacks find is in part that the split is not fair",
            found.auc
        ));
    }
    notes
}

/// Which class or subgroup, by which attack, how far.
pub fn exposed_text(exposed: &ExposedGroup) -> String {
    let WorstGroup { name, attack, auc, auc_ci95: [low, high], reversed, .. } = &exposed.group;
    let attack = title(attack);
    let turned = if *reversed { " reversed for it" } else { "" };
    let name = name.escape_debug();
    format!("{} {name} ({attack}{turned}, AUC {auc:.3}, 95% interval {low:.3} to {high:.3})", exposed.kind)
}

/// What is to be known of it, in a sentence.
pub fn exposed_note(exposed: &ExposedGroup) -> String {
    format!(
        "{} is exposed more than all records together, whose AUC is {:.3} (the interval is for all {} groups and \
         every attack)",
        exposed_text(exposed),
        exposed.group.auc_of_all,
        exposed.group.groups
    )
}
