//! The parts of several runs that one job's programs share: what each of them trains, and what that takes.

use super::{PartedRun, in_words};
use crate::error::Result;
use crate::run::event::{Event, Observer, Phase, Task, Work};
use crate::run::shard::{Shard, Stretch, shares};
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;

/// A part of a run, and what its training takes on this adapter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedPart {
    /// The shard that trains it, from 0.
    pub shard: usize,
    /// The run, by its directory's name.
    pub run: String,
    /// Its replicas: the first, and the one after the last.
    pub replicas: [usize; 2],
    /// How many of them are trained at once.
    pub group: usize,
    /// Of training, by the first steps.
    pub seconds: f64,
    /// Of the adapter's memory.
    pub bytes: u64,
}

/// Replicas of a run that are trained together, and kept.
#[derive(Debug)]
pub struct RunPart<'a> {
    /// Which run.
    pub run: &'a PartedRun<'a>,
    /// Their numbers in it.
    pub replicas: Range<usize>,
    /// Of their training ([`Work::cost`]).
    pub cost: f64,
}

/// Trains these parts, one after another.
///
/// # Errors
/// As [`PartedRun::train`].
pub fn train_each(parts: &[RunPart], observer: &mut dyn Observer) -> Result<()> {
    let works = parts.iter().map(|part| Work {
        task: Task { run: part.run.name(&part.replicas), group: 0, phase: Phase::Training },
        cost: part.cost,
    });
    observer.event(&Event::Planned(works.collect()));
    parts.iter().try_for_each(|part| part.run.train(&part.replicas, observer))
}

/// Trains what `shard` has of these runs, `None` of which are done, and whose replicas cost so much.
///
/// # Errors
/// As [`PartedRun::train`].
pub fn train_parts(
    runs: &[Option<PartedRun>],
    costs: &[Vec<f64>],
    shard: Shard,
    observer: &mut dyn Observer,
) -> Result<()> {
    let share = shares(costs, shard.of).swap_remove(shard.index);
    let named = format!("shard {}/{}", shard.index, shard.of);
    let own = |(number, replicas): Stretch| {
        let (run, cost) = (runs[number].as_ref()?, costs[number][replicas.clone()].iter().sum());
        Some(RunPart { run, replicas, cost })
    };
    let share: Vec<RunPart> = share.into_iter().filter_map(own).collect();
    if share.is_empty() {
        observer.event(&Event::Note(format!("{named}: nothing to train")));
        return Ok(());
    }
    let names: Vec<String> = share.iter().map(|part| part.run.name(&part.replicas)).collect();
    observer.event(&Event::Note(format!("{named}: {}", names.join(", "))));
    train_each(&share, observer)
}

/// What each of `of` shards has of these runs, `None` of which are done, and what it takes: measured once for parts of one size.
///
/// # Errors
/// As [`PartedRun::measure`].
pub fn plan_parts(runs: &[Option<PartedRun>], costs: &[Vec<f64>], of: usize) -> Result<Vec<PlannedPart>> {
    let mut measured = BTreeMap::new();
    let mut parts = vec![];
    for (shard, share) in shares(costs, of).into_iter().enumerate() {
        for (run, replicas) in share {
            let Some(parted) = &runs[run] else { continue };
            let cost = match measured.entry((run, replicas.len())) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(unknown) => *unknown.insert(parted.measure(&replicas)?),
            };
            parts.push(PlannedPart {
                shard,
                run: parted.job.directory.name(),
                replicas: [replicas.start, replicas.end],
                group: cost.group,
                seconds: cost.seconds,
                bytes: cost.bytes,
            });
        }
    }
    Ok(parts)
}

impl PlannedPart {
    /// Its replicas in words.
    pub fn models(&self) -> String {
        in_words(&(self.replicas[0]..self.replicas[1]))
    }
}
