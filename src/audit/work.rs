//! The tasks of an audit and what they cost, before anything is run.
//!
//! Not their carrying out.

use crate::run::RunDirectory;
use crate::run::config::Config;
use crate::run::event::{Phase, Task, Work};

/// A run that will be audited.
#[derive(Debug, Clone, Copy)]
pub struct PlannedRun<'a> {
    pub config: &'a Config,
    pub directory: &'a RunDirectory,
    /// |D|, |D′| and test records of a replica.
    pub members: usize,
    pub reference: usize,
    pub test: usize,
    /// C.
    pub classes: usize,
    /// Whether records are images.
    pub images: bool,
    /// The classifier's parameters: a forward pass costs about 2 multiply-adds each, a record's step 6.
    pub parameters: usize,
    /// What the training of a model like each replica costs, in the same unit.
    pub training: &'a [f64],
}

/// The tasks of the audit of a run, in the order in which they are carried out.
pub fn work(run: &PlannedRun) -> Vec<Work> {
    let audit = &run.config.audit;
    let replicas = run.config.replicas();
    let mut works = vec![];
    let attack = |name: &str, cost: f64| Work {
        task: Task { run: run.directory.name(), group: 0, phase: Phase::Attack(name.to_owned()) },
        cost,
    };
    let layers = &audit.attack;
    let widths = [&layers.prediction_layers[..], &layers.label_layers, &layers.joint_layers].concat();
    let network = run.classes * (layers.prediction_layers[0] + layers.label_layers[0])
        + widths.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>();
    // Of a lesson: half of either kind is known, the longer of the two an epoch.
    let lesson =
        |members: usize| (members.max(run.test) / 2 * 2 * audit.epochs) as f64 * 6.0 * network as f64;
    let models = replicas.len() as f64;
    if run.members.min(run.test) >= 4 {
        works.push(attack("neural attack on D", 2.0 * models * lesson(run.members)));
    }
    for number in 0..replicas.len() {
        if audit.label_only {
            let copies = if run.images { 50 } else { 32 } * (run.members + run.test);
            works.push(attack("label-only attack", 2.0 * (copies * run.parameters) as f64));
        }
        if audit.shadows > 0 {
            let directory = RunDirectory::at(&run.directory.file(&format!("shadows-{number}")));
            if !directory.is_trained() {
                let share = run.members.min(run.test) as f64 / run.members as f64;
                let task = Task { run: directory.name(), group: 0, phase: Phase::Training };
                works.push(Work { task, cost: audit.shadows as f64 * share * run.training[number] });
            }
            let examples = (2 * 2048 * run.classes).min(2 * run.members * audit.shadows);
            let hidden = 64 * (run.classes + 2);
            works.push(attack("shadow-model attack", (examples * audit.epochs * hidden) as f64 * 6.0));
        }
    }
    if run.reference.min(run.test) >= 4 {
        works.push(attack("neural attack on D′", models * lesson(run.reference)));
    }
    works
}
