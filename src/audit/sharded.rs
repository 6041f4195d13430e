//! An audit's shadow models, in parts: which program trains which of them, and what each part takes.
//!
//! Not the audit, which takes them as they are once they are there ([`super::own_run`]).

use super::job::AuditJob;
use super::own_run::{data, shadow_runs};
use super::shadows::trained::ShadowRun;
use crate::error::Result;
use crate::run::event::Observer;
use crate::run::shard::Shard;
use crate::train::parts::{PlannedPart, plan_parts, train_parts};

/// Trains the shadow models of `shard`; the run need not be held. `training`: what the training of a model like each
/// replica costs ([`PlannedTraining::alone`](crate::train::PlannedTraining)).
///
/// # Errors
/// As [`super::run`] and [`PartedRun::train`](crate::train::PartedRun::train).
pub fn train_shard(
    job: &AuditJob,
    training: &[f64],
    shard: Shard,
    observer: &mut dyn Observer,
) -> Result<()> {
    let runs = shadow_runs(job)?;
    let dataset = data(job)?;
    let parted: Vec<_> = runs.iter().map(|run| Some(run.to_be_parted(job, dataset))).collect();
    train_parts(&parted, &costs(&runs, training), shard, observer)
}

/// What `of` shards would train, and what each part of it takes here.
///
/// # Errors
/// As [`train_shard`].
pub fn plan_shards(job: &AuditJob, training: &[f64], of: usize) -> Result<Vec<PlannedPart>> {
    let runs = shadow_runs(job)?;
    let dataset = data(job)?;
    let parted: Vec<_> = runs.iter().map(|run| Some(run.to_be_parted(job, dataset))).collect();
    plan_parts(&parted, &costs(&runs, training), of)
}

/// A shadow model costs as much as any other of its replica.
fn costs(runs: &[ShadowRun], training: &[f64]) -> Vec<Vec<f64>> {
    runs.iter().zip(training).map(|(run, cost)| vec![*cost; run.models()]).collect()
}
