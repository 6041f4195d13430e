//! The graph in f64, one replica, one node after another: what the plan must agree with.
//! Not fast, and not meant to be.

use super::{DType, Graph, Kind, NodeId, Tensor};
use crate::error::{Error, Result};
use std::collections::HashMap;

/// A matrix in f64, `[rows, cols]`, row after row without padding. u32 tensors hold whole numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// `rows`·`cols` elements: (r, c) is at r · `cols` + c.
    pub data: Vec<f64>,
}

impl Array {
    /// `[rows, cols]` of zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Array { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// `[rows, cols]` of `data`, row after row.
    ///
    /// # Panics
    /// If `data` does not have `rows`·`cols` elements.
    pub fn new(rows: usize, cols: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), rows * cols);
        Array { rows, cols, data }
    }

    /// Element (r, c) for every element.
    pub fn from_fn(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> f64) -> Self {
        let data = (0..rows * cols).map(|i| f(i / cols, i % cols)).collect();
        Array { rows, cols, data }
    }

    /// `[1, 1]`.
    pub fn scalar(value: f64) -> Self {
        Array { rows: 1, cols: 1, data: vec![value] }
    }

    /// Element (`row`, `col`).
    pub fn at(&self, row: usize, col: usize) -> f64 {
        self.data[row * self.cols + col]
    }

    /// Replaces element (`row`, `col`).
    pub fn set(&mut self, row: usize, col: usize, value: f64) {
        self.data[row * self.cols + col] = value;
    }

    /// The `cols` elements of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.cols..(row + 1) * self.cols]
    }

    /// Each element through `f`.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Array { rows: self.rows, cols: self.cols, data: self.data.iter().map(|&x| f(x)).collect() }
    }

    /// The elements as they lie in memory, padding included ([`Tensor`]).
    pub fn to_memory(&self, dtype: DType) -> Vec<f64> {
        let tensor = match dtype {
            DType::F32 => Tensor::f32(self.rows, self.cols),
            DType::U32 => Tensor::u32(self.rows, self.cols),
        };
        let mut memory = vec![0.0; tensor.elements()];
        for r in 0..self.rows {
            memory[r * tensor.pitch()..][..self.cols].copy_from_slice(self.row(r));
        }
        memory
    }

    /// The reverse of [`to_memory`](Self::to_memory), from a prefix of `memory`.
    pub fn from_memory(memory: &[f64], tensor: &Tensor) -> Self {
        Array::from_fn(tensor.rows, tensor.cols, |r, c| memory[r * tensor.pitch() + c])
    }
}

/// The value of every node that was evaluated.
pub type Values = HashMap<NodeId, Array>;

impl Graph {
    /// Evaluates the graph in f64, given the inputs and the first versions of the states.
    ///
    /// # Errors
    /// A needed input or state that is not given, or has another shape.
    pub fn evaluate(&self, given: &Values, outputs: &[NodeId]) -> Result<Values> {
        let live = self.live(outputs);
        let mut values = Values::new();
        for id in self.ids().filter(|id| live[id.index()]) {
            let node = self.node(id);
            let of = |i: usize| &values[&node.inputs[i]];
            let value = match &node.kind {
                Kind::Input | Kind::State => given
                    .get(&id)
                    .filter(|a| (a.rows, a.cols) == (node.tensor.rows, node.tensor.cols))
                    .ok_or_else(|| {
                        Error::graph(format!("evaluate {}", node.label)).expected(format!("{}", node.tensor))
                    })?
                    .clone(),
                Kind::Constant(value) => Array::scalar(f64::from(*value)),
                Kind::View { offset } => {
                    let memory = of(0).to_memory(node.tensor.dtype);
                    Array::from_memory(&memory[*offset..], &node.tensor)
                }
                Kind::Pack => {
                    let parts = (0..node.inputs.len()).flat_map(|i| of(i).to_memory(DType::F32));
                    Array::new(1, node.tensor.cols, parts.collect())
                }
                Kind::Columns => {
                    let parts: Vec<&Array> = (0..node.inputs.len()).map(of).collect();
                    let row = |r: usize| parts.iter().flat_map(move |part| part.row(r)).copied();
                    Array::new(
                        node.tensor.rows,
                        node.tensor.cols,
                        (0..node.tensor.rows).flat_map(row).collect(),
                    )
                }
                Kind::Fill(op) => {
                    let inputs: Vec<&Array> = (1..node.inputs.len()).map(of).collect();
                    let (old, new) = (of(0), op.reference(&inputs));
                    Array::from_fn(old.rows, old.cols, |r, c| if op.writes(c) { &new } else { old }.at(r, c))
                }
                Kind::Compute(op) | Kind::Update(op) => {
                    let inputs: Vec<&Array> = (0..node.inputs.len()).map(of).collect();
                    op.reference(&inputs)
                }
            };
            values.insert(id, value);
        }
        Ok(values)
    }
}
