//! The tapes of training: for every run of a plan the records that it takes, the numbers of its updates, the
//! keys of its random numbers. What stands where in a line, and the writing of it.
//!
//! Not how tapes reach the GPU: that is [`super::steps`].

use super::batches::{BatchStream, Batches};
use super::rate::Rate;
use super::recipe::{Recipe, Stage};
use super::schedule::{Round, Updates};
use super::steps::TapeWords;
use super::terms::RecordSet;
use crate::dataset::Split;
use crate::error::{Error, Result};
use crate::graph::Tensor;
use crate::nn::Optimizer;
use crate::random::{Stream, stream};
use crate::run::config::Replica;
use rand_chacha::rand_core::Rng;

/// What holds for a replica in an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Updates so far.
    pub updates: Updates,
    /// Whether f pays for being recognized: not in the first epochs, where λ is warmed up.
    pub penalized: bool,
    /// Of the classifier's learning rate.
    pub rate: Rate,
    /// Whether the replica is trained; otherwise every update leaves it as it is.
    pub active: bool,
}

/// What a round's line of the tape of scalars holds: for every update the optimizer's scalars, the attack's
/// first, then what holds for an epoch, the dropout rate and the terms' scalars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalarLine {
    round: Round,
    /// (owner, name).
    held: Vec<(&'static str, &'static str)>,
}

/// The dropout rate's owner on the line, and its name.
pub(super) const DROPOUT: (&str, &str) = ("dropout", "rate");

/// The scalars that hold for an epoch: (owner, name) and value, in the line's order.
fn held(
    recipe: &Recipe,
    stage: &Stage,
    settings: &Replica,
    moment: &Moment,
) -> Vec<((&'static str, &'static str), f32)> {
    let dropout = recipe.dropout.then_some((DROPOUT, settings.dropout as f32));
    let terms = stage.terms.iter().flat_map(|term| {
        let own = term.scalars(settings, moment).into_iter();
        own.map(|(name, value)| ((term.name(), name), value as f32))
    });
    dropout.into_iter().chain(terms).collect()
}

impl ScalarLine {
    /// The line of `round` in a stage of `recipe`.
    pub fn new(recipe: &Recipe, stage: &Stage, round: Round) -> Self {
        // Names are the same whatever the settings.
        let moment =
            Moment { updates: Updates::default(), penalized: false, rate: Rate::CONSTANT, active: false };
        let held = held(recipe, stage, &Replica::default(), &moment);
        ScalarLine { round, held: held.into_iter().map(|(names, _)| names).collect() }
    }

    /// Where the optimizer's scalars of attack step `j` begin.
    pub fn attack(&self, j: usize) -> usize {
        Optimizer::SCALARS.len() * j
    }

    /// Where the optimizer's scalars of classifier step `i` begin.
    pub fn classifier(&self, i: usize) -> usize {
        self.attack(self.round.attack + i)
    }

    /// Where the scalar `name` of `owner`, a term or the dropout, stands.
    ///
    /// # Errors
    /// One that is not on the line.
    pub fn place(&self, owner: &str, name: &str) -> Result<usize> {
        let at = self.held.iter().position(|held| *held == (owner, name)).ok_or_else(|| {
            Error::graph("line of scalars")
                .expected(format!("{:?}", self.held))
                .found(format!("{owner}, {name}"))
        })?;
        Ok(self.classifier(self.round.classifier) + at)
    }

    /// The line, `[1, …]`.
    pub fn tensor(&self) -> Tensor {
        Tensor::f32(1, self.classifier(self.round.classifier) + self.held.len())
    }
}

/// Writes the lines of one replica, run after run.
pub struct LineWriter<'a> {
    settings: Replica,
    recipe: &'a Recipe,
    /// Of each set of the classifier's batch.
    classifier: Vec<Batches>,
    /// Members and reference records of the attack steps, where there are any.
    attack: Option<[Batches; 2]>,
    updates: Updates,
    moment: Moment,
    dropout_key: u32,
    held: Vec<f32>,
}

impl<'a> LineWriter<'a> {
    /// The lines of the epoch that `moment` begins.
    ///
    /// # Errors
    /// Sets of records that are smaller than a batch.
    pub fn new(
        recipe: &'a Recipe,
        stage: &Stage,
        settings: &Replica,
        split: &Split,
        moment: Moment,
    ) -> Result<Self> {
        let seed = settings.seed;
        let batches =
            |which: BatchStream, records: &[u32]| Batches::new(seed, which as u32, records, recipe.batch);
        let classifier = stage.sets.iter().map(|set| match set {
            RecordSet::Members => batches(BatchStream::Members, &split.members),
            RecordSet::Reference => batches(BatchStream::ClassifierReference, &split.reference),
        });
        let attack = match recipe.adversary {
            Some(_) => Some([
                batches(BatchStream::AttackMembers, &split.members)?,
                batches(BatchStream::Reference, &split.reference)?,
            ]),
            None => None,
        };
        Ok(LineWriter {
            settings: *settings,
            recipe,
            classifier: classifier.collect::<Result<_>>()?,
            attack,
            updates: moment.updates,
            moment,
            dropout_key: stream(seed, Stream::Dropout).next_u32(),
            held: held(recipe, stage, settings, &moment).into_iter().map(|(_, value)| value).collect(),
        })
    }

    /// Appends the next run of `round` to its tapes.
    pub fn line(&mut self, round: Round, to: &mut TapeWords) {
        let (line, settings) = (to.scalars.len(), self.settings);
        let first = self.updates.classifier as u32;
        for _ in 0..round.attack {
            let (Some(batches), Some(adversary)) = (&mut self.attack, &self.recipe.adversary) else { break };
            batches.iter_mut().for_each(|batches| to.rows.extend(batches.batch(self.updates.attack)));
            self.updates.attack += 1;
            let (rate, decay) = (settings.attack_learning_rate, settings.attack_weight_decay);
            let scalars = adversary.optimizer.scalars(rate, decay, self.updates.attack, self.moment.active);
            to.scalars.extend(scalars);
        }
        for _ in 0..round.classifier {
            self.classifier.iter_mut().for_each(|b| to.rows.extend(b.batch(self.updates.classifier)));
            let rate = settings.learning_rate * self.moment.rate.at(self.updates.classifier);
            self.updates.classifier += 1;
            let (step, decay) = (self.updates.classifier, settings.weight_decay);
            to.scalars.extend(self.recipe.classifier.optimizer.scalars(
                rate,
                decay,
                step,
                self.moment.active,
            ));
            if self.recipe.is_keyed() {
                to.keys.extend([self.dropout_key, step as u32]);
            }
        }
        to.rows.push(first);
        to.scalars.extend(&self.held);
        let written = Tensor::f32(1, to.scalars.len() - line);
        to.scalars.resize(line + written.elements(), 0.0);
    }
}
