//! A thread parker on our own locks, so that model checkers and sanitizers see it.
//!
//! One token: [`Parker::unpark`] leaves it, [`Parker::park`] takes it or waits for it. Tokens do not
//! add up.

use super::sync::atomic::{AtomicU32, Ordering};
use super::sync::{Condvar, Mutex};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// No token, nobody waiting.
const EMPTY: u32 = 0;
/// The owner waits.
const PARKED: u32 = 1;
/// A token is there.
const NOTIFIED: u32 = 2;

/// Parks one thread at a time; anybody may unpark.
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicU32,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self { state: AtomicU32::new(EMPTY), lock: Mutex::new(()), wake: Condvar::new() }
    }

    /// Takes the token without waiting.
    pub(crate) fn take_token(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `unpark`: what was written before the token
        // was left is visible to whoever takes it.
        self.state.compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Waits for the token, at most `limit`. Returns whether it took one.
    pub(crate) fn park(&self, limit: Option<Duration>) -> bool {
        if self.take_token() {
            return true;
        }
        let mut guard = self.lock.lock();
        // Ordering: AcqRel: Acquire as in `take_token`; Release because `unpark` may read PARKED.
        match self.state.compare_exchange(EMPTY, PARKED, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {}
            // The token came between the two looks.
            Err(_) => {
                // Ordering: Acquire, as in `take_token`.
                self.state.swap(EMPTY, Ordering::Acquire);
                return true;
            }
        }
        if let Some(limit) = limit {
            guard = self.wake.wait_for(guard, limit);
            drop(guard);
            // Ordering: Acquire, as in `take_token`.
            return self.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED;
        }
        loop {
            guard = self.wake.wait(guard);
            if self.take_token() {
                return true;
            }
        }
    }

    /// Leaves the token and wakes the owner if it waits.
    pub(crate) fn unpark(&self) {
        // Ordering: Release publishes the caller's writes to `take_token`; Acquire orders the lock
        // below after a PARKED that was read.
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == PARKED {
            // The owner holds the lock from its change to PARKED until it waits: taking the lock
            // once makes sure that it is waiting, and does not miss the notification.
            drop(self.lock.lock());
            self.wake.notify_one();
        }
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.unpark();
    }
}

thread_local! {
    /// This thread's parker for [`block_on`], while nobody uses it.
    static SPARE: Cell<Option<Arc<Parker>>> = const { Cell::new(None) };
}

/// Polls `future` on the calling thread, which blocks in between. No runtime is entered; inside of
/// one, tell it first (`runtime::context::about_to_block`).
///
/// A token left over from an earlier call costs one more poll.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // Taken out: a waker or a drop inside the poll may come here again.
    let spare = SPARE.try_with(Cell::take).ok().flatten();
    let parker = spare.unwrap_or_else(|| Arc::new(Parker::new()));
    let waker = Waker::from(Arc::clone(&parker));
    let mut cx = Context::from_waker(&waker);
    let output = loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => break output,
            Poll::Pending => {
                parker.park(None);
            }
        }
    };
    // The thread may be ending, and its spare be gone.
    let _ = SPARE.try_with(|spare| spare.set(Some(parker)));
    output
}
