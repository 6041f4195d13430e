//! `veilgrad audit`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::gate::{Audited, GateArgs};
use super::predictions::PredictionsArgs;
use super::progress::Progress;
use super::record_flags::RecordArgs;
use super::{Global, interrupt, output};
use crate::audit::AuditJob;
use crate::audit::results::score_file;
use crate::audit::results::summary::Summary;
use crate::error::{Error, Kind, Result};
use crate::experiment::run::{self, RunJob};
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
}

const EXAMPLES: &str = "\
Examples:
  A run of ours, with 16 shadow models:
    veilgrad audit runs/demo-1 --shadows
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

pub(super) fn run(args: &AuditArgs, global: &Global) -> Result<()> {
    let gate = args.gate.gate()?;
    args.records.check(args.directory.is_some())?;
    let mut progress = Progress::new(global.quiet);
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
    let mut config = directory.read_config()?;
    config.audit.shadows = args.shadows.unwrap_or(config.audit.shadows);
    config.audit.label_only |= args.label_only;
    config.audit.base_rate = args.base_rate.unwrap_or(config.audit.base_rate);
    let accept = args.accept_changed_data;
    let summary = attack(&config, &directory, &args.records, accept, global, progress).map_err(continued)?;
    Ok(Audited { name: directory.name(), summary, details: directory.read_details()? })
}

/// How to go on after this error: finished epochs of shadow models are kept.
fn continued(error: Error) -> Error {
    match error.kind {
        Kind::Interrupted | Kind::Io => {
            error.also(format!("finished shadow models and epochs are kept: {}", output::again()))
        }
        _ => error,
    }
}

/// Audits the finished run in `directory`; with `accept_changed_data` also by data that are others than it
/// was trained on.
pub(super) fn attack(
    config: &Config,
    directory: &RunDirectory,
    records: &RecordArgs,
    accept_changed_data: bool,
    global: &Global,
    progress: &mut Progress,
) -> Result<Summary> {
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
    let changed =
        dataset.as_ref().map(|dataset| directory.check_data(dataset, accept_changed_data)).transpose()?;
    changed.flatten().into_iter().for_each(|changed| progress.event(&Event::Warning(changed)));
    let (subgroups, persons) = match &dataset {
        Some(dataset) => {
            (records.read_subgroups(dataset.records())?, records.read_persons(dataset.records())?)
        }
        None => (None, None),
    };
    let (context, _) = global.open(&config.tuning)?;
    progress.event(&Event::Adapter(context.adapter().clone()));
    let summary = interrupt::heed(|stop| {
        let (subgroups, persons) = (subgroups.as_ref(), persons.as_ref());
        let context = &context;
        let job = |dataset| RunJob { config, dataset, context, directory, resume: true, stop };
        // What spoils the plan (the data are others now) need not spoil the audit.
        if let Some(Ok(works)) = dataset.as_ref().map(|dataset| run::plan_audit(&job(dataset))) {
            progress.event(&Event::Planned(works));
        }
        let dataset = dataset.as_ref();
        let job =
            AuditJob { config, directory, context, dataset, accept_changed_data, subgroups, persons, stop };
        crate::audit::run(&job, progress)
    })?;
    records.write(&directory.name(), || score_file::load(&directory.file(SCORES)))?;
    Ok(summary)
}

/// The summary on standard output.
pub(super) fn show(summary: &Summary, global: &Global) -> Result<()> {
    if global.json { output::json(summary) } else { output::result(&terminal::summary(summary)) }
}
