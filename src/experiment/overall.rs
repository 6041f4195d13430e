//! How far the whole reproduction is: a listener between the runs and the one who watches.
//!
//! Work is counted in records through a network, so that an epoch of a large run weighs more than one of a small
//! one; the time left follows from what has been done since the start.

use super::tables::Plan;
use crate::run::event::{Event, Observer, Phase, Task};
use std::time::Instant;

/// Passes on every event and adds [`Event::Overall`] after each epoch and each part of an attack.
pub(super) struct Overall<'a> {
    observer: &'a mut dyn Observer,
    started: Instant,
    /// Work of all runs, of those that ended, of those that had been done before the start.
    total: f64,
    ended: f64,
    skipped: f64,
    /// Of the run under way: (number, of), name, training and audit's work, epochs, and what of it is done.
    place: (usize, usize),
    name: String,
    work: [f64; 2],
    epochs: usize,
    done: [f64; 2],
    groups: usize,
    group: usize,
    epoch: usize,
    attacks: usize,
}

impl<'a> Overall<'a> {
    pub(super) fn new<'p>(observer: &'a mut dyn Observer, plans: impl Iterator<Item = &'p Plan>) -> Self {
        let works: Vec<[f64; 2]> = plans.map(work).collect();
        Overall {
            observer,
            started: Instant::now(),
            total: works.iter().flatten().sum(),
            ended: 0.0,
            skipped: 0.0,
            place: (0, works.len()),
            name: String::new(),
            work: [0.0; 2],
            epochs: 1,
            done: [0.0; 2],
            groups: 1,
            group: 0,
            epoch: 0,
            attacks: 0,
        }
    }

    /// The run of `plan` is next.
    pub(super) fn begin(&mut self, plan: &Plan) {
        // What the last run did not report was done before.
        let before: f64 = self.work.iter().sum();
        self.skipped += before - self.done.iter().sum::<f64>();
        self.ended += before;
        self.place.0 += 1;
        let part = plan.part.map_or(String::new(), |part| format!(" {part}"));
        self.name = format!("{}{part} on {}", plan.table.name(), plan.config.name);
        (self.work, self.epochs) = (work(plan), plan.config.train.epochs);
        (self.done, self.groups, self.group, self.epoch, self.attacks) = ([0.0; 2], 1, 0, 0, 0);
        let (number, of) = self.place;
        self.observer.event(&Event::Note(format!("run {number}/{of}: {}", self.name)));
    }

    fn report(&mut self) {
        let done = self.ended + self.done.iter().sum::<f64>();
        let own = (done - self.skipped).max(1e-9);
        let seconds_left = self.started.elapsed().as_secs_f64() / own * (self.total - done);
        let event = Event::Overall { name: self.name.clone(), done: done / self.total, seconds_left };
        self.observer.event(&event);
    }
}

impl Observer for Overall<'_> {
    fn event(&mut self, event: &Event) {
        self.observer.event(event);
        match event {
            Event::Started { groups, .. } => self.groups = *groups,
            Event::Resumed { epoch, .. } => {
                let before = self.work[0] * *epoch as f64 / self.epochs as f64;
                self.done[0] = before;
                self.skipped += before;
            }
            Event::Epoch { metrics, .. } => {
                let Some(epoch) = metrics.first().map(|m| m.epoch) else { return };
                self.group += usize::from(epoch < self.epoch);
                self.epoch = epoch;
                let epochs = self.group * self.epochs + epoch;
                self.done[0] = self.work[0] * epochs as f64 / (self.groups * self.epochs) as f64;
                self.report();
            }
            Event::Progress { task: Task { phase: Phase::Attack(_), .. }, done } => {
                self.done[0] = self.work[0];
                self.attacks += usize::from(*done == 1.0);
                // Two of them: on D and on D′; a part of the one under way.
                let part = if *done == 1.0 { 0.0 } else { *done };
                self.done[1] = self.work[1] * ((self.attacks as f64 + part) / 2.0).min(1.0);
                self.report();
            }
            _ => {}
        }
    }
}

/// Training's and the audit's work, in records through a network, forwards and backwards.
fn work(plan: &Plan) -> [f64; 2] {
    let config = &plan.config;
    let replicas = config.replicas();
    let k = config.defense.attack_steps as f64;
    // A classifier's step is one pass; an attack step is two forward ones and one of the attack network.
    let step = if config.is_defended() { 2.0 + 2.0 * k } else { 1.0 };
    let members = config.data.members as f64;
    let training = replicas.len() as f64 * members * config.train.epochs as f64 * step;
    // Three lessons a model, of half the members and as many others.
    let lessons = 3.0 * replicas.len() as f64;
    [training, lessons * members * config.audit.epochs as f64]
}
