//! `veilgrad devices`.

use super::{Global, output};
use crate::error::Result;
use crate::gpu::{AdapterSummary, Context, adapters};
use crate::report::class;
use crate::report::table::{self, Side};

pub(super) fn run(global: &Global) -> Result<()> {
    let mut adapters = adapters();
    if adapters.is_empty() || global.adapter.is_some() {
        // Opening says what to install or which adapters there are, and which one is taken.
        let context = Context::new(&global.gpu_options())?;
        for adapter in &mut adapters {
            adapter.default = AdapterSummary { default: false, ..adapter.clone() }
                == AdapterSummary { default: false, ..context.adapter().clone() };
        }
    }
    if global.json {
        return output::json(&adapters);
    }
    output::result(&text(&adapters))
}

fn text(adapters: &[AdapterSummary]) -> String {
    let header = [
        ("", Side::Right),
        ("adapter", Side::Left),
        ("backend", Side::Left),
        ("kind", Side::Left),
        ("binding", Side::Right),
        ("buffer", Side::Right),
        ("workgroup", Side::Left),
        ("subgroup", Side::Right),
        ("timestamps", Side::Left),
    ];
    let row = |(index, adapter): (usize, &AdapterSummary)| {
        vec![
            index.to_string(),
            adapter.name.clone(),
            adapter.backend.clone(),
            class(adapter.kind).to_owned(),
            size(adapter.max_binding_bytes),
            size(adapter.max_buffer_bytes),
            format!("{}, {} threads", size(u64::from(adapter.workgroup_bytes)), adapter.invocations),
            adapter.subgroup.map_or("–".to_owned(), |size| size.to_string()),
            if adapter.timestamps { "yes" } else { "no" }.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = adapters.iter().enumerate().map(row).collect();
    let mut lines = vec![table::text(&header, &rows), String::new()];
    for (index, adapter) in adapters.iter().enumerate() {
        lines.push(format!("driver of {index}: {}", adapter.driver));
    }
    if let Some((index, adapter)) = adapters.iter().enumerate().find(|(_, adapter)| adapter.default) {
        lines.push(format!("taken: {index} ({}); choose another with --adapter", adapter.name));
    }
    lines.join("\n")
}

/// `bytes` in the largest unit that leaves at least 1.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (bytes.max(1).ilog2() / 10).min(4);
    let value = bytes as f64 / 2f64.powi(10 * unit as i32);
    let digits = usize::from(value.fract() != 0.0);
    format!("{value:.digits$} {}", UNITS[unit as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_readable() {
        assert_eq!([0, 1023, 32 << 10, 3 << 29, u64::from(u32::MAX)].map(size), [
            "0 B", "1023 B", "32 KiB", "1.5 GiB", "4.0 GiB"
        ]);
        assert_eq!(size(u64::MAX), "16777216 TiB");
    }
}
