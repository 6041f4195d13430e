//! Which kernel variants a run uses: those it was begun with, else those that `veilgrad tune` stored for the
//! adapter, else the adapter's defaults. Never measured here.

use super::tune::{Stored, stored};
use crate::error::Result;
use crate::gpu::{AdapterSummary, Context, Options};
use crate::run::config::TuningConfig;

/// How results and `run.toml` name an adapter and its driver.
fn identity(adapter: &AdapterSummary) -> String {
    format!("{}, {}", adapter.name, adapter.driver)
}

impl TuningConfig {
    /// What `context` uses.
    pub fn of(context: &Context) -> Self {
        TuningConfig { adapter: identity(context.adapter()), choices: context.choices().clone() }
    }
}

/// Opens a device with the variants that `recorded` holds for its adapter, else with the stored ones unless
/// `untuned`. Also says in words which ones they are.
///
/// # Errors
/// As [`Context::new`].
pub fn open(options: &Options, recorded: &TuningConfig, untuned: bool) -> Result<(Context, String)> {
    let mut context = Context::new(options)?;
    let default = format!("the adapter's defaults ({})", context.target().tile.name());
    let counted = |n: usize| match n {
        0 => default.clone(),
        1 => format!("{default}, but for 1 shape class"),
        n => format!("{default}, but for {n} shape classes"),
    };
    let words = if recorded.adapter == identity(context.adapter()) {
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
    Ok((context, format!("kernel variants: {words}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::Choices;
    use crate::graph::Tile;

    #[test]
    fn a_run_keeps_its_variants_on_its_adapter_and_not_on_another() {
        let plain = Context::new(&Options::default()).expect("a GPU adapter");
        let mut choices = Choices::default();
        choices.insert("dense", "L×L", Tile::Register);
        let own = TuningConfig { adapter: identity(plain.adapter()), choices: choices.clone() };
        let (context, words) = open(&Options::default(), &own, true).unwrap();
        assert_eq!(TuningConfig::of(&context), own);
        assert!(words.contains("as recorded with the run") && words.contains("1 shape class"), "{words}");

        let other = TuningConfig { adapter: "another, 1.0".into(), choices };
        let (context, words) = open(&Options::default(), &other, true).unwrap();
        assert!(context.choices().is_empty(), "{words}");
    }
}
