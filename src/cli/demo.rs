//! `veilgrad demo`: the preset of that name, in a directory of its own.

use super::{Global, train};
use crate::error::Result;
use crate::run::config::Config;
use crate::run::preset;

pub(super) fn run(global: &Global) -> Result<()> {
    let config = Config::resolve(&[preset::named("demo")?.layer()])?;
    train::start(&config, None, false, global)
}
