//! The limits that sizes are checked against, and which of an adapter's a device is asked for.

use crate::error::{Error, Result};

/// What a device is asked for of what its adapter can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    /// All of it.
    #[default]
    Adapters,
    /// WebGPU's default limits, no feature beyond them, and the kernels of hardware: as any adapter can play
    /// a small GPU.
    WebGpu,
}

impl Asked {
    /// The features and limits to ask `adapter` for.
    pub(super) fn of(self, adapter: &wgpu::Adapter) -> (wgpu::Features, wgpu::Limits) {
        let here = adapter.features();
        let keeping = wgpu::Features::PIPELINE_CACHE;
        let used = wgpu::Features::SUBGROUP
            | wgpu::Features::SHADER_INT64
            | wgpu::Features::TIMESTAMP_QUERY
            | keeping;
        match self {
            Asked::Adapters => (here & used, adapter.limits()),
            Asked::WebGpu => {
                (here & keeping, wgpu::Limits::default().or_worse_values_from(&adapter.limits()))
            }
        }
    }
}

/// The limits of the device that sizes are checked against, in bytes and workgroups.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of a storage buffer that a kernel can see at once.
    pub binding_bytes: u64,
    /// The most bytes of a buffer.
    pub buffer_bytes: u64,
    /// The most workgroups of a dispatch in each of x, y and z.
    pub workgroups: u32,
    /// Bytes that the offset of a uniform in its buffer must be a multiple of.
    pub uniform_alignment: u32,
}

impl Limits {
    /// Those of a device, its bindings at most `tensor_bytes` large.
    pub(super) fn of(limits: &wgpu::Limits, tensor_bytes: Option<u64>) -> Self {
        Limits {
            binding_bytes: limits.max_storage_buffer_binding_size.min(tensor_bytes.unwrap_or(u64::MAX)),
            buffer_bytes: limits.max_buffer_size,
            workgroups: limits.max_compute_workgroups_per_dimension,
            uniform_alignment: limits.min_uniform_buffer_offset_alignment,
        }
    }

    /// The most bytes that one tensor may take.
    pub fn tensor_bytes(&self) -> u64 {
        self.binding_bytes.min(self.buffer_bytes)
    }

    /// Whether the adapter can make and bind a buffer of `bytes`, called `label`.
    ///
    /// # Errors
    /// A buffer of `bytes` that the adapter cannot bind.
    pub fn check(&self, label: &str, bytes: u64) -> Result<()> {
        let limit = self.tensor_bytes();
        if bytes <= limit {
            return Ok(());
        }
        let name = if self.binding_bytes <= self.buffer_bytes {
            "max_storage_buffer_binding_size"
        } else {
            "max_buffer_size"
        };
        Err(Error::gpu(format!("{name} of the adapter"))
            .expected(format!("at most {limit} bytes"))
            .found(format!("{bytes} for {label}, {:.1} times as much", bytes as f64 / limit as f64))
            .advice("lower the number of records, the batch size or the width of the layers"))
    }
}
