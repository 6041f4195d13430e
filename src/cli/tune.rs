//! `veilgrad tune`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Global, keeping, output};
use crate::error::{Error, Kind, Result};
use crate::gpu::Context;
use crate::lab::tune;
use crate::lab::tuning_table::{TuningTable, by_shape, place};
use crate::lab::variants::{Stored, stored};
use crate::ops::default_variant;
use crate::report::table::{self, Side};

/// Finds this adapter's fastest kernel variants and stores them for training.
///
/// Every variant is first compared with the double-precision reference, then timed at the shapes of the
/// real networks. Training uses the stored choices from then on and says so; run.toml records them. Other
/// variants add up in another order: a run is repeated bit for bit only with the variants that it had.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  veilgrad tune --export tuning.toml\n  veilgrad tune --op dense,dense_dw"
)]
pub(super) struct TuneArgs {
    /// Write the table, all candidates' times included, to this file too.
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Only these operations; what is stored of others is kept.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    op: Vec<String>,
    /// Records a batch.
    #[arg(long, value_name = "B,…", value_delimiter = ',', default_values_t = tune::BATCHES)]
    batch: Vec<usize>,
}

pub(super) fn run(args: &TuneArgs, global: &Global) -> Result<()> {
    let context = Context::new(&global.gpu_options())?;
    let adapter = context.adapter();
    let path = place(adapter).ok_or_else(|| {
        Error::new(Kind::Io, "the user's cache directory").expected("a home directory").found("none")
    })?;
    if !global.quiet {
        output::note(&format!("adapter: {}, {}", adapter.name, adapter.driver));
    }
    let mut tuned = tune::tune(&context, &args.op, &args.batch, super::seed(), &mut |done| {
        if !global.quiet {
            output::note(done);
        }
    })
    .map_err(keeping("nothing was stored, and what was stored before is kept"))?;
    if let Stored::Table(_, earlier) = stored(adapter) {
        tuned = tuned.with_others_of(earlier);
    }
    for path in [Some(&path), args.export.as_ref()].into_iter().flatten() {
        tuned.save(path)?;
    }
    let regret = tuned.regret();
    if global.json {
        return output::json(&json!({ "stored": path, "regret": regret, "table": tuned }));
    }
    output::result(&format!(
        "{}\nchosen beside the default, {}: {}\nwithout them all shapes together take {:.2} times as long, \
         the worst {:.2} times\nstored: {}",
        text(&tuned),
        default_variant(&context.target()),
        if tuned.choices.is_empty() {
            "nothing".to_owned()
        } else {
            Vec::from(tuned.choices.clone()).join(", ")
        },
        regret.overall,
        regret.worst,
        path.display()
    ))
}

/// A line a shape, a column a variant; the chosen one is marked.
fn text(tuned: &TuningTable) -> String {
    let mut names: Vec<&str> = vec![];
    for candidate in &tuned.candidates {
        if !names.contains(&candidate.variant.as_str()) {
            names.push(&candidate.variant);
        }
    }
    let rows: Vec<Vec<String>> = by_shape(&tuned.candidates)
        .map(|shape| {
            let chosen = tuned.chosen(shape);
            let times = names.iter().map(|name| {
                let one = shape.iter().find(|candidate| candidate.variant == *name);
                match one.map(|candidate| candidate.microseconds) {
                    None => String::new(),
                    Some(None) => "failed".to_owned(),
                    Some(Some(time)) => {
                        format!("{time:.0}{}", if chosen.variant == *name { " *" } else { "" })
                    }
                }
            });
            let first = &shape[0];
            [&first.family, &first.class, &first.shape].into_iter().cloned().chain(times).collect()
        })
        .collect();
    let mut header = vec![("kernel", Side::Left), ("class", Side::Left), ("operands", Side::Left)];
    header.extend(names.iter().map(|name| (*name, Side::Right)));
    format!("microseconds; *: chosen\n{}", table::text(&header, &rows, output::columns(table::UNBROKEN)))
}
