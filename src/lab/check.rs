//! Every operation's kernels against its f64 reference, on the adapter at hand: forward and backward,
//! fresh random inputs, outputs poisoned with NaNs, at R = 1 and 3, for every tile variant.
//! This is `veilgrad check`, and the conformance test.

use crate::error::Result;
use crate::gpu::Context;
use crate::graph::{Array, DType, Graph, NodeId, Target, Tensor, Tile, Values};
use crate::ops::{self, Case, Fill, Form};
use crate::plan::{Bound, Plan};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The outcome for one operation and tile variant.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Line {
    /// The operation's name.
    pub op: String,
    /// The variant of its kernels; operations with one variant are run once.
    pub tile: Tile,
    /// Cases run, each at R = 1 and R = 3.
    pub cases: usize,
    /// The largest error, in units of its case's tolerance: passed if at most 1.
    pub worst: f64,
    pub passed: bool,
    /// The worst case in words, and the seed of its inputs.
    pub detail: String,
}

/// Runs everything; `each` sees a line as it is done. Returns whether all passed.
///
/// # Errors
/// A kernel that does not build or run: that is a failure of the adapter, not of a case.
pub fn run(context: &Context, seed: u64, each: &mut dyn FnMut(&Line)) -> Result<bool> {
    let mut all = true;
    let target = context.target();
    for (name, cases) in ops::ALL {
        for tile in target.tiles() {
            if let Some(line) = line(context, name, &cases(), tile, seed)? {
                all &= line.passed;
                each(&line);
            }
        }
    }
    Ok(all)
}

/// The cases of one operation in one variant. `None`: nothing in them is any different in this variant than in
/// the adapter's own.
pub(super) fn line(
    context: &Context,
    name: &str,
    cases: &[Case],
    tile: Tile,
    seed: u64,
) -> Result<Option<Line>> {
    let (own, target) = (context.target(), Target { tile, ..context.target() });
    if tile != own.tile && kernels(cases, target)? == kernels(cases, own)? {
        return Ok(None);
    }
    let mut line =
        Line { op: name.to_owned(), tile, cases: 0, worst: 0.0, passed: true, detail: String::new() };
    for case in cases {
        for replicas in [1, 3] {
            let error = kernel_error(context, case, replicas, target, seed)? / case.tolerance;
            if error > line.worst || error.is_nan() {
                line.worst = if error.is_nan() { f64::INFINITY } else { error };
                line.detail = format!("{} at R = {replicas}, seed {seed}", describe(case));
            }
        }
        line.cases += 1;
    }
    line.passed = line.worst <= 1.0;
    Ok(Some(line))
}

/// The shaders that the cases run on `target`, forward and backward.
fn kernels(cases: &[Case], target: Target) -> Result<Vec<&'static str>> {
    let mut names = vec![];
    for case in cases {
        let graph = case_graph(case)?.graph;
        for id in graph.ids() {
            if let Some((op, inputs)) = crate::plan::operation(&graph, id) {
                names.push(op.launch(&inputs, &graph.tensor(id), &target).kernel.name);
            }
        }
    }
    Ok(names)
}

/// A case in words.
pub fn describe(case: &Case) -> String {
    let inputs: Vec<String> = case.inputs.iter().map(|(t, _)| t.to_string()).collect();
    format!("{:?} on {}", case.op, inputs.join(", "))
}

/// A case as a graph: the operation and, where it is differentiable, its backward pass along a
/// random `dy`.
pub struct CaseGraph {
    pub graph: Graph,
    /// The case's inputs.
    pub inputs: Vec<NodeId>,
    pub y: NodeId,
    /// The gradient that comes from above, an input.
    pub dy: Option<NodeId>,
    /// (input's number, gradient).
    pub gradients: Vec<(usize, NodeId)>,
}

/// Builds the graph of a case.
///
/// # Errors
/// Shapes that do not fit, a fault in the case.
pub fn case_graph(case: &Case) -> Result<CaseGraph> {
    let mut graph = Graph::new();
    let mut inputs = vec![];
    for (i, (tensor, _)) in case.inputs.iter().enumerate() {
        inputs.push(match case.form != Form::Compute && i == 0 {
            true => graph.state("state", *tensor),
            false => graph.input(&format!("input {i}"), *tensor),
        });
    }
    let y = match case.form {
        Form::Compute => graph.apply_dyn(case.op.clone(), &inputs)?,
        Form::Update => graph.update_dyn(case.op.clone(), &inputs)?,
        Form::Fill => graph.fill_dyn(case.op.clone(), &inputs)?,
    };
    let mut case_graph = CaseGraph { inputs, y, dy: None, gradients: vec![], graph };
    if !case.differentiable.is_empty() {
        let graph = &mut case_graph.graph;
        let dy = graph.input("dy", graph.tensor(y));
        let wanted: Vec<bool> = (0..case.inputs.len()).map(|i| case.differentiable.contains(&i)).collect();
        let parts = graph.vjp(y, dy, &wanted)?;
        case_graph.dy = Some(dy);
        case_graph.gradients = parts
            .into_iter()
            .enumerate()
            .filter(|(i, _)| wanted[*i])
            .filter_map(|(i, part)| part.map(|part| (i, part)))
            // add's gradient is dy itself: nothing was computed.
            .filter(|(_, part)| *part != dy)
            .collect();
    }
    Ok(case_graph)
}

/// Random contents for the case's inputs, one set a replica (shared tensors: the same in all), exact
/// in f32.
pub fn random_values(case: &Case, graph: &CaseGraph, replicas: usize, seed: u64) -> Vec<Values> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all: Vec<Values> = vec![];
    for replica in 0..replicas {
        let mut values = Values::new();
        for ((tensor, fill), &id) in case.inputs.iter().zip(&graph.inputs) {
            let array = match all.first().filter(|_| tensor.shared && replica > 0) {
                Some(first) => first[&id].clone(),
                None => random_array(tensor, fill, &mut rng),
            };
            values.insert(id, array);
        }
        if let Some(dy) = graph.dy {
            let tensor = graph.graph.tensor(dy);
            // Of both signs, but not centred: a sum of them (broadcast's gradient) that happens to be
            // near 0 would divide rounding by next to nothing.
            values.insert(dy, random_array(&tensor, &Fill::Uniform(-0.5, 1.0), &mut rng));
        }
        all.push(values);
    }
    all
}

fn random_array(tensor: &Tensor, fill: &Fill, rng: &mut ChaCha8Rng) -> Array {
    let mut next = 0;
    Array::from_fn(tensor.rows, tensor.cols, |_, _| {
        next += 1;
        let unit = f64::from(rng.next_u32()) / f64::from(u32::MAX);
        match fill {
            Fill::Uniform(low, high) => f64::from((low + (high - low) * unit) as f32),
            Fill::Below(bound) => f64::from(rng.next_u32() % bound),
            Fill::Words => f64::from(rng.next_u32()),
            Fill::Values(values) if tensor.dtype == DType::U32 => values[(next - 1) % values.len()],
            Fill::Values(values) => f64::from(values[(next - 1) % values.len()] as f32),
        }
    })
}

/// Words as they lie on the GPU.
fn to_words(array: &Array, dtype: DType) -> Vec<u32> {
    let memory = array.to_memory(dtype);
    match dtype {
        DType::U32 => memory.iter().map(|&v| v as u32).collect(),
        DType::F32 => memory.iter().map(|&v| (v as f32).to_bits()).collect(),
    }
}

/// The largest error of the case's kernels: relative to the largest value of a tensor in f32 tensors;
/// infinite for a wrong u32, a value left unwritten, or padding that is not zero.
fn kernel_error(context: &Context, case: &Case, replicas: usize, target: Target, seed: u64) -> Result<f64> {
    let case_graph = case_graph(case)?;
    let graph = &case_graph.graph;
    let values = random_values(case, &case_graph, replicas, seed);
    let mut bound = Bound::new();
    for id in case_graph.inputs.iter().copied().chain(case_graph.dy) {
        let tensor = graph.tensor(id);
        let copies = if tensor.shared { 1 } else { replicas };
        let words: Vec<u32> = values[..copies].iter().flat_map(|v| to_words(&v[&id], tensor.dtype)).collect();
        bound.insert(id, context.upload("input", &words)?);
    }
    let outputs: Vec<NodeId> =
        [case_graph.y].into_iter().chain(case_graph.gradients.iter().map(|g| g.1)).collect();
    let plan = Plan::compile_for(context, graph, replicas, &bound, &outputs, target)?;
    plan.poison(context);
    plan.submit(context, 1);
    let expected: Vec<Values> =
        values.iter().map(|values| graph.evaluate(values, &outputs)).collect::<Result<_>>()?;
    let mut worst: f64 = 0.0;
    for &id in &outputs {
        let (Some(place), tensor) = (plan.place(id), graph.tensor(id)) else { continue };
        let total = place.offset + (replicas - 1) * place.stride + tensor.elements();
        let words = context.read(&[(&place.buffer, total)])?.swap_remove(0);
        for (r, expected) in expected.iter().enumerate() {
            let found = &words[place.offset + r * place.stride..][..tensor.elements()];
            worst = worst.max(difference(&expected[&id], &tensor, found, case.floor));
        }
    }
    Ok(worst)
}

fn difference(expected: &Array, tensor: &Tensor, found: &[u32], floor: f64) -> f64 {
    if tensor.dtype == DType::U32 {
        return if to_words(expected, DType::U32) == found { 0.0 } else { f64::INFINITY };
    }
    let finite = expected.data.iter().filter(|v| v.is_finite());
    let scale = finite.fold(floor, |top: f64, v| top.max(v.abs()));
    let scale = if scale == 0.0 { 1.0 } else { scale };
    let memory = expected.to_memory(DType::F32);
    let errors = memory.iter().zip(found).enumerate().map(|(i, (&expected, &word))| {
        let value = f64::from(f32::from_bits(word));
        if i % tensor.pitch() >= tensor.cols {
            return if value == 0.0 { 0.0 } else { f64::INFINITY };
        }
        if !expected.is_finite() {
            // Which of NaN and ±∞ it is depends on the order of the arithmetic.
            return if value.is_finite() { f64::INFINITY } else { 0.0 };
        }
        let error = (value - expected).abs() / scale;
        if error.is_nan() { f64::INFINITY } else { error }
    });
    errors.fold(0.0, f64::max)
}
