//! The neural attack: h trained afresh on the half that the attacker knows, its logit the score.
//!
//! Not the game's attack network, which is part of the defense. He initialisation,
//! Adam, batches half members and half not, the last epoch, never the best one.

use crate::audit::evidence::Evidence;
use crate::error::{Error, Kind, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, NodeId, Tensor};
use crate::nn::{AttackInput, AttackNetwork, LabelEncoding, Optimizer};
use crate::ops::{Format, GainForm, GatherLabels, GatherRows, MembershipGain, gradients};
use crate::plan::{Bound, replicas_within};
use crate::random::{Stream, stream};
use crate::run::config::AuditConfig;
use crate::train::steps::{ScoreTable, Steps, TapeWords, Tapes};
use crate::train::{Batches, Pace};
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;

/// Streams of batches beside those of training.
const KNOWN_MEMBERS: u32 = 16;
const KNOWN_NONMEMBERS: u32 = 17;
/// The network's number among those that are initialized.
const NETWORK: u32 = 2;
/// Records of a scoring pass.
const SCORED: usize = 256;

/// What the attack must reach where a signal was planted ([`plant`]), to count as trained.
pub const CONTROL: f64 = 0.9;

/// What one attack network is trained on and asked about.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// Logits `[N, C]`.
    pub outputs: Vec<f32>,
    /// C.
    pub classes: usize,
    /// `[N]`.
    pub labels: Vec<u32>,
    /// Of the N, the members and the non-members to learn from.
    pub known: [Vec<u32>; 2],
    /// Of its first weights and of the order of its batches.
    pub seed: u64,
}

/// What is told while attack networks are trained.
#[derive(Debug, Clone, Copy)]
pub enum Told<'e> {
    /// So many epochs of so many are done, of all networks.
    Progress(usize, usize),
    /// Memory did not hold a group: it, and every later one, is half as large.
    Halved(&'e Error),
}

impl From<&Evidence<'_>> for Lesson {
    fn from(evidence: &Evidence) -> Self {
        let shifted = |i: &u32| i + evidence.members as u32;
        Lesson {
            outputs: evidence.network_inputs(),
            classes: evidence.classes,
            labels: evidence.labels.clone(),
            known: [
                evidence.halves.known_members.clone(),
                evidence.halves.known_nonmembers.iter().map(shifted).collect(),
            ],
            seed: evidence.seed,
        }
    }
}

impl Lesson {
    /// Refuses what the network for so many `classes` cannot be trained on.
    fn check(&self, classes: usize) -> Result<()> {
        let refused = |what: &str, expected: String, found: String| {
            Err(Error::data(format!("neural attack: {what}")).expected(expected).found(found))
        };
        let records = self.labels.len();
        if self.classes != classes {
            return refused("classes", format!("{classes}, as of the first model"), self.classes.to_string());
        }
        if self.outputs.len() != records * classes {
            let expected = format!("{} of {records} records", records * classes);
            return refused("outputs", expected, self.outputs.len().to_string());
        }
        if let Some(label) = self.labels.iter().find(|label| **label as usize >= classes) {
            return refused("labels", format!("labels below {classes}"), label.to_string());
        }
        if self.known.iter().any(Vec::is_empty) {
            let found = format!("{} and {}", self.known[0].len(), self.known[1].len());
            return refused("known records", "members and non-members".to_string(), found);
        }
        match self.known.iter().flatten().find(|row| **row as usize >= records) {
            Some(row) => refused("known records", format!("numbers below {records}"), row.to_string()),
            None => Ok(()),
        }
    }
}

/// The evidence's lesson with a signal that any trained attack finds: members' predictions are mixed half and
/// half with class 0, non-members' with class 1.
pub fn plant(evidence: &Evidence) -> Lesson {
    let mut planted = Lesson::from(evidence);
    for (i, row) in planted.outputs.chunks_exact_mut(evidence.classes).enumerate() {
        let mark = usize::from(i >= evidence.members).min(evidence.classes - 1);
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = row.iter().map(|z| (z - top).exp()).sum();
        for (c, z) in row.iter_mut().enumerate() {
            let p = (*z - top).exp() / total;
            let mixed = 0.5 * p + if c == mark { 0.5 } else { 0.0 };
            *z = mixed.max(1e-30).ln();
        }
    }
    planted
}

/// The audit's attack network, for so many classes.
pub(super) fn network(config: &AuditConfig, classes: usize) -> AttackNetwork {
    let network = &config.attack;
    let layers = [&network.prediction_layers[..], &network.label_layers, &network.joint_layers];
    AttackNetwork::new(classes, layers, AttackInput::Softmax, 0, LabelEncoding::ZeroOne)
}

/// Trains an attack a lesson, as many at once as memory allows, and returns every record's logit. An epoch is
/// as many batches as the longer of a lesson's lists to learn from makes; the shorter is gone through again.
///
/// # Errors
/// Lessons of different numbers of classes, without known records of either kind, with records or labels that
/// there are not; sizes beyond the adapter's limits, a lost device, an interruption.
pub fn train<'l>(
    context: &Context,
    config: &AuditConfig,
    lessons: &'l [Lesson],
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Told),
) -> Result<Vec<Vec<f64>>> {
    let Some(classes) = lessons.first().map(|lesson| lesson.classes) else { return Ok(vec![]) };
    lessons.iter().try_for_each(|lesson| lesson.check(classes))?;
    let attack = network(config, classes);
    // Those of one size: a lesson's epoch must not be longer for the company that it is in.
    let mut groups = VecDeque::new();
    for alike in lessons.chunk_by(|a, b| size(a) == size(b)) {
        let (records, known) = size(&alike[0]);
        let half = (config.batch / 2).min(known);
        let shape = Shape { records, classes, half, steps: known / half, epochs: config.epochs };
        let graph = training_graph(&attack, shape)?.graph;
        let most = replicas_within(&graph, context.limits().tensor_bytes());
        let most = most.clamp(1, context.limits().workgroups as usize);
        groups.extend(alike.chunks(most).map(|group| (shape, group)));
    }
    let total = lessons.len() * config.epochs;
    let mut scores = vec![];
    while let Some((shape, group)) = groups.pop_front() {
        let before = scores.len() * config.epochs;
        let watch =
            &mut |epochs: usize, _: &[f32]| tell(Told::Progress(before + epochs * group.len(), total));
        let watched = Watched { records: &[], watch };
        match train_group(context, config, &attack, shape, group, stop, watched) {
            Ok(found) => scores.extend(found),
            // Half as many may fit, here and of every later group; results do not depend on it.
            Err(error) if error.kind == Kind::Memory && group.len() > 1 => {
                tell(Told::Halved(&error));
                let most = group.len().div_ceil(2);
                groups.push_front((shape, group));
                let chunks = |(shape, group): (Shape, &'l [Lesson])| {
                    group.chunks(most).map(move |group| (shape, group))
                };
                groups = groups.into_iter().flat_map(chunks).collect();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(scores)
}

/// Trains `attack` by one lesson and hands the logits of `scored` to `watch` after every epoch.
///
/// # Errors
/// As [`train`]; records to score that there are not.
pub(super) fn train_watched(
    context: &Context,
    config: &AuditConfig,
    attack: &AttackNetwork,
    lesson: &Lesson,
    scored: &[u32],
    stop: &AtomicBool,
    watch: &mut dyn FnMut(&[f32]),
) -> Result<()> {
    lesson.check(lesson.classes)?;
    let (records, known) = size(lesson);
    let half = (config.batch / 2).min(known);
    let shape = Shape { records, classes: lesson.classes, half, steps: known / half, epochs: config.epochs };
    let lessons = std::slice::from_ref(lesson);
    let watched = Watched { records: scored, watch: &mut |_, logits| watch(logits) };
    train_group(context, config, attack, shape, lessons, stop, watched).map(drop)
}

/// What is told after every epoch: how many there were, and the logits of these records of the first lesson.
struct Watched<'w> {
    records: &'w [u32],
    watch: &'w mut dyn FnMut(usize, &[f32]),
}

/// Records in all, and in the longer of the lists to learn from.
fn size(lesson: &Lesson) -> (usize, usize) {
    (lesson.labels.len(), lesson.known.iter().map(Vec::len).max().unwrap_or(0))
}

/// At least `size` of `records`, gone through again and again.
fn enough(records: &[u32], size: usize) -> Vec<u32> {
    records.repeat(size.div_ceil(records.len()).max(1))
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    /// N.
    records: usize,
    /// C.
    classes: usize,
    /// Members of a batch, and non-members.
    half: usize,
    /// Steps an epoch.
    steps: usize,
    epochs: usize,
}

/// The attack network in a graph, applied to a line of the tape of rows.
struct Nodes {
    graph: Graph,
    tapes: Tapes,
    /// u32 `[N, pitch]`: the bits of each replica's logits.
    logits: NodeId,
    /// u32 `[N, 1]`.
    labels: NodeId,
    /// `[3, P]`.
    state: NodeId,
    /// Views of the state, a layer each.
    weights: Vec<NodeId>,
    /// The network's logits `[batch, 1]`.
    s: NodeId,
}

impl Nodes {
    /// With tapes of so many `lines`, each with the records of a batch and `scalars` scalars; with none it
    /// scores.
    fn new(
        attack: &AttackNetwork,
        shape: Shape,
        [lines, batch]: [usize; 2],
        scalars: usize,
    ) -> Result<(Self, Option<NodeId>)> {
        let mut graph = Graph::new();
        let g = &mut graph;
        let logits = g.input("logits", Tensor::u32(shape.records, Format::Floats.words(shape.classes)));
        let labels = g.input("labels", Tensor::u32(shape.records, 1));
        let (mut tapes, rows) = match scalars {
            0 => Tapes::scoring(g, lines, batch)?,
            _ => Tapes::new(g, lines, batch, 0)?,
        };
        let z = g.apply(
            GatherRows { format: Format::Floats, width: shape.classes, most: None },
            &[logits, rows],
        )?;
        // Padding has a label beyond the classes; its logit is computed from other rows and dropped.
        let y = g.apply(GatherLabels, &[labels, rows])?;
        let state = g.state("attack", Optimizer::Adam.state(attack.parameters.elements()));
        let scalars = match scalars {
            0 => None,
            width => Some(tapes.scalars(g, Tensor::f32(1, width))?),
        };
        let weights = attack.parameters.views(g, state)?;
        let (s, _) = attack.forward(g, &weights, z, y)?;
        Ok((Nodes { graph, tapes, logits, labels, state, weights, s }, scalars))
    }
}

/// A step of training; tapes of an epoch.
fn training_graph(attack: &AttackNetwork, shape: Shape) -> Result<Nodes> {
    let sizes = [shape.steps, 2 * shape.half];
    let (mut nodes, scalars) = Nodes::new(attack, shape, sizes, Optimizer::SCALARS.len())?;
    let g = &mut nodes.graph;
    let gain = g.apply(MembershipGain { form: GainForm::Log, members: shape.half }, &[nodes.s])?;
    let ascend = g.constant(-1.0);
    let parts = gradients(g, &[(gain, ascend)], &nodes.weights)?;
    let gradient = g.pack("gradient", &parts);
    if let Some(scalars) = scalars {
        Optimizer::Adam.update(g, nodes.state, gradient, scalars, 0, 0.0)?;
    }
    nodes.tapes.advance(g)?;
    Ok(nodes)
}

/// The memory of a group of lessons on the GPU.
struct Memory {
    logits: Buffer,
    labels: Buffer,
    state: Buffer,
}

impl Memory {
    fn upload(
        context: &Context,
        config: &AuditConfig,
        attack: &AttackNetwork,
        shape: Shape,
        lessons: &[Lesson],
    ) -> Result<Self> {
        let width = Format::Floats.words(shape.classes);
        let (mut logits, mut labels, mut state): (Vec<u32>, Vec<u32>, Vec<f32>) = (vec![], vec![], vec![]);
        for lesson in lessons {
            for row in lesson.outputs.chunks_exact(shape.classes) {
                logits.extend(row.iter().map(|&v| v.to_bits()));
                logits.resize(logits.len().next_multiple_of(width), 0);
            }
            labels.extend(&lesson.labels);
            let mut rng = stream(lesson.seed, Stream::Initialization { network: NETWORK });
            state.extend(attack.parameters.start(config.attack.initialisation, Optimizer::Adam, &mut rng));
        }
        Ok(Memory {
            logits: context.upload("logits", &logits)?,
            labels: context.upload("labels", &labels)?,
            state: context.upload("attack", bytemuck::cast_slice(&state))?,
        })
    }

    fn bound(&self, nodes: &Nodes) -> Bound {
        let Memory { logits, labels, state } = self;
        let pairs = [(nodes.logits, logits), (nodes.labels, labels), (nodes.state, state)];
        pairs.into_iter().map(|(node, buffer)| (node, buffer.clone())).collect()
    }
}

/// Trains the networks of lessons of one shape at once.
fn train_group(
    context: &Context,
    config: &AuditConfig,
    attack: &AttackNetwork,
    shape: Shape,
    lessons: &[Lesson],
    stop: &AtomicBool,
    watched: Watched,
) -> Result<Vec<Vec<f64>>> {
    let memory = Memory::upload(context, config, attack, shape, lessons)?;
    let nodes = training_graph(attack, shape)?;
    let sizes = [lessons.len(), shape.records];
    let bound = memory.bound(&nodes);
    let mut steps = Steps::compile(context, &nodes.graph, &nodes.tapes, bound, sizes, &[])?;
    let stream_of = |lesson: &Lesson, which: u32, records: &[u32]| {
        Batches::new(lesson.seed, which, &enough(records, shape.half), shape.half)
    };
    let mut batches = vec![];
    for lesson in lessons {
        let [members, nonmembers] = &lesson.known;
        batches.push([
            stream_of(lesson, KNOWN_MEMBERS, members)?,
            stream_of(lesson, KNOWN_NONMEMBERS, nonmembers)?,
        ]);
    }
    let lines = shape.records.div_ceil(SCORED);
    let (scoring, _) = Nodes::new(attack, shape, [lines, SCORED], 0)?;
    let bound = memory.bound(&scoring);
    let mut table = ScoreTable::compile(context, scoring.graph, &scoring.tapes, scoring.s, bound, sizes)?;
    let mut pace = Pace::new(context, stop);
    for epoch in 0..shape.epochs {
        let first = (epoch * shape.steps) as u64;
        let mut words = TapeWords::default();
        for pair in &mut batches {
            for step in first..first + shape.steps as u64 {
                pair.iter_mut().for_each(|b| words.rows.extend(b.batch(step)));
                words.scalars.extend(Optimizer::Adam.scalars(config.learning_rate, 0.0, step + 1, true));
            }
        }
        steps.write(context, &words)?;
        steps.run(&mut pace, shape.steps, &mut |_| {})?;
        let logits = match watched.records {
            [] => vec![],
            records => table.fill(context, &[records.to_vec()], stop)?.swap_remove(0),
        };
        (watched.watch)(epoch + 1, &logits);
    }

    let all = vec![(0..shape.records as u32).collect(); lessons.len()];
    let scores = table.fill(context, &all, stop)?;
    Ok(scores.into_iter().map(|scores| scores.into_iter().map(f64::from).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_that_kernels_would_read_beyond_is_refused() {
        let lesson = Lesson {
            outputs: vec![0.0; 12],
            classes: 3,
            labels: vec![0, 1, 2, 0],
            known: [vec![0], vec![3]],
            seed: 0,
        };
        lesson.check(3).unwrap();
        let refused = |change: fn(&mut Lesson), part: &str| {
            let mut lesson = lesson.clone();
            change(&mut lesson);
            let error = lesson.check(3).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        refused(|l| l.classes = 4, "classes: expected 3");
        refused(|l| l.outputs.truncate(11), "12 of 4 records");
        refused(|l| l.labels[1] = 3, "labels below 3");
        refused(|l| l.known[1] = vec![4], "numbers below 4");
        refused(|l| l.known[0].clear(), "found 0 and 1");
    }
}
