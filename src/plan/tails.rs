//! The rewrite that makes the attack network's last layer and what follows it one dispatch.

use super::columns::reads;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::{Activation, Dense, DenseDx, GainTail, MembershipGainGrad};
use std::collections::HashMap;

/// The logit `s = dense(x, w)`, the gain's gradient `ds` and `dense_dx(ds, w, x)` become columns of one
/// [`GainTail`], where x is as it is or a ReLU's, all who read them can read columns and the gain's weight comes
/// before the logit in the graph. The second result says where each node of `graph` is now; what is in `keep` stays as it is.
///
/// # Errors
/// Shapes that do not fit, a bug.
pub(super) fn merge(graph: &Graph, keep: &[NodeId]) -> Result<(Graph, Vec<NodeId>)> {
    let users = graph.users(keep);
    let tails: Vec<Tail> = graph.ids().filter_map(|id| Tail::at(graph, &users, keep, id)).collect();
    let mut out = Graph::new();
    let mut moved: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    // For each column of a tail the whole and where it begins there.
    let mut columns: HashMap<NodeId, (NodeId, usize)> = HashMap::new();
    for id in graph.ids() {
        if let Some(Tail { op, inputs, members }) = tails.iter().find(|tail| tail.members[0] == id) {
            let whole = out.apply(*op, &inputs.map(|input| moved[input.index()]))?;
            columns.extend(
                members.iter().zip(GainTail::STARTS).map(|(&member, start)| (member, (whole, start))),
            );
        }
        moved.push(match columns.get(&id) {
            Some(&(whole, start)) => out.push_columns(whole, start, graph.node(id)),
            None => out.copy(graph.node(id), &moved),
        });
    }
    Ok((out, moved))
}

/// What becomes one operation.
struct Tail {
    op: GainTail,
    /// x, w and the gain's weight.
    inputs: [NodeId; 3],
    /// s, ds, dx.
    members: [NodeId; 3],
}

impl Tail {
    /// The one whose gain's gradient is `ds`.
    fn at(graph: &Graph, users: &[Vec<NodeId>], keep: &[NodeId], ds: NodeId) -> Option<Tail> {
        let &MembershipGainGrad(gain) = graph.compute(ds)?;
        let &[s, dy] = &graph.node(ds).inputs[..] else { return None };
        let plain = graph.compute::<Dense>(s)?.activation == Activation::Identity;
        let &[x, w] = &graph.node(s).inputs[..] else { return None };
        let below =
            |&id: &NodeId| graph.node(id).inputs == [ds, w, x] && graph.compute::<DenseDx>(id).is_some();
        let dx = users[ds.index()].iter().copied().find(below)?;
        let relu = match graph.compute::<DenseDx>(dx)?.activation {
            Activation::Relu => true,
            Activation::Identity => false,
            _ => return None,
        };
        let members = [s, ds, dx];
        let readable = |member: &NodeId| {
            let others = users[member.index()].iter().filter(|user| !members.contains(user));
            !keep.contains(member) && others.into_iter().all(|&user| reads(graph, user, *member))
        };
        let merges = plain && dy < s && members.iter().all(readable);
        merges.then_some(Tail { op: GainTail { gain, relu }, inputs: [x, w, dy], members })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Array, Tensor, Values};
    use crate::ops::{GainForm, MembershipGain, gradients};

    /// The last two layers of an attack network: x, weights and the gain's weight, s and the weights' gradients.
    fn graph(weight_first: bool) -> (Graph, [NodeId; 4], Vec<NodeId>) {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(6, 3));
        let [v, w] = [(4, 5), (6, 1)].map(|(rows, cols)| graph.input("w", Tensor::f32(rows, cols)));
        let early = graph.input("weight", Tensor::f32(1, 1));
        let hidden = graph.apply(Dense { activation: Activation::Relu }, &[x, v]).unwrap();
        let s = graph.apply(Dense { activation: Activation::Identity }, &[hidden, w]).unwrap();
        let gain = graph.apply(MembershipGain { form: GainForm::Log, members: 2 }, &[s]).unwrap();
        let weight = if weight_first { early } else { graph.rows(early, 0, 1).unwrap() };
        let out = gradients(&mut graph, &[(gain, weight)], &[v, w]).unwrap();
        (graph, [x, v, w, early], out)
    }

    fn count(graph: &Graph, name: &str) -> usize {
        graph.nodes().iter().filter(|node| node.label == name).count()
    }

    #[test]
    fn a_logit_and_its_gradients_are_columns_of_one_operation_and_the_same_numbers() {
        let (graph, inputs, out) = graph(true);
        let fused = super::super::fuse::fuse(&graph, &out);
        let (merged, moved) = merge(&fused, &out).unwrap();
        let new: Vec<NodeId> = out.iter().map(|id| moved[id.index()]).collect();
        let launched = |name: &str| {
            let live = merged.live(&new);
            let is = |id: NodeId| merged.operation(id).is_some_and(|(op, _)| op.name() == name);
            merged.ids().filter(|&id| live[id.index()] && is(id)).count()
        };
        let names = ["dense", "membership_gain_grad", "dense_dx", "gain_tail", "dense_dw"];
        assert_eq!(names.map(launched), [1, 0, 0, 1, 2]);
        let value = |id: NodeId| {
            let Tensor { rows, cols, .. } = graph.tensor(id);
            Array::from_fn(rows, cols, |r, c| ((7 * r + 3 * c + 5) % 11) as f64 / 8.0 - 0.6)
        };
        let before: Values = inputs.map(|id| (id, value(id))).into();
        let after = before.iter().map(|(id, array)| (moved[id.index()], array.clone())).collect();
        let (before, after) =
            (graph.evaluate(&before, &out).unwrap(), merged.evaluate(&after, &new).unwrap());
        for (old, new) in out.iter().zip(&new) {
            for (a, b) in before[old].data.iter().zip(&after[new].data) {
                assert!((a - b).abs() < 1e-12, "{a} {b}");
            }
        }
    }

    #[test]
    fn they_stay_apart_where_one_is_wanted_or_the_weight_comes_later() {
        let (first, _, out) = graph(true);
        let s = first.ids().rfind(|id| first.compute::<Dense>(*id).is_some()).unwrap();
        assert_eq!(count(&merge(&first, &[out.clone(), vec![s]].concat()).unwrap().0, "gain_tail"), 0);
        let (late, _, out) = graph(false);
        assert_eq!(count(&merge(&late, &out).unwrap().0, "gain_tail"), 0);
    }
}
