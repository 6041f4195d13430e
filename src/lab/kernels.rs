//! Kernels at the shapes of the real networks: how fast they are, and how close to the fastest thing the
//! same adapter did in the same run (a large matrix product; a large sum of two vectors).
//!
//! Ratios within one run mean something; seconds from different runs of a shared machine do not.

use crate::error::Result;
use crate::gpu::Context;
use crate::graph::{Class, Graph, NodeId, Tensor};
use crate::ops::{
    Activation, Adam, Add, Conv2d, Conv2dDw, Conv2dDx, CrossEntropyGrad, Dense, DenseDw, DenseDx, Format,
    GatherRows, Geometry, LabelLayer, LabelLayerDw, Op, Softmax, SoftmaxGrad,
};
use crate::plan::{Bound, Plan};
use std::sync::Arc;
use std::time::Instant;

/// Timings of a kernel are the median of so many rounds over all kernels.
const ROUNDS: usize = 5;
/// Seconds that a round should give each kernel.
const SECONDS: f64 = 0.02;

/// One kernel at one shape.
#[derive(Debug, Clone, serde::Serialize)]
pub struct KernelTime {
    /// The operation's name.
    pub op: String,
    /// The tensors it reads, then the one it writes, a replica.
    pub shape: String,
    /// R: models of the dispatch.
    pub replicas: usize,
    /// Median time of a dispatch.
    pub microseconds: f64,
    /// 10⁹ floating-point operations a second, where arithmetic is what counts.
    pub gflops: Option<f64>,
    /// 10⁹ bytes a second, read and written, otherwise.
    pub gigabytes: Option<f64>,
    /// Of the ceiling in the same run.
    pub fraction: f64,
}

/// An operation at one shape.
pub(super) struct Bench {
    pub op: Arc<dyn Op>,
    pub inputs: Vec<Tensor>,
    update: bool,
    /// Floating-point operations a replica; 0: count bytes.
    flops: f64,
}

impl Bench {
    /// What it writes.
    pub fn output(&self) -> Option<Tensor> {
        if self.update { self.inputs.first().copied() } else { self.op.shape(&self.inputs).ok() }
    }

    /// Whether its tensors fit the adapter's limits for so many models.
    fn fits(&self, context: &Context, replicas: usize) -> bool {
        let bytes = |t: &Tensor| 4 * (t.elements() * if t.shared { 1 } else { replicas }) as u64;
        let tensors = self.inputs.iter().copied().chain(self.output());
        tensors.into_iter().all(|t| bytes(&t) <= context.limits().tensor_bytes())
    }
}

fn bench(op: impl Op, inputs: Vec<Tensor>, flops: usize) -> Bench {
    Bench { op: Arc::new(op), inputs, update: false, flops: flops as f64 }
}

/// (K, N) of the networks' layers: Purchase100's classifier, the attack network.
const LAYERS: [(usize, usize); 8] =
    [(600, 1024), (1024, 512), (512, 256), (256, 128), (128, 100), (100, 1024), (512, 64), (64, 1)];

/// (pixels each way, Cin, Cout, kernel, stride, padding) of AlexNet's layers, then of DenseNet's (L = 100, k
/// = 12): the first one, a bottleneck and what follows it in each block, a transition.
const CONVOLUTIONS: [[usize; 6]; 13] = [
    [32, 3, 64, 11, 4, 5],
    [4, 64, 192, 5, 1, 2],
    [2, 192, 384, 3, 1, 1],
    [2, 384, 256, 3, 1, 1],
    [2, 256, 256, 3, 1, 1],
    [32, 3, 24, 3, 1, 1],
    [32, 120, 48, 1, 1, 0],
    [32, 48, 12, 3, 1, 1],
    [32, 216, 108, 1, 1, 0],
    [16, 204, 48, 1, 1, 0],
    [16, 48, 12, 3, 1, 1],
    [8, 240, 48, 1, 1, 0],
    [8, 48, 12, 3, 1, 1],
];

/// Convolutions, forward and both gradients; operations on padding are not counted.
fn convolutions(batch: usize) -> Vec<Bench> {
    let f32 = Tensor::f32;
    let mut all = vec![];
    for [size, in_c, out_c, kernel, stride, padding] in CONVOLUTIONS {
        let geometry = Geometry {
            in_h: size,
            in_w: size,
            in_c,
            out_c,
            kernel,
            stride,
            padding,
            y_channels: out_c,
            y_first: 0,
        };
        let [height, width] = geometry.out().expect("layers fit");
        let flops = 2 * batch * geometry.products();
        let x = f32(batch, size * size * in_c);
        let (w, dz) = (f32(kernel * kernel * in_c, out_c), f32(batch, height * width * out_c));
        let forward = Conv2d { geometry, activation: Activation::Relu, bias: false };
        all.push(bench(forward, vec![x, w], flops));
        // The images themselves have no gradient.
        if in_c > 3 {
            all.push(bench(Conv2dDx { geometry, bias: false }, vec![dz, w], flops));
        }
        all.push(bench(Conv2dDw { geometry, bias: false }, vec![x, dz], flops));
    }
    all
}

pub(super) fn benches(batch: usize) -> Vec<Bench> {
    let f32 = Tensor::f32;
    let mut all = convolutions(batch);
    for (k, n) in LAYERS {
        let flops = 2 * batch * k * n;
        let (x, w, z) = (f32(batch, k), f32(k + 1, n), f32(batch, n));
        all.push(bench(Dense { activation: Activation::Tanh }, vec![x, w], flops));
        all.push(bench(DenseDx { activation: Activation::Tanh }, vec![z, w, x], flops));
        all.push(bench(DenseDw, vec![x, z], flops));
    }
    let (logits, labels) = (f32(batch, 100), Tensor::u32(batch, 1));
    let relu = LabelLayer { activation: Activation::Relu };
    all.push(bench(Softmax, vec![logits], 0));
    all.push(bench(SoftmaxGrad, vec![logits, logits], 0));
    all.push(bench(CrossEntropyGrad, vec![logits, labels, f32(1, 1)], 0));
    all.push(bench(relu, vec![labels, f32(101, 512)], 0));
    all.push(bench(LabelLayerDw { classes: 100 }, vec![labels, f32(batch, 512)], 0));
    let bits = Tensor::u32(20_000, Format::Bits.words(600)).shared();
    all.push(bench(GatherRows { format: Format::Bits, width: 600, most: None }, vec![bits, labels], 0));
    let parameters = 1_321_140;
    let adam = vec![f32(3, parameters), f32(1, parameters), f32(1, 4)];
    all.push(Bench { update: true, ..bench(Adam::at(0), adam, 0) });
    all
}

/// Times every kernel at `batch` for `replicas` models. `each` gets the rounds done, and of how many.
///
/// # Errors
/// Sizes beyond the adapter's limits or memory, a lost device.
pub fn kernels(
    context: &Context,
    batch: usize,
    replicas: usize,
    each: &mut dyn FnMut(usize, usize),
) -> Result<Vec<KernelTime>> {
    // Large enough to fill the adapter, within WebGPU's default limits.
    let (size, length) =
        if context.target().class == Class::Software { (1024, 1 << 23) } else { (4096, 1 << 25) };
    let (x, w) = (Tensor::f32(size, size), Tensor::f32(size + 1, size));
    let matmul = bench(Dense { activation: Activation::Identity }, vec![x, w], 2 * size * size * size);
    let copy = bench(Add, vec![Tensor::f32(1, length), Tensor::f32(1, length)], 0);
    // The ceilings first, with one replica.
    let mut prepared = vec![prepare(context, &matmul, 1, None)?, prepare(context, &copy, 1, None)?];
    // What this adapter cannot bind at so many replicas is left out.
    for bench in benches(batch).iter().filter(|bench| bench.fits(context, replicas)) {
        prepared.push(prepare(context, bench, replicas, None)?);
    }
    for round in 0..ROUNDS {
        for one in &mut prepared {
            let started = Instant::now();
            context.wait_for(&one.plan.submit(context, one.repeats))?;
            let seconds = started.elapsed().as_secs_f64() / one.repeats as f64;
            one.seconds.push(seconds);
        }
        each(round + 1, ROUNDS);
    }
    let rate = |one: &Prepared| one.work / median(&one.seconds) / 1e9;
    let ceilings = [rate(&prepared[0]), rate(&prepared[1])];
    Ok(prepared
        .iter()
        .map(|one| KernelTime {
            op: one.name.clone(),
            shape: one.shape.clone(),
            replicas: one.replicas,
            microseconds: 1e6 * median(&one.seconds),
            gflops: one.arithmetic.then(|| rate(one)),
            gigabytes: (!one.arithmetic).then(|| rate(one)),
            fraction: rate(one) / ceilings[usize::from(!one.arithmetic)],
        })
        .collect())
}

/// A benchmark that is ready to run.
pub(super) struct Prepared {
    name: String,
    shape: String,
    replicas: usize,
    pub plan: Plan,
    /// Runs a submission.
    pub repeats: usize,
    arithmetic: bool,
    /// Floating-point operations or bytes of a run.
    work: f64,
    seconds: Vec<f64>,
}

/// Compiles a benchmark with this variant, or the one that a run uses, and runs it once.
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
    let plan = match variant {
        None => Plan::compile(context, &graph, replicas, &bound, &[y])?,
        Some(variant) => Plan::compile_for(context, &graph, replicas, &bound, &[y], variant)?,
    };
    let written = if bench.update { bench.inputs[0] } else { graph.tensor(y) };
    let operands = bench.inputs.iter().chain([&written]);
    let bytes: f64 = operands.clone().map(|t| 4.0 * t.elements() as f64).sum::<f64>();
    // A gather reads the rows that it writes, not the whole data set.
    let shared: f64 = bench.inputs.iter().filter(|t| t.shared).map(|t| 4.0 * t.elements() as f64).sum();
    let work = if bench.flops > 0.0 { bench.flops } else { bytes - shared };
    // Once to build the pipeline, once to see how long it takes.
    context.wait_for(&plan.submit(context, 1))?;
    let started = Instant::now();
    context.wait_for(&plan.submit(context, 1))?;
    let once = started.elapsed().as_secs_f64();
    let shape: Vec<String> = operands.map(|t| format!("{}×{}", t.rows, t.cols)).collect();
    Ok(Prepared {
        name: bench.op.name().to_string(),
        shape: shape.join(" "),
        replicas,
        plan,
        repeats: ((SECONDS / once) as usize).clamp(1, 200),
        arithmetic: bench.flops > 0.0,
        work: work * replicas as f64,
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
