//! Every operation's kernels against its f64 reference, on the adapter at hand: forward and backward,
//! fresh random inputs, outputs poisoned with NaNs, at R = 1 and 3, for every variant that the adapter can
//! run. This is `veilgrad check`, and the conformance test. Not what is tested: operations bring their cases.

use crate::error::Result;
use crate::gpu::Context;
use crate::graph::{Array, DType, Launch, NodeId, Target, Tensor, Values};
use crate::ops::{self, Case, CaseGraph, Contents};
use crate::plan::{Bound, Plan};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// The outcome for one operation and variant.
#[derive(Debug, Clone)]
pub struct Line {
    /// The operation's name.
    pub op: String,
    /// The variant of its kernels.
    pub variant: &'static str,
    /// Cases in which the variant runs, each at R = 1 and R = 3.
    pub cases: usize,
    /// The largest error, in units of its case's tolerance: passed if at most 1.
    pub worst: f64,
    /// Whether every error was within its tolerance: `worst` is at most 1.
    pub passed: bool,
    /// The worst case in words, and the seed of its inputs.
    pub detail: String,
}

/// Runs everything; `each` gets a line as it is done. Returns whether all passed.
///
/// # Errors
/// A kernel that does not build or run: that is a failure of the adapter, not of a case.
pub fn run(context: &Context, seed: u64, each: &mut dyn FnMut(&Line)) -> Result<bool> {
    let mut all = true;
    for (name, cases) in ops::ALL {
        each_variant(context, name, &cases(), seed, &mut |line| {
            all &= line.passed;
            each(line);
        })?;
    }
    Ok(all)
}

/// The same for one operation, one of ours or one of your own: a line for each of its variants.
///
/// # Errors
/// As [`run`]; a case whose shapes do not fit.
pub fn operation(context: &Context, name: &str, cases: &[Case], seed: u64) -> Result<Vec<Line>> {
    let mut lines = vec![];
    each_variant(context, name, cases, seed, &mut |line| lines.push(line.clone()))?;
    Ok(lines)
}

fn each_variant(
    context: &Context,
    name: &str,
    cases: &[Case],
    seed: u64,
    each: &mut dyn FnMut(&Line),
) -> Result<()> {
    for variant in variants(cases, &context.target())? {
        each(&line(context, name, cases, variant, seed)?);
    }
    Ok(())
}

/// The variants that run in any of the cases, in the order in which these have them.
fn variants(cases: &[Case], target: &Target) -> Result<Vec<&'static str>> {
    let mut names = vec![];
    for case in cases {
        for name in variants_of(&case.graph()?, target) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// The variants that can be asked for in a case: those of the operations in it, forward and backward, that
/// have several; [`Launch::ONLY`] where none has.
fn variants_of(case: &CaseGraph, target: &Target) -> Vec<&'static str> {
    let launches = case.launches();
    let several = launches.iter().filter(|(_, launch)| launch.variants.len() > 1);
    let names: Vec<_> =
        several.flat_map(|(_, launch)| launch.runnable(target)).map(|variant| variant.name).collect();
    if names.is_empty() { vec![Launch::ONLY] } else { names }
}

/// The cases of one operation in which `variant` can run, with it wherever it can.
pub(super) fn line(
    context: &Context,
    name: &str,
    cases: &[Case],
    variant: &'static str,
    seed: u64,
) -> Result<Line> {
    let mut line =
        Line { op: name.to_owned(), variant, cases: 0, worst: 0.0, passed: true, detail: String::new() };
    for case in cases {
        let graph = case.graph()?;
        if !variants_of(&graph, &context.target()).contains(&variant) {
            continue;
        }
        for replicas in [1, 3] {
            let error = kernel_error(context, case, &graph, replicas, variant, seed)? / case.tolerance;
            if error > line.worst || error.is_nan() {
                line.worst = if error.is_nan() { f64::INFINITY } else { error };
                line.detail = format!("{case} at R = {replicas}, seed {seed}");
            }
        }
        line.cases += 1;
    }
    line.passed = line.worst <= 1.0;
    Ok(line)
}

/// Random contents for the case's inputs, one set a replica (shared tensors: the same in all), exact
/// in f32.
pub fn random_values(case: &Case, graph: &CaseGraph, replicas: usize, seed: u64) -> Vec<Values> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all: Vec<Values> = vec![];
    for replica in 0..replicas {
        let mut values = Values::new();
        for ((tensor, contents), &id) in case.inputs.iter().zip(&graph.inputs) {
            let array = match all.first().filter(|_| tensor.shared && replica > 0) {
                Some(first) => first[&id].clone(),
                None => random_array(tensor, contents, &mut rng),
            };
            values.insert(id, array);
        }
        if let Some(dy) = graph.dy {
            let tensor = graph.graph.tensor(dy);
            // Of both signs, but not centered: a sum of them (broadcast's gradient) that happens to be
            // near 0 would divide rounding by next to nothing.
            values.insert(dy, random_array(&tensor, &Contents::Uniform(-0.5, 1.0), &mut rng));
        }
        all.push(values);
    }
    all
}

fn random_array(tensor: &Tensor, contents: &Contents, rng: &mut ChaCha8Rng) -> Array {
    let mut next = 0;
    Array::from_fn(tensor.rows, tensor.cols, |_, _| {
        next += 1;
        let unit = f64::from(rng.next_u32()) / f64::from(u32::MAX);
        match contents {
            Contents::Uniform(low, high) => f64::from((low + (high - low) * unit) as f32),
            Contents::Sixteenths => f64::from(rng.next_u32() % 33) / 16.0 - 1.0,
            Contents::Below(bound) => f64::from(rng.next_u32() % bound),
            Contents::Words => f64::from(rng.next_u32()),
            Contents::Values(values) if tensor.dtype == DType::U32 => values[(next - 1) % values.len()],
            Contents::Values(values) => f64::from(values[(next - 1) % values.len()] as f32),
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
fn kernel_error(
    context: &Context,
    case: &Case,
    case_graph: &CaseGraph,
    replicas: usize,
    variant: &str,
    seed: u64,
) -> Result<f64> {
    let graph = &case_graph.graph;
    let values = random_values(case, case_graph, replicas, seed);
    let mut bound = Bound::new();
    for id in case_graph.inputs.iter().copied().chain(case_graph.dy) {
        let tensor = graph.tensor(id);
        let copies = if tensor.shared { 1 } else { replicas };
        let words: Vec<u32> = values[..copies].iter().flat_map(|v| to_words(&v[&id], tensor.dtype)).collect();
        bound.insert(id, context.upload("input", &words)?);
    }
    let outputs: Vec<NodeId> =
        [case_graph.y].into_iter().chain(case_graph.gradients.iter().map(|g| g.1)).collect();
    let plan = Plan::compile_for(context, graph, replicas, &bound, &outputs, variant)?;
    plan.poison(context)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A row in an operation's list is enough to have it tested: a case's shape fits it, and [`run`] asks for
    /// it there.
    #[test]
    fn every_variant_that_the_adapter_has_what_it_takes_for_is_run_by_a_case() {
        let context = Context::new(&crate::gpu::Options::default()).expect("a GPU adapter");
        let target = context.target();
        let (mut listed, mut run) = (BTreeSet::new(), BTreeSet::new());
        for (entry, cases) in ops::ALL {
            let cases = cases();
            let asked = variants(&cases, &target).unwrap();
            assert!(!asked.is_empty(), "{entry} has no cases");
            for case in &cases {
                let graph = case.graph().unwrap();
                for (op, launch) in graph.launches() {
                    let able = launch.variants.iter().filter(|v| v.needs.iter().all(|n| target.has(*n)));
                    listed.extend(able.map(|variant| (op, variant.name, variant.kernel.to_string())));
                    for name in asked.iter().filter(|name| variants_of(&graph, &target).contains(name)) {
                        let variant = launch.variant(&target, Some(name)).expect("a default");
                        run.insert((op, variant.name, variant.kernel.to_string()));
                    }
                }
            }
        }
        assert!(listed.len() > 60, "{listed:?}");
        assert_eq!(listed.difference(&run).collect::<Vec<_>>(), [] as [&(&str, &str, String); 0]);
    }

    /// Whatever the adapter, there is a default at every shape: what runs where nothing was tuned.
    #[test]
    fn every_kind_of_adapter_has_a_default_for_every_case_and_no_two_variants_one_name() {
        use crate::graph::Class;
        for (_, cases) in ops::ALL {
            for (op, launch) in cases().iter().flat_map(|case| case.graph().unwrap().launches()) {
                let names: BTreeSet<_> = launch.variants.iter().map(|variant| variant.name).collect();
                assert_eq!(names.len(), launch.variants.len(), "{op}");
                for &class in Class::ALL {
                    for (subgroup, int64) in
                        [(Some(8), true), (Some(8), false), (Some(32), true), (None, false)]
                    {
                        let target = Target { class, subgroup, int64 };
                        assert!(launch.default_variant(&target).is_some(), "{op} on {target:?}");
                    }
                }
            }
        }
    }
}
