//! What training tells its observer: the one place where it makes [`Event`]s.

use super::cohort::Cohort;
use super::model::Model;
use super::privacy::{self, Secrets};
use super::schedule::Schedule;
use crate::error::Error;
use crate::gpu::Context;
use crate::run::config::{Config, Replica};
use crate::run::event::{EpochMetrics, Event, Observer, Phase, Task};
use std::collections::BTreeSet;

/// Tells an observer of one run.
pub(super) struct Reporter<'a> {
    run: String,
    observer: &'a mut dyn Observer,
    /// Whether it was told that groups are halved.
    halved: bool,
}

impl<'a> Reporter<'a> {
    /// Tells `observer` of the run called `run`.
    pub(super) fn new(run: String, observer: &'a mut dyn Observer) -> Self {
        Reporter { run, observer, halved: false }
    }

    /// Replicas are trained in smaller groups, for want of memory; said once.
    pub(super) fn halved(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.halved, true) {
            self.observer.event(&Event::Note(format!(
                "fewer replicas are trained at once, in half as large groups: {}: {} (expected {}); results are \
                 the same",
                error.place, error.found, error.expected
            )));
        }
    }

    /// What private training guarantees its members, once for replicas that are alike.
    pub(super) fn guarantees(&mut self, config: &Config, models: &[Model]) {
        let guarantees: BTreeSet<String> =
            models.iter().filter_map(|m| privacy::statement(config, &m.settings)).collect();
        let event = match Secrets::of(config) {
            Secrets::System => Event::Note,
            Secrets::Repeated(_) => Event::Warning,
        };
        guarantees.into_iter().for_each(|text| self.observer.event(&event(text)));
    }

    /// What was wrong with the run's files and is right again.
    pub(super) fn repaired(&mut self, what: Option<String>) {
        let run = &self.run;
        what.into_iter()
            .for_each(|what| self.observer.event(&Event::Warning(format!("{run} is repaired: {what}"))));
    }

    /// The run goes on: cohorts have so many epochs of `schedule` each, `kept`; damaged checkpoints were
    /// `skipped`.
    pub(super) fn resumed(&mut self, kept: &[usize], schedule: &Schedule, skipped: Vec<String>) {
        let epoch = kept.iter().copied().min().unwrap_or(0);
        self.observer.event(&Event::Resumed { run: self.run.clone(), epoch, skipped });
        for (group, kept) in kept.iter().enumerate() {
            let task = self.task(group);
            self.observer.event(&Event::Kept { task, done: schedule.done(*kept, 0) });
        }
    }

    /// The first of so many cohorts is ready, of so many replicas in all; `steps` an epoch.
    pub(super) fn started(
        &mut self,
        context: &Context,
        schedule: &Schedule,
        cohort: &Cohort,
        [replicas, groups, steps]: [usize; 3],
    ) {
        if let Some(text) = cohort.first_layer() {
            self.observer.event(&Event::Detail(text));
        }
        self.observer.event(&Event::Started {
            run: self.run.clone(),
            replicas,
            groups,
            epochs: schedule.epochs.len(),
            steps,
            dispatches: cohort.dispatches().into_iter().max().unwrap_or(0),
            tiles: crate::ops::default_variant(&context.target()).to_owned(),
        });
    }

    /// Of cohort `group`, in this epoch from 0, so much is done, from 0 to 1.
    pub(super) fn progress(&mut self, group: usize, epoch: usize, done: f64) {
        let task = self.task(group);
        self.observer.event(&Event::Progress { task, done, epoch: Some(epoch + 1) });
    }

    /// Cohort `group` has ended an epoch; replicas that it froze are warned of.
    pub(super) fn epoch(&mut self, group: usize, schedule: &Schedule, metrics: Vec<EpochMetrics>) {
        for line in &metrics {
            let before = line.epoch - 1;
            if let Some(step) = line.frozen_at_step.filter(|s| *s >= schedule.before(before).classifier) {
                let settings = line.settings;
                self.observer.event(&Event::Warning(format!(
                    "replica {} (λ {:?}, seed {}, learning rate {:?}): the loss or a parameter was not \
                     finite at step {step}; it stays as it was after epoch {before}",
                    line.replica, settings.lambda, settings.seed, settings.learning_rate
                )));
            }
        }
        let (task, epochs) = (self.task(group), schedule.epochs.len());
        // Where validation records choose the epoch, the audit tells of the one that they chose.
        let last = |line: &&EpochMetrics| line.epoch == epochs && line.score().is_none();
        for line in metrics.iter().filter(last).filter(|line| line.settings.lambda > 0.0) {
            if let Some(remark) = line.adversary.and_then(|check| check.remark()) {
                let Replica { lambda, seed, .. } = line.settings;
                self.observer.event(&Event::Warning(format!(
                    "replica {} (λ {lambda:?}, seed {seed}): {remark}",
                    line.replica
                )));
            }
        }
        self.observer.event(&Event::Epoch { task, epochs, metrics });
    }

    /// Which epochs of a cohort's `epochs` the validation records have chosen.
    pub(super) fn kept(&mut self, cohort: &Cohort, epochs: usize) {
        let scores: Vec<String> = cohort
            .models()
            .iter()
            .zip(cohort.scores())
            .filter_map(|(model, score)| {
                let (score, records) = ((*score)?, model.split.validation.len());
                Some(format!(
                    "replica {}: epoch {}, {:.3} of {records} validation records right",
                    model.number, score.epoch, score.accuracy
                ))
            })
            .collect();
        if !scores.is_empty() {
            let note = format!("kept, of {epochs} epochs: {}", scores.join("; "));
            self.observer.event(&Event::Note(note));
        }
    }

    fn task(&self, group: usize) -> Task {
        Task { run: self.run.clone(), group, phase: Phase::Training }
    }
}
