//! The wait, as an arm of a select.

#![expect(unsafe_code, reason = "the node is linked into the queue by address")]

use super::queue::{Signal, Ticket};
use super::{Cond, Locker};
use crate::wait::arm::{Arm, ObjectGuard};
use crate::wait::batch::WakeBatch;
use crate::wait::list::Node;
use crate::wait::record::Record;
use crate::wait::waiter::Waiter;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A wait in two parts: first for a signal, which claims the select, then for the lock, which does not. Another
/// arm may win while the lock is not to be had; then the signal goes on to somebody else.
#[doc(hidden)]
pub struct CondArm<'a, L: Locker> {
    turn: Turn<'a>,
    relock: L::Relock,
    stage: Stage<L>,
}

enum Stage<L> {
    /// The lock is held.
    New(L),
    /// In line, or told and not seen.
    Waiting,
    /// Told; the lock is being taken again.
    Relocking(Signal),
    /// The lock has been yielded, or the release panicked.
    Over,
}

impl<'a, L: Locker> CondArm<'a, L> {
    #[track_caller]
    pub(super) fn new(cond: &'a Cond, locker: L) -> Self {
        let turn = Turn {
            cond,
            armed: Cell::new(false),
            signal: Cell::new(None),
            node: Node::new(Ticket::none(None)),
        };
        Self { turn, relock: locker.relock(), stage: Stage::New(locker) }
    }

    /// The first part, while it can be claimed.
    pub(crate) fn operation(&self) -> Option<&dyn Arm> {
        let waits = matches!(self.stage, Stage::Waiting);
        waits.then_some(&self.turn)
    }

    /// Goes on as far as it gets. The select is not parked.
    ///
    /// # Safety
    ///
    /// The arm is pinned.
    #[track_caller]
    pub(crate) unsafe fn poll(&mut self, cx: &mut Context<'_>) -> Poll<L> {
        if let Stage::New(_) = self.stage {
            // SAFETY: not linked, and pinned by this function's contract; `drop` unlinks it.
            unsafe { self.turn.cond.queue.lock().enter_kept(&self.turn.node) };
            if let Stage::New(locker) = std::mem::replace(&mut self.stage, Stage::Waiting) {
                locker.release();
            }
        }
        if let Stage::Waiting = self.stage {
            match self.turn.signal() {
                Some(signal) => self.stage = Stage::Relocking(signal),
                None => return Poll::Pending,
            }
        }
        // SAFETY: pinned by this function's contract.
        let locker = ready!(unsafe { Pin::new_unchecked(&mut self.relock) }.poll(cx));
        self.stage = Stage::Over;
        Poll::Ready(locker)
    }
}

impl<L: Locker> Drop for CondArm<'_, L> {
    fn drop(&mut self) {
        let unused = match &self.stage {
            Stage::Waiting => self.turn.leave(),
            Stage::Relocking(signal) => Some(*signal),
            Stage::New(_) | Stage::Over => None,
        };
        if let Some(signal) = unused {
            self.turn.cond.pass_on(signal);
        }
    }
}

impl<L: Locker> fmt::Debug for CondArm<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CondArm").field("armed", &self.turn.armed).finish_non_exhaustive()
    }
}

/// A place in line.
struct Turn<'a> {
    cond: &'a Cond,
    /// Whether it can be claimed, or was and has not been collected.
    armed: Cell<bool>,
    /// The signal that it was given, once it has been collected.
    signal: Cell<Option<Signal>>,
    node: Node<Ticket>,
}

// SAFETY: the node is shared under the lock of the queue; the cells are the owner's.
unsafe impl Send for Turn<'_> {}

impl Turn<'_> {
    /// The signal that it was given, if it was. It has left the queue then.
    fn signal(&self) -> Option<Signal> {
        self.signal.take().or_else(|| {
            // SAFETY: not collected, so it is linked; and ours.
            unsafe { self.cond.queue.lock().collect(&self.node) }
        })
    }

    /// Leaves the queue; returns the signal that it was given.
    fn leave(&self) -> Option<Signal> {
        self.signal.take().or_else(|| {
            // SAFETY: not collected, so it is linked; and ours.
            unsafe { self.cond.queue.lock().leave(&self.node) }
        })
    }
}

// SAFETY: the key and the lock are the queue's; the owner's `drop` unlinks and passes on.
unsafe impl Arm for Turn<'_> {
    fn key(&self) -> Option<usize> {
        Some(self.cond.queue.key())
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.cond.queue.lock_only()
    }

    fn not_ready(&self) -> Option<u32> {
        // There is no number of the moment.
        None
    }

    unsafe fn try_locked(&self, _wakes: &mut WakeBatch) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.cond.queue.access() };
        // SAFETY: linked, as it has not been collected; and ours.
        let signal = unsafe { queue.collect(&self.node) };
        self.signal.set(signal);
        signal.is_some()
    }

    unsafe fn may_reclaim_locked(&self, goroutine: Option<&'static Record>) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.cond.queue.access() };
        // SAFETY: the node is ours.
        unsafe { queue.may_rob(&self.node, goroutine) }
    }

    unsafe fn reclaim_locked(
        &self,
        goroutine: Option<&'static Record>,
        _wakes: &mut WakeBatch,
    ) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.cond.queue.access() };
        // SAFETY: ours, and in line, as it was not ready.
        let signal = unsafe { queue.rob(&self.node, goroutine) };
        self.signal.set(signal);
        signal.is_some()
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, _wakes: &mut WakeBatch) {
        self.armed.set(true);
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.cond.queue.access() };
        // SAFETY: kept in line and not told, as it was not ready; the waiter lives as long, by the contract of
        // `Arm`.
        unsafe { queue.park(&self.node, waiter, case) };
    }

    unsafe fn cancel_locked(&self, _wakes: &mut WakeBatch) {
        if self.armed.replace(false) {
            // SAFETY: the caller holds the lock.
            let queue = unsafe { self.cond.queue.access() };
            // SAFETY: linked, as it has not been collected; and ours.
            unsafe { queue.unpark(&self.node) };
        }
    }

    unsafe fn collect_locked(&self, wakes: &mut WakeBatch) -> bool {
        self.armed.set(false);
        // SAFETY: the caller holds the lock; told, or taken back and kept in line.
        unsafe { self.try_locked(wakes) }
    }
}
