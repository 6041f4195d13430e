//! `veilgrad audit`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Progress;
use super::{Global, interrupt, output};
use crate::audit::gate::Condition;
use crate::audit::subgroups::Subgroups;
use crate::audit::summary::Summary;
use crate::error::{Error, Kind, Result};
use crate::report::terminal;
use crate::train::config::Config;
use crate::train::observer::{Event, Observer};
use crate::train::run_directory::RunDirectory;

/// Attacks the models of a finished run again and shows what came of it.
///
/// Half of the members and as many test records are known to the attacker; every number is from the
/// other halves. Writes summary.json and details.json anew; with --json, prints the summary.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  veilgrad audit runs/demo-1")]
pub(super) struct AuditArgs {
    /// The run's directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Train N shadow models for each model (16 without a number), and run LiRA, RMIA and the shadow-model attack.
    ///
    /// Each costs about as much as the model itself; they are kept in DIR and used again.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "16", value_parser = shadow_models)]
    shadows: Option<usize>,
    /// Run the label-only attack too: it asks the model about perturbed copies of every record.
    #[arg(long)]
    label_only: bool,
    /// A CSV file with a row for each record of the data set: results are given by group too.
    #[arg(long, value_name = "FILE", requires = "subgroup_column")]
    subgroups: Option<PathBuf>,
    /// Fail, with exit code 3, if this holds: `neural.accuracy > 0.6`, `tpr_at_fpr_0.001 > 0.01` (any attack),
    /// `reference.accuracy > 0.55` (on D′), `test_accuracy < 0.7`. May be repeated.
    ///
    /// The names are the keys of summary.json. A number that is not resolvable, or of an attack that was not run,
    /// fails too. Results are printed and written all the same.
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<String>,
    /// The column of --subgroups that names a record's group.
    #[arg(long, value_name = "NAME", requires = "subgroups")]
    subgroup_column: Option<String>,
}

fn shadow_models(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(models) if models >= 2 && models % 2 == 0 => Ok(models),
        _ => Err("expected an even number from 2: shadow models come in pairs".to_owned()),
    }
}

pub(super) fn run(args: &AuditArgs, global: &Global) -> Result<()> {
    let conditions = args.fail_if.iter().map(|text| Condition::parse(text)).collect::<Result<Vec<_>>>()?;
    let directory = RunDirectory::open(&args.directory)?;
    let mut config = directory.read_config()?;
    config.audit.shadows = args.shadows.unwrap_or(config.audit.shadows);
    config.audit.label_only |= args.label_only;
    // Without predictions there is nothing to open an adapter for.
    directory.check_trained()?;
    let mut progress = Progress::new(global.quiet);
    let subgroups = args.subgroups.as_deref().zip(args.subgroup_column.as_deref());
    let summary = attack(&config, &directory, subgroups, global, &mut progress);
    progress.finish();
    let summary = summary?;
    show(&summary, global)?;
    check(&conditions, &summary)
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
    let dataset = match crate::train::load(config) {
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
        let (dataset, context) = (dataset.as_ref(), &context);
        let job = crate::audit::Job { config, directory, context, dataset, subgroups, stop };
        crate::audit::run(&job, progress)
    })
}

/// The summary on standard output.
pub(super) fn show(summary: &Summary, global: &Global) -> Result<()> {
    if global.json { output::json(summary) } else { output::result(&terminal::summary(summary)) }
}
