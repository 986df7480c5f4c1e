//! Giving way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets other tasks run before the caller goes on: the task goes to the tail of its worker's queue,
/// and no other worker is woken for it.
///
/// # Cancel safety
///
/// Nothing can be lost.
///
/// ```
/// # gort::run(async {
/// gort::task::yield_now().await;
/// # });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// Future of [`yield_now`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        // A goroutine that is woken while it runs is queued behind all others.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
