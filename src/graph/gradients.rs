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
            let wanted: Vec<bool> = node.inputs.iter().map(|i| carries[i.index()]).collect();
            let parts = self.vjp(id, dy, &wanted)?;
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

    /// The gradients of `id`'s inputs, given its own, as [`Op::vjp`](super::Op::vjp) does.
    ///
    /// # Errors
    /// A node that is no differentiable operation.
    pub fn vjp(&mut self, id: NodeId, dy: NodeId, wanted: &[bool]) -> Result<Vec<Option<NodeId>>> {
        let node = self.node(id).clone();
        let inputs: Vec<NodeId> = node.inputs.iter().map(|&input| self.again(input, dy)).collect();
        match &node.kind {
            Kind::Compute(op) => op.vjp(self, &inputs, id, dy, wanted),
            // The older version has the same gradient: those who read it did not read what was filled in.
            Kind::Fill(op) => {
                let parts = op.vjp(self, &inputs[1..], id, dy, &wanted[1..])?;
                Ok(std::iter::once(Some(dy)).chain(parts).collect())
            }
            _ => Err(Error::graph(format!("gradient of {}", node.label))
                .expected("a differentiable operation")
                .found("a view, a state or an update on the way to a parameter")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Array, Tensor, Values};
    use super::*;
    use crate::ops::{Activate, Activation, Add, Reduce, Scale, gradients};

    #[test]
    fn several_uses_and_several_roots_add_up() {
        // f = Σ tanh(x) + Σ x, g = Σ x;  d(2 f + 3 g)/dx = 2 (1 − tanh² x) + 2 + 3
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(1, 3));
        let y = graph.apply(Activate(Activation::Tanh), &[x]).unwrap();
        let sum = graph.apply(Add, &[y, x]).unwrap();
        let f = graph.apply(Reduce::SUM, &[sum]).unwrap();
        let g = graph.apply(Reduce::SUM, &[x]).unwrap();
        let (two, three) = (graph.constant(2.0), graph.constant(3.0));
        let dx = gradients(&mut graph, &[(f, two), (g, three)], &[x]).unwrap()[0];
        let at = [-1.0, 0.0, 0.5];
        let given = Values::from([(x, Array::new(1, 3, at.to_vec()))]);
        let found = &graph.evaluate(&given, &[dx]).unwrap()[&dx];
        for (found, x) in found.data.iter().zip(at) {
            let expected = 2.0 * (1.0 - x.tanh().powi(2)) + 5.0;
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn only_paths_to_what_is_asked_for_are_built() {
        let mut graph = Graph::new();
        let (x, s) = (graph.input("x", Tensor::f32(1, 4)), graph.input("s", Tensor::f32(1, 1)));
        let fixed = graph.apply(Activate(Activation::Tanh), &[x]).unwrap();
        let y = graph.apply(Add, &[fixed, x]).unwrap();
        let loss = graph.apply(Reduce::SUM, &[y]).unwrap();
        let one = graph.constant(1.0);
        let before = graph.nodes().len();
        gradients(&mut graph, &[(loss, one)], &[y]).unwrap();
        assert_eq!(graph.nodes().len(), before + 1, "the broadcast of the sum, nothing of tanh");
        let scaled = graph.apply(Scale { factor: 1.0 }, &[loss, s]).unwrap();
        let error = gradients(&mut graph, &[(scaled, one)], &[s]).unwrap_err();
        assert!(error.to_string().contains("gradient of s"), "{error}");
    }
}
