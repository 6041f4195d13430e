//! A device and its queue: made once a process, shared by every plan.

use super::adapter::{AdapterSummary, choose};
use super::choices::Choices;
use super::failure::Failures;
use super::kernel::{Cache, Pipeline, refusal};
use super::limits::{Asked, Limits};
use super::pipeline_cache::PipelineCache;
use crate::error::{Error, Result};
use crate::graph::{Class, Kernel, Target};
use crate::memory;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Seconds of GPU time beyond which a run of a plan is cut into several submissions: a display's watchdog
/// allows 2 s on some systems.
const LONGEST_SUBMISSION: f64 = 1.0;

/// Bytes that wgpu takes from the driver at once and divides among buffers; of memory that the host reaches too,
/// half as much. It keeps the last block, and so this much to go on with where there is no more to be had; a
/// GPU that has less than a few of them is too small for what runs here.
const MEMORY_BLOCK: u64 = 256 << 20;

/// How to open a device.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// An adapter's index, an API (`vulkan`, `metal`, `dx12`), a part of a name, or both (`vulkan:nvidia`);
    /// without it WGPU_ADAPTER_NAME, or else the default adapter.
    pub adapter: Option<String>,
    /// What the device is asked for of what the adapter can do.
    pub asked: Asked,
    /// Whether kernels keep wgpu's runtime checks (bounds, loop bounds). `None`: on software adapters,
    /// where they cost nothing, and not on others.
    pub checked: Option<bool>,
    /// A lower limit than the adapter's on the bytes of one tensor, to leave it to others, or to
    /// split replicas into groups where that would not be needed.
    pub tensor_bytes: Option<u64>,
    /// A limit on the bytes of all buffers at once, to leave the rest to others. `None`: what there is.
    pub memory_bytes: Option<u64>,
    /// Seconds of GPU time beyond which a run of a plan is cut into several submissions; `None`: 1.
    pub longest_submission: Option<f64>,
    /// Whether compiled pipelines are kept in the user's cache directory, where the adapter can.
    pub keep_pipelines: bool,
}

/// What was asked of a device so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Submissions of recorded commands; those of uploads alone are not counted.
    pub submissions: u64,
    /// Read back by the host.
    pub bytes_read: u64,
    /// Of all buffers that were ever allocated.
    pub bytes_allocated: u64,
}

/// Copies to buffers that go with the next submission.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    pub encoder: Option<wgpu::CommandEncoder>,
    pub bytes: u64,
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
    longest_submission: f64,
    kernels: Cache,
    kept: Option<PipelineCache>,
    pub(super) counters: Counters,
    /// Bytes of all buffers that live, and the most that may.
    pub(super) in_use: Arc<AtomicU64>,
    pub(super) memory_bytes: Option<u64>,
    /// What was written and is not submitted yet.
    pub(super) uploads: Mutex<Uploads>,
    pub(super) failures: Failures,
}

impl Context {
    /// Opens a device.
    ///
    /// # Errors
    /// No adapter, none of that name, or a driver that gives no device.
    pub fn new(options: &Options) -> Result<Self> {
        let (adapter, summary) = choose(options.adapter.as_deref(), options.asked)?;
        if summary.kind == Class::Software
            && let Some(most) = memory::file_shortage(MEMORY_BLOCK)
        {
            return Err(Error::gpu(format!("adapter {}", summary.name))
                .expected(format!(
                    "files of {} MB to be allowed: a software adapter's memory is in some",
                    MEMORY_BLOCK / 1_000_000
                ))
                .found(format!("at most {:.1} MB", most as f64 / 1e6))
                .advice("lift the limit: ulimit -f unlimited"));
        }
        let (required_features, required_limits) = options.asked.of(&adapter);
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("veilgrad"),
            required_features,
            required_limits,
            memory_hints: wgpu::MemoryHints::Manual {
                suballocated_device_memory_block_size: MEMORY_BLOCK..MEMORY_BLOCK,
            },
            ..Default::default()
        }))
        .map_err(|e| {
            Error::gpu(format!("adapter {}", summary.name))
                .expected("a device")
                .found(e.to_string())
                .advice("update the driver, or choose another with --adapter")
        })?;
        let failures = Failures::of(&device);
        let target = summary.target();
        let kept =
            options.keep_pipelines.then(|| PipelineCache::open(&device, &adapter.get_info())).flatten();
        Ok(Context {
            limits: Limits::of(&device.limits(), options.tensor_bytes),
            checked: options.checked.unwrap_or(target.class == Class::Software),
            longest_submission: options.longest_submission.unwrap_or(LONGEST_SUBMISSION),
            adapter: summary,
            target,
            choices: Choices::default(),
            device,
            queue,
            kernels: Cache::default(),
            kept,
            counters: Counters::default(),
            in_use: Arc::default(),
            memory_bytes: options.memory_bytes,
            uploads: Mutex::default(),
            failures,
        })
    }

    /// The adapter that the device was opened on.
    pub fn adapter(&self) -> &AdapterSummary {
        &self.adapter
    }

    /// What kernels may use of the adapter, by which their variants are chosen.
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

    /// The limits that sizes are checked against.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The pipeline of `kernel`, built at its first use.
    ///
    /// # Errors
    /// A shader that does not build on this adapter.
    pub fn pipeline(&self, kernel: Kernel) -> Result<Arc<Pipeline>> {
        self.check()?;
        let kept = self.kept.as_ref().map(|kept| &kept.raw);
        let pipeline = self.kernels.get(&self.device, kernel, self.checked, kept);
        // wgpu gives a device up whose driver fails in a way of its own: this kernel did it.
        match self.failures.lost() {
            Some(reason) => Err(refusal(kernel, &reason)),
            None => pipeline,
        }
    }

    /// Seconds of GPU time beyond which a run of a plan is cut.
    pub fn longest_submission(&self) -> f64 {
        self.longest_submission
    }

    /// Ends the device, as a driver's reset does: what comes after it fails with
    /// [`Kind::Lost`](crate::error::Kind::Lost). For tests of what is done then.
    pub fn destroy(&self) {
        self.device.destroy();
    }

    /// What was asked of the device since it was opened.
    pub fn usage(&self) -> Usage {
        let Counters { submissions, bytes_read, bytes_allocated } = &self.counters;
        Usage {
            submissions: submissions.load(Ordering::Relaxed),
            bytes_read: bytes_read.load(Ordering::Relaxed),
            bytes_allocated: bytes_allocated.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if self.check().is_err() {
            // wgpu waits for the queue as it drops it, and asserts that all work is done: of a lost device it
            // never is.
            std::mem::forget((self.device.clone(), self.queue.clone()));
        } else if let Some(kept) = &self.kept {
            kept.save();
        }
    }
}
