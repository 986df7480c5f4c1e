//! Who sleeps, who searches, and how a sleeper is told that there is work.
//!
//! A worker is *active* (it runs tasks), *searching* (its queue is empty and it looks at the
//! others') or *sleeping*. One word counts the searching and the sleeping; a list under a lock names
//! the sleepers.
//!
//! The race to avoid: somebody publishes work and finds a searcher or no sleeper, while the last
//! searcher has just looked in vain and goes to sleep. Both sides write, fence, and read:
//!
//! * publisher: push the work (W1); fence; read the word (R1); wake somebody if there is a sleeper
//!   and no searcher.
//! * sleeper: count itself as sleeping and not searching (W2); fence; look at every queue (R2);
//!   if something is there, wake up again.
//!
//! Of two `SeqCst` fences one comes first: if the publisher's, R2 sees W1; otherwise R1 sees W2. A
//! searcher that R1 saw has its own W2 still to come, so its R2 sees W1. When the last searcher finds
//! work, it does the same before it starts: no longer count as searching, fence, look at the
//! queues, and wake the next sleeper if there is more; a publisher may have relied on it.

use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicU32, Ordering, fence};

/// Counts of the workers that search (low half) and sleep (high half).
#[derive(Debug, Clone, Copy)]
struct Counts(u32);

const ONE_SEARCHING: u32 = 1;
const ONE_SLEEPING: u32 = 1 << 16;

impl Counts {
    fn searching(self) -> u32 {
        self.0 & 0xffff
    }

    fn sleeping(self) -> u32 {
        self.0 >> 16
    }
}

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct Idle {
    // Ordering: Relaxed: the fences order it with the queues (module doc); the sleeping half changes
    // under the lock of `sleepers`.
    counts: AtomicU32,
    sleepers: Mutex<Vec<usize>>,
}

impl Idle {
    pub(crate) fn new() -> Self {
        Self { counts: AtomicU32::new(0), sleepers: Mutex::new(Vec::new()) }
    }

    fn counts(&self) -> Counts {
        Counts(self.counts.load(Ordering::Relaxed))
    }

    /// Whether somebody sleeps and nobody searches, at a glance and without a fence: good enough
    /// for a worker that looks again soon.
    #[inline]
    pub(crate) fn wants_work(&self) -> bool {
        let counts = self.counts();
        counts.sleeping() > 0 && counts.searching() == 0
    }

    /// Whether one searches and, of `workers` in all, not all others sleep. A hint.
    pub(crate) fn has_one_searcher_beside_busy(&self, workers: usize) -> bool {
        let counts = self.counts();
        counts.searching() == 1 && (counts.sleeping() as usize) + 1 < workers
    }

    /// How many workers sleep.
    pub(crate) fn sleeping(&self) -> u32 {
        self.counts().sleeping()
    }

    /// Work has been published: picks the sleeper that is to be woken, if one is needed. It already
    /// counts as searching; the caller unparks it.
    #[must_use]
    pub(crate) fn notify(&self) -> Option<usize> {
        // Ordering: pairs with the fence in `sleep` (module doc).
        fence(Ordering::SeqCst);
        if !self.wants_work() {
            return None;
        }
        let mut sleepers = self.sleepers.lock();
        if self.counts().searching() > 0 {
            return None;
        }
        let worker = sleepers.pop()?;
        // Under the lock, like every change of the sleeping half.
        self.counts.fetch_add(ONE_SEARCHING.wrapping_sub(ONE_SLEEPING), Ordering::Relaxed);
        Some(worker)
    }

    /// Makes the calling worker a searcher, unless half of `active` workers search already.
    pub(crate) fn start_search(&self, active: u32) -> bool {
        if 2 * self.counts().searching() >= active {
            return false;
        }
        self.counts.fetch_add(ONE_SEARCHING, Ordering::Relaxed);
        true
    }

    /// The calling searcher found work. Returns whether it was the last searcher: then it should look
    /// at the queues and [`notify`](Self::notify) if there is more.
    pub(crate) fn stop_search(&self) -> bool {
        let before = Counts(self.counts.fetch_sub(ONE_SEARCHING, Ordering::Relaxed));
        // Ordering: pairs with the fence in `notify`: either that sees no searcher or the caller sees
        // the work.
        fence(Ordering::SeqCst);
        debug_assert!(before.searching() > 0);
        before.searching() == 1
    }

    /// The calling worker goes to sleep; `searching` tells whether it counts as a searcher. It has
    /// to look at every queue once more before it does sleep.
    pub(crate) fn sleep(&self, worker: usize, searching: bool) {
        let mut sleepers = self.sleepers.lock();
        sleepers.push(worker);
        let searcher = if searching { ONE_SEARCHING } else { 0 };
        self.counts.fetch_add(ONE_SLEEPING.wrapping_sub(searcher), Ordering::Relaxed);
        drop(sleepers);
        // Ordering: pairs with the fence in `notify` (module doc).
        fence(Ordering::SeqCst);
    }

    /// The calling worker wakes. Returns whether it counts as a searcher now, because somebody
    /// picked it in [`notify`](Self::notify).
    pub(crate) fn wake(&self, worker: usize) -> bool {
        let mut sleepers = self.sleepers.lock();
        match sleepers.iter().rposition(|&w| w == worker) {
            Some(at) => {
                sleepers.remove(at);
                self.counts.fetch_sub(ONE_SLEEPING, Ordering::Relaxed);
                false
            }
            None => true,
        }
    }
}
