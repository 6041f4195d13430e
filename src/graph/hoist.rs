//! Merges one operation applied to several parts of a batch into one application to the whole.
//!
//! The min-max game is written as it reads in the paper: a forward pass of the classifier for each
//! attack batch and one for its own. As the classifier does not change in between, these passes
//! are the same row-wise operations with the same weights on different rows of one index tape, and
//! this rewrite makes ONE pass over all rows of them. It is exact: every row's value is computed
//! from the same numbers in the same order. What is not row-wise (dropout keyed by its place,
//! batch statistics) is left alone.

use super::{Graph, Kind, Node, NodeId, Op};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the members of a mergeable group have in common: the operation, its row-wise inputs'
/// parents, its other inputs.
type Key = (String, Vec<NodeId>, Vec<NodeId>);

impl Graph {
    /// The graph with row-wise operations on parts of one tensor merged, and where each node of
    /// this graph is found in it. A merged operation has at most `most_rows` rows.
    #[must_use]
    pub fn hoist(&self, most_rows: usize) -> (Graph, Vec<NodeId>) {
        let mut graph = self.clone();
        let mut place: Vec<NodeId> = self.ids().collect();
        while let Some(group) = graph.find_group(most_rows) {
            let (next, moved) = graph.merge(&group);
            for id in &mut place {
                *id = moved[id.index()];
            }
            graph = next;
        }
        (graph, place)
    }

    /// The row range of `id` in the tensor that it is a view of.
    fn row_range(&self, id: NodeId) -> Option<(NodeId, usize, usize)> {
        let node = self.node(id);
        let Kind::View { offset } = node.kind else { return None };
        let parent = self.tensor(node.inputs[0]);
        let same_rows = parent.cols == node.tensor.cols && offset % parent.pitch() == 0;
        same_rows.then(|| (node.inputs[0], offset / parent.pitch(), node.tensor.rows))
    }

    /// The operation of a node and its inputs that have a row for each row of it, if it is row-wise.
    fn row_wise(&self, id: NodeId) -> Option<(&Arc<dyn Op>, Vec<usize>)> {
        let (op, inputs) = match &self.node(id).kind {
            Kind::Compute(op) => (op, op.row_wise().to_vec()),
            // What is filled in goes with the row that it is filled into.
            Kind::Fill(op) => (op, [0].into_iter().chain(op.row_wise().iter().map(|i| i + 1)).collect()),
            _ => return None,
        };
        (!op.row_wise().is_empty()).then_some((op, inputs))
    }

    /// The first group of two or more nodes that can be merged, in order of their rows.
    fn find_group(&self, most_rows: usize) -> Option<Vec<NodeId>> {
        let mut groups: BTreeMap<Key, Vec<NodeId>> = BTreeMap::new();
        for id in self.ids() {
            let Some((op, row_wise)) = self.row_wise(id) else { continue };
            let inputs = &self.node(id).inputs;
            let parents: Option<Vec<NodeId>> =
                row_wise.iter().map(|&i| self.row_range(inputs[i]).map(|r| r.0)).collect();
            let Some(parents) = parents else { continue };
            let others = (0..inputs.len()).filter(|i| !row_wise.contains(i)).map(|i| inputs[i]).collect();
            groups.entry((format!("{op:?}"), parents, others)).or_default().push(id);
        }
        // Earliest first, so that a merge's consumers become mergeable in turn.
        let mut candidates: Vec<Vec<NodeId>> = groups
            .into_values()
            .filter(|g| g.len() > 1)
            .filter_map(|g| self.contiguous(g, most_rows))
            .collect();
        candidates.sort_by_key(|g| g.iter().min().copied());
        candidates.into_iter().next()
    }

    /// The first members of the group, in order of their rows, that tile a range without gap or
    /// overlap, the same for each row-wise input, of at most `most_rows`.
    fn contiguous(&self, mut group: Vec<NodeId>, most_rows: usize) -> Option<Vec<NodeId>> {
        let (_, row_wise) = self.row_wise(group[0])?;
        let ranges = |id: NodeId| -> Vec<(usize, usize)> {
            row_wise
                .iter()
                .filter_map(|&i| self.row_range(self.node(id).inputs[i]).map(|r| (r.1, r.2)))
                .collect()
        };
        group.sort_by_key(|&id| ranges(id)[0]);
        group.dedup_by_key(|id| ranges(*id)[0]);
        let follows = |a: NodeId, b: NodeId| ranges(a).iter().zip(ranges(b)).all(|(a, b)| a.0 + a.1 == b.0);
        let mut run: Vec<NodeId> = vec![];
        let mut rows = 0;
        for id in group {
            let more = self.tensor(id).rows;
            if run.last().is_some_and(|&last| !follows(last, id) || rows + more > most_rows) {
                if run.len() > 1 {
                    return Some(run);
                }
                run.clear();
                rows = 0;
            }
            run.push(id);
            rows += more;
        }
        (run.len() > 1).then_some(run)
    }

    fn merge(&self, group: &[NodeId]) -> (Graph, Vec<NodeId>) {
        let first = *group.iter().min().expect("a group has members");
        let mut graph = Graph::new();
        let mut moved: Vec<NodeId> = Vec::with_capacity(self.nodes.len());
        let mut whole = None;
        for id in self.ids() {
            if id == first {
                whole = Some(self.push_whole(&mut graph, group, &moved));
            }
            let node = self.node(id);
            let start: usize = group
                .iter()
                .take_while(|&&member| member != id)
                .map(|&member| self.tensor(member).rows)
                .sum();
            let new = match whole {
                Some(whole) if group.contains(&id) => {
                    let offset = start * node.tensor.pitch();
                    graph.push(Kind::View { offset }, &[whole], node.tensor, node.label.clone())
                }
                _ => graph.copy(node, &moved),
            };
            graph.nodes[new.index()].after = node.after.map(|after| moved[after.index()]);
            moved.push(new);
        }
        (graph, moved)
    }

    /// Adds the merged operation; the parents of its rows are older than any member of the group.
    fn push_whole(&self, graph: &mut Graph, group: &[NodeId], moved: &[NodeId]) -> NodeId {
        let node: &Node = self.node(group[0]);
        let row_wise = self.row_wise(group[0]).map_or_else(Vec::new, |(_, inputs)| inputs);
        let rows = group.iter().map(|&id| self.tensor(id).rows).sum();
        let inputs: Vec<NodeId> = node
            .inputs
            .iter()
            .enumerate()
            .map(|(i, &input)| match self.row_range(input).filter(|_| row_wise.contains(&i)) {
                Some((parent, start, _)) => {
                    let parent = moved[parent.index()];
                    let tensor = graph.tensor(parent);
                    if start == 0 && rows == tensor.rows {
                        return parent;
                    }
                    let part = super::Tensor { rows, ..tensor };
                    let offset = start * tensor.pitch();
                    graph.push(Kind::View { offset }, &[parent], part, "rows".to_string())
                }
                None => moved[input.index()],
            })
            .collect();
        let tensor = super::Tensor { rows, ..node.tensor };
        graph.push(node.kind.clone(), &inputs, tensor, node.label.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Array, Tensor, Values};
    use super::*;
    use crate::ops::{Activate, Activation, Softmax};

    #[test]
    fn passes_over_parts_become_passes_over_up_to_4096_rows() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(9000, 3));
        let parts: Vec<NodeId> = (0..9)
            .map(|i| {
                let part = graph.rows(x, 1000 * i, 1000).unwrap();
                let y = graph.apply(Activate(Activation::Tanh), &[part]).unwrap();
                graph.apply(Softmax, &[y]).unwrap()
            })
            .collect();
        let (hoisted, moved) = graph.hoist(4096);
        let rows: Vec<usize> = hoisted
            .nodes()
            .iter()
            .filter(|n| matches!(n.kind, Kind::Compute(_)))
            .map(|n| n.tensor.rows)
            .collect();
        assert_eq!(rows, [4000, 4000, 4000, 4000, 1000, 1000], "two operations, 9 parts");
        let value = Array::from_fn(9000, 3, |r, c| ((r * 7 + c * 3) % 11) as f64 - 5.0);
        let before = graph.evaluate(&Values::from([(x, value.clone())]), &parts).unwrap();
        let moved_parts: Vec<NodeId> = parts.iter().map(|p| moved[p.index()]).collect();
        let after = hoisted.evaluate(&Values::from([(moved[x.index()], value)]), &moved_parts).unwrap();
        for (old, new) in parts.iter().zip(&moved_parts) {
            assert_eq!(before[old], after[new]);
        }
    }
}
