//! An operation of one's own: Swish, y = x σ(βx), with its WGSL (`swish.wgsl`), added from outside the crate
//! and put through the same conformance test as every operation inside: kernels against the f64 reference at
//! R = 1 and 3 with poisoned outputs, the derivative against central differences.
//!
//! Source of the formula: Ramachandran, Zoph and Le 2017, "Searching for Activation Functions".

use veilgrad::error::{Error, Result};
use veilgrad::gpu::{Context, Options};
use veilgrad::graph::{Array, DType, Graph, Grid, Kernel, Launch, NodeId, Op, Tensor};
use veilgrad::lab::{check, derivatives};
use veilgrad::ops::{Case, Contents};

/// y = x σ(βx), `[B, N]` from `[B, N]`.
#[derive(Debug, Clone, Copy)]
struct Swish {
    beta: f32,
}

/// dx of [`Swish`], from x and dy.
#[derive(Debug, Clone, Copy)]
struct SwishGrad {
    beta: f32,
}

fn kernel(entry: &'static str) -> Kernel {
    Kernel { file: "swish", entry, source: include_str!("swish.wgsl"), constants: &[] }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The first input's shape, if there are so many, all f32 and of one shape.
fn same_shape(op: &dyn Op, inputs: &[Tensor], count: usize) -> Result<Tensor> {
    let shape = |tensor: &Tensor| (tensor.rows, tensor.cols);
    let fits = inputs.len() == count
        && inputs.iter().all(|tensor| tensor.dtype == DType::F32 && shape(tensor) == shape(&inputs[0]));
    if !fits {
        let found: Vec<String> = inputs.iter().map(ToString::to_string).collect();
        return Err(Error::graph(op.name())
            .expected(format!("{count} f32 tensors of one shape"))
            .found(found.join(", ")));
    }
    Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
}

/// One vec4 an invocation; the words are those of the shader's `Dims` behind the offsets.
fn launch(entry: &'static str, output: &Tensor, beta: f32) -> Launch {
    let length = output.elements() / 4;
    let count = u32::try_from(length).expect("a tensor's size fits u32");
    Launch::only(kernel(entry), vec![count, beta.to_bits()], Grid::Items(length))
}

impl Op for Swish {
    fn name(&self) -> &'static str {
        "swish"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        same_shape(self, inputs, 1)
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        inputs[0].map(|x| x * sigmoid(f64::from(self.beta) * x))
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(SwishGrad { beta: self.beta }, &[inputs[0], dy])?)])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        launch("forward", y, self.beta)
    }

    /// A row of y depends on that row of x alone: batches can be merged.
    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

impl Op for SwishGrad {
    fn name(&self) -> &'static str {
        "swish_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        same_shape(self, inputs, 2)
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, dy) = (inputs[0], inputs[1]);
        Array::from_fn(x.rows, x.cols, |row, col| {
            let scaled = f64::from(self.beta) * x.at(row, col);
            let s = sigmoid(scaled);
            dy.at(row, col) * (s + scaled * s * (1.0 - s))
        })
    }

    fn launch(&self, _: &[Tensor], dx: &Tensor) -> Launch {
        launch("backward", dx, self.beta)
    }
}

/// Shapes with 1, primes, and a group of 64 vec4s more or less one.
fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for beta in [1.0, 1.702] {
        for (rows, cols) in [(1, 4), (3, 7), (63, 4), (65, 4), (2, 257)] {
            let x = (Tensor::f32(rows, cols), Contents::Uniform(-3.0, 3.0));
            cases.push(Case::new(Swish { beta }, vec![x]).differentiable(&[0]));
        }
    }
    cases
}

/// Whether it passes the test of the crate's own operations.
pub fn conforms() -> Result<bool> {
    let context = Context::new(&Options::default())?;
    let mut passed = true;
    let mut lines = check::operation(&context, "swish", &cases(), 1)?;
    lines.push(derivatives::check("swish", &cases(), 1)?);
    for line in lines {
        println!(
            "{} ({}): {} cases, the largest error is {:.2} of what is allowed",
            line.op, line.variant, line.cases, line.worst
        );
        passed &= line.passed;
    }
    Ok(passed)
}

pub fn main() -> Result<()> {
    match conforms()? {
        true => Ok(()),
        false => Err(Error::gpu("swish").expected("kernels that agree with the reference")),
    }
}
