//! How many runs of a plan go into one submission: about 100 ms of GPU time each, two in flight, so
//! that no watchdog is woken, Ctrl-C answers and the GPU never waits for the host.

use crate::error::{Error, Kind, Result};
use crate::gpu::{Context, Submission};
use crate::plan::Plan;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Seconds of GPU time that a submission should take.
const TARGET: f64 = 0.1;
/// Most runs a submission: recording is cheap but not free.
const MOST: usize = 256;

/// Submits runs at a measured pace. Results do not depend on it.
#[derive(Debug)]
pub struct Pace<'a> {
    context: &'a Context,
    stop: &'a AtomicBool,
    /// With the runs in each, and the plan's address.
    in_flight: VecDeque<(Submission, usize, *const Plan)>,
    /// When the last submission finished.
    since: Instant,
}

impl<'a> Pace<'a> {
    pub fn new(context: &'a Context, stop: &'a AtomicBool) -> Self {
        Pace { context, stop, in_flight: VecDeque::new(), since: Instant::now() }
    }

    /// Submits `runs` runs of `plan`, adapting `per_submission` to it; `done` is told how many runs
    /// were submitted. Returns with up to two submissions in flight.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] once `stop` is set; a lost device.
    pub fn run(
        &mut self,
        plan: &Plan,
        runs: usize,
        per_submission: &mut usize,
        done: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let mut left = runs;
        while left > 0 {
            if self.stop.load(Ordering::Relaxed) {
                self.context.wait()?;
                return Err(Error::new(Kind::Interrupted, "interrupted"));
            }
            let now = left.min((*per_submission).max(1));
            self.in_flight.push_back((plan.submit(self.context, now), now, std::ptr::from_ref(plan)));
            left -= now;
            if self.in_flight.len() > 1
                && let Some((oldest, runs, of)) = self.in_flight.pop_front()
            {
                self.context.wait_for(&oldest)?;
                let each = self.since.elapsed().as_secs_f64() / runs as f64;
                self.since = Instant::now();
                if std::ptr::eq(of, plan) {
                    *per_submission = ((TARGET / each.max(1e-9)) as usize).clamp(1, MOST);
                }
            }
            done(runs - left);
        }
        Ok(())
    }
}
