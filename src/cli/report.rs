//! `veilgrad report`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Global, output};
use crate::error::{Error, Result};
use crate::report::run::Run;
use crate::report::{export, html};

/// Makes one page of what audits found: tables, figures, what is to be known before the numbers are believed.
///
/// The page is a single file that needs no network and no script. With --json everything is printed as JSON instead,
/// with --csv written as tables.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ReportArgs {
    /// Directories of audited runs, or of audits of predictions.
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// The page. Without it, and without --json and --csv: report.html.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write everything as tables into this directory: models, attacks, roc, histograms, groups, worst, epochs.
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// The page's title.
    #[arg(long, value_name = "TEXT", default_value = "Membership privacy audit")]
    title: String,
}

const EXAMPLES: &str = "\
Examples:
  An undefended and a defended run on one page:
    veilgrad report runs/plain runs/defended -o report.html
  Every number as JSON, for a program of yours:
    veilgrad report runs/plain --json > audit.json";

pub(super) fn run(args: &ReportArgs, global: &Global) -> Result<()> {
    let runs = args.directories.iter().map(|d| Run::read(d)).collect::<Result<Vec<Run>>>()?;
    let write = |path: &Path, text: &str| std::fs::write(path, text).map_err(|e| Error::io(path, &e));
    let models: usize = runs.iter().map(|run| run.summary.replicas.len()).sum();
    let mut written = vec![];
    if let Some(directory) = &args.csv {
        std::fs::create_dir_all(directory).map_err(|e| Error::io(directory, &e))?;
        for (name, text) in export::tables(&runs)? {
            let path = directory.join(name);
            write(&path, &text)?;
            written.push(path);
        }
    }
    let page = match (&args.out, args.csv.is_some() || global.json) {
        (Some(path), _) => Some(path.clone()),
        (None, true) => None,
        (None, false) => Some(PathBuf::from("report.html")),
    };
    if let Some(path) = page {
        write(&path, &html::page(&args.title, &runs)?)?;
        written.push(path);
    }
    if global.json {
        return output::json(&export::document(&runs));
    }
    let written: Vec<String> = written
        .iter()
        .map(|path| format!("{}: {models} models of {} runs", path.display(), runs.len()))
        .collect();
    output::result(&written.join("\n"))
}
