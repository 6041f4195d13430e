//! What is told of a part, as progress of the run that it is a part of.

use crate::run::event::{Event, Observer, Phase, Task};
use std::ops::Range;

/// Tells an observer of a run what it is told of one of its parts.
pub(super) struct Within<'a> {
    pub observer: &'a mut dyn Observer,
    /// The run, as in [`Task::run`], and its replicas.
    pub run: String,
    pub all: usize,
    /// The part's, and the groups that it is trained in.
    pub replicas: Range<usize>,
    pub groups: usize,
}

impl Within<'_> {
    /// The run's task where `done` of the part's is done.
    fn of_run(&self, task: &Task, done: f64) -> (Task, f64) {
        let part = (task.group as f64 + done) / self.groups as f64;
        let done = (self.replicas.start as f64 + part * self.replicas.len() as f64) / self.all as f64;
        (Task { run: self.run.clone(), group: 0, phase: Phase::Training }, done)
    }
}

impl Observer for Within<'_> {
    fn event(&mut self, event: &Event) {
        let event = match event {
            Event::Started { groups, .. } => {
                self.groups = *groups;
                event.clone()
            }
            Event::Progress { task, done, epoch } => {
                let (task, done) = self.of_run(task, *done);
                Event::Progress { task, done, epoch: *epoch }
            }
            Event::Kept { task, done } => {
                let (task, done) = self.of_run(task, *done);
                Event::Kept { task, done }
            }
            Event::Epoch { epochs, metrics, .. } => {
                let task = Task { run: self.run.clone(), group: 0, phase: Phase::Training };
                Event::Epoch { task, epochs: *epochs, metrics: metrics.clone() }
            }
            other => other.clone(),
        };
        self.observer.event(&event);
    }
}
