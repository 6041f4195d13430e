//! The results of `veilgrad bench` as text.

use std::path::Path;

use crate::cli::output;
use crate::graph::Work;
use crate::lab::kernels::{KernelGroup, rate};
use crate::lab::measurements::{Measurements, Ratio, mean};
use crate::lab::steps::{FirstStep, StartTime, StepTime};
use crate::report::labels::count;
use crate::report::table::{self, Side};

/// Kernels of a step that are shown.
const SHOWN: usize = 12;

pub(super) fn kernels(group: &KernelGroup) -> String {
    let rows: Vec<Vec<String>> = group
        .kernels
        .iter()
        .map(|t| {
            vec![
                t.op.clone(),
                t.variant.clone(),
                t.shape.clone(),
                format!("{:.0}", t.microseconds),
                format!("{:.0} to {:.0}", t.min_microseconds, t.max_microseconds),
                t.rate(),
                format!("{:.0}%", 100.0 * t.fraction),
            ]
        })
        .collect();
    let header = [
        ("kernel", Side::Left),
        ("variant", Side::Left),
        ("operands", Side::Left),
        ("µs", Side::Right),
        ("rounds", Side::Right),
        ("rate", Side::Right),
        ("of ceiling", Side::Right),
    ];
    let [before, after] = group.ceilings;
    let moved = match group.ceilings_moved {
        true => "; they MOVED by more than 10%: something else ran, measure again",
        false => "",
    };
    format!(
        "batch {}, {}; ceilings before and after: {:.1} and {:.1} GFLOP/s, {:.1} and {:.1} GB/s{moved}\n{}\n",
        group.batch,
        count(group.replicas, "model"),
        before.gflops,
        after.gflops,
        before.gigabytes,
        after.gigabytes,
        table::text(&header, &rows, output::columns(table::UNBROKEN))
    )
}

pub(super) fn step(time: &StepTime) -> String {
    let StepTime { name, replicas, group, members, batch, steps_an_epoch, .. } = time;
    let seconds: Vec<String> = time.epoch_seconds.iter().map(|s| format!("{s:.2}")).collect();
    let models = count(*replicas, "model");
    let total: f64 = time.kernels.iter().map(|k| k.milliseconds).sum();
    let turns = if group < replicas { format!(" in groups of {group}") } else { String::new() };
    let settings: String = time.settings.iter().map(|setting| format!(", {setting}")).collect();
    let data = if time.data.is_empty() { String::new() } else { format!(" of {}", time.data) };
    let head = format!(
        "{name}, {models}{turns}, batch {batch}{settings}: {:.2} ms a step, {:.2} a model, {} dispatches a \
         group\n  {:.1} MB of GPU memory, {:.1} MB of it for intermediate results\n  epochs of {members} \
         records{data}, {steps_an_epoch} steps: {} s; {:.1} submissions and {:.2} MB read back an epoch\n  each \
         dispatch alone, {total:.2} ms in all; the adapter at best: {:.1} GFLOP/s, {:.1} GB/s\n",
        time.step_milliseconds,
        time.step_milliseconds / *replicas as f64,
        time.dispatches,
        time.memory_bytes as f64 / 1e6,
        time.scratch_bytes as f64 / 1e6,
        seconds.join(", "),
        time.submissions_an_epoch,
        time.bytes_read_an_epoch / 1e6,
        time.ceiling.gflops,
        time.ceiling.gigabytes,
    );
    let rows: Vec<Vec<String>> = time
        .kernels
        .iter()
        .take(SHOWN)
        .map(|share| {
            let work = Work { flops: share.flops, bytes: share.bytes };
            vec![
                format!("{:.3}", share.milliseconds),
                format!("{:.1}%", 100.0 * share.milliseconds / total),
                share.count.to_string(),
                share.kernel.clone(),
                format!("{:.2}", share.bytes / 1e6),
                format!("{:.1}", share.flops / 1e6),
                rate(work, share.milliseconds / 1e3),
                share.bound.name().to_owned(),
            ]
        })
        .collect();
    let header = [
        ("ms", Side::Right),
        ("part", Side::Right),
        ("×", Side::Right),
        ("kernel", Side::Left),
        ("MB", Side::Right),
        ("MFLOP", Side::Right),
        ("rate", Side::Right),
        ("bound by", Side::Left),
    ];
    format!("{head}{}\n", table::text(&header, &rows, output::columns(table::UNBROKEN)))
}

pub(super) fn start(start: &StartTime) -> String {
    let line = |seconds: f64, parts: &FirstStep| {
        let FirstStep { device, plans, step } = parts;
        format!(
            "{seconds:.2} s (device {device:.2}, data and plans {:.2}, step {:.2})",
            plans - device,
            step - plans
        )
    };
    let (cold, warm) =
        (line(start.cold_seconds, &start.cold_parts), line(start.warm_seconds, &start.warm_parts));
    format!("{}: from the start to the first finished step\n  cold {cold}\n  warm {warm}", start.name)
}

pub(super) fn ratios(files: &[(&Path, &Measurements); 2], ratios: &[Ratio]) -> String {
    let of = |(path, m): &(&Path, &Measurements)| {
        format!("{}: {}, {}; veilgrad {}", path.display(), m.adapter.name, m.adapter.driver, m.veilgrad)
    };
    let rows: Vec<Vec<String>> = ratios
        .iter()
        .map(|r| {
            vec![
                r.what.clone(),
                format!("{:.3}", 1e3 * r.first),
                format!("{:.3}", 1e3 * r.second),
                format!("{:.2}", r.ratio),
                format!("{:.2} to {:.2}", r.range[0], r.range[1]),
            ]
        })
        .collect();
    let header = [
        ("what", Side::Left),
        ("A, ms", Side::Right),
        ("B, ms", Side::Right),
        ("B / A", Side::Right),
        ("range", Side::Right),
    ];
    format!(
        "A  {}\nB  {}\n\n{}\n\ngeometric mean of {}: {:.3}; below 1, B is faster",
        of(&files[0]),
        of(&files[1]),
        table::text(&header, &rows, output::columns(table::UNBROKEN)),
        ratios.len(),
        mean(ratios)
    )
}

pub(super) fn operations(operations: &[(&'static str, Vec<&'static str>)]) -> String {
    let rows: Vec<Vec<String>> =
        operations.iter().map(|(op, variants)| vec![(*op).to_owned(), variants.join(", ")]).collect();
    let header = [("operation", Side::Left), ("variants on this adapter", Side::Left)];
    table::text(&header, &rows, output::columns(table::UNBROKEN))
}
