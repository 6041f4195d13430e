//! Which adapters there are, and which one to take.

use super::advice;
use super::limits::Asked;
use crate::error::{Error, Result};
use crate::graph::{Class, Target};

/// An adapter as results name it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct AdapterSummary {
    /// As the driver gives it: `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub name: String,
    /// vulkan, metal, dx12.
    pub backend: String,
    /// software, integrated or discrete.
    pub kind: Class,
    /// The driver's name and version.
    pub driver: String,
    /// Largest buffer binding, in bytes.
    pub max_binding_bytes: u64,
    /// Largest buffer, in bytes.
    pub max_buffer_bytes: u64,
    /// Workgroup memory, in bytes.
    pub workgroup_bytes: u32,
    /// Invocations a workgroup.
    pub invocations: u32,
    /// Subgroup size, where there are subgroups and they have one size only.
    pub subgroup: Option<u32>,
    /// 64-bit integers in shaders.
    pub int64: bool,
    /// GPU timestamps for profiling.
    pub timestamps: bool,
    /// Whether its driver does not claim to conform to its API's specification (WSL2's dzn): taken only where
    /// it is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_conformant: bool,
    /// Whether it is asked for WebGPU's default limits only, and runs the kernels of hardware.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub webgpu_limits: bool,
    /// Whether it is the one taken without `--adapter`.
    pub default: bool,
}

impl AdapterSummary {
    /// What launches may use of it.
    pub fn target(&self) -> Target {
        let class = match self.kind {
            Class::Software if self.webgpu_limits => Class::Integrated,
            kind => kind,
        };
        Target { class, subgroup: self.subgroup, int64: self.int64 }
    }
}

/// The APIs that compute here.
fn backends() -> wgpu::Backends {
    wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12
}

/// As the environment says beside that: WGPU_BACKEND, WGPU_VALIDATION and the others of wgpu.
fn instance(not_conformant_too: bool) -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends() & wgpu::Backends::from_env().unwrap_or(backends());
    let mut flags = wgpu::InstanceFlags::from_build_config();
    // Nothing is dispatched indirectly, and its check compiles a shader at every start.
    flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
    flags.set(wgpu::InstanceFlags::ALLOW_UNDERLYING_NONCOMPLIANT_ADAPTER, not_conformant_too);
    descriptor.flags = flags.with_env();
    descriptor.backend_options = descriptor.backend_options.with_env();
    wgpu::Instance::new(descriptor)
}

fn summary(adapter: &wgpu::Adapter, asked: Asked) -> AdapterSummary {
    let info = adapter.get_info();
    let (features, limits) = asked.of(adapter);
    let webgpu_limits = asked == Asked::WebGpu;
    // In the driver's name: what is recorded or tuned with them is for no other limits.
    let note = if webgpu_limits { " (asked for WebGPU's default limits)" } else { "" };
    let one_size = info.subgroup_min_size == info.subgroup_max_size && info.subgroup_min_size > 0;
    AdapterSummary {
        name: info.name.clone(),
        backend: info.backend.to_string(),
        kind: match info.device_type {
            wgpu::DeviceType::Cpu => Class::Software,
            wgpu::DeviceType::DiscreteGpu => Class::Discrete,
            _ => Class::Integrated,
        },
        driver: format!("{}{note}", format!("{} {}", info.driver, info.driver_info).trim()),
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        invocations: limits.max_compute_invocations_per_workgroup,
        subgroup: (features.contains(wgpu::Features::SUBGROUP) && one_size).then_some(info.subgroup_min_size),
        int64: features.contains(wgpu::Features::SHADER_INT64),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        not_conformant: false,
        webgpu_limits,
        default: false,
    }
}

fn enumerate(not_conformant_too: bool, asked: Asked) -> Vec<(wgpu::Adapter, AdapterSummary)> {
    let found = pollster::block_on(instance(not_conformant_too).enumerate_adapters(backends()));
    let with_summary = |adapter| {
        let summary = summary(&adapter, asked);
        (adapter, summary)
    };
    found.into_iter().map(with_summary).collect()
}

fn all(asked: Asked) -> Vec<(wgpu::Adapter, AdapterSummary)> {
    let mut adapters = enumerate(true, asked);
    // wgpu says of an adapter that it is not conformant only by leaving it out.
    let conformant: Vec<AdapterSummary> =
        enumerate(false, asked).into_iter().map(|(_, summary)| summary).collect();
    for (_, summary) in &mut adapters {
        summary.not_conformant = !conformant.contains(summary);
    }
    let low_power = wgpu::PowerPreference::from_env() == Some(wgpu::PowerPreference::LowPower);
    let usable = adapters.iter_mut().map(|(_, s)| s).filter(|s| !s.not_conformant);
    if let Some(best) = usable.min_by_key(|s| rank(s, low_power)) {
        best.default = true;
    }
    adapters
}

/// Discrete before integrated before software, or with `low_power` integrated first; the system's order among
/// equals.
fn rank(summary: &AdapterSummary, low_power: bool) -> usize {
    match summary.kind {
        Class::Discrete => usize::from(low_power),
        Class::Integrated => usize::from(!low_power),
        Class::Software => 2,
    }
}

/// Every adapter of the system, in its order, with what it is `asked` for; the one to be taken by default is
/// marked.
pub fn adapters(asked: Asked) -> Vec<AdapterSummary> {
    all(asked).into_iter().map(|(_, summary)| summary).collect()
}

/// Which of `adapters` is meant by `choice`: an index, an API (`vulkan`, `metal`, `dx12`), a part of a name in
/// any case, or both (`vulkan:nvidia`). One that is not conformant is meant only by its index or name.
fn position(adapters: &[AdapterSummary], choice: &str) -> Option<usize> {
    if let Ok(index) = choice.parse::<usize>() {
        return (index < adapters.len()).then_some(index);
    }
    let wanted = choice.trim().to_lowercase();
    let (api, name) = match wanted.split_once(':') {
        Some((api, name)) if backend(api).is_some() => (backend(api), name),
        _ if backend(&wanted).is_some() => (backend(&wanted), ""),
        _ => (None, wanted.as_str()),
    };
    let fits = |s: &AdapterSummary| {
        api.is_none_or(|api| s.backend == api)
            && s.name.to_lowercase().contains(name)
            && !(s.not_conformant && name.is_empty())
    };
    let found = adapters.iter().enumerate().filter(|(_, s)| fits(s));
    // Conformant ones first, then as without a choice.
    found.min_by_key(|(_, s)| (s.not_conformant, rank(s, false))).map(|(i, _)| i)
}

/// The API of this name, as summaries have it.
fn backend(name: &str) -> Option<&'static str> {
    match name {
        "vulkan" | "vk" => Some("vulkan"),
        "metal" | "mtl" => Some("metal"),
        "dx12" | "d3d12" => Some("dx12"),
        _ => None,
    }
}

/// The adapter that is meant by `choice` ([`position`]), or else by WGPU_ADAPTER_NAME; the default without
/// either.
pub(super) fn choose(choice: Option<&str>, asked: Asked) -> Result<(wgpu::Adapter, AdapterSummary)> {
    let mut adapters = all(asked);
    if adapters.is_empty() {
        return Err(Error::gpu("no GPU adapter")
            .expected("a Vulkan, Metal or DX12 driver")
            .found(match std::env::var("WGPU_BACKEND") {
                Ok(only) => format!("none with WGPU_BACKEND={only}"),
                Err(_) => "none".to_owned(),
            })
            .advice(advice::install()));
    }
    let by_environment = std::env::var("WGPU_ADAPTER_NAME").ok().filter(|name| !name.is_empty());
    let (place, choice) = match (choice, by_environment.as_deref()) {
        (Some(choice), _) => ("--adapter", Some(choice)),
        (None, Some(name)) => ("WGPU_ADAPTER_NAME", Some(name)),
        (None, None) => ("--adapter", None),
    };
    let summaries: Vec<AdapterSummary> = adapters.iter().map(|(_, s)| s.clone()).collect();
    let position = match choice {
        None => summaries.iter().position(|s| s.default),
        Some(text) => position(&summaries, text),
    };
    if let Some(position) = position {
        return Ok(adapters.swap_remove(position));
    }
    let named = |(i, s): (usize, &AdapterSummary)| {
        let remark = if s.not_conformant { ", not conformant" } else { "" };
        format!("{i} ({}, {}{remark})", s.name, s.backend)
    };
    let names: Vec<String> = summaries.iter().enumerate().map(named).collect();
    Err(Error::usage(place)
        .expected(format!("one of {}", names.join(", ")))
        .found(choice.unwrap_or("none named, and none that is conformant").to_string())
        .advice(
            "`veilgrad devices` lists them; give an index, a part of a name, or an API (vulkan, dx12, metal)",
        ))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn adapter(name: &str, backend: &str, kind: Class, not_conformant: bool) -> AdapterSummary {
        AdapterSummary {
            name: name.to_owned(),
            backend: backend.to_owned(),
            kind,
            driver: String::new(),
            max_binding_bytes: 0,
            max_buffer_bytes: 0,
            workgroup_bytes: 0,
            invocations: 0,
            subgroup: None,
            int64: false,
            timestamps: false,
            not_conformant,
            webgpu_limits: false,
            default: false,
        }
    }

    #[test]
    fn an_adapter_is_meant_by_index_api_name_or_both() {
        let all = [
            adapter("Microsoft Direct3D12 (NVIDIA T4)", "vulkan", Class::Discrete, true),
            adapter("llvmpipe", "vulkan", Class::Software, false),
            adapter("NVIDIA T4", "vulkan", Class::Discrete, false),
            adapter("NVIDIA T4", "dx12", Class::Discrete, false),
            adapter("Iris: the second", "dx12", Class::Integrated, false),
        ];
        for (choice, meant) in [
            ("1", Some(1)),
            ("5", None),
            ("vulkan", Some(2)),
            ("DX12", Some(3)),
            ("metal", None),
            ("vulkan:nvidia", Some(2)),
            ("dx12:nvidia", Some(3)),
            ("vulkan:iris", None),
            ("nvidia", Some(2)),
            ("LLVM", Some(1)),
            ("iris: the", Some(4)),
            // Not conformant: by its index, or by a name that no other has.
            ("direct3d12", Some(0)),
            ("0", Some(0)),
        ] {
            assert_eq!(position(&all, choice), meant, "{choice}");
        }
        assert_eq!(position(&all[..1], "vulkan"), None, "an API does not name it");
        assert!(rank(&all[4], true) < rank(&all[3], true) && rank(&all[3], false) < rank(&all[4], false));
    }

    #[test]
    fn software_that_plays_a_small_gpu_runs_the_kernels_of_one() {
        let software = adapter("llvmpipe", "vulkan", Class::Software, false);
        assert_eq!(software.target().class, Class::Software);
        let small = AdapterSummary { webgpu_limits: true, ..software };
        assert_eq!((small.target().class, small.kind), (Class::Integrated, Class::Software));
    }
}
