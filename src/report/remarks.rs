//! What is to be known before a run's numbers are believed, as text below its tables.

use std::collections::BTreeMap;

use super::labels::{Setting, WIDTH, label, readable};
use crate::audit::attacks::blind;
use crate::audit::results::ladder::{RUNGS, weakest_found};
use crate::audit::results::notes::exposed_text;
use crate::audit::results::summary::ReplicaSummary;

/// What is to be known of single models, each remark once with the models and attacks that it is about, as
/// text.
pub(super) fn remarks(replicas: &[ReplicaSummary], shown: &[Setting]) -> Option<String> {
    let lines: Vec<String> = list(replicas, shown)
        .iter()
        .map(|(remark, subjects)| format!("  {remark}:\n{}", wrapped(subjects, "    ")))
        .collect();
    (!lines.is_empty()).then(|| format!("To be known\n{}", lines.join("\n")))
}

/// Each remark with what it is about.
///
/// From the fields that say so, not from a replica's `notes`: those repeat it in words, model by model.
pub(super) fn list(replicas: &[ReplicaSummary], shown: &[Setting]) -> Vec<(String, Vec<String>)> {
    // By remark, then by what it is about, the models.
    let mut about: BTreeMap<String, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for replica in replicas {
        let mut add = |remark: &str, subject: String| {
            let models = about.entry(remark.to_owned()).or_default().entry(subject).or_default();
            models.push(label(replica.settings.as_ref(), shown));
        };
        if let Some(step) = replica.frozen_at_step {
            add(
                "a loss was not finite, and the model is that of the last epoch before",
                format!("step {step}"),
            );
        }
        if replica.collapsed {
            add("the attack network of the training collapsed: no defense was at work", "models".to_owned());
        }
        if let (Some(check), Some(_)) = (replica.adversary, replica.weak_adversary()) {
            add(
                "the attack network of the game is weaker than a threshold on the confidence: no evidence of \
                 privacy; more attack steps (defense.attack_steps = \"auto\"), an initial phase \
                 (defense.lambda_warmup_epochs) or another rate may mend it",
                format!(
                    "{:.1}% against {:.1}%",
                    100.0 * check.attack_accuracy,
                    100.0 * check.threshold_accuracy
                ),
            );
        }
        if let Some(found) = replica.blind.as_ref().filter(|found| blind::differ(found)) {
            let remark =
                "members and test records differ without the model: what attacks find is in part that";
            add(remark, format!("blind attack, AUC {:.3}", found.auc));
        }
        match weakest_found(&replica.planted) {
            Some(weakest) => add(
                "the weakest planted leak that the neural attack's network finds; it may miss weaker ones",
                format!("AUC {weakest} of the best attack"),
            ),
            None if replica.planted.is_empty() => {}
            None => add(
                "the neural attack's network does not find even the strongest of the planted leaks",
                format!("AUC {} of the best attack", RUNGS[RUNGS.len() - 1]),
            ),
        }
        for exposed in &replica.exposed_groups {
            add(
                "exposed more than all records together, whatever the number of groups",
                exposed_text(exposed),
            );
        }
        for (set, attacks) in [("", &replica.attacks), (" on D′", &replica.attacks_on_reference)] {
            for (name, result) in attacks {
                for note in result.note.iter().flat_map(|note| note.split("; ")) {
                    add(note, format!("{}{set}", readable(name)));
                }
            }
        }
        for (name, result) in replica.attacks.iter().filter(|(_, result)| result.tpr.at_0_01.is_none()) {
            add(&result.not_resolvable(), format!("TPR@1% of {}", readable(name)));
        }
    }
    about
        .into_iter()
        .map(|(remark, subjects)| {
            let subjects =
                subjects.into_iter().map(|(subject, models)| match whom(&models, replicas.len()) {
                    Some(models) => format!("{subject} ({models})"),
                    None => subject,
                });
            (remark, subjects.collect())
        })
        .collect()
}

/// Which models, in few words; `None` for all `of` them.
fn whom(models: &[String], of: usize) -> Option<String> {
    match models.len() {
        n if n == of => None,
        0..=2 => Some(models.join("; ")),
        n => Some(format!("{n} of {of} models")),
    }
}

/// `parts`, a comma between them, in lines of up to [`WIDTH`] columns that begin with `indent`.
pub(super) fn wrapped(parts: &[String], indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for (place, part) in parts.iter().enumerate() {
        let part = if place + 1 < parts.len() { format!("{part},") } else { part.clone() };
        let line = lines.last_mut().filter(|l| l.chars().count() + 1 + part.chars().count() <= WIDTH);
        match line {
            Some(line) if line == indent => line.push_str(&part),
            Some(line) => *line += &format!(" {part}"),
            None => lines.push(format!("{indent}{part}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_broken_between_their_parts() {
        let parts: Vec<String> = (0..30).map(|i| format!("part {i}")).collect();
        let text = wrapped(&parts, "  ");
        assert!(
            text.lines().count() > 1 && text.lines().all(|l| l.len() <= WIDTH && l.starts_with("  part"))
        );
        assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), parts.join(", "));
    }
}
