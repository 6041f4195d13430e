//! The tapes of training: for every run of a plan the records that it takes, the numbers of its updates, the
//! keys of its random numbers. What stands where in a line, and the writing of it.
//!
//! Not how tapes reach the GPU: that is [`super::steps`].

use super::batches::{BatchStream, Batches};
use super::line::Moment;
use super::recipe::{Recipe, Stage};
use super::schedule::{Block, Place, Round, Updates};
use super::steps::TapeWords;
use super::terms::step::RecordSet;
use crate::dataset::Split;
use crate::error::Result;
use crate::graph::Tensor;
use crate::random::{Stream, stream};
use crate::run::config::Replica;
use rand::Rng;

/// Writes the lines of one replica, run after run.
pub struct LineWriter<'a> {
    settings: Replica,
    recipe: &'a Recipe,
    /// Of each set of the classifier's batch, the members first.
    classifier: Vec<Batches>,
    /// Members and reference records of the attack steps, where there are any.
    attack: Option<[Batches; 2]>,
    updates: Updates,
    /// Of the next batches, where that is no matter of those before.
    place: Option<Place>,
    moment: Moment,
    dropout_key: u32,
    /// Of noise, where the recipe has any.
    secret: Option<[u32; 8]>,
    held: Vec<f32>,
}

impl<'a> LineWriter<'a> {
    /// The lines of the epoch that `moment` begins.
    ///
    /// # Errors
    /// Sets of records that are smaller than a batch; as [`Secrets::draw`](super::privacy::Secrets::draw).
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
            updates: Updates {
                attack: moment.attack.map_or(moment.updates.attack, |pace| pace.updates),
                ..moment.updates
            },
            place: None,
            moment,
            dropout_key: stream(seed, Stream::Dropout).next_u32(),
            secret: recipe.is_secret().then(|| recipe.secrets.draw(settings)).transpose()?,
            held: recipe.held(stage, settings, &moment).into_iter().map(|(_, value)| value).collect(),
        })
    }

    /// The next runs are those of `block`.
    pub fn begin(&mut self, block: &Block) {
        self.place = block.at;
    }

    /// Appends the next run of `round` to its tapes.
    pub fn line(&mut self, round: Round, to: &mut TapeWords) {
        let (line, settings) = (to.scalars.len(), self.settings);
        let first = self.updates.classifier as u32;
        // Steps beyond a replica's own leave h as it is, and take no batch from the ones after them.
        let own = self.moment.attack.map_or(round.attack, |pace| pace.steps.min(round.attack));
        for j in 0..round.attack {
            let counts = j < own;
            let (Some(batches), Some(adversary)) = (&mut self.attack, &self.recipe.adversary) else { break };
            match &self.place {
                Some(Place { pass, attack, .. }) => {
                    to.rows.extend(self.classifier[0].at(*pass, *attack));
                    to.rows.extend(batches[1].at(*pass, *attack));
                }
                None => batches.iter_mut().for_each(|b| to.rows.extend(b.batch(self.updates.attack))),
            }
            self.updates.attack += u64::from(counts);
            self.place.iter_mut().for_each(|place| place.attack += 1);
            let (rate, decay) = (settings.attack_learning_rate, settings.attack_weight_decay);
            let active = self.moment.active && counts;
            let scalars = adversary.optimizer.scalars(rate, decay, self.updates.attack, active);
            to.scalars.extend(scalars);
        }
        for _ in 0..round.classifier {
            for batches in &mut self.classifier {
                to.rows.extend(match &self.place {
                    Some(place) => batches.at(place.pass, place.classifier),
                    None => batches.batch(self.updates.classifier),
                });
            }
            self.place.iter_mut().for_each(|place| place.classifier += 1);
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
            if let Some(secret) = self.secret {
                to.keys.extend(secret.into_iter().chain([step as u32]));
            }
        }
        to.rows.push(first);
        to.scalars.extend(&self.held);
        let written = Tensor::f32(1, to.scalars.len() - line);
        to.scalars.resize(line + written.elements(), 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::RecordShape;
    use crate::run::config::{Config, Layer};
    use crate::train::rate::Rate;

    /// An epoch of the authors' schedule has one order of the members: h learns from the batches that f learns from.
    #[test]
    fn a_block_takes_the_batches_of_its_place_for_both_networks() {
        let text = "defense = { form = \"authors\", lambda = 1.0 }\ntrain.batch = 10\n\
                    data = { members = 60, reference = 50 }";
        let config = Config::resolve(&[Layer::text("blocks", text)]).unwrap();
        let recipe = Recipe::from_config(&config, RecordShape { features: 5, image: None }, 3).unwrap();
        let (members, reference): (Vec<u32>, Vec<u32>) = ((0..60).collect(), (100..150).collect());
        let split = Split { members: members.clone(), reference: reference.clone(), ..Split::default() };
        let moment = Moment {
            updates: Updates::default(),
            penalized: true,
            rate: Rate::CONSTANT,
            attack: None,
            active: true,
        };
        let settings = config.replicas()[0];
        let stage = recipe.stage().unwrap();
        let mut writer = LineWriter::new(&recipe, stage, &settings, &split, moment).unwrap();
        let of = |which: BatchStream, records: &[u32], place| -> Vec<u32> {
            let mut batches = Batches::new(settings.seed, which as u32, records, 10).unwrap();
            batches.at(3, place).to_vec()
        };
        let f = |place| of(BatchStream::Members, &members, place);
        let h = |place| [f(place), of(BatchStream::Reference, &reference, place)].concat();
        writer.begin(&Block { round: 0, runs: 2, at: Some(Place { pass: 3, attack: 0, classifier: 4 }) });
        let mut words = TapeWords::default();
        let round = Round { attack: 2, classifier: 1, penalized: true };
        writer.line(round, &mut words);
        writer.line(round, &mut words);
        // A line ends with the number of its first classifier step.
        let expected = [h(0), h(1), f(4), vec![0], h(2), h(3), f(5), vec![1]].concat();
        assert_eq!(words.rows, expected);
    }
}
