//! A device and its queue: made once a process, shared by every plan.

use super::adapter::{AdapterSummary, choose};
use super::choices::Choices;
use super::kernel::{Cache, Pipeline};
use super::pipeline_cache::PipelineCache;
use crate::error::{Error, Result};
use crate::graph::{Kernel, Target};
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Whether compiled pipelines are kept in the user's cache directory, where the adapter can.
    pub keep_pipelines: bool,
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

/// What was asked of a device so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub submissions: u64,
    /// Read back by the host.
    pub bytes_read: u64,
    /// Of all buffers that were ever allocated.
    pub bytes_allocated: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub submissions: AtomicU64,
    pub bytes_read: AtomicU64,
    pub bytes_allocated: AtomicU64,
}

/// A device, its queue and its compiled pipelines.
#[derive(Debug)]
pub struct Context {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    adapter: AdapterSummary,
    target: Target,
    choices: Choices,
    limits: Limits,
    checked: bool,
    kernels: Cache,
    kept: Option<PipelineCache>,
    pub(super) counters: Counters,
    failure: Arc<Mutex<Option<String>>>,
}

impl Context {
    /// Opens a device with the adapter's own limits.
    ///
    /// # Errors
    /// No adapter, none of that name, or a driver that gives no device.
    pub fn new(options: &Options) -> Result<Self> {
        let (adapter, summary) = choose(options.adapter.as_deref())?;
        let wanted = wgpu::Features::SUBGROUP
            | wgpu::Features::SHADER_INT64
            | wgpu::Features::TIMESTAMP_QUERY
            | wgpu::Features::PIPELINE_CACHE;
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
        let kept =
            options.keep_pipelines.then(|| PipelineCache::open(&device, &adapter.get_info())).flatten();
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
            choices: Choices::default(),
            device,
            queue,
            kernels: Cache::default(),
            kept,
            counters: Counters::default(),
            failure,
        })
    }

    pub fn adapter(&self) -> &AdapterSummary {
        &self.adapter
    }

    pub fn target(&self) -> Target {
        self.target
    }

    /// The variants that are chosen beside the default.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// Runs the variants of `choices` in plans that are compiled from here on, where adapter and shapes allow
    /// them.
    pub fn choose_variants(&mut self, choices: Choices) {
        self.choices = choices;
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The pipeline of `kernel`, built at its first use.
    ///
    /// # Errors
    /// A shader that does not build on this adapter.
    pub fn pipeline(&self, kernel: Kernel) -> Result<Arc<Pipeline>> {
        let kept = self.kept.as_ref().map(|kept| &kept.raw);
        self.kernels.get(&self.device, kernel, self.checked, kept)
    }

    pub fn usage(&self) -> Usage {
        let Counters { submissions, bytes_read, bytes_allocated } = &self.counters;
        Usage {
            submissions: submissions.load(Ordering::Relaxed),
            bytes_read: bytes_read.load(Ordering::Relaxed),
            bytes_allocated: bytes_allocated.load(Ordering::Relaxed),
        }
    }

    /// Submits recorded commands.
    pub(crate) fn submit(&self, commands: wgpu::CommandBuffer) -> Submission {
        self.counters.submissions.fetch_add(1, Ordering::Relaxed);
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

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(kept) = &self.kept {
            kept.save();
        }
    }
}
