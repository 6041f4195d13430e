//! Reverse-mode differentiation, graph to graph: the gradient is made of ordinary nodes.

use super::{Graph, Kind, NodeId};
use crate::error::{Error, Result};
use std::collections::HashMap;

impl Graph {
    /// Adds the nodes that compute the gradient of Σ seed · root, over the (root, seed) pairs of
    /// `roots`, with respect to every `w` of `wrt`, and returns them in that order. Roots and seeds
    /// are scalars `[1, 1]`; a seed of −1 ascends, a seed of λ weighs a term. Only paths that lead
    /// to `wrt` are built, so holding one network fixed means leaving its parameters out of `wrt`.
    /// A node with several uses gets the sum of its gradients by `add`: the graph itself knows no
    /// operation.
    ///
    /// # Errors
    /// A `w` that no root depends on through differentiable operations; a view of a computed tensor
    /// on the way (use the `row_slice` operation there).
    pub fn gradients_with(
        &mut self,
        roots: &[(NodeId, NodeId)],
        wrt: &[NodeId],
        add: impl Fn(&mut Graph, NodeId, NodeId) -> Result<NodeId>,
    ) -> Result<Vec<NodeId>> {
        let last = roots.iter().map(|(root, _)| root.0).max().unwrap_or(0);
        // Which nodes depend on wrt, and so carry a gradient. What an update wrote is a constant: the
        // game does not differentiate through the attack's training.
        let mut carries = vec![false; last as usize + 1];
        for id in self.ids().take(carries.len()) {
            let node = self.node(id);
            let flows = !matches!(node.kind, Kind::Update(_));
            carries[id.index()] =
                wrt.contains(&id) || (flows && node.inputs.iter().any(|i| carries[i.index()]));
        }
        let mut gradient: HashMap<NodeId, NodeId> = HashMap::new();
        for &(root, seed) in roots {
            let sum = match gradient.get(&root) {
                Some(&other) => add(self, other, seed)?,
                None => seed,
            };
            gradient.insert(root, sum);
        }
        for id in (0..=last).rev().map(NodeId) {
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
