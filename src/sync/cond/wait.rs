//! The wait, as a future.

#![expect(unsafe_code, reason = "waiters are linked into the queue by address")]

use super::arm::CondArm;
use super::queue::{Signal, Ticket, was_broadcast_to};
use super::{Cond, Locker};
use crate::wait::place::Place;
use crate::wait::record::{self, WaitReason};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// The future of [`Cond::wait`].
#[must_use = "nothing is waited for until the future is awaited"]
pub struct CondWait<'a, L: Locker> {
    cond: &'a Cond,
    site: &'static Location<'static>,
    relock: L::Relock,
    stage: Stage<L>,
}

enum Stage<L> {
    /// The lock is held.
    New(L),
    /// In line, or told and not seen.
    Waiting(Place<Ticket>),
    /// Told; the lock is being taken again.
    Relocking(Signal),
    /// The lock has been yielded, or the release panicked.
    Over,
}

impl<L: Locker> Future for CondWait<'_, L> {
    type Output = L;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<L> {
        // SAFETY: a `Waiting` place stays where it is until it has been unlinked, and so does `relock`.
        let this = unsafe { self.get_unchecked_mut() };
        loop {
            match &this.stage {
                Stage::New(_) => {
                    this.enqueue(cx.waker().clone());
                    // There can be no signal yet that is newer than the ticket and has not woken this.
                    record::park(WaitReason::CondWait, this.site);
                    return Poll::Pending;
                }
                Stage::Waiting(place) => {
                    let (signal, spare) = look(place, this.cond, cx.waker());
                    if let Some(signal) = signal {
                        // First: the place in the queue is gone, and to drop a waker may run code of the user's.
                        this.stage = Stage::Relocking(signal);
                        drop(spare);
                        continue;
                    }
                    drop(spare);
                    record::park(WaitReason::CondWait, this.site);
                    return Poll::Pending;
                }
                Stage::Relocking(_) => {
                    // SAFETY: pinned together with `self`, see above.
                    let locker = ready!(unsafe { Pin::new_unchecked(&mut this.relock) }.poll(cx));
                    this.stage = Stage::Over;
                    return Poll::Ready(locker);
                }
                Stage::Over => panic!("`wait` polled after it was ready"),
            }
        }
    }
}

impl<'a, L: Locker> CondWait<'a, L> {
    #[track_caller]
    pub(super) fn new(cond: &'a Cond, locker: L) -> Self {
        let relock = locker.relock();
        CondWait { cond, site: Location::caller(), relock, stage: Stage::New(locker) }
    }

    /// The operation, of a future that has not been polled.
    pub(crate) fn into_arm(mut self) -> CondArm<'a, L> {
        let Stage::New(locker) = std::mem::replace(&mut self.stage, Stage::Over) else {
            unreachable!("a future that was polled does not move")
        };
        CondArm::new(self.cond, locker)
    }

    /// Takes a ticket, and releases the lock.
    #[track_caller]
    fn enqueue(&mut self, waker: Waker) {
        // SAFETY: pinned together with this future, by the caller.
        let relock = L::requeue(unsafe { Pin::new_unchecked(&mut self.relock) });
        let place = Stage::Waiting(Place::new(Ticket::none(relock)));
        let Stage::New(locker) = std::mem::replace(&mut self.stage, place) else {
            unreachable!("the caller looked")
        };
        let Stage::Waiting(place) = &self.stage else { unreachable!("stored above") };
        // SAFETY: new, and pinned with this future, whose drop unlinks it.
        unsafe { self.cond.queue.lock().enter(place, waker) };
        locker.release();
    }
}

/// What this waiter was told, or the signal that it may take; stores the waker if there is none. Returns the
/// wakers too that nobody needs any more, to be dropped when the place in the queue is known to be gone.
fn look(place: &Place<Ticket>, cond: &Cond, waker: &Waker) -> (Option<Signal>, [Option<Waker>; 2]) {
    // The common cases, which need no waker: it was woken because it was told.
    if was_broadcast_to(&place.waiter) {
        return (Some(Signal::All), [None, None]);
    }
    // SAFETY: it is linked, unless it was told of a broadcast just now; and ours.
    if let Some(signal) = unsafe { cond.queue.lock().collect(&place.node) } {
        return (Some(signal), [None, None]);
    }
    // Not under the lock: to clone it may run code of the user's.
    let mut fresh = Some(waker.clone());
    let queue = &mut *cond.queue.lock();
    // SAFETY: as above.
    let told = unsafe { queue.collect(&place.node) };
    // SAFETY: in line, if it was not told.
    let signal = told.or_else(|| unsafe { queue.rob(&place.node, record::current()) });
    let kept = if signal.is_none() { fresh.take() } else { None };
    // SAFETY: (W2): we hold the lock.
    let old = unsafe { place.waiter.replace(kept) };
    (signal, [old, fresh])
}

impl<L: Locker> Drop for CondWait<'_, L> {
    fn drop(&mut self) {
        let unused = match &self.stage {
            Stage::Waiting(place) if was_broadcast_to(&place.waiter) => None,
            // SAFETY: it is linked while it waits, unless it was told of a broadcast just now; and ours.
            Stage::Waiting(place) => unsafe { self.cond.queue.lock().leave(&place.node) },
            Stage::Relocking(signal) => Some(*signal),
            Stage::New(_) | Stage::Over => None,
        };
        if let Some(signal) = unused {
            self.cond.pass_on(signal);
        }
    }
}

impl<L: Locker> fmt::Debug for CondWait<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CondWait").field("cond", &self.cond).finish_non_exhaustive()
    }
}
