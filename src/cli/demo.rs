//! `veilgrad demo`: the preset of that name, in a directory of its own.

use std::path::Path;

use super::{Global, output, train};
use crate::error::Result;
use crate::run::config::Config;
use crate::run::preset;

pub(super) fn run(global: &Global) -> Result<()> {
    let config = Config::resolve(&[preset::named("demo")?.layer()])?;
    let run = train::start(&config, None, false, global)?;
    match global.json || global.quiet {
        true => Ok(()),
        false => output::result(&next(&run)),
    }
}

/// What a first look, in the directory `run`, leads to.
fn next(run: &Path) -> String {
    format!(
        "\nNext:\n  the same as a page with figures:\n    veilgrad report {} -o report.html\n  \
         what would become of your own columns:\n    veilgrad schema records.csv --label-column NAME\n  \
         your own records, without and with the defense:\n    \
         veilgrad train --data records.csv --label-column NAME --lambda 0,1",
        run.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    /// The commands can be typed as they stand.
    #[test]
    fn the_next_commands_are_commands() {
        let text = next(Path::new("runs/demo-1"));
        let commands = text.lines().filter_map(|line| line.trim().strip_prefix("veilgrad "));
        let commands: Vec<&str> = commands.collect();
        assert_eq!(commands.len(), 3);
        for command in commands {
            let words = std::iter::once("veilgrad").chain(command.split_whitespace());
            assert!(super::super::Cli::try_parse_from(words).is_ok(), "{command}");
        }
    }
}
