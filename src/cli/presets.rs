//! `veilgrad presets`.

use clap::Args;
use serde_json::json;

use super::{Global, output};
use crate::error::Result;
use crate::report::table::{self, Side};
use crate::run::config::Deviation;
use crate::run::preset::{self, Preset};

/// Lists the built-in set-ups, or shows one.
///
/// A preset is a TOML file of some of the settings; what it leaves out has its default. With --json, a
/// preset is shown with every setting.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  veilgrad presets location30
  veilgrad presets location30 > mine.toml    to change it, then: veilgrad train --preset mine.toml")]
pub(super) struct PresetsArgs {
    /// The preset to show.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(args: &PresetsArgs, global: &Global) -> Result<()> {
    match &args.name {
        Some(name) => show(preset::named(name)?, global),
        None => list(global),
    }
}

fn show(preset: &Preset, global: &Global) -> Result<()> {
    if global.json { output::json(&preset.config()?) } else { output::exact(preset.text) }
}

fn list(global: &Global) -> Result<()> {
    let configs = preset::ALL.iter().map(Preset::config).collect::<Result<Vec<_>>>()?;
    if global.json {
        let presets = configs.iter().map(|config| {
            json!({
                "name": config.name,
                "description": config.description,
                "data": config.data.expects,
                "deviations": config.deviations.iter().map(Deviation::text).collect::<Vec<_>>(),
            })
        });
        return output::json(&presets.collect::<Vec<_>>());
    }
    let rows: Vec<Vec<String>> =
        configs.iter().map(|config| vec![config.name.clone(), config.description.clone()]).collect();
    let header = [("preset", Side::Left), ("what it is", Side::Left)];
    output::result(&format!(
        "{}\n\n`veilgrad presets NAME` shows one; `veilgrad train --preset NAME --data PATH` runs it.",
        table::text(&header, &rows, output::columns(table::UNBROKEN))
    ))
}
