//! `veilgrad reproduce`: the paper's tables.

use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Progress;
use super::shard_flags::{self, ShardArgs, Share};
use super::{Global, interrupt, output, report};
use crate::error::{Error, Kind, Result};
use crate::experiment::{self, DataRequest, ReproductionJob, Request, Table};
use crate::report::comparison::Comparison;
use crate::report::comparison_text as set;
use crate::report::table::UNBROKEN;
use crate::run::config::{GameForm, Layer, TuningConfig};
use crate::run::event::{Event, Observer};

/// Makes tables of the paper anew, beside the published numbers.
///
/// Every table is a run of replicas a data set, rows times seeds, and one without the game for λ = 0. Started again
/// with the same command after an interruption of any kind, it goes on where it was, and ends with the same files.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ReproduceArgs {
    /// defense, l2, reference-size, lambda, defenses (other kinds, beyond the paper), or all of them.
    #[arg(value_name = "TABLE", value_parser = tables)]
    table: Tables,
    /// A data file; may be repeated for several data sets.
    #[arg(long, value_name = "PATH")]
    data: Vec<String>,
    /// The preset of each --data, a name of `veilgrad presets` or a TOML file; without it: by the data's
    /// size.
    #[arg(long, value_name = "NAME|FILE")]
    dataset: Vec<String>,
    /// Trains on this fraction of the preset's members and reference records. Epochs stay.
    #[arg(long, value_name = "FRACTION", default_value_t = 1.0)]
    scale: f64,
    /// Models a row, with the seeds from 0 on.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// The rows of lambda, l2 or reference-size: λ, factors or records of D′. Without it: the paper's rows.
    #[arg(long, value_name = "LIST")]
    values: Option<String>,
    /// The form of the game: paper (its text), authors (their code), or both, each with tables of its own. Without it:
    /// the preset's.
    #[arg(long, value_name = "FORM", value_delimiter = ',', value_parser = form)]
    form: Vec<GameForm>,
    /// Any other setting, by its key, such as `--set defense.attack_steps=5`; the tables name it. May be
    /// repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The directory of the runs and the tables. Without it: tables.
    #[arg(long, value_name = "DIR", default_value = "tables")]
    out: PathBuf,
    /// Train runs that take longer than this in parts that do not, each finished and kept before the next begins.
    #[arg(long, value_name = "MINUTES", default_value_t = 60.0)]
    longest_part: f64,
    #[command(flatten)]
    shards: ShardArgs,
}

const EXAMPLES: &str = "\
Examples:
  veilgrad reproduce lambda --data purchase100.npz --out purchase
  veilgrad reproduce defense --data purchase100.npz --data dataset_texas.tgz
  veilgrad reproduce all --data retail100.npz --scale 0.2 --seeds 2
  veilgrad reproduce lambda --data retail100.npz --form paper,authors
  veilgrad reproduce reference-size --data retail100.npz --values 1000,5000 --seeds 1
  A quarter of the models, for three other machines to train the others; then the same without --shard:
    veilgrad reproduce lambda --data purchase100.npz --shard 0/4

For each table and data set there are then NAME-PRESET.md, .csv and .json in the directory, all of its tables
with figures in report.html, and the runs in runs/: each is an ordinary run's directory, for `veilgrad report`
too.";

/// What TABLE means.
#[derive(Debug, Clone)]
struct Tables(Vec<Table>);

fn tables(typed: &str) -> Result<Tables, String> {
    if typed == "all" {
        return Ok(Tables(Table::ALL.to_vec()));
    }
    let names = || Table::ALL.map(Table::name).join(", ");
    Table::named(typed).map(|table| Tables(vec![table])).ok_or_else(|| format!("expected {} or all", names()))
}

fn form(typed: &str) -> Result<GameForm, String> {
    GameForm::named(typed)
        .ok_or_else(|| format!("expected {}", GameForm::ALL.map(GameForm::name).join(" or ")))
}

pub(super) fn run(args: &ReproduceArgs, global: &Global) -> Result<()> {
    let request = request(args)?;
    let share = args.shards.share()?;
    let mut progress = Progress::new(global.quiet, global.verbose);
    let (context, variants) = global.open(&TuningConfig::default())?;
    progress.event(&Event::Adapter(context.adapter().clone()));
    progress.variants(variants);
    let made = interrupt::heed(|stop| {
        let (out, mixed) = (&args.out, args.shards.mixed);
        let longest = 60.0 * args.longest_part;
        let job = ReproductionJob { context: &context, request: &request, out, mixed, longest, stop };
        match share {
            Share::All => experiment::reproduce(&job, &mut progress).map(Some),
            Share::Part(shard) => experiment::train_shard(&job, shard, &mut progress).map(|()| None),
            Share::Plan(of) => {
                let parts = experiment::plan_shards(&job, of, &mut progress)?;
                progress.finish();
                shard_flags::show(&parts, of, global).map(|()| None)
            }
        }
    });
    progress.finish();
    let made = made.map_err(|error| match error.kind {
        Kind::Interrupted => error.advice("the same command goes on from here"),
        Kind::Lost => error.advice("what is finished is kept: the same command goes on from here"),
        _ => error,
    })?;
    let Some(made) = made else { return Ok(()) };
    for table in &made {
        write(table, &args.out)?;
    }
    // Of the directory's other tables too. One that is damaged must not hide what was made now.
    let page = report::write_tables(&args.out);
    if global.json {
        output::json(&made)?;
        return page.map(drop);
    }
    let texts: Vec<String> = made.iter().map(|table| set::text(table, output::columns(UNBROKEN))).collect();
    output::result(&texts.join("\n"))?;
    output::result(&format!(
        "\ntables and runs: {}; the tables on one page: {}",
        args.out.display(),
        page?.display()
    ))
}

fn request(args: &ReproduceArgs) -> Result<Request> {
    let (data, presets) = (&args.data, &args.dataset);
    let count = data.len().max(presets.len());
    if !presets.is_empty() && !data.is_empty() && presets.len() != data.len() {
        return Err(Error::usage("--dataset")
            .expected(format!("one for each of {} --data, or none", data.len()))
            .found(presets.len().to_string()));
    }
    let wanted = |i: usize| DataRequest { data: data.get(i).cloned(), preset: presets.get(i).cloned() };
    Ok(Request {
        tables: args.table.0.clone(),
        data: (0..count.max(1)).map(wanted).collect(),
        values: args.values.clone(),
        scale: args.scale,
        seeds: args.seeds as usize,
        forms: args.form.clone(),
        settings: args.set.iter().map(|text| Layer::set(text)).collect::<Result<_>>()?,
    })
}

/// The files of a table.
fn write(table: &Comparison, out: &Path) -> Result<()> {
    let json = serde_json::to_string_pretty(table)
        .map_err(|e| Error::new(Kind::Io, table.table.as_str()).found(e.to_string()))?;
    let files = [
        ("md", set::markdown(table).into_bytes()),
        ("csv", set::csv([table])?),
        ("json", (json + "\n").into()),
    ];
    for (end, bytes) in files {
        let path = out.join(format!("{}-{}.{end}", table.table, table.preset));
        std::fs::write(&path, bytes).map_err(|e| Error::io(&path, &e))?;
    }
    Ok(())
}
