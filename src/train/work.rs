//! How much work a training will be, told before it begins.
//!
//! Only ratios count, between the tasks of a job: a pass of a record through a network is 2 for each
//! multiply-add, a step of training 6.

use super::recipe::Recipe;
use super::referee::Referee;
use super::run::{Job, cohort_size};
use super::schedule::{Block, Round, Schedule};
use super::splits::{begun_splits, splits};
use crate::error::Result;
use crate::graph::{Graph, Kind, NodeId, Tensor};
use crate::nn::{Mode, Network, Parameters, RecordShape};
use crate::run::config::{Config, Stop};
use crate::run::event::{Phase, Task, Work};

/// A training that has not begun.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedTraining {
    /// A task a group of replicas.
    pub work: Vec<Work>,
    /// |D|, |D′| and test records of the first replica.
    pub sizes: [usize; 3],
    /// Multiply-adds of a record's pass through the classifier.
    pub products: usize,
    /// What the training of a model like each replica costs, without its siblings: a shadow model's.
    pub alone: Vec<f64>,
}

/// The tasks of the training that [`run`](super::run) would carry out.
///
/// # Errors
/// Those that the run would find in the configuration and the data.
pub fn plan(job: &Job) -> Result<PlannedTraining> {
    let Job { config, dataset, context, directory, .. } = *job;
    let replicas = config.replicas();
    let splits = match job.resume {
        true => begun_splits(config, directory, &replicas, dataset.records())?,
        // Drawn ones are of one size, whatever the seed.
        false if config.data.split.is_empty() => splits(config, &replicas[..1], dataset.records())?,
        false => splits(config, &replicas, dataset.records())?,
    };
    let sizes = [&splits[0].members, &splits[0].reference, &splits[0].test].map(Vec::len);
    let schedule = Schedule::from_config(config, sizes[0], &sizes[1..2])?;
    let shape = RecordShape::of(dataset, config.data.pad);
    let recipe = Recipe::from_config(config, shape, dataset.classes)?;
    let f = of_classifier(recipe.classifier.network.as_ref(), shape.features)?;
    let h = match &recipe.adversary {
        None => 0,
        Some(adversary) => {
            let network = &adversary.network;
            products(&network.parameters, dataset.classes, |graph, weights, z| {
                let labels = graph.input("labels", Tensor::u32(1, 1));
                Ok(network.forward(graph, weights, z, labels)?.0)
            })?
        }
    };
    let scored: usize =
        [sizes[1], sizes[2]].map(|records| records.min(config.train.evaluate_limit)).iter().sum();
    let validated = if config.train.stop == Stop::Validation { splits[0].validation.len() } else { 0 };
    let judged = if h > 0 { 2 * Referee::size(config, sizes[0], sizes[1]) } else { 0 };
    let scored = scored + validated + judged;
    let cost = |of: &Config, recipe: &Recipe| -> Result<f64> {
        let step = StepRecords { all: recipe.batch * recipe.stage()?.sets.len(), members: recipe.batch };
        let schedule = Schedule::from_config(of, sizes[0], &sizes[1..2])?;
        Ok(cost(&schedule, &step, [f as f64, h as f64], scored))
    };
    let size = cohort_size(context, &recipe, &schedule, dataset, replicas.len())?;
    let task = |group: usize| Task { run: directory.name(), group, phase: Phase::Training };
    let (groups, each) = (replicas.chunks(size).enumerate(), cost(config, &recipe)?);
    let work = groups.map(|(group, of)| Work { task: task(group), cost: each * of.len() as f64 }).collect();
    let alone = |replica| {
        let of = config.of_replica(replica);
        cost(&of, &Recipe::from_config(&of, shape, dataset.classes)?)
    };
    let alone = replicas.iter().map(alone).collect::<Result<_>>()?;
    Ok(PlannedTraining { work, sizes, products: f, alone })
}

/// What a classifier step takes: m members, and with the records of other sets so many in all.
struct StepRecords {
    all: usize,
    members: usize,
}

/// What all epochs of one replica cost, with `f` and `h` multiply-adds a record, and `scored` records after
/// an epoch.
fn cost(schedule: &Schedule, step: &StepRecords, [f, h]: [f64; 2], scored: usize) -> f64 {
    let (all, members) = (step.all as f64, step.members as f64);
    let run = |round: &Round| {
        // An attack step asks f and trains h; a penalty goes through h and back to its inputs.
        let attack = round.attack as f64 * 2.0 * members * (2.0 * f + 6.0 * h);
        let penalty = if round.penalized { 4.0 * h * members } else { 0.0 };
        attack + round.classifier as f64 * (6.0 * f * all + penalty)
    };
    let runs = |block: &Block| block.runs as f64 * run(&schedule.rounds[block.round]);
    let epochs = schedule.epochs.len() as f64;
    schedule.epochs.iter().flatten().map(runs).sum::<f64>() + epochs * 2.0 * f * scored as f64
}

/// Multiply-adds of a record's pass through a classifier for so many features.
fn of_classifier(network: &dyn Network, features: usize) -> Result<usize> {
    products(network.parameters(), features, |graph, weights, x| {
        let tensor = network.parameters().statistics();
        let mut statistics = tensor.map(|tensor| graph.state("statistics", tensor));
        network.forward(graph, weights, &mut statistics, x, Mode::Evaluation)
    })
}

/// Multiply-adds of a record's pass through a network: every element of a layer's result takes as many as its
/// matrix has rows.
fn products(
    parameters: &Parameters,
    width: usize,
    forward: impl FnOnce(&mut Graph, &[NodeId], NodeId) -> Result<NodeId>,
) -> Result<usize> {
    let mut graph = Graph::new();
    let x = graph.input("x", Tensor::f32(1, width));
    let state = graph.state("parameters", Tensor::f32(1, parameters.elements()));
    let weights = parameters.views(&mut graph, state)?;
    forward(&mut graph, &weights, x)?;
    let layers = graph.nodes().iter().filter(|node| matches!(node.kind, Kind::Compute(_)));
    Ok(layers
        .filter_map(|node| {
            let matrix = node.inputs.iter().find(|input| weights.contains(input))?;
            Some(node.tensor.rows * node.tensor.cols * graph.tensor(*matrix).rows)
        })
        .sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::networks::{alexnet::AlexNet, mlp::Mlp};
    use crate::ops::{Activation, Image};
    use crate::train::schedule::EpochBatches;

    #[test]
    fn a_dense_layer_takes_a_product_a_weight_and_a_convolution_one_a_place_too() {
        let mlp = Mlp::new(20, &[8], 4, Activation::Tanh);
        assert_eq!(of_classifier(&mlp, 20).unwrap(), 21 * 8 + 9 * 4);
        let image = Image { height: 32, width: 32, channels: 3 };
        let shape = RecordShape { features: image.features(), image: Some(image) };
        let alexnet = AlexNet::new(shape, 10, 1.0).unwrap();
        let weights = alexnet.parameters().weights();
        // The first layers have 8×8, 4×4 and 2×2 places.
        assert!(of_classifier(&alexnet, shape.features).unwrap() > 4 * weights, "{weights}");
    }

    #[test]
    fn a_game_of_k_steps_costs_what_its_networks_do() {
        let attack_steps = crate::run::config::AttackSteps::Count(5);
        let defense = crate::run::config::DefenseConfig { attack_steps, ..Default::default() };
        let step = StepRecords { all: 4, members: 4 };
        let ten = EpochBatches { members: 10, reference: 10 };
        let plain = cost(&Schedule::new(&defense, false, 3, ten), &step, [100.0, 10.0], 7);
        assert_eq!(plain, 3.0 * (10.0 * 6.0 * 100.0 * 4.0 + 2.0 * 100.0 * 7.0));
        let played = cost(&Schedule::new(&defense, true, 3, ten), &step, [100.0, 10.0], 7);
        let game = 5.0 * 8.0 * (200.0 + 60.0) + 4.0 * 10.0 * 4.0;
        assert_eq!(played, plain + 30.0 * game);
    }
}
