//! Taking the lock, as an arm of a select.

#![expect(unsafe_code, reason = "the node is linked into the queues by address")]

use super::queue::{TAG_GRANTED, TAG_WAITS, grant};
use super::{Kind, RawRwLock};
use crate::wait::arm::{Arm, ObjectGuard, abandon};
use crate::wait::batch::WakeBatch;
use crate::wait::list::Node;
use crate::wait::record::Record;
use crate::wait::waiter::Waiter;
use std::cell::Cell;
use std::fmt;
use std::ptr::NonNull;

/// Taking the lock, as an arm of a select.
#[doc(hidden)]
pub struct RwArm<'a> {
    lock: &'a RawRwLock,
    kind: Kind,
    /// Whether the node was enqueued and has been neither collected nor cancelled.
    armed: Cell<bool>,
    /// Whether the lock was taken and not given out.
    held: Cell<bool>,
    node: Node<Kind>,
}

// SAFETY: the node is shared under the lock of the queues; the cells are the owner's.
unsafe impl Send for RwArm<'_> {}

impl<'a> RwArm<'a> {
    pub(in crate::sync) fn new(lock: &'a RawRwLock, kind: Kind) -> Self {
        let (armed, held) = (Cell::new(false), Cell::new(false));
        Self { lock, kind, armed, held, node: Node::new(kind) }
    }

    /// Hands the lock over to the caller, who releases it. The arm must be done.
    pub(crate) fn take(&self) {
        assert!(self.held.replace(false), "the arm has not been chosen");
    }
}

// SAFETY: the key and the lock are those of the queues; `drop` unlinks and releases.
unsafe impl Arm for RwArm<'_> {
    fn key(&self) -> Option<usize> {
        Some(self.lock.queue.key())
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.lock.queue.lock_only()
    }

    fn not_ready(&self) -> Option<u32> {
        // The word has no room for a number of the moment.
        None
    }

    unsafe fn try_locked(&self, _wakes: &mut WakeBatch) -> bool {
        let entered = self.lock.enter_locked(self.kind);
        self.held.set(entered);
        entered
    }

    unsafe fn may_reclaim_locked(&self, goroutine: Option<&'static Record>) -> bool {
        // SAFETY: the caller holds the lock.
        RawRwLock::may_reclaim(unsafe { self.lock.queue.access() }, goroutine)
    }

    unsafe fn reclaim_locked(
        &self,
        goroutine: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.lock.queue.access() };
        let entered = self.lock.reclaim(queue, self.kind, goroutine, wakes);
        self.held.set(entered);
        entered
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, wakes: &mut WakeBatch) {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.lock.queue.access() };
        self.armed.set(true);
        // SAFETY: not linked, so ours; the waiter lives as long as it is, by the contract of `Arm`.
        unsafe { self.node.assign(waiter, case) };
        // SAFETY: (L1): not linked, so ours.
        unsafe { self.node.seat() }.tag = TAG_WAITS;
        if !self.lock.enter_or_queue(queue, self.kind) {
            // SAFETY: pinned, not linked and assigned; `drop` unlinks it.
            unsafe { RawRwLock::link(queue, self.kind, &self.node) };
            return;
        }
        // It was released since it was tried: as if that came after. All locks are held, so only an arm
        // of the same select to which this happened too can have been chosen.
        // SAFETY: we hold the lock, under which it was assigned.
        if unsafe { self.node.claim() } {
            // SAFETY: pinned, and won just now; `drop` unlinks it.
            unsafe { grant(queue, NonNull::from(&self.node), wakes) };
        } else {
            self.lock.release_locked(queue, self.kind, wakes);
        }
    }

    unsafe fn cancel_locked(&self, wakes: &mut WakeBatch) {
        if self.armed.replace(false) {
            // SAFETY: the caller holds the lock.
            let queue = unsafe { self.lock.queue.access() };
            // SAFETY: the node is ours.
            unsafe { self.lock.cancel(queue, self.kind, &self.node, wakes) };
        }
    }

    unsafe fn collect_locked(&self, _wakes: &mut WakeBatch) -> bool {
        self.armed.set(false);
        // SAFETY: (L1): under the lock.
        let granted = unsafe { self.node.seat() }.tag == TAG_GRANTED;
        if granted {
            // SAFETY: the caller holds the lock.
            let queue = unsafe { self.lock.queue.access() };
            // SAFETY: linked as granted, by the tag.
            unsafe { queue.granted.remove(NonNull::from(&self.node)) };
        }
        self.held.set(granted);
        granted
    }
}

impl Drop for RwArm<'_> {
    fn drop(&mut self) {
        if self.armed.get() {
            // SAFETY: enqueued, so pinned; this is the end of it.
            unsafe { abandon(self) };
        } else if self.held.get() {
            match self.kind {
                Kind::Read => self.lock.release_read(),
                Kind::Write => self.lock.release_write(),
            }
        }
    }
}

impl fmt::Debug for RwArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwArm").field("armed", &self.armed).finish_non_exhaustive()
    }
}
