//! Merged operations of the attack network (towers without copies, its last layer in one) leave the bytes of
//! those that are apart, by every kernel.

use veilgrad::gpu::{Asked, Context, Options};
use veilgrad::graph::{Class, Graph, NodeId, Tensor};
use veilgrad::nn::{AttackInput, AttackNetwork, LabelEncoding, LabelForm};
use veilgrad::ops::{GainForm, MembershipGain, gradients};
use veilgrad::plan::{Bound, Plan};

/// h of C = 7 classes on a batch of 37: towers and what follows them of these widths.
fn network(prediction: &[usize], label: &[usize], joint: &[usize], form: LabelForm) -> AttackNetwork {
    AttackNetwork::new(7, [prediction, label, joint], AttackInput::Logits, 0, form)
}

/// The gradients of its gain.
struct Step {
    graph: Graph,
    inputs: [NodeId; 3],
    outputs: Vec<NodeId>,
    logit: NodeId,
}

fn step(network: &AttackNetwork) -> Step {
    let mut graph = Graph::new();
    let state = graph.input("weights", Tensor::f32(1, network.parameters.elements()));
    let z = graph.input("logits", Tensor::f32(37, 7));
    let labels = graph.input("labels", Tensor::u32(37, 1));
    let weights = network.parameters.views(&mut graph, state).unwrap();
    let one = graph.constant(1.0);
    let (s, _) = network.forward(&mut graph, &weights, z, labels).unwrap();
    let gain = graph.apply(MembershipGain { form: GainForm::Log, members: 20 }, &[s]).unwrap();
    let wrt: Vec<NodeId> = weights.iter().copied().chain([z]).collect();
    let outputs = gradients(&mut graph, &[(gain, one)], &wrt).unwrap();
    Step { graph, inputs: [state, z, labels], outputs, logit: s }
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

/// What the gradients are, and how many dispatches that takes. With the logit wanted too, it is no column of
/// the last layer's merge.
fn run(
    context: &Context,
    step: &Step,
    replicas: usize,
    variant: &str,
    [apart, logit]: [bool; 2],
) -> (Vec<Vec<u32>>, usize) {
    let mut graph = step.graph.clone();
    graph.apart = apart;
    let [state, z, labels] = step.inputs;
    let tensor = |id| step.graph.tensor(id);
    let classes = (0..37 * replicas).map(|i| (i % 7) as u32).collect::<Vec<u32>>();
    let bound = Bound::from([
        (state, context.upload("weights", &words(&tensor(state), replicas)).unwrap()),
        (z, context.upload("logits", &words(&tensor(z), replicas)).unwrap()),
        (labels, context.upload("labels", &classes).unwrap()),
    ]);
    let wanted: Vec<NodeId> = step.outputs.iter().copied().chain(logit.then_some(step.logit)).collect();
    let plan = Plan::compile_for(context, &graph, replicas, &bound, &wanted, variant).unwrap();
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
    let software = context.target().class == Class::Software;
    let linear = LabelForm { encoding: LabelEncoding::ZeroOne, linear: true };
    let relu = |encoding| LabelForm { encoding, linear: false };
    // With the copies that each saves, and the dispatches of its last layer.
    let networks = [
        (network(&[40, 12], &[9, 8], &[11], relu(LabelEncoding::ZeroOne)), 3, 2),
        // The label's only layer ends in columns that are no multiple of 4, and has no ReLU.
        (network(&[40, 12], &[9], &[11], linear), 3, 2),
        // Nothing between the towers and the logit: the slices read what the last layer's merge would make.
        (network(&[72], &[9, 70], &[], relu(LabelEncoding::PlusMinusOne)), 3, 0),
        // The label's columns begin between vec4s: all is copied.
        (network(&[13], &[8], &[11], relu(LabelEncoding::ZeroOne)), 0, 2),
    ];
    for (network, copies, last) in networks {
        let step = step(&network);
        for variant in ["outer", "register", "workgroup", "wide", "small"] {
            for replicas in [1, 3] {
                // Its sums are in the order of the adapter's default, which on software these two have not.
                let logit = software && ["wide", "small"].contains(&variant);
                let (expected, apart) = run(&context, &step, replicas, variant, [true, logit]);
                let (found, merged) = run(&context, &step, replicas, variant, [false, logit]);
                assert!(expected.iter().flatten().all(|word| f32::from_bits(*word).is_finite()));
                assert!(found == expected, "{variant} at R = {replicas}: other bytes");
                assert_eq!(apart - merged, copies + if logit { 0 } else { last });
            }
        }
    }
}

#[test]
fn merged_operations_leave_the_same_bytes() {
    same_bytes(&Options::default());
}

#[test]
fn merged_operations_leave_the_same_bytes_with_the_kernels_of_hardware() {
    same_bytes(&Options { asked: Asked::WebGpu, ..Options::default() });
}
