//! `veilgrad bench start`: this program started again and again, and how long it is until its first step is
//! done.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Serialize;

use crate::cli::{Global, output};
use crate::error::{Error, Kind, Result};
use crate::lab::steps::{CASES, StepCase, first_step};
use crate::run::config::TuningConfig;

/// Starts with warm caches, after the cold one.
const WARM: usize = 5;

/// Seconds from the start of the process.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Start {
    name: String,
    /// Until the first step's end was heard of, all caches empty.
    cold_seconds: f64,
    /// The same with full caches, the median.
    warm_seconds: f64,
    /// What the cold and a warm start said of themselves: when the device was open, when all plans were made,
    /// when the step was done.
    cold_parts: serde_json::Value,
    warm_parts: serde_json::Value,
}

/// Starts `case` with empty caches, then with full ones.
pub(super) fn start(case: &StepCase, global: &Global) -> Result<Start> {
    let caches = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), &e))?;
    let run = || child(case, global, caches.path());
    let (cold_seconds, cold_parts) = run()?;
    let mut warm = (0..WARM).map(|_| run()).collect::<Result<Vec<_>>>()?;
    warm.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (warm_seconds, warm_parts) = warm.swap_remove(WARM / 2);
    Ok(Start { name: case.name.to_owned(), cold_seconds, warm_seconds, cold_parts, warm_parts })
}

/// Seconds until the child's line, and the line.
fn child(case: &StepCase, global: &Global, caches: &std::path::Path) -> Result<(f64, serde_json::Value)> {
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

impl Start {
    pub(super) fn text(&self) -> String {
        let part = |parts: &serde_json::Value, name: &str| parts[name].as_f64().unwrap_or(f64::NAN);
        let line = |seconds: f64, parts: &serde_json::Value| {
            let (device, plans) = (part(parts, "device"), part(parts, "plans"));
            let step = part(parts, "step");
            format!(
                "{seconds:.2} s (device {device:.2}, data and plans {:.2}, step {:.2})",
                plans - device,
                step - plans
            )
        };
        let Start { name, cold_seconds, warm_seconds, cold_parts, warm_parts } = self;
        let (cold, warm) = (line(*cold_seconds, cold_parts), line(*warm_seconds, warm_parts));
        format!("{name}: from the start to the first finished step\n  cold {cold}\n  warm {warm}")
    }
}
