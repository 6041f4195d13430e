//! The evidence in a finished run's directory, and the audit of it into `summary.json`, `details.json` and
//! `scores.npz`.
//!
//! Not the audit itself ([`super::carry_out`]).

use super::attacks::as_published;
use super::carry_out::carry_out;
use super::evidence::{AttackedRecords, AuditCase, AuditedModel, BlindBy, Evidence, Queries, measured};
use super::job::AuditJob;
use super::logistic;
use super::results::summary::Summary;
use super::shadows::trained::{self, ShadowRun, TargetReplica};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::run::config::Replica;
use crate::run::event::{EpochMetrics, Event, Observer, Score};
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use crate::statistics::halves::LEAST_RECORDS;
use crate::train::parts::mixed;
use crate::train::privacy;
use std::collections::BTreeSet;
use std::time::Instant;

/// Attacks the models of the job's directory and writes what came of it there.
///
/// # Errors
/// A run without predictions, too few records for an audit, a lost device;
/// [`Kind::Interrupted`](crate::error::Kind::Interrupted) once `stop` is set.
pub fn run(job: &AuditJob, observer: &mut dyn Observer) -> Result<Summary> {
    let AuditJob { config, directory, .. } = *job;
    let started = Instant::now();
    let attacked = Attacked::read(job)?;
    let about = directory.read_data()?;
    let metrics = directory.read_metrics()?;
    let with_reference = attacked.has_enough(REFERENCE);
    let logistic = if config.audit.logistic { logistic::right_records(job, observer)? } else { vec![] };
    let mut logistic = logistic.into_iter();
    let mut models = vec![];
    for replica in attacked.replicas() {
        let mut model = model(job, replica, with_reference, &metrics, observer)?;
        model.logistic = logistic.next();
        models.push(model);
    }
    let notes: Vec<String> = mixed(directory)?.into_iter().collect();
    notes.iter().for_each(|text| observer.event(&Event::Warning(text.clone())));
    let case = AuditCase {
        name: directory.name(),
        models,
        class_names: &about.class_names,
        dataset: about.dataset.clone(),
        notes,
        seconds: training_seconds(&metrics) + started.elapsed().as_secs_f64(),
    };
    let mut audit = carry_out(&case, &config.audit, job.stop, observer)?;
    if config.audit.as_published && with_reference {
        let (mut done, total) = (0, as_published::EPOCHS * case.models.len());
        let mut tell = |done: usize| {
            observer.event(&Event::attack(&case.name, as_published::TASK, done, total));
        };
        tell(0);
        for (model, replica) in case.models.iter().zip(&mut audit.summary.replicas) {
            let Some(on_reference) = &model.on_reference else { continue };
            let mut epoch_done = || {
                done += 1;
                tell(done);
            };
            let found =
                as_published::accuracy(config, &model.on_members, on_reference, job.stop, &mut epoch_done)?;
            replica.neural_as_published = Some(found);
        }
    }
    audit.write(directory)?;
    Ok(audit.summary)
}

/// The finished run that is attacked.
struct Attacked {
    predictions: Vec<ReplicaPredictions>,
    settings: Vec<Replica>,
}

impl Attacked {
    fn read(job: &AuditJob) -> Result<Self> {
        let AuditJob { config, directory, .. } = *job;
        let predictions = directory.read_predictions()?;
        let settings = config.replicas();
        if predictions.len() != settings.len() {
            return Err(Error::data(directory.path().display().to_string())
                .expected(format!("predictions of {} replicas, as run.toml says", settings.len()))
                .found(predictions.len().to_string())
                .advice("the directory's files do not belong together: train anew"));
        }
        let attacked = Attacked { predictions, settings };
        if !(attacked.has_enough(MEMBER) && attacked.has_enough(TEST)) {
            return Err(Error::data("audit")
                .expected("at least 4 members and 4 test records")
                .found("fewer")
                .advice("keep more records for testing (--test)"));
        }
        Ok(attacked)
    }

    fn has_enough(&self, code: u8) -> bool {
        self.predictions.iter().all(|p| p.rows_of(code).len() >= LEAST_RECORDS)
    }

    fn replicas(&self) -> impl Iterator<Item = TargetReplica<'_>> {
        let of = self.settings.iter().zip(&self.predictions).enumerate();
        of.map(|(number, (&settings, predictions))| TargetReplica { number, settings, predictions })
    }
}

/// The shadow models of each replica, as runs that may be trained in parts.
///
/// # Errors
/// As [`run`].
pub fn shadow_runs(job: &AuditJob) -> Result<Vec<ShadowRun>> {
    let attacked = Attacked::read(job)?;
    let of = |replica: TargetReplica| {
        let evidence = evidence(job, replica, AttackedRecords::Members)?;
        ShadowRun::new(job, replica, &evidence.halves)
    };
    attacked.replicas().map(of).collect()
}

/// That validation records have chosen the epoch of replica `number`, where they have.
fn chosen_epoch(metrics: &[EpochMetrics], number: usize) -> Option<String> {
    let kept = kept_epoch(metrics, number)?;
    Some(format!(
        "its epoch, {}, was chosen by validation records ({:.3} of them right), which are in no attack",
        kept.epoch, kept.accuracy
    ))
}

/// The epoch that the validation records have chosen; `None` where none were asked: the last is kept.
fn kept_epoch(metrics: &[EpochMetrics], number: usize) -> Option<Score> {
    let scores = metrics.iter().filter(|m| m.replica == number).filter_map(EpochMetrics::score);
    scores.reduce(|best, score| if score.beats(&best) { score } else { best })
}

/// What is known of the epoch that replica `number` was kept of.
fn kept_metrics(metrics: &[EpochMetrics], number: usize) -> Option<&EpochMetrics> {
    let kept = kept_epoch(metrics, number).map(|score| score.epoch);
    metrics.iter().rfind(|m| m.replica == number && kept.is_none_or(|epoch| m.epoch == epoch))
}

/// The outputs of a replica, and what an attacker knows of its records.
fn evidence<'a>(
    job: &AuditJob<'a>,
    replica: TargetReplica<'a>,
    target: AttackedRecords,
) -> Result<Evidence<'a>> {
    let evidence = Evidence::new(replica.predictions, target, replica.settings.seed, Ok(job.context))?;
    let Some(persons) = job.persons else { return Ok(evidence) };
    let persons = persons.of(evidence.rows.iter().copied());
    evidence.by_person(persons)
}

/// What is known of a replica; its shadow models are trained, if they are asked for.
fn model<'a>(
    job: &'a AuditJob<'a>,
    replica: TargetReplica<'a>,
    with_reference: bool,
    metrics: &[EpochMetrics],
    observer: &mut dyn Observer,
) -> Result<AuditedModel<'a>> {
    let TargetReplica { number, settings, predictions } = replica;
    let mut on_members = evidence(job, replica, AttackedRecords::Members)?;
    on_members.queries = match job.config.audit.label_only {
        true => Ok(Queries { job, dataset: data(job)?, number }),
        false => Err("audit.label_only, --label-only, is not set".to_owned()),
    };
    let mut elsewhere = None;
    on_members.shadows = if job.config.audit.shadows > 0 {
        let (shadows, its) = trained::train(job, data(job)?, replica, &on_members.halves, observer)?;
        its.iter().for_each(|text| observer.event(&Event::Warning(text.clone())));
        elsewhere = its;
        Ok(shadows)
    } else {
        Err("audit.shadows, --shadows, is 0".to_owned())
    };
    let mut measured = measured(Some(settings), predictions);
    let kept = kept_metrics(metrics, number);
    measured.collapsed = kept.and_then(|m| m.collapsed).unwrap_or(false);
    measured.adversary = kept.and_then(|m| m.adversary);
    let last = metrics.iter().rfind(|m| m.replica == number);
    measured.frozen_at_step = last.and_then(|m| m.frozen_at_step);
    let [members, others] = on_members.split(&on_members.rows);
    let subgroups = job.subgroups.map(|groups| groups.grouping(members, others));
    Ok(AuditedModel {
        measured,
        on_reference: with_reference
            .then(|| evidence(job, replica, AttackedRecords::Reference))
            .transpose()?,
        blind: job.dataset.map_or(BlindBy::Nothing, BlindBy::Features),
        subgroups,
        notes: [privacy::statement(job.config, &settings), chosen_epoch(metrics, number), elsewhere]
            .into_iter()
            .flatten()
            .map(|text| format!("replica {number}: {text}"))
            .collect(),
        logistic: None,
        on_members,
    })
}

/// The run's data.
///
/// # Errors
/// They are not given.
pub(super) fn data<'a>(job: &AuditJob<'a>) -> Result<&'a Dataset> {
    job.dataset.ok_or_else(|| {
        Error::data("audit").expected("the run's data, to ask or train models anew").found("none")
    })
}

/// Replicas of a group share their epochs' seconds: each epoch of a group counts once.
fn training_seconds(metrics: &[EpochMetrics]) -> f64 {
    let epochs: BTreeSet<(usize, u64)> = metrics.iter().map(|m| (m.epoch, m.seconds.to_bits())).collect();
    epochs.into_iter().map(|(_, seconds)| f64::from_bits(seconds)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An early model was judged by the last epoch's attack network.
    #[test]
    fn what_is_told_of_a_replica_is_of_the_epoch_that_was_kept() {
        let epoch = |epoch, validation_accuracy| EpochMetrics {
            epoch,
            replica: 1,
            validation_accuracy,
            ..EpochMetrics::default()
        };
        let chosen = [epoch(1, Some(0.5)), epoch(2, Some(0.7)), epoch(3, Some(0.6))];
        assert_eq!(kept_metrics(&chosen, 1).map(|m| m.epoch), Some(2));
        let unasked = [epoch(1, None), epoch(2, None)];
        assert_eq!(kept_metrics(&unasked, 1).map(|m| m.epoch), Some(2), "the last");
        assert_eq!(kept_metrics(&unasked, 0), None);
    }
}
