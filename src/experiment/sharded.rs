//! A reproduction's runs in parts: which program trains which models of which run, and what each part takes; and
//! long runs in parts of one program, each finished and kept before the next begins.
//!
//! Not the tables, nor the audits of the runs: [`super::reproduce()`] without a shard makes them of the parts.

use super::request::{ReproductionJob, Setup};
use super::run::RunJob;
use super::runs::{Planned, Runs, UnbegunRun};
use super::tables::TableRun;
use super::wanted::Wanted;
use crate::error::Result;
use crate::run::event::{Event, Observer};
use crate::run::shard::Shard;
use crate::train::PartedRun;
use crate::train::parts::{PlannedPart, RunPart, plan_parts, train_each, train_parts};
use std::ops::Range;
use std::time::Duration;

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

/// Tells what is left takes, by the first steps of each run, and trains the runs that take longer than
/// [`ReproductionJob::longest`] in parts that do not.
///
/// # Errors
/// As [`train_shard`].
pub(super) fn train_long_runs(
    job: &ReproductionJob,
    runs: &Runs,
    wanted: &[(&Setup, &TableRun)],
    planned: &Planned,
    observer: &mut dyn Observer,
) -> Result<()> {
    let runs = runs.unbegun(wanted)?;
    let (parted, costs) = (parted(job, &runs), costs(job, &runs)?);
    let whole = plan_parts(&parted, &costs, 1)?;
    if whole.is_empty() {
        return Ok(());
    }
    let unfinished = parted.iter().zip(&costs).filter_map(|(run, costs)| Some((run.as_ref()?, costs)));
    let mut left = vec![];
    for ((run, costs), whole) in unfinished.zip(&whole) {
        let most = at_once(costs.len(), job.longest / whole.seconds);
        left.push(Left { run, costs, seconds: whole.seconds, ranges: run.left(most)? });
    }
    let training: f64 = left.iter().map(Left::seconds).sum();
    // The attacks in proportion: their work is known, the time of a unit of it is the training's.
    let all = training * planned.left_by_training();
    observer.event(&Event::Note(format!(
        "this takes about {}, by the first steps: {} of it are the training of {} models",
        about(all),
        about(training),
        left.iter().flat_map(|left| &left.ranges).map(Range::len).sum::<usize>()
    )));
    let mut parts = vec![];
    for Left { run, costs, seconds, ranges } in &left {
        let directory = run.job.directory;
        // What was begun in one piece is gone on with in one piece.
        let in_one = *seconds <= job.longest || directory.read_config().is_ok();
        if directory.parts()?.is_empty() && in_one {
            continue;
        }
        parts.extend(ranges.iter().map(|range| {
            let cost = costs[range.clone()].iter().sum();
            RunPart { run, replicas: range.clone(), cost }
        }));
    }
    if parts.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = parts.iter().map(|part| part.run.name(&part.replicas)).collect();
    observer.event(&Event::Note(format!("in parts, each kept before the next begins: {}", names.join(", "))));
    train_each(&parts, observer)
}

/// What is left of a run that is not finished.
struct Left<'a> {
    run: &'a PartedRun<'a>,
    /// Of every replica, and the seconds of them all.
    costs: &'a [f64],
    seconds: f64,
    /// The replicas that are in no trained part.
    ranges: Vec<Range<usize>>,
}

impl Left<'_> {
    /// Of their training.
    fn seconds(&self) -> f64 {
        let left: f64 = self.ranges.iter().flat_map(|range| &self.costs[range.clone()]).sum();
        self.seconds * left / self.costs.iter().sum::<f64>()
    }
}

/// Models of a part that takes this `share` of a run's time: a power of two, so that a run that is begun again and
/// measured anew has the same parts.
fn at_once(replicas: usize, share: f64) -> usize {
    let most = ((replicas as f64 * share) as usize).clamp(1, replicas);
    1 << most.ilog2()
}

/// To two digits or so: an estimate.
fn about(seconds: f64) -> String {
    let rounded = match seconds {
        s if s < 60.0 => s.ceil(),
        s => 60.0 * (s / 60.0).round(),
    };
    humantime::format_duration(Duration::from_secs(rounded as u64)).to_string()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_power_of_two_of_models_and_at_least_one() {
        assert_eq!(at_once(12, 0.5), 4);
        assert_eq!(at_once(12, 0.34), 4);
        assert_eq!(at_once(12, 0.01), 1);
        assert_eq!(at_once(3, 0.9), 2);
        assert_eq!(at_once(1, 0.1), 1);
    }

    #[test]
    fn an_estimate_has_few_digits() {
        assert_eq!(about(0.2), "1s");
        assert_eq!(about(59.2), "1m");
        assert_eq!(about(3599.0), "1h");
        assert_eq!(about(5500.0), "1h 32m");
    }
}
