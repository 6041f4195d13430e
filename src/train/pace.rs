//! How many runs of a plan go into one submission: about 100 ms of GPU time each, two in flight, so
//! that no watchdog is woken, Ctrl-C answers and the GPU never waits for the host. A run that takes longer goes
//! alone; one that takes longer than a watchdog may allow goes in pieces.

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
/// Dispatches of a submission as long as nothing is known of a plan: those of a run of most networks, and a
/// part of a deep one's.
const UNKNOWN: usize = 128;

/// What goes into a submission of one plan, as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Runs a submission.
    runs: usize,
    /// Submissions a run, where one run is a submission or more.
    pieces: usize,
}

impl Portion {
    /// For the first run of `plan`.
    pub fn unknown(plan: &Plan) -> Self {
        Portion { runs: 1, pieces: plan.dispatches().div_ceil(UNKNOWN).max(1) }
    }

    /// Where a run takes `seconds`, and none may take longer than `longest` in one submission.
    fn measured(seconds: f64, longest: f64) -> Self {
        let pieces = if seconds > longest { (seconds / TARGET).ceil().clamp(2.0, 1e6) as usize } else { 1 };
        Portion { runs: ((TARGET / seconds.max(1e-9)) as usize).clamp(1, MOST), pieces }
    }
}

/// A submission on its way.
#[derive(Debug)]
struct Flight {
    submission: Submission,
    /// The plan's address.
    plan: *const Plan,
    /// How many runs end with it: none where it is a piece of one, and not the last.
    runs: usize,
}

/// Submits runs at a measured pace. Results do not depend on it.
#[derive(Debug)]
pub struct Pace<'a> {
    context: &'a Context,
    stop: &'a AtomicBool,
    in_flight: VecDeque<Flight>,
    /// When the last run ended.
    since: Instant,
}

impl<'a> Pace<'a> {
    /// With nothing in flight. Once `stop` is set, no further run is submitted.
    pub fn new(context: &'a Context, stop: &'a AtomicBool) -> Self {
        Pace { context, stop, in_flight: VecDeque::new(), since: Instant::now() }
    }

    /// Submits `runs` runs of `plan`, adapting `portion` to it; `done` is told how many runs
    /// were submitted. Returns with up to two submissions in flight.
    ///
    /// # Errors
    /// [`Kind::Interrupted`] once `stop` is set; a lost device.
    pub fn run(
        &mut self,
        plan: &Plan,
        runs: usize,
        portion: &mut Portion,
        done: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let mut left = runs;
        while left > 0 {
            if self.stop.load(Ordering::Relaxed) {
                self.context.wait()?;
                return Err(Error::new(Kind::Interrupted, "interrupted"));
            }
            let now = match portion.pieces {
                1 => {
                    let now = left.min(portion.runs);
                    self.fly(plan, plan.submit(self.context, now), now, portion)?;
                    now
                }
                pieces => {
                    let pieces = plan.pieces(pieces);
                    let last = pieces.len().saturating_sub(1);
                    for (i, piece) in pieces.into_iter().enumerate() {
                        let submission = plan.submit_piece(self.context, piece);
                        self.fly(plan, submission, usize::from(i == last), portion)?;
                    }
                    1
                }
            };
            left -= now;
            done(runs - left);
        }
        Ok(())
    }

    /// Takes up a submission with which so many `runs` of `plan` end; waits for the one before the last.
    fn fly(&mut self, plan: &Plan, submission: Submission, runs: usize, portion: &mut Portion) -> Result<()> {
        self.in_flight.push_back(Flight { submission, plan, runs });
        if self.in_flight.len() > 1
            && let Some(oldest) = self.in_flight.pop_front()
        {
            self.context.wait_for(&oldest.submission)?;
            if oldest.runs > 0 {
                let each = self.since.elapsed().as_secs_f64() / oldest.runs as f64;
                self.since = Instant::now();
                if std::ptr::eq(oldest.plan, plan) {
                    *portion = Portion::measured(each, self.context.longest_submission());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_is_a_tenth_of_a_second_a_long_run_goes_alone_and_a_longer_one_in_pieces() {
        let portion = |seconds| Portion::measured(seconds, 1.0);
        assert_eq!(portion(0.01), Portion { runs: 10, pieces: 1 });
        assert_eq!(portion(1e-9), Portion { runs: MOST, pieces: 1 });
        assert_eq!(portion(0.9), Portion { runs: 1, pieces: 1 });
        assert_eq!(portion(2.05), Portion { runs: 1, pieces: 21 });
        assert_eq!(Portion::measured(0.0, -1.0), Portion { runs: MOST, pieces: 2 }, "forced");
    }
}
