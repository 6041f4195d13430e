//! GPU memory of a tensor: [R, rows, pitch] words, one copy if shared.

use super::Context;
use crate::error::{Error, Kind, Result};
use crate::graph::Tensor;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A labelled storage buffer of 32-bit words. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Buffer {
    pub(crate) raw: Arc<wgpu::Buffer>,
    /// Size in bytes.
    pub bytes: u64,
}

impl Context {
    /// Memory for `tensor`, `replicas` copies of it unless it is shared; zero at first.
    ///
    /// # Errors
    /// A size beyond the adapter's limits, or out of memory.
    pub fn allocate(&self, label: &str, tensor: &Tensor, replicas: usize) -> Result<Buffer> {
        let copies = if tensor.shared { 1 } else { replicas };
        self.allocate_words(label, copies * tensor.elements())
    }

    /// Memory for so many words; zero at first.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn allocate_words(&self, label: &str, words: usize) -> Result<Buffer> {
        // A vec4 is the smallest thing that kernels bind.
        let bytes = (4 * words as u64).next_multiple_of(16).max(16);
        self.limits().check(label, bytes)?;
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let raw = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        if pollster::block_on(scope.pop()).is_some() {
            return Err(Error::gpu(format!("GPU memory for {label}"))
                .expected(format!("{:.1} MB free", bytes as f64 / 1e6))
                .found("out of memory")
                .advice("train fewer replicas at once, a smaller batch or a smaller network"));
        }
        self.counters.bytes_allocated.fetch_add(bytes, Ordering::Relaxed);
        Ok(Buffer { raw: Arc::new(raw), bytes })
    }

    /// Memory holding `words`.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn upload(&self, label: &str, words: &[u32]) -> Result<Buffer> {
        let buffer = self.allocate_words(label, words.len())?;
        self.write(&buffer, 0, words);
        Ok(buffer)
    }

    /// A uniform buffer holding `words`.
    pub(crate) fn uniform(&self, label: &str, words: &[u32]) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: (4 * words.len() as u64).next_multiple_of(16).max(16),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, bytemuck::cast_slice(words));
        buffer
    }

    /// The bind group of a dispatch: its part (start, length in bytes) of the uniform, its buffers.
    pub(crate) fn bind(
        &self,
        label: &str,
        pipeline: &super::Pipeline,
        uniform: &wgpu::Buffer,
        part: (usize, usize),
        buffers: &[Buffer],
    ) -> wgpu::BindGroup {
        let dims = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: uniform,
            offset: part.0 as u64,
            size: std::num::NonZeroU64::new(part.1 as u64),
        });
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: dims }];
        entries.extend(buffers.iter().zip(1..).map(|(buffer, binding)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.raw.as_entire_binding(),
        }));
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipeline.layout,
            entries: &entries,
        })
    }

    /// Writes `words` from word `offset` on, before the next submission.
    pub fn write(&self, buffer: &Buffer, offset: usize, words: &[u32]) {
        self.queue.write_buffer(&buffer.raw, 4 * offset as u64, bytemuck::cast_slice(words));
    }

    /// Writes f32 values from element `offset` on, before the next submission.
    pub fn write_f32(&self, buffer: &Buffer, offset: usize, values: &[f32]) {
        self.queue.write_buffer(&buffer.raw, 4 * offset as u64, bytemuck::cast_slice(values));
    }

    /// Reads `words` 32-bit words from the start of each buffer, waiting for all submitted work:
    /// one submission and one wait for all of them.
    ///
    /// # Errors
    /// A lost device or failed work.
    pub fn read(&self, buffers: &[(&Buffer, usize)]) -> Result<Vec<Vec<u32>>> {
        let mut encoder =
            self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("read back") });
        let staging: Vec<wgpu::Buffer> = buffers
            .iter()
            .map(|(buffer, words)| {
                let bytes = 4 * *words as u64;
                let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("read back"),
                    size: bytes.max(4),
                    usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                encoder.copy_buffer_to_buffer(&buffer.raw, 0, &staging, 0, bytes);
                staging
            })
            .collect();
        self.submit(encoder.finish());
        let bytes: u64 = staging.iter().map(wgpu::Buffer::size).sum();
        self.counters.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        for buffer in &staging {
            // A failure to map is reported by get_mapped_range below.
            buffer.map_async(wgpu::MapMode::Read, .., |_| {});
        }
        self.wait()?;
        staging
            .iter()
            .zip(buffers)
            .map(|(staging, (_, words))| {
                let view = staging.get_mapped_range(..).map_err(|e| {
                    Error::new(Kind::Gpu, "reading results back from the GPU").found(e.to_string())
                })?;
                Ok(bytemuck::pod_collect_to_vec::<u8, u32>(&view)[..*words].to_vec())
            })
            .collect()
    }

    /// [`read`](Self::read) for one buffer of f32.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_f32(&self, buffer: &Buffer, words: usize) -> Result<Vec<f32>> {
        let words = self.read(&[(buffer, words)])?.swap_remove(0);
        Ok(words.into_iter().map(f32::from_bits).collect())
    }
}
