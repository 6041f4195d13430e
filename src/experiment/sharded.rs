//! A reproduction's runs in parts: which program trains which models of which run, and what each part takes.
//!
//! Not the tables, nor the audits of the runs: [`super::reproduce()`] without a shard makes them of the parts.

use super::reproduce::Wanted;
use super::request::ReproductionJob;
use super::run::RunJob;
use super::runs::{Runs, UnbegunRun};
use crate::error::Result;
use crate::run::event::{Event, Observer};
use crate::run::shard::Shard;
use crate::train::PartedRun;
use crate::train::parts::{PlannedPart, plan_parts, train_parts};

/// Trains what `shard` has of the tables' runs.
///
/// # Errors
/// As [`super::reproduce()`] and [`PartedRun::train`].
pub fn train_shard(job: &ReproductionJob, shard: Shard, observer: &mut dyn Observer) -> Result<()> {
    let wanted = Wanted::new(job, observer)?;
    let runs = Runs::open(job.out)?.unbegun(&wanted.runs())?;
    for run in runs.iter().filter(|run| run.finished) {
        let name = run.directory.name();
        observer.event(&Event::Note(format!("{name}: already done, none of it is trained")));
    }
    train_parts(&parted(job, &runs), &costs(job, &runs)?, shard, observer)
}

/// What `of` shards would train, and what each part of it takes here.
///
/// # Errors
/// As [`train_shard`].
pub fn plan_shards(
    job: &ReproductionJob,
    of: usize,
    observer: &mut dyn Observer,
) -> Result<Vec<PlannedPart>> {
    let wanted = Wanted::new(job, observer)?;
    let runs = Runs::open(job.out)?.unbegun(&wanted.runs())?;
    plan_parts(&parted(job, &runs), &costs(job, &runs)?, of)
}

fn run_job<'a>(job: &ReproductionJob<'a>, run: &'a UnbegunRun) -> RunJob<'a> {
    let UnbegunRun { setup, run, directory, .. } = run;
    let ReproductionJob { context, mixed, stop, .. } = *job;
    RunJob { config: &run.config, dataset: &setup.dataset, context, directory, resume: false, mixed, stop }
}

fn parted<'a>(job: &ReproductionJob<'a>, runs: &'a [UnbegunRun]) -> Vec<Option<PartedRun<'a>>> {
    runs.iter().map(|run| (!run.finished).then(|| run_job(job, run).parted())).collect()
}

/// Of every replica of each run, of finished ones too: shares stay what they were before.
fn costs(job: &ReproductionJob, runs: &[UnbegunRun]) -> Result<Vec<Vec<f64>>> {
    runs.iter().map(|run| run_job(job, run).training_costs()).collect()
}
