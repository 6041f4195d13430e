//! tanh, relu and sigmoid as operations of their own. Layers fuse them instead ([`Dense`]);
//! their backward pass is here for both.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// A nonlinearity, `Identity` for none. The value is the code that the kernels switch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Activation {
    /// y = x.
    #[serde(skip)]
    Identity = 0,
    /// y = tanh x, its argument kept within ±15 on the GPU, where f32 tanh is ±1 already.
    Tanh = 1,
    /// y = max(0, x).
    Relu = 2,
    /// y = 1 / (1 + e⁻ˣ).
    Sigmoid = 3,
}

impl Activation {
    /// y = act(x).
    pub fn value(self, x: f64) -> f64 {
        match self {
            Activation::Identity => x,
            Activation::Tanh => x.tanh(),
            Activation::Relu => x.max(0.0),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        }
    }

    /// dy/dx from y: tanh 1 − y², relu `[y > 0]` (0 at the kink), sigmoid y (1 − y).
    pub fn slope(self, y: f64) -> f64 {
        match self {
            Activation::Identity => 1.0,
            Activation::Tanh => 1.0 - y * y,
            Activation::Relu => f64::from(u8::from(y > 0.0)),
            Activation::Sigmoid => y * (1.0 - y),
        }
    }
}

/// y = act(x), element by element.
#[derive(Debug, Clone, Copy)]
pub struct Activate(pub Activation);

impl Op for Activate {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        require(all_f32(inputs, 1), self, "x", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        inputs[0].map(|x| self.0.value(x))
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        _: &[NodeId],
        y: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(ActivateGrad(self.0), &[y, dy])?)])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let words = words(self.0, y, [y, y]);
        Launch::only(kernel!("activation", "forward"), words, Grid::Items(y.elements() / 4))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

/// The words of a launch, from its result and from y and dy, which may be columns of wider tensors.
fn words(activation: Activation, result: &Tensor, [y, dy]: [&Tensor; 2]) -> Vec<u32> {
    let mut words = [result.elements() / 4, quads(result), result.cols].map(word).to_vec();
    words.extend([activation as u32, word(quads(y)), word(quads(dy))]);
    words
}

/// dx = dy · act′, with act′ from the output y.
#[derive(Debug, Clone, Copy)]
pub struct ActivateGrad(pub Activation);

impl Op for ActivateGrad {
    fn name(&self) -> &'static str {
        "activation_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && (inputs[0].rows, inputs[0].cols) == (inputs[1].rows, inputs[1].cols);
        require(fits, self, "y and dy of one shape", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[0].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (y, dy) = (inputs[0], inputs[1]);
        Array::from_fn(y.rows, y.cols, |r, c| dy.at(r, c) * self.0.slope(y.at(r, c)))
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor) -> Launch {
        let words = words(self.0, dx, [&inputs[0], &inputs[1]]);
        Launch::only(kernel!("activation", "grad_x"), words, Grid::Items(dx.elements() / 4))
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[0, 1]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for act in [Activation::Tanh, Activation::Relu, Activation::Sigmoid] {
        for (rows, cols) in [(1, 1), (3, 7), (65, 12), (2, 257)] {
            // Drivers make tanh of exponentials: near 0 its error is that of numbers near 1, and a
            // single element has nothing larger beside it; nor has 1 − tanh², which cancels far from 0.
            let (low, high) = if rows * cols == 1 { (0.5, 1.0) } else { (-3.0, 3.0) };
            let x = (Tensor::f32(rows, cols), Contents::Uniform(low, high));
            cases.push(Case::new(Activate(act), vec![x]).differentiable(&[0]));
        }
    }
    // Where f32 tanh and exp overflow on some backends.
    let extreme = Contents::Values(vec![-1e4, -89.0, -45.0, 0.0, 45.0, 89.0, 1e4]);
    for act in [Activation::Tanh, Activation::Sigmoid] {
        cases.push(Case::new(Activate(act), vec![(Tensor::f32(2, 7), extreme.clone())]));
    }
    cases
}
