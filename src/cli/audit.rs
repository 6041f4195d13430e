//! `veilgrad audit`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::predictions::PredictionsArgs;
use super::progress::Progress;
use super::{Global, interrupt, output};
use crate::audit::AuditJob;
use crate::audit::attacks::ALL;
use crate::audit::attacks::attack::MembershipAttack;
use crate::audit::results::gate::Condition;
use crate::audit::results::subgroups::Subgroups;
use crate::audit::results::summary::Summary;
use crate::error::{Error, Kind, Result};
use crate::experiment::run::{self, RunJob};
use crate::report::terminal;
use crate::run::RunDirectory;
use crate::run::config::{AuditConfig, Config};
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
        conflicts_with = "predictions", value_parser = shadow_models)]
    shadows: Option<usize>,
    /// Run the label-only attack too: it asks the model about perturbed copies of every record.
    #[arg(long, conflicts_with = "predictions")]
    label_only: bool,
    /// A CSV file with a row for each record of the data set (or of --predictions): results are given by
    /// group too.
    #[arg(long, value_name = "FILE", requires = "subgroup_column")]
    subgroups: Option<PathBuf>,
    /// How frequent members are among the records that an attacker would try: precision is for this.
    ///
    /// Without it: the run's own, 0.1 by default.
    #[arg(long, value_name = "RATE", value_parser = base_rate)]
    base_rate: Option<f64>,
    /// Fail, with exit code 3, if this holds: `neural.accuracy > 0.6`, `tpr_at_fpr_0.001 > 0.01` (any
    /// attack), `reference.accuracy > 0.55` (on D′), `test_accuracy < 0.7`. May be repeated.
    #[arg(long, value_name = "CONDITION", long_help = fail_if_help())]
    fail_if: Vec<String>,
    /// The column of --subgroups that names a record's group; without --subgroups, of --predictions.
    #[arg(long, value_name = "NAME")]
    subgroup_column: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  A run of ours, with 16 shadow models:
    veilgrad audit runs/demo-1 --shadows
  Any model, from an npz file with logits [N, C], labels [N] and membership [N] (1: member):
    veilgrad audit --predictions model.npz --out audits/model
    veilgrad report audits/model -o report.html
  In a pipeline, which is to stop (exit code 3) where the model leaks:
    veilgrad audit --predictions model.npz --fail-if 'tpr_at_fpr_0.001 > 0.01' --fail-if 'accuracy > 0.6'";

/// The help of `--fail-if`, with the attacks there are.
fn fail_if_help() -> String {
    let attack = |attack: &MembershipAttack| {
        let needs = attack.needs.iter().map(|need| need.text());
        let learns = attack.learns.then_some("learns from the known half");
        let blind = (!attack.sees_label).then_some("does not see the label");
        let remarks: Vec<&str> = needs.chain(learns).chain(blind).collect();
        match remarks.is_empty() {
            true => attack.name.to_owned(),
            false => format!("{} ({})", attack.name, remarks.join(", ")),
        }
    };
    format!(
        "Fail, with exit code 3, if this holds: `neural.accuracy > 0.6`, `tpr_at_fpr_0.001 > 0.01` (any \
         attack), `reference.accuracy > 0.55` (on D′), `test_accuracy < 0.7`. May be repeated.\n\n\
         The names are the keys of summary.json. A number that is not resolvable, or of an attack that was \
         not run, fails too. Results are printed and written all the same.\n\n\
         The attacks: {}.",
        ALL.iter().map(attack).collect::<Vec<_>>().join(", ")
    )
}

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
    let conditions = args.fail_if.iter().map(|text| Condition::parse(text)).collect::<Result<Vec<_>>>()?;
    let subgroups = args.subgroups.as_deref().zip(args.subgroup_column.as_deref());
    let mut progress = Progress::new(global.quiet);
    let summary = match &args.directory {
        Some(directory) => audit_run(args, directory, subgroups, global, &mut progress),
        None if !args.predictions.are_given() => {
            Err(Error::usage("veilgrad audit").expected("a run's DIR or --predictions FILE").found("neither"))
        }
        None => {
            let mut config = AuditConfig::default();
            config.base_rate = args.base_rate.unwrap_or(config.base_rate);
            // The column is the predictions' own where no other file is named.
            let column = args.subgroup_column.as_deref().filter(|_| subgroups.is_none());
            args.predictions.audit(&config, subgroups, column, global, &mut progress)
        }
    };
    progress.finish();
    let summary = summary?;
    show(&summary, global)?;
    check(&conditions, &summary)
}

fn audit_run(
    args: &AuditArgs,
    directory: &Path,
    subgroups: Option<(&Path, &str)>,
    global: &Global,
    progress: &mut Progress,
) -> Result<Summary> {
    if args.subgroup_column.is_some() && subgroups.is_none() {
        return Err(Error::usage("--subgroup-column")
            .expected("--subgroups, the file of the column")
            .found("none"));
    }
    let directory = RunDirectory::open(directory)?;
    let mut config = directory.read_config()?;
    config.audit.shadows = args.shadows.unwrap_or(config.audit.shadows);
    config.audit.label_only |= args.label_only;
    config.audit.base_rate = args.base_rate.unwrap_or(config.audit.base_rate);
    // Without predictions there is nothing to open an adapter for.
    directory.check_trained()?;
    attack(&config, &directory, subgroups, global, progress)
}

/// Fails where a condition of the gate holds.
fn check(conditions: &[Condition], summary: &Summary) -> Result<()> {
    let mut violations = vec![];
    for condition in conditions {
        violations.extend(condition.violations(summary)?);
    }
    match violations.is_empty() {
        true => Ok(()),
        false => Err(Error::new(Kind::Gate, "--fail-if").found(violations.join("\n  "))),
    }
}

/// Audits the finished run in `directory`.
pub(super) fn attack(
    config: &Config,
    directory: &RunDirectory,
    subgroups: Option<(&Path, &str)>,
    global: &Global,
    progress: &mut Progress,
) -> Result<Summary> {
    let needs_data = config.audit.shadows > 0 || config.audit.label_only || subgroups.is_some();
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
    let subgroups = match (subgroups, &dataset) {
        (Some((path, column)), Some(dataset)) => Some(Subgroups::read(path, column, dataset.records())?),
        _ => None,
    };
    let (context, _) = global.open(&config.tuning)?;
    progress.event(&Event::Adapter(context.adapter().clone()));
    interrupt::heed(|stop| {
        let subgroups = subgroups.as_ref();
        let context = &context;
        let job = |dataset| RunJob { config, dataset, context, directory, resume: true, stop };
        // What spoils the plan (the data are others now) need not spoil the audit.
        if let Some(Ok(works)) = dataset.as_ref().map(|dataset| run::plan_audit(&job(dataset))) {
            progress.event(&Event::Planned(works));
        }
        let dataset = dataset.as_ref();
        let job = AuditJob { config, directory, context, dataset, subgroups, stop };
        crate::audit::run(&job, progress)
    })
}

/// The summary on standard output.
pub(super) fn show(summary: &Summary, global: &Global) -> Result<()> {
    if global.json { output::json(summary) } else { output::result(&terminal::summary(summary)) }
}
