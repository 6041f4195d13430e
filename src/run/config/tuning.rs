//! Which kernel variants a run was begun with: filled in from the device. Not which ones it shall use: that
//! is `lab::variants`.

use super::TuningConfig;
use crate::gpu::{AdapterSummary, Context};

/// How results and `run.toml` name an adapter and its driver.
fn identity(adapter: &AdapterSummary) -> String {
    format!("{}, {}", adapter.name, adapter.driver)
}

impl TuningConfig {
    /// What `context` uses.
    pub fn of(context: &Context) -> Self {
        TuningConfig { adapter: identity(context.adapter()), choices: context.choices().clone() }
    }

    /// Whether it is for this adapter and driver.
    pub fn is_for(&self, adapter: &AdapterSummary) -> bool {
        self.adapter == identity(adapter)
    }
}
