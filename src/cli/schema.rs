//! `veilgrad schema`: what the columns of a data file are, and how they become features.

use std::path::PathBuf;

use clap::Args;

use super::run_flags::RunFlags;
use super::{Global, output};
use crate::dataset::Schema;
use crate::error::{Error, Kind, Result};
use crate::report::table::{self, Side};

/// Finds out what the columns of a data file are, as `train` with the same flags would, and writes it for you
/// to edit.
///
/// Categories, medians and classes are learnt from the members alone, and what fewer than 5 of them have is
/// not in it.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct SchemaArgs {
    /// The records: as `train --data`.
    #[arg(value_name = "DATA")]
    file: String,
    #[command(flatten)]
    flags: RunFlags,
    /// The file to write. Without it the schema is printed as a table.
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  veilgrad schema records.csv --label-column diagnosis --members 2000
  veilgrad schema records.csv --label-column diagnosis --members 2000 -o schema.toml
  veilgrad train --data records.csv --members 2000 --schema schema.toml";

pub(super) fn run(args: &SchemaArgs, global: &Global) -> Result<()> {
    let mut config = args.flags.clone().of_file(&args.file).resolve()?;
    let dataset = crate::train::load(&mut config)?;
    let Some(out) = &args.out else {
        return match global.json {
            true => output::json(&dataset.schema),
            false => output::result(&table(&dataset.schema, output::columns(table::UNBROKEN))),
        };
    };
    if out.exists() {
        return Err(Error::new(Kind::Io, out.display().to_string())
            .expected("a new file")
            .found("one that is there, perhaps edited")
            .advice("choose another --out"));
    }
    std::fs::write(out, dataset.schema.to_toml()?).map_err(|e| Error::io(out, &e))?;
    output::result(&format!("{}: {} columns", out.display(), dataset.schema.rows().len()))
}

/// The schema as a table of so many columns, a line a column of the data.
pub(super) fn table(schema: &Schema, columns: usize) -> String {
    const SHOWN: usize = 60;
    let header = ["column", "kind", "values", "missing", "what is done"].map(|name| (name, Side::Left));
    let all = schema.rows();
    let mut rows: Vec<Vec<String>> = all.iter().take(SHOWN).map(|row| row.to_vec()).collect();
    if all.len() > SHOWN {
        rows.push(vec![format!("and {} more", all.len() - SHOWN)]);
    }
    table::text(&header, &rows, columns)
}
