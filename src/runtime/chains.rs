//! Queues of *chains*, tasks that travel together: the global queue, for what comes from outside of the
//! workers, and each processor's spill, for what overflows its ring, half of it in one push.
//!
//! Anybody takes from either. Anybody adds to the global queue, and tells a sleeping worker; only its owner adds to a
//! spill, and need not, as it is awake and comes to it: when its ring is empty, or has been run
//! several times.

use super::ring::Item;
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use concurrent_queue::ConcurrentQueue;
use std::{option, vec};

/// Tasks that travel together.
#[derive(Debug)]
pub(crate) enum Chain {
    /// The usual spawn or wake from outside.
    One(Item),
    /// Half a ring that overflowed, or what a worker leaves behind; oldest first, never nothing.
    Many(Vec<Item>),
}

impl IntoIterator for Chain {
    type Item = Item;
    type IntoIter = std::iter::Chain<option::IntoIter<Item>, vec::IntoIter<Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self {
            Chain::One(task) => (Some(task), Vec::new()),
            Chain::Many(tasks) => (None, tasks),
        };
        one.into_iter().chain(many)
    }
}

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct Chains {
    queue: ConcurrentQueue<Chain>,
    /// Chains in the queue: raised before the push, lowered after the pop, so that 0 means that
    /// nothing is there.
    // Ordering: Relaxed: whoever must not miss a push goes through the fences of `Idle`, or has pushed
    // itself; what was pushed is published by the queue.
    len: AtomicUsize,
}

impl Chains {
    pub(crate) fn new() -> Self {
        Self { queue: ConcurrentQueue::unbounded(), len: AtomicUsize::new(0) }
    }

    /// Adds a chain. If it is the global queue, the caller tells a sleeping worker (`Idle::notify`).
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
