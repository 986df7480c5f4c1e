//! Wakers gathered under a lock, woken after it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::Waker;

/// How many wakers one batch holds.
const ROOM: usize = 16;

/// A few wakers that are to be woken once the caller holds no lock any more.
///
/// Waking runs code of the executor that made the waker, and of the user where the waker is theirs:
/// it may come back to the very object that is waking, and it may panic. So an object takes the
/// wakers out under its lock, unlocks, and then calls [`wake_all`](Self::wake_all); when the batch
/// [is full](Self::is_full) it does so in rounds.
#[derive(Debug, Default)]
pub(crate) struct WakeBatch {
    wakers: [Option<Waker>; ROOM],
    len: usize,
}

impl WakeBatch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Whether another [`push`](Self::push) would not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.len == ROOM
    }

    /// Adds a waker. The batch must not be full.
    pub(crate) fn push(&mut self, waker: Waker) {
        self.wakers[self.len] = Some(waker);
        self.len += 1;
    }

    /// Wakes everybody in the order of the pushes. A waker that panics stops no other; the first
    /// panic goes on when all have been woken.
    pub(crate) fn wake_all(&mut self) {
        let mut first = None;
        for waker in self.wakers[..self.len].iter_mut().filter_map(Option::take) {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                first.get_or_insert(panic);
            }
        }
        self.len = 0;
        if let Some(panic) = first {
            resume_unwind(panic);
        }
    }
}
