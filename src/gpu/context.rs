//! A device and its queue: made once a process, shared by every plan.

use super::adapter::{AdapterSummary, choose};
use super::kernel::{Cache, Pipeline};
use crate::error::{Error, Result};
use crate::graph::{Kernel, Target};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How to open a device.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// An adapter's index or a part of its name; the default adapter without.
    pub adapter: Option<String>,
    /// Whether kernels keep wgpu's runtime checks (bounds, loop bounds). `None`: on software adapters,
    /// where they cost nothing, and not on others.
    pub checked: Option<bool>,
    /// A lower limit than the adapter's on the bytes of one tensor, to leave it to others, or to
    /// split replicas into groups where that would not be needed.
    pub tensor_bytes: Option<u64>,
}

/// The limits of the adapter that sizes are checked against, in bytes and workgroups.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub binding_bytes: u64,
    pub buffer_bytes: u64,
    pub workgroups: u32,
    pub uniform_alignment: u32,
}

impl Limits {
    /// The most bytes that one tensor may take.
    pub fn tensor_bytes(&self) -> u64 {
        self.binding_bytes.min(self.buffer_bytes)
    }

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

/// Work that was submitted and can be waited for.
#[derive(Debug, Clone)]
pub struct Submission(pub(crate) wgpu::SubmissionIndex);

/// A device, its queue and its compiled pipelines.
#[derive(Debug)]
pub struct Context {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    adapter: AdapterSummary,
    target: Target,
    limits: Limits,
    checked: bool,
    kernels: Cache,
    failure: Arc<Mutex<Option<String>>>,
}

impl Context {
    /// Opens a device with the adapter's own limits.
    ///
    /// # Errors
    /// No adapter, none of that name, or a driver that gives no device.
    pub fn new(options: &Options) -> Result<Self> {
        let (adapter, summary) = choose(options.adapter.as_deref())?;
        let wanted = wgpu::Features::SUBGROUP | wgpu::Features::SHADER_INT64;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("veilgrad"),
            required_features: adapter.features() & wanted,
            required_limits: adapter.limits(),
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        }))
        .map_err(|e| {
            Error::gpu(format!("adapter {}", summary.name))
                .expected("a device")
                .found(e.to_string())
                .advice("update the driver, or choose another with --adapter")
        })?;
        let failure = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            if let Ok(mut failure) = keep.lock() {
                failure.get_or_insert_with(|| error.to_string());
            }
        }));
        let limits = device.limits();
        let target = summary.target();
        Ok(Context {
            limits: Limits {
                binding_bytes: limits
                    .max_storage_buffer_binding_size
                    .min(options.tensor_bytes.unwrap_or(u64::MAX)),
                buffer_bytes: limits.max_buffer_size,
                workgroups: limits.max_compute_workgroups_per_dimension,
                uniform_alignment: limits.min_uniform_buffer_offset_alignment,
            },
            checked: options.checked.unwrap_or(target.class == crate::graph::Class::Software),
            adapter: summary,
            target,
            device,
            queue,
            kernels: Cache::default(),
            failure,
        })
    }

    pub fn adapter(&self) -> &AdapterSummary {
        &self.adapter
    }

    pub fn target(&self) -> Target {
        self.target
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The pipeline of `kernel`, built at its first use.
    ///
    /// # Errors
    /// A shader that does not build on this adapter.
    pub fn pipeline(&self, kernel: Kernel) -> Result<Arc<Pipeline>> {
        self.kernels.get(&self.device, kernel, self.checked)
    }

    /// Submits recorded commands.
    pub(crate) fn submit(&self, commands: wgpu::CommandBuffer) -> Submission {
        Submission(self.queue.submit([commands]))
    }

    /// Waits for one submission and all before it.
    ///
    /// # Errors
    /// A lost device or failed work.
    pub fn wait_for(&self, submission: &Submission) -> Result<()> {
        self.poll(Some(submission.0.clone()))
    }

    /// Waits for all submitted work.
    ///
    /// # Errors
    /// A lost device or failed work.
    pub fn wait(&self) -> Result<()> {
        self.poll(None)
    }

    fn poll(&self, submission_index: Option<wgpu::SubmissionIndex>) -> Result<()> {
        let timeout = Some(Duration::from_secs(600));
        let polled = self.device.poll(wgpu::PollType::Wait { submission_index, timeout });
        let failure = self.failure.lock().map(|mut failure| failure.take()).unwrap_or_default();
        match (failure, polled) {
            (Some(message), _) => Err(Error::gpu(format!("adapter {}", self.adapter.name))
                .found(message)
                .advice("run `veilgrad check`; lower the batch size or the number of replicas")),
            (None, Err(error)) => {
                Err(Error::gpu(format!("adapter {}", self.adapter.name)).found(error.to_string()))
            }
            (None, Ok(_)) => Ok(()),
        }
    }
}
