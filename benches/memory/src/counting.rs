//! The system's allocator, with a count of what is asked of it while somebody wants to know.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Sizes up to this many bytes are counted one by one.
const SIZES: usize = 4096;

static ON: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static BY_SIZE: [AtomicU64; SIZES + 1] = [const { AtomicU64::new(0) }; SIZES + 1];

/// The global allocator of this program.
pub struct Counting;

fn count(size: usize) {
    if ON.load(Ordering::Relaxed) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size as u64, Ordering::Relaxed);
        BY_SIZE[size.min(SIZES)].fetch_add(1, Ordering::Relaxed);
        LIVE.fetch_add(size as i64, Ordering::Relaxed);
    }
}

fn uncount(size: usize) {
    if ON.load(Ordering::Relaxed) {
        LIVE.fetch_sub(size as i64, Ordering::Relaxed);
    }
}

// SAFETY: every method hands its arguments to `System` unchanged and returns what it returns.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is System's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is System's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        uncount(layout.size());
        count(new_size);
        // SAFETY: the caller's promise is System's.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        uncount(layout.size());
        // SAFETY: the caller's promise is System's.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// What was asked for while counting.
pub struct Counted {
    pub calls: u64,
    pub bytes: u64,
    /// Bytes asked for and not given back.
    pub live: i64,
    /// Size and count of each size that was asked for, the commonest first.
    pub sizes: Vec<(usize, u64)>,
}

/// Starts counting, on all threads.
pub fn start() {
    CALLS.store(0, Ordering::Relaxed);
    BYTES.store(0, Ordering::Relaxed);
    LIVE.store(0, Ordering::Relaxed);
    for size in &BY_SIZE {
        size.store(0, Ordering::Relaxed);
    }
    ON.store(true, Ordering::SeqCst);
}

/// Stops counting.
pub fn stop() -> Counted {
    ON.store(false, Ordering::SeqCst);
    let (calls, bytes) = (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    let counts = BY_SIZE.iter().map(|n| n.load(Ordering::Relaxed)).enumerate();
    let mut sizes: Vec<_> = counts.filter(|(_, n)| *n > 0).collect();
    sizes.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    Counted { calls, bytes, live: LIVE.load(Ordering::Relaxed), sizes }
}
