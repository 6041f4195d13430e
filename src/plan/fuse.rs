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
