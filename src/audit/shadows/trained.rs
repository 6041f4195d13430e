//! Shadow models that we train, as the target was, its defense and its D′ included: the attacker knows how
//! the model was made (adaptive shadows).
//!
//! Not which records each is trained on (`pool`). They are a run like any other, in `shadows-R`
//! below the target's, and are trained once; in parts, where several programs share them.

use super::pool::{Pool, splits};
use super::{OutputRows, ShadowModel, ShadowModels, Shadows, TargetModel, WithoutScore};
use crate::audit::attacks::scores::{self, Predictions};
use crate::audit::job::AuditJob;
use crate::dataset::{Dataset, Split, save_splits};
use crate::error::{Error, Result};
use crate::random::{Stream, stream};
use crate::run::RunDirectory;
use crate::run::config::{Config, Replica, Stop, Sweep, TuningConfig};
use crate::run::directory::SPLIT;
use crate::run::event::{Event, Observer};
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use crate::statistics::halves::Halves;
use crate::train;
use crate::train::parts::{PartedRun, mixed};
use rand::Rng;
use std::collections::HashMap;
use std::path::PathBuf;

/// The directory of the shadow models of replica `number`, below the run's.
pub fn directory_name(number: usize) -> String {
    format!("shadows-{number}")
}

/// A replica whose shadow models are asked for.
#[derive(Debug, Clone, Copy)]
pub struct TargetReplica<'a> {
    /// Its number in the run.
    pub number: usize,
    /// Its settings, which its shadow models take over.
    pub settings: Replica,
    /// Its outputs on the records, with their labels and membership.
    pub predictions: &'a ReplicaPredictions,
}

/// The shadow models of a replica, as a run that may be trained in parts.
#[derive(Debug)]
pub struct ShadowRun {
    pool: Pool,
    config: Config,
    splits: Vec<Split>,
    directory: RunDirectory,
    /// Where the configuration says that the splits are.
    split_file: PathBuf,
}

impl ShadowRun {
    /// `halves` is what the attacker knows of the members and test records. Nothing is written.
    ///
    /// # Errors
    /// A run without the split that chose its epoch.
    pub fn new(job: &AuditJob, replica: TargetReplica, halves: &Halves<u32>) -> Result<Self> {
        let TargetReplica { number, settings, predictions } = replica;
        let (members, test) = (predictions.rows_of(MEMBER), predictions.rows_of(TEST));
        let reference = predictions.rows_of(REFERENCE);
        let defended = settings.lambda > 0.0 || settings.reference_weight > 0.0;
        // Nobody was trained on D′ where there is no defense.
        let others: &[u32] = if defended { &[] } else { &reference };
        let pool = Pool::new(&members, &test, others, halves, settings.seed);
        let models = job.config.audit.shadows;
        let split_file = job.directory.file(&format!("{}-split.npz", directory_name(number)));
        let reference = if defended { reference } else { vec![] };
        // The epoch of a shadow model is chosen as its target's was.
        let validation = match job.config.train.stop {
            Stop::Validation => {
                let split = job.directory.read_splits()?.into_iter().nth(number);
                split
                    .ok_or_else(|| Error::data(SPLIT).expected(format!("a split of replica {number}")))?
                    .validation
            }
            Stop::Epochs => vec![],
        };
        let splits = splits(&pool, [&reference, &validation], models, settings.seed);
        let seeds = seeds(models, settings.seed);
        let mut config = shadow_config(job.config, settings, seeds, &split_file.display().to_string());
        // As it stands in the shadow run's configuration, which is compared with this one.
        config.tuning = TuningConfig::of(job.context);
        let directory = RunDirectory::at(&job.directory.file(&directory_name(number)));
        Ok(ShadowRun { pool, config, splits, directory, split_file })
    }

    /// N, the number of shadow models.
    pub fn models(&self) -> usize {
        self.splits.len()
    }

    /// The run, in `directory`; `resume`: it goes on with what is there.
    fn parted<'a>(
        &'a self,
        job: &AuditJob<'a>,
        dataset: &'a Dataset,
        directory: &'a RunDirectory,
        resume: bool,
    ) -> PartedRun<'a> {
        let AuditJob { context, stop, accept_changed_data, .. } = *job;
        let training =
            train::Job { config: &self.config, dataset, context, directory, resume, stop, part: None };
        PartedRun { job: training, splits: Some(self.splits.clone()), accept_changed_data }
    }

    /// The run, for a part of it to be trained.
    pub fn to_be_parted<'a>(&'a self, job: &AuditJob<'a>, dataset: &'a Dataset) -> PartedRun<'a> {
        self.parted(job, dataset, &self.directory, false)
    }

    /// Trains what is missing of it.
    ///
    /// # Errors
    /// Models that were trained on another adapter, unless they may be mixed; as [`PartedRun::complete`].
    fn complete(
        &self,
        job: &AuditJob,
        dataset: &Dataset,
        observer: &mut dyn Observer,
    ) -> Result<(RunDirectory, Option<String>)> {
        let path = self.directory.path();
        let found = RunDirectory::open(path).ok().filter(|found| {
            found.read_config().is_ok_and(|config| self.is_of_these(config, found.is_trained()))
        });
        let (directory, found) = match found {
            Some(found) => (found.held()?, true),
            None => (RunDirectory::create(path, true)?.held()?, false),
        };
        if found {
            let changed = directory.check_data(dataset, job.accept_changed_data).map_err(|error| {
                error.also(format!("or remove {}, and the shadow models are trained anew", path.display()))
            })?;
            changed.into_iter().for_each(|changed| observer.event(&Event::Warning(changed)));
        } else {
            save_splits(&self.split_file, &self.splits)?;
        }
        let name = directory.name();
        if found && directory.is_trained() && directory.read_splits().is_ok_and(|s| s == self.splits) {
            let tuning = directory.read_config()?.tuning;
            let same = tuning == self.config.tuning;
            if !same && !job.mixed {
                return Err(Error::usage(path.display().to_string())
                    .expected(format!(
                        "shadow models that were trained on this adapter ({}) with its tuned table",
                        self.config.tuning.adapter
                    ))
                    .found(format!("those of {}", tuning.adapter))
                    .advice(
                        "use them as they are with --mixed, which the result then says, or remove the directory, \
                         and they are trained anew",
                    ));
            }
            observer.event(&Event::Note(format!("shadow models: {}", path.display())));
            // Left by a merge that was killed at its end.
            directory.remove_parts()?;
            let elsewhere =
                (!same).then(|| format!("{name}: trained on another machine: {}", tuning.adapter));
            return Ok((directory, elsewhere));
        }
        observer.event(&Event::Note(format!(
            "{} shadow models, {name}, in {}",
            self.splits.len(),
            path.display()
        )));
        let begun = found && directory.read_config().is_ok();
        let resume = begun && !directory.is_trained();
        self.parted(job, dataset, &directory, resume).complete(job.mixed, observer)?;
        Ok((directory, None))
    }

    /// Whether a run of this configuration is this one, wherever its splits are; one that is `trained`, also on
    /// another adapter.
    fn is_of_these(&self, config: Config, trained: bool) -> bool {
        let mut wanted = self.config.with_split_of(&config).with_deviations_of(&config);
        if trained {
            wanted.tuning.clone_from(&config.tuning);
        }
        wanted == config
    }
}

/// Trains the shadow models of a replica, unless they are there, and goes through them. `halves` is what the
/// attacker knows of the members and test records. Also says where they were not trained as this program
/// would.
///
/// # Errors
/// As [`PartedRun::complete`] and [`ShadowModels::each`].
pub fn train<'a>(
    job: &AuditJob,
    dataset: &Dataset,
    replica: TargetReplica<'a>,
    halves: &Halves<u32>,
    observer: &mut dyn Observer,
) -> Result<(Shadows<'a>, Option<String>)> {
    let run = ShadowRun::new(job, replica, halves)?;
    let (directory, elsewhere) = run.complete(job, dataset, observer)?;
    let mixed = elsewhere.or(mixed(&directory)?);
    let predictions = replica.predictions;
    let target = target(&run.pool, predictions, predictions.rows_of(TEST).len())?;
    let (rows, models) = (run.pool.rows, run.splits.len());
    Ok((Shadows::new(Box::new(TrainedShadows { rows, directory, models }), target)?, mixed))
}

/// The target's own outputs on the pool's rows.
fn target<'a>(pool: &Pool, predictions: &'a ReplicaPredictions, test: usize) -> Result<TargetModel<'a>> {
    let places: HashMap<u32, usize> = predictions.rows.iter().copied().zip(0..).collect();
    let rows: Vec<usize> = pool.rows.iter().map(|row| places[row]).collect();
    let phi = confidences(predictions)?;
    Ok(TargetModel {
        phi: rows.iter().map(|&row| phi[row]).collect(),
        copies: 1,
        labels: rows.iter().map(|&row| predictions.labels[row]).collect(),
        outputs: Some(OutputRows { logits: &predictions.logits, classes: predictions.classes, rows }),
        places: pool.places(test),
        pooled: pool.pooled,
        population: pool.population(),
        without_score: WithoutScore::Fails,
    })
}

/// The replicas of a shadow run, as [`ShadowModels`].
#[derive(Debug)]
struct TrainedShadows {
    /// \[P\]: the pool's rows.
    rows: Vec<u32>,
    directory: RunDirectory,
    models: usize,
}

impl ShadowModels for TrainedShadows {
    fn models(&self) -> usize {
        self.models
    }

    fn each(&self, visit: &mut dyn FnMut(&ShadowModel) -> Result<()>) -> Result<()> {
        for model in 0..self.models {
            let predictions = self.directory.read_replica(model)?;
            let places: HashMap<u32, usize> = predictions.rows.iter().copied().zip(0..).collect();
            let place = |row: &u32| {
                places.get(row).copied().ok_or_else(|| {
                    Error::data(self.directory.path().display().to_string())
                        .expected(format!("predictions of record {row}"))
                        .found("none")
                        .advice("remove this directory: the shadow models are then trained anew")
                })
            };
            let rows = self.rows.iter().map(place).collect::<Result<Vec<usize>>>()?;
            let all = confidences(&predictions)?;
            let phi: Vec<f64> = rows.iter().map(|&row| all[row]).collect();
            let trained_on: Vec<bool> =
                rows.iter().map(|&row| predictions.membership[row] == MEMBER).collect();
            let outputs = OutputRows { logits: &predictions.logits, classes: predictions.classes, rows };
            visit(&ShadowModel { trained_on: &trained_on, phi: &phi, outputs: Some(outputs) })?;
        }
        Ok(())
    }
}

/// φ of every record.
fn confidences(predictions: &ReplicaPredictions) -> Result<Vec<f64>> {
    let ReplicaPredictions { logits, classes, labels, .. } = predictions;
    Ok(scores::confidence(&Predictions::from_logits(logits, *classes, labels)?))
}

/// A seed for each shadow model, none of them the target's.
fn seeds(models: usize, seed: u64) -> Vec<u64> {
    let mut rng = stream(seed, Stream::Shadows);
    (0..models).map(|_| rng.next_u64() >> 1).collect()
}

/// The target's configuration with other seeds and records, without an audit of its own.
fn shadow_config(config: &Config, settings: Replica, seeds: Vec<u64>, split: &str) -> Config {
    let mut config = config.of_replica(&settings);
    config.name = format!("{}-shadows", config.name);
    config.data.split = split.to_owned();
    config.train.seed = Sweep::many(seeds);
    config.audit.shadows = 0;
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_and_are_those_of_the_target() {
        let all = seeds(64, 3);
        assert_eq!(all[..16], seeds(16, 3));
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert!(unique.len() == 64 && all.iter().all(|s| *s < 1 << 63));
        assert_ne!(all, seeds(64, 4));
    }
}
