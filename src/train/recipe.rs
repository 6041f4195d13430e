//! What a configuration trains: networks, the terms of the loss stage by stage, what happens to the outputs.
//! The one place where a configuration becomes that.
//!
//! Not how it is carried out: graphs are [`super::game`]'s, the order of steps is [`super::schedule`]'s.

use super::terms::{self, RecordSet, Term};
use crate::error::{Error, Result};
use crate::graph::Tensor;
use crate::nn::{AttackNetwork, Network, Optimizer, Parameters, RecordShape};
use crate::ops::GainForm;
use crate::run::config::{AttackLoss, Config};
use std::sync::Arc;

/// Everything structural of a run.
#[derive(Debug)]
pub struct Recipe {
    /// f.
    pub classifier: Learner<Arc<dyn Network>>,
    /// h, where f is trained against one.
    pub adversary: Option<Learner<AttackNetwork>>,
    /// What h ascends.
    pub gain: GainForm,
    /// One after another, each from the networks that the one before it left. Today's defenses have one.
    pub stages: Vec<Stage>,
    /// The step of [`crate::release`], by name, that outputs go through before anyone sees them. Today's
    /// defenses have none.
    pub release: Option<String>,
    /// m.
    pub batch: usize,
    /// C.
    pub classes: usize,
    /// Whether f has dropout (a replica's rate may still be 0).
    pub dropout: bool,
    /// Whether images are moved about in f's own passes.
    pub augment: bool,
    /// Pixels added on every side of an image.
    pub pad: usize,
}

/// A part of training with one loss.
#[derive(Debug)]
pub struct Stage {
    pub terms: Vec<Box<dyn Term>>,
    /// What a classifier step takes m records of each of: the members, then what the terms ask for beside
    /// them.
    pub sets: Vec<RecordSet>,
}

/// A network and what moves it.
#[derive(Debug)]
pub struct Learner<N> {
    pub network: N,
    pub optimizer: Optimizer,
    pub momentum: f64,
}

impl<N> Learner<N> {
    /// Its state in memory, `[rows, P]`: `parameters` and what the optimizer remembers of each.
    pub(super) fn tensor(&self, parameters: &Parameters) -> Tensor {
        self.optimizer.state(parameters.elements())
    }
}

impl Learner<Arc<dyn Network>> {
    /// Its state in memory, `[rows, P]`.
    pub fn state(&self) -> Tensor {
        self.tensor(self.network.parameters())
    }
}

impl Learner<AttackNetwork> {
    /// Its state in memory, `[rows, P]`.
    pub fn state(&self) -> Tensor {
        self.tensor(&self.network.parameters)
    }
}

impl Stage {
    /// The stage of these terms.
    pub fn new(terms: Vec<Box<dyn Term>>) -> Self {
        let mut sets = vec![RecordSet::Members];
        for set in terms.iter().filter_map(|term| term.records()) {
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        Stage { terms, sets }
    }
}

impl Recipe {
    /// What `config` trains on records of this shape, in so many classes.
    ///
    /// # Errors
    /// A network that does not fit the records.
    pub fn of(config: &Config, shape: RecordShape, classes: usize) -> Result<Self> {
        for (key, wanted) in [("data.pad", config.data.pad > 0), ("model.augment", config.model.augment)] {
            if wanted {
                shape.image(key)?;
            }
        }
        Ok(Recipe::new(config, config.model.network().build(shape, classes)?))
    }

    /// What `config` trains, with a `network` of one's own in the place of its.
    pub fn new(config: &Config, network: Arc<dyn Network>) -> Self {
        let (model, defense, attack) = (&config.model, &config.defense, &config.defense.attack);
        let classes = network.parameters().layers.last().map_or(0, |layer| layer.outputs);
        let towers = [&attack.prediction_layers[..], &attack.label_layers, &attack.joint_layers];
        let adversary = config.is_defended().then(|| Learner {
            network: AttackNetwork::new(
                classes,
                towers,
                defense.attack_input,
                defense.top_k,
                defense.label_encoding,
            ),
            optimizer: attack.optimizer,
            momentum: attack.momentum,
        });
        Recipe {
            classifier: Learner { network, optimizer: model.optimizer, momentum: model.momentum },
            adversary,
            gain: match defense.attack_loss {
                AttackLoss::Log => GainForm::Log,
                AttackLoss::Squared => GainForm::Squared,
            },
            stages: vec![Stage::new(terms::of(config))],
            release: None,
            batch: config.train.batch,
            classes,
            dropout: model.dropout.values().iter().any(|rate| *rate > 0.0),
            augment: model.augment,
            pad: config.data.pad,
        }
    }

    /// The one stage of a recipe that can be carried out.
    ///
    /// # Errors
    /// None or several; a release step.
    pub fn stage(&self) -> Result<&Stage> {
        match (&self.stages[..], &self.release) {
            ([stage], None) => Ok(stage),
            ([_], Some(step)) => Err(Error::usage("recipe")
                .expected("no release step: what is trained leaves its raw logits")
                .found(step.clone())),
            (stages, _) => Err(Error::usage("recipe")
                .expected("one stage of training")
                .found(format!("{} stages", stages.len()))
                .advice("no defense hands a network from one stage to the next yet")),
        }
    }

    /// Whether classifier steps have keys of random numbers.
    pub fn is_keyed(&self) -> bool {
        let draws = self.stages.iter().flat_map(|stage| &stage.terms).any(|term| term.draws());
        self.dropout || self.augment || draws
    }
}
