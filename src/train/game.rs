//! The graphs of training: a plain step, and the min-max game as its pseudocode reads.
//!
//! A phase of a attack steps and c classifier steps is:
//!
//! ```text
//! for each attack step:      draw m members and m reference records
//!                            ω ← ascend mean gain of h(f(x), y)       (f fixed: not in wrt)
//! for each classifier step:  draw m members
//!                            θ ← descend cross-entropy + λ · penalty  (h fixed: not in wrt)
//! ```
//!
//! Written so; that the forward passes of f become one is the plan's doing
//! ([`Graph::hoist`](crate::graph::Graph::hoist)). The attack steps' passes are in evaluation mode, so they depend on a
//! record alone and are merged, batch normalisation or not. The classifier's own pass is merged with them
//! where it is the same function: not with batch normalisation (it uses its batch's statistics, and moves the
//! running ones, which the next evaluation reads), with dropout or with augmentation.

use super::resident::{Layout, ResidentNodes};
use super::schedule::Phase;
use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId, Tensor};
use crate::nn::{
    AlexNet, Attack, Classifier, DenseNet, Dropping, Input, Mlp, Optimizer, Pass, Private, SCALARS,
};
use crate::ops::{
    ATTACK_COUNTS, Advance, CLASSIFIER_COUNTS, CountAttack, CountClassifier, CrossEntropy, GainForm,
    MembershipGain, OutputPenalty, RowSlice, Tape, gradients,
};
use crate::run::config::{AttackLoss, Config, DenseNetConfig, Memory, ModelKind, Penalty};

/// Everything structural of a run: the two networks and the forms of their losses.
#[derive(Debug, Clone)]
pub struct Game {
    pub classifier: Classifier,
    pub classifier_optimizer: Optimizer,
    pub classifier_momentum: f64,
    pub attack: Attack,
    pub attack_optimizer: Optimizer,
    pub attack_momentum: f64,
    /// What h ascends.
    pub attack_gain: GainForm,
    /// What f descends, times λ, and the sign that makes it so.
    pub penalty: (GainForm, f64),
    /// m.
    pub batch: usize,
    /// Whether f has dropout layers (a replica's rate may still be 0).
    pub dropout: bool,
    /// Whether images are moved about in f's own passes.
    pub augment: bool,
    /// Whether labels are smoothed or confidence is penalised in any replica.
    pub output_penalty: bool,
    /// Whether f's gradients are clipped record by record and made noisy.
    pub private: bool,
    /// Pixels added on every side of an image.
    pub pad: usize,
}

/// A phase's graph and the nodes that need memory.
#[derive(Debug)]
pub struct PhaseGraph {
    pub graph: Graph,
    pub phase: Phase,
    pub data: ResidentNodes,
    /// u32 `[steps, (2a + c) m + 1]`: record numbers and the classifier step, a line a run.
    pub rows: NodeId,
    /// The bits of f32, `[steps, …]`: [`Slots`], a line a run.
    pub scalars: NodeId,
    /// u32 `[steps, 2c]`: (seed, step) of dropout and augmentation for each classifier step.
    pub keys: Option<NodeId>,
    /// u32 `[1, 1]`: the line.
    pub counter: NodeId,
    pub classifier: Trained,
    /// The classifier's running statistics before and after a run, where it has batch normalisation.
    pub statistics: Option<[NodeId; 2]>,
    /// Where the phase has attack steps or a penalty.
    pub attack: Option<Trained>,
}

/// A network's state and counters in a graph, before and after a run.
#[derive(Debug, Clone, Copy)]
pub struct Trained {
    pub state: NodeId,
    pub counts: NodeId,
    pub state_after: NodeId,
    pub counts_after: NodeId,
}

/// The classifier in evaluation mode in a graph.
#[derive(Debug, Clone, Copy)]
pub struct Evaluated {
    pub state: NodeId,
    pub statistics: Option<NodeId>,
    /// Logits `[B, C]`.
    pub z: NodeId,
}

impl Trained {
    fn new(graph: &mut Graph, name: &str, state: Tensor, counts: usize) -> Self {
        let state = graph.state(name, state);
        let counts = graph.state(&format!("{name} counts"), Tensor::f32(1, counts));
        Trained { state, counts, state_after: state, counts_after: counts }
    }
}

/// Where a line of scalars holds what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    phase: Phase,
}

impl Slots {
    pub fn of(phase: Phase) -> Self {
        Slots { phase }
    }

    /// The optimiser's words of attack step `j`.
    pub fn attack(self, j: usize) -> usize {
        SCALARS * j
    }

    /// The optimiser's words of classifier step `i`.
    pub fn classifier(self, i: usize) -> usize {
        SCALARS * (self.phase.attack + i)
    }

    /// The penalty's factor, λ with its sign.
    pub fn penalty(self) -> usize {
        self.classifier(self.phase.classifier)
    }

    /// The dropout rate.
    pub fn dropout(self) -> usize {
        self.penalty() + 1
    }

    /// Label smoothing's a and the confidence penalty's w.
    pub fn output_penalty(self) -> usize {
        self.dropout() + 1
    }

    /// The weights of the losses on D and on D′.
    pub fn weights(self) -> usize {
        self.output_penalty() + 2
    }

    /// The bound of a record's gradient and the noise of a batch's mean.
    pub fn private(self) -> usize {
        self.weights() + 2
    }

    /// The line's tensor.
    pub fn line(self) -> Tensor {
        Tensor::f32(1, self.private() + 2)
    }
}

impl Game {
    /// The game of `config` for records of the form `input`, in so many classes.
    ///
    /// # Errors
    /// A network that does not fit the records.
    pub fn new(config: &Config, input: Input, classes: usize) -> Result<Self> {
        let (model, defense, attack) = (&config.model, &config.defense, &config.defense.attack);
        Ok(Game {
            classifier: classifier(config, input, classes)?,
            classifier_optimizer: model.optimizer,
            classifier_momentum: model.momentum,
            attack: Attack::new(
                classes,
                [&attack.prediction_layers, &attack.label_layers, &attack.joint_layers],
                defense.attack_input,
                defense.top_k,
                defense.label_encoding,
            ),
            attack_optimizer: attack.optimizer,
            attack_momentum: attack.momentum,
            attack_gain: match defense.attack_loss {
                AttackLoss::Log => GainForm::Log,
                AttackLoss::Squared => GainForm::Squared,
            },
            penalty: match defense.penalty {
                Penalty::Log => (GainForm::Log, 1.0),
                Penalty::Linear => (GainForm::Linear, 1.0),
                // mean h² is the negative of the squared gain of records taken for non-members.
                Penalty::Squared => (GainForm::Squared, -1.0),
            },
            batch: config.train.batch,
            dropout: model.dropout.values().iter().any(|rate| *rate > 0.0),
            augment: model.augment,
            output_penalty: [&model.label_smoothing, &model.confidence_penalty]
                .into_iter()
                .any(|weights| weights.values().iter().any(|weight| *weight > 0.0)),
            private: config.is_private(),
            pad: config.data.pad,
        })
    }

    /// Adds the classifier's pass over x `[B, F]` in evaluation mode to `graph`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn evaluate(&self, graph: &mut Graph, x: NodeId) -> Result<Evaluated> {
        let network = self.classifier.network();
        let state = graph.state("classifier", self.classifier_optimizer.state(network.parameters()));
        let statistics = network.statistics().map(|tensor| graph.state("running statistics", tensor));
        let weights = network.views(graph, state)?;
        let z = self.classifier.forward(graph, &weights, &mut statistics.clone(), x, Pass::Evaluation)?;
        Ok(Evaluated { state, statistics, z })
    }

    /// The graph of `phase` for resident data of `layout`, with tapes of `steps` lines.
    ///
    /// # Errors
    /// Shapes that do not fit, a bug.
    pub fn graph(&self, phase: Phase, layout: Layout, steps: usize) -> Result<PhaseGraph> {
        let mut graph = Graph::new();
        let g = &mut graph;
        let data = layout.nodes(g);
        let slots = Slots::of(phase);
        let counter = g.state("step counter", Tensor::u32(1, 1));
        let rows_tape = g.input("tape of rows", Tensor::u32(steps, phase.words(self.batch)));
        let line = Tensor::u32(phase.words(self.batch), 1);
        let rows = g.apply(Tape { line }, &[rows_tape, counter])?;
        let step = g.rows(rows, phase.rows(self.batch), 1)?;
        let scalars_tape = g.input("tape of scalars", Tensor::u32(steps, slots.line().elements()));
        let scalars = g.apply(Tape { line: slots.line() }, &[scalars_tape, counter])?;
        let keyed = self.dropout || self.augment || self.private;
        let keys = match keyed && phase.classifier > 0 {
            true => {
                let tape = g.input("tape of keys", Tensor::u32(steps, 2 * phase.classifier));
                let line = Tensor::u32(2 * phase.classifier, 1);
                Some((tape, g.apply(Tape { line }, &[tape, counter])?))
            }
            false => None,
        };
        let network = self.classifier.network();
        let state = self.classifier_optimizer.state(network.parameters());
        let mut f = Trained::new(g, "classifier", state, CLASSIFIER_COUNTS);
        let first = network.statistics().map(|tensor| g.state("running statistics", tensor));
        let mut statistics = first;
        let state = self.attack_optimizer.state(self.attack.network.parameters());
        let played = phase.attack > 0 || phase.penalised;
        let mut h = played.then(|| Trained::new(g, "attack", state, ATTACK_COUNTS));

        let m = self.batch;
        let mut f_weights = network.views(g, f.state_after)?;
        for j in 0..phase.attack {
            let Some(h) = &mut h else { unreachable!("attack steps have an attack network") };
            let rows = g.rows(rows, 2 * m * j, 2 * m)?;
            let (x, labels) = data.gather(g, rows, None)?;
            let z = self.classifier.forward(g, &f_weights, &mut statistics, x, Pass::Evaluation)?;
            let weights = self.attack.network.views(g, h.state_after)?;
            let (s, _) = self.attack.forward(g, &weights, z, labels)?;
            let gain = g.apply(MembershipGain { form: self.attack_gain, members: m }, &[s])?;
            let ascend = g.constant(-1.0);
            let parts = gradients(g, &[(gain, ascend)], &weights)?;
            let gradient = g.pack("attack gradient", &parts);
            h.counts_after = g.update(CountAttack { members: m }, &[h.counts_after, s, step])?;
            let (slot, momentum) = (slots.attack(j), self.attack_momentum);
            h.state_after =
                self.attack_optimizer.update(g, h.state_after, gradient, scalars, slot, momentum)?;
        }
        for i in 0..phase.classifier {
            let taken = phase.classifier_rows(m);
            let rows = g.rows(rows, 2 * m * phase.attack + i * taken, taken)?;
            let key = match keys {
                Some((_, line)) => Some(g.view("key", line, 2 * i, 1, 2)?),
                None => None,
            };
            let (x, labels) = data.gather(g, rows, key.filter(|_| self.augment))?;
            let dropping = match key.filter(|_| self.dropout) {
                Some(key) => {
                    Some(Dropping { key, rate: g.view("dropout rate", scalars, slots.dropout(), 1, 1)? })
                }
                None => None,
            };
            let pass = Pass::Training { dropping };
            let all = self.classifier.forward(g, &f_weights, &mut statistics, x, pass)?;
            let descend = g.constant(1.0);
            let (mut z, mut labels) = (all, labels);
            let mut roots = vec![];
            if phase.reference {
                let weight = |g: &mut Graph, i| g.view("weight", scalars, slots.weights() + i, 1, 1);
                let reference = g.apply(RowSlice { start: m, rows: m }, &[all])?;
                let its_labels = g.rows(labels, m, m)?;
                roots.push((g.apply(CrossEntropy, &[reference, its_labels])?, weight(g, 1)?));
                (z, labels) = (g.apply(RowSlice { start: 0, rows: m }, &[all])?, g.rows(labels, 0, m)?);
                roots.push((g.apply(CrossEntropy, &[z, labels])?, weight(g, 0)?));
            } else {
                roots.push((g.apply(CrossEntropy, &[z, labels])?, descend));
            }
            if self.output_penalty {
                let weights = g.view("output penalty", scalars, slots.output_penalty(), 1, 2)?;
                roots.push((g.apply(OutputPenalty, &[z, labels, weights])?, descend));
            }
            if let (true, Some(h)) = (phase.penalised, &h) {
                let weights = self.attack.network.views(g, h.state_after)?;
                let (s, _) = self.attack.forward(g, &weights, z, labels)?;
                let (form, _) = self.penalty;
                let members = if form == GainForm::Squared { 0 } else { m };
                let gain = g.apply(MembershipGain { form, members }, &[s])?;
                roots.push((gain, g.view("penalty", scalars, slots.penalty(), 1, 1)?));
            }
            let mut parts = gradients(g, &roots, &f_weights)?;
            if let Some(key) = key.filter(|_| self.private) {
                let clip = g.view("clip", scalars, slots.private(), 1, 1)?;
                let noise = g.view("noise", scalars, slots.private() + 1, 1, 1)?;
                parts = Private { clip, noise, key }.gradients(g, &parts)?;
            }
            let gradient = g.pack("classifier gradient", &parts);
            f.counts_after = g.update(CountClassifier, &[f.counts_after, z, labels, step])?;
            let (slot, momentum) = (slots.classifier(i), self.classifier_momentum);
            f.state_after =
                self.classifier_optimizer.update(g, f.state_after, gradient, scalars, slot, momentum)?;
            f_weights = network.views(g, f.state_after)?;
        }
        g.update(Advance, &[counter])?;
        Ok(PhaseGraph {
            phase,
            data,
            rows: rows_tape,
            scalars: scalars_tape,
            keys: keys.map(|(tape, _)| tape),
            counter,
            classifier: f,
            statistics: first.zip(statistics).map(|(before, after)| [before, after]),
            attack: h,
            graph,
        })
    }
}

/// The classifier of `config`, if it fits the records.
fn classifier(config: &Config, input: Input, classes: usize) -> Result<Classifier> {
    let model = &config.model;
    for (key, wanted) in [
        ("data.pad", config.data.pad > 0),
        ("model.augment", model.augment),
        ("model.kind", model.kind != ModelKind::Mlp),
    ] {
        if wanted && input.image.is_none() {
            return Err(Error::usage(key)
                .expected("images: a data set of CIFAR or idx files")
                .found(format!("records of {} features without a shape", input.features))
                .advice("leave it out, or give --data with images"));
        }
    }
    Ok(match model.kind {
        ModelKind::Mlp => Classifier::Mlp(Mlp::new(input.features, &model.hidden, classes, model.activation)),
        ModelKind::Alexnet => Classifier::AlexNet(AlexNet::new(input, classes, model.alexnet.width)?),
        ModelKind::Densenet => {
            let DenseNetConfig { depth, growth, compression, memory } = model.densenet;
            let small = memory == Memory::Small;
            Classifier::DenseNet(DenseNet::new(input, classes, [depth, growth], compression, small)?)
        }
    })
}
