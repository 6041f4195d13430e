//! Ten steps of the min-max game by hand, on a graph that is written here from one operation after another: a
//! classifier f of two layers, an attack network h of two, 64 made-up members and as many other records.
//!
//! λ meets the gradient in one line, marked below. What `train` does beyond this: batches, epochs, replicas,
//! schedules, checkpoints.

use std::collections::HashMap;
use veilgrad::error::Result;
use veilgrad::gpu::{Context, Options};
use veilgrad::graph::{Graph, Tensor};
use veilgrad::nn::{Initialization, Optimizer, Parameters};
use veilgrad::ops::{
    Activation, Add, CrossEntropy, Dense, GainForm, LabelLayer, MembershipGain, Softmax, gradients,
};
use veilgrad::plan::Plan;
use veilgrad::random::{Stream, below, normal, stream};

const RECORDS: usize = 64; // m: members of the step, and as many others
const FEATURES: usize = 8;
const CLASSES: usize = 4;
const STEPS: usize = 10;

/// What a step ends with.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Cross-entropy of the members.
    pub loss: f32,
    /// h's gain: −log 2 for one that cannot tell.
    pub gain: f32,
    /// Mean log h of the members after h's update: what f descends beside the loss, λ times.
    pub seen: f32,
}

/// Plays with this λ, and returns the ten steps.
pub fn play(lambda_value: f32) -> Result<Vec<Step>> {
    let mut graph = Graph::new();
    let g = &mut graph;
    let x = g.input("records, members first", Tensor::f32(2 * RECORDS, FEATURES));
    let labels = g.input("labels", Tensor::u32(2 * RECORDS, 1));
    let scalars = g.input("rates", Tensor::f32(1, Optimizer::SCALARS.len()));

    // The networks: a flat state each (parameters, then Adam's moments), of which the layers are views.
    let (mut f, mut h) = (Parameters::default(), Parameters::default());
    f.stack("f", FEATURES, &[32, CLASSES]);
    h.stack("prediction", CLASSES, &[16]);
    h.stack("label", CLASSES, &[16]);
    h.stack("joint", 16, &[1]);
    let adam = Optimizer::Adam;
    let f_state = g.state("f", adam.state(f.elements()));
    let h_state = g.state("h", adam.state(h.elements()));
    let tanh = Dense { activation: Activation::Tanh };
    let relu = Dense { activation: Activation::Relu };
    let plain = Dense { activation: Activation::Identity };

    let theta = f.views(g, f_state)?;
    let classify = |g: &mut Graph, x| -> Result<_> {
        let hidden = g.apply(tanh, &[x, theta[0]])?;
        g.apply(plain, &[hidden, theta[1]])
    };
    // What the attacker sees are probabilities and the label.
    let attack = |g: &mut Graph, omega: &[_], z, labels| -> Result<_> {
        let p = g.apply(Softmax, &[z])?;
        let seen = g.apply(relu, &[p, omega[0]])?;
        let label = g.apply(LabelLayer { activation: Activation::Relu }, &[labels, omega[1]])?;
        let joint = g.apply(Add, &[seen, label])?;
        g.apply(plain, &[joint, omega[2]])
    };

    // ω ← ascend the gain ½ mean log h(f(x), y) + ½ mean log(1 − h(f(x'), y')). f is fixed: theta is not in wrt.
    let z = classify(g, x)?;
    let omega = h.views(g, h_state)?;
    let s = attack(g, &omega, z, labels)?;
    let gain = g.apply(MembershipGain { form: GainForm::Log, members: RECORDS }, &[s])?;
    let ascend = g.constant(-1.0);
    let parts = gradients(g, &[(gain, ascend)], &omega)?;
    let gradient = g.pack("attack gradient", &parts);
    let h_after = adam.update(g, h_state, gradient, scalars, 0, 0.0)?;

    // θ ← descend mean [loss + λ log h(f(x), y)] of the members. The new h is fixed: omega is not in wrt.
    // f has not changed since: the plan computes its pass once for both.
    let own = g.rows(x, 0, RECORDS)?;
    let members = classify(g, own)?;
    let own_labels = g.rows(labels, 0, RECORDS)?;
    let loss = g.apply(CrossEntropy, &[members, own_labels])?;
    let omega = h.views(g, h_after)?;
    let s = attack(g, &omega, members, own_labels)?;
    let seen = g.apply(MembershipGain { form: GainForm::Log, members: RECORDS }, &[s])?;
    let (one, lambda) = (g.constant(1.0), g.constant(lambda_value));
    let parts = gradients(g, &[(loss, one), (seen, lambda)], &theta)?; // λ meets the gradient here
    let gradient = g.pack("classifier gradient", &parts);
    adam.update(g, f_state, gradient, scalars, 0, 0.0)?;

    // Memory for what the graph is given; the rest is the plan's.
    let context = Context::new(&Options::default())?;
    let mut rng = stream(7, Stream::Synthetic);
    let records: Vec<u32> =
        (0..2 * RECORDS * FEATURES).map(|_| (normal(&mut rng) as f32).to_bits()).collect();
    let classes: Vec<u32> =
        (0..2 * RECORDS).flat_map(|_| [below(&mut rng, CLASSES as u32), 0, 0, 0]).collect();
    let rates = context.allocate("rates", &graph.tensor(scalars), 1)?;
    let bits = |state: Vec<f32>| -> Vec<u32> { state.into_iter().map(f32::to_bits).collect() };
    let bound = HashMap::from([
        (x, context.upload("records", &records)?),
        (labels, context.upload("labels", &classes)?),
        (scalars, rates.clone()),
        (f_state, context.upload("f", &bits(f.start(Initialization::He, adam, &mut rng)))?),
        (h_state, context.upload("h", &bits(h.start(Initialization::He, adam, &mut rng)))?),
    ]);
    let plan = Plan::compile(&context, &graph, 1, &bound, &[loss, gain, seen])?;

    let mut steps = vec![];
    for step in 1..=STEPS {
        context.write_f32(&rates, 0, &adam.scalars(0.01, 0.0, step as u64, true))?;
        plan.submit(&context, 1);
        let value = |node| -> Result<f32> {
            let place = plan.place(node).expect("an output is kept");
            Ok(context.read_f32(&place.buffer, place.offset + 1)?[place.offset])
        };
        let done = Step { loss: value(loss)?, gain: value(gain)?, seen: value(seen)? };
        println!(
            "step {step:2}: the attack's gain {:.4}, the loss {:.4}, mean log h {:.4}: f descends {:.4}",
            done.gain,
            done.loss,
            done.seen,
            done.loss + lambda_value * done.seen
        );
        steps.push(done);
    }
    Ok(steps)
}

pub fn main() -> Result<()> {
    for lambda in [0.0, 3.0] {
        println!("λ = {lambda}");
        play(lambda)?;
    }
    Ok(())
}
