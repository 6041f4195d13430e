//! How much work a training will be, told before it begins.
//!
//! Only ratios count, between the tasks of a job: a pass of a record through a network is 2 for each
//! multiply-add, a step of training 6.

use super::game::Game;
use super::schedule::Schedule;
use super::{Job, group_size, saved_splits, splits};
use crate::error::Result;
use crate::graph::{Graph, Kind, NodeId, Tensor};
use crate::nn::{Input, Network, Pass};
use crate::run::config::Config;
use crate::run::directory::SPLIT;
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
    let splits = match job.resume && directory.has(SPLIT) {
        true => saved_splits(directory, replicas.len(), dataset.records())?,
        // Drawn ones are of one size, whatever the seed.
        false if config.data.split.is_empty() => splits(config, &replicas[..1], dataset.records())?,
        false => splits(config, &replicas, dataset.records())?,
    };
    let sizes = [&splits[0].members, &splits[0].reference, &splits[0].test].map(Vec::len);
    let steps = sizes[0] / config.train.batch;
    let schedule = |of: &Config| Schedule::new(&of.defense, of.is_defended(), of.train.epochs, steps);
    let input = Input::of(dataset, config.data.pad);
    let game = Game::new(config, input, dataset.classes)?;
    let f = products(game.classifier.network(), input.features, |graph, weights, x| {
        let mut statistics =
            game.classifier.network().statistics().map(|tensor| graph.state("statistics", tensor));
        game.classifier.forward(graph, weights, &mut statistics, x, Pass::Evaluation)
    })?;
    let h = products(&game.attack.network, dataset.classes, |graph, weights, z| {
        let labels = graph.input("labels", Tensor::u32(1, 1));
        Ok(game.attack.forward(graph, weights, z, labels)?.0)
    })?;
    let scored = [sizes[1], sizes[2]].map(|records| records.min(config.train.evaluate_limit));
    let cost = |of: &Config| cost(&schedule(of), game.batch, [f as f64, h as f64], scored.iter().sum());
    let size = group_size(context, &game, &schedule(config), dataset, replicas.len())?;
    let task = |group: usize| Task { run: directory.name(), group, phase: Phase::Training };
    let (groups, each) = (replicas.chunks(size).enumerate(), cost(config));
    let work = groups.map(|(group, of)| Work { task: task(group), cost: each * of.len() as f64 }).collect();
    let alone = replicas.iter().map(|replica| cost(&config.of_replica(replica))).collect();
    Ok(PlannedTraining { work, sizes, products: f, alone })
}

/// What all epochs of one replica cost, with `f` and `h` multiply-adds a record in batches of `m`, and
/// `scored` records after an epoch.
fn cost(schedule: &Schedule, m: usize, [f, h]: [f64; 2], scored: usize) -> f64 {
    let run = |phase: &super::schedule::Phase| {
        let pair = 2.0 * m as f64;
        // An attack step asks f and trains h; a penalty goes through h and back to its inputs.
        let attack = phase.attack as f64 * pair * (2.0 * f + 6.0 * h);
        let penalty = if phase.penalised { 4.0 * h * m as f64 } else { 0.0 };
        attack + phase.classifier as f64 * (6.0 * f * phase.classifier_rows(m) as f64 + penalty)
    };
    let runs = |block: &super::schedule::Block| block.runs as f64 * run(&schedule.phases[block.phase]);
    let epochs = schedule.epochs.len() as f64;
    schedule.epochs.iter().flatten().map(runs).sum::<f64>() + epochs * 2.0 * f * scored as f64
}

/// Multiply-adds of a record's pass through a network: every element of a layer's result takes as many as its
/// matrix has rows.
fn products(
    network: &Network,
    width: usize,
    forward: impl FnOnce(&mut Graph, &[NodeId], NodeId) -> Result<NodeId>,
) -> Result<usize> {
    let mut graph = Graph::new();
    let x = graph.input("x", Tensor::f32(1, width));
    let state = graph.state("parameters", Tensor::f32(1, network.parameters()));
    let weights = network.views(&mut graph, state)?;
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
    use crate::nn::{AlexNet, Mlp};
    use crate::ops::{Activation, Image};

    fn of(classifier: &crate::nn::Classifier, features: usize) -> usize {
        products(classifier.network(), features, |graph, weights, x| {
            classifier.forward(graph, weights, &mut None, x, Pass::Evaluation)
        })
        .unwrap()
    }

    #[test]
    fn a_dense_layer_takes_a_product_a_weight_and_a_convolution_one_a_place_too() {
        let mlp = Mlp::new(20, &[8], 4, Activation::Tanh);
        assert_eq!(of(&crate::nn::Classifier::Mlp(mlp), 20), 21 * 8 + 9 * 4);
        let image = Image { height: 32, width: 32, channels: 3 };
        let input = Input { features: image.features(), image: Some(image) };
        let alexnet = crate::nn::Classifier::AlexNet(AlexNet::new(input, 10, 1.0).unwrap());
        let weights = alexnet.network().weights();
        // The first layers have 8×8, 4×4 and 2×2 places.
        assert!(of(&alexnet, input.features) > 4 * weights, "{weights}");
    }

    #[test]
    fn a_game_of_k_steps_costs_what_its_networks_do() {
        let defense = crate::run::config::DefenseConfig { attack_steps: 5, ..Default::default() };
        let plain = cost(&Schedule::new(&defense, false, 3, 10), 4, [100.0, 10.0], 7);
        assert_eq!(plain, 3.0 * (10.0 * 6.0 * 100.0 * 4.0 + 2.0 * 100.0 * 7.0));
        let played = cost(&Schedule::new(&defense, true, 3, 10), 4, [100.0, 10.0], 7);
        let step = 5.0 * 8.0 * (200.0 + 60.0) + 4.0 * 10.0 * 4.0;
        assert_eq!(played, plain + 30.0 * step);
    }
}
