//! `veilgrad devices`.

use super::{Global, output};
use crate::error::Result;
use crate::gpu::{AdapterSummary, Context, adapters};
use crate::report::class;

pub(super) fn run(global: &Global) -> Result<()> {
    let mut adapters = adapters(global.asked());
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
    let mut lines = Vec::new();
    for (index, adapter) in adapters.iter().enumerate() {
        let conforms =
            if adapter.not_conformant { "  (not conformant: taken only where it is named)" } else { "" };
        let taken = if adapter.default { "  (taken; choose another with --adapter)" } else { "" };
        lines.push(format!("{index}  {}{conforms}{taken}", adapter.name));
        lines.push(format!("   {}, {}; driver: {}", adapter.backend, class(adapter.kind), adapter.driver));
        lines.push(format!(
            "   a binding of at most {}, a buffer of {}; workgroups of {} and {} threads; {}, {}",
            size(adapter.max_binding_bytes),
            size(adapter.max_buffer_bytes),
            size(u64::from(adapter.workgroup_bytes)),
            adapter.invocations,
            match adapter.subgroup {
                Some(size) => format!("subgroups of {size}"),
                None => "no subgroups of one size".to_owned(),
            },
            if adapter.timestamps { "timestamps" } else { "no timestamps" },
        ));
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
    fn an_adapter_is_three_lines_and_the_taken_one_says_so() {
        let adapter = |name: &str, default: bool| AdapterSummary {
            name: name.to_owned(),
            backend: "vulkan".to_owned(),
            kind: crate::graph::Class::Software,
            driver: "Mesa 25".to_owned(),
            max_binding_bytes: 128 << 20,
            max_buffer_bytes: 1 << 31,
            workgroup_bytes: 32 << 10,
            invocations: 1024,
            subgroup: default.then_some(8),
            int64: default,
            timestamps: default,
            not_conformant: false,
            webgpu_limits: false,
            default,
        };
        assert_eq!(
            text(&[adapter("a", false), adapter("b", true)]),
            "\
0  a
   vulkan, software; driver: Mesa 25
   a binding of at most 128 MiB, a buffer of 2 GiB; workgroups of 32 KiB and 1024 threads; no subgroups of \
   one size, no timestamps
1  b  (taken; choose another with --adapter)
   vulkan, software; driver: Mesa 25
   a binding of at most 128 MiB, a buffer of 2 GiB; workgroups of 32 KiB and 1024 threads; subgroups of 8, \
   timestamps"
        );
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(
            [0, 1023, 32 << 10, 3 << 29, u64::from(u32::MAX)].map(size),
            ["0 B", "1023 B", "32 KiB", "1.5 GiB", "4.0 GiB"]
        );
        assert_eq!(size(u64::MAX), "16777216 TiB");
    }
}
