//! `veilgrad bench`: how fast kernels and whole steps are on this adapter.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Global, output};
use crate::error::Result;
use crate::gpu::Context;
use crate::plan::bench::{self, KernelTime};
use crate::report::table::{self, Side};
use crate::train::bench::{CASES, StepTime, step};

/// Times kernels, or whole training steps, on this adapter.
///
/// Every figure is a median within one run; compare figures of one run with each other, not seconds of
/// different runs.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  veilgrad bench kernels --batch 128,1408\n  \
    veilgrad bench step purchase100 --replicas 1,8 --json > step.json")]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    what: What,
    /// How many models at once.
    #[arg(long, value_name = "R,…", value_delimiter = ',', default_value = "1", global = true)]
    replicas: Vec<usize>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every kernel at the shapes of the real networks, and the fraction of what a large product (or a
    /// large sum of vectors) reaches in the same run.
    Kernels {
        /// Records a batch.
        #[arg(long, value_name = "B,…", value_delimiter = ',', default_value = "128")]
        batch: Vec<usize>,
    },
    /// Whole steps, plain and min-max: time, dispatches, memory, time by kernel.
    Step {
        /// Only those whose name contains this.
        #[arg(value_name = "NAME", default_value = "")]
        name: String,
    },
}

pub(super) fn run(args: &BenchArgs, global: &Global) -> Result<()> {
    let context = Context::new(&global.gpu_options())?;
    let adapter = context.adapter().clone();
    if !global.quiet {
        output::note(&format!("adapter: {}, {}", adapter.name, adapter.driver));
    }
    let mut results = vec![];
    match &args.what {
        What::Kernels { batch } => {
            for (&batch, &replicas) in batch.iter().flat_map(|b| args.replicas.iter().map(move |r| (b, r))) {
                let times = bench::kernels(&context, batch, replicas, &mut |_, _| {})?;
                if !global.json {
                    output::result(&format!("batch {batch}, {replicas} models\n{}\n", kernel_table(&times)))?;
                }
                results.push(json!({ "batch": batch, "replicas": replicas, "kernels": times }));
            }
        }
        What::Step { name } => {
            for case in CASES.iter().filter(|case| case.name.contains(name.as_str())) {
                for &replicas in &args.replicas {
                    let time = step(&context, case, replicas)?;
                    if !global.json {
                        output::result(&step_text(&time))?;
                    }
                    results.push(json!(time));
                }
            }
        }
    }
    if global.json {
        output::json(&json!({ "adapter": adapter, "results": results }))?;
    }
    Ok(())
}

fn kernel_table(times: &[KernelTime]) -> String {
    let rows: Vec<Vec<String>> = times
        .iter()
        .map(|t| {
            let rate = match (t.gflops, t.gigabytes) {
                (Some(rate), _) => format!("{rate:.1} GFLOP/s"),
                (None, rate) => format!("{:.1} GB/s", rate.unwrap_or(0.0)),
            };
            vec![
                t.op.clone(),
                t.shape.clone(),
                format!("{:.0} µs", t.microseconds),
                rate,
                format!("{:.0}%", 100.0 * t.fraction),
            ]
        })
        .collect();
    let header = [
        ("kernel", Side::Left),
        ("operands", Side::Left),
        ("median", Side::Right),
        ("rate", Side::Right),
        ("of ceiling", Side::Right),
    ];
    table::text(&header, &rows)
}

fn step_text(time: &StepTime) -> String {
    let StepTime { name, replicas, members, batch, steps_an_epoch, .. } = time;
    let seconds: Vec<String> = time.epoch_seconds.iter().map(|s| format!("{s:.2}")).collect();
    let total: f64 = time.kernels.iter().map(|k| k.milliseconds).sum();
    let mut text = format!(
        "{name}, {replicas} models, batch {batch}: {:.2} ms a step, {} dispatches, {:.1} MB of intermediate \
         results\n  epochs of {members} records, {steps_an_epoch} steps: {} s\n  each dispatch alone, {total:.2} ms \
         in all:\n",
        time.step_milliseconds,
        time.dispatches,
        time.scratch_bytes as f64 / 1e6,
        seconds.join(", "),
    );
    for share in time.kernels.iter().take(12) {
        let part = 100.0 * share.milliseconds / total;
        text +=
            &format!("  {:9.3} ms {part:5.1}%  {:3} × {}\n", share.milliseconds, share.count, share.kernel);
    }
    text
}
