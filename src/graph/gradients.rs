//! Reverse-mode differentiation, graph to graph: the gradient is made of ordinary nodes.

use super::{Graph, Kind, NodeId};
use crate::error::{Error, Result};
use std::collections::HashMap;

impl Graph {
    /// Adds the nodes that compute d`loss`/d`w` for every `w` of `wrt` and returns them in that
    /// order. `loss` is a scalar. Only paths that lead to `wrt` are built, so holding one network
    /// fixed means leaving its parameters out of `wrt`. A node with several uses gets the sum of
    /// its gradients by `add`: the graph itself knows no operation.
    ///
    /// # Errors
    /// A `w` that the loss does not depend on through differentiable operations; a view of a
    /// computed tensor on the way (use the `row_slice` operation there).
    pub fn gradients_with(
        &mut self,
        loss: NodeId,
        wrt: &[NodeId],
        add: impl Fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>,
    ) -> Result<Vec<NodeId>> {
        // Which nodes depend on wrt, and so carry a gradient.
        let mut carries = vec![false; loss.index() + 1];
        for id in self.ids().take(loss.index() + 1) {
            carries[id.index()] =
                wrt.contains(&id) || self.node(id).inputs.iter().any(|i| carries[i.index()]);
        }
        let one = self.constant(1.0);
        let mut gradient: HashMap<NodeId, NodeId> = HashMap::from([(loss, one)]);
        for id in (0..=loss.0).rev().map(NodeId) {
            let (true, Some(&dy)) = (carries[id.index()], gradient.get(&id)) else { continue };
            if wrt.contains(&id) {
                continue;
            }
            let node = self.node(id).clone();
            let Kind::Compute(op) = &node.kind else {
                return Err(Error::graph(format!("gradient of {}", node.label))
                    .expected("a differentiable operation")
                    .found("a view, a state or an update on the way to a parameter"));
            };
            let wanted: Vec<bool> = node.inputs.iter().map(|i| carries[i.index()]).collect();
            let parts = op.vjp(self, &node.inputs, id, dy, &wanted)?;
            for ((&input, part), wanted) in node.inputs.iter().zip(parts).zip(wanted) {
                let (true, Some(part)) = (wanted, part) else { continue };
                let sum = match gradient.get(&input) {
                    Some(&other) => add(self, other, part)?,
                    None => part,
                };
                gradient.insert(input, sum);
            }
        }
        wrt.iter()
            .map(|w| {
                gradient.get(w).copied().ok_or_else(|| {
                    Error::graph(format!("gradient of {}", self.node(*w).label))
                        .expected("a parameter that the loss depends on")
                })
            })
            .collect()
    }
}
