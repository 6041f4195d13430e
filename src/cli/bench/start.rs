//! `veilgrad bench start`: this program started again and again, and how long it is until its first step is
//! done.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::cli::{Global, output};
use crate::error::{Error, Kind, Result};
use crate::lab::steps::{CASES, FirstStep, StartTime, StepCase, first_step};
use crate::run::config::TuningConfig;

/// Starts with warm caches, after the cold one.
const WARM: usize = 5;

/// Starts `case` with empty caches, then with full ones.
pub(super) fn start(case: &StepCase<'_>, global: &Global) -> Result<StartTime> {
    let caches = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), &e))?;
    let run = || child(case, global, caches.path());
    let (cold_seconds, cold_parts) = run()?;
    let mut warm = (0..WARM).map(|_| run()).collect::<Result<Vec<_>>>()?;
    warm.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (warm_seconds, warm_parts) = warm.swap_remove(WARM / 2);
    Ok(StartTime { name: case.name.to_owned(), cold_seconds, warm_seconds, cold_parts, warm_parts })
}

/// Seconds until the child's line, and the line.
fn child(case: &StepCase<'_>, global: &Global, caches: &std::path::Path) -> Result<(f64, FirstStep)> {
    let fault = |what: String| Error::new(Kind::Io, "a second start of this program").found(what);
    let program = std::env::current_exe().map_err(|e| fault(e.to_string()))?;
    let mut command = Command::new(program);
    command.args(["bench", "start", "--once", "--untuned", case.name]);
    command.args(global.adapter.iter().flat_map(|name| ["--adapter", name.as_str()]));
    command.args(global.checked.then_some("--checked"));
    command.env("XDG_CACHE_HOME", caches).env("__GL_SHADER_DISK_CACHE_PATH", caches);
    command.env_remove("MESA_SHADER_CACHE_DIR").stdout(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|e| fault(e.to_string()))?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line).map_err(|e| fault(e.to_string()))?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let status = child.wait().map_err(|e| fault(e.to_string()))?;
    let parts = serde_json::from_str(&line).map_err(|_| fault(format!("{status} and `{}`", line.trim())))?;
    Ok((seconds, parts))
}

/// The first step of the case of this name; its times as one line of JSON.
pub(super) fn once(name: &str, global: &Global) -> Result<()> {
    let started = Instant::now();
    let case = CASES.iter().find(|case| case.name == name).unwrap_or(&CASES[0]);
    let (context, _) = global.open(&TuningConfig::default())?;
    let parts = first_step(&context, case, started)?;
    output::exact(&serde_json::json!(parts).to_string())
}
