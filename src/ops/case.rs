//! What an operation is tested with: a [`Case`] is the operation at given shapes with given inputs. Carried
//! out by `lab::check` and `tests/ops.rs`.

use super::pcg4d;
use crate::error::Result;
use crate::graph::{Graph, Launch, NodeId, Op, Tensor};
use std::sync::Arc;

/// What an input of a [`Case`] is filled with.
#[derive(Debug, Clone)]
pub enum Contents {
    /// Uniform in the range.
    Uniform(f64, f64),
    /// Multiples of 1/16 from −1 to 1: products of two add up exactly in f32.
    Sixteenths,
    /// Whole numbers below the bound.
    Below(u32),
    /// Any 32 bits.
    Words,
    /// These, in memory order, repeated as needed.
    Values(Vec<f64>),
}

impl Contents {
    /// Weights of a layer that ends in a kink at 0, the bias in the last row, for inputs of [`Sixteenths`]: sums are
    /// exact in f32 and at least 1/512 from the kink. One that is 1e-9 in f64 might be 0 in f32, and its slope
    /// another.
    ///
    /// [`Sixteenths`]: Contents::Sixteenths
    pub(in crate::ops) fn off_the_kink(weights: Tensor) -> Contents {
        let value = |i: usize| {
            let [word, ..] = pcg4d([i as u32, weights.rows as u32, weights.cols as u32, 7]);
            match i / weights.cols + 1 == weights.rows {
                true => f64::from(word % 256) / 256.0 - 0.5 + 1.0 / 512.0,
                false => f64::from(word % 33) / 16.0 - 1.0,
            }
        };
        Contents::Values((0..weights.rows * weights.cols).map(value).collect())
    }
}

/// An operation at given shapes with given inputs, to be tested in every way there is.
#[derive(Debug, Clone)]
pub struct Case {
    /// The operation that is tested.
    pub op: Arc<dyn Op>,
    /// Shape and contents of each input, in the operation's order; of an update or a fill the state first.
    pub inputs: Vec<(Tensor, Contents)>,
    /// The largest |kernel − reference| allowed, relative to the largest |reference| in the tensor, or to
    /// `floor` where that is more.
    pub tolerance: f64,
    /// The size of the numbers that were added up, where a result may be a small difference of them: its
    /// error is theirs. 0 by default.
    pub floor: f64,
    /// The inputs that have a derivative to be tested.
    pub differentiable: Vec<usize>,
    /// What the node is.
    pub form: CaseForm,
}

/// How the operation of a [`Case`] is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseForm {
    /// It makes a new tensor.
    Compute,
    /// It writes its first input, a state.
    Update,
    /// It writes its part into the first input, a state.
    Fill,
}

impl Case {
    /// A case with tolerance 2e-6 (about 16 ulp) and no derivative.
    pub fn new(op: impl Op, inputs: Vec<(Tensor, Contents)>) -> Self {
        Case {
            op: Arc::new(op),
            inputs,
            tolerance: 2e-6,
            floor: 0.0,
            differentiable: vec![],
            form: CaseForm::Compute,
        }
    }

    /// Allows another relative error than 2e-6.
    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets the size of the numbers that were added up.
    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    /// Has the derivatives by these inputs tested, by their numbers.
    #[must_use]
    pub fn differentiable(mut self, inputs: &[usize]) -> Self {
        self.differentiable = inputs.to_vec();
        self
    }

    /// Makes it an update of its first input.
    #[must_use]
    pub fn update(mut self) -> Self {
        self.form = CaseForm::Update;
        self
    }

    /// Makes it fill a part of its first input.
    #[must_use]
    pub fn fill(mut self) -> Self {
        self.form = CaseForm::Fill;
        self
    }

    /// The operation and, where it is differentiable, its backward pass along `dy`.
    ///
    /// # Errors
    /// Shapes that do not fit, a fault in the case.
    pub fn graph(&self) -> Result<CaseGraph> {
        let mut graph = Graph::new();
        let mut inputs = vec![];
        for (i, (tensor, _)) in self.inputs.iter().enumerate() {
            inputs.push(match self.form != CaseForm::Compute && i == 0 {
                true => graph.state("state", *tensor),
                false => graph.input(&format!("input {i}"), *tensor),
            });
        }
        let y = match self.form {
            CaseForm::Compute => graph.apply_dyn(self.op.clone(), &inputs)?,
            CaseForm::Update => graph.update_dyn(self.op.clone(), &inputs)?,
            CaseForm::Fill => graph.fill_dyn(self.op.clone(), &inputs)?,
        };
        let mut case = CaseGraph { inputs, y, dy: None, gradients: vec![], graph };
        if !self.differentiable.is_empty() {
            let graph = &mut case.graph;
            let dy = graph.input("dy", graph.tensor(y));
            let wanted: Vec<bool> =
                (0..self.inputs.len()).map(|i| self.differentiable.contains(&i)).collect();
            let parts = graph.vjp(y, dy, &wanted)?;
            case.dy = Some(dy);
            case.gradients = parts
                .into_iter()
                .enumerate()
                .filter(|(i, _)| wanted[*i])
                .filter_map(|(i, part)| part.map(|part| (i, part)))
                // add's gradient is dy itself: nothing was computed.
                .filter(|(_, part)| *part != dy)
                .collect();
        }
        Ok(case)
    }
}

/// A case in words.
impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inputs: Vec<String> = self.inputs.iter().map(|(t, _)| t.to_string()).collect();
        write!(f, "{:?} on {}", self.op, inputs.join(", "))
    }
}

/// A [`Case`] as a graph.
#[derive(Debug)]
pub struct CaseGraph {
    /// The operation and its backward pass.
    pub graph: Graph,
    /// The case's inputs.
    pub inputs: Vec<NodeId>,
    /// The operation's result.
    pub y: NodeId,
    /// The gradient that comes from above, an input.
    pub dy: Option<NodeId>,
    /// (input's number, gradient).
    pub gradients: Vec<(usize, NodeId)>,
}

impl CaseGraph {
    /// Every operation in it, forward and backward: its name and how it is launched.
    pub fn launches(&self) -> Vec<(&'static str, Launch)> {
        let ids = self.graph.ids();
        let operations = ids.filter_map(|id| Some((id, self.graph.operation(id)?)));
        operations.map(|(id, (op, inputs))| (op.name(), op.launch(&inputs, &self.graph.tensor(id)))).collect()
    }
}
