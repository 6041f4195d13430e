//! `veilgrad bench`: how fast kernels and whole steps are on this adapter.

mod start;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Global, keeping, output};
use crate::error::{Error, Result, nearest};
use crate::lab::kernels::{self, KernelTime};
use crate::lab::steps::{CASES, StepCase, StepTime, step};
use crate::report::table::{self, Side};
use crate::run::config::TuningConfig;

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
    /// large sum of vectors) reaches in the same run. Shapes that the adapter cannot bind are left out.
    Kernels {
        /// Records a batch.
        #[arg(long, value_name = "B,…", value_delimiter = ',', default_value = "128,384,1024,1408")]
        batch: Vec<usize>,
    },
    /// Whole steps, plain and min-max: time, dispatches, memory, time by kernel.
    Step {
        /// Only those whose name contains this.
        #[arg(value_name = "NAME", default_value = "")]
        name: String,
    },
    /// From the start of the program to its first finished step: with empty caches (cold), and again (warm).
    ///
    /// The caches are those below the user's cache directory, Mesa's and NVIDIA's among them, each time in a
    /// new place. A driver that keeps its cache elsewhere is as warm the first time as it is.
    Start {
        /// Only those whose name contains this.
        #[arg(value_name = "NAME", default_value = "")]
        case: String,
        /// What is started: one step, and nothing else.
        #[arg(long, hide = true)]
        once: bool,
    },
}

pub(super) fn run(args: &BenchArgs, global: &Global) -> Result<()> {
    if let What::Start { case, once: true } = &args.what {
        return start::once(case, global);
    }
    let kept = match global.json {
        true => "no result is kept",
        false => "what is printed above was measured",
    };
    measure(args, global).map_err(keeping(kept))
}

/// The cases whose name contains `part`.
///
/// # Errors
/// There is none.
fn named(part: &str) -> Result<Vec<&'static StepCase>> {
    let found: Vec<&StepCase> = CASES.iter().filter(|case| case.name.contains(part)).collect();
    if found.is_empty() {
        let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        let near = nearest(part, names.iter().copied());
        let advice = near.map_or(String::new(), |name| format!("did you mean `{name}`?"));
        return Err(Error::usage(format!("veilgrad bench {part}"))
            .expected(format!("a part of one of: {}", names.join("; ")))
            .found(part)
            .advice(advice));
    }
    Ok(found)
}

fn measure(args: &BenchArgs, global: &Global) -> Result<()> {
    let (context, variants) = global.open(&TuningConfig::default())?;
    let adapter = context.adapter().clone();
    if !global.quiet {
        output::note(&format!("adapter: {}, {}", adapter.name, adapter.driver));
        output::note(&variants.words);
    }
    let mut results = vec![];
    let mut show = |text: &str, result: serde_json::Value| {
        results.push(result);
        if global.json { Ok(()) } else { output::result(text) }
    };
    match &args.what {
        What::Kernels { batch } => {
            for (&batch, &replicas) in batch.iter().flat_map(|b| args.replicas.iter().map(move |r| (b, r))) {
                let times = kernels::kernels(&context, batch, replicas, &mut |_, _| {})?;
                let result = json!({ "batch": batch, "replicas": replicas, "kernels": times });
                show(&format!("batch {batch}, {replicas} models\n{}\n", kernel_table(&times)), result)?;
            }
        }
        What::Step { name } => {
            for case in named(name)? {
                for &replicas in &args.replicas {
                    let time = step(&context, case, replicas)?;
                    show(&step_text(&time), json!(time))?;
                }
            }
        }
        What::Start { case, .. } => {
            for case in named(case)? {
                let start = start::start(case, global)?;
                show(&start.text(), json!(start))?;
            }
        }
    }
    if global.json {
        output::json(&json!({ "adapter": adapter, "variants": variants.words, "results": results }))?;
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
    table::text(&header, &rows, output::columns(table::UNBROKEN))
}

fn step_text(time: &StepTime) -> String {
    let StepTime { name, replicas, group, members, batch, steps_an_epoch, .. } = time;
    let seconds: Vec<String> = time.epoch_seconds.iter().map(|s| format!("{s:.2}")).collect();
    let total: f64 = time.kernels.iter().map(|k| k.milliseconds).sum();
    let turns = if group < replicas { format!(" in groups of {group}") } else { String::new() };
    let mut text = format!(
        "{name}, {replicas} models{turns}, batch {batch}: {:.2} ms a step, {:.2} a model, {} dispatches a \
         group\n  {:.1} MB of GPU memory, {:.1} MB of it for intermediate results\n  epochs of {members} \
         records, {steps_an_epoch} steps: {} s; {:.1} submissions and {:.2} MB read back an epoch\n  each \
         dispatch alone, {total:.2} ms in all:\n",
        time.step_milliseconds,
        time.step_milliseconds / *replicas as f64,
        time.dispatches,
        time.memory_bytes as f64 / 1e6,
        time.scratch_bytes as f64 / 1e6,
        seconds.join(", "),
        time.submissions_an_epoch,
        time.bytes_read_an_epoch / 1e6,
    );
    for share in time.kernels.iter().take(12) {
        let part = 100.0 * share.milliseconds / total;
        text +=
            &format!("  {:9.3} ms {part:5.1}%  {:3} × {}\n", share.milliseconds, share.count, share.kernel);
    }
    text
}
