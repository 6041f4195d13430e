//! Kernels by the clock: how fast they are, and how close to the fastest thing the same adapter did just before
//! and after (a large matrix product; a large sum of two vectors).
//!
//! Ratios within one run mean something; seconds from different runs of a shared machine do not.

use super::shapes::{self, Bench, Selection};
use crate::error::Result;
use crate::gpu::Context;
use crate::graph::{Class, Graph, NodeId, Tensor, Work};
use crate::ops::{Activation, Add, Dense};
use crate::plan::{Bound, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// A kernel is timed in so many rounds over all kernels of its group.
const ROUNDS: usize = 7;
/// Seconds that a round should give each kernel.
const SECONDS: f64 = 0.02;
/// A kernel is warm when two runs of it, one after the other, differ by less than this part; or after so many.
const STABLE: f64 = 0.05;
const WARM: usize = 10;
/// Ceilings that moved by more than this part make their group's fractions doubtful.
const MOVED: f64 = 0.1;

/// One kernel at one shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelTime {
    /// The operation.
    pub op: String,
    /// Which of its kernels ran.
    pub variant: String,
    /// The tensors it reads, then the one it writes, a replica.
    pub shape: String,
    /// Models a dispatch.
    pub replicas: usize,
    /// Time of a dispatch: the median of the rounds.
    pub microseconds: f64,
    /// The fastest round.
    pub min_microseconds: f64,
    /// The slowest round.
    pub max_microseconds: f64,
    /// Between the quartiles of the rounds, as a part of the median.
    pub spread: f64,
    /// Floating-point operations of a dispatch, where arithmetic is what counts; else 0.
    pub flops: f64,
    /// Bytes that a dispatch reads and writes, each tensor once.
    pub bytes: f64,
    /// 10⁹ floating-point operations a second, where they are counted.
    pub gflops: Option<f64>,
    /// 10⁹ bytes a second otherwise.
    pub gigabytes: Option<f64>,
    /// Of the ceiling around its group.
    pub fraction: f64,
}

/// So much work in so many seconds, in words: operations where they are counted, else bytes.
pub fn rate(work: Work, seconds: f64) -> String {
    match work.flops > 0.0 {
        true => format!("{:.1} GFLOP/s", work.flops / seconds / 1e9),
        false => format!("{:.1} GB/s", work.bytes / seconds / 1e9),
    }
}

impl KernelTime {
    /// Its rate in words.
    pub fn rate(&self) -> String {
        rate(Work { flops: self.flops, bytes: self.bytes }, self.microseconds / 1e6)
    }
}

/// What the adapter reaches at best: a large matrix product, a large sum of two vectors.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ceiling {
    /// 10⁹ floating-point operations a second.
    pub gflops: f64,
    /// 10⁹ bytes a second.
    pub gigabytes: f64,
}

impl Ceiling {
    /// The higher of both, part by part.
    fn max(self, other: Ceiling) -> Ceiling {
        Ceiling { gflops: self.gflops.max(other.gflops), gigabytes: self.gigabytes.max(other.gigabytes) }
    }

    /// What `work` takes of both at best, as parts of `seconds`: arithmetic, memory.
    pub fn parts(&self, work: Work, seconds: f64) -> [f64; 2] {
        [work.flops / self.gflops, work.bytes / self.gigabytes].map(|least| least / 1e9 / seconds)
    }
}

/// Kernels that were timed together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelGroup {
    /// Records a batch; of a shape that was asked for, its rows.
    pub batch: usize,
    /// Models a dispatch.
    pub replicas: usize,
    /// Just before and just after; fractions are of the higher.
    pub ceilings: [Ceiling; 2],
    /// Whether one of the ceilings differs by more than 10% before and after: something else ran.
    pub ceilings_moved: bool,
    /// In the order of the networks.
    pub kernels: Vec<KernelTime>,
}

/// Times what `selection` names, at `batch` records, for `replicas` models. `each` gets the rounds done, and of
/// how many.
///
/// # Errors
/// A selection of what there is not, sizes beyond the adapter's limits or memory, a lost device.
pub fn kernels(
    context: &Context,
    selection: &Selection,
    batch: usize,
    replicas: usize,
    each: &mut dyn FnMut(usize, usize),
) -> Result<KernelGroup> {
    let mut prepared = vec![];
    // What this adapter cannot bind at so many replicas is left out.
    let selected = shapes::select(&context.target(), selection, batch)?;
    for bench in selected.iter().filter(|bench| bench.fits(context, replicas)) {
        prepared.push(prepare(context, bench, replicas, selection.variant.as_deref())?);
    }
    let mut probe = Probe::new(context)?;
    let before = probe.ceiling(context)?;
    for round in 0..ROUNDS {
        for one in &mut prepared {
            one.time(context)?;
        }
        each(round + 1, ROUNDS);
    }
    let after = probe.ceiling(context)?;
    let moved = |a: f64, b: f64| (a - b).abs() > MOVED * a.max(b);
    let ceiling = before.max(after);
    Ok(KernelGroup {
        batch: selection.shape.as_ref().map_or(batch, |shape| shape[0]),
        replicas,
        ceilings: [before, after],
        ceilings_moved: moved(before.gflops, after.gflops) || moved(before.gigabytes, after.gigabytes),
        kernels: prepared.iter().map(|one| one.result(&ceiling)).collect(),
    })
}

/// What the adapter reaches at best, now.
///
/// # Errors
/// Out of memory, a lost device.
pub fn ceiling(context: &Context) -> Result<Ceiling> {
    Probe::new(context)?.ceiling(context)
}

/// What the ceilings are measured by.
struct Probe([Prepared; 2]);

impl Probe {
    fn new(context: &Context) -> Result<Self> {
        // Large enough to fill the adapter, within WebGPU's default limits.
        let (size, length) =
            if context.target().class == Class::Software { (1024, 1 << 23) } else { (4096, 1 << 25) };
        let (x, w) = (Tensor::f32(size, size), Tensor::f32(size + 1, size));
        let matmul = Bench::of(Dense { activation: Activation::Identity }, vec![x, w]);
        let sum = Bench::of(Add, vec![Tensor::f32(1, length), Tensor::f32(1, length)]);
        Ok(Probe([prepare(context, &matmul, 1, None)?, prepare(context, &sum, 1, None)?]))
    }

    fn ceiling(&mut self, context: &Context) -> Result<Ceiling> {
        for one in &mut self.0 {
            one.seconds.clear();
            (0..3).try_for_each(|_| one.time(context))?;
        }
        let [matmul, sum] = &self.0;
        let gigabytes = sum.work.bytes / median(&sum.seconds) / 1e9;
        Ok(Ceiling { gflops: matmul.work.flops / median(&matmul.seconds) / 1e9, gigabytes })
    }
}

/// A benchmark that is ready to run.
pub(super) struct Prepared {
    name: String,
    variant: String,
    shape: String,
    replicas: usize,
    pub plan: Plan,
    /// Runs a submission.
    pub repeats: usize,
    work: Work,
    seconds: Vec<f64>,
}

impl Prepared {
    /// Times one more round.
    fn time(&mut self, context: &Context) -> Result<()> {
        self.seconds.push(seconds(context, &self.plan, self.repeats)?);
        Ok(())
    }

    fn result(&self, ceiling: &Ceiling) -> KernelTime {
        let mut sorted: Vec<f64> = self.seconds.iter().map(|s| 1e6 * s).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |part: usize| sorted[part * (sorted.len() - 1) / 4];
        let (median, Work { flops, bytes }) = (at(2), self.work);
        let [arithmetic, memory] = ceiling.parts(self.work, median / 1e6);
        let counted = flops > 0.0;
        KernelTime {
            op: self.name.clone(),
            variant: self.variant.clone(),
            shape: self.shape.clone(),
            replicas: self.replicas,
            microseconds: median,
            min_microseconds: at(0),
            max_microseconds: at(4),
            spread: (at(3) - at(1)) / median,
            flops,
            bytes,
            gflops: counted.then_some(flops / median / 1e3),
            gigabytes: (!counted).then_some(bytes / median / 1e3),
            fraction: if counted { arithmetic } else { memory },
        }
    }
}

/// Seconds a run, of `repeats` in one submission.
pub(super) fn seconds(context: &Context, plan: &Plan, repeats: usize) -> Result<f64> {
    let started = Instant::now();
    context.wait_for(&plan.submit(context, repeats))?;
    Ok(started.elapsed().as_secs_f64() / repeats as f64)
}

/// Compiles a benchmark with this variant, or the one that a run uses, and runs it until it is warm.
pub(super) fn prepare(
    context: &Context,
    bench: &Bench,
    replicas: usize,
    variant: Option<&str>,
) -> Result<Prepared> {
    let mut graph = Graph::new();
    let mut bound = Bound::new();
    let mut inputs: Vec<NodeId> = vec![];
    for (i, tensor) in bench.inputs.iter().enumerate() {
        let id =
            if bench.update && i == 0 { graph.state("state", *tensor) } else { graph.input("x", *tensor) };
        let buffer = context.allocate("benchmark", tensor, replicas)?;
        let copies = if tensor.shared { 1 } else { replicas };
        context.write(&buffer, 0, &contents(tensor, copies))?;
        bound.insert(id, buffer);
        inputs.push(id);
    }
    let y = match bench.update {
        true => graph.update_dyn(bench.op.clone(), &inputs)?,
        false => graph.apply_dyn(bench.op.clone(), &inputs)?,
    };
    let written = if bench.update { bench.inputs[0] } else { graph.tensor(y) };
    let chosen = variant.or_else(|| context.choices().variant(bench.op.name(), &bench.inputs, &written));
    let launch = bench.op.launch(&bench.inputs, &written);
    let variant = launch.variant(&context.target(), chosen).map_or("none", |variant| variant.name);
    let plan = Plan::compile_for(context, &graph, replicas, &bound, &[y], variant)?;
    // Once to build the pipeline.
    let mut last = seconds(context, &plan, 1)?;
    let mut repeats = 1;
    for _ in 0..WARM {
        let now = seconds(context, &plan, repeats)?;
        repeats = ((SECONDS / now) as usize).clamp(1, 200);
        if (now - last).abs() < STABLE * now.max(last) {
            break;
        }
        last = now;
    }
    let operands = bench.inputs.iter().chain([&written]);
    let shape: Vec<String> = operands.map(|t| format!("{}×{}", t.rows, t.cols)).collect();
    // A state is read and written in place.
    let work = Work::of(bench.op.as_ref(), &bench.inputs, &written, replicas);
    Ok(Prepared {
        name: bench.op.name().to_owned(),
        variant: variant.to_owned(),
        shape: shape.join(" "),
        replicas,
        plan,
        repeats,
        work,
        seconds: vec![],
    })
}

/// Small, ordinary values; columns of labels and row numbers below 100.
fn contents(tensor: &Tensor, copies: usize) -> Vec<u32> {
    let words = copies * tensor.elements();
    let value = |i: usize| match (tensor.dtype, tensor.cols) {
        (crate::graph::DType::U32, 1) => (i * 37 % 100) as u32,
        (crate::graph::DType::U32, _) => (i as u32).wrapping_mul(2_654_435_761),
        // Padding is zero, as everywhere.
        _ if i % tensor.pitch() >= tensor.cols => 0,
        _ => (0.01 * ((i * 29 % 199) as f32 - 99.0)).abs().to_bits(),
    };
    (0..words).map(value).collect()
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
