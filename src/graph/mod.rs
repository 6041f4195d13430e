//! A static computation graph as pure data. It knows no plan and no GPU; the operations it holds
//! are defined in [`crate::ops`].
//!
//! A graph describes ONE replica. The plan runs it for R replicas at once by giving every tensor
//! a leading axis R; nothing in here depends on R.
//!
//! The order of the nodes is a valid order of execution. State is explicit: [`Kind::State`] is a
//! mutable buffer's first version and every [`Kind::Update`] makes the next one from it, so that
//! "the weights before and after the step" are two nodes and the graph stays a pure dataflow graph.

mod gradients;
mod hoist;
mod launch;
mod op;
mod reference;
mod tensor;
mod work;

pub use launch::{Class, Finish, Grid, Kernel, Launch, Need, Target, Variant};
pub use op::Op;
pub use reference::{Array, Values};
pub use tensor::{DType, Tensor};
pub use work::Work;

use crate::error::{Error, Result};
use std::any::Any;
use std::sync::Arc;

/// A node's place in its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// The index into [`Graph::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Written by the host before the plan runs, never by the plan.
    Input,
    /// The first version of a mutable buffer that outlives a run of the plan.
    State,
    /// A `[1, 1]` scalar, the same in every replica.
    Constant(f32),
    /// A part of the input as it lies in memory, from `offset` elements on (padding counted): rows
    /// of a batch, columns of it, a parameter in its network's flat buffer. Costs nothing.
    View {
        /// Elements of the input before it, its padding counted.
        offset: usize,
    },
    /// `[1, P]`: the inputs one after another as they lie in memory. Costs nothing: the inputs are
    /// computed in place, so each must be computed by an operation and used here alone.
    Pack,
    /// `[B, ΣN]`: the inputs' columns side by side. Costs nothing: the inputs are computed in place, so each
    /// must be computed by an operation that [writes columns](Op::writes_columns).
    Columns,
    /// A new tensor.
    Compute(Arc<dyn Op>),
    /// The next version of `inputs[0]`, written in place over it.
    Update(Arc<dyn Op>),
    /// The next version of `inputs[0]`: the operation on the other inputs writes its part ([`Op::writes`])
    /// into it in place, where nothing was read before. So earlier versions stay what they are for those who
    /// read their parts.
    Fill(Arc<dyn Op>),
}

/// A node: what it is, what it takes, what it gives.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where its value comes from.
    pub kind: Kind,
    /// The nodes that it takes, all before it in the graph; their order is the operation's.
    pub inputs: Vec<NodeId>,
    /// The shape of its value.
    pub tensor: Tensor,
    /// A name for people: in messages, in captures of the GPU's commands, in `veilgrad graph`.
    pub label: String,
    /// Not to be computed before this, though it is no input: what is computed again should not be there too
    /// early.
    pub after: Option<NodeId>,
}

/// Nodes in an order of execution.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    /// Whether operations stay apart that fewer dispatches, or fewer bytes moved, compute as well.
    pub apart: bool,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// All nodes; each takes earlier ones only.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node with this id, which must be one of this graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The shape of a node's value.
    pub fn tensor(&self, id: NodeId) -> Tensor {
        self.node(id).tensor
    }

    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    fn push(&mut self, kind: Kind, inputs: &[NodeId], tensor: Tensor, label: String) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("fewer than 2³² nodes"));
        self.nodes.push(Node { kind, inputs: inputs.to_vec(), tensor, label, after: None });
        id
    }

    /// A copy of `id`, an operation that is [recomputed](Op::recomputed), to be computed after `after`; or
    /// `id`.
    pub(crate) fn again(&mut self, id: NodeId, after: NodeId) -> NodeId {
        match self.node(id).clone() {
            Node { kind: Kind::Compute(op), inputs, tensor, label, .. } if op.recomputed() => {
                let copy = self.push(Kind::Compute(op), &inputs, tensor, label);
                self.nodes[copy.index()].after = Some(after);
                copy
            }
            _ => id,
        }
    }

    /// A tensor that the host writes.
    pub fn input(&mut self, label: &str, tensor: Tensor) -> NodeId {
        self.push(Kind::Input, &[], tensor, label.to_string())
    }

    /// A mutable buffer.
    pub fn state(&mut self, label: &str, tensor: Tensor) -> NodeId {
        self.push(Kind::State, &[], tensor, label.to_string())
    }

    /// A scalar `[1, 1]`.
    pub fn constant(&mut self, value: f32) -> NodeId {
        self.push(Kind::Constant(value), &[], Tensor::f32(1, 1).shared(), format!("{value}"))
    }

    /// The `rows`×`cols` that lie `offset` elements into `source`.
    ///
    /// # Errors
    /// A part that reaches beyond the source.
    pub fn view(
        &mut self,
        label: &str,
        source: NodeId,
        offset: usize,
        rows: usize,
        cols: usize,
    ) -> Result<NodeId> {
        let whole = self.tensor(source);
        let tensor = Tensor { rows, cols, ..whole };
        // The last row's padding may be another's: a single scalar of a line is a view too.
        let extent = rows.saturating_sub(1) * tensor.pitch() + cols;
        if offset + extent > whole.elements() {
            return Err(Error::graph(format!("view {label}"))
                .expected(format!("at most {} elements", whole.elements()))
                .found(format!("{offset} + {extent}")));
        }
        Ok(self.push(Kind::View { offset }, &[source], tensor, label.to_string()))
    }

    /// Rows `start..start + rows` of `source`, without a copy.
    ///
    /// # Errors
    /// Rows beyond the source's.
    pub fn rows(&mut self, source: NodeId, start: usize, rows: usize) -> Result<NodeId> {
        let tensor = self.tensor(source);
        self.view("rows", source, start * tensor.pitch(), rows, tensor.cols)
    }

    /// The inputs one after another in one flat `[1, P]`.
    pub fn pack(&mut self, label: &str, parts: &[NodeId]) -> NodeId {
        let total = parts.iter().map(|&p| self.tensor(p).elements()).sum();
        self.push(Kind::Pack, parts, Tensor::f32(1, total), label.to_string())
    }

    /// `op` applied to `inputs`.
    ///
    /// # Errors
    /// Inputs that do not fit the operation.
    pub fn apply(&mut self, op: impl Op, inputs: &[NodeId]) -> Result<NodeId> {
        self.apply_dyn(Arc::new(op), inputs)
    }

    /// [`apply`](Self::apply) for an operation behind a pointer.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_dyn(&mut self, op: Arc<dyn Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let tensor = self.result(&*op, inputs)?;
        let label = op.name().to_string();
        Ok(self.push(Kind::Compute(op), inputs, tensor, label))
    }

    /// The next version of the state `inputs[0]`, by `op`.
    ///
    /// # Errors
    /// Inputs that do not fit the operation.
    pub fn update(&mut self, op: impl Op, inputs: &[NodeId]) -> Result<NodeId> {
        self.update_dyn(Arc::new(op), inputs)
    }

    /// [`update`](Self::update) for an operation behind a pointer.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_dyn(&mut self, op: Arc<dyn Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let tensor = self.result(&*op, inputs)?;
        let label = op.name().to_string();
        Ok(self.push(Kind::Update(op), inputs, tensor, label))
    }

    /// The next version of `inputs[0]`, with what `op` makes of the other inputs in it.
    ///
    /// # Errors
    /// Inputs that do not fit the operation; a result of another shape than `inputs[0]`.
    pub fn fill(&mut self, op: impl Op, inputs: &[NodeId]) -> Result<NodeId> {
        self.fill_dyn(Arc::new(op), inputs)
    }

    /// [`fill`](Self::fill) for an operation behind a pointer.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    pub fn fill_dyn(&mut self, op: Arc<dyn Op>, inputs: &[NodeId]) -> Result<NodeId> {
        let tensor = self.result(&*op, &inputs[1..])?;
        let whole = self.tensor(inputs[0]);
        if tensor != whole {
            let place = format!("{} into {}", op.name(), self.node(inputs[0]).label);
            return Err(Error::graph(place).expected(whole.to_string()).found(tensor.to_string()));
        }
        let label = op.name().to_string();
        Ok(self.push(Kind::Fill(op), inputs, tensor, label))
    }

    /// Makes `id` another operation on other, older inputs with the same result.
    pub(crate) fn replace(&mut self, id: NodeId, op: impl Op, inputs: Vec<NodeId>) {
        let node = &mut self.nodes[id.index()];
        node.label = op.name().to_string();
        node.kind = Kind::Compute(Arc::new(op));
        node.inputs = inputs;
    }

    /// Makes `id`, its inputs' columns side by side, the memory that they are computed in.
    pub(crate) fn join(&mut self, id: NodeId) {
        let whole = self.tensor(id);
        for part in self.node(id).inputs.clone() {
            let part = &mut self.nodes[part.index()].tensor;
            *part = part.within(&whole);
        }
        self.nodes[id.index()].kind = Kind::Columns;
    }

    /// Makes `id`, a copy of its input's columns from `start` on, these columns themselves.
    pub(crate) fn columns(&mut self, id: NodeId, start: usize) {
        let whole = self.tensor(self.node(id).inputs[0]);
        let node = &mut self.nodes[id.index()];
        node.tensor = node.tensor.within(&whole);
        node.kind = Kind::View { offset: start };
    }

    /// Adds what `node` is, columns of `whole` from `start` on.
    pub(crate) fn push_columns(&mut self, whole: NodeId, start: usize, node: &Node) -> NodeId {
        let tensor = node.tensor.within(&self.tensor(whole));
        self.push(Kind::View { offset: start }, &[whole], tensor, node.label.clone())
    }

    /// Adds a node of another graph, whose nodes before it are `moved` here.
    pub(crate) fn copy(&mut self, node: &Node, moved: &[NodeId]) -> NodeId {
        let at = |id: &NodeId| moved[id.index()];
        let inputs: Vec<NodeId> = node.inputs.iter().map(at).collect();
        let id = self.push(node.kind.clone(), &inputs, node.tensor, node.label.clone());
        self.nodes[id.index()].after = node.after.as_ref().map(at);
        id
    }

    /// The operation that a new tensor is made by, if it is a `T`.
    pub(crate) fn compute<T: Op>(&self, id: NodeId) -> Option<&T> {
        let Kind::Compute(op) = &self.node(id).kind else { return None };
        (op.as_ref() as &dyn Any).downcast_ref()
    }

    /// The operation that the next version of a state is made by, if it is a `T`.
    pub(crate) fn updated_by<T: Op>(&self, id: NodeId) -> Option<&T> {
        let Kind::Update(op) = &self.node(id).kind else { return None };
        (op.as_ref() as &dyn Any).downcast_ref()
    }

    fn result(&self, op: &dyn Op, inputs: &[NodeId]) -> Result<Tensor> {
        let tensors: Vec<Tensor> = inputs.iter().map(|&i| self.tensor(i)).collect();
        op.shape(&tensors)
    }

    /// The operation of a node and the tensors that it is launched with. `None`: nothing is launched for it.
    pub fn operation(&self, id: NodeId) -> Option<(&Arc<dyn Op>, Vec<Tensor>)> {
        let node = self.node(id);
        let (op, first) = match &node.kind {
            Kind::Compute(op) | Kind::Update(op) => (op, 0),
            // The memory that it fills is where its result goes, not what it works on.
            Kind::Fill(op) => (op, 1),
            _ => return None,
        };
        Some((op, node.inputs[first..].iter().map(|&i| self.tensor(i)).collect()))
    }

    /// The buffer that `id` lies in: follows views and versions back to where memory is owned.
    pub fn owner(&self, id: NodeId) -> NodeId {
        let node = self.node(id);
        match node.kind {
            Kind::View { .. } | Kind::Update(_) | Kind::Fill(_) => self.owner(node.inputs[0]),
            _ => id,
        }
    }

    /// For each node those that take it and are needed to compute `outputs`.
    pub(crate) fn users(&self, outputs: &[NodeId]) -> Vec<Vec<NodeId>> {
        let live = self.live(outputs);
        let mut users: Vec<Vec<NodeId>> = vec![vec![]; self.nodes.len()];
        for id in self.ids().filter(|id| live[id.index()]) {
            self.node(id).inputs.iter().for_each(|i| users[i.index()].push(id));
        }
        users
    }

    /// Whether a node is needed to compute `outputs` or the effect of an [`Kind::Update`].
    pub fn live(&self, outputs: &[NodeId]) -> Vec<bool> {
        let mut live = vec![false; self.nodes.len()];
        for &output in outputs {
            live[output.index()] = true;
        }
        for id in self.ids().rev() {
            let node = self.node(id);
            if matches!(node.kind, Kind::Update(_)) {
                live[id.index()] = true;
            }
            if live[id.index()] {
                for input in &node.inputs {
                    live[input.index()] = true;
                }
            }
        }
        live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_beyond_its_source_is_refused() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(4, 8));
        assert!(graph.rows(x, 2, 2).is_ok());
        assert!(graph.rows(x, 3, 2).unwrap_err().to_string().contains("24 + 16"));
    }

    #[test]
    fn an_owner_is_found_through_views() {
        let mut graph = Graph::new();
        let x = graph.state("x", Tensor::f32(4, 8));
        let view = graph.rows(x, 1, 2).unwrap();
        let inner = graph.rows(view, 1, 1).unwrap();
        assert_eq!(graph.owner(inner), x);
    }
}
