//! A reproduction: every run of its tables found finished or carried out, then the tables made of their
//! summaries.

use super::measure;
use super::request::ReproductionJob;
use super::runs::Runs;
use super::sharded::train_long_runs;
use super::tables::TableRun;
use super::wanted::Wanted;
use crate::error::Result;
use crate::report::comparison::Comparison;
use crate::run::event::{Event, Observer};

/// Carries out every run that is not there yet, or goes on with the one that was interrupted, and makes the
/// tables.
///
/// # Errors
/// An unknown preset, data that cannot be read, settings out of their range, a directory with other
/// runs; those of [`carry_out`](super::run::carry_out). What was finished before is kept.
pub fn reproduce(job: &ReproductionJob, observer: &mut dyn Observer) -> Result<Vec<Comparison>> {
    let all = Wanted::new(job, observer)?;
    let runs = Runs::open(job.out)?;
    let wanted = all.runs();
    let planned = runs.plan(job, &wanted)?;
    train_long_runs(job, &runs, &wanted, &planned, observer)?;
    planned.tell(observer);
    for (number, (setup, run)) in wanted.iter().enumerate() {
        let part = run.part.as_ref().map_or(String::new(), |part| format!(" {part}"));
        let name = format!("{}{part} on {}", run.table.name(), run.config.name);
        observer.event(&Event::Note(format!("run {}/{}: {name}", number + 1, wanted.len())));
        runs.see_to(job, setup, run, observer)?;
    }
    let mut comparisons = vec![];
    for (setup, table_runs) in all.tables() {
        let summary = |run: &TableRun| runs.summary(&run.config);
        let done = table_runs.iter().map(|run| Ok((run, summary(run)?))).collect::<Result<Vec<_>>>()?;
        comparisons.extend(measure::comparison(setup, &done, job.request));
    }
    Ok(comparisons)
}
