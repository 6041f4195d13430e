//! `veilgrad completions`: what a shell needs to complete this program's commands, flags and values.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, output};
use crate::error::Result;

/// Prints the completions of a shell: its commands, flags and values after Tab.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  veilgrad completions bash > ~/.local/share/bash-completion/completions/veilgrad
  veilgrad completions zsh > \"${fpath[1]}/_veilgrad\"
  veilgrad completions fish > ~/.config/fish/completions/veilgrad.fish
  veilgrad completions powershell >> $PROFILE")]
pub(super) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<()> {
    // Into memory first: the generator panics where standard output is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "veilgrad", &mut script);
    output::exact(&String::from_utf8_lossy(&script))
}
