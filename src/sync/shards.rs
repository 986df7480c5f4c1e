//! A number that many threads change at once, each on a cache line of its own.

use crate::sys::MODEL;
use crate::sys::cell::CachePadded;
use crate::sys::lane::{self, LANES};
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use crate::sys::sync::{OnceLock, after_rmw};
use std::thread::available_parallelism;

/// At most so many cache lines.
const MOST: usize = if MODEL { 2 } else { LANES };

/// So many cache lines at least where threads must not meet: more than there are workers on a small machine,
/// as one that was stuck may have been replaced by a spare one whose lane is not next to the others'.
const LEAST_APART: usize = if MODEL { 2 } else { 8 };

/// How many threads can run at once on this machine.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| available_parallelism().map_or(8, usize::from))
}

/// How many parts a number has on this machine: a power of two.
pub(super) fn parts() -> usize {
    processors().next_power_of_two().clamp(2, MOST)
}

/// Whether threads can be in each other's way at all.
pub(super) fn worthwhile() -> bool {
    MODEL || processors() > 1
}

/// The parts of the number. A thread adds to its own, and takes away from its own what another thread
/// may have added; so each part wraps, and only their sum means something.
#[derive(Debug)]
pub(super) struct Shards(Box<[CachePadded<Part>]>);

impl Shards {
    pub(super) fn new() -> Self {
        let part = || CachePadded::new(Part(AtomicUsize::new(0)));
        Self((0..parts().max(LEAST_APART)).map(|_| part()).collect())
    }

    /// The calling thread's part, if it has a lane already.
    #[inline]
    pub(super) fn own(&self) -> Option<&Part> {
        // No index can be wrong, but the compiler does not know that; and a call here, be it for a panic, would cost the
        // callers a frame on the stack.
        lane::known().and_then(|lane| self.0.get(lane & (self.0.len() - 1))).map(|part| &**part)
    }

    /// The part of a lane.
    pub(super) fn of(&self, lane: usize) -> &Part {
        &self.0[lane & (self.0.len() - 1)]
    }

    pub(super) fn sum(&self) -> usize {
        // Ordering: SeqCst: see `RawRwLock`, S2; Acquire pairs with the Release in `Part::sub`.
        let part = |part: &CachePadded<Part>| part.0.load(Ordering::SeqCst);
        self.0.iter().map(part).fold(0, usize::wrapping_add)
    }
}

/// What one thread, or several, have added and taken away.
#[derive(Debug)]
pub(super) struct Part(AtomicUsize);

impl Part {
    /// Adds one, before whatever the caller loads next.
    #[inline]
    pub(super) fn add(&self) {
        // Ordering: SeqCst: see `RawRwLock`, S2; it pairs with the load in `Shards::sum`.
        self.0.fetch_add(1, Ordering::SeqCst);
        after_rmw();
    }

    /// Adds `count`, under the lock of the queue.
    pub(super) fn add_many(&self, count: usize) {
        // Ordering: Relaxed: whoever asks for the sum has had the same lock.
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Takes one away, before whatever the caller loads next.
    #[inline]
    pub(super) fn sub(&self) {
        // Ordering: SeqCst, as in `add`; Release publishes what was read under the lock to the writer
        // that finds the sum zero.
        self.0.fetch_sub(1, Ordering::SeqCst);
        after_rmw();
    }
}
