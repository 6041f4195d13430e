//! Training: a configuration and a data set in, a run directory out.
//!
//! | what | where |
//! |---|---|
//! | which records when, at which rate | `batches`, [`schedule`], `rate`, `tape` |
//! | the graphs of a step | [`game`] |
//! | replicas on the GPU, epoch by epoch | [`group`], `pace`, `evaluate` |
//! | what a private training guarantees | [`privacy`] |
//! | the data on the GPU | [`resident`] |
//! | what a run continues from | `checkpoint` |
//!
//! What was asked for and what is kept is [`crate::run`].

mod batches;
mod checkpoint;
pub mod evaluate;
pub mod game;
pub mod group;
mod pace;
pub mod privacy;
mod rate;
pub mod resident;
pub mod schedule;
mod tape;
mod work;

pub use batches::Batches;
pub use pace::Pace;
pub use work::{PlannedTraining, plan};

use crate::dataset::{Dataset, DatasetSummary, Split, load_splits};
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::nn::Input;
use crate::run::RunDirectory;
use crate::run::config::{Config, Replica, TuningConfig};
use crate::run::event::{Event, Observer, Phase, Task};

use crate::run::directory::SPLIT;
use crate::run::model_file::{Facts, NamedTensor};
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use game::Game;
use group::{Group, Member, State};
use privacy::Guarantee;
use resident::Layout;
use schedule::Schedule;
use std::collections::BTreeSet;
use std::path::Path;
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

/// The configured data: a file, or synthetic records.
///
/// # Errors
/// What [`crate::dataset::load`] and [`crate::dataset::synthetic`] find.
pub fn load(config: &Config) -> Result<Dataset> {
    match config.data.path.as_str() {
        "" => crate::dataset::synthetic(&config.data.synthetic),
        path => crate::dataset::load(Path::new(path), &config.data.load_options()),
    }
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
    let schedule = Schedule::new(&config.defense, config.is_defended(), config.train.epochs, steps);
    let game = Game::new(config, Input::of(dataset, config.data.pad), dataset.classes)?;
    let members: Vec<Member> = replicas
        .iter()
        .zip(splits)
        .enumerate()
        .map(|(number, (&settings, split))| {
            let standardisation = dataset.standardisation(&split.members);
            Member { number, settings, split, standardisation }
        })
        .collect();
    let size = group_size(context, &game, &schedule, dataset, members.len())?;
    let groups: Vec<&[Member]> = members.chunks(size).collect();
    let prepare =
        |members: &[Member]| Group::new(context, config, &game, &schedule, dataset, members.to_vec());
    // Before anything is written: what the adapter cannot do must not cost an older run its files.
    let mut first = Some(prepare(groups[0])?);
    if !job.resume {
        // With the variants that it runs, whatever was asked for.
        let tuning = TuningConfig::of(context);
        directory.write_config(&Config { tuning, ..config.clone() })?;
    }
    // The run that is continued may have been killed before it came to this.
    if !directory.has(SPLIT) {
        let splits: Vec<Split> = members.iter().map(|m| m.split.clone()).collect();
        directory.write_splits(&splits)?;
    }
    let guarantees: BTreeSet<String> = members
        .iter()
        .filter_map(|m| Guarantee::of(config, &m.settings, m.split.members.len()))
        .map(|guarantee| guarantee.to_string())
        .collect();
    guarantees.into_iter().for_each(|text| observer.event(&Event::Note(text)));
    let mut checkpoints = vec![];
    for group in 0..groups.len() {
        checkpoints.push(match job.resume {
            true => checkpoint::newest(directory, group)?,
            false => (None, vec![]),
        });
    }
    for (members, (found, _)) in groups.iter().zip(&checkpoints) {
        if let Some((_, state)) = found {
            check_state(state, members.len(), &game, &schedule)?;
        }
    }
    if job.resume {
        let epochs: Vec<usize> = checkpoints.iter().map(|(c, _)| c.as_ref().map_or(0, |c| c.0)).collect();
        directory.truncate_metrics(|m| m.epoch <= epochs[m.replica / size])?;
        let epoch = epochs.iter().copied().min().unwrap_or(0);
        let skipped = checkpoints.iter().flat_map(|(_, damaged)| damaged.clone()).collect();
        observer.event(&Event::Resumed { run: directory.name(), epoch, skipped });
        for (group, kept) in epochs.iter().enumerate() {
            let task = Task { run: directory.name(), group, phase: Phase::Training };
            observer.event(&Event::Kept { task, done: *kept as f64 / config.train.epochs as f64 });
        }
    }

    let mut outcome = Outcome::default();
    let (mut tensors, mut predictions) = (vec![], vec![]);
    for (number, (members, (found, _))) in groups.iter().zip(checkpoints).enumerate() {
        let mut group = match first.take() {
            Some(group) => group,
            None => prepare(members)?,
        };
        if number == 0 {
            observer.event(&Event::Started {
                run: directory.name(),
                replicas: replicas.len(),
                groups: groups.len(),
                epochs: config.train.epochs,
                steps,
                dispatches: group.dispatches().into_iter().max().unwrap_or(0),
                tiles: crate::ops::default_variant(&context.target()).to_owned(),
            });
        }
        train_group(job, &schedule, &mut group, number, found, observer)?;
        let frozen = group.members.iter().zip(&group.state().frozen);
        outcome.frozen.extend(frozen.filter_map(|(m, step)| step.map(|step| (m.number, step))));
        tensors.extend(model_tensors(&group, &game));
        predictions.extend(predict(job, &group, &game)?);
    }
    directory.write_model(&tensors, &facts(dataset, &replicas).to_metadata()?)?;
    directory.write_predictions(&predictions)?;
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// The records of each replica: by its seed, or from the split file, one list for all or one each.
fn splits(config: &Config, replicas: &[Replica], records: usize) -> Result<Vec<Split>> {
    let data = &config.data;
    if data.split.is_empty() {
        let test = (data.test > 0).then_some(data.test);
        let most = data.reference.values().iter().max().copied().unwrap_or(0);
        let draw = |r: &Replica| -> Result<Split> {
            let mut split = Split::random(records, data.members, most, test, r.seed)?;
            split.reference.truncate(r.reference);
            Ok(split)
        };
        return replicas.iter().map(draw).collect();
    }
    let path = Path::new(&data.split);
    match load_splits(path) {
        Ok(splits) if splits.len() > 1 => {
            if splits.len() != replicas.len() {
                return Err(Error::usage("data.split")
                    .expected(format!("one split, or {} of them, one a replica", replicas.len()))
                    .found(format!("{} in {}", splits.len(), data.split)));
            }
            checked(splits, records, &data.split)
        }
        // One split, or a form that only a single split can have.
        _ => Ok(vec![Split::from_file(path, records)?; replicas.len()]),
    }
}

/// The splits that a run was begun with.
fn saved_splits(directory: &RunDirectory, replicas: usize, records: usize) -> Result<Vec<Split>> {
    let splits = directory.read_splits()?;
    let place = directory.file(SPLIT).display().to_string();
    if splits.len() != replicas {
        return Err(Error::data(place)
            .expected(format!("{replicas} splits"))
            .found(splits.len().to_string()));
    }
    checked(splits, records, &place)
}

/// The splits of the file at `place`, if each fits so many records.
fn checked(splits: Vec<Split>, records: usize, place: &str) -> Result<Vec<Split>> {
    for split in &splits {
        split.check(records).map_err(|e| Error { place: place.to_string(), ..e })?;
    }
    Ok(splits)
}

/// Refuses sets that are smaller than a batch, before any GPU work.
fn check_sizes(config: &Config, split: &Split) -> Result<()> {
    let batch = config.train.batch;
    if split.members.len() < batch {
        return Err(Error::usage("train.batch")
            .expected(format!("at most {}, the number of members", split.members.len()))
            .found(batch.to_string())
            .advice("lower --batch, or train on more members"));
    }
    if split.test.len() < 4 || split.members.len() < 4 {
        return Err(Error::usage("data.test")
            .expected("at least 4 test records and 4 members, for the audit after training")
            .found(format!("{} and {}", split.test.len(), split.members.len()))
            .advice("train on fewer records, so that more are left for testing"));
    }
    if (config.is_defended() || config.learns_reference()) && split.reference.len() < batch {
        return Err(Error::usage("data.reference")
            .expected(format!("at least {batch} reference records, a batch, for the defense"))
            .found(split.reference.len().to_string())
            .advice("raise --reference, lower --batch, or train without the defense (--lambda 0)"));
    }
    Ok(())
}

/// How many replicas fit the adapter's limits at once.
pub(crate) fn group_size(
    context: &Context,
    game: &Game,
    schedule: &Schedule,
    dataset: &Dataset,
    replicas: usize,
) -> Result<usize> {
    let layout = Layout::of(dataset, game.pad, dataset.image.is_some());
    let limit = context.limits().tensor_bytes();
    let evaluated = limit / evaluate::batch(game, layout, limit)?.1;
    let mut size = replicas.min(usize::try_from(evaluated).unwrap_or(usize::MAX));
    for (i, &phase) in schedule.phases.iter().enumerate() {
        let graph = game.graph(phase, layout, schedule.most_runs(i).max(1))?.graph;
        // Passes are merged as far as there is room, so the graph counts as it was written.
        size = size.min(crate::plan::replicas_within(&graph, limit));
    }
    // Not even one: allocation will say what is too large, and by how much.
    Ok(size.clamp(1, context.limits().workgroups as usize))
}

/// Refuses a checkpoint of other networks, or of another number of replicas, before it costs anything.
fn check_state(state: &State, replicas: usize, game: &Game, schedule: &Schedule) -> Result<()> {
    let played = schedule.phases.iter().any(|p| p.attack > 0);
    let (f, h) = (game.classifier.network().parameters(), game.attack.network.parameters());
    let s = replicas * game.classifier.network().statistics().map_or(0, |tensor| tensor.elements());
    let f = replicas * game.classifier_optimizer.state(f).elements();
    let h = if played { replicas * game.attack_optimizer.state(h).elements() } else { 0 };
    let found = [&state.classifier, &state.attack, &state.statistics].map(Vec::len);
    if (found, state.frozen.len()) == ([f, h, s], replicas) {
        return Ok(());
    }
    Err(Error::data("checkpoint")
        .expected(format!("{replicas} replicas of {f}, {h} and {s} numbers in all"))
        .found(format!("{} of {}, {} and {}", state.frozen.len(), found[0], found[1], found[2]))
        .advice("resume on the adapter that the run was begun on: another may group replicas otherwise"))
}

fn train_group(
    job: &Job,
    schedule: &Schedule,
    group: &mut Group,
    number: usize,
    found: Option<(usize, State)>,
    observer: &mut dyn Observer,
) -> Result<()> {
    let mut first = 0;
    if let Some((epochs, state)) = found {
        group.restore(state);
        first = epochs;
    }
    let epochs = schedule.epochs.len();
    let task = Task { run: job.directory.name(), group: number, phase: Phase::Training };
    for epoch in first..epochs {
        let total = schedule.runs(epoch);
        let mut progress = |done: usize| {
            let done = (epoch as f64 + done as f64 / total.max(1) as f64) / epochs as f64;
            observer.event(&Event::Progress { task: task.clone(), done });
        };
        let metrics = group.epoch(epoch, job.stop, &mut progress)?;
        // Metrics first: a line too many is dropped on resuming, one too few would be lost.
        job.directory.append_metrics(&metrics)?;
        checkpoint::save(job.directory, number, epoch + 1, group.state())?;
        for line in metrics.iter().filter(|m| m.frozen_at_step.is_some() && m.epoch == epoch + 1) {
            if let Some(step) = line.frozen_at_step.filter(|s| *s >= schedule.before(epoch).classifier) {
                observer.event(&Event::Warning(format!(
                    "replica {} (λ {:?}, seed {}, learning rate {:?}): the loss or a parameter was not finite \
                     at step {step}; it stays as it was after epoch {epoch}",
                    line.replica, line.settings.lambda, line.settings.seed, line.settings.learning_rate
                )));
            }
        }
        observer.event(&Event::Epoch { task: task.clone(), epochs, metrics });
    }
    Ok(())
}

/// The parameters of a group by name: `replica.0.classifier.layers.0.weight`, ….
fn model_tensors(group: &Group, game: &Game) -> Vec<NamedTensor> {
    let state = group.state();
    let replicas = group.members.len();
    let mut tensors = vec![];
    for (r, member) in group.members.iter().enumerate() {
        let part = |values: &[f32]| values[values.len() / replicas * r..][..values.len() / replicas].to_vec();
        let prefix = format!("replica.{}", member.number);
        for (network, name, values, statistics) in [
            (game.classifier.network(), "classifier", &state.classifier, &state.statistics[..]),
            (&game.attack.network, "attack", &state.attack, &[]),
        ] {
            if values.is_empty() {
                continue;
            }
            let named = network.tensors(&part(values), &part(statistics)).into_iter();
            tensors.extend(named.map(|(tensor, shape, data)| NamedTensor {
                name: format!("{prefix}.{name}.{tensor}"),
                shape,
                data,
            }));
        }
        if let Some(s) = &member.standardisation {
            for (name, data) in [("shift", &s.shift), ("scale", &s.scale)] {
                let name = format!("{prefix}.features.{name}");
                tensors.push(NamedTensor { name, shape: vec![data.len()], data: data.clone() });
            }
        }
    }
    tensors
}

/// What the model's file says of itself.
fn facts(dataset: &Dataset, replicas: &[Replica]) -> Facts {
    Facts {
        dataset: DatasetSummary {
            name: dataset.name.clone(),
            records: dataset.records(),
            features: Some(dataset.width()),
            classes: dataset.classes,
        },
        class_names: dataset.class_names.clone(),
        encoding: dataset.encoding.clone(),
        replicas: replicas.to_vec(),
    }
}

/// The classifiers' logits of members, reference and test records.
fn predict(job: &Job, group: &Group, game: &Game) -> Result<Vec<ReplicaPredictions>> {
    let records: Vec<Vec<u32>> = group
        .members
        .iter()
        .map(|m| [&m.split.members[..], &m.split.reference, &m.split.test].concat())
        .collect();
    let (resident, classifier) = group.parts();
    let logits = evaluate::logits(job.context, game, resident, classifier, &records, job.stop)?;
    let predictions = group.members.iter().zip(records).zip(logits);
    Ok(predictions
        .map(|((member, rows), logits)| {
            let sizes = [
                (MEMBER, member.split.members.len()),
                (REFERENCE, member.split.reference.len()),
                (TEST, member.split.test.len()),
            ];
            ReplicaPredictions {
                logits,
                classes: job.dataset.classes,
                labels: rows.iter().map(|&row| job.dataset.labels[row as usize]).collect(),
                membership: sizes.iter().flat_map(|&(code, n)| std::iter::repeat_n(code, n)).collect(),
                rows,
            }
        })
        .collect())
}
