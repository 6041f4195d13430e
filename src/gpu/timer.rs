//! Time on the GPU, by timestamps at the edges of compute passes: every adapter that has timestamps has
//! those.

use super::Context;
use crate::error::{Error, Kind, Result};

/// Timestamps for so many passes.
#[derive(Debug)]
pub(crate) struct Timer {
    set: wgpu::QuerySet,
    passes: u32,
}

impl Timer {
    /// What pass number `pass` is begun with.
    pub fn writes(&self, pass: u32) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(2 * pass),
            end_of_pass_write_index: Some(2 * pass + 1),
        }
    }
}

impl Context {
    /// A timer for at most `passes` passes. `None`: the adapter has no timestamps.
    pub(crate) fn timer(&self, passes: usize) -> Option<Timer> {
        let passes = u32::try_from(passes).ok().filter(|n| 2 * n <= wgpu::QUERY_SET_MAX_QUERIES)?;
        if passes == 0 || !self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let set = self.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timer"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * passes,
        });
        Some(Timer { set, passes })
    }

    /// Submits `encoder`, in which all of the timer's passes were recorded, waits, and gives the seconds of
    /// each.
    ///
    /// # Errors
    /// A lost device.
    pub(crate) fn time(&self, mut encoder: wgpu::CommandEncoder, timer: &Timer) -> Result<Vec<f64>> {
        let bytes = 16 * u64::from(timer.passes);
        let buffer = |usage| {
            let label = Some("timestamps");
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label,
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let staging = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        encoder.resolve_query_set(&timer.set, 0..2 * timer.passes, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
        self.submit(encoder.finish());
        // A failure to map is reported by get_mapped_range below.
        staging.map_async(wgpu::MapMode::Read, .., |_| {});
        self.wait()?;
        let view = staging
            .get_mapped_range(..)
            .map_err(|e| Error::new(Kind::Gpu, "reading timestamps").found(e.to_string()))?;
        let ticks = bytemuck::pod_collect_to_vec::<u8, u64>(&view);
        let period = 1e-9 * f64::from(self.queue.get_timestamp_period());
        Ok(ticks.chunks_exact(2).map(|edge| edge[1].saturating_sub(edge[0]) as f64 * period).collect())
    }
}
