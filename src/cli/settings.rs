//! `veilgrad settings`.

use clap::Args;

use super::{Global, output};
use crate::error::Result;
use crate::report::settings;
use crate::run::config::reference;

/// The columns of the list: sentences are easier to read in lines that are not too long.
const WIDTH: usize = 80;

/// Lists every setting: what it means, its default, its range.
///
/// `--set KEY=VALUE` gives any of them to `veilgrad train`, and so does a TOML file (--preset).
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  veilgrad settings lambda
  veilgrad settings audit. --json")]
pub(super) struct SettingsArgs {
    /// Only those with this word in their key or meaning.
    #[arg(value_name = "WORD")]
    word: Option<String>,
    /// As a page in Markdown: the project's docs/settings.md.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

pub(super) fn run(args: &SettingsArgs, global: &Global) -> Result<()> {
    let found = match &args.word {
        Some(word) => reference::about(word)?,
        None => reference::all()?,
    };
    match (global.json, args.markdown) {
        (true, _) => output::json(&found),
        (false, true) => output::exact(&settings::markdown(&found)),
        (false, false) => output::result(&settings::text(&found, output::columns(WIDTH).min(WIDTH))),
    }
}
