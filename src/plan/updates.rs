//! The rewrite that makes a first layer's step where its gradient is summed.

use crate::error::Result;
use crate::graph::{Graph, Kind, Node, NodeId};
use crate::ops::{Adam, AdamOnes, DenseOnesDw};

/// `adam(state, pack(dense_ones_dw(bits, dz), rest…), scalars)` becomes Adam along the rest and [`AdamOnes`]
/// along the first, where nobody else takes the gradient: it is neither written nor read. The second result says
/// where each node of `graph` is now; what is in `keep` stays as it is.
///
/// # Errors
/// Shapes that do not fit, a bug.
pub(super) fn along_ones(graph: &Graph, keep: &[NodeId]) -> Result<(Graph, Vec<NodeId>)> {
    let users = graph.users(keep);
    let alone = |id: NodeId| users[id.index()].len() == 1 && !keep.contains(&id);
    // Of an update: its rule, the gradient's parts, the first of them.
    let split = |id: NodeId| -> Option<(Adam, &[NodeId], NodeId)> {
        let adam = graph.updated_by::<Adam>(id)?;
        let gradient = graph.node(id).inputs[1];
        let Node { kind: Kind::Pack, inputs: parts, .. } = graph.node(gradient) else { return None };
        let &first = parts.first()?;
        graph.compute::<DenseOnesDw>(first)?;
        (alone(gradient) && alone(first)).then_some((*adam, parts, first))
    };
    let mut out = Graph::new();
    let mut moved: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    for id in graph.ids() {
        let node = graph.node(id);
        let new = match split(id) {
            Some((adam, parts, first)) => {
                let at = |id: NodeId| moved[id.index()];
                let &[state, gradient, scalars] = &node.inputs[..] else {
                    unreachable!("Adam has three inputs")
                };
                let mut state = at(state);
                if parts.len() > 1 {
                    let rest: Vec<NodeId> = parts[1..].iter().map(|&part| at(part)).collect();
                    let rest = out.pack(&graph.node(gradient).label, &rest);
                    let behind = Adam { first: adam.first + graph.tensor(first).elements(), ..adam };
                    state = out.update(behind, &[state, rest, at(scalars)])?;
                }
                let &[bits, dz] = &graph.node(first).inputs[..] else { unreachable!("as its shape says") };
                out.update(AdamOnes(adam), &[state, at(bits), at(dz), at(scalars)])?
            }
            None => out.copy(node, &moved),
        };
        moved.push(new);
    }
    Ok((out, moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Array, Tensor, Values};
    use crate::ops::{Activation, ColumnsOfOnes, DenseDw, DenseDx, DenseOnes, Ones};

    /// A network of one or two layers on lists of ones, its inputs, its gradient and its step.
    fn graph(layers: usize) -> (Graph, Vec<NodeId>, NodeId, NodeId) {
        let ones = Ones { width: 9, most: 3 };
        let mut graph = Graph::new();
        let state = graph.state("state", Tensor::f32(3, [80, 108][layers - 1]));
        let list = graph.input("list", Tensor::u32(5, ones.pitch()));
        let scalars = graph.input("scalars", Tensor::f32(1, 4));
        let dz = graph.input("dz", Tensor::f32(5, [6, 3][layers - 1]));
        let w = graph.view("w", state, 0, 10, 6).unwrap();
        let bits = graph.apply(ColumnsOfOnes(ones), &[list]).unwrap();
        let parts = match layers {
            1 => vec![graph.apply(DenseOnesDw, &[bits, dz]).unwrap()],
            _ => {
                let y =
                    graph.apply(DenseOnes { ones, activation: Activation::Identity }, &[list, w]).unwrap();
                let v = graph.view("v", state, 80, 7, 3).unwrap();
                let back = DenseDx { activation: Activation::Identity };
                let dy = graph.apply(back, &[dz, v, y]).unwrap();
                let first = graph.apply(DenseOnesDw, &[bits, dy]).unwrap();
                vec![first, graph.apply(DenseDw, &[y, dz]).unwrap()]
            }
        };
        let gradient = graph.pack("gradient", &parts);
        let step = graph.update(Adam::at(0), &[state, gradient, scalars]).unwrap();
        (graph, vec![state, list, scalars, dz], gradient, step)
    }

    fn given(graph: &Graph, ids: &[NodeId]) -> Values {
        let value = |&id: &NodeId| {
            let Tensor { rows, cols, .. } = graph.tensor(id);
            // Counts, features, and the records' bits.
            let list = [[2, 0, 4, 0, 17], [1, 8, 0, 0, 256], [3, 1, 5, 7, 162], [0; 5], [2, 4, 6, 0, 80]];
            let array = Array::from_fn(rows, cols, |r, c| match &*graph.node(id).label {
                "list" => f64::from(list[r][c]),
                "scalars" => [0.1, 1.5, 0.01, 1.0][c],
                _ => f64::from(((7 * r + 3 * c + 5) % 11) as u32) / 8.0 + 0.1,
            });
            (id, array)
        };
        ids.iter().map(value).collect()
    }

    fn steps(graph: &Graph) -> Vec<&str> {
        let update = |id: &NodeId| matches!(graph.node(*id).kind, Kind::Update(_));
        graph.ids().filter(update).map(|id| &*graph.node(id).label).collect()
    }

    #[test]
    fn a_first_layer_s_step_needs_no_gradient_and_is_the_same() {
        for (layers, names) in [(1, &["adam_ones"][..]), (2, &["adam", "adam_ones"])] {
            let (graph, inputs, _, step) = graph(layers);
            let (rewritten, moved) = along_ones(&graph, &[]).unwrap();
            assert_eq!(steps(&rewritten), names);
            let is = |id: NodeId| rewritten.compute::<DenseOnesDw>(id).is_some();
            let live = rewritten.live(&[]);
            assert!(!rewritten.ids().any(|id| live[id.index()] && is(id)), "the gradient is summed apart");
            let before = given(&graph, &inputs);
            let after = before.iter().map(|(id, array)| (moved[id.index()], array.clone())).collect();
            let new = moved[step.index()];
            let old = &graph.evaluate(&before, &[step]).unwrap()[&step];
            assert_eq!(old, &rewritten.evaluate(&after, &[new]).unwrap()[&new], "{layers} layers");
        }
    }

    #[test]
    fn a_gradient_that_somebody_wants_stays() {
        let (graph, _, gradient, _) = graph(2);
        assert_eq!(steps(&along_ones(&graph, &[gradient]).unwrap().0), ["adam"]);
        assert_eq!(steps(&along_ones(&graph, &[graph.node(gradient).inputs[0]]).unwrap().0), ["adam"]);
    }
}
