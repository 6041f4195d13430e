//! `veilgrad check`.

use serde_json::json;

use super::{Global, keeping, output};
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::lab::check::{self, Line};

pub(super) fn run(global: &Global) -> Result<()> {
    let context = Context::new(&global.gpu_options())?;
    let adapter = context.adapter();
    if !global.json && !global.quiet {
        output::note(&format!("adapter: {} ({})", adapter.name, adapter.backend));
        output::note("the worst error of each kernel, as a multiple of what is allowed");
    }
    let mut lines: Vec<Line> = Vec::new();
    let mut written = Ok(());
    let passed = check::run(&context, super::seed(), &mut |line: &Line| {
        // A line as soon as it is known: all of them take a while.
        if !global.json && written.is_ok() && (!global.quiet || !line.passed) {
            written = output::result(&text(line));
        }
        lines.push(line.clone());
    })
    .map_err(keeping("of the kernels that are not printed nothing is known"))?;
    written?;
    if global.json {
        output::json(&json!({
            "adapter": adapter,
            "passed": passed,
            "kernels": lines.iter().map(|line| json!({
                "op": line.op,
                "tile": line.variant,
                "cases": line.cases,
                "worst": line.worst,
                "passed": line.passed,
                "detail": line.detail,
            })).collect::<Vec<_>>(),
        }))?;
    }
    if global.quiet && !global.json && passed {
        let worst = lines.iter().max_by(|a, b| a.worst.total_cmp(&b.worst));
        let worst = worst.map_or(String::new(), |line| {
            format!("; the worst error is {:.3} of what is allowed: {} {}", line.worst, line.op, line.variant)
        });
        output::result(&format!("ok: {} kernels on {}{worst}", lines.len(), context.adapter().name))?;
    }
    let failed: Vec<&str> = lines.iter().filter(|l| !l.passed).map(|l| l.op.as_str()).collect();
    if passed && failed.is_empty() {
        return Ok(());
    }
    Err(Error::gpu(format!("adapter {}", adapter.name))
        .expected("every kernel within its tolerance of the reference")
        .found(format!("{} of {} outside: {}", failed.len(), lines.len(), failed.join(", ")))
        .advice("update the driver, or choose another adapter; results of this one cannot be trusted"))
}

fn text(line: &Line) -> String {
    let Line { op, variant, cases, worst, passed, detail } = line;
    let verdict = if *passed { "ok" } else { "FAILED" };
    let mut text = format!("{verdict:<6}  {op:<16}  {variant:<9}  {cases:>3} cases  {worst:>8.3}");
    if !detail.is_empty() {
        text.push_str("  ");
        text.push_str(detail);
    }
    text
}
