//! The order of dispatches: waves of operations that do not depend on each other, next to each
//! other, so that the driver's barriers fall between waves only. Pure data, no GPU.

use crate::error::{Error, Result};
use crate::graph::{Graph, Kind, NodeId};
use std::collections::HashSet;

/// The operations needed for `outputs` and for every update, in waves. Within a wave no operation
/// reads or overwrites what another one writes. Those come first that write to memory which others share, as parts
/// of it or as a state's next version: they wait for what came before in any case, and then the others need not.
///
/// # Errors
/// A graph that reads a state's old version after the update that overwrites it.
pub fn waves(graph: &Graph, outputs: &[NodeId]) -> Result<Vec<Vec<NodeId>>> {
    let live = graph.live(outputs);
    // level[n]: the first wave in which n's value exists, 1-based; 0 for what exists before.
    let mut level = vec![0usize; graph.nodes().len()];
    // The last wave that reads a version of a state.
    let mut last_read = vec![0usize; graph.nodes().len()];
    // Versions that were overwritten, and the state version that each view shows.
    let mut overwritten = vec![false; graph.nodes().len()];
    let mut waves: Vec<Vec<NodeId>> = vec![];
    for id in graph.ids().filter(|id| live[id.index()]) {
        let node = graph.node(id);
        let mut after = node.inputs.iter().chain(&node.after).map(|i| level[i.index()]).max().unwrap_or(0);
        if !matches!(node.kind, Kind::Compute(_) | Kind::Update(_) | Kind::Fill(_)) {
            level[id.index()] = after;
            continue;
        }
        let versions: Vec<NodeId> = node.inputs.iter().map(|&i| version(graph, i)).collect();
        if let Some(&old) = versions.iter().find(|v| overwritten[v.index()]) {
            return Err(Error::graph(format!("schedule of {}", node.label))
                .expected(format!("the newest version of {}", graph.node(graph.owner(old)).label))
                .found("one that an update overwrites before"));
        }
        if let Kind::Update(_) | Kind::Fill(_) = node.kind {
            after = after.max(last_read[versions[0].index()]);
            overwritten[versions[0].index()] = matches!(node.kind, Kind::Update(_));
        }
        let wave = after + 1;
        level[id.index()] = wave;
        for v in versions {
            last_read[v.index()] = last_read[v.index()].max(wave);
        }
        waves.resize_with(waves.len().max(wave), Vec::new);
        waves[wave - 1].push(id);
    }
    let wholes = graph.nodes().iter().filter(|node| matches!(node.kind, Kind::Pack | Kind::Columns));
    let parts: HashSet<NodeId> = wholes.flat_map(|whole| whole.inputs.iter().copied()).collect();
    let alone = |id: &NodeId| matches!(graph.node(*id).kind, Kind::Compute(_)) && !parts.contains(id);
    waves.iter_mut().for_each(|wave| wave.sort_by_key(alone));
    Ok(waves)
}

/// The node that a view shows a part of.
pub(super) fn version(graph: &Graph, id: NodeId) -> NodeId {
    match graph.node(id).kind {
        Kind::View { .. } => version(graph, graph.node(id).inputs[0]),
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Tensor;
    use crate::ops::{Add, Advance, Tape};

    #[test]
    fn independent_operations_share_a_wave() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(2, 4));
        let a = graph.apply(Add, &[x, x]).unwrap();
        let b = graph.apply(Add, &[x, x]).unwrap();
        let c = graph.apply(Add, &[a, b]).unwrap();
        assert_eq!(waves(&graph, &[c]).unwrap(), [vec![a, b], vec![c]]);
        assert_eq!(waves(&graph, &[a]).unwrap(), [vec![a]], "what nobody needs is not run");
    }

    #[test]
    fn an_update_waits_for_the_readers_of_the_version_it_overwrites() {
        let mut graph = Graph::new();
        let tape = graph.input("tape", Tensor::u32(3, 2));
        let counter = graph.state("counter", Tensor::u32(1, 1));
        let line = graph.apply(Tape { line: Tensor::u32(2, 1) }, &[tape, counter]).unwrap();
        let next = graph.update(Advance, &[counter]).unwrap();
        assert_eq!(waves(&graph, &[line]).unwrap(), [vec![line], vec![next]]);
    }

    #[test]
    fn parts_of_a_whole_come_first_in_their_wave() {
        let mut graph = Graph::new();
        let x = graph.input("x", Tensor::f32(2, 4));
        let [alone, part] = [0; 2].map(|_| graph.apply(Add, &[x, x]).unwrap());
        let pack = graph.pack("gradient", &[part]);
        let sum = graph.apply(Add, &[alone, alone]).unwrap();
        let order = waves(&graph, &[pack, sum]).unwrap();
        assert_eq!(order, [vec![part, alone], vec![sum]]);
    }

    #[test]
    fn reading_an_overwritten_version_is_refused() {
        let mut graph = Graph::new();
        let tape = graph.input("tape", Tensor::u32(3, 2));
        let counter = graph.state("counter", Tensor::u32(1, 1));
        graph.update(Advance, &[counter]).unwrap();
        let line = graph.apply(Tape { line: Tensor::u32(2, 1) }, &[tape, counter]).unwrap();
        assert!(waves(&graph, &[line]).unwrap_err().to_string().contains("newest version of counter"));
    }
}
