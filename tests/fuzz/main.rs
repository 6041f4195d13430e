//! Every reader of files reads its corpus, and refuses or reads whatever is made of it by damage: without a
//! panic, an abort, more than 2 GB of memory or more than 5 seconds.
//!
//! On the stable toolchain, and the same on every machine; `fuzz/` has the same readers as targets of a
//! fuzzer that is led by coverage. An input that fails is kept in the target folder's `tmp/fuzz`, where the
//! figures are too.
//!
//! For long: `VEILGRAD_FUZZ_INPUTS=10000000 cargo test --test fuzz -- --test-threads 15` tries so many in
//! all, of which every reader takes as many as it manages beside the others, and 2,000 at least.

mod memory;
mod mutation;
#[path = "../../fuzz/readers.rs"]
#[allow(dead_code, reason = "the fuzzer's targets call it")]
mod readers;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Once};
use std::time::Instant;

use readers::Reader;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

macro_rules! targets {
    ($($name:ident),*) => {
        /// Every reader's name.
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            fuzz(stringify!($name), readers::$name);
        })*
    };
}

targets!(
    checkpoints,
    cifar,
    csv,
    details,
    idx,
    metrics,
    npy,
    npz,
    parquet,
    predictions,
    presets,
    run_arrays,
    safetensors,
    schema,
    summary,
    tgz
);

/// Damaged files that each reader is tried with.
const INPUTS: u64 = 2_000;

/// Those of all readers so far.
static TRIED: AtomicU64 = AtomicU64::new(0);

/// The longest that a reader may take, in seconds.
const LONGEST: f64 = 5.0;

/// Seconds that this thread has computed (Linux), or that have passed: on a busy machine a thread waits for
/// others, and that is not the reader's time.
fn thread_seconds() -> f64 {
    static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let computed = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = computed.split(' ').next().and_then(|number| number.parse::<f64>().ok());
    nanoseconds.map_or_else(|| BEGUN.elapsed().as_secs_f64(), |number| number / 1e9)
}

/// What was seen of a reader.
#[derive(Default)]
struct Figures {
    inputs: u64,
    accepted: u64,
    /// In bytes.
    largest: i64,
    /// In seconds.
    slowest: f64,
    /// By what went wrong, how often and the first input's number.
    faults: BTreeMap<String, (u64, u64)>,
}

thread_local! {
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics of a reader are noted, all others are printed as ever.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ordinary = take_hook();
        set_hook(Box::new(move |panic| match IS_TRYING.get() {
            true => PANIC.set(panic.to_string()),
            false => ordinary(panic),
        }));
    });
}

impl Figures {
    /// Tries input `number`.
    fn try_input(&mut self, target: &'static str, reader: Reader, place: &Path, number: u64, bytes: &[u8]) {
        let (mut result, begun) = (None, thread_seconds());
        let largest = memory::largest(target, number, || {
            IS_TRYING.set(true);
            result = catch_unwind(AssertUnwindSafe(|| reader(place, bytes).is_ok())).ok();
            IS_TRYING.set(false);
        });
        let seconds = thread_seconds() - begun;
        self.inputs += 1;
        self.accepted += u64::from(result == Some(true));
        self.largest = self.largest.max(largest);
        self.slowest = self.slowest.max(seconds);
        let fault = match result {
            None => PANIC.take(),
            Some(_) if seconds > LONGEST => format!("more than {LONGEST} seconds"),
            Some(_) => return,
        };
        let times = self.faults.entry(fault).or_insert((0, number));
        times.0 += 1;
        if times.0 == 1 {
            fs::write(folder().join(format!("{target}-{number}")), bytes).expect("the input is kept");
        }
    }

    /// A line: the figures, and what went wrong.
    fn keep(&self, target: &str) {
        let text = format!(
            "{target}: {} inputs, {} accepted, at most {} bytes and {:.3} s, {} kinds of fault\n{:#?}\n",
            self.inputs,
            self.accepted,
            self.largest,
            self.slowest,
            self.faults.len(),
            self.faults
        );
        fs::write(folder().join(format!("{target}.txt")), text).expect("the figures are kept");
    }
}

/// Where failing inputs and figures are kept.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// Files of a folder, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn fuzz(target: &'static str, reader: Reader) {
    note_panics();
    let place = tempfile::tempdir().expect("a directory");
    let mut seeds = vec![];
    for file in files(&corpus().join(target)) {
        let bytes = fs::read(&file).expect("a seed");
        reader(place.path(), &bytes).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        seeds.push(bytes);
    }
    let total: u64 = std::env::var("VEILGRAD_FUZZ_INPUTS").map_or(0, |text| text.parse().expect("a number"));
    let mut figures = Figures::default();
    for number in 0.. {
        if TRIED.fetch_add(1, Ordering::Relaxed) >= total && number >= INPUTS {
            break;
        }
        figures.try_input(target, reader, place.path(), number, &mutation::damaged(&seeds, number));
        if number % 10_000 == 9_999 {
            figures.keep(target);
        }
    }
    figures.keep(target);
    assert!(figures.faults.is_empty(), "{target}: {:#?}", figures.faults);
    // Damage that is always noticed at the door tests nothing behind it.
    assert!(figures.accepted > 0, "{target}: nothing was accepted");
}

/// A reader that is added without a target, or a target without seeds, would go unnoticed.
#[test]
fn every_reader_has_a_target_and_seeds() {
    let stems = |folder: PathBuf| -> Vec<String> {
        files(&folder).iter().map(|f| f.file_stem().expect("a name").to_string_lossy().into_owned()).collect()
    };
    assert_eq!(stems(corpus()), NAMES);
    assert_eq!(stems(corpus().with_file_name("fuzz_targets")), NAMES);
    let bytes: u64 = files(&corpus()).iter().flat_map(|folder| files(folder)).map(size).sum();
    assert!(bytes < 300_000, "{bytes} bytes of seeds");
}

fn size(file: PathBuf) -> u64 {
    fs::metadata(file).expect("a file").len()
}
