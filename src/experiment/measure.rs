//! From a run's summary to the rows of a table.

use super::published::KnownDataset;
use super::request::{Request, Setup};
use super::table::Table;
use super::tables::{self, TableRun};
use crate::audit::results::attacks::Attacks;
use crate::audit::results::masked::{is_below_floor, is_masked};
use crate::audit::results::summary::{ReplicaSummary, Summary};
use crate::report::comparison::{Comparison, Ends, Measured, Row, SCHEMA};
use crate::run::config::{AuditConfig, Schedule};
use std::collections::{BTreeMap, BTreeSet};

/// A table's run, its summary, the numbers in it of the run's replicas, and what its models were trained on where that
/// was not one machine.
pub type Done<'a> = (&'a TableRun, (Summary, Vec<usize>, Option<String>));

/// The table that these runs, in its order, make; `None` of none.
pub fn comparison(setup: &Setup, done: &[Done], request: &Request) -> Option<Comparison> {
    let (first, (summary, ..)) = done.first()?;
    let mut notes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut rows = vec![];
    let same_data = setup.known.as_ref().is_some_and(|known| is_published(setup, known));
    for (run, (summary, numbers, _)) in done {
        for planned in &run.rows {
            let replicas: Vec<&ReplicaSummary> =
                planned.replicas.iter().map(|&r| &summary.replicas[numbers[r]]).collect();
            remark(&mut notes, &planned.label, &replicas);
            rows.push(row(run.table, planned, &replicas, same_data));
        }
    }
    Some(Comparison {
        schema: SCHEMA,
        table: first.table.name().into(),
        title: first.table.title().into(),
        preset: setup.config.name.clone(),
        dataset: summary.dataset.clone(),
        source: first.table.source().into(),
        published_dataset: setup.known.as_ref().map(|known| known.published.clone()),
        version: summary.version.clone(),
        adapter: summary.adapter.clone(),
        seeds: request.seeds,
        ends: Ends::of(&rows).filter(|_| first.table != Table::Defenses),
        rows,
        differs: differs(setup, first, done),
        notes: notes
            .into_iter()
            .map(|(what, rows)| format!("{what}: {}", rows.join(", ")))
            .chain(done.iter().filter_map(|(_, (_, _, mixed))| mixed.clone()))
            .collect(),
    })
}

fn is_published(setup: &Setup, known: &KnownDataset) -> bool {
    let data = &setup.dataset;
    known.is_of(data.records(), data.width(), data.classes)
}

/// A row; of other data than the published ones without differences from them.
fn row(table: Table, planned: &tables::TableRow, replicas: &[&ReplicaSummary], same_data: bool) -> Row {
    let published = planned.published.as_ref();
    let measured = |value: &dyn Fn(&ReplicaSummary) -> Option<f64>, published: Option<f64>| {
        let measured = Measured::new(replicas.iter().filter_map(|r| value(r)).collect(), published);
        Measured { difference: measured.difference.filter(|_| same_data), ..measured }
    };
    let attack = |name: &str| measured(&|r| r.attacks.get(name).map(|a| a.accuracy), None);
    // Kaplan et al. attack by other means.
    let attacked = published.and_then(|p| p.attack).filter(|_| table != Table::Defenses);
    let best = highest(replicas, |r| &r.attacks);
    let on_reference = highest(replicas, |r| &r.attacks_on_reference);
    Row {
        label: planned.label.clone(),
        train: measured(&|r| Some(r.train_accuracy), published.and_then(|p| p.train)),
        test: measured(&|r| r.test_accuracy, published.and_then(|p| p.test)),
        as_published: Some(measured(&|r| r.neural_as_published, attacked)),
        neural: attack("neural"),
        gap: attack("gap"),
        strongest: best.as_ref().map(|(_, m)| m.clone()).unwrap_or_default(),
        strongest_attack: best.map(|(name, _)| name).unwrap_or_default(),
        on_reference_attack: on_reference.as_ref().map(|(name, _)| name.clone()),
        on_reference: on_reference.map(|(_, m)| m),
    }
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
            count(|r| r.weak_adversary().is_some()),
            "the attack network of the game is weaker than a threshold on the confidence: no evidence of privacy",
        ),
        (
            count(|r| r.frozen_at_step.is_some()),
            "a loss was not finite: the model is that of the epoch before",
        ),
        (
            count(|r| !r.attack_trained),
            "the neural attack did not train: its result is no evidence of privacy",
        ),
        (
            count(|r| r.neural_as_published.is_some_and(|accuracy| is_below_floor(accuracy, &r.attacks))),
            "the neural attack as published finds less than being classified right tells: it learnt too \
             little, or confidences are masked; its number is no evidence of privacy",
        ),
        (
            count(|r| r.attacks.values().any(is_masked)),
            "being classified right tells more than an attack that sees it: confidences are masked, not private",
        ),
    ] {
        if n > 0 {
            notes.entry(what).or_default().push(format!("{label} ({n} of {of} models)"));
        }
    }
}

/// Where the table of the runs `done`, of which `run` is the first, departs from the published one.
fn differs(setup: &Setup, run: &TableRun, done: &[Done]) -> Vec<String> {
    let config = &setup.config;
    let mut differs = vec![];
    match &setup.known {
        Some(known) if known.stand_in => differs.push(format!(
            "the data: {} stands in for {}, which it is not",
            setup.dataset.name, known.published
        )),
        Some(known) if !is_published(setup, known) => differs.push(format!(
            "the data: {} has {} records of {} features in {} classes, {} has {} of {} in {}: it is not the same",
            setup.dataset.name,
            setup.dataset.records(),
            setup.dataset.width(),
            setup.dataset.classes,
            known.published,
            known.records,
            known.features,
            known.classes
        )),
        Some(_) => {}
        None => differs.push("the paper has no such data set: nothing stands beside the numbers".to_owned()),
    }
    let paper = setup.known.as_ref().map_or(String::new(), |k| format!(" (the paper: |D| = {})", k.members));
    let sizes: BTreeSet<usize> =
        done.iter().flat_map(|(run, _)| run.config.data.reference.values().iter().copied()).collect();
    let reference: Vec<String> = sizes.iter().map(usize::to_string).collect();
    let steps = match config.defense.schedule {
        Schedule::Ratio => format!("k = {}", config.defense.attack_steps),
        Schedule::Blocks => "blocks of attack steps and classifier steps".to_owned(),
        Schedule::Coin => format!("attack steps drawn at {} : 1", config.defense.coin_ratio),
    };
    differs.push(format!(
        "sizes: |D| = {}, |D′| = {}{paper}; {} epochs, {steps}",
        config.data.members,
        reference.join(", "),
        config.train.epochs,
    ));
    if setup.known.is_some() {
        differs.extend(run.table.doubt().map(str::to_owned));
    }
    differs.extend(run.config.deviations.iter().map(|deviation| format!("preset: {}", deviation.text())));
    differs.extend(setup.changes.iter().cloned());
    if (AuditConfig { as_published: false, ..config.audit.clone() }) != AuditConfig::default() {
        differs.push("the audit has other settings than veilgrad's defaults".to_owned());
    }
    differs
}
