//! The graph of a training step as it will run: operations in their waves, what they read, their kernels; as text
//! or for Graphviz.
//!
//! Not the picture: `dot -Tsvg` makes one of [`dot`].

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::graph::{Graph, Kind, NodeId};
use crate::nn::RecordShape;
use crate::plan::{Rewritten, memory, rewrite};
use crate::run::config::Config;
use crate::train::resident::ResidentLayout;
use crate::train::schedule::Round;
use crate::train::{Recipe, Schedule};

/// A round of a training: what one run of a plan does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// What it is, in words.
    pub title: String,
    /// Its dispatches, in order.
    pub dispatches: Vec<Drawn>,
}

/// A dispatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// From 1; those of a wave do not depend on each other.
    pub wave: usize,
    /// The node's number in the graph.
    pub node: usize,
    /// The operation's name.
    pub op: String,
    /// Type and shape of the result, of a replica.
    pub result: String,
    /// Shader and entry point.
    pub kernel: String,
    /// Which of the operation's variants that is.
    pub variant: &'static str,
    /// What it reads: numbers of nodes as `#12`, or names of inputs and states.
    pub reads: Vec<String>,
}

/// The rounds of the training that `config` describes, of one replica on `context`'s adapter, for records of this
/// shape in so many classes that lie on the GPU as `layout` says.
///
/// # Errors
/// A configuration that does not fit such records.
pub fn drawings(
    context: &Context,
    config: &Config,
    (shape, classes): (RecordShape, usize),
    layout: ResidentLayout,
) -> Result<Vec<Drawing>> {
    let recipe = Recipe::from_config(config, shape, classes)?;
    let reference = config.data.reference.values().first().copied().unwrap_or(0);
    let schedule = Schedule::from_config(config, config.data.members, &[reference])?;
    schedule
        .rounds
        .iter()
        .map(|&round| {
            let graph = recipe.graph(round, layout, 1)?.graph;
            let rewritten = rewrite(context, &graph, 1, &[])?;
            let dispatches = dispatches(context, &rewritten)?;
            let Rewritten { graph, waves, keep, .. } = rewritten;
            let barriers = memory::assign(&graph, &waves, &keep)?.barriers;
            let (count, waves) = (dispatches.len(), waves.len());
            let count = format!("{count} dispatches in {waves} waves, {barriers} barriers");
            let title = format!("{}: {count}", words(round));
            Ok(Drawing { title, dispatches })
        })
        .collect()
}

fn words(Round { attack, classifier, penalized }: Round) -> String {
    let steps =
        |n: usize, whose: &str| (n > 0).then(|| format!("{n} {whose} step{}", if n == 1 { "" } else { "s" }));
    let penalty = if penalized { " with the penalty" } else { "" };
    let parts = [steps(attack, "attack"), steps(classifier, "classifier").map(|steps| steps + penalty)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", then ")
}

/// The dispatches of a graph on `context`'s adapter, of one replica.
///
/// # Errors
/// An operation without a kernel for the adapter.
fn dispatches(context: &Context, Rewritten { graph, waves, .. }: &Rewritten) -> Result<Vec<Drawn>> {
    let numbered = waves.iter().zip(1..).flat_map(|(wave, number)| wave.iter().map(move |&id| (number, id)));
    let mut drawn = vec![];
    for (wave, id) in numbered {
        let node = graph.node(id);
        let Some((op, inputs)) = graph.operation(id) else { continue };
        let wanted = context.choices().variant(op.name(), &inputs, &node.tensor);
        let launch = op.launch(&inputs, &node.tensor);
        let variant = launch.variant(&context.target(), wanted).ok_or_else(|| {
            Error::gpu(format!("{} of {}", op.name(), node.tensor))
                .expected("a variant for this adapter")
                .found("none")
        })?;
        let mut reads = vec![];
        node.inputs.iter().for_each(|&input| source(graph, input, &mut reads));
        let mut seen = BTreeSet::new();
        reads.retain(|read| seen.insert(read.clone()));
        drawn.push(Drawn {
            wave,
            node: id.index(),
            op: op.name().to_owned(),
            result: node.tensor.to_string(),
            kernel: variant.kernel.to_string(),
            variant: variant.name,
            reads,
        });
    }
    Ok(drawn)
}

/// What computed or holds `id`, through views and packs, which no dispatch computes.
fn source(graph: &Graph, id: NodeId, found: &mut Vec<String>) {
    let node = graph.node(id);
    match node.kind {
        Kind::View { .. } => source(graph, node.inputs[0], found),
        Kind::Pack | Kind::Columns => node.inputs.iter().for_each(|&part| source(graph, part, found)),
        Kind::Input | Kind::State | Kind::Constant(_) => found.push(node.label.clone()),
        Kind::Compute(_) | Kind::Update(_) | Kind::Fill(_) => found.push(format!("#{}", id.index())),
    }
}

/// For Graphviz: a `digraph` a round, a box a wave.
pub fn dot(drawings: &[Drawing]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut text = String::new();
    // Writing to a string does not fail.
    for Drawing { title, dispatches } in drawings {
        let _ = writeln!(text, "digraph {} {{\n  node [shape=box];", quoted(title));
        let given: BTreeSet<&String> =
            dispatches.iter().flat_map(|drawn| &drawn.reads).filter(|read| !read.starts_with('#')).collect();
        for name in given {
            let _ = writeln!(text, "  {} [shape=ellipse];", quoted(name));
        }
        for wave in dispatches.chunk_by(|a, b| a.wave == b.wave) {
            let number = wave[0].wave;
            let _ = writeln!(text, "  subgraph cluster_{number} {{\n    label=\"wave {number}\";");
            for Drawn { node, op, result, kernel, .. } in wave {
                let label = quoted(&format!("{op}\n{result}\n{kernel}")).replace('\n', "\\n");
                let _ = writeln!(text, "    \"#{node}\" [label={label}];");
            }
            text += "  }\n";
        }
        for Drawn { node, reads, .. } in dispatches {
            for read in reads {
                let _ = writeln!(text, "  {} -> \"#{node}\";", quoted(read));
            }
        }
        text += "}\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Options;
    use crate::graph::Tensor;
    use crate::ops::{Activation, Dense};

    fn drawn() -> Vec<Drawn> {
        let mut graph = Graph::new();
        let x = graph.input("records", Tensor::f32(4, 6));
        let w = graph.input("weights", Tensor::f32(7, 5));
        let dense = Dense { activation: Activation::Tanh };
        let half = graph.rows(x, 0, 2).unwrap();
        let other = graph.rows(x, 2, 2).unwrap();
        // Two passes by the same weights: the plan makes them one.
        let (a, b) = (graph.apply(dense, &[half, w]).unwrap(), graph.apply(dense, &[other, w]).unwrap());
        let v = graph.input("other weights", Tensor::f32(6, 3));
        let outputs = [a, b].map(|y| graph.apply(dense, &[y, v]).unwrap());
        let context = Context::new(&Options::default()).unwrap();
        dispatches(&context, &rewrite(&context, &graph, 1, &outputs).unwrap()).unwrap()
    }

    #[test]
    fn a_drawing_shows_what_runs_not_what_was_written() {
        let drawn = drawn();
        let [first, second] = drawn.as_slice() else { panic!("four passes are two dispatches: {drawn:?}") };
        assert_eq!((first.wave, first.op.as_str(), first.result.as_str()), (1, "dense", "f32 [4, 5]"));
        assert_eq!(first.reads, ["records", "weights"], "through the views");
        assert_eq!((second.wave, second.result.as_str()), (2, "f32 [4, 3]"));
        assert_eq!(second.reads, [format!("#{}", first.node), "other weights".to_owned()]);
        assert!(first.kernel.contains("dense") && !first.variant.is_empty(), "{first:?}");
    }

    #[test]
    fn every_end_of_an_edge_is_a_node_of_the_dot_graph() {
        let text = dot(&[Drawing { title: "a \"step\"".to_owned(), dispatches: drawn() }]);
        assert!(text.starts_with("digraph \"a \\\"step\\\"\" {\n"), "{text}");
        assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
        let nodes: BTreeSet<&str> =
            text.lines().filter_map(|line| line.split_once(" [")).map(|(name, _)| name.trim()).collect();
        let edges: Vec<(&str, &str)> =
            text.lines().filter_map(|line| line.trim().trim_end_matches(';').split_once(" -> ")).collect();
        assert_eq!(edges.len(), 4, "{text}");
        assert!(edges.iter().all(|(from, to)| nodes.contains(from) && nodes.contains(to)), "{text}");
    }

    #[test]
    fn a_round_is_told_in_words() {
        assert_eq!(
            words(Round { attack: 5, classifier: 1, penalized: true }),
            "5 attack steps, then 1 classifier step with the penalty"
        );
        assert_eq!(words(Round { attack: 0, classifier: 1, penalized: false }), "1 classifier step");
    }
}
