//! `veilgrad man`: the help texts as manual pages.

use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};

use super::{Cli, output};
use crate::error::{Error, Kind, Result};

/// Prints the manual page of the program, or writes it and a page for each command into a directory.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  veilgrad man | man -l -
  veilgrad man --out ~/.local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write veilgrad.1, veilgrad-train.1 and the pages of the other commands here.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> Result<()> {
    match &args.out {
        Some(directory) => write(directory),
        None => print(),
    }
}

fn print() -> Result<()> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
    rendered.map_err(|e| Error::new(Kind::Io, "the manual page").found(e.to_string()))?;
    output::exact(&String::from_utf8_lossy(&page))
}

fn write(directory: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Error::io(directory, &e);
    std::fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(failed)?;
    output::result(&format!("{}: veilgrad.1 and a page for each command", directory.display()))
}
