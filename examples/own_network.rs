//! A network of one's own plays the game: three dense layers, the second with a way around it, on made-up
//! records.
//!
//! Not saved and audited: runs of the command line are, with the networks of a configuration.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use veilgrad::dataset::Split;
use veilgrad::error::Result;
use veilgrad::gpu::{Context, Options};
use veilgrad::graph::{Graph, NodeId};
use veilgrad::nn::{Mode, Network, Parameters};
use veilgrad::ops::{Activation, Add, Dense};
use veilgrad::run::config::{Config, Layer};
use veilgrad::run::event::EpochMetrics;
use veilgrad::train::{Cohort, Model, Recipe, Schedule, load};

const SETTINGS: &str = "
data.synthetic = { classes = 10, noise = 0.35 }
data.members = 512
data.reference = 512
train.epochs = 12
train.batch = 64
defense.lambda = 1.0
defense.attack = { prediction_layers = [64, 32], label_layers = [32], joint_layers = [32] }
";

#[derive(Debug)]
struct Residual {
    parameters: Parameters,
}

impl Residual {
    fn new(features: usize, width: usize, classes: usize) -> Self {
        let mut parameters = Parameters::default();
        parameters.stack("layers", features, &[width, width, classes]);
        Residual { parameters }
    }
}

impl Network for Residual {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        _: &mut Option<NodeId>,
        x: NodeId,
        _: Mode,
    ) -> Result<NodeId> {
        let tanh = Dense { activation: Activation::Tanh };
        let first = graph.apply(tanh, &[x, weights[0]])?;
        let second = graph.apply(tanh, &[first, weights[1]])?;
        let sum = graph.apply(Add, &[first, second])?;
        graph.apply(Dense { activation: Activation::Identity }, &[sum, weights[2]])
    }
}

/// Trains it, and returns the last epoch.
pub fn play() -> Result<EpochMetrics> {
    let mut config = Config::resolve(&[Layer::text("own_network.rs", SETTINGS)])?;
    let dataset = load(&mut config)?;
    let network = Residual::new(dataset.width(), 64, dataset.classes);
    let recipe = Recipe::new(&config, Arc::new(network));
    let (members, reference) = (config.data.members, config.data.reference.values()[0]);
    let split = Split::random(dataset.records(), [members, reference, 0], None, 0)?;
    let schedule = Schedule::from_config(&config, members, &[reference])?;
    let model = Model::new(0, config.replicas()[0], split, &dataset)?;
    let context = Context::new(&Options::default())?;
    let mut cohort = Cohort::new(&context, &config, &recipe, &schedule, &dataset, vec![model])?;
    let mut last = EpochMetrics::default();
    for epoch in 0..config.train.epochs {
        last = cohort.epoch(epoch, &AtomicBool::new(false), &mut |_| {})?.remove(0);
        println!(
            "epoch {}: loss {:.3}, the attack's gain {:.3}",
            last.epoch,
            last.loss,
            last.gain.unwrap_or(0.0)
        );
    }
    Ok(last)
}

pub fn main() -> Result<()> {
    let last = play()?;
    let test = last.test_accuracy.unwrap_or(f64::NAN);
    println!(
        "accuracy: {:.1}% of the members, {:.1}% of the test records",
        100.0 * last.train_accuracy,
        100.0 * test
    );
    Ok(())
}
