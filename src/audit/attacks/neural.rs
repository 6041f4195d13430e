//! The neural attack: h trained afresh on the half that the attacker knows, its logit the score.
//!
//! Not the game's attack network, which is part of the defense. He initialisation,
//! Adam, batches half members and half not, the last epoch, never the best one.

use super::scores::OutputForm;
use crate::audit::evidence::Evidence;
use crate::error::Result;
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, NodeId, Tensor};
use crate::nn::{Attack, AttackInput, LabelEncoding, Optimizer, SCALARS};
use crate::ops::{
    Advance, Format, GainForm, GatherLabels, GatherRows, MembershipGain, PADDING, StoreRows, Tape, gradients,
};
use crate::plan::{Bound, Plan, replicas_within};
use crate::random::{Stream, stream};
use crate::run::config::AuditConfig;
use crate::train::{Batches, Pace};
use std::sync::atomic::AtomicBool;

/// Streams of batches beside those of training.
const KNOWN_MEMBERS: u32 = 16;
const KNOWN_NONMEMBERS: u32 = 17;
/// The network's number among those that are initialised.
const NETWORK: u32 = 2;
/// Records of a scoring pass.
const SCORED: usize = 256;

/// What the attack must reach where a signal was planted ([`plant`]), to count as trained.
pub const CONTROL: f64 = 0.9;

/// What one attack network is trained on and asked about.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// `[N, C]`.
    pub outputs: Vec<f32>,
    pub form: OutputForm,
    /// C.
    pub classes: usize,
    /// `[N]`.
    pub labels: Vec<u32>,
    /// Of the N, the members and the non-members to learn from.
    pub known: [Vec<u32>; 2],
    pub seed: u64,
}

impl From<&Evidence<'_>> for Lesson {
    fn from(evidence: &Evidence) -> Self {
        let shifted = |i: &u32| i + evidence.members as u32;
        Lesson {
            outputs: evidence.outputs.clone(),
            form: evidence.form,
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

/// The evidence's lesson with a signal that any trained attack finds: members' predictions are mixed half and
/// half with class 0, non-members' with class 1.
pub fn plant(evidence: &Evidence) -> Lesson {
    let mut planted = Lesson::from(evidence);
    for (i, row) in planted.outputs.chunks_exact_mut(evidence.classes).enumerate() {
        let mark = usize::from(i >= evidence.members).min(evidence.classes - 1);
        row.iter_mut().for_each(|z| *z = logit(evidence.form, *z));
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = row.iter().map(|z| (z - top).exp()).sum();
        for (c, z) in row.iter_mut().enumerate() {
            let p = (*z - top).exp() / total;
            let mixed = 0.5 * p + if c == mark { 0.5 } else { 0.0 };
            *z = mixed.max(1e-30).ln();
        }
    }
    Lesson { form: OutputForm::Logits, ..planted }
}

/// Trains an attack a lesson, as many at once as memory allows, and returns every record's logit. An epoch is as
/// many batches as the longer of a lesson's lists to learn from makes; the shorter is gone through again.
///
/// # Errors
/// Sizes beyond the adapter's limits, a lost device, an interruption.
///
/// # Panics
/// Lessons of different numbers of classes, or without known records of either kind.
pub fn train(
    context: &Context,
    config: &AuditConfig,
    lessons: &[Lesson],
    stop: &AtomicBool,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Vec<f64>>> {
    let network = &config.attack;
    let classes = lessons[0].classes;
    assert!(lessons.iter().all(|l| l.classes == classes), "one network's shape");
    let layers = [&network.prediction_layers[..], &network.label_layers, &network.joint_layers];
    let attack = Attack::new(classes, layers, AttackInput::Softmax, 0, LabelEncoding::ZeroOne);
    // Those of one size: a lesson's epoch must not be longer for the company that it is in.
    let mut groups = vec![];
    for alike in lessons.chunk_by(|a, b| size(a) == size(b)) {
        let (records, known) = size(&alike[0]);
        let half = (config.batch / 2).min(known);
        let shape = Shape { records, classes, half, steps: known / half, epochs: config.epochs };
        let graph = training_graph(&attack, shape)?.graph;
        let most = replicas_within(&graph, context.limits().tensor_bytes());
        let most = most.clamp(1, context.limits().workgroups as usize);
        groups.extend(alike.chunks(most).map(|group| (shape, group)));
    }
    let total = groups.len() * config.epochs;
    let mut scores = vec![];
    for (i, (shape, group)) in groups.into_iter().enumerate() {
        let mut done = |epochs: usize| progress(i * config.epochs + epochs, total);
        scores.extend(train_group(context, config, &attack, shape, group, stop, &mut done)?);
    }
    Ok(scores)
}

/// Records in all, and in the longer of the lists to learn from.
fn size(lesson: &Lesson) -> (usize, usize) {
    (lesson.labels.len(), lesson.known.iter().map(Vec::len).max().unwrap_or(0))
}

/// At least `size` of `records`, gone through again and again.
fn enough(records: &[u32], size: usize) -> Vec<u32> {
    records.repeat(size.div_ceil(records.len()).max(1))
}

/// A logit that the softmax in front of the network turns into the output again.
fn logit(form: OutputForm, output: f32) -> f32 {
    match form {
        OutputForm::Logits => output,
        OutputForm::Probabilities => output.max(1e-30).ln(),
    }
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

struct Nodes {
    graph: Graph,
    /// u32 `[N, pitch]`: the bits of each replica's logits.
    logits: NodeId,
    /// u32 `[N, 1]`.
    labels: NodeId,
    rows: NodeId,
    scalars: Option<NodeId>,
    counter: NodeId,
    state: NodeId,
    table: Option<NodeId>,
}

fn rows_graph(attack: &Attack, shape: Shape, steps: usize, batch: usize) -> Result<(Nodes, NodeId, NodeId)> {
    let mut graph = Graph::new();
    let width = Format::Floats.words(shape.classes);
    let logits = graph.input("logits", Tensor::u32(shape.records, width));
    let labels = graph.input("labels", Tensor::u32(shape.records, 1));
    let counter = graph.state("step counter", Tensor::u32(1, 1));
    let rows = graph.input("tape of rows", Tensor::u32(steps, batch));
    let line = graph.apply(Tape { line: Tensor::u32(batch, 1) }, &[rows, counter])?;
    let gather = GatherRows { format: Format::Floats, width: shape.classes };
    let z = graph.apply(gather, &[logits, line])?;
    let y = graph.apply(GatherLabels, &[labels, line])?;
    let state = graph.state("attack", Optimizer::Adam.state(attack.network.parameters()));
    let nodes = Nodes { graph, logits, labels, rows, scalars: None, counter, state, table: None };
    Ok((nodes, z, y))
}

/// A step of training; tapes of an epoch.
fn training_graph(attack: &Attack, shape: Shape) -> Result<Nodes> {
    let (mut nodes, z, y) = rows_graph(attack, shape, shape.steps, 2 * shape.half)?;
    let g = &mut nodes.graph;
    let tape = g.input("tape of scalars", Tensor::u32(shape.steps, SCALARS));
    let scalars = g.apply(Tape { line: Tensor::f32(1, SCALARS) }, &[tape, nodes.counter])?;
    nodes.scalars = Some(tape);
    let weights = attack.network.views(g, nodes.state)?;
    let (s, _) = attack.forward(g, &weights, z, y)?;
    let gain = g.apply(MembershipGain { form: GainForm::Log, members: shape.half }, &[s])?;
    let ascend = g.constant(-1.0);
    let parts = gradients(g, &[(gain, ascend)], &weights)?;
    let gradient = g.pack("gradient", &parts);
    Optimizer::Adam.update(g, nodes.state, gradient, scalars, 0, 0.0)?;
    g.update(Advance, &[nodes.counter])?;
    Ok(nodes)
}

/// A scoring pass over all records, logits into a table `[N, 1]`.
fn scoring_graph(attack: &Attack, shape: Shape) -> Result<Nodes> {
    let (mut nodes, z, y) = rows_graph(attack, shape, shape.records.div_ceil(SCORED), SCORED)?;
    let g = &mut nodes.graph;
    let weights = attack.network.views(g, nodes.state)?;
    // Padding has a label beyond the classes; its logit is computed from other rows and dropped.
    let (s, _) = attack.forward(g, &weights, z, y)?;
    let table = g.state("table", Tensor::f32(shape.records, 1));
    g.update(StoreRows, &[table, s, nodes.counter])?;
    g.update(Advance, &[nodes.counter])?;
    nodes.table = Some(table);
    Ok(nodes)
}

fn train_group(
    context: &Context,
    config: &AuditConfig,
    attack: &Attack,
    shape: Shape,
    lessons: &[Lesson],
    stop: &AtomicBool,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<Vec<f64>>> {
    let replicas = lessons.len();
    let nodes = training_graph(attack, shape)?;
    let width = Format::Floats.words(shape.classes);
    let (mut logits, mut labels): (Vec<u32>, Vec<u32>) = (vec![], vec![]);
    for (r, lesson) in lessons.iter().enumerate() {
        for row in lesson.outputs.chunks_exact(shape.classes) {
            logits.extend(row.iter().map(|&v| logit(lesson.form, v).to_bits()));
            logits.resize(logits.len().next_multiple_of(width), 0);
        }
        labels.extend(&lesson.labels);
        logits.resize((r + 1) * shape.records * width, 0);
        labels.resize((r + 1) * shape.records, 0);
    }
    let start: Vec<f32> = lessons
        .iter()
        .flat_map(|l| {
            let mut rng = stream(l.seed, Stream::Initialisation { network: NETWORK });
            attack.network.start(config.attack.initialisation, Optimizer::Adam, &mut rng)
        })
        .collect();
    let logits = context.upload("logits", &logits)?;
    let labels = context.upload("labels", &labels)?;
    let state = context.upload("attack", bytemuck::cast_slice(&start))?;
    let allocate = |nodes: &Nodes, node: NodeId| {
        context.allocate(&nodes.graph.node(node).label, &nodes.graph.tensor(node), replicas)
    };
    let bind = |nodes: &Nodes| -> Result<(Bound, Buffer, Buffer)> {
        let (rows, counter) = (allocate(nodes, nodes.rows)?, allocate(nodes, nodes.counter)?);
        let bound = Bound::from([
            (nodes.logits, logits.clone()),
            (nodes.labels, labels.clone()),
            (nodes.state, state.clone()),
            (nodes.rows, rows.clone()),
            (nodes.counter, counter.clone()),
        ]);
        Ok((bound, rows, counter))
    };
    let (mut bound, rows, counter) = bind(&nodes)?;
    let mut scalars = None;
    if let Some(node) = nodes.scalars {
        let buffer = allocate(&nodes, node)?;
        bound.insert(node, buffer.clone());
        scalars = Some(buffer);
    }
    let plan = Plan::compile(context, &nodes.graph, replicas, &bound, &[])?;
    let mut batches: Vec<[Batches; 2]> = lessons
        .iter()
        .map(|l| {
            let of = |which, records: &[u32]| {
                Batches::new(l.seed, which, &enough(records, shape.half), shape.half)
            };
            [of(KNOWN_MEMBERS, &l.known[0]), of(KNOWN_NONMEMBERS, &l.known[1])]
        })
        .collect();
    let (mut pace, mut per_submission) = (Pace::new(context, stop), 1);
    for epoch in 0..shape.epochs {
        let first = (epoch * shape.steps) as u64;
        let steps = first..first + shape.steps as u64;
        let mut tape = vec![];
        for pair in &mut batches {
            for step in steps.clone() {
                pair.iter_mut().for_each(|b| tape.extend(b.batch(step)));
            }
        }
        let line: Vec<f32> = steps
            .flat_map(|step| Optimizer::Adam.scalars(config.learning_rate, 0.0, step + 1, true))
            .collect();
        context.write(&rows, 0, &tape);
        if let Some(scalars) = &scalars {
            context.write_f32(scalars, 0, &line.repeat(replicas));
        }
        context.write(&counter, 0, &vec![0; replicas]);
        pace.run(&plan, shape.steps, &mut per_submission, &mut |_| {})?;
        done(epoch + 1);
    }

    let nodes = scoring_graph(attack, shape)?;
    let (mut bound, rows, counter) = bind(&nodes)?;
    let mut tape: Vec<u32> = (0..shape.records as u32).collect();
    tape.resize(shape.records.next_multiple_of(SCORED), PADDING);
    context.write(&rows, 0, &tape.repeat(replicas));
    context.write(&counter, 0, &vec![0; replicas]);
    let tensor = Tensor::f32(shape.records, 1);
    let table = context.allocate("table", &tensor, replicas)?;
    if let Some(node) = nodes.table {
        bound.insert(node, table.clone());
    }
    let plan = Plan::compile(context, &nodes.graph, replicas, &bound, &[])?;
    pace.run(&plan, shape.records.div_ceil(SCORED), &mut 1, &mut |_| {})?;
    let values = context.read_f32(&table, replicas * tensor.elements())?;
    let of = |r: usize| values[r * tensor.elements()..][..tensor.elements()].chunks_exact(tensor.pitch());
    let asked = lessons.iter().map(|l| l.labels.len());
    Ok((0..replicas).zip(asked).map(|(r, n)| of(r).take(n).map(|row| f64::from(row[0])).collect()).collect())
}
