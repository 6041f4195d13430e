//! What a configuration trains: networks, the terms of the loss stage by stage, what happens to the outputs.
//! The one place where a configuration becomes that.
//!
//! Not how it is carried out: graphs are [`super::game`]'s, the order of steps is [`super::schedule`]'s.

use super::line::{DROPOUT, Held, Moment, ScalarLine};
use super::privacy::Secrets;
use super::rate::Rate;
use super::schedule::{Round, Updates};
use super::terms;
use super::terms::step::RecordSet;
use super::terms::term::Term;
use crate::error::{Error, Result};
use crate::graph::Tensor;
use crate::nn::{AttackNetwork, LabelForm, Network, Optimizer, RecordShape};
use crate::ops::{GainForm, Noise};
use crate::run::config::{AttackLoss, Config, Replica, Sparse};
use std::sync::Arc;

/// Everything structural of a run.
#[derive(Debug)]
pub struct Recipe {
    /// The network that is trained.
    pub classifier: Classifier,
    /// Where the classifier is trained against one.
    pub adversary: Option<Adversary>,
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
    /// Whether a first layer walks lists of ones.
    pub sparse: Sparse,
    /// Whether the plan merges operations of a step.
    pub merge: bool,
    /// Where secret keys come from.
    pub secrets: Secrets,
}

/// A part of training with one loss.
#[derive(Debug)]
pub struct Stage {
    /// What the loss is the sum of.
    pub terms: Vec<Box<dyn Term>>,
    /// What a classifier step takes m records of each of: the members, then what the terms ask for beside
    /// them.
    pub sets: Vec<RecordSet>,
}

/// f, and what moves it.
#[derive(Debug)]
pub struct Classifier {
    /// From records to logits `[B, C]`.
    pub network: Arc<dyn Network>,
    /// What turns gradients into steps.
    pub optimizer: Optimizer,
    /// Of SGD, in [0, 1); others ignore it.
    pub momentum: f64,
}

/// h, the attack network that f is trained against, and what moves it.
#[derive(Debug)]
pub struct Adversary {
    /// From predictions and labels to logits `[B, 1]`.
    pub network: AttackNetwork,
    /// What turns gradients into steps.
    pub optimizer: Optimizer,
    /// Of SGD, in [0, 1); others ignore it.
    pub momentum: f64,
    /// What it ascends.
    pub gain: GainForm,
}

impl Classifier {
    /// Its state in memory, `[rows, P]`: the parameters and what the optimizer remembers of each.
    pub fn state(&self) -> Tensor {
        self.optimizer.state(self.network.parameters().elements())
    }
}

impl Adversary {
    /// Its state in memory, `[rows, P]`.
    pub fn state(&self) -> Tensor {
        self.optimizer.state(self.network.parameters.elements())
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
    pub fn from_config(config: &Config, shape: RecordShape, classes: usize) -> Result<Self> {
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
        let adversary = config.is_defended().then(|| Adversary {
            network: attack_network(config, classes),
            optimizer: attack.optimizer,
            momentum: attack.momentum,
            gain: match defense.attack_loss {
                AttackLoss::Log => GainForm::Log,
                AttackLoss::Squared => GainForm::Squared,
            },
        });
        Recipe {
            classifier: Classifier { network, optimizer: model.optimizer, momentum: model.momentum },
            adversary,
            stages: vec![Stage::new(terms::wanted(config))],
            release: None,
            batch: config.train.batch,
            classes,
            dropout: model.dropout.values().iter().any(|rate| *rate > 0.0),
            augment: model.augment,
            pad: config.data.pad,
            sparse: config.engine.sparse,
            merge: config.engine.merge,
            secrets: Secrets::of(config),
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

    /// Records of a run of `round`: an attack step takes m members and m reference records, a classifier step
    /// m of each set of its stage.
    pub fn records(&self, stage: &Stage, round: Round) -> usize {
        self.batch * (2 * round.attack + stage.sets.len() * round.classifier)
    }

    /// The scalars that hold for a replica with these settings in an epoch, in the line's order: the dropout
    /// rate, then the terms'.
    pub(super) fn held(&self, stage: &Stage, settings: &Replica, moment: &Moment) -> Held {
        let dropout = self.dropout.then_some((DROPOUT, settings.dropout as f32));
        let terms = stage.terms.iter().flat_map(|term| {
            let own = term.scalars(settings, moment).into_iter();
            own.map(|(name, value)| ((term.name(), name), value as f32))
        });
        dropout.into_iter().chain(terms).collect()
    }

    /// The line of scalars of `round`.
    pub fn line(&self, stage: &Stage, round: Round) -> ScalarLine {
        // Names are the same whatever the settings.
        let moment = Moment {
            updates: Updates::default(),
            penalized: false,
            rate: Rate::CONSTANT,
            attack: None,
            active: false,
        };
        ScalarLine::new(round, &self.held(stage, &Replica::default(), &moment))
    }

    /// Whether a classifier step has a key, (seed, step), of dropout masks and of augmentation.
    pub fn is_keyed(&self) -> bool {
        self.dropout || self.augment
    }

    /// Whether a classifier step has a secret key and the step: of noise.
    pub fn is_secret(&self) -> bool {
        self.stages.iter().flat_map(|stage| &stage.terms).any(|term| term.draws_secretly())
    }

    /// Where a classifier step's key and its secret key begin among its words of keys, and how many words
    /// those are.
    pub(super) fn key_words(&self) -> ([usize; 2], usize) {
        let key = if self.is_keyed() { 2 } else { 0 };
        ([0, key], key + if self.is_secret() { Noise::KEY } else { 0 })
    }
}

/// The game's attack network, for so many classes.
pub fn attack_network(config: &Config, classes: usize) -> AttackNetwork {
    let (game, attack) = (&config.defense, &config.defense.attack);
    let towers = [&attack.prediction_layers[..], &attack.label_layers, &attack.joint_layers];
    let label = LabelForm { encoding: game.label_encoding, linear: attack.label_linear };
    AttackNetwork::new(classes, towers, game.attack_input, game.top_k, label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::Layer;

    fn recipe(settings: &str) -> Recipe {
        let config = Config::resolve(&[Layer::text("test", settings)]).unwrap();
        Recipe::from_config(&config, RecordShape::plain(9), 4).unwrap()
    }

    /// The names of the terms, and a round's records.
    fn parts(settings: &str, round: Round) -> (Vec<&'static str>, usize) {
        let recipe = recipe(settings);
        let stage = recipe.stage().unwrap();
        (stage.terms.iter().map(|term| term.name()).collect(), recipe.records(stage, round))
    }

    #[test]
    fn a_configuration_becomes_terms_and_the_records_that_they_take() {
        let plain = Round { attack: 0, classifier: 1, penalized: false };
        assert_eq!(parts("", plain), (vec!["cross-entropy"], 128));
        let game = Round { attack: 5, classifier: 1, penalized: true };
        assert_eq!(parts("defense.lambda = [0, 1]", game), (vec!["cross-entropy", "game penalty"], 11 * 128));
        let weighted = (vec!["reference risk", "cross-entropy"], 2 * 128);
        assert_eq!(parts("defense.reference_weight = 0.5", plain), weighted);
        let private = parts("defense.private = { clip = 1, noise = 1 }\nmodel.label_smoothing = 0.1", plain);
        assert_eq!(private, (vec!["cross-entropy", "output penalties", "private gradients"], 128));
    }

    #[test]
    fn names_of_terms_and_of_their_scalars_are_unique() {
        let all = "defense = { lambda = 1, reference_weight = 0.5 }\nmodel.confidence_penalty = 0.1";
        let recipe = recipe(all);
        let stage = recipe.stage().unwrap();
        let line = recipe.line(stage, Round { attack: 2, classifier: 1, penalized: true });
        let places: Vec<usize> = [
            ("reference risk", "weight of D′"),
            ("cross-entropy", "weight of D"),
            ("output penalties", "label smoothing"),
            ("output penalties", "confidence penalty"),
            ("game penalty", "λ"),
        ]
        .map(|(term, name)| line.place(term, name).unwrap())
        .to_vec();
        // After the four scalars of each of the three updates.
        assert_eq!(places, [12, 13, 14, 15, 16]);
        assert_eq!(line.tensor().cols, 17);
        assert!(line.place("game penalty", "rate").is_err());
    }
}
