//! `veilgrad audit`.

use std::path::PathBuf;

use clap::Args;

use super::progress::Progress;
use super::{Global, interrupt, output};
use crate::audit::summary::Summary;
use crate::error::Result;
use crate::gpu::Context;
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
}

pub(super) fn run(args: &AuditArgs, global: &Global) -> Result<()> {
    let directory = RunDirectory::open(&args.directory)?;
    let config = directory.read_config()?;
    // Without predictions there is nothing to open an adapter for.
    directory.check_trained()?;
    let mut progress = Progress::new(global.quiet);
    let summary = attack(&config, &directory, global, &mut progress);
    progress.finish();
    show(&summary?, global)
}

/// Audits the finished run in `directory`.
pub(super) fn attack(
    config: &Config,
    directory: &RunDirectory,
    global: &Global,
    progress: &mut Progress,
) -> Result<Summary> {
    let context = Context::new(&global.gpu_options())?;
    progress.event(&Event::Adapter(context.adapter().clone()));
    let dataset = match crate::train::load(config) {
        Ok(dataset) => Some(dataset),
        Err(error) => {
            progress.event(&Event::Warning(format!(
                "the blind attack is not run, for want of the data: {error}"
            )));
            None
        }
    };
    interrupt::heed(|stop| {
        let (dataset, context) = (dataset.as_ref(), &context);
        let job = crate::audit::Job { config, directory, context, dataset, subgroups: None, stop };
        crate::audit::run(&job, progress)
    })
}

/// The summary on standard output.
pub(super) fn show(summary: &Summary, global: &Global) -> Result<()> {
    if global.json { output::json(summary) } else { output::result(&terminal::summary(summary)) }
}
