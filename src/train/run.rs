//! A run of training: a configuration and a data set in, a run directory out.

use super::checkpoint;
use super::cohort::{Cohort, Model};
use super::evaluate;
use super::finished::{model_tensors, predictions};
use super::recipe::Recipe;
use super::reporter::Reporter;
use super::resident::ResidentLayout;
use super::schedule::Schedule;
use super::snapshot::Snapshot;
use super::splits::{check_sizes, saved_splits, splits};
use crate::dataset::{Dataset, Split};
use crate::error::Result;
use crate::gpu::Context;
use crate::nn::RecordShape;
use crate::run::RunDirectory;
use crate::run::config::{Config, TuningConfig};
use crate::run::directory::{DATA, SPLIT};
use crate::run::event::Observer;
use crate::run::model_file::Facts;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What a run needs.
#[derive(Debug)]
pub struct Job<'a> {
    pub config: &'a Config,
    pub dataset: &'a Dataset,
    pub context: &'a Context,
    pub directory: &'a RunDirectory,
    /// Go on from the directory's checkpoints.
    pub resume: bool,
    /// Set from outside (Ctrl-C): stop at the next submission.
    pub stop: &'a AtomicBool,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Replicas that were frozen, and at which step.
    pub frozen: Vec<(usize, u64)>,
    pub seconds: f64,
}

/// Trains all replicas of the configuration and fills the run directory: configuration, split, a line
/// of metrics an epoch and replica, checkpoints, at the end models and predictions.
///
/// # Errors
/// Sizes that do not fit the data or the adapter, the file system's, a lost device;
/// [`Kind::Interrupted`](crate::error::Kind::Interrupted) once `stop` is set, with all whole epochs kept.
pub fn run(job: &Job, observer: &mut dyn Observer) -> Result<Outcome> {
    let started = Instant::now();
    let Job { config, dataset, context, directory, .. } = *job;
    let replicas = config.replicas();
    let splits = match job.resume && directory.has(SPLIT) {
        // The run's own, whatever became of the file that it was read from.
        true => saved_splits(directory, replicas.len(), dataset.records())?,
        false => splits(config, &replicas, dataset.records())?,
    };
    splits.iter().try_for_each(|split| check_sizes(config, split))?;
    let steps = splits[0].members.len() / config.train.batch;
    let reference: Vec<usize> = splits.iter().map(|split| split.reference.len()).collect();
    let schedule = Schedule::from_config(config, splits[0].members.len(), &reference)?;
    let recipe = Recipe::from_config(config, RecordShape::of(dataset, config.data.pad), dataset.classes)?;
    let models: Vec<Model> = replicas
        .iter()
        .zip(splits)
        .enumerate()
        .map(|(number, (&settings, split))| Model::new(number, settings, split, dataset))
        .collect::<Result<_>>()?;
    let size = cohort_size(context, &recipe, &schedule, dataset, models.len())?;
    let groups: Vec<&[Model]> = models.chunks(size).collect();
    let prepare =
        |models: &[Model]| Cohort::new(context, config, &recipe, &schedule, dataset, models.to_vec());
    // Before anything is written: what the adapter cannot do must not cost an older run its files.
    let mut first = Some(prepare(groups[0])?);
    if !job.resume {
        // With the variants that it runs, whatever was asked for.
        let tuning = TuningConfig::of(context);
        directory.write_config(&Config { tuning, ..config.clone() })?;
    }
    // The run that is continued may have been killed before it came to this.
    if !directory.has(DATA) {
        directory.write_data(dataset)?;
    }
    if !directory.has(SPLIT) {
        let splits: Vec<Split> = models.iter().map(|m| m.split.clone()).collect();
        directory.write_splits(&splits)?;
    }
    let mut reporter = Reporter::new(directory.name(), observer);
    reporter.guarantees(config, &models);
    let mut checkpoints = vec![];
    for group in 0..groups.len() {
        checkpoints.push(match job.resume {
            true => checkpoint::newest(directory, group)?,
            false => (None, vec![]),
        });
    }
    for (models, (found, _)) in groups.iter().zip(&checkpoints) {
        if let Some((_, snapshot)) = found {
            snapshot.check(models.len(), &recipe)?;
        }
    }
    if job.resume {
        let epochs: Vec<usize> = checkpoints.iter().map(|(c, _)| c.as_ref().map_or(0, |c| c.0)).collect();
        directory.truncate_metrics(|m| m.epoch <= epochs[m.replica / size])?;
        let skipped = checkpoints.iter().flat_map(|(_, damaged)| damaged.clone()).collect();
        reporter.resumed(&epochs, config.train.epochs, skipped);
    }

    let mut outcome = Outcome::default();
    let facts = Facts::new(config, &dataset.class_names, &dataset.schema, dataset.image)?.to_metadata()?;
    let mut predicted = vec![];
    for (number, (models, (found, _))) in groups.iter().zip(checkpoints).enumerate() {
        let mut cohort = match first.take() {
            Some(cohort) => cohort,
            None => prepare(models)?,
        };
        if number == 0 {
            reporter.started(context, &schedule, &cohort, [replicas.len(), groups.len(), steps]);
        }
        train(job, &schedule, &mut cohort, number, found, &mut reporter)?;
        let frozen = cohort.models().iter().zip(&cohort.snapshot().frozen);
        outcome.frozen.extend(frozen.filter_map(|(m, step)| step.map(|step| (m.number, step))));
        for (number, tensors) in model_tensors(&cohort, &recipe) {
            directory.write_model(number, &tensors, &facts)?;
        }
        predicted.extend(predictions(context, &cohort, &recipe, dataset, job.stop)?);
    }
    directory.write_predictions(&predicted)?;
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

/// Trains cohort `number` to the end, from what was `found` of it.
fn train(
    job: &Job,
    schedule: &Schedule,
    cohort: &mut Cohort,
    number: usize,
    found: Option<(usize, Snapshot)>,
    reporter: &mut Reporter,
) -> Result<()> {
    let mut first = 0;
    if let Some((epochs, snapshot)) = found {
        cohort.restore(snapshot)?;
        first = epochs;
    }
    let epochs = schedule.epochs.len();
    for epoch in first..epochs {
        let total = schedule.runs(epoch);
        let mut progress = |done: usize| {
            reporter.progress(number, (epoch as f64 + done as f64 / total.max(1) as f64) / epochs as f64);
        };
        let metrics = cohort.epoch(epoch, job.stop, &mut progress)?;
        // Metrics first: a line too many is dropped on resuming, one too few would be lost.
        job.directory.append_metrics(&metrics)?;
        checkpoint::save(job.directory, number, epoch + 1, cohort.snapshot())?;
        reporter.epoch(number, schedule, metrics);
    }
    Ok(())
}
