//! GPU memory of a tensor: [R, rows, pitch] words, one copy if shared.

use super::Context;
use super::failure::one_line;
use super::memory::Memory;
use crate::error::{Error, Result};
use crate::graph::Tensor;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes of one copy to or from the host at most, and of all copies that wait for a submission: so much
/// memory data on their way take, however large their buffer is.
const PORTION: usize = 8 << 20;

/// A labelled storage buffer of 32-bit words. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Buffer {
    memory: Arc<Memory>,
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
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let memory = Arc::new(self.create(label, bytes, usage, false)?);
        self.counters.bytes_allocated.fetch_add(bytes, Ordering::Relaxed);
        Ok(Buffer { memory, bytes })
    }

    /// Memory holding `words`.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn upload(&self, label: &str, words: &[u32]) -> Result<Buffer> {
        let buffer = self.allocate_words(label, words.len())?;
        self.write(&buffer, 0, words)?;
        Ok(buffer)
    }

    /// A uniform buffer holding `words`.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub(crate) fn uniform(&self, label: &str, words: &[u32]) -> Result<wgpu::Buffer> {
        let bytes = (4 * words.len() as u64).next_multiple_of(16).max(16);
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let memory = self.create(label, bytes, usage, false)?;
        self.stage(&memory.raw, 0, bytemuck::cast_slice(words))?;
        Ok(memory.raw.clone())
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
        entries.extend(buffers.iter().zip(&pipeline.reflection.bindings).map(|(buffer, &(binding, _))| {
            wgpu::BindGroupEntry { binding, resource: buffer.memory.raw.as_entire_binding() }
        }));
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(label),
            layout: &pipeline.layout,
            entries: &entries,
        })
    }

    /// Writes `words` from word `offset` on, before the next submission.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn write(&self, buffer: &Buffer, offset: usize, words: &[u32]) -> Result<()> {
        self.stage(&buffer.memory.raw, 4 * offset as u64, bytemuck::cast_slice(words))
    }

    /// Writes f32 values from element `offset` on, before the next submission.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn write_f32(&self, buffer: &Buffer, offset: usize, values: &[f32]) -> Result<()> {
        self.stage(&buffer.memory.raw, 4 * offset as u64, bytemuck::cast_slice(values))
    }

    /// Copies `bytes` to `buffer`, from byte `offset` on, with the next submission. `Queue::write_buffer`
    /// would do the same, but loses the device where it finds no memory for the copy.
    fn stage(&self, buffer: &wgpu::Buffer, mut offset: u64, bytes: &[u8]) -> Result<()> {
        for part in bytes.chunks(PORTION) {
            let usage = wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC;
            let staging = self.create("data on their way to the GPU", part.len() as u64, usage, true)?;
            staging.raw.get_mapped_range_mut(..).map_err(|e| self.unmapped(&e))?.copy_from_slice(part);
            staging.raw.unmap();
            let waiting = {
                let mut uploads = self.uploads.lock().map_err(|_| Error::gpu("uploads").found("a panic"))?;
                let encoder = uploads.encoder.get_or_insert_with(|| {
                    let descriptor = wgpu::CommandEncoderDescriptor { label: Some("uploads") };
                    self.device.create_command_encoder(&descriptor)
                });
                encoder.copy_buffer_to_buffer(&staging.raw, 0, buffer, offset, part.len() as u64);
                uploads.bytes += part.len() as u64;
                uploads.bytes
            };
            offset += part.len() as u64;
            if waiting > PORTION as u64 {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// The copies that were recorded since the last submission.
    pub(super) fn take_uploads(&self) -> Option<wgpu::CommandEncoder> {
        let mut uploads = self.uploads.lock().ok()?;
        uploads.bytes = 0;
        uploads.encoder.take()
    }

    /// Reads `words` 32-bit words from the start of each buffer, waiting for all submitted work: one
    /// submission and one wait for each 8 MiB of them.
    ///
    /// # Errors
    /// A lost device or failed work; as [`allocate`](Self::allocate).
    pub fn read(&self, buffers: &[(&Buffer, usize)]) -> Result<Vec<Vec<u32>>> {
        let mut out: Vec<Vec<u32>> = buffers.iter().map(|(_, words)| Vec::with_capacity(*words)).collect();
        // Parts of buffers that are read at once: (which, its first word, words).
        let (mut portion, mut room) = (vec![], PORTION / 4);
        for (i, (_, words)) in buffers.iter().enumerate() {
            let mut start = 0;
            while start < *words {
                let length = room.min(words - start);
                portion.push((i, start, length));
                (start, room) = (start + length, room - length);
                if room == 0 {
                    self.read_portion(buffers, &std::mem::take(&mut portion), &mut out)?;
                    room = PORTION / 4;
                }
            }
        }
        self.read_portion(buffers, &portion, &mut out)?;
        Ok(out)
    }

    fn read_portion(
        &self,
        buffers: &[(&Buffer, usize)],
        parts: &[(usize, usize, usize)],
        out: &mut [Vec<u32>],
    ) -> Result<()> {
        let bytes = 4 * parts.iter().map(|(_, _, length)| *length as u64).sum::<u64>();
        if bytes == 0 {
            return Ok(());
        }
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let staging = self.create("data on their way from the GPU", bytes, usage, false)?;
        let mut encoder =
            self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("read back") });
        let mut at = 0;
        for &(i, start, length) in parts {
            let (source, length) = (&buffers[i].0.memory.raw, 4 * length as u64);
            encoder.copy_buffer_to_buffer(source, 4 * start as u64, &staging.raw, at, length);
            at += length;
        }
        self.submit(encoder.finish());
        self.counters.bytes_read.fetch_add(bytes, Ordering::Relaxed);
        // A failure to map is reported by get_mapped_range below.
        staging.raw.map_async(wgpu::MapMode::Read, .., |_| {});
        self.wait()?;
        let view = staging.raw.get_mapped_range(..).map_err(|e| self.unmapped(&e))?;
        let mut words = view.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        for &(i, _, length) in parts {
            out[i].extend(words.by_ref().take(length));
        }
        Ok(())
    }

    /// [`read`](Self::read) for one buffer of f32.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_f32(&self, buffer: &Buffer, words: usize) -> Result<Vec<f32>> {
        let words = self.read(&[(buffer, words)])?.swap_remove(0);
        Ok(words.into_iter().map(f32::from_bits).collect())
    }

    /// The error of memory that the host cannot reach: the device's loss, where that is the reason.
    fn unmapped(&self, error: &wgpu::MapRangeError) -> Error {
        self.wait().err().unwrap_or_else(|| {
            Error::gpu("memory between host and GPU")
                .expected("it within reach of both")
                .found(one_line(&error.to_string()))
        })
    }
}
