//! The rewrite that saves copies of columns.

use crate::graph::{Graph, Kind, NodeId};
use crate::ops::{ColumnSlice, Concat};
use std::collections::HashSet;

/// Concatenations whose parts are computed in the columns where they belong, and slices that are read where
/// they lie: `concat(a, b)` becomes [`Kind::Columns`] and `column_slice(x)` a [`Kind::View`], which cost
/// nothing. So it is where all who write and read those columns can ([`Op::writes_columns`],
/// [`Op::reads_columns`]) and they begin at a multiple of 4, as rows do. What is in `keep` stays a tensor of
/// its own. Node ids stay as they are.
///
/// [`Op::writes_columns`]: crate::graph::Op::writes_columns
/// [`Op::reads_columns`]: crate::graph::Op::reads_columns
pub(super) fn in_place(graph: &Graph, keep: &[NodeId]) -> Graph {
    let mut placed = graph.clone();
    let users = graph.users(keep);
    let mut parts: HashSet<NodeId> = HashSet::new();
    for id in graph.ids().filter(|id| !users[id.index()].is_empty()) {
        if let Some(slice) = graph.compute::<ColumnSlice>(id) {
            let whole = graph.tensor(graph.node(id).inputs[0]);
            let aligned =
                slice.start % 4 == 0 && (slice.cols % 4 == 0 || slice.start + slice.cols == whole.cols);
            let read = users[id.index()].iter().all(|&user| reads(graph, user, id));
            if !slice.pad && aligned && read && !keep.contains(&id) {
                placed.columns(id, slice.start);
            }
        } else if graph.compute::<Concat>(id).is_some() {
            let inputs = &graph.node(id).inputs;
            let last = inputs.len() - 1;
            let aligned = inputs[..last].iter().all(|&part| graph.tensor(part).cols.is_multiple_of(4));
            let fits = |(i, part): (usize, &NodeId)| {
                let others = users[part.index()].iter().filter(|user| **user != id);
                writes(graph, *part, inputs)
                    && others.into_iter().all(|&user| reads(graph, user, *part))
                    && !keep.contains(part)
                    && !parts.contains(part)
                    && !inputs[..i].contains(part)
            };
            if aligned && inputs.iter().enumerate().all(fits) {
                parts.extend(inputs);
                placed.join(id);
            }
        }
    }
    placed
}

/// Whether `part` can be computed in a buffer that `parts` share: it must not read that buffer, which a
/// dispatch cannot bind both to read and to write.
fn writes(graph: &Graph, part: NodeId, parts: &[NodeId]) -> bool {
    let node = graph.node(part);
    let apart = node.inputs.iter().all(|&input| !parts.contains(&graph.owner(input)));
    matches!(&node.kind, Kind::Compute(op) if op.writes_columns()) && apart
}

/// Whether `user` can read `input` as columns of a wider tensor.
pub(super) fn reads(graph: &Graph, user: NodeId, input: NodeId) -> bool {
    let node = graph.node(user);
    let (Kind::Compute(op) | Kind::Update(op)) = &node.kind else { return false };
    let mut places = (0..node.inputs.len()).filter(|&i| node.inputs[i] == input);
    places.all(|i| op.reads_columns().contains(&i))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Array, Tensor, Values};
    use crate::ops::{Activation, Add, Dense, gradients};

    const RELU: Dense = Dense { activation: Activation::Relu };

    /// Two towers of `widths` outputs side by side, the towers, and the gradients of what follows by their
    /// weights.
    fn towers(widths: [usize; 2]) -> (Graph, [NodeId; 2], Vec<NodeId>) {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(3, 2));
        let weights = widths.map(|width| graph.input("w", Tensor::f32(3, width)));
        let towers = weights.map(|w| graph.apply(RELU, &[x, w]).unwrap());
        let joined = graph.apply(Concat, &towers).unwrap();
        let v = graph.input("v", Tensor::f32(widths[0] + widths[1] + 1, 2));
        let y = graph.apply(Dense { activation: Activation::Identity }, &[joined, v]).unwrap();
        let dy = graph.input("dy", Tensor::f32(3, 2));
        let mut out = gradients(&mut graph, &[(y, dy)], &weights).unwrap();
        out.push(y);
        (graph, towers, out)
    }

    fn copies(graph: &Graph) -> usize {
        let copies = |id: &NodeId| {
            graph.compute::<Concat>(*id).is_some() || graph.compute::<ColumnSlice>(*id).is_some()
        };
        graph.ids().filter(copies).count()
    }

    #[test]
    fn towers_are_joined_and_their_gradients_taken_apart_without_a_copy() {
        // The second's columns may end anywhere: what pads them pads the whole.
        for widths in [[4, 4], [8, 3]] {
            let (graph, towers, out) = towers(widths);
            let placed = in_place(&graph, &out);
            assert_eq!((copies(&graph), copies(&placed)), (3, 0), "{widths:?}");
            let pitch = (widths[0] + widths[1]).next_multiple_of(4);
            towers.iter().for_each(|&tower| assert_eq!(placed.tensor(tower).pitch(), pitch));
            let given: Values = graph
                .ids()
                .filter(|id| matches!(graph.node(*id).kind, Kind::Input))
                .map(|id| {
                    let Tensor { rows, cols, .. } = graph.tensor(id);
                    (id, Array::from_fn(rows, cols, |r, c| ((7 * r + 3 * c + 5) % 11) as f64 - 5.0))
                })
                .collect();
            let [before, after] = [&graph, &placed].map(|graph| graph.evaluate(&given, &out).unwrap());
            out.iter().for_each(|id| assert_eq!(before[id], after[id]));
        }
    }

    #[test]
    fn columns_that_begin_between_vec4s_are_copied() {
        let (graph, _, out) = towers([3, 4]);
        // The first slice begins at 0, yet what follows its columns in the row is no padding.
        assert_eq!(copies(&in_place(&graph, &out)), 3);
    }

    #[test]
    fn so_are_those_that_somebody_needs_as_a_tensor_of_their_own() {
        let (mut graph, towers, mut out) = towers([4, 4]);
        let kept = [out.clone(), vec![towers[1]]].concat();
        assert_eq!(copies(&in_place(&graph, &kept)), 1, "wanted by the caller");
        out.push(graph.apply(Add, &towers).unwrap());
        assert_eq!(copies(&in_place(&graph, &out)), 1, "read by an operation that cannot");
    }

    #[test]
    fn so_is_a_tower_on_top_of_the_other() {
        let mut graph = Graph::new();
        let (x, w) = (graph.input("x", Tensor::f32(3, 4)), graph.input("w", Tensor::f32(5, 4)));
        let below = graph.apply(RELU, &[x, w]).unwrap();
        let above = graph.apply(RELU, &[below, w]).unwrap();
        let joined = graph.apply(Concat, &[below, above]).unwrap();
        let sum = graph.apply(Add, &[joined, joined]).unwrap();
        assert_eq!(copies(&in_place(&graph, &[sum])), 1);
    }
}
