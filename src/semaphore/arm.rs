//! Taking from a semaphore, as an arm of a select.

#![expect(unsafe_code, reason = "the node is linked into the lists by address")]

use super::acquire::Acquire;
use super::state::{Standing, Want};
use super::weighted::Weighted;
use crate::chan::RecvArm;
use crate::context::{self, Context};
use crate::select::complete;
use crate::select::private::{Arm, Channel, Face, How, Operand, Parking, Stepped};
use crate::wait::arm::{Arm as Operation, ObjectGuard, abandon};
use crate::wait::batch::WakeBatch;
use crate::wait::list::Node;
use crate::wait::record::Record;
use crate::wait::waiter::Waiter;
use std::cell::Cell;
use std::fmt;
use std::task;

/// What is waited for: one's turn at the semaphore, or the end of the context. One of the two happens.
#[doc(hidden)]
pub struct AcquireArm<'a> {
    turn: Turn<'a>,
    ctx: &'a Context,
    /// `None` if the context never ends.
    end: Option<RecvArm<'a, ()>>,
}

impl<'a> AcquireArm<'a> {
    pub(super) fn new(semaphore: &'a Weighted, ctx: &'a Context, n: usize) -> Self {
        let (armed, held) = (Cell::new(false), Cell::new(false));
        let turn = Turn { semaphore, n, armed, held, node: Node::new(Want::new(n)) };
        let end = ctx.done_core().map(|done| RecvArm::new(Some(done)));
        Self { turn, ctx, end }
    }

    /// Does what the engine asks of the two; whether one of them is done then.
    ///
    /// # Safety
    ///
    /// As for [`complete`].
    unsafe fn complete(&self, how: How) -> bool {
        match how {
            How::Try => {
                self.ctx.err().is_some()
                    // SAFETY: by this function's contract.
                    || unsafe { complete(&self.turn, how) }
                    || self.end.as_ref().is_some_and(|end| {
                        // SAFETY: by this function's contract.
                        unsafe { complete(end, how) }
                    })
            }
            How::Collect => {
                match self.turn.standing() {
                    // SAFETY: by this function's contract: this one was chosen.
                    Standing::Granted => unsafe { complete(&self.turn, how) },
                    Standing::Robbed => false,
                    Standing::Waits => self.end.as_ref().is_some_and(|end| {
                        // SAFETY: one of the two was chosen, so it was this.
                        unsafe { complete(end, how) }
                    }),
                }
            }
            How::Take => true,
        }
    }
}

impl Arm for AcquireArm<'_> {
    type Output = Result<(), context::Error>;
    type Core = Parking;

    fn core(&self) -> Parking {
        Parking::new()
    }

    fn face(&self) -> Face {
        Face::MAYBE
    }

    unsafe fn step(&mut self, how: How, _cx: &mut task::Context<'_>) -> Stepped<Self::Output> {
        // SAFETY: pinned by this function's contract, and the engine asks for what is due.
        if !unsafe { self.complete(how) } {
            return Stepped::Pending;
        }
        Stepped::Ready(if self.turn.held.replace(false) { Ok(()) } else { self.ctx.check() })
    }

    unsafe fn channel(&mut self) -> Channel<'_> {
        let channel = Channel::new(&self.turn);
        match &self.end {
            Some(end) => channel.or(end),
            None => channel,
        }
    }
}

impl fmt::Debug for AcquireArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcquireArm").field("armed", &self.turn.armed).finish_non_exhaustive()
    }
}

impl<'a> Operand<Acquire<'a>> {
    /// `result = semaphore.acquire(&ctx, n)`
    pub fn __gort_arm(self) -> AcquireArm<'a> {
        self.0.into_arm()
    }
}

/// A place in the line of a semaphore.
struct Turn<'a> {
    semaphore: &'a Weighted,
    n: usize,
    /// Whether the node was enqueued and has been neither collected nor cancelled.
    armed: Cell<bool>,
    /// Whether it was taken and not given out.
    held: Cell<bool>,
    node: Node<Want>,
}

// SAFETY: the node is shared under the lock of the semaphore; the cells are the owner's.
unsafe impl Send for Turn<'_> {}

impl Turn<'_> {
    /// Where it stands, once it has been in line.
    fn standing(&self) -> Standing {
        // SAFETY: the node is ours, and the lock is held.
        unsafe { self.semaphore.inner.state.lock().standing(&self.node) }
    }
}

// SAFETY: the key and the lock are the semaphore's; `drop` unlinks and gives back.
unsafe impl Operation for Turn<'_> {
    fn key(&self) -> Option<usize> {
        Some(self.semaphore.inner.state.key())
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.semaphore.inner.state.lock_only()
    }

    fn not_ready(&self) -> Option<u32> {
        // There is no number of the moment.
        None
    }

    unsafe fn try_locked(&self, _wakes: &mut WakeBatch) -> bool {
        // SAFETY: the caller holds the lock.
        let state = unsafe { self.semaphore.inner.state.access() };
        let taken = state.try_take(self.n);
        self.held.set(taken);
        taken
    }

    unsafe fn may_reclaim_locked(&self, goroutine: Option<&'static Record>) -> bool {
        // SAFETY: the caller holds the lock.
        unsafe { self.semaphore.inner.state.access() }.may_rob(goroutine)
    }

    unsafe fn reclaim_locked(
        &self,
        goroutine: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        // SAFETY: the caller holds the lock.
        let state = unsafe { self.semaphore.inner.state.access() };
        state.rob(goroutine, wakes);
        let taken = state.try_take(self.n);
        self.held.set(taken);
        taken
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, _wakes: &mut WakeBatch) {
        if self.n > self.semaphore.inner.size {
            return;
        }
        self.armed.set(true);
        // SAFETY: the caller holds the lock.
        let state = unsafe { self.semaphore.inner.state.access() };
        // SAFETY: not linked, pinned, and `waiter` lives as long, by the contract of `Arm`; `drop` unlinks it.
        unsafe { state.enter_select(&self.node, waiter, case) };
    }

    unsafe fn cancel_locked(&self, wakes: &mut WakeBatch) {
        if self.armed.replace(false) {
            // SAFETY: the caller holds the lock.
            let state = unsafe { self.semaphore.inner.state.access() };
            // SAFETY: the node is ours, and was enqueued.
            unsafe { state.leave(&self.node, wakes) };
        }
    }

    unsafe fn collect_locked(&self, _wakes: &mut WakeBatch) -> bool {
        // SAFETY: the caller holds the lock.
        let state = unsafe { self.semaphore.inner.state.access() };
        // SAFETY: the node is ours.
        let granted = unsafe { state.standing(&self.node) } == Standing::Granted;
        if granted {
            self.armed.set(false);
            // SAFETY: as above.
            unsafe { state.collect(&self.node) };
        }
        self.held.set(granted);
        granted
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.armed.get() {
            // SAFETY: enqueued, so pinned; this is the end of it.
            unsafe { abandon(self) };
        } else if self.held.get() {
            self.semaphore.release(self.n);
        }
    }
}
