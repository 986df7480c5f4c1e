//! Standing in line for the lock in somebody's stead.
//!
//! Of many who wait for a condition under one lock, and are told of it at once, one can go on. If all of them
//! are woken, they fight for the lock, on all cores. So a broadcast puts them into the lock's queue instead, and
//! each is woken when the one before has released the lock. (Linux' futex has the same, by this name; in the
//! literature it is wait morphing.)
//!
//! It is done for goroutines that wait for nothing else, as far as that is known ([`Waiter::is_parked`]). One that keeps
//! the wait, and is busy elsewhere, would not come when it is woken, and those behind it in the queue, who have been
//! told as well, would wait for it. Whoever is not put into the queue is woken and competes.

#![expect(unsafe_code, reason = "the request is entered into the queue by address")]

use super::{LOCKED, QUEUED, RawMutex, Request, Stage, State, UNSEEN, WOKEN};
use crate::sys::sync::atomic::Ordering;
use crate::wait::batch::WakeBatch;
use crate::wait::place::Place;
use crate::wait::record::WaitReason;
use crate::wait::waiter::Waiter;
use std::fmt;
use std::pin::Pin;
use std::ptr::NonNull;

/// A request for a lock, as those see it who may start it for its owner.
#[derive(Clone, Copy)]
pub(in crate::sync) struct Requeue {
    request: NonNull<Request>,
    mutex: NonNull<RawMutex>,
}

// SAFETY: it is used by one thread at a time, by the contract of `start`; the request is `Send`, and the lock `Sync`.
unsafe impl Send for Requeue {}

impl Request {
    /// Of a request that has not been polled.
    pub(in crate::sync) fn requeue(self: Pin<&mut Self>, mutex: &RawMutex) -> Requeue {
        // SAFETY: nothing is moved.
        let request = unsafe { self.get_unchecked_mut() };
        Requeue { request: NonNull::from(request), mutex: NonNull::from(mutex) }
    }
}

impl Requeue {
    /// Enters the queue, for the goroutine that waits as `waiter`, and takes the waker from that. Adds whom to wake:
    /// the first of the queue, if the lock is free and nobody has been woken yet.
    ///
    /// Does nothing if the goroutine is not parked for `reason` at the site of this request. Nor if somebody holds the
    /// lock of the queue: the caller may have another one, and several are taken in order. The caller finds the waker
    /// where it was then, and wakes.
    ///
    /// # Safety
    ///
    /// The request and its lock are where they were when this was made, it has not been polled, and its owner does not
    /// touch it meanwhile. The caller has the right to the waker of `waiter`, by (W2).
    pub(in crate::sync) unsafe fn start(
        self,
        waiter: &Waiter,
        reason: WaitReason,
        wakes: &mut WakeBatch,
    ) {
        // SAFETY: alive and nobody else's, by this function's contract.
        let request = unsafe { &mut *self.request.as_ptr() };
        debug_assert!(matches!(request.stage, Stage::New), "it has not been polled");
        // SAFETY: by this function's contract.
        if !unsafe { waiter.is_parked(reason, request.site) } {
            return;
        }
        // SAFETY: alive, by this function's contract.
        let mutex = unsafe { self.mutex.as_ref() };
        let Some(mut queue) = mutex.queue.try_lock() else { return };
        request.stage = Stage::Queued(Place::new(UNSEEN));
        let Stage::Queued(place) = &request.stage else { unreachable!("stored above") };
        // SAFETY: new, and pinned with the request, which leaves before it goes; the waker is by this function's contract.
        unsafe { place.enter_for(&mut queue, waiter) };
        // Ordering: Relaxed: the bit carries no data. If somebody holds the lock, its release comes later in the
        // order of this word, and finds the queue.
        let old = State(mutex.state.fetch_or(QUEUED, Ordering::Relaxed));
        if !old.has(LOCKED | WOKEN) {
            mutex.find_next(&mut queue, wakes);
        }
    }
}

impl fmt::Debug for Requeue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requeue").finish_non_exhaustive()
    }
}
