//! Forward passes over many records: counts of right answers on the GPU, and whole tables of logits.

use super::game::{Evaluated, Game};
use super::pace::Pace;
use super::resident::{Layout, Resident};
use crate::error::Result;
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, Kind, NodeId, Tensor};
use crate::ops::{Advance, CLASSIFIER_COUNTS, CountClassifier, PADDING, StoreRows, Tape};
use crate::plan::{Bound, Plan};
use std::sync::atomic::AtomicBool;

/// Records a forward pass at most.
const BATCH: usize = 256;

/// A trained classifier's memory on the GPU.
#[derive(Debug, Clone)]
pub struct Weights {
    /// `[R, rows, P]` of its optimiser.
    pub state: Buffer,
    /// `[R, 2, ΣC]`, with batch normalisation.
    pub statistics: Option<Buffer>,
}

impl Weights {
    fn bind(&self, nodes: &Evaluated, bound: &mut Bound) {
        bound.insert(nodes.state, self.state.clone());
        bound.extend(nodes.statistics.zip(self.statistics.clone()));
    }
}

/// Records a forward pass, as many as the adapter's `limit` on a tensor's bytes allows; and the bytes of the
/// largest tensor, a replica.
///
/// # Errors
/// Shapes that do not fit, a bug.
pub fn batch(game: &Game, layout: Layout, limit: u64) -> Result<(usize, u64)> {
    let mut graph = Graph::new();
    let x = graph.input("x", Tensor::f32(1, layout.features()));
    game.evaluate(&mut graph, x)?;
    let tensors = graph.nodes().iter().filter(|n| !matches!(n.kind, Kind::State | Kind::View { .. }));
    let record = tensors.map(|n| 4 * n.tensor.elements() as u64).max().unwrap_or(4);
    let most = usize::try_from(limit / record).unwrap_or(BATCH).clamp(1, BATCH);
    // Whole tiles of rows, where there is more than one.
    let rows = if most < 32 { most } else { most / 32 * 32 };
    Ok((rows, record * rows as u64))
}

/// The common part of a graph that walks over records in batches.
struct Walk {
    graph: Graph,
    bound: Bound,
    counter: NodeId,
    counter_buffer: Buffer,
    tape: Buffer,
    labels: NodeId,
    z: NodeId,
    steps: usize,
    /// Records a step.
    batch: usize,
}

/// The longest of the replicas' lists.
fn longest(records: &[Vec<u32>]) -> usize {
    records.iter().map(Vec::len).max().unwrap_or(0)
}

/// A tape of `records`, each replica's padded to `words_each`.
fn tape(records: &[Vec<u32>], words_each: usize) -> Vec<u32> {
    let mut words = Vec::with_capacity(records.len() * words_each);
    for rows in records {
        words.extend(rows);
        words.resize(words.len() + words_each - rows.len(), PADDING);
    }
    words
}

fn walk(
    context: &Context,
    game: &Game,
    resident: &Resident,
    classifier: &Weights,
    most: usize,
    replicas: usize,
) -> Result<Walk> {
    let (batch, _) = batch(game, resident.layout, context.limits().tensor_bytes())?;
    let steps = most.div_ceil(batch).max(1);
    let (mut graph, mut bound) = (Graph::new(), Bound::new());
    let g = &mut graph;
    let data = resident.layout.nodes(g);
    resident.bind(&data, &mut bound);
    let counter = g.state("step counter", Tensor::u32(1, 1));
    let counter_buffer = context.allocate("step counter", &g.tensor(counter), replicas)?;
    bound.insert(counter, counter_buffer.clone());
    let tape_node = g.input("tape of rows", Tensor::u32(steps, batch));
    let tape = context.allocate("tape of rows", &g.tensor(tape_node), replicas)?;
    bound.insert(tape_node, tape.clone());
    let rows = g.apply(Tape { line: Tensor::u32(batch, 1) }, &[tape_node, counter])?;
    let (x, labels) = data.gather(g, rows, None)?;
    let nodes = game.evaluate(g, x)?;
    classifier.bind(&nodes, &mut bound);
    Ok(Walk { counter, counter_buffer, tape, labels, z: nodes.z, steps, batch, graph, bound })
}

/// Counts right answers on fixed records, again and again as the classifier changes.
#[derive(Debug)]
pub struct Scorer {
    plan: Plan,
    counter: Buffer,
    /// `[R, 1, 4]`, [`CountClassifier`]'s.
    pub counts: Buffer,
    steps: usize,
    replicas: usize,
    per_submission: usize,
}

impl Scorer {
    /// For `records`, one list a replica.
    ///
    /// # Errors
    /// Sizes beyond the adapter's limits or memory.
    pub fn new(
        context: &Context,
        game: &Game,
        resident: &Resident,
        classifier: &Weights,
        records: &[Vec<u32>],
    ) -> Result<Self> {
        let replicas = records.len();
        let mut walk = walk(context, game, resident, classifier, longest(records), replicas)?;
        context.write(&walk.tape, 0, &tape(records, walk.steps * walk.batch));
        let counts = walk.graph.state("counts", Tensor::f32(1, CLASSIFIER_COUNTS));
        let buffer = context.allocate("counts", &Tensor::f32(1, CLASSIFIER_COUNTS), replicas)?;
        walk.bound.insert(counts, buffer.clone());
        walk.graph.update(CountClassifier, &[counts, walk.z, walk.labels, walk.counter])?;
        walk.graph.update(Advance, &[walk.counter])?;
        let plan = Plan::compile(context, &walk.graph, replicas, &walk.bound, &[])?;
        let counter = walk.counter_buffer;
        Ok(Scorer { plan, counter, counts: buffer, steps: walk.steps, replicas, per_submission: 1 })
    }

    /// Submits the passes; the counts are there once they are done.
    ///
    /// # Errors
    /// As [`Pace::run`].
    pub fn submit(&mut self, context: &Context, pace: &mut Pace) -> Result<()> {
        context.write(&self.counter, 0, &vec![0; self.replicas]);
        context.write(&self.counts, 0, &vec![0; self.replicas * CLASSIFIER_COUNTS]);
        pace.run(&self.plan, self.steps, &mut self.per_submission, &mut |_| {})
    }
}

/// Logits `[N, C]` of `records`, N numbers a replica, for each replica.
///
/// # Errors
/// As [`Scorer::new`] and [`Pace::run`].
pub fn logits(
    context: &Context,
    game: &Game,
    resident: &Resident,
    classifier: &Weights,
    records: &[Vec<u32>],
    stop: &AtomicBool,
) -> Result<Vec<Vec<f32>>> {
    let (replicas, total) = (records.len(), longest(records));
    let classes = game.classifier.network().layers.last().map_or(0, |l| l.outputs);
    let (batch, _) = batch(game, resident.layout, context.limits().tensor_bytes())?;
    let pitch = Tensor::f32(1, classes).pitch();
    // Portions of the table: at most 64 MB, so that reading back needs little memory.
    let most = context.limits().tensor_bytes().min(64 << 20) as usize / (4 * pitch * replicas);
    let portion = (most / batch).max(1) * batch;
    let portion = portion.min(total.next_multiple_of(batch));
    let mut walk = walk(context, game, resident, classifier, portion, replicas)?;
    let table_tensor = Tensor::f32(portion, classes);
    let table = walk.graph.state("table", table_tensor);
    let buffer = context.allocate("table of logits", &table_tensor, replicas)?;
    walk.bound.insert(table, buffer.clone());
    walk.graph.update(StoreRows, &[table, walk.z, walk.counter])?;
    walk.graph.update(Advance, &[walk.counter])?;
    let plan = Plan::compile(context, &walk.graph, replicas, &walk.bound, &[])?;
    let mut out = vec![Vec::with_capacity(total * classes); replicas];
    let mut per_submission = 1;
    for start in (0..total).step_by(portion) {
        let end = total.min(start + portion);
        let within = |r: &Vec<u32>| start.min(r.len())..end.min(r.len());
        let part: Vec<Vec<u32>> = records.iter().map(|r| r[within(r)].to_vec()).collect();
        context.write(&walk.tape, 0, &tape(&part, walk.steps * walk.batch));
        context.write(&walk.counter_buffer, 0, &vec![0; replicas]);
        let mut pace = Pace::new(context, stop);
        pace.run(&plan, (end - start).div_ceil(batch), &mut per_submission, &mut |_| {})?;
        let values = context.read_f32(&buffer, replicas * table_tensor.elements())?;
        for (r, out) in out.iter_mut().enumerate() {
            let table = &values[r * table_tensor.elements()..];
            let rows = table.chunks_exact(pitch).take(part[r].len());
            rows.for_each(|row| out.extend(&row[..classes]));
        }
    }
    Ok(out)
}

/// Whether layers of h are dead: the sum of each hidden layer's (non-negative) outputs over one batch.
#[derive(Debug)]
pub struct Probe {
    plan: Plan,
    /// A scalar `[R, 1, 1]` a hidden layer.
    pub sums: Vec<Buffer>,
}

impl Probe {
    /// Looks at `rows`, u32 `[B]` a replica, all of one length.
    ///
    /// # Errors
    /// As [`Scorer::new`].
    pub fn new(
        context: &Context,
        game: &Game,
        resident: &Resident,
        classifier: &Weights,
        attack: &Buffer,
        rows: &[Vec<u32>],
    ) -> Result<Self> {
        let layout: Layout = resident.layout;
        let (mut graph, mut bound) = (Graph::new(), Bound::new());
        let g = &mut graph;
        let data = layout.nodes(g);
        resident.bind(&data, &mut bound);
        let line = g.input("rows", Tensor::u32(rows[0].len(), 1));
        bound.insert(line, context.upload("rows", &rows.concat())?);
        let (x, labels) = data.gather(g, line, None)?;
        let f = game.evaluate(g, x)?;
        classifier.bind(&f, &mut bound);
        let network = &game.attack.network;
        let h = g.state("attack", game.attack_optimizer.state(network.parameters()));
        bound.insert(h, attack.clone());
        let weights = network.views(g, h)?;
        let (_, hidden) = game.attack.forward(g, &weights, f.z, labels)?;
        let sums: Vec<NodeId> = hidden
            .into_iter()
            .map(|layer| g.apply(crate::ops::Reduce::SUM, &[layer]))
            .collect::<Result<_>>()?;
        let plan = Plan::compile(context, &graph, rows.len(), &bound, &sums)?;
        let sums = sums.iter().filter_map(|&s| plan.place(s)).map(|p| p.buffer.clone()).collect();
        Ok(Probe { plan, sums })
    }

    /// Submits the pass.
    pub fn submit(&self, context: &Context) {
        self.plan.submit(context, 1);
    }
}
