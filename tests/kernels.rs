//! Which code a kernel runs: what is in its source, at its entry point. With operations of the tests' own.

use veilgrad::error::Result;
use veilgrad::gpu::{Context, Options};
use veilgrad::graph::{Array, Graph, Grid, Kernel, Launch, Tensor};
use veilgrad::ops::Op;
use veilgrad::plan::{Bound, Plan};

/// y = f(x), `[1, 4]` each, whatever f its kernel is.
#[derive(Debug, Clone, Copy)]
struct Own(Kernel);

impl Op for Own {
    fn name(&self) -> &'static str {
        "own"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        inputs[0].clone()
    }

    fn launch(&self, _: &[Tensor], _: &Tensor) -> Launch {
        Launch::only(self.0, vec![], Grid::Items(1))
    }
}

/// What the kernels make of (1, 2, 3, 4), one after another on one device.
fn run(context: &Context, kernels: &[Kernel]) -> Vec<Vec<f32>> {
    let one = |kernel: &Kernel| {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(1, 4));
        let y = graph.apply(Own(*kernel), &[x]).unwrap();
        let words = [1.0f32, 2.0, 3.0, 4.0].map(f32::to_bits);
        let bound = Bound::from([(x, context.upload("x", &words).unwrap())]);
        let plan = Plan::compile(context, &graph, 1, &bound, &[y])?;
        plan.submit(context, 1);
        context.read_f32(&plan.place(y).expect("kept").buffer, 4)
    };
    kernels.iter().map(|kernel| one(kernel).unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn context() -> Context {
    Context::new(&Options::default()).expect("a GPU adapter")
}

const DOUBLED: &str = "
    struct Dims { x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32 }
    @group(0) @binding(0) var<uniform> dims: Dims;
    @group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
    @group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
    @compute @workgroup_size(1) fn main() { y[dims.y_offset / 4] = 2.0 * x[dims.x_offset / 4]; }
";

const NEGATED: &str = "
    struct Dims { x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32 }
    @group(0) @binding(0) var<uniform> dims: Dims;
    @group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
    @group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
    @compute @workgroup_size(1) fn main() { y[dims.y_offset / 4] = -x[dims.x_offset / 4]; }
";

/// Pipelines were once found by the kernel's name: the second ran the first's code.
#[test]
fn two_kernels_of_one_name_each_run_their_own_code() {
    let own = |source| Kernel { file: "own", entry: "main", source, constants: &[] };
    let found = run(&context(), &[own(DOUBLED), own(NEGATED), own(DOUBLED)]);
    let [doubled, negated] = [vec![2.0, 4.0, 6.0, 8.0], vec![-1.0, -2.0, -3.0, -4.0]];
    assert_eq!(found, [doubled.clone(), negated, doubled]);
}

/// Binding 1 is a vector for one and scalars for the other, binding 2 likewise.
const TWO: &str = "
    struct Dims { x_offset: u32, x_stride: u32, y_offset: u32, y_stride: u32 }
    @group(0) @binding(0) var<uniform> dims: Dims;
    @group(0) @binding(1) var<storage, read> vectors: array<vec4<f32>>;
    @group(0) @binding(2) var<storage, read_write> out_vectors: array<vec4<f32>>;
    @group(0) @binding(1) var<storage, read> scalars: array<f32>;
    @group(0) @binding(2) var<storage, read_write> out_scalars: array<f32>;
    const REVERSE_ITEMS_PER_WORKGROUP: u32 = 4;
    @compute @workgroup_size(1) fn double() {
        out_vectors[dims.y_offset / 4] = 2.0 * vectors[dims.x_offset / 4];
    }
    @compute @workgroup_size(4) fn reverse(@builtin(local_invocation_index) i: u32) {
        out_scalars[dims.y_offset + i] = scalars[dims.x_offset + 3 - i];
    }
";

#[test]
fn two_entry_points_of_one_source_that_repeat_binding_numbers_both_run() {
    let own = |entry| Kernel { file: "two", entry, source: TWO, constants: &[] };
    for checked in [false, true] {
        let context = Context::new(&Options { checked: Some(checked), ..Options::default() });
        let found = run(&context.expect("a GPU adapter"), &[own("double"), own("reverse")]);
        assert_eq!(found, [[2.0, 4.0, 6.0, 8.0], [4.0, 3.0, 2.0, 1.0]]);
    }
}

#[test]
fn an_entry_point_that_is_not_there_is_an_error_with_those_that_are() {
    let context = context();
    let missing = Kernel { file: "two", entry: "halve", source: TWO, constants: &[] };
    let error = context.pipeline(missing).unwrap_err().to_string();
    for part in ["two.wgsl", "entry point halve", "double, reverse"] {
        assert!(error.contains(part), "{error}");
    }
}
