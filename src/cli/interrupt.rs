//! Signals: the first asks training to stop where it can be continued, the second ends the program.
//!
//! Ctrl-C, a request to end (SIGTERM), and a terminal that hangs up (SIGHUP, unless it is ignored, as under nohup).
//! A file that reached the limit of its size (SIGXFSZ) ends nothing by itself: the write fails, and what it was
//! for decides. A driver's cache can do without; a run ends with the error, and can be continued.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use super::output::note;
use crate::error::{Error, Kind, Result};

/// What training looks at.
static STOP: AtomicBool = AtomicBool::new(false);

/// Whether anything looks at [`STOP`] now: otherwise there is nothing to wait for.
static HEEDED: AtomicBool = AtomicBool::new(false);

/// The first signal, 0 without one.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Runs `training`, which must stop soon after its flag is set: by Ctrl-C, or by a request to end.
///
/// # Errors
/// Those of `training`; a system that lets no handler be set.
pub(super) fn heed<T>(training: impl FnOnce(&AtomicBool) -> Result<T>) -> Result<T> {
    // Once a process: training and the audit after it share the handler.
    static HANDLER: OnceLock<Result<(), String>> = OnceLock::new();
    HANDLER
        .get_or_init(|| system::listen().map_err(|e| e.to_string()))
        .clone()
        .map_err(|e| Error::new(Kind::Io, "Ctrl-C").found(e))?;
    HEEDED.store(true, Ordering::SeqCst);
    let result = training(&STOP);
    HEEDED.store(false, Ordering::SeqCst);
    result
}

/// The exit code of a program that a signal ended, as shells have it: 128 and the signal's number, 130 after
/// Ctrl-C. `None` without a signal.
pub(super) fn exit_code() -> Option<u8> {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => None,
        signal => u8::try_from(128 + signal).ok(),
    }
}

/// Has writes beyond the limit of a file's size fail, where the system would end the program.
pub(super) fn outlive_file_limits() {
    system::outlive_file_limits();
}

/// A signal has come; a second one ends the program.
fn asked(signal: i32) {
    // Which came first is told even where both come at once.
    let _ = SIGNAL.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    if !HEEDED.load(Ordering::SeqCst) || STOP.swap(true, Ordering::SeqCst) {
        std::process::exit(128 + signal);
    }
    note("stopping where the run can be continued; once more to stop at once");
}

#[cfg(unix)]
mod system {
    use super::asked;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use std::sync::Arc;

    /// # Errors
    /// The system's.
    pub(super) fn listen() -> std::io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        if !is_ignored(SIGHUP) {
            signals.add_signal(SIGHUP)?;
        }
        std::thread::spawn(move || signals.forever().for_each(asked));
        Ok(())
    }

    pub(super) fn outlive_file_limits() {
        // What is registered does nothing but stand in the place of the signal's default. Without it the
        // program ends as it would have.
        let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    }

    /// Whether whoever started the program had it ignore the signal. A handler would undo what nohup does.
    fn is_ignored(signal: i32) -> bool {
        // SAFETY: sigaction is plain data, valid as zeros; without a new action the call only fills it.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &mut action) == 0
                && action.sa_sigaction == libc::SIG_IGN
        }
    }
}

#[cfg(not(unix))]
mod system {
    /// # Errors
    /// The system's.
    pub(super) fn listen() -> Result<(), ctrlc::Error> {
        // The number that Ctrl-C has elsewhere.
        ctrlc::set_handler(|| super::asked(2))
    }

    /// There is no such signal.
    pub(super) fn outlive_file_limits() {}
}
