//! The tapes that the host writes for an epoch: for every run of a plan which records it takes, and the
//! numbers of its updates.

use super::batches::{Batches, Source};
use super::game::{Game, Slots};
use super::rate::Rate;
use super::schedule::{Phase, Progress};
use crate::dataset::Split;
use crate::nn::Optimizer;
use crate::random::{Stream, stream};
use crate::run::config::Replica;
use rand_chacha::rand_core::Rng;

/// What holds for an epoch.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Updates so far.
    pub done: Progress,
    /// The penalty's weight.
    pub lambda: f64,
    /// Of the classifier's learning rate.
    pub rate: Rate,
    /// Whether the replica is trained; otherwise every update leaves it as it is.
    pub active: bool,
}

/// Writes the tape lines of one replica.
pub struct Lines<'a> {
    settings: Replica,
    game: &'a Game,
    members: Batches,
    /// Members and reference records of the attack steps, where there are enough for a game.
    attack: Option<[Batches; 2]>,
    /// Reference records of the classifier's steps, likewise.
    reference: Option<Batches>,
    done: Progress,
    now: Now,
    dropout_key: u32,
    optimizers: [Optimizer; 2],
}

impl<'a> Lines<'a> {
    /// The lines of the epoch that `now` begins.
    pub fn new(game: &'a Game, settings: &Replica, split: &Split, now: Now) -> Self {
        let (seed, m) = (settings.seed, game.batch);
        let batches = |source: Source, records: &[u32]| Batches::new(seed, source as u32, records, m);
        Lines {
            settings: *settings,
            game,
            members: batches(Source::Members, &split.members),
            attack: (split.reference.len() >= m).then(|| {
                [batches(Source::AttackMembers, &split.members), batches(Source::Reference, &split.reference)]
            }),
            reference: (split.reference.len() >= m)
                .then(|| batches(Source::ClassifierReference, &split.reference)),
            done: now.done,
            now,
            dropout_key: stream(seed, Stream::Dropout).next_u32(),
            optimizers: [game.classifier_optimizer, game.attack_optimizer],
        }
    }

    /// Appends the next run of `phase`.
    pub fn line(&mut self, phase: Phase, rows: &mut Vec<u32>, scalars: &mut Vec<f32>, keys: &mut Vec<u32>) {
        let line = scalars.len();
        let settings = self.settings;
        let step = self.done.classifier as u32;
        for _ in 0..phase.attack {
            if let Some([members, reference]) = &mut self.attack {
                rows.extend(members.batch(self.done.attack));
                rows.extend(reference.batch(self.done.attack));
            }
            self.done.attack += 1;
            let (rate, decay) = (settings.attack_learning_rate, settings.attack_weight_decay);
            scalars.extend(self.optimizers[1].scalars(rate, decay, self.done.attack, self.now.active));
        }
        for _ in 0..phase.classifier {
            rows.extend(self.members.batch(self.done.classifier));
            if let (true, Some(reference)) = (phase.reference, &mut self.reference) {
                rows.extend(reference.batch(self.done.classifier));
            }
            let rate = settings.learning_rate * self.now.rate.at(self.done.classifier);
            self.done.classifier += 1;
            let (step, decay) = (self.done.classifier, settings.weight_decay);
            scalars.extend(self.optimizers[0].scalars(rate, decay, step, self.now.active));
            keys.extend([self.dropout_key, self.done.classifier as u32]);
        }
        rows.push(step);
        scalars.push((self.game.penalty.1 * self.now.lambda) as f32);
        scalars.push(settings.dropout as f32);
        scalars.extend([settings.label_smoothing, settings.confidence_penalty].map(|v| v as f32));
        scalars.extend([1.0 - settings.reference_weight, settings.reference_weight].map(|v| v as f32));
        let noise = settings.noise * settings.clip / self.game.batch as f64;
        scalars.extend([settings.clip as f32, noise as f32]);
        scalars.resize(line + Slots::of(phase).line().elements(), 0.0);
    }
}
