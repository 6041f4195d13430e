//! `veilgrad json-schema`: what the JSON files hold, as JSON Schema.

use clap::{Args, ValueEnum};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::output;
use crate::audit::results::details::Details;
use crate::audit::results::summary::Summary;
use crate::error::{Error, Kind, Result};
use crate::lab::measurements::Measurements;
use crate::report::comparison::Comparison;
use crate::run::event::EpochMetrics;

/// Prints the JSON Schema (draft 2020-12) of a file that veilgrad writes.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  veilgrad json-schema summary > summary.schema.json")]
pub(super) struct JsonSchemaArgs {
    /// The file.
    #[arg(value_enum)]
    file: File,
}

/// The files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum File {
    /// summary.json of a run or an audit, and what `audit --json` prints.
    Summary,
    /// details.json: curves, classes, subgroups, histograms.
    Details,
    /// A line of metrics.jsonl.
    Metrics,
    /// A table of `reproduce`.
    Table,
    /// What `bench --json` prints.
    Bench,
}

impl File {
    fn schema(self) -> Schema {
        fn of<T: JsonSchema>() -> Schema {
            SchemaGenerator::default().into_root_schema_for::<T>()
        }
        match self {
            File::Summary => of::<Summary>(),
            File::Details => of::<Details>(),
            File::Metrics => of::<EpochMetrics>(),
            File::Table => of::<Comparison>(),
            File::Bench => of::<Measurements>(),
        }
    }
}

pub(super) fn run(args: &JsonSchemaArgs) -> Result<()> {
    let text = serde_json::to_string_pretty(&args.file.schema());
    output::exact(&text.map_err(|e| Error::new(Kind::Io, "the schema").found(e.to_string()))?)
}
