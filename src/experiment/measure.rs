//! From a run's summary to the rows of a table.

use super::tables::Plan;
use super::{Request, Subject};
use crate::audit::result::{Attacks, strongest};
use crate::audit::summary::{ReplicaSummary, Summary};
use crate::error::Result;
use crate::report::comparison::{Comparison, Ends, Measured, Row};
use crate::train::config::AuditConfig;
use std::collections::BTreeMap;

/// The table of `plan`, whose replicas are those of `summary` with these `numbers`.
///
/// # Errors
/// None at present.
pub fn comparison(
    subject: &Subject,
    plan: &Plan,
    request: &Request,
    summary: &Summary,
    numbers: &[usize],
) -> Result<Comparison> {
    let mut notes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut rows = vec![];
    for planned in &plan.rows {
        let replicas: Vec<&ReplicaSummary> =
            planned.replicas.iter().map(|&r| &summary.replicas[numbers[r]]).collect();
        let published = planned.published.as_ref();
        let accuracy = |name: &str| -> Vec<f64> {
            replicas.iter().filter_map(|r| r.attacks.get(name)).map(|a| a.accuracy).collect()
        };
        let best = highest(&replicas, |r| &r.attacks);
        let on_reference = highest(&replicas, |r| &r.attacks_on_reference);
        rows.push(Row {
            label: planned.label.clone(),
            train: Measured::new(
                replicas.iter().map(|r| r.train_accuracy).collect(),
                published.and_then(|p| p.train),
            ),
            test: Measured::new(
                replicas.iter().filter_map(|r| r.test_accuracy).collect(),
                published.and_then(|p| p.test),
            ),
            neural: Measured::new(accuracy("neural"), published.and_then(|p| p.attack)),
            gap: Measured::new(accuracy("gap"), None),
            strongest: best.as_ref().map(|(_, m)| m.clone()).unwrap_or_default(),
            strongest_attack: best.map(|(name, _)| name).unwrap_or_default(),
            on_reference_attack: on_reference.as_ref().map(|(name, _)| name.clone()),
            on_reference: on_reference.map(|(_, m)| m),
        });
        remark(&mut notes, &planned.label, &replicas);
    }
    Ok(Comparison {
        table: plan.table.name().into(),
        title: plan.table.title().into(),
        preset: subject.config.name.clone(),
        dataset: summary.dataset.clone(),
        published_dataset: subject.known.as_ref().map(|known| known.published.clone()),
        version: summary.version.clone(),
        adapter: summary.adapter.clone(),
        seeds: request.seeds,
        ends: Ends::of(&rows),
        rows,
        differs: differs(subject, plan),
        notes: notes.into_iter().map(|(what, rows)| format!("{what}: {}", rows.join(", "))).collect(),
    })
}

/// The attack with the highest mean accuracy over the replicas that all have it.
fn highest(
    replicas: &[&ReplicaSummary],
    of: impl Fn(&ReplicaSummary) -> &Attacks,
) -> Option<(String, Measured)> {
    let mut best: Option<(String, Measured)> = None;
    for name in of(replicas.first()?).keys() {
        let values: Vec<f64> = replicas.iter().filter_map(|r| of(r).get(name)).map(|a| a.accuracy).collect();
        let measured = Measured::new(values, None);
        if best.as_ref().is_none_or(|(_, b)| measured.mean > b.mean) {
            best = Some((name.clone(), measured));
        }
    }
    best
}

/// Adds what spoils a row, by what it is.
fn remark(notes: &mut BTreeMap<&'static str, Vec<String>>, label: &str, replicas: &[&ReplicaSummary]) {
    let of = replicas.len();
    let count = |holds: fn(&ReplicaSummary) -> bool| replicas.iter().filter(|r| holds(r)).count();
    for (n, what) in [
        (count(|r| r.collapsed), "the attack network of the training collapsed: its penalty taught nothing"),
        (
            count(|r| r.frozen_at_step.is_some()),
            "a loss was not finite: the model is that of the epoch before",
        ),
        (
            count(|r| !r.attack_trained),
            "the neural attack did not train: its result is no evidence of privacy",
        ),
        (
            count(|r| strongest(&r.attacks).is_some_and(|(name, _)| name == "gap")),
            "being classified right tells more than every other attack: confidences are masked, not private",
        ),
    ] {
        if n > 0 {
            notes.entry(what).or_default().push(format!("{label} ({n} of {of} models)"));
        }
    }
}

/// Where the table departs from the published one.
fn differs(subject: &Subject, plan: &Plan) -> Vec<String> {
    let config = &subject.config;
    let mut differs = vec![];
    match &subject.known {
        Some(known) if known.stand_in => differs.push(format!(
            "the data: {} stands in for {}, which it is not",
            subject.dataset.name, known.published
        )),
        Some(_) => {}
        None => differs.push("the paper has no such data set: nothing stands beside the numbers".to_owned()),
    }
    let paper =
        subject.known.as_ref().map_or(String::new(), |k| format!(" (the paper: |D| = {})", k.members));
    let reference: Vec<String> = plan.config.data.reference.values().iter().map(usize::to_string).collect();
    differs.push(format!(
        "sizes: |D| = {}, |D′| = {}{paper}; {} epochs, k = {}",
        config.data.members,
        reference.join(", "),
        config.train.epochs,
        config.defense.attack_steps
    ));
    differs.extend(config.deviations.iter().map(|deviation| format!("preset: {deviation}")));
    differs.extend(subject.changes.iter().cloned());
    if config.audit != AuditConfig::default() {
        differs.push("the audit has other settings than veilgrad's defaults".to_owned());
    }
    differs
}
