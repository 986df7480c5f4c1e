//! The global queue: what comes from outside of the workers, and what overflows their rings.
//!
//! It carries *chains*: a worker whose ring is full hands over half of it in one push.

use super::ring::Item;
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use concurrent_queue::ConcurrentQueue;

/// Tasks that travel together.
#[derive(Debug)]
pub(crate) enum Chain {
    /// The usual spawn or wake from outside.
    One(Item),
    /// Half a ring or less, oldest first; never nothing.
    Many(Vec<Item>),
}

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct Inject {
    queue: ConcurrentQueue<Chain>,
    /// Chains in the queue: raised before the push, lowered after the pop, so that 0 means that
    /// nothing is there.
    // Ordering: Relaxed: whoever must not miss a push goes through the fences of `Idle`; what was
    // pushed is published by the queue.
    len: AtomicUsize,
}

impl Inject {
    pub(crate) fn new() -> Self {
        Self { queue: ConcurrentQueue::unbounded(), len: AtomicUsize::new(0) }
    }

    /// Adds a chain. The caller tells a sleeping worker (`Idle::notify`).
    pub(crate) fn push(&self, chain: Chain) {
        self.len.fetch_add(1, Ordering::Relaxed);
        assert!(self.queue.push(chain).is_ok(), "the queue is never closed");
    }

    /// Takes the oldest chain.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Chain> {
        if self.is_empty() {
            return None;
        }
        let chain = self.queue.pop().ok()?;
        self.len.fetch_sub(1, Ordering::Relaxed);
        Some(chain)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }
}
