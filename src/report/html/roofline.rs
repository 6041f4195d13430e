//! A page of kernels by the clock: a roofline, and the numbers below it.
//!
//! Source of the figure: Williams, Waterman and Patterson, "Roofline: an insightful visual performance model",
//! Communications of the ACM, 2009. Not the numbers, which [`crate::lab::kernels`] measured.

use super::escape::escape;
use super::figures::figure;
use super::plot::{Axis, COLORS, Labels, Layer, svg};
use super::table::{Set, table};
use crate::error::Result;
use crate::lab::kernels::{KernelGroup, KernelTime};
use crate::lab::measurements::{Measured, Measurements};
use crate::report::labels::count;

/// The page of the kernels in `measurements`; of steps and starts it shows nothing.
///
/// # Errors
/// None that numbers can cause.
pub fn roofline(measurements: &Measurements) -> Result<String> {
    let title = "Kernels";
    let adapter = &measurements.adapter;
    let mut body = vec![
        format!("<h1>{title}</h1>"),
        format!(
            "<p class=\"soft\">{}, {}; veilgrad {}; {}</p>",
            escape(&adapter.name),
            escape(&adapter.driver),
            escape(&measurements.veilgrad),
            escape(&measurements.variants)
        ),
    ];
    for result in &measurements.results {
        if let Measured::Kernels(group) = result {
            body.push(section(group)?);
        }
    }
    Ok(super::shell(title, &body.join("\n")))
}

fn section(group: &KernelGroup) -> Result<String> {
    let moved = match group.ceilings_moved {
        true => {
            "<p class=\"note\">A ceiling moved by more than 10% while these were timed: something else ran, and the \
             fractions are doubtful.</p>"
        }
        false => "",
    };
    let figure = match points(group)? {
        Some(figure) => format!("<div class=\"figures\">{figure}</div>"),
        None => String::new(),
    };
    let heading = format!("<h2>Batch {}, {}</h2>", group.batch, count(group.replicas, "model"));
    Ok(format!("<section>{heading}{moved}{figure}{}</section>", numbers(&group.kernels)))
}

/// Of a logarithm to base 10.
fn number(value: f64) -> String {
    let value = 10f64.powf(value);
    if value < 1.0 { format!("{value:.2}") } else { format!("{}", value.round()) }
}

/// Kernels whose operations are counted, below the ceilings.
fn points(group: &KernelGroup) -> Result<Option<String>> {
    let counted: Vec<&KernelTime> = group.kernels.iter().filter(|k| k.flops > 0.0 && k.bytes > 0.0).collect();
    let mut ops: Vec<&str> = vec![];
    for kernel in &counted {
        if !ops.contains(&kernel.op.as_str()) {
            ops.push(&kernel.op);
        }
    }
    if counted.is_empty() {
        return Ok(None);
    }
    let [before, after] = group.ceilings;
    let (peak, memory) = (before.gflops.max(after.gflops), before.gigabytes.max(after.gigabytes));
    let rate = |kernel: &KernelTime, us: f64| (kernel.flops / us / 1e3).log10();
    let intensity = |kernel: &KernelTime| (kernel.flops / kernel.bytes).log10();
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ridge = (peak / memory).log10();
    let (left, right) = ends(&mut counted.iter().map(|k| intensity(k)).chain([ridge]));
    let (x, slow) = (left.floor()..right.ceil().max(left.floor() + 1.0), &mut counted.iter());
    let (low, _) = ends(&mut slow.map(|k| rate(k, k.max_microseconds)));
    let y = low.floor()..peak.log10().ceil().max(low.floor() + 1.0);
    // Where the slope leaves the figure below or on its left.
    let enters = x.start.max(y.start - memory.log10());
    let roof = [(enters, enters + memory.log10()), (ridge, peak.log10()), (x.end, peak.log10())];
    let mut layers = vec![Layer::Line(None, roof.to_vec())];
    for kernel in &counted {
        let series = ops.iter().position(|op| *op == kernel.op).unwrap_or(0) % COLORS;
        let at = |us: f64| (intensity(kernel), rate(kernel, us));
        let bar = [at(kernel.max_microseconds), at(kernel.min_microseconds)];
        layers.push(Layer::Dot(series, at(kernel.microseconds), bar, String::new()));
    }
    let mut legend: Vec<(Option<usize>, String)> =
        ops.iter().enumerate().map(|(i, op)| (Some(i), (*op).to_owned())).collect();
    legend.push((None, format!("ceilings: {peak:.0} GFLOP/s, {memory:.0} GB/s")));
    let axis = |title: &str, range: &std::ops::Range<f64>, label| Axis {
        title: title.to_owned(),
        range: range.clone(),
        labels: Labels::Numbers((range.end - range.start) as usize + 1, label),
    };
    let plot = svg(
        "each kernel's rate by its operations a byte, below the measured ceilings",
        &axis("operations a byte", &x, number),
        &axis("GFLOP/s", &y, number),
        &layers,
    )?;
    let caption = "Both axes are logarithmic. A byte counts once for each tensor that has it, however often it is \
        loaded: a kernel far below the roof wastes loads, barriers or lanes. Bars: the fastest and the slowest \
        round. Kernels that mostly move bytes are in the table alone.";
    Ok(Some(figure("Roofline", &plot, &legend, caption)))
}

fn numbers(kernels: &[KernelTime]) -> String {
    let columns = [
        ("operation", Set::Left),
        ("variant", Set::Left),
        ("operands", Set::Words),
        ("µs", Set::Number),
        ("rounds", Set::Number),
        ("operations a byte", Set::Number),
        ("rate", Set::Number),
        ("of ceiling", Set::Number),
    ];
    let rows: Vec<Vec<String>> = kernels
        .iter()
        .map(|k| {
            vec![
                escape(&k.op),
                escape(&k.variant),
                escape(&k.shape),
                format!("{:.0}", k.microseconds),
                format!("{:.0} to {:.0}", k.min_microseconds, k.max_microseconds),
                if k.flops > 0.0 { format!("{:.1}", k.flops / k.bytes) } else { "–".to_owned() },
                k.rate(),
                format!("{:.0}%", 100.0 * k.fraction),
            ]
        })
        .collect();
    table(&columns, &rows, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::kernels::Ceiling;

    fn kernel(op: &str, flops: f64, fraction: f64) -> KernelTime {
        KernelTime {
            op: op.to_owned(),
            variant: "<b>".to_owned(),
            shape: "1×1".to_owned(),
            replicas: 1,
            microseconds: 10.0,
            min_microseconds: 9.0,
            max_microseconds: 12.0,
            spread: 0.1,
            flops,
            bytes: 1e4,
            gflops: (flops > 0.0).then_some(flops / 1e4),
            gigabytes: (flops == 0.0).then_some(1.0),
            fraction,
        }
    }

    #[test]
    fn a_group_has_a_roof_and_a_point_for_each_kernel_that_is_counted() {
        let group = KernelGroup {
            batch: 128,
            replicas: 1,
            ceilings: [Ceiling { gflops: 50.0, gigabytes: 10.0 }, Ceiling { gflops: 60.0, gigabytes: 9.0 }],
            ceilings_moved: true,
            kernels: vec![kernel("dense", 4e5, 0.7), kernel("conv2d", 1e5, 0.2), kernel("softmax", 0.0, 0.5)],
        };
        let html = section(&group).unwrap();
        assert_eq!(html.matches("<circle").count(), 2, "{html}");
        for part in ["moved by more than 10%", "60 GFLOP/s, 10 GB/s", "&lt;b&gt;", "softmax", "40.0"] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }
}
