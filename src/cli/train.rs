//! `veilgrad train`: a new run, or one that is continued.

use std::path::{Path, PathBuf};

use clap::Args;

use super::audit::Accepted;
use super::progress::Progress;
use super::record_flags::RecordArgs;
use super::run_flags::RunFlags;
use super::{Global, audit, interrupt, output, schema};
use crate::audit::results::summary::Summary;
use crate::dataset::Dataset;
use crate::error::{Error, Kind, Result};
use crate::experiment::run::{self, RunJob};
use crate::gpu::Context;
use crate::run::RunDirectory;
use crate::run::config::{Config, TuningConfig};
use crate::run::directory::SUMMARY;
use crate::run::event::{Event, Observer};

/// Trains one model or many, attacks them, and keeps everything in a run directory.
///
/// The records are divided into members (D, trained on), reference records (D′, for the defense) and
/// test records. λ = 0 trains as usual; with λ > 0 the classifier also learns to leave an attacker, who
/// learns beside it, in doubt who was a member. Lists (--lambda 0,1,3 --seed 0,1) train a model for every
/// combination, all at once.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    flags: RunFlags,
    /// The run's directory. Without it: runs/NAME-1, or the next number.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace the run that is in the directory.
    #[arg(long)]
    force: bool,
    /// Continue the run in DIR after its last checkpoint, with the settings that it has.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["RunFlags", "out", "force"])]
    resume: Option<PathBuf>,
    /// Continue although the data file has changed since the run was begun.
    #[arg(long, requires = "resume")]
    accept_changed_data: bool,
}

const EXAMPLES: &str = "\
Examples:
  Your own CSV, three strengths of the defense, two seeds each, six models in one run:
    veilgrad train --data records.csv --label-column diagnosis --members 2000 --reference 2000 \\
      --lambda 0,1,3 --seed 0,1
  A published set-up on its data, with fewer epochs:
    veilgrad train --preset location30 --data dataset_location.tgz --epochs 10
  Another network:
    veilgrad train --data records.csv --set model.hidden=[256,128] --set model.activation=relu
  The same run once more, bit for bit on the same adapter:
    veilgrad train --preset runs/location30-1/run.toml
  After Ctrl-C:
    veilgrad train --resume runs/location30-1

The run directory holds run.toml (every setting), schema.toml (what the columns are), metrics.jsonl (a line
per epoch and model), models/ (a file a model, which holds nothing else of the run), split.npz (who was a
member), predictions.npz, summary.json (the results).";

pub(super) fn run(args: &TrainArgs, global: &Global) -> Result<()> {
    match &args.resume {
        Some(path) => resume(path, args.accept_changed_data, global),
        None => start(&args.flags.resolve()?, args.out.as_deref(), args.force, global).map(drop),
    }
}

/// A new run of `config`, in `out` or the next free directory under `runs`; which one it was.
pub(super) fn start(config: &Config, out: Option<&Path>, force: bool, global: &Global) -> Result<PathBuf> {
    // Before the data are read, which may take long.
    if let Some(out) = out {
        RunDirectory::check_free(out, force)?;
    }
    let mut progress = Progress::new(global.quiet, global.verbose);
    if !config.deviations.is_empty() {
        let deviations = config.deviations.iter().map(|deviation| deviation.text().to_owned()).collect();
        let name = config.name.clone();
        progress.event(&Event::Preset { name, deviations });
    }
    let (mut config, tuning) = (config.clone(), &config.tuning);
    let (context, dataset) = open(tuning, &mut progress, global, || crate::train::load(&mut config))?;
    if dataset.schema.is_table() {
        progress.event(&Event::Note(schema::table(&dataset.schema, output::note_columns())));
    }
    let path = match out {
        Some(out) => out.to_owned(),
        None if config.name == Config::default().name => next_directory(&dataset.name)?,
        None => next_directory(&config.name)?,
    };
    let directory = RunDirectory::create(&path, force)?.held()?;
    // Another program may have finished a run there meanwhile.
    RunDirectory::check_free(&path, force)?;
    progress.taken_over(&directory);
    let summary = carry_out(&config, (&context, &dataset), &directory, false, &mut progress)?;
    conclude(&summary, &directory, progress, global)?;
    Ok(path)
}

fn resume(path: &Path, accept_changed_data: bool, global: &Global) -> Result<()> {
    let directory = RunDirectory::open(path)?.held()?;
    let config = directory.read_config()?;
    let mut progress = Progress::new(global.quiet, global.verbose);
    progress.taken_over(&directory);
    if let Some(error) = directory.repair_predictions()? {
        progress.event(&Event::Warning(format!("{error}: they are made anew")));
    }
    let summary = if directory.is_trained() {
        progress.event(&Event::Note(format!("{}: its training has finished", path.display())));
        if let Some(what) = directory.repair_metrics(|_| true)?.describe() {
            progress.event(&Event::Warning(format!("{} is repaired: {what}", directory.name())));
        }
        match directory.has(SUMMARY) {
            true => directory.read_summary()?,
            // The data may be gone, which an audit can do without.
            false => {
                let records = RecordArgs::default();
                let accepted = Accepted { changed_data: accept_changed_data, ..Accepted::default() };
                audit::attack(&config, &directory, &records, accepted, global, &mut progress)?
            }
        }
    } else {
        let load = || crate::train::load_again(&config, &directory);
        let (context, dataset) = open(&config.tuning, &mut progress, global, load)?;
        if let Some(changed) = directory.check_data(&dataset, accept_changed_data)? {
            progress.event(&Event::Warning(changed));
        }
        carry_out(&config, (&context, &dataset), &directory, true, &mut progress)?
    };
    conclude(&summary, &directory, progress, global)
}

/// The device and the data.
fn open(
    tuning: &TuningConfig,
    progress: &mut Progress,
    global: &Global,
    load: impl FnOnce() -> Result<Dataset>,
) -> Result<(Context, Dataset)> {
    let (context, variants) = global.open(tuning)?;
    progress.event(&Event::Adapter(context.adapter().clone()));
    progress.variants(variants);
    let dataset = load()?;
    progress.event(&Event::dataset(&dataset));
    Ok((context, dataset))
}

fn carry_out(
    config: &Config,
    (context, dataset): (&Context, &Dataset),
    directory: &RunDirectory,
    resume: bool,
    progress: &mut Progress,
) -> Result<Summary> {
    progress.event(&Event::Note(format!("run directory: {}", directory.path().display())));
    let result = interrupt::heed(|stop| {
        run::start(&RunJob { config, dataset, context, directory, resume, mixed: false, stop }, progress)
    });
    if result.is_err() {
        progress.finish();
    }
    result
}

/// Shows the summary, and fails where a replica had to be frozen.
fn conclude(
    summary: &Summary,
    directory: &RunDirectory,
    mut progress: Progress,
    global: &Global,
) -> Result<()> {
    progress.finish();
    audit::show(summary, global)?;
    if !global.json {
        output::result(&format!("\nrun directory: {}", directory.path().display()))?;
    }
    let frozen: Vec<String> = summary
        .replicas
        .iter()
        .enumerate()
        .filter_map(|(place, replica)| {
            let (step, settings) = (replica.frozen_at_step?, replica.settings?);
            Some(format!("replica {place} (λ {}, seed {}) at step {step}", settings.lambda, settings.seed))
        })
        .collect();
    if frozen.is_empty() {
        return Ok(());
    }
    Err(Error::new(Kind::Diverged, "training")
        .expected("finite losses")
        .found(format!("NaN or infinity in {}", frozen.join(", ")))
        .advice(
            "these models are those of the last epoch before, the others finished; lower the learning rate",
        ))
}

/// The first of runs/NAME-1, runs/NAME-2, … that does not exist, made: another program finds it taken.
///
/// # Errors
/// A directory that cannot be made.
fn next_directory(name: &str) -> Result<PathBuf> {
    let plain = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    let runs = Path::new("runs");
    std::fs::create_dir_all(runs).map_err(|e| Error::io(runs, &e))?;
    let mut number = 1;
    loop {
        let path = runs.join(format!("{name}-{number}"));
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(Error::io(&path, &e)),
        }
    }
}
