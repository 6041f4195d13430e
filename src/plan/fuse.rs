//! Rewrites that save dispatches without changing what is computed.

use crate::graph::{Graph, NodeId};
use crate::ops::{ActivateGrad, Activation, ColumnSlice, Concat, DenseDx};

/// The backward pass of an activation, folded into the matrix product that feeds it:
/// `activation_grad(x, dense_dx(dz, w, x))` becomes one `dense_dx` with the factor in its epilogue. The same
/// through a concatenation, whose parts all take their slices of the product and have the same activation:
/// `activation_grad(a, column_slice(dense_dx(dz, w, concat(a, b))))` becomes a slice of such a `dense_dx`.
/// Node ids stay as they are.
pub(super) fn fuse(graph: &Graph, keep: &[NodeId]) -> Graph {
    let mut fused = graph.clone();
    let users = graph.users(keep);
    // The activation of the layer below, if `dx` is a product that nothing else of the step takes as it is.
    let of = |dx: NodeId| -> Option<(Activation, Vec<NodeId>)> {
        let plain = graph.compute::<DenseDx>(dx)?.activation == Activation::Identity;
        if !plain || keep.contains(&dx) {
            return None;
        }
        let x = graph.node(dx).inputs[2];
        if let [user] = users[dx.index()][..]
            && let Some(activation) = gradient_of(graph, user, x, dx)
        {
            return Some((activation, vec![user]));
        }
        graph.compute::<Concat>(x)?;
        let mut start = 0;
        let mut starts = vec![];
        for &part in &graph.node(x).inputs {
            starts.push((start, part));
            start += graph.tensor(part).cols;
        }
        let mut found: Vec<(Activation, NodeId)> = vec![];
        for &slice in &users[dx.index()] {
            let op = graph.compute::<ColumnSlice>(slice).filter(|op| !op.pad && !keep.contains(&slice))?;
            let (_, part) = starts.iter().find(|(start, _)| *start == op.start)?;
            let [user] = users[slice.index()][..] else { return None };
            found.push((gradient_of(graph, user, *part, slice)?, user));
        }
        let (activation, _) = *found.first()?;
        let same = found.iter().all(|(other, _)| *other == activation);
        same.then(|| (activation, found.into_iter().map(|(_, user)| user).collect()))
    };
    for dx in graph.ids() {
        let Some((activation, gradients)) = of(dx) else { continue };
        let product = DenseDx { activation };
        let inputs = graph.node(dx).inputs.clone();
        for id in gradients {
            let below = graph.node(id).inputs[1];
            match graph.compute::<ColumnSlice>(below) {
                Some(&slice) => fused.replace(id, slice, vec![dx]),
                None => fused.replace(id, product, inputs.clone()),
            }
        }
        fused.replace(dx, product, inputs);
    }
    fused
}

/// The activation whose backward pass `id` is, from `dy`, at the layer's output `y`.
fn gradient_of(graph: &Graph, id: NodeId, y: NodeId, dy: NodeId) -> Option<Activation> {
    let ActivateGrad(activation) = graph.compute::<ActivateGrad>(id)?;
    (graph.node(id).inputs == [y, dy]).then_some(*activation)
}

#[cfg(test)]
mod tests {
    use super::super::schedule::waves;
    use super::*;
    use crate::graph::{Array, Tensor, Values};
    use crate::ops::{Dense, gradients};

    #[test]
    fn a_hidden_layers_activation_costs_no_dispatch_in_the_backward_pass() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(2, 3));
        let w = [(4, 5), (6, 7), (8, 1)].map(|(rows, cols)| graph.input("w", Tensor::f32(rows, cols)));
        let mut y = x;
        for w in w {
            y = graph.apply(Dense { activation: Activation::Tanh }, &[y, w]).unwrap();
        }
        let dy = graph.input("dy", Tensor::f32(2, 1));
        let out = gradients(&mut graph, &[(y, dy)], &w).unwrap();
        let names = |graph: &Graph| -> Vec<String> {
            let order = waves(graph, &out).unwrap();
            order.into_iter().flatten().map(|id| graph.node(id).label.clone()).collect()
        };
        let count = |names: &[String], name: &str| names.iter().filter(|n| *n == name).count();
        let (plain, fused) = (names(&graph), names(&fuse(&graph, &out)));
        assert_eq!((count(&plain, "activation_grad"), count(&plain, "dense_dx")), (3, 2));
        // Only the last layer's is left: nothing feeds it but dy.
        assert_eq!((count(&fused, "activation_grad"), count(&fused, "dense_dx")), (1, 2));
    }

    #[test]
    fn nor_does_that_of_two_towers_that_are_joined() {
        let mut graph = Graph::new();
        let (x, w) = (graph.input("x", Tensor::f32(2, 3)), graph.input("w", Tensor::f32(4, 5)));
        let (u, v) = (graph.input("u", Tensor::f32(4, 6)), graph.input("v", Tensor::f32(12, 1)));
        let relu = Dense { activation: Activation::Relu };
        let (a, b) = (graph.apply(relu, &[x, w]).unwrap(), graph.apply(relu, &[x, u]).unwrap());
        let joined = graph.apply(Concat, &[a, b]).unwrap();
        let y = graph.apply(Dense { activation: Activation::Identity }, &[joined, v]).unwrap();
        let dy = graph.input("dy", Tensor::f32(2, 1));
        let out = gradients(&mut graph, &[(y, dy)], &[w, u]).unwrap();
        let count = |graph: &Graph, name: &str| {
            let order = waves(graph, &out).unwrap();
            order.into_iter().flatten().filter(|id| graph.node(*id).label == name).count()
        };
        let fused = fuse(&graph, &out);
        assert_eq!((count(&graph, "activation_grad"), count(&graph, "column_slice")), (2, 2));
        assert_eq!((count(&fused, "activation_grad"), count(&fused, "column_slice")), (0, 2));
        // It computes the same: slopes of relu, 1 where the unit is on.
        let given = Values::from([x, w, u, v, dy].map(|id| {
            let tensor = graph.tensor(id);
            (id, Array::from_fn(tensor.rows, tensor.cols, |r, c| ((7 * r + 3 * c + 5) % 11) as f64 - 5.0))
        }));
        let (plain, fused) = (graph.evaluate(&given, &out).unwrap(), fused.evaluate(&given, &out).unwrap());
        out.iter().for_each(|id| assert_eq!(plain[id], fused[id]));
        // A part that is wanted without its activation's slope keeps the product as it is.
        let slice = graph.ids().find(|id| graph.node(*id).label == "column_slice").unwrap();
        assert_eq!(count(&fuse(&graph, &[out.clone(), vec![slice]].concat()), "activation_grad"), 2);
    }
}
