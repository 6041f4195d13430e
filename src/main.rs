//! The `veilgrad` program: [`veilgrad::cli`] does it all.

use std::process::ExitCode;

fn main() -> ExitCode {
    veilgrad::cli::main()
}
