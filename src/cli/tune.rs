//! `veilgrad tune`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Global, output};
use crate::error::{Error, Kind, Result};
use crate::gpu::Context;
use crate::lab::tune::{self, Table};
use crate::report::table::{self, Side};

/// Finds this adapter's fastest kernel variants and stores them for training.
///
/// Every variant is first compared with the double-precision reference, then timed at the shapes of the
/// real networks. Training uses the stored choices from then on and says so; run.toml records them. Other
/// variants add up in another order: a run is repeated bit for bit only with the variants that it had.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  veilgrad tune --export tuning.toml")]
pub(super) struct TuneArgs {
    /// Write the table, all candidates' times included, to this file too.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Records a batch.
    #[arg(long, value_name = "B,…", value_delimiter = ',', default_values_t = tune::BATCHES)]
    batch: Vec<usize>,
}

pub(super) fn run(args: &TuneArgs, global: &Global) -> Result<()> {
    let context = Context::new(&global.gpu_options())?;
    let adapter = context.adapter();
    let place = tune::place(adapter).ok_or_else(|| {
        Error::new(Kind::Io, "the user's cache directory").expected("a home directory").found("none")
    })?;
    if !global.quiet {
        output::note(&format!("adapter: {}, {}", adapter.name, adapter.driver));
    }
    let table = tune::tune(&context, &args.batch, super::seed(), &mut |done| {
        if !global.quiet {
            output::note(done);
        }
    })?;
    for path in [Some(&place), args.export.as_ref()].into_iter().flatten() {
        table.save(path)?;
    }
    let regret = table.regret(context.target().tile);
    if global.json {
        return output::json(&json!({ "stored": place, "regret": regret, "table": table }));
    }
    output::result(&format!(
        "{}\nchosen beside the default, {}: {}\nwithout them all shapes together take {:.2} times as long, the \
         worst {:.2} times\nstored: {}",
        text(&table, &context),
        context.target().tile.name(),
        if table.choices.is_empty() {
            "nothing".to_owned()
        } else {
            Vec::from(table.choices.clone()).join(", ")
        },
        regret.overall,
        regret.worst,
        place.display()
    ))
}

/// A line a shape, a column a variant; the chosen one is marked.
fn text(table: &Table, context: &Context) -> String {
    let tiles = context.target().tiles();
    let mut rows: Vec<Vec<String>> = vec![];
    for own in table.candidates.iter().filter(|c| c.tile == context.target().tile) {
        let chosen = table.choices.of(&own.family, &own.class).unwrap_or(own.tile);
        let mut row = vec![own.family.clone(), own.class.clone(), own.shape.clone()];
        row.extend(tiles.iter().map(|&tile| {
            let one = table
                .candidates
                .iter()
                .find(|c| c.family == own.family && c.shape == own.shape && c.tile == tile);
            match one.map(|c| c.microseconds) {
                None => String::new(),
                Some(None) => "failed".to_owned(),
                Some(Some(time)) => format!("{time:.0}{}", if tile == chosen { " *" } else { "" }),
            }
        }));
        rows.push(row);
    }
    let mut header = vec![("kernel", Side::Left), ("class", Side::Left), ("operands", Side::Left)];
    header.extend(tiles.iter().map(|tile| (tile.name(), Side::Right)));
    format!("microseconds; *: chosen\n{}", table::text(&header, &rows))
}
