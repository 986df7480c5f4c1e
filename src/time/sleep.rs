//! Sleeping: a future that is ready at a deadline.

use super::{Duration, Instant};
use crate::reactor::{Shard, Timer};
use crate::sys::clock::duration_to_nanos;
use crate::sys::point::{self, Op};
use crate::wait::record::{self, WaitReason};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomPinned;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Waits for `duration`.
///
/// The time counts from the call, not from the first poll. A duration of zero is over at once, and
/// one that is too long for the clock is as long as the clock goes, some five hundred years.
///
/// # Cancel safety
///
/// Dropping the future cancels the sleep; nothing is lost.
///
/// # Go
///
/// `time.Sleep`.
///
/// ```
/// use gort::time::{Duration, Instant, sleep};
///
/// # gort::runtime::block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_millis(2)).await;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
#[doc(alias = "Sleep")]
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::after(super::shard(), duration, Location::caller())
}

/// Waits until `deadline`.
///
/// # Cancel safety
///
/// Dropping the future cancels the sleep; nothing is lost.
///
/// ```
/// use gort::time::{Duration, Instant, sleep_until};
///
/// # gort::runtime::block_on(async {
/// let deadline = Instant::now() + Duration::from_millis(2);
/// sleep_until(deadline).await;
/// assert!(Instant::now() >= deadline);
/// # });
/// ```
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::until(super::shard(), deadline, Location::caller())
}

pin_project! {
    /// Future of [`sleep`] and [`sleep_until`].
    ///
    /// It may be [reset](Self::reset) to another deadline, before and after it has been ready.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sleep {
        timer: Timer,
        site: &'static Location<'static>,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl Sleep {
    pub(super) fn after(
        shard: Arc<Shard>,
        duration: Duration,
        site: &'static Location<'static>,
    ) -> Self {
        let timer = Timer::after(shard, duration_to_nanos(duration));
        Self { timer, site, pinned: PhantomPinned }
    }

    pub(super) fn until(
        shard: Arc<Shard>,
        deadline: Instant,
        site: &'static Location<'static>,
    ) -> Self {
        Self { timer: Timer::new(shard, deadline.to_nanos()), site, pinned: PhantomPinned }
    }

    /// When it is over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        Instant::from_nanos(self.timer.deadline())
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        self.timer.is_elapsed()
    }

    /// Sets another deadline. Whoever awaits the sleep is woken when that has come. After it has been
    /// ready, it has to be polled to be awaited again.
    ///
    /// ```
    /// use gort::time::{Duration, Instant, sleep};
    ///
    /// # gort::runtime::block_on(async {
    /// let mut sleep = std::pin::pin!(sleep(Duration::from_secs(3600)));
    /// sleep.as_mut().reset(Instant::now());
    /// sleep.await;
    /// # });
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().timer.reset(deadline.to_nanos());
    }

    /// As `poll`, without a unit of the budget and without a word about the wait.
    pub(super) fn poll_quietly(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        super::poll_timer(self.project().timer, cx)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(point::poll(cx, Op::Time));
        let this = self.project();
        if super::poll_timer(this.timer, cx).is_pending() {
            point::refund();
            record::park(WaitReason::Sleep, this.site);
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}
