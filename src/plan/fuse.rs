//! Rewrites that save dispatches without changing what is computed.

use crate::graph::{Graph, Kind, NodeId};
use crate::ops::{ActivateGrad, Activation, DenseDx};

/// The backward pass of an activation, folded into the matrix product that feeds it:
/// `activation_grad(x, dense_dx(dz, w, x))` becomes one `dense_dx` with the factor in its epilogue.
/// Node ids stay as they are.
pub(super) fn fuse(graph: &Graph, keep: &[NodeId]) -> Graph {
    let mut fused = graph.clone();
    let live = graph.live(keep);
    let mut uses = vec![0usize; graph.nodes().len()];
    for id in graph.ids().filter(|id| live[id.index()]) {
        graph.node(id).inputs.iter().for_each(|i| uses[i.index()] += 1);
    }
    for id in graph.ids() {
        let node = graph.node(id);
        let Some(ActivateGrad(activation)) = op_of::<ActivateGrad>(graph, id) else { continue };
        let (x, dx) = (node.inputs[0], node.inputs[1]);
        let single = uses[dx.index()] == 1 && !keep.contains(&dx);
        let plain = op_of::<DenseDx>(graph, dx).is_some_and(|op| op.activation == Activation::Identity);
        if single && plain && graph.node(dx).inputs[2] == x {
            let inputs = graph.node(dx).inputs.clone();
            fused.replace(id, DenseDx { activation: *activation }, inputs);
        }
    }
    fused
}

/// The operation of a node, if it is a `T`.
fn op_of<T: 'static>(graph: &Graph, id: NodeId) -> Option<&T> {
    match &graph.node(id).kind {
        Kind::Compute(op) => (op.as_ref() as &dyn std::any::Any).downcast_ref::<T>(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Tensor;
    use crate::ops::{Dense, gradients};
    use crate::plan::schedule::waves;

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
}
