//! Channel operations of threads that are not in async code.

use crate::sys::park::Parker;
use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

struct Unpark(Parker);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    /// This thread's parker, while nobody uses it.
    static IDLE: RefCell<Option<Arc<Unpark>>> = const { RefCell::new(None) };
}

/// Drives `future` on this thread, which sleeps meanwhile. A token that was left over from an earlier
/// wait costs one more poll.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    // Taken out: a waker or a drop inside the poll may come here again.
    let unpark = IDLE
        .try_with(RefCell::take)
        .ok()
        .flatten()
        .unwrap_or_else(|| Arc::new(Unpark(Parker::new())));
    let waker = Waker::from(Arc::clone(&unpark));
    let mut cx = Context::from_waker(&waker);
    let output = loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => break output,
            Poll::Pending => {
                unpark.0.park(None);
            }
        }
    };
    let _ = IDLE.try_with(|idle| idle.replace(Some(unpark)));
    output
}
