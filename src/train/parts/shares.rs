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
    let own = |(run, replicas): Stretch| Some((runs[run].as_ref()?, replicas, &costs[run]));
    let share: Vec<(&PartedRun, Range<usize>, &Vec<f64>)> = share.into_iter().filter_map(own).collect();
    if share.is_empty() {
        observer.event(&Event::Note(format!("{named}: nothing to train")));
        return Ok(());
    }
    let names: Vec<String> = share.iter().map(|(run, replicas, _)| run.name(replicas)).collect();
    observer.event(&Event::Note(format!("{named}: {}", names.join(", "))));
    let works = share.iter().zip(&names).map(|((_, replicas, costs), name)| Work {
        task: Task { run: name.clone(), group: 0, phase: Phase::Training },
        cost: costs[replicas.clone()].iter().sum(),
    });
    observer.event(&Event::Planned(works.collect()));
    share.iter().try_for_each(|(run, replicas, _)| run.train(replicas, observer))
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
