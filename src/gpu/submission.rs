//! Submitting recorded commands, with what was written to buffers before them, and waiting for them: the one
//! place that polls.

use super::Context;
use super::failure::without_panic;
use crate::error::{Error, Result};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long work may take before it counts as never ending.
const PATIENCE: Duration = Duration::from_secs(600);

/// Work that was submitted and can be waited for.
#[derive(Debug, Clone)]
pub struct Submission(wgpu::SubmissionIndex);

impl Context {
    /// Submits recorded commands, after what was written before.
    pub(crate) fn submit(&self, commands: wgpu::CommandBuffer) -> Submission {
        self.counters.submissions.fetch_add(1, Ordering::Relaxed);
        let uploads = self.take_uploads().map(wgpu::CommandEncoder::finish);
        Submission(self.queue.submit(uploads.into_iter().chain([commands])))
    }

    /// Submits what was written so far, and waits: its memory is free again.
    pub(super) fn flush(&self) -> Result<()> {
        if let Some(uploads) = self.take_uploads() {
            self.queue.submit([uploads.finish()]);
        }
        self.wait()
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
        let name = &self.adapter().name;
        let poll = |how| without_panic(|| self.device.poll(how));
        match poll(wgpu::PollType::Wait { submission_index, timeout: Some(PATIENCE) }) {
            Ok(Ok(_)) => self.failures.check(name),
            Ok(Err(wgpu::PollError::Timeout)) => {
                self.failures.lose(format!("its work did not end in {} s", PATIENCE.as_secs()));
                self.failures.check(name)
            }
            // A submission that never began: the device tells why when it is asked once more.
            Ok(Err(error)) => {
                let _ = poll(wgpu::PollType::Poll);
                self.failures.check(name)?;
                Err(Error::gpu(format!("adapter {name}")).found(error.to_string()))
            }
            Err(panic) => {
                self.failures.lose(panic);
                self.failures.check(name)
            }
        }
    }

    /// What the device reported, without waiting.
    ///
    /// # Errors
    /// As [`wait`](Self::wait).
    pub(super) fn check(&self) -> Result<()> {
        self.failures.check(&self.adapter().name)
    }
}
