//! The rewrite that lets a first layer work on the ones of resident bits.

use crate::error::Result;
use crate::graph::{Graph, Kind, NodeId};
use crate::ops::{ColumnsOfOnes, Dense, DenseDw, DenseOnes, DenseOnesDw, GatherOnes, GatherRows, Ones};
use std::collections::HashMap;

/// Where a gather says how many ones its records have at most ([`GatherRows::most`]) and all that its batch
/// goes into, whole or in parts of its rows, are dense layers and their gradients: lists of ones in place of
/// the batch. `dense(gather_rows(data, rows), w)` becomes `dense_ones(gather_ones(data, rows), w)`, and
/// `dense_dw(x, dz)` becomes `dense_ones_dw(columns_of_ones(x), dz)`. The second result says where each node
/// of `graph` is now; what is in `keep` stays as it is.
///
/// # Errors
/// Shapes that do not fit, a bug.
pub(super) fn on_ones(graph: &Graph, keep: &[NodeId]) -> Result<(Graph, Vec<NodeId>)> {
    let lists = lists(graph, keep);
    let mut out = Graph::new();
    let mut moved: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    let mut columns: HashMap<NodeId, NodeId> = HashMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let inputs: Vec<NodeId> = node.inputs.iter().map(|input| moved[input.index()]).collect();
        let list = lists.get(&id).or_else(|| node.inputs.first().and_then(|first| lists.get(first)));
        let new = match (list, &node.kind) {
            (Some(_), Kind::View { offset }) => {
                let start = offset / graph.tensor(node.inputs[0]).pitch();
                out.rows(inputs[0], start, node.tensor.rows)?
            }
            (Some(&ones), Kind::Compute(_)) => {
                if let Some(&Dense { activation }) = graph.compute(id) {
                    out.apply(DenseOnes { ones, activation }, &inputs)?
                } else if graph.compute::<DenseDw>(id).is_some() {
                    let bits = match columns.get(&inputs[0]) {
                        Some(&bits) => bits,
                        None => out.apply(ColumnsOfOnes(ones), &inputs[..1])?,
                    };
                    columns.insert(inputs[0], bits);
                    out.apply(DenseOnesDw, &[bits, inputs[1]])?
                } else {
                    out.apply(GatherOnes(ones), &inputs)?
                }
            }
            _ => out.copy(node, &moved),
        };
        moved.push(new);
    }
    Ok((out, moved))
}

/// The batches that can be lists, and their parts.
fn lists(graph: &Graph, keep: &[NodeId]) -> HashMap<NodeId, Ones> {
    // The gather that a batch or its part comes from.
    let mut sources: HashMap<NodeId, NodeId> = HashMap::new();
    let mut lists: HashMap<NodeId, Ones> = HashMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        if let Some(&GatherRows { width, most: Some(most), .. }) = graph.compute(id) {
            lists.insert(id, Ones { width, most });
            sources.insert(id, id);
        }
        for (place, input) in node.inputs.iter().enumerate() {
            let Some(&source) = sources.get(input) else { continue };
            let whole = graph.tensor(*input);
            let fits = place == 0
                && match &node.kind {
                    Kind::View { offset } => node.tensor.cols == whole.cols && offset % whole.pitch() == 0,
                    _ => graph.compute::<Dense>(id).is_some() || graph.compute::<DenseDw>(id).is_some(),
                };
            match (fits, &node.kind) {
                (true, Kind::View { .. }) => {
                    sources.insert(id, source);
                }
                (true, _) => {}
                (false, _) => {
                    lists.remove(&source);
                }
            }
        }
    }
    for id in keep {
        sources.get(id).map(|source| lists.remove(source));
    }
    sources.into_iter().filter_map(|(id, source)| Some((id, *lists.get(&source)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Array, Tensor, Values};
    use crate::ops::{Activation, Add, Format, gradients};

    /// A network of two layers on bits, its first layer's and second's gradients of a part of the batch.
    fn graph() -> (Graph, [NodeId; 5], Vec<NodeId>) {
        let mut graph = Graph::new();
        let data = graph.input("data", Tensor::u32(6, 2).shared());
        let rows = graph.input("rows", Tensor::u32(9, 1));
        let w = graph.input("w", Tensor::f32(41, 5));
        let v = graph.input("v", Tensor::f32(6, 3));
        let gather = GatherRows { format: Format::Bits, width: 40, most: Some(12) };
        let x = graph.apply(gather, &[data, rows]).unwrap();
        let part = graph.rows(x, 3, 6).unwrap();
        let y = graph.apply(Dense { activation: Activation::Tanh }, &[part, w]).unwrap();
        let z = graph.apply(Dense { activation: Activation::Identity }, &[y, v]).unwrap();
        let dz = graph.input("dz", Tensor::f32(6, 3));
        let mut out = gradients(&mut graph, &[(z, dz)], &[w, v]).unwrap();
        out.push(z);
        (graph, [data, rows, w, v, dz], out)
    }

    fn given(graph: &Graph, ids: [NodeId; 5]) -> Values {
        let [data, rows, ..] = ids;
        let value = |id: NodeId| {
            let tensor = graph.tensor(id);
            Array::from_fn(tensor.rows, tensor.cols, |r, c| match id {
                id if id == data => f64::from([0b1100_0001_u32, 0b11][c] << r & [u32::MAX, 255][c]),
                // The last is beyond the data: padding.
                id if id == rows => ((5 * r) % 7) as f64,
                _ => ((7 * r + 3 * c + 5) % 11) as f64 / 8.0 - 0.6,
            })
        };
        Values::from(ids.map(|id| (id, value(id))))
    }

    fn names(graph: &Graph) -> Vec<&str> {
        graph.ids().filter(|id| graph.operation(*id).is_some()).map(|id| &*graph.node(id).label).collect()
    }

    #[test]
    fn a_first_layer_on_few_ones_walks_lists_and_computes_the_same() {
        let (graph, ids, out) = graph();
        let (rewritten, moved) = on_ones(&graph, &out).unwrap();
        let found = names(&rewritten);
        for name in ["gather_ones", "dense_ones", "columns_of_ones", "dense_ones_dw", "dense", "dense_dw"] {
            assert_eq!(found.iter().filter(|n| **n == name).count(), 1, "{name} in {found:?}");
        }
        assert!(!found.contains(&"gather_rows"), "{found:?}");
        let before = given(&graph, ids);
        let after = before.iter().map(|(id, array)| (moved[id.index()], array.clone())).collect();
        let new: Vec<NodeId> = out.iter().map(|id| moved[id.index()]).collect();
        let (before, after) =
            (graph.evaluate(&before, &out).unwrap(), rewritten.evaluate(&after, &new).unwrap());
        for (old, new) in out.iter().zip(&new) {
            for (a, b) in before[old].data.iter().zip(&after[new].data) {
                assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_batch_that_something_else_reads_stays_a_batch() {
        let (mut graph, [data, rows, ..], mut out) = graph();
        let x = graph.ids().find(|id| graph.node(*id).label == "gather_rows").unwrap();
        // Wanted itself.
        let (same, _) = on_ones(&graph, &[out.clone(), vec![x]].concat()).unwrap();
        assert_eq!(names(&same), names(&graph));
        // Without a word on how many ones there are.
        let plain = GatherRows { format: Format::Bits, width: 40, most: None };
        let other = graph.apply(plain, &[data, rows]).unwrap();
        out.push(graph.apply(Add, &[other, x]).unwrap());
        let (same, _) = on_ones(&graph, &out).unwrap();
        assert_eq!(names(&same), names(&graph));
    }
}
