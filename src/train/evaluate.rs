//! Forward passes over many records: counts of right answers on the GPU, whole tables of logits, and whether
//! the attack network is alive.

use super::pace::Pace;
use super::recipe::Recipe;
use super::resident::{Resident, ResidentLayout};
use super::steps::{ScoreTable, Steps, TapeWords, Tapes, longest, padded};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, Kind, NodeId, Tensor};
use crate::nn::Mode;
use crate::ops::{ClassifierCounts, CountClassifier, Reduce};
use crate::plan::Bound;
use std::sync::atomic::AtomicBool;

/// Records a forward pass at most.
const BATCH: usize = 256;

/// A trained classifier's memory on the GPU.
#[derive(Debug, Clone)]
pub struct Weights {
    /// `[R, rows, P]` of its optimizer.
    pub state: Buffer,
    /// `[R, 2, ΣC]`, with batch normalization.
    pub statistics: Option<Buffer>,
}

impl Weights {
    fn bind(&self, nodes: &Evaluated, bound: &mut Bound) {
        bound.insert(nodes.state, self.state.clone());
        bound.extend(nodes.statistics.zip(self.statistics.clone()));
    }
}

/// The classifier in evaluation mode in a graph.
#[derive(Debug, Clone, Copy)]
pub struct Evaluated {
    /// The network's state: parameters `[1, P]` and the optimizer's moments in rows after them.
    pub state: NodeId,
    /// Its running statistics `[2, ΣC]`, where it has batch normalization.
    pub statistics: Option<NodeId>,
    /// Logits `[B, C]`.
    pub z: NodeId,
}

impl Recipe {
    /// Adds the classifier's pass over x `[B, F]` in evaluation mode to `graph`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn evaluate(&self, graph: &mut Graph, x: NodeId) -> Result<Evaluated> {
        let network = &self.classifier.network;
        let state = graph.state("classifier", self.classifier.state());
        let statistics = network.parameters().statistics();
        let statistics = statistics.map(|tensor| graph.state("running statistics", tensor));
        let weights = network.parameters().views(graph, state)?;
        let z = network.forward(graph, &weights, &mut statistics.clone(), x, Mode::Evaluation)?;
        Ok(Evaluated { state, statistics, z })
    }
}

/// Records a forward pass, as many as the adapter's `limit` on a tensor's bytes allows; and the bytes of the
/// largest tensor, a replica.
///
/// # Errors
/// Shapes that do not fit, a bug.
pub fn batch(recipe: &Recipe, layout: ResidentLayout, limit: u64) -> Result<(usize, u64)> {
    let mut graph = Graph::new();
    let x = graph.input("x", Tensor::f32(1, layout.features()));
    recipe.evaluate(&mut graph, x)?;
    let tensors = graph.nodes().iter().filter(|n| !matches!(n.kind, Kind::State | Kind::View { .. }));
    let record = tensors.map(|n| 4 * n.tensor.elements() as u64).max().unwrap_or(4);
    let most = usize::try_from(limit / record).unwrap_or(BATCH).clamp(1, BATCH);
    // Whole tiles of rows, where there is more than one.
    let rows = if most < 32 { most } else { most / 32 * 32 };
    Ok((rows, record * rows as u64))
}

/// A graph that takes records through the classifier, a line of the tape a run.
pub(super) struct Walk {
    pub(super) graph: Graph,
    pub(super) bound: Bound,
    pub(super) tapes: Tapes,
    /// u32 `[batch, 1]`.
    pub(super) labels: NodeId,
    /// Logits `[batch, C]`.
    pub(super) z: NodeId,
    /// What the classes weigh, `[1, C]`, where that is not the same.
    class_weights: Option<NodeId>,
}

impl Walk {
    pub(super) fn new(
        recipe: &Recipe,
        resident: &Resident,
        classifier: &Weights,
        [lines, batch]: [usize; 2],
    ) -> Result<Self> {
        let (mut graph, mut bound) = (Graph::new(), Bound::new());
        let data = resident.layout.nodes(&mut graph);
        resident.bind(&data, &mut bound);
        let (tapes, rows) = Tapes::scoring(&mut graph, lines, batch)?;
        let (x, labels) = data.gather(&mut graph, rows, None)?;
        let nodes = recipe.evaluate(&mut graph, x)?;
        classifier.bind(&nodes, &mut bound);
        Ok(Walk { graph, bound, tapes, labels, z: nodes.z, class_weights: data.class_weights })
    }
}

/// What a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// One.
    Records,
    /// What its class weighs in training.
    Weights,
}

/// Counts right answers on fixed records, again and again as the classifier changes.
#[derive(Debug)]
pub struct Scorer {
    steps: Steps,
    /// `[R, 1, 4]`, [`CountClassifier`]'s.
    pub counts: Buffer,
    replicas: usize,
}

impl Scorer {
    /// For `records`, one list a replica.
    ///
    /// # Errors
    /// Records or labels beyond the data or the classes, sizes beyond the adapter's limits or memory.
    pub fn new(
        context: &Context,
        recipe: &Recipe,
        (resident, counting): (&Resident, Counting),
        classifier: &Weights,
        records: &[Vec<u32>],
    ) -> Result<Self> {
        resident.check_classes(recipe.classes)?;
        let replicas = records.len();
        let (batch, _) = batch(recipe, resident.layout, context.limits().tensor_bytes())?;
        let lines = longest(records).div_ceil(batch).max(1);
        let Walk { mut graph, mut bound, tapes, labels, z, class_weights } =
            Walk::new(recipe, resident, classifier, [lines, batch])?;
        let tensor = Tensor::f32(1, ClassifierCounts::WIDTH);
        let counts = graph.state("counts", tensor);
        let buffer = context.allocate("counts", &tensor, replicas)?;
        bound.insert(counts, buffer.clone());
        let weights = class_weights.filter(|_| counting == Counting::Weights);
        let inputs = [counts, z, labels].into_iter().chain(weights).chain([tapes.counter]);
        graph.update(CountClassifier, &inputs.collect::<Vec<_>>())?;
        tapes.advance(&mut graph)?;
        let sizes = [replicas, resident.layout.records];
        let mut steps = Steps::compile(context, &graph, &tapes, bound, sizes, &[])?;
        let rows = padded(records, lines * batch)?;
        steps.write(context, &TapeWords { rows, ..TapeWords::default() })?;
        Ok(Scorer { steps, counts: buffer, replicas })
    }

    /// Submits the passes; the counts are there once they are done.
    ///
    /// # Errors
    /// As [`Pace::run`].
    pub fn submit(&mut self, context: &Context, pace: &mut Pace) -> Result<()> {
        self.steps.rewind(context)?;
        context.write(&self.counts, 0, &vec![0; self.replicas * ClassifierCounts::WIDTH])?;
        self.steps.run(pace, self.steps.lines(), &mut |_| {})
    }
}

/// Logits `[N, C]` of `records`, N numbers a replica, for each replica.
///
/// # Errors
/// Records beyond the data; as [`Scorer::new`] and [`Pace::run`].
pub fn logits(
    context: &Context,
    recipe: &Recipe,
    resident: &Resident,
    classifier: &Weights,
    records: &[Vec<u32>],
    stop: &AtomicBool,
) -> Result<Vec<Vec<f32>>> {
    let (replicas, total) = (records.len(), longest(records));
    let (batch, _) = batch(recipe, resident.layout, context.limits().tensor_bytes())?;
    let pitch = Tensor::f32(1, recipe.classes).pitch();
    // Portions of the table: at most 64 MB, so that reading back needs little memory.
    let most = context.limits().tensor_bytes().min(64 << 20) as usize / (4 * pitch * replicas.max(1));
    let portion = (most / batch).max(1) * batch;
    let portion = portion.min(total.next_multiple_of(batch));
    if total == 0 {
        return Ok(vec![vec![]; replicas]);
    }
    let Walk { graph, bound, tapes, z, .. } =
        Walk::new(recipe, resident, classifier, [portion / batch, batch])?;
    let sizes = [replicas, resident.layout.records];
    ScoreTable::compile(context, graph, &tapes, z, bound, sizes)?.fill_all(context, records, stop)
}

/// Whether layers of h are dead: the sum of each hidden layer's (non-negative) outputs over one batch.
#[derive(Debug)]
pub struct Probe {
    steps: Steps,
    /// A scalar `[R, 1, 1]` a hidden layer.
    pub sums: Vec<Buffer>,
}

impl Probe {
    /// Looks at `rows`, u32 `[B]` a replica, all of one length.
    ///
    /// # Errors
    /// A recipe without an attack network; as [`Scorer::new`].
    pub fn new(
        context: &Context,
        recipe: &Recipe,
        resident: &Resident,
        classifier: &Weights,
        attack: &Buffer,
        rows: &[Vec<u32>],
    ) -> Result<Self> {
        resident.check_classes(recipe.classes)?;
        let adversary =
            recipe.adversary.as_ref().ok_or_else(|| Error::graph("probe").expected("an attack network"))?;
        let batch = longest(rows);
        let Walk { mut graph, mut bound, tapes, labels, z, .. } =
            Walk::new(recipe, resident, classifier, [1, batch])?;
        let h = graph.state("attack", adversary.state());
        bound.insert(h, attack.clone());
        let weights = adversary.network.parameters.views(&mut graph, h)?;
        let (_, hidden) = adversary.network.forward(&mut graph, &weights, z, labels)?;
        let sum = |layer| graph.apply(Reduce::SUM, &[layer]);
        let sums: Vec<NodeId> = hidden.into_iter().map(sum).collect::<Result<_>>()?;
        tapes.advance(&mut graph)?;
        let sizes = [rows.len(), resident.layout.records];
        let mut steps = Steps::compile(context, &graph, &tapes, bound, sizes, &sums)?;
        steps.write(context, &TapeWords { rows: padded(rows, batch)?, ..TapeWords::default() })?;
        let sums = sums.iter().filter_map(|&sum| steps.result(sum).cloned()).collect();
        Ok(Probe { steps, sums })
    }

    /// Submits the pass.
    ///
    /// # Errors
    /// As [`Pace::run`].
    pub fn submit(&mut self, context: &Context, pace: &mut Pace) -> Result<()> {
        self.steps.rewind(context)?;
        self.steps.run(pace, 1, &mut |_| {})
    }
}
