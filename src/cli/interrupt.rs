//! Ctrl-C: the first asks training to stop where it can be continued, the second ends the program.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::output::note;
use crate::error::{Error, Kind, Result};

/// What training looks at.
static STOP: AtomicBool = AtomicBool::new(false);

/// Whether anything looks at [`STOP`] now: otherwise there is nothing to wait for.
static HEEDED: AtomicBool = AtomicBool::new(false);

/// Runs `training`, which must stop soon after its flag is set: by Ctrl-C, or by a request to end.
///
/// # Errors
/// Those of `training`; a system that lets no handler be set.
pub(super) fn heed<T>(training: impl FnOnce(&AtomicBool) -> Result<T>) -> Result<T> {
    // Once a process: training and the audit after it share the handler.
    static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();
    HANDLER
        .get_or_init(|| {
            ctrlc::set_handler(|| {
                if !HEEDED.load(Ordering::SeqCst) || STOP.swap(true, Ordering::SeqCst) {
                    std::process::exit(1);
                }
                note("stopping where the run can be continued; once more to stop at once");
            })
            .map_err(|e| e.to_string())
        })
        .clone()
        .map_err(|e| Error::new(Kind::Io, "Ctrl-C").found(e))?;
    HEEDED.store(true, Ordering::SeqCst);
    let result = training(&STOP);
    HEEDED.store(false, Ordering::SeqCst);
    result
}
