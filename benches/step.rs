//! Whole epochs and steps of training at the networks' real sizes: plain and min-max.
//!
//! `cargo bench --bench step [PRESET]`: seconds an epoch (three, after one to warm up), dispatches and
//! memory, then each dispatch alone. Synthetic records of the preset's size stand in for its data.

use std::sync::atomic::AtomicBool;
use std::time::Instant;
use veilgrad::dataset::{Split, Synthetic, synthetic};
use veilgrad::error::Result;
use veilgrad::gpu::{Context, Options};
use veilgrad::train::config::{Config, Layer};
use veilgrad::train::game::Game;
use veilgrad::train::group::{Group, Member};
use veilgrad::train::preset;
use veilgrad::train::schedule::Schedule;

/// (name, features, classes, members, changes to the preset).
type Case = (&'static str, usize, usize, usize, &'static [&'static str]);

const CASES: [Case; 4] = [
    ("purchase100-official", 600, 100, 20_000, &["defense.lambda=0"]),
    ("purchase100", 600, 100, 2_560, &["defense.attack_steps=1"]),
    ("purchase100", 600, 100, 2_560, &["defense.attack_steps=5"]),
    ("location30", 446, 30, 1_500, &[]),
];

fn main() -> Result<()> {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let context = Context::new(&Options::default())?;
    println!("{} ({})", context.adapter().name, context.adapter().driver);
    for case in CASES.iter().filter(|c| wanted.as_ref().is_none_or(|w| c.0 == w)) {
        run(&context, case)?;
    }
    Ok(())
}

fn run(context: &Context, &(name, features, classes, members, changes): &Case) -> Result<()> {
    let mut layers = vec![preset::find(name)?];
    for change in changes {
        layers.push(Layer::set(change)?);
    }
    let config = Config::merge(&layers)?;
    let records = 2 * members + 10;
    let dataset = synthetic(&Synthetic { records, features, classes, ..Synthetic::default() })?;
    let settings = config.replicas()[0];
    let split = Split::random(records, members, members, None, settings.seed)?;
    let steps = members / config.train.batch;
    let schedule = Schedule::new(&config.defense, config.is_defended(), 4, steps);
    let game = Game::new(&config, features, classes);
    let member = Member { number: 0, settings, split, standardisation: None };
    let mut group = Group::new(context, &config, &game, &schedule, &dataset, vec![member])?;
    println!("\n{name} {} — {members} records, {steps} steps an epoch", changes.join(" "));
    println!(
        "  {} dispatches a step, {:.1} MB of intermediate results",
        group.dispatches()[0],
        group.scratch_bytes() as f64 / 1e6
    );
    let stop = AtomicBool::new(false);
    for epoch in 0..4 {
        let started = Instant::now();
        group.epoch(epoch, &stop, &mut |_| {})?;
        let seconds = started.elapsed().as_secs_f64();
        println!("  epoch {epoch}: {seconds:.2} s, {:.2} ms a step", 1e3 * seconds / steps as f64);
    }
    let profile = group.profile(0, 20)?;
    let total: f64 = profile.iter().map(|p| p.1).sum();
    println!("  each dispatch alone, {:.2} ms in all:", 1e3 * total);
    let mut kinds: Vec<(String, f64, usize)> = vec![];
    for (label, seconds) in profile {
        match kinds.iter_mut().find(|k| k.0 == label) {
            Some(kind) => {
                kind.1 += seconds;
                kind.2 += 1;
            }
            None => kinds.push((label, seconds, 1)),
        }
    }
    kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
    for (label, seconds, count) in kinds.iter().take(24) {
        println!("    {:8.3} ms  {:4.1}%  {count:3} × {label}", 1e3 * seconds, 100.0 * seconds / total);
    }
    Ok(())
}
