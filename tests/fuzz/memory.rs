//! An allocator that counts what each thread holds and refuses more than [`MOST`].

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;

/// Most bytes that a thread may hold.
pub const MOST: i64 = 2_000_000_000;

pub struct Counting;

thread_local! {
    /// Negative where another thread's memory was freed.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static LARGEST: Cell<i64> = const { Cell::new(0) };
    /// For the message of a refusal, after which the process aborts.
    static INPUT: Cell<(&'static str, u64)> = const { Cell::new(("", 0)) };
}

/// The largest memory, in bytes, that this thread took during `run`, beyond what it held before.
pub fn largest(target: &'static str, number: u64, run: impl FnOnce()) -> i64 {
    let before = HELD.get();
    LARGEST.set(before);
    INPUT.set((target, number));
    run();
    LARGEST.get() - before
}

fn take(bytes: usize) -> bool {
    let held = HELD.get().saturating_add(bytes.try_into().unwrap_or(i64::MAX));
    if held > MOST {
        let (target, number) = INPUT.get();
        // Straight to the stream: the tests' capture would take memory, and is lost when the process aborts.
        let _ = writeln!(std::io::stderr(), "{target}, input {number}: asks for {bytes} bytes more");
        return false;
    }
    HELD.set(held);
    LARGEST.set(LARGEST.get().max(held));
    true
}

fn give(bytes: usize) {
    HELD.set(HELD.get() - bytes as i64);
}

// SAFETY: every call is the system allocator's with the same arguments, or says that there is no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        if take(layout.size()) { unsafe { System.alloc(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        if take(layout.size()) { unsafe { System.alloc_zeroed(layout) } } else { std::ptr::null_mut() }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        give(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both may be held for a moment.
        if !take(size) {
            return std::ptr::null_mut();
        }
        give(layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
