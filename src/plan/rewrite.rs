//! What a graph becomes before it is run: the rewrites, one after another.

use super::{columns, fuse, ones, schedule, tails, updates};
use crate::error::Result;
use crate::gpu::Context;
use crate::graph::{Graph, Kind, NodeId};

/// A graph as it will be run.
#[derive(Debug)]
pub struct Rewritten {
    /// With passes merged, a first layer on lists of ones where there are few, slopes folded into products, and,
    /// unless they are to stay apart, that layer's step made with its gradient, the attack network's last layers
    /// merged and columns joined without a copy.
    pub graph: Graph,
    /// Where each node of the graph that was given is found in it.
    pub moved: Vec<NodeId>,
    /// The outputs in it.
    pub keep: Vec<NodeId>,
    /// Its operations, in waves.
    pub waves: Vec<Vec<NodeId>>,
}

/// What [`Plan::compile`](super::Plan::compile) makes of `graph` before it asks for memory and kernels.
///
/// # Errors
/// A graph that cannot run as written.
pub fn rewrite(context: &Context, graph: &Graph, replicas: usize, outputs: &[NodeId]) -> Result<Rewritten> {
    let (hoisted, mut moved) = graph.hoist(most_rows(context, graph, replicas));
    let mut keep: Vec<NodeId> = outputs.iter().map(|id| moved[id.index()]).collect();
    let mut follow = |keep: &mut Vec<NodeId>, at: &[NodeId]| {
        moved.iter_mut().chain(keep).for_each(|id| *id = at[id.index()]);
    };
    let (listed, at) = ones::on_ones(&hoisted, &keep)?;
    follow(&mut keep, &at);
    let mut rewritten = fuse::fuse(&listed, &keep);
    if !graph.apart {
        let (stepped, at) = updates::along_ones(&rewritten, &keep)?;
        follow(&mut keep, &at);
        let (merged, at) = tails::merge(&stepped, &keep)?;
        follow(&mut keep, &at);
        rewritten = columns::in_place(&merged, &keep);
    }
    let waves = schedule::waves(&rewritten, &keep)?;
    Ok(Rewritten { graph: rewritten, moved, keep, waves })
}

/// Most rows of a merged pass: 4,096 fill any adapter; fewer where these would not fit a binding.
fn most_rows(context: &Context, graph: &Graph, replicas: usize) -> usize {
    let row_wise =
        |kind: &Kind| matches!(kind, Kind::Compute(op) | Kind::Fill(op) if !op.row_wise().is_empty());
    let widest = graph.nodes().iter().filter(|n| row_wise(&n.kind)).map(|n| 4 * n.tensor.pitch()).max();
    let row = (replicas * widest.unwrap_or(4).max(4)) as u64;
    usize::try_from(context.limits().tensor_bytes() / row).unwrap_or(usize::MAX).min(4096)
}
