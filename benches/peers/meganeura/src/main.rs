//! meganeura (a training library for Vulkan and Metal) doing the work of `veilgrad bench step`: the plain step.
//!
//!     peer-meganeura      JSON on standard output
//!
//! Not the min-max step: a session trains all parameters of one loss, and the game has two networks, each fixed
//! while the other one learns. The Purchase100 network, Adam, batch 128, synthetic bits; every batch is gathered on
//! the CPU and uploaded, which is how the library takes its input.

use meganeura::{Graph, SessionConfig};
use std::time::Instant;

const M: usize = 128;
const RECORDS: usize = 20_000;
const WIDTHS: [usize; 6] = [600, 1024, 512, 256, 128, 100];
const ROUNDS: usize = 3;
/// Seconds that a round takes at least.
const SECONDS: f64 = 1.0;

/// Knuth's MMIX generator; the high bits.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

fn main() {
    let started = Instant::now();
    let (features, classes) = (WIDTHS[0], WIDTHS[WIDTHS.len() - 1]);
    let mut graph = Graph::new();
    let labels = graph.input("labels", &[M, classes]);
    let mut x = graph.input("x", &[M, features]);
    for (i, width) in WIDTHS.windows(2).enumerate() {
        let weight = graph.parameter(&format!("{i}.weight"), width);
        let bias = graph.parameter(&format!("{i}.bias"), &width[1..]);
        x = graph.matmul(x, weight);
        x = graph.bias_add(x, bias);
        if i + 2 < WIDTHS.len() {
            x = graph.tanh(x);
        }
    }
    let loss = graph.cross_entropy_loss(x, labels);
    graph.set_outputs(vec![loss]);
    let mut session = meganeura::build(&graph, SessionConfig::from_env()).0;
    let mut random = Random(1);
    for (i, width) in WIDTHS.windows(2).enumerate() {
        let limit = (1.0 / width[0] as f32).sqrt();
        let mut draw = |_| limit * ((random.next() % 2001) as f32 / 1000.0 - 1.0);
        session.set_parameter(&format!("{i}.weight"), &(0..width[0] * width[1]).map(&mut draw).collect::<Vec<_>>());
        session.set_parameter(&format!("{i}.bias"), &vec![0.0; width[1]]);
    }
    session.set_adam(1e-3, 0.9, 0.999, 1e-8);

    let records: Vec<f32> = (0..RECORDS * features).map(|_| (random.next() % 2) as f32).collect();
    let classes_of: Vec<usize> = (0..RECORDS).map(|_| random.next() as usize % classes).collect();
    let mut step = || {
        let (mut rows, mut one_hot) = (Vec::with_capacity(M * features), vec![0.0; M * classes]);
        for i in 0..M {
            let record = random.next() as usize % RECORDS;
            rows.extend_from_slice(&records[record * features..][..features]);
            one_hot[i * classes + classes_of[record]] = 1.0;
        }
        session.set_input("x", &rows);
        session.set_input("labels", &one_hot);
        session.step();
        session.wait();
    };
    step();
    let first_step = started.elapsed().as_secs_f64();
    let mut seconds = |steps: usize| {
        let started = Instant::now();
        (0..steps).for_each(|_| step());
        started.elapsed().as_secs_f64() / steps as f64
    };
    seconds(3);
    let steps = (SECONDS / seconds(2)).ceil() as usize;
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| seconds(steps.max(2))).collect();
    rounds.sort_by(f64::total_cmp);
    let result = serde_json::json!({
        "peer": "meganeura", "version": "0.3.0", "backend": session.device_information().device_name,
        "first_step_seconds": first_step, "loss": session.read_loss(),
        "step_milliseconds": { "purchase100 plain": 1e3 * rounds[ROUNDS / 2] },
    });
    println!("{result}");
}
