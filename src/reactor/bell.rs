//! How a sleeping poller learns that it should get up: somebody asks it to, or a timer was made that
//! is due before it meant to look again.
//!
//! `until` is the poller's promise: no later than then it looks at the timers. `state` tells whether
//! a descriptor must be written to end its wait.
//!
//! # No deadline is overslept
//!
//! Both sides write first, then fence, then read what the other one wrote:
//!
//! | poller ([`Bell::doze`]) | maker of a timer ([`Bell::deadline_moved`]) |
//! |---|---|
//! | store `until` | store the shard's least deadline |
//! | fence | fence |
//! | load the shards' least deadlines | load `until` |
//!
//! The two fences are totally ordered. If the poller's comes first, the maker sees `until` and rings
//! when its deadline is earlier; if the maker's comes first, the poller sees the deadline and sleeps
//! no longer than that. A ring between `doze` and the wait itself is kept in `state`.
//!
//! # No ring is lost to another poller
//!
//! A ring is for whoever polls at that moment, or for the next one. If it is meant for a thread that
//! is only about to poll, the one that polls now may use it up. So who rings for one thread leaves a
//! word for it first, and a poller looks for that word when its own wait can be rung: either the ring
//! comes later, and ends the wait, or it came before, and the word is there.

use crate::sys::clock::Nanos;
use crate::sys::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Nobody waits, nobody rang.
const QUIET: u32 = 0;
/// The poller waits: a ring has to go through the descriptor.
const WAITING: u32 = 1;
/// Somebody rang: the next wait ends at once.
const RUNG: u32 = 2;

/// What the poller is told; see the [module](self).
#[derive(Debug)]
pub(super) struct Bell {
    state: AtomicU32,
    /// When a sleeping poller looks at the timers again; 0 while none sleeps.
    // Ordering: Relaxed: the fences order it with the deadlines (module doc). Who still finds the time
    // of a poller that is awake again rings for nothing.
    until: AtomicU64,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self { state: AtomicU32::new(QUIET), until: AtomicU64::new(0) }
    }

    /// Says that the caller, who holds the poll lock, is about to sleep until `until` or until the
    /// least deadline that `least` returns. Returns that time; `None` if somebody has rung, or if
    /// `stop` says that there is a word for the caller.
    pub(super) fn doze(
        &self,
        until: Nanos,
        least: impl FnOnce() -> Nanos,
        stop: impl FnOnce() -> bool,
    ) -> Option<Nanos> {
        self.until.store(until, Ordering::Relaxed);
        // Ordering: pairs with the fence in `deadline_moved` (module doc).
        fence(Ordering::SeqCst);
        let until = until.min(least());
        // Ordering: Acquire pairs with the Release in `ring`: what was written before the ring is
        // visible to the poller that does not sleep because of it. If another poller used the ring
        // up, its exchange stands between the two (`awake`), and passes on what `ring` published.
        let quiet =
            self.state.compare_exchange(QUIET, WAITING, Ordering::Acquire, Ordering::Acquire);
        if quiet.is_ok() && !stop() {
            return Some(until);
        }
        self.awake();
        None
    }

    /// Says that the poller, who called [`doze`](Self::doze), sleeps no more.
    pub(super) fn awake(&self) {
        self.until.store(0, Ordering::Relaxed);
        // Ordering: Acquire as in `doze`.
        self.state.swap(QUIET, Ordering::Acquire);
    }

    /// Leaves a ring for the poller that sleeps now or next. `true`: one waits and the caller must
    /// end its wait through the descriptor.
    #[must_use]
    pub(super) fn ring(&self) -> bool {
        // Ordering: Release publishes what the caller wrote to the poller (`doze`, `awake`).
        self.state.swap(RUNG, Ordering::Release) == WAITING
    }

    /// Called after the least deadline of a shard was lowered to `deadline`. `true`: as in
    /// [`ring`](Self::ring).
    #[must_use]
    pub(super) fn deadline_moved(&self, deadline: Nanos) -> bool {
        // Ordering: pairs with the fence in `doze` (module doc).
        fence(Ordering::SeqCst);
        deadline < self.until.load(Ordering::Relaxed) && self.ring()
    }

    /// Whether a poller waits right now; it may change at any moment.
    pub(super) fn is_waiting(&self) -> bool {
        self.state.load(Ordering::Relaxed) == WAITING
    }
}
