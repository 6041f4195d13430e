//! `veilgrad audit`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::gate::{Audited, GateArgs};
use super::predictions::PredictionsArgs;
use super::progress::Progress;
use super::record_flags::RecordArgs;
use super::shard_flags::{self, ShardArgs, Share};
use super::{Global, interrupt, output};
use crate::audit::results::score_file;
use crate::audit::results::summary::Summary;
use crate::audit::{self, AuditJob};
use crate::error::{Error, Kind, Result};
use crate::experiment::run::{self, RunJob};
use crate::report::labels::WIDTH;
use crate::report::terminal;
use crate::run::RunDirectory;
use crate::run::config::{AuditConfig, Config};
use crate::run::directory::SCORES;
use crate::run::event::{Event, Observer};

/// Attacks the models of a finished run again, or any model by its predictions, and shows what came of it.
///
/// Half of the members and as many test records are known to the attacker; every number is from the
/// other halves. Writes summary.json, details.json and scores.npz anew; with --json, prints the summary.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct AuditArgs {
    /// The run's directory.
    #[arg(value_name = "DIR", conflicts_with = "PredictionsArgs")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    predictions: PredictionsArgs,
    /// Train N shadow models for each model (16 without a number), and run LiRA, RMIA and the shadow-model
    /// attack.
    ///
    /// Each costs about as much as the model itself; they are kept in DIR and used again.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "16",
        conflicts_with = "files", value_parser = shadow_models)]
    shadows: Option<usize>,
    /// Run the label-only attack too: it asks the model about perturbed copies of every record.
    #[arg(long, conflicts_with = "files")]
    label_only: bool,
    /// How frequent members are among the records that an attacker would try: precision is for this.
    ///
    /// Without it: the run's own, 0.1 by default.
    #[arg(long, value_name = "RATE", value_parser = base_rate)]
    base_rate: Option<f64>,
    /// Audit the run although its data file has changed since.
    #[arg(long, conflicts_with = "predictions")]
    accept_changed_data: bool,
    #[command(flatten)]
    gate: GateArgs,
    #[command(flatten)]
    records: RecordArgs,
    #[command(flatten)]
    shards: ShardArgs,
}

const EXAMPLES: &str = "\
Examples:
  A run of ours, with 16 shadow models:
    veilgrad audit runs/demo-1 --shadows
  With 256 shadow models, a sixteenth of them on each machine that shares the directory, and then all attacks:
    veilgrad audit runs/demo-1 --shadows 256 --shard 3/16
    veilgrad audit runs/demo-1 --shadows 256
  Any model, from an npz file with logits [N, C], labels [N] and membership [N] (1: member):
    veilgrad audit --predictions model.npz --out audits/model
    veilgrad report audits/model -o report.html
  In a pipeline, which is to stop (exit code 3) where the model leaks:
    veilgrad audit --predictions model.npz --fail-if 'strongest.auc.low > 0.55' --junit gate.xml";

fn base_rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate < 1.0 => Ok(rate),
        _ => Err("expected a number between 0 and 1".to_owned()),
    }
}

fn shadow_models(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(models) if models >= 2 && models % 2 == 0 => Ok(models),
        _ => Err("expected an even number from 2: shadow models come in pairs".to_owned()),
    }
}

impl AuditArgs {
    /// The run's configuration with what was typed.
    fn config(&self, directory: &RunDirectory) -> Result<Config> {
        let mut config = directory.read_config()?;
        config.audit.shadows = self.shadows.unwrap_or(config.audit.shadows);
        config.audit.label_only |= self.label_only;
        config.audit.base_rate = self.base_rate.unwrap_or(config.audit.base_rate);
        Ok(config)
    }
}

pub(super) fn run(args: &AuditArgs, global: &Global) -> Result<()> {
    let gate = args.gate.gate()?;
    args.records.check(args.directory.is_some())?;
    let mut progress = Progress::new(global.quiet, global.verbose);
    let share = args.shards.share()?;
    if !matches!(share, Share::All) {
        let done = share_out(args, &share, global, &mut progress);
        progress.finish();
        return done;
    }
    let audited = match &args.directory {
        Some(directory) => audit_run(args, directory, global, &mut progress),
        None if !args.predictions.are_given() => Err(Error::usage("veilgrad audit")
            .expected("a run's DIR, --predictions FILE, or --members FILE --nonmembers FILE")
            .found("neither")),
        None => {
            let mut config = AuditConfig::default();
            config.base_rate = args.base_rate.unwrap_or(config.base_rate);
            args.predictions.audit(&config, &args.records, global, &mut progress)
        }
    };
    progress.finish();
    let audited = audited?;
    show(&audited.summary, global)?;
    args.gate.check(&gate, &audited)
}

fn audit_run(
    args: &AuditArgs,
    directory: &Path,
    global: &Global,
    progress: &mut Progress,
) -> Result<Audited> {
    let directory = RunDirectory::open(directory)?;
    // Without predictions there is nothing to hold the directory or to open an adapter for.
    directory.check_trained()?;
    let directory = directory.held()?;
    progress.taken_over(&directory);
    let config = args.config(&directory)?;
    let accepted = Accepted { changed_data: args.accept_changed_data, mixed: args.shards.mixed };
    let summary =
        attack(&config, &directory, &args.records, accepted, global, progress).map_err(continued)?;
    Ok(Audited { name: directory.name(), summary, details: directory.read_details()? })
}

/// Trains a part of the shadow models, or says what all parts take: beside others, so the run is not held.
fn share_out(args: &AuditArgs, share: &Share, global: &Global, progress: &mut Progress) -> Result<()> {
    let Some(directory) = &args.directory else {
        return Err(Error::usage("--shard")
            .expected("a run's DIR, whose shadow models are trained")
            .found("none"));
    };
    let directory = RunDirectory::open(directory)?;
    directory.check_trained()?;
    let config = args.config(&directory)?;
    if config.audit.shadows == 0 {
        return Err(Error::usage("--shard")
            .expected("shadow models, which the parts are of: --shadows N")
            .found("none"));
    }
    let accepted = Accepted { changed_data: args.accept_changed_data, mixed: args.shards.mixed };
    with_job(&config, &directory, &args.records, accepted, global, progress, |job, run, progress| {
        let Some(run) = run else {
            return Err(Error::data("audit").expected("the run's data").found("none"));
        };
        let training = run.training_costs()?;
        match *share {
            Share::Plan(of) => {
                let parts = audit::plan_shards(job, &training, of)?;
                progress.finish();
                shard_flags::show(&parts, of, global)
            }
            Share::Part(shard) => audit::train_shard(job, &training, shard, progress).map_err(continued),
            Share::All => Ok(()),
        }
    })
}

/// How to go on after this error: finished epochs of shadow models are kept.
fn continued(error: Error) -> Error {
    match error.kind {
        Kind::Interrupted | Kind::Io | Kind::Lost => {
            error.also(format!("finished shadow models and epochs are kept: {}", output::again()))
        }
        _ => error,
    }
}

/// What an audit takes although it is not what the run was begun with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Accepted {
    /// Data that are others than it was trained on.
    pub(super) changed_data: bool,
    /// Shadow models of unlike machines.
    pub(super) mixed: bool,
}

/// Audits the finished run in `directory`.
pub(super) fn attack(
    config: &Config,
    directory: &RunDirectory,
    records: &RecordArgs,
    accepted: Accepted,
    global: &Global,
    progress: &mut Progress,
) -> Result<Summary> {
    let summary = with_job(config, directory, records, accepted, global, progress, |job, run, progress| {
        // What spoils the plan (the data are others now) need not spoil the audit.
        if let Some(Ok(works)) = run.map(run::plan_audit) {
            progress.event(&Event::Planned(works));
        }
        audit::run(job, progress)
    })?;
    records.write(&directory.name(), || score_file::load(&directory.file(SCORES)))?;
    Ok(summary)
}

/// Reads the data of the finished run in `directory`, opens the adapter and does `act`: with the run's training too,
/// where the data are there.
fn with_job<T>(
    config: &Config,
    directory: &RunDirectory,
    records: &RecordArgs,
    Accepted { changed_data, mixed }: Accepted,
    global: &Global,
    progress: &mut Progress,
    act: impl FnOnce(&AuditJob, Option<&RunJob>, &mut Progress) -> Result<T>,
) -> Result<T> {
    let needs_data = config.audit.shadows > 0 || config.audit.label_only || records.has_file();
    let dataset = match crate::train::load_again(config, directory) {
        Ok(dataset) => Some(dataset),
        Err(error) if needs_data => return Err(error),
        Err(error) => {
            progress.event(&Event::Warning(format!(
                "the blind attack is not run, for want of the data: {error}"
            )));
            None
        }
    };
    let changed = dataset.as_ref().map(|dataset| directory.check_data(dataset, changed_data)).transpose()?;
    changed.flatten().into_iter().for_each(|changed| progress.event(&Event::Warning(changed)));
    let (subgroups, persons) = match &dataset {
        Some(dataset) => {
            (records.read_subgroups(dataset.records())?, records.read_persons(dataset.records())?)
        }
        None => (None, None),
    };
    let (context, _) = global.open(&config.tuning)?;
    progress.event(&Event::Adapter(context.adapter().clone()));
    interrupt::heed(|stop| {
        let (subgroups, persons) = (subgroups.as_ref(), persons.as_ref());
        let (context, dataset) = (&context, dataset.as_ref());
        let run =
            dataset.map(|dataset| RunJob { config, dataset, context, directory, resume: true, mixed, stop });
        let accept_changed_data = changed_data;
        let job = AuditJob {
            config,
            directory,
            context,
            dataset,
            accept_changed_data,
            mixed,
            subgroups,
            persons,
            stop,
        };
        act(&job, run.as_ref(), progress)
    })
}

/// The summary on standard output.
pub(super) fn show(summary: &Summary, global: &Global) -> Result<()> {
    if global.json {
        return output::json(summary);
    }
    output::result(&terminal::summary(summary, output::columns(WIDTH)))
}
