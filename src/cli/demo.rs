//! `veilgrad demo`: the preset of that name, in a directory of its own.

use super::{Global, train};
use crate::error::Result;
use crate::train::config::Config;
use crate::train::preset;

pub(super) fn run(global: &Global) -> Result<()> {
    let config = Config::resolve(&[preset::named("demo")?.layer()])?;
    train::start(&config, None, false, global)
}
