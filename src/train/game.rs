//! The graph of a round: a plain step, and the min-max game as its pseudocode reads.
//!
//! A round of a attack steps and c classifier steps is:
//!
//! ```text
//! for each attack step:      draw m members and m reference records
//!                            ω ← ascend mean gain of h(f(x), y)       (f fixed: not in wrt)
//! for each classifier step:  draw m members
//!                            θ ← descend the sum of the terms         (h fixed: not in wrt)
//! ```
//!
//! Written so; that the forward passes of f become one is the plan's doing
//! ([`Graph::hoist`](crate::graph::Graph::hoist)). The attack steps' passes are in evaluation mode, so they
//! depend on a record alone and are merged, batch normalization or not. The classifier's own pass is merged
//! with them where it is the same function: not with batch normalization (it uses its batch's statistics, and
//! moves the running ones, which the next evaluation reads), with dropout or with augmentation.

use super::line::{DROPOUT, ScalarLine};
use super::recipe::{Recipe, Stage};
use super::resident::{ResidentLayout, ResidentNodes};
use super::schedule::Round;
use super::steps::Tapes;
use super::terms::step::{ClassifierStep, Outputs, RecordSet};
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Tensor};
use crate::nn::{Dropping, Mode};
use crate::ops::{
    AttackCounts, ClassifierCounts, CountAttack, CountClassifier, MembershipGain, Noise, gradients,
};

/// A round's graph and the nodes that need memory.
#[derive(Debug)]
pub struct RoundGraph {
    /// The operations of a run.
    pub graph: Graph,
    /// The inputs that hold the data set.
    pub data: ResidentNodes,
    /// A line a run. Rows: the records of the attack steps, those of the classifier steps, the number of the
    /// first classifier step to come. Scalars: [`ScalarLine`]. Keys: for each classifier step (seed, step), then the
    /// secret key and the step, each where there is use for it.
    pub tapes: Tapes,
    /// Where a line of scalars holds what.
    pub line: ScalarLine,
    /// f.
    pub classifier: Trained,
    /// The classifier's running statistics before and after a run, where it has batch normalization.
    pub statistics: Option<[NodeId; 2]>,
    /// Where the round has attack steps or a penalty.
    pub attack: Option<Trained>,
}

/// A network's state and counters in a graph, before and after a run.
#[derive(Debug, Clone, Copy)]
pub struct Trained {
    /// Parameters and moments before the run: [`Optimizer`](crate::nn::Optimizer) says how many rows.
    pub state: NodeId,
    /// The running totals of an epoch before the run.
    pub counts: NodeId,
    /// Parameters and moments after the run; `state` where it has no update.
    pub state_after: NodeId,
    /// The totals after the run; `counts` where it has no update.
    pub counts_after: NodeId,
}

impl Trained {
    fn new(graph: &mut Graph, name: &str, state: Tensor, counts: usize) -> Self {
        let state = graph.state(name, state);
        let counts = graph.state(&format!("{name} counts"), Tensor::f32(1, counts));
        Trained { state, counts, state_after: state, counts_after: counts }
    }
}

/// A graph under way: the newest versions of everything.
struct Writer<'a> {
    recipe: &'a Recipe,
    stage: &'a Stage,
    graph: Graph,
    data: ResidentNodes,
    line: ScalarLine,
    rows: NodeId,
    scalars: NodeId,
    keys: Option<NodeId>,
    /// The number of the first classifier step.
    step: NodeId,
    f: Trained,
    f_weights: Vec<NodeId>,
    statistics: Option<NodeId>,
    h: Option<Trained>,
}

impl Recipe {
    /// The graph of `round` for resident data of `layout`, with tapes of so many `lines`.
    ///
    /// # Errors
    /// A recipe of several stages; attack steps without an attack network; shapes that do not fit, a bug.
    pub fn graph(&self, round: Round, layout: ResidentLayout, lines: usize) -> Result<RoundGraph> {
        let stage = self.stage()?;
        let mut graph = Graph::new();
        graph.apart = !self.merge;
        let g = &mut graph;
        let data = layout.nodes(g);
        let line = self.line(stage, round);
        let records = self.records(stage, round);
        let (mut tapes, rows) = Tapes::new(g, lines, records, 1)?;
        let step = g.rows(rows, records, 1)?;
        let scalars = tapes.scalars(g, line.tensor())?;
        let keys = match self.key_words().1 * round.classifier {
            0 => None,
            words => Some(tapes.keys(g, words)?),
        };
        let network = self.classifier.network.parameters();
        let f = Trained::new(g, "classifier", self.classifier.state(), ClassifierCounts::WIDTH);
        let first = network.statistics().map(|tensor| g.state("running statistics", tensor));
        let h = match &self.adversary {
            Some(adversary) if round.attack > 0 || round.penalized => {
                Some(Trained::new(g, "attack", adversary.state(), AttackCounts::WIDTH))
            }
            _ => None,
        };
        let f_weights = network.views(g, f.state_after)?;
        let statistics = first;
        let mut writer = Writer {
            recipe: self,
            stage,
            graph,
            data,
            line,
            rows,
            scalars,
            keys,
            step,
            f,
            f_weights,
            statistics,
            h,
        };
        for j in 0..round.attack {
            writer.attack_step(j)?;
        }
        for i in 0..round.classifier {
            writer.classifier_step(i, round)?;
        }
        let Writer { mut graph, data, line, f, statistics, h, .. } = writer;
        tapes.advance(&mut graph)?;
        let statistics = first.zip(statistics).map(|(before, after)| [before, after]);
        Ok(RoundGraph { graph, data, tapes, line, classifier: f, statistics, attack: h })
    }
}

impl Writer<'_> {
    /// ω ← ascend the gain on m members and m reference records.
    fn attack_step(&mut self, j: usize) -> Result<()> {
        let (Some(h), Some(adversary)) = (&mut self.h, &self.recipe.adversary) else {
            return Err(Error::graph("attack step").expected("an attack network, where λ is above 0"));
        };
        let (g, m) = (&mut self.graph, self.recipe.batch);
        let rows = g.rows(self.rows, 2 * m * j, 2 * m)?;
        let (x, labels) = self.data.gather(g, rows, None)?;
        let ascend = g.constant(-1.0); // before the logit that it weighs: the plan can merge the two
        let f = &self.recipe.classifier.network;
        let z = f.forward(g, &self.f_weights, &mut self.statistics, x, Mode::Evaluation)?;
        let weights = adversary.network.parameters.views(g, h.state_after)?;
        let (s, _) = adversary.network.forward(g, &weights, z, labels)?;
        let gain = g.apply(MembershipGain { form: adversary.gain, members: m }, &[s])?;
        let parts = gradients(g, &[(gain, ascend)], &weights)?;
        let gradient = g.pack("attack gradient", &parts);
        h.counts_after = g.update(CountAttack { members: m }, &[h.counts_after, s, self.step])?;
        let (slot, momentum) = (self.line.attack(j), adversary.momentum);
        h.state_after =
            adversary.optimizer.update(g, h.state_after, gradient, self.scalars, slot, momentum)?;
        Ok(())
    }

    /// θ ← descend the sum of the stage's terms on m records of each of its sets.
    fn classifier_step(&mut self, i: usize, round: Round) -> Result<()> {
        let (recipe, m) = (self.recipe, self.recipe.batch);
        let g = &mut self.graph;
        let taken = m * self.stage.sets.len();
        let rows = g.rows(self.rows, 2 * m * round.attack + i * taken, taken)?;
        let ([key, secret], words) = recipe.key_words();
        let mut view = |label: &str, wanted: bool, place: usize, count: usize| {
            let line = self.keys.filter(|_| wanted);
            line.map(|line| g.view(label, line, words * i + place, 1, count)).transpose()
        };
        let key = view("key", recipe.is_keyed(), key, 2)?;
        let secret = view("secret key", recipe.is_secret(), secret, Noise::KEY)?;
        let (x, labels) = self.data.gather(g, rows, key.filter(|_| recipe.augment))?;
        let dropping = match key.filter(|_| recipe.dropout) {
            Some(key) => {
                let place = self.line.place(DROPOUT.0, DROPOUT.1)?;
                Some(Dropping { key, rate: g.view("dropout rate", self.scalars, place, 1, 1)? })
            }
            None => None,
        };
        let mode = Mode::Training { dropping };
        let z = recipe.classifier.network.forward(g, &self.f_weights, &mut self.statistics, x, mode)?;
        let one = g.constant(1.0);
        let h = self.h.filter(|_| round.penalized).map(|h| h.state_after);
        let mut step = ClassifierStep {
            line: (&self.line, self.scalars),
            secret,
            attack: recipe.adversary.as_ref().map(|adversary| &adversary.network).zip(h),
            class_weights: self.data.class_weights,
            batch: m,
            sets: &self.stage.sets,
            all: Outputs { z, labels },
            parts: vec![],
            one,
            roots: vec![],
            graph: g,
        };
        for term in &self.stage.terms {
            term.add(&mut step)?;
        }
        let roots = std::mem::take(&mut step.roots);
        let mut parts = gradients(step.graph, &roots, &self.f_weights)?;
        for term in &self.stage.terms {
            parts = term.gradients(&mut step, parts)?;
        }
        let Outputs { z, labels } = step.outputs(RecordSet::Members)?;
        let gradient = g.pack("classifier gradient", &parts);
        self.f.counts_after = g.update(CountClassifier, &[self.f.counts_after, z, labels, self.step])?;
        let classifier = &recipe.classifier;
        let (slot, momentum) = (self.line.classifier(i), classifier.momentum);
        let state =
            classifier.optimizer.update(g, self.f.state_after, gradient, self.scalars, slot, momentum)?;
        self.f.state_after = state;
        self.f_weights = classifier.network.parameters().views(g, state)?;
        Ok(())
    }
}
