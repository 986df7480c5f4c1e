//! Being told that something happened, without being handed anything.
//!
//! A watcher is woken and unlinked by the event; *all* watchers are, so one that does not come to look
//! keeps nothing from the others. It then looks, under the lock, and enqueues itself again if there is
//! nothing to see.

#![expect(unsafe_code, reason = "the watcher's node is shared with the channel")]

use super::core::Core;
use super::state::{Event, State};
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node};
use crate::wait::waiter::{PLAIN, Waiter};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

/// A place among the watchers of one channel. Whoever owns it [`cancel`](Self::cancel)s it before it
/// goes.
#[derive(Debug)]
pub(crate) struct Watch {
    waiter: Waiter,
    node: Node<()>,
}

// SAFETY: the node and the waiter are shared under the channel's lock.
unsafe impl Send for Watch {}
// SAFETY: as above.
unsafe impl Sync for Watch {}

impl Watch {
    pub(crate) fn new() -> Self {
        Self { waiter: Waiter::new(), node: Node::new(()) }
    }

    /// Looks for what is waited for with `look`, under the lock, and starts watching if it finds
    /// nothing.
    pub(super) fn poll<T, R>(
        self: Pin<&Self>,
        core: &Core<T>,
        event: Event,
        cx: &Context<'_>,
        mut look: impl FnMut(&mut State<T>, &mut WakeBatch) -> Option<R>,
    ) -> Poll<R> {
        let mut fresh = self.waiter.is_idle().then(|| cx.waker().clone());
        loop {
            let mut wakes = WakeBatch::new();
            let mut state = core.lock();
            let found = look(&mut state, &mut wakes);
            let parked = if found.is_some() {
                Ok(None)
            } else {
                // SAFETY: pinned; `cancel` unlinks it.
                unsafe { self.park(state.watchers(event), cx.waker(), &mut fresh) }
            };
            drop(state);
            wakes.wake_all();
            match (found, parked) {
                (Some(found), _) => return Poll::Ready(found),
                // What was replaced is dropped here, without the lock.
                (None, Ok(_replaced)) => return Poll::Pending,
                (None, Err(())) => fresh = Some(cx.waker().clone()),
            }
        }
    }

    /// Enqueues the watcher, or keeps it there. `Err`: that takes a fresh waker.
    ///
    /// # Safety
    ///
    /// The lock is held, the watcher is pinned and enqueued nowhere else, and its owner unlinks it
    /// before it goes.
    unsafe fn park(
        &self,
        list: &mut List<()>,
        current: &Waker,
        fresh: &mut Option<Waker>,
    ) -> Result<Option<Waker>, ()> {
        // SAFETY: under the lock.
        let linked = unsafe { self.node.is_linked() };
        // SAFETY: (W2): linked, and under the lock.
        if linked && unsafe { self.waiter.refresh(current) } {
            return Ok(None);
        }
        let waker = fresh.take().ok_or(())?;
        if linked {
            // SAFETY: (W2): linked, and under the lock.
            return Ok(unsafe { self.waiter.replace(Some(waker)) });
        }
        self.waiter.reset();
        let old = self.waiter.register(waker);
        // SAFETY: not linked, and it lives in the same place as the waiter.
        unsafe { self.node.assign(&self.waiter, PLAIN) };
        // SAFETY: not linked; the rest by this function's contract.
        unsafe { list.push_back(NonNull::from(&self.node)) };
        Ok(old)
    }

    /// Stops watching.
    pub(super) fn cancel<T>(&self, core: &Core<T>, event: Event) {
        if self.waiter.is_idle() {
            return;
        }
        let mut state = core.lock();
        // SAFETY: under the lock.
        if unsafe { self.node.is_linked() } {
            // SAFETY: linked by `poll`, for the same event.
            unsafe { state.watchers(event).remove(NonNull::from(&self.node)) };
        }
        drop(state);
        self.waiter.reset();
    }
}
