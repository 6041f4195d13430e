//! From the naive matrix product to each tile: how many times as fast every rung is, in turn in one program.
//!
//! The naive kernel (`naive.wgsl`) is an operation of its own here; the others are the variants of the dense layer
//! that this adapter can run.

use std::collections::HashMap;
use std::time::Instant;
use veilgrad::error::Result;
use veilgrad::gpu::{Context, Options};
use veilgrad::graph::{Array, Graph, Grid, Kernel, Launch, Op, Tensor};
use veilgrad::lab::check;
use veilgrad::ops::{Activation, Case, Contents, Dense};
use veilgrad::plan::Plan;

/// B, K, N.
const SHAPES: [[usize; 3]; 2] = [[1024, 1024, 600], [128, 600, 1024]];
/// The median of so many turns is shown.
const TURNS: usize = 7;

const DENSE: Dense = Dense { activation: Activation::Identity };

/// y = x · w\[..K\] + w\[K\], one output an invocation: the shapes and numbers of [`Dense`].
#[derive(Debug, Clone, Copy)]
struct Naive;

impl Op for Naive {
    fn name(&self) -> &'static str {
        "naive"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        DENSE.shape(inputs)
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        DENSE.reference(inputs)
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let kernel =
            Kernel { file: "naive", entry: "main", source: include_str!("naive.wgsl"), constants: &[] };
        let words =
            [inputs[0].cols, y.cols, y.elements()].map(|n| u32::try_from(n).expect("a size fits u32"));
        Launch::only(kernel, words.to_vec(), Grid::Items(y.elements()))
    }
}

/// Whether the naive kernel agrees with the reference.
pub fn conforms() -> Result<bool> {
    let context = Context::new(&Options::default())?;
    let unit = Contents::Uniform(-1.0, 1.0);
    let case = |[rows, inputs, outputs]: [usize; 3]| {
        let operands = [(rows, inputs), (inputs + 1, outputs)];
        let operands = operands.map(|(rows, cols)| (Tensor::f32(rows, cols), unit.clone()));
        Case::new(Naive, operands.to_vec()).tolerance(1e-5).floor(1.0)
    };
    let cases: Vec<Case> = [[2, 3, 5], [31, 32, 33], [65, 63, 64]].map(case).into();
    Ok(check::operation(&context, "naive", &cases, 1)?.iter().all(|line| line.passed))
}

/// Seconds of each rung at this shape.
fn climb(context: &Context, [rows, inputs, outputs]: [usize; 3]) -> Result<Vec<(&'static str, f64)>> {
    let (x, w, y) = (Tensor::f32(rows, inputs), Tensor::f32(inputs + 1, outputs), Tensor::f32(rows, outputs));
    let launch = DENSE.launch(&[x, w], &y);
    let mut names = vec!["naive"];
    names.extend(launch.runnable(&context.target()).map(|variant| variant.name));
    let plan = |name: &str| {
        let mut graph = Graph::new();
        let (x, w) = (graph.input("x", x), graph.input("w", w));
        let y = if name == "naive" { graph.apply(Naive, &[x, w])? } else { graph.apply(DENSE, &[x, w])? };
        let filled = |node| vec![0.5_f32.to_bits(); graph.tensor(node).elements()];
        let bound = HashMap::from([x, w].map(|node| (node, filled(node))));
        let mut buffers = HashMap::new();
        for (node, words) in bound {
            buffers.insert(node, context.upload("operand", &words)?);
        }
        Plan::compile_for(context, &graph, 1, &buffers, &[y], name)
    };
    let plans = names.iter().map(|name| plan(name)).collect::<Result<Vec<Plan>>>()?;
    let mut seconds = vec![vec![]; plans.len()];
    // The first turn warms up.
    for turn in 0..=TURNS {
        for (plan, seconds) in plans.iter().zip(&mut seconds) {
            let started = Instant::now();
            context.wait_for(&plan.submit(context, 3))?;
            if turn > 0 {
                seconds.push(started.elapsed().as_secs_f64() / 3.0);
            }
        }
    }
    let median = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        seconds[TURNS / 2]
    };
    Ok(names.into_iter().zip(seconds.into_iter().map(median)).collect())
}

pub fn main() -> Result<()> {
    let context = Context::new(&Options::default())?;
    println!("adapter: {}, {}", context.adapter().name, context.adapter().driver);
    for shape @ [rows, inputs, outputs] in SHAPES {
        println!("{rows} × {inputs} × {outputs}");
        let rungs = climb(&context, shape)?;
        let naive = rungs[0].1;
        for (name, seconds) in rungs {
            let rate = 2.0 * (rows * inputs * outputs) as f64 / seconds / 1e9;
            println!("  {name:<10} {rate:>6.1} GFLOP/s  {:>5.1} times the naive kernel", naive / seconds);
        }
    }
    Ok(())
}
