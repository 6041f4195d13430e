//! `veilgrad bench`: how fast kernels and whole steps are on this adapter.

mod start;
mod text;

use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

use super::{Global, keeping, output};
use crate::dataset::{LoadOptions, load};
use crate::error::{Error, Result, nearest};
use crate::experiment::published::KnownDataset;
use crate::lab::kernels;
use crate::lab::measurements::{Measured, Measurements, compare, mean};
use crate::lab::shapes::{Selection, operations};
use crate::lab::steps::{CASES, Conditions, StepCase, step};
use crate::report::html;
use crate::run::config::{Config, Layer, ModelKind, TuningConfig};
use crate::run::preset;
use crate::setting::SettingValues;

/// Times kernels, or whole training steps, on this adapter.
///
/// Every figure is a median within one run; compare figures of one run with each other, not seconds of
/// different runs.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  veilgrad bench kernels --op dense,dense_dw --batch 128,1408 --html roofline.html
  veilgrad bench kernels --op dense --shape 4096x4096x4096 --variant workgroup
  veilgrad bench step purchase100 --replicas 1,8 --json > step.json
  veilgrad bench step --preset retail100 --data retail100.npz --set engine.sparse=off
  veilgrad bench compare before.json after.json")]
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
    ///
    /// Kernels run until they are warm, then in rounds, one after another; the table has the median round, and how
    /// far the rounds lie apart. A group's ceilings are measured just before and just after it; where they moved
    /// by more than 10%, something else ran on the machine, and it is said.
    Kernels(KernelArgs),
    /// Whole steps, plain and min-max: time, dispatches, memory; by kernel time, bytes, operations and what bounds
    /// it.
    Step {
        /// Only those whose name contains this.
        #[arg(value_name = "NAME", default_value = "")]
        name: String,
        /// The step of this preset instead, on generated records of its data's shape.
        #[arg(long, value_name = "NAME", conflicts_with = "name")]
        preset: Option<String>,
        /// Takes the records of this file, and its numbers of features and classes, instead of generated records:
        /// how long a step takes depends on how many of their bits are ones.
        #[arg(long, value_name = "FILE")]
        data: Option<PathBuf>,
        /// A setting of the engine, such as `engine.merge=false`. May be repeated.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        settings: Vec<String>,
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
    /// Two files that `bench … --json` wrote, beside each other: of two adapters, or of two versions.
    ///
    /// The range of a ratio is from the second's fastest round by the first's slowest to the opposite: a range that
    /// holds 1 shows no difference.
    Compare {
        /// What the other is measured by.
        #[arg(value_name = "A.json")]
        first: PathBuf,
        /// What is measured.
        #[arg(value_name = "B.json")]
        second: PathBuf,
    },
}

#[derive(Debug, Args)]
struct KernelArgs {
    /// Records a batch.
    #[arg(long, value_name = "B,…", value_delimiter = ',', default_value = "128,384,1024,1408")]
    batch: Vec<usize>,
    /// Only these operations (--list names them).
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    op: Vec<String>,
    /// One shape instead of the networks' layers: BxKxN of dense operations, or
    /// BxPIXELSxCINxCOUTxKERNELxSTRIDExPADDING of convolutions of square images.
    #[arg(long, value_name = "BxKxN", value_parser = shape, conflicts_with = "batch")]
    shape: Option<Shape>,
    /// This variant, not the one that a run takes; operations and shapes without it are left out.
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Only list the operations, and the variants of each that this adapter can run.
    #[arg(long)]
    list: bool,
    /// Also a page with a roofline: each kernel's rate by its operations a byte, below the measured ceilings.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Numbers joined by `x`.
#[derive(Debug, Clone)]
struct Shape(Vec<usize>);

fn shape(text: &str) -> Result<Shape, String> {
    let parts: Option<Vec<usize>> = text.split(['x', '×']).map(|part| part.trim().parse().ok()).collect();
    parts.map(Shape).ok_or_else(|| "expected whole numbers with x between them, as 128x600x1024".to_owned())
}

pub(super) fn run(args: &BenchArgs, global: &Global) -> Result<()> {
    match &args.what {
        What::Start { case, once: true } => return start::once(case, global),
        What::Compare { first, second } => return compared(first, second, global),
        What::Kernels(KernelArgs { list: true, .. }) => return listed(global),
        _ => {}
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
fn named(part: &str) -> Result<Vec<StepCase<'static>>> {
    let found: Vec<StepCase> = CASES.iter().filter(|case| case.name.contains(part)).copied().collect();
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

/// The step of the preset `name` at the size that it is published for.
///
/// # Errors
/// There is no such preset, or nobody knows the shape of its data.
fn of_preset(name: &str) -> Result<StepCase<'_>> {
    // Its data need not be there.
    let config = Config::resolve(&[preset::find(name)?, Layer::set("data.expects=\"\"")?])?;
    let known = KnownDataset::named(name)?.ok_or_else(|| {
        Error::usage("--preset")
            .expected("a preset of data whose shape is known (`data/published/datasets.csv`)")
            .found(name)
    })?;
    let image = config.model.kind != ModelKind::Mlp;
    let given = config.defense.attack_steps.values().next().copied();
    Ok(StepCase {
        name,
        preset: name,
        features: if image { 0 } else { known.features },
        batch: 0,
        classes: known.classes,
        members: (20 * config.train.batch).min(known.records / 3),
        attack_steps: if config.is_defended() {
            given.unwrap_or(config.defense.attack_steps_most)
        } else {
            0
        },
    })
}

fn measure(args: &BenchArgs, global: &Global) -> Result<()> {
    let (context, variants) = global.open(&TuningConfig::default())?;
    let adapter = context.adapter().clone();
    if !global.quiet {
        output::note(&format!("adapter: {}, {}", adapter.name, adapter.driver));
        output::note(&variants.words);
    }
    let mut results = vec![];
    let mut show = |text: &str, result: Measured| {
        results.push(result);
        if global.json { Ok(()) } else { output::result(text) }
    };
    match &args.what {
        What::Kernels(wanted) => {
            let selection = Selection {
                ops: wanted.op.clone(),
                shape: wanted.shape.as_ref().map(|shape| shape.0.clone()),
                variant: wanted.variant.clone(),
            };
            let batches = if selection.shape.is_some() { &wanted.batch[..1] } else { &wanted.batch[..] };
            for (&batch, &replicas) in batches.iter().flat_map(|b| args.replicas.iter().map(move |r| (b, r)))
            {
                let group = kernels::kernels(&context, &selection, batch, replicas, &mut |_, _| {})?;
                show(&text::kernels(&group), Measured::Kernels(group.clone()))?;
            }
        }
        What::Step { name, preset, data, settings } => {
            let data = data.as_ref().map(|path| load(path, &LoadOptions::default())).transpose()?;
            let cases = match preset {
                Some(preset) => vec![of_preset(preset)?],
                None => named(name).map_err(|error| error.also("a preset's step is that of --preset"))?,
            };
            for case in &cases {
                for &replicas in &args.replicas {
                    let time = step(&context, case, Conditions { data: data.as_ref(), settings }, replicas)?;
                    show(&text::step(&time), Measured::Step(time.clone()))?;
                }
            }
        }
        What::Start { case, .. } => {
            for case in &named(case)? {
                let start = start::start(case, global)?;
                show(&text::start(&start), Measured::Start(start.clone()))?;
            }
        }
        What::Compare { .. } => {}
    }
    let veilgrad = env!("CARGO_PKG_VERSION").to_owned();
    let measurements = Measurements { veilgrad, adapter, variants: variants.words, results };
    if let What::Kernels(KernelArgs { html: Some(path), .. }) = &args.what {
        std::fs::write(path, html::roofline(&measurements)?).map_err(|e| Error::io(path, &e))?;
        if !global.quiet {
            output::note(&format!("the roofline is in {}", path.display()));
        }
    }
    if global.json {
        output::json(&measurements)?;
    }
    Ok(())
}

fn compared(first: &Path, second: &Path, global: &Global) -> Result<()> {
    let [a, b] = [Measurements::read(first)?, Measurements::read(second)?];
    let ratios = compare(&a, &b)?;
    if global.json {
        let mean = mean(&ratios);
        return output::json(&serde_json::json!({ "ratios": ratios, "geometric_mean": mean }));
    }
    output::result(&text::ratios(&[(first, &a), (second, &b)], &ratios))
}

fn listed(global: &Global) -> Result<()> {
    let (context, _) = global.open(&TuningConfig::default())?;
    let operations = operations(&context.target());
    if global.json {
        let named = |(op, variants)| serde_json::json!({ "op": op, "variants": variants });
        return output::json(&operations.into_iter().map(named).collect::<Vec<_>>());
    }
    output::result(&text::operations(&operations))
}
