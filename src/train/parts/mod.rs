//! A run whose replicas are trained in parts, each by a program of its own, on one machine or on many, and then
//! become the run that one program would have trained: replicas do not know of each other, so the bytes are the
//! same where the machines are alike.
//!
//! Not which replicas are whose ([`crate::run::shard`]), nor how they become one run (`merge`).
//!
//! A part is a directory of a run that has these replicas alone (`parts/FIRST-END` below the run's): with its own
//! lock, checkpoints and end. It is there whole once its predictions are.

mod merge;
mod shares;
mod within;

use super::run::{Job, Part, run};
use super::splits::splits;
use crate::dataset::Split;
use crate::error::{Error, Result};
use crate::run::RunDirectory;
use crate::run::config::{Config, TuningConfig};
use crate::run::directory::{PARTS, Program, TrainedPart};
use crate::run::event::{Event, Observer};
use std::borrow::Cow;
use std::ops::Range;
use within::Within;

pub use merge::mixed;
pub use shares::{PlannedPart, RunPart, plan_parts, train_each, train_parts};

/// A run that may be trained in parts.
#[derive(Debug)]
pub struct PartedRun<'a> {
    /// Of all replicas. Its directory need not be held, nor be there, for a part of it to be trained.
    pub job: Job<'a>,
    /// All replicas', where they are not what the configuration says.
    pub splits: Option<Vec<Split>>,
    /// Whether parts may have been trained on other data than these.
    pub accept_changed_data: bool,
}

/// How far a part is.
#[derive(Clone)]
enum Standing {
    /// Nothing is there that can be gone on with.
    New,
    /// This program goes on with it.
    Begun,
    /// By the program that it says.
    Trained(Program),
}

impl PartedRun<'_> {
    /// Trains these replicas into their own directory, or goes on with them; where they are trained, nothing is
    /// done.
    ///
    /// # Errors
    /// Another program trains them, or the directory has parts of another run; as [`run`].
    pub fn train(&self, replicas: &Range<usize>, observer: &mut dyn Observer) -> Result<()> {
        let whole = self.job.directory;
        let name = self.name(replicas);
        if whole.is_trained() && whole.read_config().is_ok_and(|config| self.is_of_this_run(&config)) {
            observer.event(&Event::Note(format!("{name}: the run is whole, in {}", whole.path().display())));
            return Ok(());
        }
        for (range, part) in whole.parts()? {
            let within = range.start <= replicas.start && range.end >= replicas.end;
            if within && let Standing::Trained(_) = self.standing(&part, &range)? {
                observer.event(&Event::Note(format!("{name}: already done, in {}", part.path().display())));
                return Ok(());
            }
        }
        let part = RunDirectory::create(whole.part(replicas).path(), true)?.held()?;
        let standing = self.standing(&part, replicas)?;
        self.finish(replicas, &part, &standing, observer)
    }

    /// The parts to train until the run is whole: what was begun, as it was begun, and between the parts that are
    /// there ones of at most `most` replicas.
    ///
    /// # Errors
    /// A part of another run; a damaged file.
    pub fn left(&self, most: usize) -> Result<Vec<Range<usize>>> {
        let there = |(range, part): (Range<usize>, RunDirectory)| {
            let trained = matches!(self.standing(&part, &range)?, Standing::Trained(_));
            Ok((range, trained))
        };
        let parts = self.job.directory.parts()?.into_iter().map(there).collect::<Result<Vec<_>>>()?;
        Ok(uncovered(&parts, self.job.config.replicas().len(), most))
    }

    /// Trains a part, which this program holds, to its end.
    fn finish(
        &self,
        replicas: &Range<usize>,
        part: &RunDirectory,
        standing: &Standing,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let name = self.name(replicas);
        match standing {
            Standing::Trained(_) => return Ok(()),
            Standing::Begun => {}
            Standing::New => {
                part.begin_part(&TrainedPart { replicas: replicas.clone(), program: self.this_program() })?;
            }
        }
        observer.event(&Event::Note(format!("{name}: trained in {}", part.path().display())));
        let splits = self.splits()?;
        let splits = &splits[replicas.clone()];
        let job = Job {
            directory: part,
            resume: matches!(standing, Standing::Begun),
            part: Some(Part { replicas: replicas.clone(), splits, name }),
            ..self.job.clone()
        };
        run(&job, observer).map(drop)
    }

    /// How far the part is.
    ///
    /// # Errors
    /// It is one of another run, or was begun with other data.
    fn standing(&self, part: &RunDirectory, replicas: &Range<usize>) -> Result<Standing> {
        let (Ok(config), Some(record)) = (part.read_config(), part.read_part()) else {
            return Ok(Standing::New);
        };
        let splits = self.splits()?;
        let same_records =
            || part.read_splits().map_or(true, |found| splits.get(replicas.clone()) == Some(&found));
        if !self.is_of_this_run(&config) || record.replicas != *replicas || !same_records() {
            return Err(Error::usage(part.path().display().to_string())
                .expected("a part of this run, with the settings of this command")
                .found("one with others")
                .advice(format!(
                    "type the settings that it was begun with, or remove {}",
                    self.job.directory.file(PARTS).display()
                )));
        }
        let changed = part.check_data(self.job.dataset, self.accept_changed_data)?;
        Ok(match part.is_trained() {
            // It says with which data it was trained; whoever accepts others knows.
            true => Standing::Trained(record.program),
            false if changed.is_none() && record.program == self.this_program() => Standing::Begun,
            // Half of it from another machine would be like neither.
            false => Standing::New,
        })
    }

    /// Whether a configuration is this run's, whatever it is trained on and wherever its splits are.
    fn is_of_this_run(&self, config: &Config) -> bool {
        let wanted = self.job.config.with_split_of(config).with_deviations_of(config);
        Config { tuning: config.tuning.clone(), ..wanted } == *config
    }

    fn this_program(&self) -> Program {
        Program::this(TuningConfig::of(self.job.context))
    }

    pub(super) fn splits(&self) -> Result<Cow<'_, [Split]>> {
        let Job { config, dataset, .. } = &self.job;
        match &self.splits {
            Some(splits) => Ok(Cow::Borrowed(splits)),
            None => splits(config, &config.replicas(), dataset.records()).map(Cow::Owned),
        }
    }

    /// What a part is called in events.
    pub fn name(&self, replicas: &Range<usize>) -> String {
        format!("{} {}", self.job.directory.name(), in_words(replicas))
    }
}

/// Which of `parts` gives which of the replicas from 0 to `all`, where they are (replicas, whether trained): of those
/// that reach furthest a trained one; of what was only begun, a part that begins there; `None`: a new part, of at most
/// `most` replicas.
fn cover(parts: &[(Range<usize>, bool)], all: usize, most: usize) -> Vec<(Range<usize>, Option<usize>)> {
    let mut cover = vec![];
    let mut next = 0;
    while next < all {
        let gives = |(_, (range, trained)): &(usize, &(Range<usize>, bool))| match trained {
            true => range.contains(&next),
            false => range.start == next,
        };
        let best = parts.iter().enumerate().filter(gives);
        let (end, part) = match best.max_by_key(|(_, (range, trained))| (*trained, range.end)) {
            Some((part, (range, _))) => (range.end, Some(part)),
            None => {
                let another = parts.iter().map(|(range, _)| range.start).filter(|start| *start > next).min();
                (next.saturating_add(most).min(another.unwrap_or(all)), None)
            }
        };
        cover.push((next..end, part));
        next = end;
    }
    cover
}

/// The same without what is trained.
fn uncovered(parts: &[(Range<usize>, bool)], all: usize, most: usize) -> Vec<Range<usize>> {
    let left = cover(parts, all, most).into_iter().filter(|(_, part)| part.is_none_or(|p| !parts[p].1));
    left.map(|(replicas, _)| replicas).collect()
}

/// The replicas' numbers, the last one too.
pub fn in_words(replicas: &Range<usize>) -> String {
    match replicas.len() {
        1 => replicas.start.to_string(),
        _ => format!("{}–{}", replicas.start, replicas.end - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shards of unlike length were all trained once more, in parts of the longest.
    #[test]
    fn nothing_that_is_trained_is_left() {
        let trained = |ranges: &[Range<usize>]| ranges.iter().map(|r| (r.clone(), true)).collect::<Vec<_>>();
        let shards = [0..2, 2..5, 5..7, 7..10, 10..12];
        assert_eq!(uncovered(&trained(&shards), 12, 3), []);
        assert_eq!(uncovered(&trained(&shards[1..4]), 12, 4), [0..2, 10..12]);
        assert_eq!(uncovered(&trained(&[0..3, 2..5]), 12, 3), [5..8, 8..11, 11..12]);
        assert_eq!(uncovered(&[], 3, 2), [0..2, 2..3]);
    }

    #[test]
    fn what_was_begun_is_gone_on_with_as_it_is() {
        let parts = [(0..2, true), (2..5, false), (8..9, true)];
        assert_eq!(uncovered(&parts, 12, 2), [2..5, 5..7, 7..8, 9..11, 11..12]);
    }
}
