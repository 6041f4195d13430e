//! One run carried out: trained, then audited. The one way to do it, for `veilgrad train`, `demo` and `reproduce`.
//!
//! Not what is asked for, and not where the run's directory is.

use crate::audit::results::summary::Summary;
use crate::audit::{self, PlannedRun};
use crate::dataset::Dataset;
use crate::error::{Error, Kind, Result};
use crate::gpu::Context;
use crate::run::RunDirectory;
use crate::run::config::Config;
use crate::run::directory::CONFIG;
use crate::run::event::{Event, Observer, Work};
use crate::train;
use std::sync::atomic::AtomicBool;

/// What a run needs.
#[derive(Debug, Clone, Copy)]
pub struct RunJob<'a> {
    pub config: &'a Config,
    pub dataset: &'a Dataset,
    pub context: &'a Context,
    pub directory: &'a RunDirectory,
    /// Go on with what is in the directory.
    pub resume: bool,
    /// Set from outside (Ctrl-C): stop at the next submission.
    pub stop: &'a AtomicBool,
}

impl<'a> RunJob<'a> {
    fn training(&self) -> train::Job<'a> {
        let RunJob { config, dataset, context, directory, resume, stop } = *self;
        train::Job { config, dataset, context, directory, resume, stop }
    }

    fn is_trained(&self) -> bool {
        self.resume && self.directory.is_trained()
    }
}

/// The tasks of [`carry_out`], those that were done before included: who starts the job tells them at once
/// ([`Event::Planned`]).
///
/// # Errors
/// As [`train::plan`].
pub fn plan(job: &RunJob) -> Result<Vec<Work>> {
    let training = train::plan(&job.training())?;
    let mut works = training.work.clone();
    works.extend(audit_works(job, &training));
    Ok(works)
}

/// The tasks of the audit alone.
///
/// # Errors
/// As [`train::plan`].
pub fn plan_audit(job: &RunJob) -> Result<Vec<Work>> {
    Ok(audit_works(job, &train::plan(&job.training())?))
}

fn audit_works(job: &RunJob, training: &train::PlannedTraining) -> Vec<Work> {
    let [members, reference, test] = training.sizes;
    audit::work(&PlannedRun {
        config: job.config,
        directory: job.directory,
        members,
        reference,
        test,
        classes: job.dataset.classes,
        images: job.dataset.image.is_some(),
        parameters: training.products,
        training: training.cost,
    })
}

/// A job of this one run: [`plan`]ned, told and [carried out](carry_out).
///
/// # Errors
/// As [`carry_out`].
pub fn start(job: &RunJob, observer: &mut dyn Observer) -> Result<Summary> {
    let works = plan(job).inspect_err(|_| tidy(job.directory))?;
    observer.event(&Event::Planned(works));
    carry_out(job, observer)
}

/// Trains the models of the run, unless that was done before, and audits them: a part of a job, whose plan was told.
///
/// # Errors
/// Those of [`train::run`] and [`audit::run`]; what was finished is kept, and a directory without a finished epoch is
/// left as it was found.
pub fn carry_out(job: &RunJob, observer: &mut dyn Observer) -> Result<Summary> {
    let RunJob { config, dataset, context, directory, stop, .. } = *job;
    if job.is_trained() {
        keep(&train::plan(&job.training())?.work, observer);
    } else {
        train::run(&job.training(), observer).map_err(|error| {
            tidy(directory);
            interrupted(error, directory)
        })?;
    }
    let dataset = Some(dataset);
    audit::run(&audit::Job { config, directory, context, dataset, subgroups: None, stop }, observer)
}

/// Tells that these tasks were done before.
pub(super) fn keep(works: &[Work], observer: &mut dyn Observer) {
    works.iter().for_each(|work| observer.event(&Event::Kept { task: work.task.clone(), done: 1.0 }));
}

/// Removes a directory without a finished epoch.
fn tidy(directory: &RunDirectory) {
    // What cannot be tidied away is not worth hiding the reason why the run ended.
    let _ = directory.discard_if_unbegun();
}

/// How to go on, where the training that ended with this error can go on.
fn interrupted(error: Error, directory: &RunDirectory) -> Error {
    if error.kind != Kind::Interrupted || !directory.has(CONFIG) {
        return error;
    }
    error.advice(format!("continue with `veilgrad train --resume {}`", directory.path().display()))
}
