//! What an attack is: a row of [`super::ALL`].
//!
//! Not the attacks, each of which is a file beside this one.

use super::neural::CONTROL;
use super::scored::Scored;
use crate::audit::evidence::{AttackedRecords, Evidence};
use crate::audit::results::ladder::{PlantedSignal, weakest_found};
use crate::error::{Error, Result};
use crate::run::config::AuditConfig;
use crate::run::event::{Event, Observer};
use crate::train::cohort::COLLAPSED;
use std::sync::atomic::AtomicBool;

/// An attack, as tables, gates, help and reports know it.
#[derive(Debug)]
pub struct MembershipAttack {
    /// In files, and in the conditions of `--fail-if`.
    pub name: &'static str,
    /// As it is shown.
    pub title: &'static str,
    /// What it needs beside the outputs.
    pub needs: &'static [Need],
    /// Whether its score goes by the record's true label, and so knows whether the model is right. A threshold for
    /// each class does not make it so.
    pub sees_label: bool,
    /// Whether the known half teaches it more than one threshold.
    pub learns: bool,
    /// What it costs; `None`: no time worth telling.
    pub cost: Option<Cost>,
    /// Carries it out.
    pub run: RunAttack,
}

/// The attack on each of these models, which are of one run: attacks that train networks train them together.
pub type RunAttack = fn(&MembershipAttack, &[&Evidence], &mut Tools) -> Result<Vec<Outcome>>;

/// Multiply-adds of an attack on all models of a run, roughly.
pub type Cost = fn(&AuditConfig, &Sizes) -> f64;

/// What an attack may need beside the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A GPU, to train a network on.
    Gpu,
    /// To ask the model about records of its own making.
    Queries,
    /// Shadow models.
    Shadows,
    /// Shadow models' outputs; φ is not enough.
    ShadowOutputs,
}

impl Need {
    /// As the predicate of a sentence on an attack.
    pub fn text(self) -> &'static str {
        match self {
            Need::Gpu => "needs a GPU",
            Need::Queries => "needs to ask the model",
            Need::Shadows => "needs shadow models",
            Need::ShadowOutputs => "needs shadow models that were trained here",
        }
    }

    /// Why it is not met, if it is not.
    fn missing<'e>(self, evidence: &'e Evidence) -> Option<&'e str> {
        match self {
            Need::Gpu => evidence.gpu.as_ref().err().map(String::as_str),
            Need::Queries => evidence.queries.as_ref().err().map(String::as_str),
            Need::Shadows => evidence.shadows.as_ref().err().map(String::as_str),
            Need::ShadowOutputs => match &evidence.shadows {
                Ok(shadows) if shadows.target.outputs.is_some() => None,
                Ok(_) => Some(self.text()),
                Err(reason) => Some(reason),
            },
        }
    }
}

impl MembershipAttack {
    /// Why it is not run on this evidence, if it is not.
    pub fn not_run<'e>(&self, evidence: &'e Evidence) -> Option<&'e str> {
        self.needs.iter().find_map(|need| need.missing(evidence))
    }

    /// What it is called while it is run.
    pub fn task(&self, attacked: AttackedRecords) -> String {
        format!("{} attack on {}", self.title.replace(' ', "-"), attacked.symbol())
    }
}

/// Numbers that an attack's cost follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sizes {
    /// The records whose membership is attacked, and the others.
    pub members: usize,
    /// The records that they are to be told from: test records.
    pub others: usize,
    /// C.
    pub classes: usize,
    /// Models that are attacked.
    pub replicas: usize,
    /// P, of the classifier.
    pub parameters: usize,
    /// Whether records are images.
    pub images: bool,
    /// Whether a positive control is trained beside a network.
    pub control: bool,
}

/// What an attack came to on one model.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a dozen a model, moved once")]
pub enum Outcome {
    /// It was made.
    Scored {
        /// Its scores, and what they are worth.
        scored: Scored,
        /// Where it trained a network.
        training: Option<NetworkTraining>,
        /// a of RMIA, where it was chosen.
        tuned_a: Option<f64>,
    },
    /// It could not be made after all: why, in a sentence.
    NotRun(String),
}

impl Outcome {
    /// The scores `[N]` of all records.
    ///
    /// # Errors
    /// As [`Scored::new`].
    pub fn of_scores(attack: &MembershipAttack, evidence: &Evidence, scores: &[f64]) -> Result<Self> {
        let [members, others] = evidence.split(scores);
        Ok(Scored::new(attack.name, &evidence.halves, members, others)?.into())
    }

    /// The same, of an attack that trained networks.
    #[must_use]
    pub fn with_training(self, of: NetworkTraining) -> Self {
        match self {
            Outcome::Scored { scored, tuned_a, .. } => {
                Outcome::Scored { scored, training: Some(of), tuned_a }
            }
            not_run @ Outcome::NotRun(_) => not_run,
        }
    }
}

impl From<Scored> for Outcome {
    fn from(scored: Scored) -> Self {
        Outcome::Scored { scored, training: None, tuned_a: None }
    }
}

/// How the training of an attack's network went.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkTraining {
    /// The accuracy of a network trained beside, on the same records with a planted signal; `None` where that
    /// was not done: on D′ it would be the same network on records of the same kind.
    pub control: Option<f64>,
    /// What networks trained beside made of planted signals of known strength; empty where that was not done.
    pub ladder: Vec<PlantedSignal>,
    /// Whether its own AUC is above 0.5 by its 95% interval: it then learnt something, whatever was planted.
    pub finds_itself: bool,
    /// The standard deviation of the scores.
    pub deviation: f64,
}

impl NetworkTraining {
    /// Whether the network learnt at all: its control found the planted signal, it found a leak
    /// itself or at least the strongest of its ladder, and it does not say the same of every record. If not,
    /// what it reached is no evidence of privacy.
    pub fn succeeded(&self) -> bool {
        let found = self.ladder.is_empty() || self.finds_itself || weakest_found(&self.ladder).is_some();
        found && self.control.is_none_or(|control| control > CONTROL) && self.deviation >= COLLAPSED
    }
}

/// What an attack is given beside the evidence.
pub struct Tools<'t> {
    /// The settings `[audit]`.
    pub config: &'t AuditConfig,
    /// Set from outside: stop soon.
    pub stop: &'t AtomicBool,
    observer: &'t mut dyn Observer,
    run: &'t str,
    task: String,
    done: bool,
    halved: bool,
}

impl<'t> Tools<'t> {
    /// For attacks on the models of `run`.
    pub fn new(
        config: &'t AuditConfig,
        stop: &'t AtomicBool,
        run: &'t str,
        observer: &'t mut dyn Observer,
    ) -> Self {
        Tools { config, stop, observer, run, task: String::new(), done: false, halved: false }
    }

    /// The attack on one target begins.
    pub fn begin(&mut self, task: String) {
        (self.task, self.done) = (task, false);
        self.progress(0, 1);
    }

    /// `done` of `total` parts of it are done.
    pub fn progress(&mut self, done: usize, total: usize) {
        self.done = done == total;
        self.observer.event(&Event::attack(self.run, &self.task, done, total));
    }

    /// Networks are trained in smaller groups, for want of memory; said once.
    pub fn halved(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.halved, true) {
            self.note(format!(
                "fewer attack networks are trained at once, in half as large groups: {}: {} (expected {}); \
                 results are the same",
                error.place, error.found, error.expected
            ));
        }
    }

    /// It is done, if that was not reported.
    pub fn end(&mut self) {
        if !self.done {
            self.progress(1, 1);
        }
    }

    /// Something worth knowing.
    pub fn note(&mut self, text: String) {
        self.observer.event(&Event::Note(text));
    }
}
