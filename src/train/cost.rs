//! What a part of a run will take, measured on its first steps: seconds and memory. Nothing is kept of it.
//!
//! Not how a job's parts compare, which is known without a GPU ([`mod@super::work`]).

use super::cohort::Cohort;
use super::model::Model;
use super::parts::PartedRun;
use super::recipe::Recipe;
use super::round::Block;
use super::run::{Job, cohort_size};
use super::schedule::Schedule;
use crate::error::{Kind, Result};
use crate::nn::RecordShape;
use std::ops::Range;

/// Runs of a round by which its time is measured, after two that are not.
const RUNS: usize = 3;

/// What some replicas of a run take on this adapter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PartCost {
    /// Of training.
    pub seconds: f64,
    /// Of the adapter's memory.
    pub bytes: u64,
    /// Replicas that are trained at once.
    pub group: usize,
}

impl PartedRun<'_> {
    /// Times the first steps of these replicas.
    ///
    /// # Errors
    /// As [`super::run`].
    pub fn measure(&self, replicas: &Range<usize>) -> Result<PartCost> {
        let Job { config, dataset, context, .. } = self.job;
        let splits = self.splits()?;
        let all = config.replicas();
        let models: Vec<Model> = replicas
            .clone()
            .map(|number| Model::new(number, all[number], splits[number].clone(), dataset))
            .collect::<Result<_>>()?;
        let reference: Vec<usize> = splits.iter().map(|split| split.reference.len()).collect();
        let schedule = Schedule::from_config(config, splits[0].members.len(), &reference)?;
        let recipe = Recipe::from_config(config, RecordShape::of(dataset, config.data.pad), dataset.classes)?;
        let mut group = cohort_size(context, &recipe, &schedule, dataset, models.len())?;
        loop {
            match self.measure_group(&recipe, &schedule, models[..group].to_vec()) {
                Err(error) if error.kind == Kind::Memory && group > 1 => group = group.div_ceil(2),
                Err(error) => return Err(error),
                Ok((seconds, bytes)) => {
                    let seconds = seconds * models.len() as f64 / group as f64;
                    return Ok(PartCost { seconds, bytes, group });
                }
            }
        }
    }

    /// Seconds of all epochs of a group, and the memory that it takes.
    fn measure_group(&self, recipe: &Recipe, schedule: &Schedule, models: Vec<Model>) -> Result<(f64, u64)> {
        let Job { config, dataset, context, stop, .. } = self.job;
        // Of each round an epoch whose kernels are compiled, one of a run, and one of a few more.
        let epochs = |round: usize| [1, 1, 1 + RUNS].map(|runs| vec![Block::on(round, runs)]);
        let short = Schedule {
            rounds: schedule.rounds.clone(),
            epochs: (0..schedule.rounds.len()).flat_map(epochs).collect(),
        };
        let before = context.bytes_in_use();
        let mut cohort = Cohort::new(context, config, recipe, &short, dataset, models)?;
        let bytes = context.bytes_in_use() - before;
        let mut seconds = vec![];
        for epoch in 0..short.epochs.len() {
            let metrics = cohort.epoch(epoch, stop, &mut |_| {})?;
            seconds.push(metrics.first().map_or(0.0, |line| line.seconds));
        }
        // Seconds of a run, and of what follows an epoch's last one.
        let measured = |round: usize| {
            let [_, one, more] = [0, 1, 2].map(|i| seconds[3 * round + i]);
            let run = ((more - one) / RUNS as f64).max(0.0);
            (run, (one - run).max(0.0))
        };
        let rounds: Vec<(f64, f64)> = (0..schedule.rounds.len()).map(measured).collect();
        let after = rounds.iter().map(|(_, after)| *after).fold(f64::INFINITY, f64::min);
        let runs = schedule.epochs.iter().flatten().map(|block| block.runs as f64 * rounds[block.round].0);
        Ok((runs.sum::<f64>() + after * schedule.epochs.len() as f64, bytes))
    }
}
