//! One run carried out: trained, then audited. The one way to do it, for `veilgrad train`, `demo` and
//! `reproduce`.
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
use crate::train::{self, PartedRun};
use std::sync::atomic::AtomicBool;

/// What a run needs.
#[derive(Debug, Clone, Copy)]
pub struct RunJob<'a> {
    /// What is trained and audited, and how.
    pub config: &'a Config,
    /// The records, all splits together.
    pub dataset: &'a Dataset,
    /// The device to train and attack on.
    pub context: &'a Context,
    /// Where the results go.
    pub directory: &'a RunDirectory,
    /// Go on with what is in the directory.
    pub resume: bool,
    /// Whether parts that were trained on unlike machines may become one run.
    pub mixed: bool,
    /// Set from outside (Ctrl-C): stop at the next submission.
    pub stop: &'a AtomicBool,
}

impl<'a> RunJob<'a> {
    fn training(&self) -> train::Job<'a> {
        let RunJob { config, dataset, context, directory, resume, stop, .. } = *self;
        train::Job { config, dataset, context, directory, resume, stop, part: None }
    }

    /// The training, which may be in parts.
    pub(super) fn parted(&self) -> PartedRun<'a> {
        PartedRun { job: self.training(), splits: None, accept_changed_data: false }
    }

    /// What the training of each replica costs, in the unit of [`Work`].
    ///
    /// # Errors
    /// As [`train::plan`].
    pub fn training_costs(&self) -> Result<Vec<f64>> {
        Ok(train::plan(&self.training())?.alone)
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
        features: job.dataset.width(),
        classes: job.dataset.classes,
        images: job.dataset.image.is_some(),
        parameters: training.products,
        training: &training.alone,
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

/// Trains the models of the run that are missing, of its parts too, and audits them: a part of a job, whose plan
/// was told.
///
/// # Errors
/// Those of [`PartedRun::complete`] and [`audit::run`]; what was finished is kept, and a directory without a
/// finished epoch is left as it was found.
pub fn carry_out(job: &RunJob, observer: &mut dyn Observer) -> Result<Summary> {
    let RunJob { config, dataset, context, directory, stop, mixed, .. } = *job;
    let was_trained = job.is_trained();
    let in_parts = !directory.parts()?.is_empty();
    if !was_trained {
        job.parted().complete(mixed, observer).map_err(|error| {
            tidy(directory);
            interrupted(error, directory)
        })?;
    }
    if was_trained || in_parts {
        keep(&train::plan(&RunJob { resume: true, ..*job }.training())?.work, observer);
        directory.remove_parts()?;
    }
    let dataset = Some(dataset);
    audit::run(
        &audit::AuditJob {
            config,
            directory,
            context,
            dataset,
            accept_changed_data: false,
            mixed,
            subgroups: None,
            persons: None,
            stop,
        },
        observer,
    )
    .map_err(|error| interrupted(error, directory))
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
    if !directory.has(CONFIG) {
        return error;
    }
    let resume = format!("continue with `veilgrad train --resume {}`", directory.path().display());
    match error.kind {
        Kind::Interrupted => error.advice(resume),
        Kind::Lost | Kind::Io => error.also(format!("finished epochs are kept: {resume}")),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Options;
    use crate::run::config::Layer;
    use crate::run::event::{Phase, Task};
    use crate::run::ledger::Ledger;

    const TINY: &str = "\
data = { members = 60, reference = 60, synthetic = { records = 200, features = 20, classes = 4 } }
model.hidden = [8]
train = { epochs = 2, batch = 20 }
[defense]
lambda = [0, 1]
attack = { prediction_layers = [8], label_layers = [8], joint_layers = [8] }
[audit]
epochs = 2
shadows = 4
label_only = true
attack = { prediction_layers = [8], label_layers = [8], joint_layers = [8] }
";

    /// Keeps the account of a job, and what was planned and reported.
    #[derive(Default)]
    struct Account {
        works: Vec<Work>,
        ledger: Option<Ledger>,
        fractions: Vec<f64>,
        unplanned: Vec<Task>,
    }

    impl Observer for Account {
        fn event(&mut self, event: &Event) {
            match event {
                Event::Planned(works) => {
                    assert!(self.ledger.is_none(), "planned twice");
                    (self.works, self.ledger) = (works.clone(), Some(Ledger::new(works)));
                }
                Event::Progress { task, done, .. } | Event::Kept { task, done } => {
                    let ledger = self.ledger.as_mut().expect("a plan before progress");
                    match event {
                        Event::Kept { .. } => ledger.keep(task, *done),
                        _ => ledger.report(task, *done),
                    }
                    self.fractions.push(ledger.fraction());
                    if self.works.iter().all(|work| work.task != *task) {
                        self.unplanned.push(task.clone());
                    }
                }
                _ => {}
            }
        }
    }

    impl Account {
        /// Checks that all that was planned was done, nothing else, and the end was reached at the end.
        fn close(self) -> Vec<Work> {
            assert_eq!(self.unplanned, [], "beside the plan {:#?}", self.works);
            let last = self.fractions.len() - 1;
            assert!(self.fractions.is_sorted(), "{:?}", self.fractions);
            assert_eq!(
                self.fractions[last], 1.0,
                "something that was planned was not done: {:#?}",
                self.works
            );
            assert!(self.fractions[..last].iter().all(|fraction| *fraction < 1.0), "{:?}", self.fractions);
            self.works
        }
    }

    #[test]
    fn all_that_is_done_was_planned_and_all_that_was_planned_is_done() {
        let context = Context::new(&Options::default()).unwrap();
        let config = Config::resolve(&[Layer::text("tiny", TINY)]).unwrap();
        let dataset = train::load(&mut config.clone()).unwrap();
        let parent = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&parent.path().join("run"), false).unwrap();
        let stop = AtomicBool::new(false);
        let job = |resume| RunJob {
            config: &config,
            dataset: &dataset,
            context: &context,
            directory: &directory,
            resume,
            mixed: false,
            stop: &stop,
        };
        let mut account = Account::default();
        let first = start(&job(false), &mut account).unwrap();
        let runs: std::collections::BTreeSet<String> =
            account.close().into_iter().map(|work| work.task.run).collect();
        assert_eq!(runs.into_iter().collect::<Vec<_>>(), ["run", "shadows-0", "shadows-1"]);

        // Once more: the models are there, and only the attacks take time.
        let mut account = Account::default();
        let again = start(&job(true), &mut account).unwrap();
        assert_eq!(again.replicas, first.replicas);
        let kept = account.fractions[0];
        assert!(kept > 0.0 && kept < 1.0, "{kept}");
        account.close();
    }

    /// The device is lost once a task of this phase goes on.
    struct Loses<'a>(&'a Context, bool);

    impl Observer for Loses<'_> {
        fn event(&mut self, event: &Event) {
            let Loses(context, in_training) = self;
            match event {
                Event::Epoch { .. } if *in_training => context.destroy(),
                Event::Progress { task, .. } if !*in_training && task.phase != Phase::Training => {
                    context.destroy();
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_lost_device_is_told_with_one_way_to_go_on() {
        let config = Config::resolve(&[Layer::text("tiny", TINY)]).unwrap();
        let dataset = train::load(&mut config.clone()).unwrap();
        for in_training in [true, false] {
            let context = Context::new(&Options::default()).unwrap();
            let parent = tempfile::tempdir().unwrap();
            let directory = RunDirectory::create(&parent.path().join("run"), false).unwrap();
            let stop = AtomicBool::new(false);
            let job = RunJob {
                config: &config,
                dataset: &dataset,
                context: &context,
                directory: &directory,
                resume: false,
                mixed: false,
                stop: &stop,
            };
            let error = start(&job, &mut Loses(&context, in_training)).unwrap_err();
            assert_eq!(error.kind, Kind::Lost);
            let resume = format!("continue with `veilgrad train --resume {}`", directory.path().display());
            assert!(error.advice.ends_with(&resume), "{error}");
            assert!(!error.to_string().contains("repeat"), "{error}");
            assert_eq!(error.advice.matches("continue with").count(), 1, "{error}");
        }
    }
}
