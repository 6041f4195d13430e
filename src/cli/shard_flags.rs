//! The flags by which several programs share a job, and how its plan is shown.

use clap::Args;

use super::{Global, output};
use crate::error::Result;
use crate::report::table::{self, Side};
use crate::run::shard::{Shard, ShardChoice};
use crate::train::parts::PlannedPart;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Many machines")]
pub(super) struct ShardArgs {
    /// Train part I of N only (I from 0), for other programs to train the others: shadow models of an audit, models
    /// of tables.
    ///
    /// auto/N: the part is the task's number in SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX, AWS_BATCH_JOB_ARRAY_INDEX,
    /// PBS_ARRAY_INDEX or SGE_TASK_ID; auto1/N: where that counts from 1. The same command without --shard then
    /// takes the parts over, trains what is missing, and goes on. A part that was stopped is gone on with, one that
    /// is done is left alone.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<ShardChoice>,
    /// Print the parts (of N by --shard I/N) and what training each takes here, by its first steps; train nothing.
    #[arg(long)]
    plan: bool,
    /// Take over parts that were trained on another adapter, driver, tuned table or version; the result says so.
    #[arg(long)]
    pub(super) mixed: bool,
}

/// What is to be done of a job.
pub(super) enum Share {
    All,
    Part(Shard),
    /// Nothing, but to plan so many parts.
    Plan(usize),
}

fn shard(text: &str) -> std::result::Result<ShardChoice, String> {
    text.parse().map_err(|error: crate::error::Error| format!("expected {}", error.expected))
}

impl ShardArgs {
    /// # Errors
    /// No task's number where one is asked for.
    pub(super) fn share(&self) -> Result<Share> {
        match self.shard {
            shard if self.plan => Ok(Share::Plan(shard.map_or(1, |shard| shard.of()))),
            Some(shard) => shard.resolve(|name| std::env::var(name).ok()).map(Share::Part),
            None => Ok(Share::All),
        }
    }
}

/// The plan on standard output.
pub(super) fn show(parts: &[PlannedPart], of: usize, global: &Global) -> Result<()> {
    if global.json {
        return output::json(&parts);
    }
    let row = |part: &PlannedPart| {
        vec![
            format!("{}/{of}", part.shard),
            part.run.clone(),
            part.models(),
            part.group.to_string(),
            format!("{:.0} MB", part.bytes as f64 / 1e6),
            duration(part.seconds),
        ]
    };
    let rows: Vec<Vec<String>> = parts.iter().map(row).collect();
    let header = [
        ("shard", Side::Right),
        ("run", Side::Left),
        ("models", Side::Right),
        ("at once", Side::Right),
        ("memory", Side::Right),
        ("training", Side::Right),
    ];
    let mut shards = vec![0.0; of];
    parts.iter().for_each(|part| shards[part.shard] += part.seconds);
    let (all, longest) = (shards.iter().sum(), shards.iter().copied().fold(0.0, f64::max));
    output::result(&format!(
        "{}\n\nall: {}; the longest shard: {}, by the first steps on this machine. The attacks, once the parts are \
         there, are not in it.",
        table::text(&header, &rows, output::columns(table::UNBROKEN)),
        duration(all),
        duration(longest)
    ))
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.1} s"),
        s if s < 6000.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
