//! `veilgrad report`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Global, output, record_flags};
use crate::error::{Error, Result};
use crate::report::labels::count;
use crate::report::records::AuditedRecords;
use crate::report::reproduction::Reproduction;
use crate::report::run::Run;
use crate::report::{export, html};

/// Makes one page of what audits found: tables, figures, what is to be known before the numbers are believed.
///
/// Of a reproduction it shows the paper's tables: ours beside the published numbers, and everything that
/// differs.
///
/// The page is a single file that needs no network and no script. With --json everything is printed as JSON
/// instead, with --csv written as tables.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ReportArgs {
    /// Directories of audited runs, of audits of predictions, or of reproductions (or a single table's
    /// .json).
    #[arg(value_name = "DIR", required = true)]
    directories: Vec<PathBuf>,
    /// The page. Without it, and without --json and --csv: report.html.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write everything as tables into this directory: models, attacks, roc, histograms, groups, epochs;
    /// of reproductions: reproduced.
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// Write every attacked record into this CSV file, as `veilgrad audit --records` does, and list the most
    /// exposed members on the page. Without it neither holds a row of a person.
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// The page's title. Without it one by what the page shows.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
}

/// The page's file where none is named.
const PAGE: &str = "report.html";

const EXAMPLES: &str = "\
Examples:
  An undefended and a defended run on one page:
    veilgrad report runs/plain runs/defended -o report.html
  The paper's tables that `veilgrad reproduce … --out tables` made, and one of their runs:
    veilgrad report tables tables/runs/purchase100-lambda
  Every number as JSON, for a program of yours:
    veilgrad report runs/plain --json > audit.json";

pub(super) fn run(args: &ReportArgs, global: &Global) -> Result<()> {
    let (mut runs, mut reproductions) = (vec![], vec![]);
    for directory in &args.directories {
        match Reproduction::find(directory)? {
            Some(reproduction) => reproductions.push(reproduction),
            None => {
                let run = Run::read(directory)?;
                runs.push(if args.records.is_some() { run.with_records()? } else { run });
            }
        }
    }
    let about = about(&runs, &reproductions);
    let mut written = vec![];
    if let Some(directory) = &args.csv {
        std::fs::create_dir_all(directory).map_err(|e| Error::io(directory, &e))?;
        for (name, bytes) in export::tables(&runs, &reproductions)? {
            let path = directory.join(name);
            std::fs::write(&path, bytes).map_err(|e| Error::io(&path, &e))?;
            written.push(path);
        }
    }
    if let Some(path) = &args.records {
        let audits = runs.iter().filter_map(|run| {
            run.records.as_ref().map(|replicas| AuditedRecords { name: &run.name, replicas })
        });
        record_flags::write(path, &audits.collect::<Vec<_>>())?;
        written.push(path.clone());
    }
    let page = match (&args.out, args.csv.is_some() || global.json) {
        (Some(path), _) => Some(path.clone()),
        (None, true) => None,
        (None, false) => Some(PathBuf::from(PAGE)),
    };
    if let Some(path) = page {
        write_page(&path, args.title.as_deref(), &runs, &reproductions)?;
        written.push(path);
    }
    if global.json {
        return output::json(&export::document(&runs, &reproductions));
    }
    let written: Vec<String> = written.iter().map(|path| format!("{}: {about}", path.display())).collect();
    output::result(&written.join("\n"))
}

/// What a report is about.
fn about(runs: &[Run], reproductions: &[Reproduction]) -> String {
    let models = runs.iter().map(|run| run.summary.replicas.len()).sum();
    let tables = reproductions.iter().map(|reproduction| reproduction.tables.len()).sum();
    let runs =
        (!runs.is_empty()).then(|| format!("{} of {}", count(models, "model"), count(runs.len(), "run")));
    let tables = (tables > 0).then(|| count(tables, "table"));
    runs.into_iter().chain(tables).collect::<Vec<_>>().join(", ")
}

/// Writes the page.
///
/// # Errors
/// The file system's.
fn write_page(path: &Path, title: Option<&str>, runs: &[Run], reproductions: &[Reproduction]) -> Result<()> {
    std::fs::write(path, html::page(title, runs, reproductions)?).map_err(|e| Error::io(path, &e))
}

/// Writes the page of all tables in the directory `out` of a reproduction into it.
///
/// # Errors
/// Another table in it that cannot be read; the file system's.
pub(super) fn write_tables(out: &Path) -> Result<PathBuf> {
    let path = out.join(PAGE);
    let reproductions: Vec<Reproduction> = Reproduction::find(out)?.into_iter().collect();
    write_page(&path, None, &[], &reproductions)?;
    Ok(path)
}
