//! Which adapters there are, and which one to take.

use crate::error::{Error, Result};
use crate::graph::{Class, Target};

/// An adapter as results name it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AdapterSummary {
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
    /// Whether it is the one taken without `--adapter`.
    pub default: bool,
}

impl AdapterSummary {
    /// What launches may use of it.
    pub fn target(&self) -> Target {
        Target { class: self.kind, subgroup: self.subgroup, int64: self.int64 }
    }
}

fn instance() -> wgpu::Instance {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    descriptor.flags = wgpu::InstanceFlags::empty();
    wgpu::Instance::new(descriptor)
}

fn summary(adapter: &wgpu::Adapter) -> AdapterSummary {
    let info = adapter.get_info();
    let limits = adapter.limits();
    let features = adapter.features();
    let one_size = info.subgroup_min_size == info.subgroup_max_size && info.subgroup_min_size > 0;
    AdapterSummary {
        name: info.name.clone(),
        backend: info.backend.to_string(),
        kind: match info.device_type {
            wgpu::DeviceType::Cpu => Class::Software,
            wgpu::DeviceType::DiscreteGpu => Class::Discrete,
            _ => Class::Integrated,
        },
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
        max_binding_bytes: limits.max_storage_buffer_binding_size,
        max_buffer_bytes: limits.max_buffer_size,
        workgroup_bytes: limits.max_compute_workgroup_storage_size,
        invocations: limits.max_compute_invocations_per_workgroup,
        subgroup: (features.contains(wgpu::Features::SUBGROUP) && one_size).then_some(info.subgroup_min_size),
        int64: features.contains(wgpu::Features::SHADER_INT64),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
        default: false,
    }
}

fn all() -> Vec<(wgpu::Adapter, AdapterSummary)> {
    let found = pollster::block_on(instance().enumerate_adapters(wgpu::Backends::all()));
    let mut adapters: Vec<_> = found
        .into_iter()
        .map(|adapter| {
            let summary = summary(&adapter);
            (adapter, summary)
        })
        .collect();
    // Discrete before integrated before software; the system's order among equals.
    let rank = |s: &AdapterSummary| match s.kind {
        Class::Discrete => 0,
        Class::Integrated => 1,
        Class::Software => 2,
    };
    if let Some(best) = adapters.iter_mut().map(|(_, s)| s).min_by_key(|s| rank(s)) {
        best.default = true;
    }
    adapters
}

/// Every adapter of the system, in its order; the one to be taken by default is marked.
pub fn adapters() -> Vec<AdapterSummary> {
    all().into_iter().map(|(_, summary)| summary).collect()
}

/// The adapter named by `choice`: an index, or a part of its name in any case; the default without.
pub(super) fn choose(choice: Option<&str>) -> Result<(wgpu::Adapter, AdapterSummary)> {
    let mut adapters = all();
    if adapters.is_empty() {
        return Err(Error::gpu("no GPU adapter")
            .expected("a Vulkan, Metal or DX12 driver")
            .found("none")
            .advice(
                "install your GPU's driver, or a software one (Debian, Ubuntu: mesa-vulkan-drivers; Fedora: \
                 mesa-vulkan-drivers; Arch: vulkan-swrast; Alpine: mesa-vulkan-swrast); `make demo` does \
                 that by itself on Linux",
            ));
    }
    let position = match choice {
        None => adapters.iter().position(|(_, s)| s.default),
        Some(text) => match text.parse::<usize>() {
            Ok(index) => (index < adapters.len()).then_some(index),
            Err(_) => {
                let wanted = text.to_lowercase();
                adapters.iter().position(|(_, s)| s.name.to_lowercase().contains(&wanted))
            }
        },
    };
    match position {
        Some(position) => Ok(adapters.swap_remove(position)),
        None => {
            let names: Vec<String> =
                adapters.iter().enumerate().map(|(i, (_, s))| format!("{i} ({})", s.name)).collect();
            Err(Error::usage("--adapter")
                .expected(format!("one of {}", names.join(", ")))
                .found(choice.unwrap_or("none").to_string())
                .advice("`veilgrad devices` lists them"))
        }
    }
}
