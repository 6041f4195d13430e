//! One program a run directory: an advisory lock, which ends with its process, and a lease with a heartbeat, for
//! file systems whose locks other machines do not see.
//!
//! Not what is in the directory. `run.lock` stays there, empty: to remove it while another program waits for it
//! would give each of them a lock of its own.

use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// The file that is locked.
pub const LOCK: &str = "run.lock";
/// The file that says who holds the directory.
pub const LEASE: &str = "lease.json";

/// From one heartbeat to the next.
const BEAT: Duration = Duration::from_secs(10);
/// A lease that was not renewed for so long is nobody's: six heartbeats, for a network that stalls.
const STALE: Duration = Duration::from_secs(60);

/// Who holds a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    host: String,
    process: u32,
    /// Seconds since 1970.
    since: u64,
    /// Another for each program, also for two on machines of one name.
    token: String,
}

impl Holder {
    fn new(host: &str) -> Result<Self> {
        let token =
            getrandom::u64().map_err(|e| Error::new(Kind::Io, "random numbers").found(e.to_string()))?;
        let since =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Holder {
            host: host.to_owned(),
            process: std::process::id(),
            since,
            token: format!("{token:016x}"),
        })
    }

    fn read(directory: &Path) -> Option<Holder> {
        serde_json::from_slice(&fs::read(directory.join(LEASE)).ok()?).ok()
    }

    /// Takes the lease, or renews it: written aside and renamed, so that nobody reads a part of it.
    fn write(&self, directory: &Path) -> std::io::Result<()> {
        let aside = directory.join(format!("{LEASE}-{}.partial", self.token));
        let written = fs::write(&aside, serde_json::to_vec(self)?)
            .and_then(|()| fs::rename(&aside, directory.join(LEASE)));
        if written.is_err() {
            // The first error is the one to report; what cannot be removed is only litter.
            let _ = fs::remove_file(&aside);
        }
        written
    }

    fn describe(&self) -> String {
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(self.since);
        let since = humantime::format_rfc3339_seconds(since);
        format!("process {} on {}, since {since}", self.process, self.host)
    }
}

/// A directory that this program alone may write. Its end frees the directory, as the process's does.
#[derive(Debug)]
pub struct Lease {
    directory: PathBuf,
    holder: Holder,
    /// Whose directory this was before, where that program did not end as it should have.
    pub taken_over: Option<String>,
    lost: Arc<AtomicBool>,
    heart: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    _lock: File,
}

impl Lease {
    /// Takes `directory` for this program.
    ///
    /// # Errors
    /// Another program has it, and is named; a directory that cannot be written.
    pub fn take(directory: &Path) -> Result<Self> {
        Self::take_as(directory, &gethostname::gethostname().to_string_lossy())
    }

    fn take_as(directory: &Path, host: &str) -> Result<Self> {
        let path = directory.join(LOCK);
        let failed = |e: std::io::Error| Error::io(&path, &e);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        let before = Holder::read(directory);
        let locked = match lock.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(held(directory, before.as_ref())),
            // A file system without locks: the lease alone decides.
            Err(TryLockError::Error(_)) => false,
        };
        let mut taken_over = None;
        if let Some(before) = before {
            let silent = silence(directory)?;
            if locked && before.host == host {
                // It would have the lock.
                taken_over = Some(format!("{}, which has ended without a word", before.describe()));
            } else if silent < STALE {
                return Err(held(directory, Some(&before)));
            } else {
                let seconds = silent.as_secs();
                taken_over =
                    Some(format!("{}, of which nothing was heard for {seconds} s", before.describe()));
            }
        }
        let holder = Holder::new(host)?;
        holder.write(directory).map_err(failed)?;
        match Holder::read(directory) {
            Some(other) if other != holder => return Err(held(directory, Some(&other))),
            _ => {}
        }
        let lost = Arc::new(AtomicBool::new(false));
        let heart = Some(beat(directory, &holder, &lost, BEAT));
        Ok(Lease { directory: directory.to_owned(), holder, taken_over, lost, heart, _lock: lock })
    }

    /// Whether this program still may write in the directory.
    ///
    /// # Errors
    /// Another program has taken the directory over, since this one was silent for too long: it must not
    /// write there.
    pub fn check(&self) -> Result<()> {
        if !self.lost.load(Ordering::SeqCst) {
            return Ok(());
        }
        Err(held(&self.directory, Holder::read(&self.directory).as_ref()))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.heart.take() {
            drop(end);
            // A heart that panicked has nothing more to say.
            let _ = thread.join();
        }
        if Holder::read(&self.directory).as_ref() == Some(&self.holder) {
            // What cannot be removed is stale in a minute.
            let _ = fs::remove_file(self.directory.join(LEASE));
        }
    }
}

/// Renews the lease every `beat`, until the sender is dropped or the lease is another's.
fn beat(
    directory: &Path,
    holder: &Holder,
    lost: &Arc<AtomicBool>,
    beat: Duration,
) -> (mpsc::Sender<()>, JoinHandle<()>) {
    let (end, ended) = mpsc::channel();
    let (directory, holder, lost) = (directory.to_owned(), holder.clone(), Arc::clone(lost));
    let thread = std::thread::spawn(move || {
        while ended.recv_timeout(beat) == Err(RecvTimeoutError::Timeout) {
            if Holder::read(&directory).is_some_and(|found| found != holder) {
                lost.store(true, Ordering::SeqCst);
                return;
            }
            // A disk that is full now may not be at the next beat; what the run itself writes will report it.
            let _ = holder.write(&directory);
        }
    });
    (end, thread)
}

/// How long ago the lease was renewed, by the clock of the file system, which all machines share.
fn silence(directory: &Path) -> Result<Duration> {
    let failed = |e: std::io::Error| Error::io(directory, &e);
    let time = |metadata: fs::Metadata| metadata.modified();
    let now = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    let now = now.as_file().metadata().and_then(time).map_err(failed)?;
    match fs::metadata(directory.join(LEASE)).and_then(time) {
        Ok(renewed) => Ok(now.duration_since(renewed).unwrap_or_default()),
        // Given up in this moment.
        Err(_) => Ok(STALE),
    }
}

fn held(directory: &Path, holder: Option<&Holder>) -> Error {
    let by = holder.map_or("another program".to_owned(), Holder::describe);
    Error::new(Kind::Io, directory.display().to_string())
        .expected("a run that no other program works on")
        .found(format!("it is held by {by}"))
        .advice(format!(
            "wait for that program or end it: a run is free as soon as its process has ended, or {} s after \
             the last sign of one on another machine",
            STALE.as_secs()
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Leaves the lease of a program on `host` that gave its last sign so many seconds ago.
    fn leave(directory: &Path, host: &str, seconds: u64) {
        let holder = Holder { since: 0, process: 77, ..Holder::new(host).unwrap() };
        holder.write(directory).unwrap();
        let file = OpenOptions::new().write(true).open(directory.join(LEASE)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn the_second_is_told_who_holds_the_directory_and_gets_it_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lease::take(directory.path()).unwrap();
        assert_eq!(first.taken_over, None);
        let error = Lease::take(directory.path()).unwrap_err().to_string();
        let holder = format!("held by process {} on {}, since 20", std::process::id(), first.holder.host);
        assert!(error.contains(&holder) && error.contains("wait for that program"), "{error}");
        drop(first);
        assert!(!directory.path().join(LEASE).exists());
        assert_eq!(Lease::take(directory.path()).unwrap().taken_over, None);
    }

    #[test]
    fn a_lease_of_another_machine_holds_until_it_is_stale() {
        let directory = tempfile::tempdir().unwrap();
        leave(directory.path(), "elsewhere", 30);
        let error = Lease::take_as(directory.path(), "here").unwrap_err().to_string();
        assert!(error.contains("held by process 77 on elsewhere, since 1970-01-01T00:00:00Z"), "{error}");
        leave(directory.path(), "elsewhere", 61);
        let lease = Lease::take_as(directory.path(), "here").unwrap();
        let before = lease.taken_over.as_deref().unwrap();
        assert!(before.contains("on elsewhere") && before.contains("nothing was heard for 6"), "{before}");
    }

    #[test]
    fn a_lease_of_this_machine_whose_lock_is_free_is_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        leave(directory.path(), "here", 0);
        let lease = Lease::take_as(directory.path(), "here").unwrap();
        assert!(lease.taken_over.as_deref().unwrap().contains("process 77 on here"), "{lease:?}");
    }

    #[test]
    fn a_heartbeat_renews_the_lease_and_notices_that_it_was_lost() {
        let directory = tempfile::tempdir().unwrap();
        let wait = |until: &dyn Fn() -> bool| {
            let began = std::time::Instant::now();
            while !until() {
                assert!(began.elapsed() < Duration::from_secs(20), "no heartbeat");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let mut lease = Lease::take_as(directory.path(), "here").unwrap();
        lease.heart = None;
        leave(directory.path(), "here", 50);
        lease.holder = Holder::read(directory.path()).unwrap();
        lease.heart = Some(beat(directory.path(), &lease.holder, &lease.lost, Duration::from_millis(10)));
        wait(&|| silence(directory.path()).unwrap() < Duration::from_secs(20));
        lease.check().unwrap();
        leave(directory.path(), "elsewhere", 0);
        wait(&|| lease.check().is_err());
        assert!(lease.check().unwrap_err().to_string().contains("on elsewhere"));
        // It is the other's now.
        drop(lease);
        assert_eq!(Holder::read(directory.path()).unwrap().host, "elsewhere");
    }
}
