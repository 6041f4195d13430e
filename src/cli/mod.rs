//! The command line: what can be typed, and which subcommand carries it out.
//!
//! No logic below argument handling: what flags mean is `run_flags`', what happens is the library's.
//! Results go to standard output; progress, notes and errors to standard error, so that `--json` leaves
//! nothing but JSON to read.

mod audit;
mod bench;
mod check;
mod completions;
mod demo;
mod devices;
mod gate;
mod graph;
mod interrupt;
mod json_schema;
mod man;
mod output;
mod predict;
mod predictions;
mod presets;
mod progress;
mod record_flags;
mod report;
mod reproduce;
mod run_flags;
mod schema;
mod settings;
mod shard_flags;
mod train;
mod tune;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::error::{Error, Kind, Result};
use crate::gpu::{self, Context};
use crate::lab::variants::Variants;
use crate::run::config::TuningConfig;

/// Train classifiers that do not give away whose records they were trained on, and audit them.
///
/// A classifier trained on private records answers differently for them than for others; an attacker who
/// sees its answers can tell who was in the training set (membership inference). veilgrad trains
/// classifiers against such an attacker (adversarial regularization, Nasr, Shokri and Houmansadr 2018),
/// measures how well attacks do on the result, and runs on any GPU, or without one in software.
#[derive(Debug, Parser)]
#[command(name = "veilgrad", version, arg_required_else_help = true, after_long_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
A first look, without any data:
  veilgrad demo

Your own records, without and with the defense, in one run:
  veilgrad train --data records.csv --label-column diagnosis --members 2000 --reference 2000 --lambda 0,1

The numbers:
  test accuracy     what the model is good for; the train accuracy above it is overfitting, which leaks
  attack accuracy   how often an attacker tells members from others: 0.5 is guessing, 1 finds them all
  λ (lambda)        the weight of privacy in training: 0 none; more lowers the attacks, and in the end
                    the test accuracy too

Exit codes: 0 done, 1 failed (or a model's loss was not finite), 2 something typed is not acceptable,
3 an audit's result is not acceptable (--fail-if, --policy), 4 it cannot be judged; 128 and a signal's
number where one ended it (130: Ctrl-C).";

/// Flags of every subcommand.
#[derive(Debug, Clone, Args)]
struct Global {
    /// Print the result as JSON, and nothing else, on standard output.
    #[arg(long, global = true)]
    json: bool,
    /// The adapter to use: its number in `veilgrad devices`, a part of its name, an API (vulkan, dx12,
    /// metal), or both (vulkan:nvidia).
    ///
    /// Without it: the one that WGPU_ADAPTER_NAME names, or else a discrete GPU before an integrated one
    /// before software (WGPU_POWER_PREF=low: an integrated one first). WGPU_BACKEND restricts the APIs,
    /// WGPU_VALIDATION=1 turns on the validation of the driver's API where it is installed.
    #[arg(long, global = true, value_name = "INDEX|NAME|API")]
    adapter: Option<String>,
    /// What the adapter is asked for: all that it can do, or no more than every WebGPU adapter can.
    ///
    /// `webgpu`: WebGPU's default limits, no further feature, and the kernels that hardware runs, also where
    /// the adapter is software: so any machine can play a small GPU.
    #[arg(long, global = true, value_enum, default_value_t = AskedLimits::Adapter)]
    limits: AskedLimits,
    /// No progress and no notes: results, warnings and errors only.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// What only those want to know who work on the program: kernels, dispatches, how the first layer works.
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Keep the GPU's checks of array bounds in every kernel: slower, for tracking down a fault.
    #[arg(long, global = true)]
    checked: bool,
    /// Run the adapter's default kernel variants, whatever `veilgrad tune` stored.
    #[arg(long, global = true)]
    untuned: bool,
}

/// The values of `--limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AskedLimits {
    /// The adapter's own.
    Adapter,
    /// WebGPU's defaults.
    Webgpu,
}

impl Global {
    /// The device, with the kernel variants that `recorded` or the adapter's stored table names; and these in
    /// words.
    fn open(&self, recorded: &TuningConfig) -> Result<(Context, Variants)> {
        crate::lab::variants::open(&self.gpu_options(), recorded, self.untuned)
    }

    fn gpu_options(&self) -> gpu::Options {
        gpu::Options {
            adapter: self.adapter.clone(),
            asked: self.asked(),
            checked: self.checked.then_some(true),
            keep_pipelines: true,
            ..gpu::Options::default()
        }
    }

    fn asked(&self) -> gpu::Asked {
        match self.limits {
            AskedLimits::Adapter => gpu::Asked::Adapters,
            AskedLimits::Webgpu => gpu::Asked::WebGpu,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the adapters that can compute, and which one is taken.
    Devices,
    /// Trains an undefended and a defended model on made-up data and attacks both: no files needed.
    Demo,
    /// Trains one model or many, attacks them, and keeps everything in a run directory.
    Train(Box<train::TrainArgs>),
    /// Makes tables of the paper anew, beside the published numbers.
    Reproduce(reproduce::ReproduceArgs),
    /// Attacks the models of a finished run again, or any model by its predictions.
    Audit(Box<audit::AuditArgs>),
    /// Makes a page, or tables, of what audits found.
    Report(report::ReportArgs),
    /// Writes a trained model's predictions of records, as they would be released.
    Predict(predict::PredictArgs),
    /// Finds out what the columns of a data file are, for you to check and edit.
    Schema(Box<schema::SchemaArgs>),
    /// Compares every GPU kernel with a double-precision reference on this machine.
    Check,
    /// Finds this adapter's fastest kernel variants and stores them for training.
    Tune(tune::TuneArgs),
    /// Times kernels, or whole training steps, on this adapter.
    Bench(bench::BenchArgs),
    /// Writes the graph of a preset's training step: nodes, shapes, kernels, waves.
    Graph(graph::GraphArgs),
    /// Lists the built-in set-ups, or shows one.
    Presets(presets::PresetsArgs),
    /// Lists every setting: what it means, its default, its range.
    Settings(settings::SettingsArgs),
    /// Prints the completions of a shell.
    Completions(completions::CompletionsArgs),
    /// Prints the manual page, or writes a page for each command.
    Man(man::ManArgs),
    /// Prints the JSON Schema of a file that veilgrad writes.
    JsonSchema(json_schema::JsonSchemaArgs),
}

/// Carries out what was typed.
pub fn main() -> ExitCode {
    interrupt::outlive_file_limits();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` arrive here too. A closed pipe is no reason to complain.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::note(&format!("error: {error}"));
            let code = match error.kind {
                Kind::Usage => 2,
                Kind::Gate => 3,
                Kind::Inconclusive => 4,
                _ => 1,
            };
            ExitCode::from(interrupt::exit_code().unwrap_or(code))
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let global = &cli.global;
    match &cli.command {
        Command::Devices => devices::run(global),
        Command::Demo => demo::run(global),
        Command::Train(args) => train::run(args, global),
        Command::Audit(args) => audit::run(args, global),
        Command::Reproduce(args) => reproduce::run(args, global),
        Command::Report(args) => report::run(args, global),
        Command::Predict(args) => predict::run(args, global),
        Command::Schema(args) => schema::run(args, global),
        Command::Check => check::run(global),
        Command::Tune(args) => tune::run(args, global),
        Command::Bench(args) => bench::run(args, global),
        Command::Graph(args) => graph::run(args, global),
        Command::Presets(args) => presets::run(args, global),
        Command::Settings(args) => settings::run(args, global),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::JsonSchema(args) => json_schema::run(args),
    }
}

/// Of a command that a lost device ended and that cannot go on: `kept`, what of its work is kept.
fn keeping(kept: &'static str) -> impl Fn(Error) -> Error {
    move |error| match error.kind {
        Kind::Lost => error.also(format!("{kept}: repeat the command")),
        _ => error,
    }
}

/// Other random inputs every time: a failure names its seed.
fn seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |d| u64::from(d.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn only_a_lost_device_leaves_something_to_tell_of() {
        let told = |kind| keeping("nothing was stored")(Error::new(kind, "a").advice("wait")).advice;
        assert_eq!(told(Kind::Lost), "wait; nothing was stored: repeat the command");
        assert_eq!(told(Kind::Gpu), "wait");
    }

    #[test]
    fn global_flags_may_follow_the_subcommand() {
        let cli = Cli::try_parse_from(["veilgrad", "devices", "--json", "--adapter", "1"]).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.adapter.as_deref(), Some("1"));
    }
}
