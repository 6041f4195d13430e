//! A run of training: a configuration and a data set in, a run directory out.

use super::checkpoint::{self, Stretch};
use super::cohort::Cohort;
use super::evaluate;
use super::finished::{model_tensors, predictions};
use super::groups::{Group, Groups};
use super::model::Model;
use super::recipe::Recipe;
use super::reporter::Reporter;
use super::resident::ResidentLayout;
use super::schedule::Schedule;
use super::splits::{begun_splits, check_sizes, splits};
use crate::dataset::{Dataset, Split};
use crate::error::{Error, Kind, Result};
use crate::gpu::Context;
use crate::nn::RecordShape;
use crate::run::RunDirectory;
use crate::run::config::{Config, TuningConfig};
use crate::run::directory::{DATA, SCHEMA, SPLIT};
use crate::run::event::{EpochMetrics, Observer};
use crate::run::model_file::{Facts, NamedTensor};
use crate::run::predictions::ReplicaPredictions;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What a run needs.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// What is trained, and how.
    pub config: &'a Config,
    /// The records, all splits together.
    pub dataset: &'a Dataset,
    /// The device to train on.
    pub context: &'a Context,
    /// Where the results go.
    pub directory: &'a RunDirectory,
    /// Go on from the directory's checkpoints.
    pub resume: bool,
    /// Set from outside (Ctrl-C): stop at the next submission.
    pub stop: &'a AtomicBool,
    /// Which replicas are trained, where it is not all of them.
    pub part: Option<Part<'a>>,
}

/// Replicas that are trained apart from the others of their run, in a directory of their own.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// By their numbers in the run, which they keep.
    pub replicas: Range<usize>,
    /// Theirs, a split each.
    pub splits: &'a [Split],
    /// What the part is called in events.
    pub name: String,
}

impl Job<'_> {
    /// What it is called in events.
    pub(super) fn name(&self) -> String {
        self.part.as_ref().map_or_else(|| self.directory.name(), |part| part.name.clone())
    }
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Replicas that were frozen, and at which step.
    pub frozen: Vec<(usize, u64)>,
    /// What the run took, from configuration to predictions.
    pub seconds: f64,
}

/// Trains all replicas of the configuration, or those of the job's part, and fills the run directory: configuration, split, a line
/// of metrics an epoch and replica, checkpoints, at the end models and predictions.
///
/// # Errors
/// Sizes that do not fit the data or the adapter, the file system's, a lost device;
/// [`Kind::Interrupted`](crate::error::Kind::Interrupted) once `stop` is set, with all whole epochs kept.
pub fn run(job: &Job, observer: &mut dyn Observer) -> Result<Outcome> {
    let started = Instant::now();
    let Job { config, dataset, context, directory, .. } = *job;
    let mut replicas = config.replicas();
    let splits = match &job.part {
        Some(part) => part.splits.to_vec(),
        None if job.resume => begun_splits(config, directory, &replicas, dataset.records())?,
        None => splits(config, &replicas, dataset.records())?,
    };
    let range = job.part.as_ref().map_or(0..replicas.len(), |part| part.replicas.clone());
    replicas = replicas[range.clone()].to_vec();
    splits.iter().try_for_each(|split| check_sizes(config, split))?;
    let steps = splits[0].members.len() / config.train.batch;
    let reference: Vec<usize> = splits.iter().map(|split| split.reference.len()).collect();
    let schedule = Schedule::from_config(config, splits[0].members.len(), &reference)?;
    let recipe = Recipe::from_config(config, RecordShape::of(dataset, config.data.pad), dataset.classes)?;
    let models: Vec<Model> = replicas
        .iter()
        .zip(splits)
        .zip(range.clone())
        .map(|((&settings, split), number)| Model::new(number, settings, split, dataset))
        .collect::<Result<_>>()?;
    let size = cohort_size(context, &recipe, &schedule, dataset, models.len())?;
    let (kept, damaged) = match job.resume {
        true => checkpoint::kept(directory, range.clone())?,
        false => (vec![Stretch { replicas: range.clone(), found: None }], vec![]),
    };
    let mut groups = Groups::new(&models, kept, size);
    for Group { models, found, .. } in groups.iter() {
        if let Some((_, snapshot)) = found {
            snapshot.check(models.len(), &recipe)?;
        }
    }
    let begun: Vec<usize> = groups.iter().map(Group::epochs).collect();
    let epochs_of: Vec<usize> =
        groups.iter().flat_map(|group| std::iter::repeat_n(group.epochs(), group.models.len())).collect();
    let mut reporter = Reporter::new(job.name(), observer);
    let work = TrainingWork { job, recipe: &recipe, schedule: &schedule };
    // Before anything is written: what the adapter cannot do must not cost an older run its files.
    let mut next = work.next(&mut groups, &mut reporter)?;
    if !job.resume {
        // With the variants that it runs, whatever was asked for.
        let tuning = TuningConfig::of(context);
        directory.write_config(&Config { tuning, ..config.clone() })?;
    }
    // The run that is continued may have been killed before it came to this, or its files were damaged since.
    let anew = |name: &str| directory.has(name).then(|| format!("{name} could not be read and is made anew"));
    if directory.read_data().is_err() || !matches!(directory.read_schema(), Ok(Some(_))) {
        let damaged = [directory.read_data().is_err(), directory.read_schema().is_err()];
        let damaged = [DATA, SCHEMA].into_iter().zip(damaged).find(|(_, damaged)| *damaged);
        reporter.repaired(damaged.and_then(|(name, _)| anew(name)));
        directory.write_data(dataset)?;
    }
    if directory.read_splits().is_err() {
        reporter.repaired(anew(SPLIT));
        let splits: Vec<Split> = models.iter().map(|m| m.split.clone()).collect();
        directory.write_splits(&splits)?;
    }
    reporter.guarantees(config, &models);
    if job.resume {
        let done = |replica: usize| epochs_of.get(replica.checked_sub(range.start)?);
        let keep = |m: &EpochMetrics| done(m.replica).is_some_and(|epochs| m.epoch <= *epochs);
        let repaired = directory.repair_metrics(keep)?;
        reporter.repaired(repaired.describe());
    }
    if let Some((_, cohort)) = &next {
        let sizes = [replicas.len(), groups.iter().count() + 1, steps];
        reporter.started(context, &schedule, cohort, sizes);
    }
    if job.resume {
        reporter.resumed(&begun, &schedule, damaged);
    }

    let mut outcome = Outcome::default();
    let facts = Facts::new(config, &dataset.class_names, &dataset.schema, dataset.image)?.to_metadata()?;
    let mut predicted = vec![];
    while let Some((group, mut cohort)) = next {
        let mut epochs = group.epochs();
        match work.carry_out(&group, &mut cohort, &mut epochs, &mut reporter) {
            Ok((its_tensors, its_predictions)) => {
                let frozen = cohort.models().iter().zip(&cohort.snapshot().frozen);
                outcome.frozen.extend(frozen.filter_map(|(m, step)| step.map(|step| (m.number, step))));
                for (number, tensors) in its_tensors {
                    directory.write_model(number, &tensors, &facts)?;
                }
                predicted.extend(its_predictions);
                // Before the next group is made: the memory may hold one of this size, and not two.
                drop(cohort);
            }
            Err(error) if may_be_halved(&error, &group) => {
                // What was trained is kept: the halves go on from there.
                let found = (epochs > 0).then(|| (epochs, cohort.snapshot().clone()));
                drop(cohort);
                groups.divide(Group { found, ..group });
                reporter.halved(&error);
                // The last first: a run that ends in between finds the whole one in the first's place.
                let halves: Vec<&Group> = groups.iter().take(2).collect();
                for half in halves.into_iter().rev() {
                    if let Some((epochs, snapshot)) = &half.found {
                        checkpoint::save(directory, half.models[0].number, *epochs, snapshot)?;
                    }
                }
            }
            Err(error) => return Err(error),
        }
        next = work.next(&mut groups, &mut reporter)?;
    }
    directory.write_predictions(predicted.into_iter().map(Ok))?;
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// How many replicas fit the adapter's limits at once.
pub(crate) fn cohort_size(
    context: &Context,
    recipe: &Recipe,
    schedule: &Schedule,
    dataset: &Dataset,
    replicas: usize,
) -> Result<usize> {
    let layout = ResidentLayout::of(dataset, recipe.pad, dataset.image.is_some());
    let limit = context.limits().tensor_bytes();
    let evaluated = limit / evaluate::batch(recipe, layout, limit)?.1;
    let mut size = replicas.min(usize::try_from(evaluated).unwrap_or(usize::MAX));
    for (i, &round) in schedule.rounds.iter().enumerate() {
        let graph = recipe.graph(round, layout, schedule.most_runs(i).max(1))?.graph;
        // Passes are merged as far as there is room, so the graph counts as it was written.
        size = size.min(crate::plan::replicas_within(&graph, limit));
    }
    // Not even one: allocation will say what is too large, and by how much.
    Ok(size.clamp(1, context.limits().workgroups as usize))
}

/// Whether half of the group may fit where all of it did not.
fn may_be_halved(error: &Error, group: &Group) -> bool {
    error.kind == Kind::Memory && group.models.len() > 1
}

/// What a group leaves behind: its models' tensors, each with the model's number, and its predictions.
type Trained = (Vec<(usize, Vec<NamedTensor>)>, Vec<ReplicaPredictions>);

/// A run whose groups are trained one after another.
struct TrainingWork<'a> {
    job: &'a Job<'a>,
    recipe: &'a Recipe,
    schedule: &'a Schedule,
}

impl<'a> TrainingWork<'a> {
    /// The next group, ready; in halves where the memory does not hold it.
    fn next<'m>(
        &self,
        groups: &mut Groups<'m>,
        reporter: &mut Reporter,
    ) -> Result<Option<(Group<'m>, Cohort<'a>)>> {
        let Job { config, dataset, context, .. } = *self.job;
        while let Some(group) = groups.take() {
            match Cohort::new(context, config, self.recipe, self.schedule, dataset, group.models.to_vec()) {
                Ok(cohort) => return Ok(Some((group, cohort))),
                Err(error) if may_be_halved(&error, &group) => {
                    groups.divide(group);
                    reporter.halved(&error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Trains a group to the end, and asks its models; `epochs` counts what is done of it.
    fn carry_out(
        &self,
        group: &Group,
        cohort: &mut Cohort,
        epochs: &mut usize,
        reporter: &mut Reporter,
    ) -> Result<Trained> {
        let Job { dataset, context, directory, stop, .. } = *self.job;
        if let Some((_, snapshot)) = &group.found {
            cohort.restore(snapshot.clone())?;
        }
        let all = self.schedule.epochs.len();
        while *epochs < all {
            let epoch = *epochs;
            let mut progress = |runs: usize| {
                reporter.progress(group.task, epoch, group.of_task(self.schedule.done(epoch, runs)));
            };
            let metrics = cohort.epoch(epoch, stop, &mut progress)?;
            // Metrics first: a line too many is dropped on resuming, one too few would be lost.
            directory.append_metrics(&metrics)?;
            checkpoint::save(directory, group.models[0].number, epoch + 1, cohort.snapshot())?;
            *epochs += 1;
            reporter.epoch(group.task, self.schedule, metrics);
        }
        reporter.kept(cohort, all);
        let predicted = predictions(context, cohort, self.recipe, dataset, stop)?;
        Ok((model_tensors(cohort, self.recipe), predicted))
    }
}
