//! A classifier step while its graph is written: what the terms build on.

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::nn::AttackNetwork;
use crate::ops::{CrossEntropy, RowSlice};
use crate::train::line::ScalarLine;

/// A set of records that training takes batches from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordSet {
    /// D.
    Members,
    /// D′.
    Reference,
}

/// The forward pass of a step, and the loss so far.
#[derive(Debug)]
pub struct ClassifierStep<'a> {
    /// The round's graph, to which terms add their nodes.
    pub graph: &'a mut Graph,
    /// Where the line of the tape holds what, and its node.
    pub(in crate::train) line: (&'a ScalarLine, NodeId),
    /// A secret key and the step, u32 `[1, 9]`, where a term asks for it.
    pub secret: Option<NodeId>,
    /// h and its newest state, where f pays for being recognized.
    pub attack: Option<(&'a AttackNetwork, NodeId)>,
    /// What the classes weigh, `[1, C]`, where that is not the same.
    pub class_weights: Option<NodeId>,
    /// m, records of a set.
    pub batch: usize,
    /// The sets of the batch, in order.
    pub(in crate::train) sets: &'a [RecordSet],
    /// Logits `[B, C]` and labels u32 `[B, 1]` of the whole batch.
    pub(in crate::train) all: Outputs,
    /// Those of each set, once they were asked for.
    pub(in crate::train) parts: Vec<(RecordSet, Outputs)>,
    /// The scalar 1.
    pub one: NodeId,
    /// (root, weight): what is descended.
    pub(in crate::train) roots: Vec<(NodeId, NodeId)>,
}

/// What f gives for some records of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Outputs {
    /// Logits `[m, C]`.
    pub z: NodeId,
    /// u32 `[m, 1]`.
    pub labels: NodeId,
}

impl ClassifierStep<'_> {
    /// The outputs for the batch's records of `set`.
    ///
    /// # Errors
    /// A set that the batch does not have.
    pub fn outputs(&mut self, set: RecordSet) -> Result<Outputs> {
        if self.sets == [set] {
            return Ok(self.all);
        }
        if let Some((_, outputs)) = self.parts.iter().find(|(other, _)| *other == set) {
            return Ok(*outputs);
        }
        let place = self.sets.iter().position(|other| *other == set).ok_or_else(|| {
            Error::graph("classifier step")
                .expected(format!("records of {:?}", self.sets))
                .found(format!("{set:?}"))
        })?;
        let (start, rows) = (place * self.batch, self.batch);
        let z = self.graph.apply(RowSlice { start, rows }, &[self.all.z])?;
        let outputs = Outputs { z, labels: self.graph.rows(self.all.labels, start, rows)? };
        self.parts.push((set, outputs));
        Ok(outputs)
    }

    /// The mean cross-entropy of these records, a scalar; each weighs as much as its class.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn cross_entropy(&mut self, outputs: Outputs) -> Result<NodeId> {
        let inputs = [outputs.z, outputs.labels].into_iter().chain(self.class_weights);
        self.graph.apply(CrossEntropy, &inputs.collect::<Vec<_>>())
    }

    /// The scalar `name` of the term called `term`, `[1, 1]`.
    ///
    /// # Errors
    /// One that the term does not declare.
    pub fn scalar(&mut self, term: &str, name: &str) -> Result<NodeId> {
        self.scalars(term, name, 1)
    }

    /// `count` scalars of the term called `term` from `first` on, `[1, count]`.
    ///
    /// # Errors
    /// As [`scalar`](Self::scalar).
    pub fn scalars(&mut self, term: &str, first: &str, count: usize) -> Result<NodeId> {
        let (line, node) = self.line;
        let place = line.place(term, first)?;
        self.graph.view(first, node, place, 1, count)
    }

    /// Adds `weight` · `root`, scalars both, to what is descended.
    pub fn descend(&mut self, root: NodeId, weight: NodeId) {
        self.roots.push((root, weight));
    }
}
