//! burn doing the work of `veilgrad bench step`: plain and min-max steps of the Purchase100 network.
//!
//!     peer-burn [CASE]      every case, or those whose name contains CASE; JSON on standard output
//!
//! burn's wgpu backend as shipped, fusion and autotune included (feature `cuda`: its CUDA backend). Adam, batch 128,
//! and two forms of the min-max step: as published (a forward pass of the classifier, with its graph, for every
//! attack batch) and written well (one forward pass without gradients for all attack batches). Synthetic bits.

use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer};
use burn::prelude::*;
use burn::tensor::Distribution;
use burn::tensor::activation::{log_sigmoid, relu, softmax, tanh};
use std::time::Instant;

const M: usize = 128;
const RECORDS: usize = 20_000;
const FEATURES: usize = 600;
const CLASSES: usize = 100;
const ROUNDS: usize = 3;
/// Seconds that a round takes at least.
const SECONDS: f64 = 1.0;
const LEARNING_RATE: f64 = 1e-3;

#[derive(Module, Debug)]
struct Tower {
    layers: Vec<Linear>,
}

impl Tower {
    fn new(widths: &[usize], device: &Device) -> Self {
        Tower { layers: widths.windows(2).map(|w| LinearConfig::new(w[0], w[1]).init(device)).collect() }
    }

    /// Activations between the layers, after the last one too if `last`.
    fn forward(&self, mut x: Tensor<2>, activation: fn(Tensor<2>) -> Tensor<2>, last: bool) -> Tensor<2> {
        for (i, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if last || i + 1 < self.layers.len() {
                x = activation(x);
            }
        }
        x
    }
}

/// The official code's: 1024-512-64 on the prediction, 128-64 on the label, 512-256-128-64-1 joined.
#[derive(Module, Debug)]
struct Attack {
    prediction: Tower,
    label: Tower,
    joint: Tower,
}

impl Attack {
    fn new(device: &Device) -> Self {
        Attack {
            prediction: Tower::new(&[CLASSES, 1024, 512, 64], device),
            label: Tower::new(&[CLASSES, 128, 64], device),
            joint: Tower::new(&[128, 512, 256, 128, 64, 1], device),
        }
    }

    fn forward(&self, p: Tensor<2>, one_hot: Tensor<2>) -> Tensor<2> {
        let parts = vec![self.prediction.forward(p, relu, true), self.label.forward(one_hot, relu, true)];
        self.joint.forward(Tensor::cat(parts, 1), relu, false)
    }
}

/// The records on the device, and random rows of them.
struct Data {
    device: Device,
    x: Tensor<2>,
    y: Tensor<1, Int>,
    /// One-hot rows.
    eye: Tensor<2>,
    state: u64,
}

impl Data {
    fn new(device: &Device) -> Self {
        let mut data = Data {
            x: Tensor::random([RECORDS, FEATURES], Distribution::Bernoulli(0.5), device),
            y: Tensor::zeros([RECORDS], device),
            eye: Tensor::eye(CLASSES, device),
            device: device.clone(),
            state: 1,
        };
        data.y = data.numbers(RECORDS, CLASSES);
        data
    }

    fn numbers(&mut self, count: usize, below: usize) -> Tensor<1, Int> {
        let mut draw = || {
            // Knuth's MMIX generator; its high bits are good enough to spread rows.
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.state >> 33) % below as u64) as i32
        };
        let numbers: Vec<i32> = (0..count).map(|_| draw()).collect();
        Tensor::from_ints(numbers.as_slice(), &self.device)
    }

    fn batch(&mut self, count: usize) -> (Tensor<2>, Tensor<1, Int>) {
        let rows = self.numbers(count, RECORDS);
        (self.x.clone().select(0, rows.clone()), self.y.clone().select(0, rows))
    }
}

/// Mean log of the probability that the attacker gives to the truth: the first `members` rows are members.
fn gain(s: Tensor<2>, members: usize) -> Tensor<1> {
    let rows = s.dims()[0];
    let parts = s.split(members, 0).into_iter().enumerate();
    let signed = parts.map(|(i, part)| log_sigmoid(if i == 0 { part } else { -part }).sum());
    signed.reduce(|a, b| a + b).expect("at least one row") / rows as f64
}

struct Plain {
    f: Tower,
    optimizer: ModuleOptimizer,
}

impl Plain {
    fn new(device: &Device) -> Self {
        let f = Tower::new(&[FEATURES, 1024, 512, 256, 128, CLASSES], device);
        Plain { f, optimizer: AdamConfig::new().init() }
    }

    fn descend(&mut self, loss: &Tensor<1>) {
        let gradients = GradientsParams::from_grads(loss.backward(), &self.f);
        self.f = self.optimizer.step(LEARNING_RATE, self.f.clone(), gradients);
    }

    fn step(&mut self, data: &mut Data) {
        let (x, y) = data.batch(M);
        let loss = CrossEntropyLossConfig::new().init(&data.device).forward(self.f.forward(x, tanh, false), y);
        self.descend(&loss);
    }
}

struct MinMax {
    classifier: Plain,
    h: Attack,
    optimizer: ModuleOptimizer,
    k: usize,
    hoisted: bool,
}

impl MinMax {
    fn new(device: &Device, k: usize, hoisted: bool) -> Self {
        let (h, optimizer) = (Attack::new(device), AdamConfig::new().init());
        MinMax { classifier: Plain::new(device), h, optimizer, k, hoisted }
    }

    fn attack_batches(&self, data: &mut Data) -> Vec<(Tensor<2>, Tensor<2>)> {
        let (x, y) = data.batch(2 * self.k * M);
        let p = softmax(self.classifier.f.valid().forward(x.inner(), tanh, false), 1);
        let p = Tensor::from_inner(p).split(2 * M, 0);
        p.into_iter().zip(data.eye.clone().select(0, y).split(2 * M, 0)).collect()
    }

    fn step(&mut self, data: &mut Data) {
        let mut hoisted = if self.hoisted { self.attack_batches(data) } else { vec![] }.into_iter();
        for _ in 0..self.k {
            let (p, one_hot) = hoisted.next().unwrap_or_else(|| {
                let (x, y) = data.batch(2 * M);
                (softmax(self.classifier.f.forward(x, tanh, false), 1), data.eye.clone().select(0, y))
            });
            let loss = -gain(self.h.forward(p, one_hot), M);
            let gradients = GradientsParams::from_grads(loss.backward(), &self.h);
            self.h = self.optimizer.step(LEARNING_RATE, self.h.clone(), gradients);
        }
        let (x, y) = data.batch(M);
        let z = self.classifier.f.forward(x, tanh, false);
        let loss = CrossEntropyLossConfig::new().init(&data.device).forward(z.clone(), y.clone());
        let seen = self.h.forward(softmax(z, 1), data.eye.clone().select(0, y));
        self.classifier.descend(&(loss + gain(seen, M)));
    }
}

/// Milliseconds a step: the median of [`ROUNDS`] rounds.
fn time(device: &Device, step: &mut dyn FnMut()) -> f64 {
    let mut seconds = |steps: usize| {
        let started = Instant::now();
        (0..steps).for_each(|_| step());
        device.sync().expect("the device works");
        started.elapsed().as_secs_f64() / steps as f64
    };
    seconds(3);
    let steps = (SECONDS / seconds(2)).ceil() as usize;
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| seconds(steps.max(2))).collect();
    rounds.sort_by(f64::total_cmp);
    1e3 * rounds[ROUNDS / 2]
}

fn main() {
    let started = Instant::now();
    let wanted = std::env::args().nth(1).unwrap_or_default();
    #[cfg(feature = "cuda")]
    let (plain, backend) = (Device::cuda(0), "cuda");
    #[cfg(not(feature = "cuda"))]
    let (plain, backend) = (Device::wgpu(Default::default()), "wgpu");
    let device = plain.autodiff();
    let mut data = Data::new(&device);
    let mut model = Plain::new(&device);
    model.step(&mut data);
    device.sync().expect("the device works");
    let first_step = started.elapsed().as_secs_f64();
    let mut milliseconds = serde_json::Map::new();
    let mut case = |name: String, step: &mut dyn FnMut()| {
        if name.contains(&wanted) {
            milliseconds.insert(name, time(&device, step).into());
        }
    };
    case("purchase100 plain".into(), &mut || model.step(&mut data));
    for k in [1, 5] {
        for (hoisted, form) in [(false, "as published"), (true, "written well")] {
            let mut game = MinMax::new(&device, k, hoisted);
            case(format!("purchase100 min-max, k = {k}, {form}"), &mut || game.step(&mut data));
        }
    }
    let result = serde_json::json!({
        "peer": "burn", "version": "0.22.1", "backend": backend,
        "first_step_seconds": first_step, "step_milliseconds": milliseconds,
    });
    println!("{result}");
}
