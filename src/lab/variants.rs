//! Which kernel variants a run uses: those it was begun with, else those that `veilgrad tune` stored for the
//! adapter, else the adapter's defaults. Never measured here.

use super::tune;
use super::tuning_table::{TuningTable, place};
use crate::error::Result;
use crate::gpu::{AdapterSummary, Context, Options};
use crate::ops::default_variant;
use crate::run::config::TuningConfig;
use std::path::PathBuf;

/// What there is for an adapter.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// Nobody has tuned here.
    Nothing,
    /// Measured with today's kernels: the file, and what is in it.
    Table(PathBuf, TuningTable),
    /// A file that is of no use, and why.
    Unusable(PathBuf, String),
}

/// The table that an earlier [`tune`](tune::tune) kept for this adapter and driver.
pub fn stored(adapter: &AdapterSummary) -> Stored {
    let Some(path) = place(adapter) else { return Stored::Nothing };
    let text = match std::fs::read_to_string(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Stored::Nothing,
        Err(e) => return Stored::Unusable(path, e.to_string()),
        Ok(text) => text,
    };
    match toml::from_str::<TuningTable>(&text) {
        Err(e) => Stored::Unusable(path, e.message().to_owned()),
        Ok(table) if table.kernels != tune::digest(&adapter.target()) => {
            Stored::Unusable(path, "it was measured with other versions of the kernels".to_owned())
        }
        Ok(table) => Stored::Table(path, table),
    }
}

/// The variants that a device was opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants {
    /// Which ones they are, as a line.
    pub words: String,
    /// Whether they are the adapter's defaults, and nothing else is to be said of them.
    pub default: bool,
}

/// Opens a device with the variants that `recorded` holds for its adapter, else with the stored ones unless
/// `untuned`. Also says which ones they are.
///
/// # Errors
/// As [`Context::new`].
pub fn open(options: &Options, recorded: &TuningConfig, untuned: bool) -> Result<(Context, Variants)> {
    let mut context = Context::new(options)?;
    let default = format!("the adapter's defaults ({})", default_variant(&context.target()));
    let counted = |n: usize| match n {
        0 => default.clone(),
        1 => format!("{default}, but for 1 shape class"),
        n => format!("{default}, but for {n} shape classes"),
    };
    let words = if recorded.is_for(context.adapter()) {
        context.choose_variants(recorded.choices.clone());
        format!("as recorded with the run: {}", counted(context.choices().len()))
    } else if untuned {
        default.clone()
    } else {
        match stored(context.adapter()) {
            Stored::Nothing => default.clone(),
            Stored::Table(path, table) => {
                context.choose_variants(table.choices);
                format!("tuned, {}: {}", path.display(), counted(context.choices().len()))
            }
            Stored::Unusable(path, why) => {
                format!("{default}; {} is not used: {why}; run `veilgrad tune` again", path.display())
            }
        }
    };
    let default = words == default;
    Ok((context, Variants { words: format!("kernel variants: {words}"), default }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Choices;

    #[test]
    fn a_run_keeps_its_variants_on_its_adapter_and_not_on_another() {
        let plain = Context::new(&Options::default()).expect("a GPU adapter");
        let mut choices = Choices::default();
        choices.insert("dense", "L×L", "register");
        let own = TuningConfig { choices: choices.clone(), ..TuningConfig::of(&plain) };
        let (context, Variants { words, .. }) = open(&Options::default(), &own, true).unwrap();
        assert_eq!(TuningConfig::of(&context), own);
        assert!(words.contains("as recorded with the run") && words.contains("1 shape class"), "{words}");

        let other = TuningConfig { adapter: "another, 1.0".into(), choices };
        let (context, Variants { words, .. }) = open(&Options::default(), &other, true).unwrap();
        assert!(context.choices().is_empty(), "{words}");
    }
}
