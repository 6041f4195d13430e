//! Towers that write and read columns of joined tensors leave the bytes that copies do, by every kernel.

use std::collections::BTreeSet;
use veilgrad::gpu::{Asked, Context, Options};
use veilgrad::graph::{Graph, NodeId, Tensor};
use veilgrad::nn::{AttackInput, AttackNetwork, LabelEncoding, LabelForm};
use veilgrad::ops::{GainForm, MembershipGain, gradients};
use veilgrad::plan::{Bound, Plan};

/// h of C = 7 classes on a batch of 37: towers and what follows them of these widths.
fn network(prediction: &[usize], label: &[usize], joint: &[usize], form: LabelForm) -> AttackNetwork {
    AttackNetwork::new(7, [prediction, label, joint], AttackInput::Logits, 0, form)
}

/// Its gain's gradients and its logit.
struct Step {
    graph: Graph,
    inputs: [NodeId; 3],
    outputs: Vec<NodeId>,
    /// What is copied together, and the copies of its gradient's parts.
    copied: Vec<NodeId>,
}

fn step(network: &AttackNetwork) -> Step {
    let mut graph = Graph::new();
    let state = graph.input("weights", Tensor::f32(1, network.parameters.elements()));
    let z = graph.input("logits", Tensor::f32(37, 7));
    let labels = graph.input("labels", Tensor::u32(37, 1));
    let weights = network.parameters.views(&mut graph, state).unwrap();
    let (s, _) = network.forward(&mut graph, &weights, z, labels).unwrap();
    let gain = graph.apply(MembershipGain { form: GainForm::Log, members: 20 }, &[s]).unwrap();
    let one = graph.constant(1.0);
    let wrt: Vec<NodeId> = weights.iter().copied().chain([z]).collect();
    let mut outputs = gradients(&mut graph, &[(gain, one)], &wrt).unwrap();
    outputs.push(s);
    let named = |name: &str| graph.ids().filter(|id| graph.node(*id).label == name).collect::<Vec<_>>();
    let parts = named("concat").into_iter().flat_map(|id| graph.node(id).inputs.clone());
    let copied = parts.chain(named("column_slice")).collect();
    Step { graph, inputs: [state, z, labels], outputs, copied }
}

/// Rows as they lie in memory, `replicas` times, of numbers between −1 and 1 with zeros as padding.
fn words(tensor: &Tensor, replicas: usize) -> Vec<u32> {
    let number = |i: usize| (i * 7919 + 13) % 1999;
    let word = |i: usize| match tensor.pitch() == tensor.cols || i % tensor.pitch() < tensor.cols {
        true => (number(i) as f32 / 999.5 - 1.0).to_bits(),
        false => 0,
    };
    (0..replicas * tensor.elements()).map(word).collect()
}

/// What `outputs` of the step are where `kept` are wanted too, and how many dispatches that takes.
fn run(
    context: &Context,
    step: &Step,
    replicas: usize,
    variant: &str,
    kept: &[NodeId],
) -> (Vec<Vec<u32>>, usize) {
    let [state, z, labels] = step.inputs;
    let tensor = |id| step.graph.tensor(id);
    let classes = (0..37 * replicas).map(|i| (i % 7) as u32).collect::<Vec<u32>>();
    let bound = Bound::from([
        (state, context.upload("weights", &words(&tensor(state), replicas)).unwrap()),
        (z, context.upload("logits", &words(&tensor(z), replicas)).unwrap()),
        (labels, context.upload("labels", &classes).unwrap()),
    ]);
    let wanted = [&step.outputs[..], kept].concat();
    let plan = Plan::compile_for(context, &step.graph, replicas, &bound, &wanted, variant).unwrap();
    plan.poison(context).unwrap();
    plan.submit(context, 1);
    let read = |&id: &NodeId| {
        let (place, elements) = (plan.place(id).unwrap(), tensor(id).elements());
        let total = place.offset + (replicas - 1) * place.stride + elements;
        let words = context.read(&[(&place.buffer, total)]).unwrap().swap_remove(0);
        (0..replicas).flat_map(|r| words[place.offset + r * place.stride..][..elements].to_vec()).collect()
    };
    (step.outputs.iter().map(read).collect(), plan.dispatches())
}

/// Whatever the variants of the layers are, with the kinds of label layer and of last columns.
fn same_bytes(options: &Options) {
    let context = Context::new(options).expect("a GPU adapter");
    let linear = LabelForm { encoding: LabelEncoding::ZeroOne, linear: true };
    let relu = |encoding| LabelForm { encoding, linear: false };
    let networks = [
        (network(&[40, 12], &[9, 8], &[11], relu(LabelEncoding::ZeroOne)), 3),
        // The label's only layer ends in columns that are no multiple of 4, and has no ReLU.
        (network(&[40, 12], &[9], &[11], linear), 3),
        (network(&[72], &[9, 70], &[], relu(LabelEncoding::PlusMinusOne)), 3),
        // The label's columns begin between vec4s: all is copied.
        (network(&[13], &[8], &[11], relu(LabelEncoding::ZeroOne)), 0),
    ];
    let mut seen = BTreeSet::new();
    for (network, copies) in networks {
        let step = step(&network);
        for variant in ["outer", "register", "workgroup", "wide", "small"] {
            for replicas in [1, 3] {
                let (found, dispatches) = run(&context, &step, replicas, variant, &[]);
                let (expected, with_copies) = run(&context, &step, replicas, variant, &step.copied);
                assert!(found == expected, "{variant} at R = {replicas}: other bytes");
                assert!(found.iter().flatten().all(|word| f32::from_bits(*word).is_finite()));
                assert!(with_copies >= dispatches + copies, "{dispatches} of {with_copies}");
                seen.insert(found);
            }
        }
    }
    assert!(seen.len() >= 8, "four networks, two numbers of replicas: {}", seen.len());
}

#[test]
fn towers_without_copies_leave_the_same_bytes() {
    same_bytes(&Options::default());
}

#[test]
fn towers_without_copies_leave_the_same_bytes_with_the_kernels_of_hardware() {
    same_bytes(&Options { asked: Asked::WebGpu, ..Options::default() });
}
