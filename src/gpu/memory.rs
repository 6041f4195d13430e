//! GPU memory: buffers as they are made, counted while they live, and what becomes of one that finds no room.

use super::Context;
use super::failure::LESS;
use crate::error::{Error, Kind, Result};
use crate::graph::Class;
use crate::memory;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A buffer of the device, counted as long as it lives.
#[derive(Debug)]
pub(super) struct Memory {
    pub raw: wgpu::Buffer,
    bytes: u64,
    in_use: Arc<AtomicU64>,
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.in_use.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Context {
    /// Of this device's buffers that live.
    pub fn bytes_in_use(&self) -> u64 {
        self.in_use.load(Ordering::Relaxed)
    }

    /// A buffer of `bytes`.
    ///
    /// # Errors
    /// [`Kind::Memory`] where there is no room for it, also after all work is done and what it used is given
    /// back; a lost device.
    pub(super) fn create(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
        mapped_at_creation: bool,
    ) -> Result<Memory> {
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size: bytes, usage, mapped_at_creation };
        let attempt = || -> Option<wgpu::Buffer> {
            let in_use = self.in_use.load(Ordering::Relaxed);
            if self.memory_bytes.is_some_and(|most| in_use + bytes > most) {
                return None;
            }
            // A software adapter's buffers are the machine's memory, of which its driver promises more than there is.
            if self.adapter().kind == Class::Software
                && (memory::shortage(bytes).is_some() || memory::file_shortage(bytes).is_some())
            {
                return None;
            }
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let raw = self.device.create_buffer(&descriptor);
            pollster::block_on(scope.pop()).is_none().then_some(raw)
        };
        let raw = match attempt() {
            Some(raw) => raw,
            None => {
                // Buffers that were dropped live on until the work that uses them is known to be done, copies to
                // them that were not submitted yet among it.
                self.flush()?;
                attempt().ok_or_else(|| self.no_room(label, bytes))?
            }
        };
        self.check()?;
        self.in_use.fetch_add(bytes, Ordering::Relaxed);
        Ok(Memory { raw, bytes, in_use: Arc::clone(&self.in_use) })
    }

    fn no_room(&self, label: &str, bytes: u64) -> Error {
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        let in_use = self.in_use.load(Ordering::Relaxed);
        Error::new(Kind::Memory, format!("memory of adapter {}", self.adapter().name))
            .expected(format!("{} for {label}, beside {} in use", megabytes(bytes), megabytes(in_use)))
            .found("no room")
            .advice(LESS)
    }
}
