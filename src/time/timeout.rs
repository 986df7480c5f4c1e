//! A time limit for another future.

use super::sleep::Sleep;
use super::{Duration, Instant};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Waits for `future`, at most `duration`, counted from the call.
///
/// `future` is polled before the time is looked at: what is ready at once is never late, even with a
/// limit of zero.
///
/// # Errors
///
/// [`Elapsed`] if the time is up first. Dropping the `Timeout`, as an `.await` does, then drops
/// `future`.
///
/// # Cancel safety
///
/// That of `future`.
///
/// # Go
///
/// `context.WithTimeout`, or `select` with `time.After`.
///
/// ```
/// use gort::time::{Duration, timeout};
///
/// # gort::runtime::block_on(async {
/// assert_eq!(timeout(Duration::from_secs(60), async { 7 }).await, Ok(7));
/// assert!(timeout(Duration::from_millis(1), std::future::pending::<()>()).await.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    let delay = Sleep::after(super::shard(), duration, Location::caller());
    Timeout { value: future.into_future(), delay }
}

/// Waits for `future`, at most until `deadline`; see [`timeout`].
///
/// # Errors
///
/// [`Elapsed`] if the time is up first.
///
/// # Cancel safety
///
/// That of `future`.
///
/// ```
/// use gort::time::{Instant, timeout_at};
///
/// # gort::runtime::block_on(async {
/// assert!(timeout_at(Instant::now(), std::future::pending::<()>()).await.is_err());
/// # });
/// ```
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    let delay = Sleep::until(super::shard(), deadline, Location::caller());
    Timeout { value: future.into_future(), delay }
}

pin_project! {
    /// Future of [`timeout`] and [`timeout_at`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<T> {
        #[pin]
        value: T,
        #[pin]
        delay: Sleep,
    }
}

impl<T> Timeout<T> {
    #[cfg(test)]
    pub(super) fn new(value: T, delay: Sleep) -> Self {
        Self { value, delay }
    }

    /// The future that has a limit.
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The future that has a limit.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The future, without its limit.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: Future> Future for Timeout<T> {
    type Output = Result<T::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.value.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        // Without a unit of the budget: a future that uses up all of it would outlive its limit. And
        // the goroutine waits for what the inner future waits for.
        this.delay.poll_quietly(cx).map(|()| Err(Elapsed(())))
    }
}

/// The time was up first.
#[derive(Debug, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, elapsed)
    }
}
