//! No descriptors left: an error that says so, and pauses that keep a server from spinning on it.

use super::os;
use super::wait::poll_pause;
use crate::reactor::{Driver, Timer};
use crate::sys::clock::duration_to_nanos;
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicU32, Ordering};
use std::error::Error;
use std::fmt;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The process, or the system, has no descriptors left for another socket. It is inside of the
/// [`io::Error`] that the operation returns.
///
/// ```
/// fn is_overloaded(error: &std::io::Error) -> bool {
///     error.get_ref().is_some_and(|inner| inner.is::<gort::net::TooManyFiles>())
/// }
/// # assert!(!is_overloaded(&std::io::Error::other("x")));
/// ```
#[derive(Debug)]
pub struct TooManyFiles {
    limit: Option<u64>,
    whole_system: bool,
    cause: io::Error,
}

impl TooManyFiles {
    /// How many descriptors the process may have, where that is known and is the limit.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }
}

impl fmt::Display for TooManyFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            _ if self.whole_system => write!(f, "the system has no file descriptors left")?,
            Some(limit) => {
                write!(f, "all {limit} file descriptors of the process are in use (ulimit -n)")?;
            }
            None => write!(f, "the process has no file descriptors left")?,
        }
        write!(f, ": {}", self.cause)
    }
}

impl Error for TooManyFiles {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// `error`, said more clearly if there are no descriptors left.
pub(super) fn explain(error: io::Error) -> io::Error {
    let (process, whole_system) = os::out_of_descriptors(&error);
    if !process && !whole_system {
        return error;
    }
    let limit = os::descriptor_limit().filter(|_| process);
    io::Error::new(error.kind(), TooManyFiles { limit, whole_system, cause: error })
}

/// How long to wait before trying again after `failures` in a row: 5 ms, doubling up to 160 ms.
fn delay(failures: u32) -> Duration {
    Duration::from_millis(5 << failures.saturating_sub(1).min(5))
}

/// What a listener knows of connections that had to wait because there were no descriptors.
#[derive(Debug)]
pub(super) struct Shortage {
    /// How often in a row that was so.
    // Ordering: Relaxed: it decides how long to pause, and nothing stands behind it.
    failures: AtomicU32,
    /// The pause of [`poll_kept`](Self::poll_kept).
    pause: Mutex<Option<Timer>>,
}

impl Shortage {
    pub(super) fn new() -> Self {
        Self { failures: AtomicU32::new(0), pause: Mutex::new(None) }
    }

    /// Accepts through `poll`. Before a failure that follows another it pauses, so that a loop which goes on after
    /// errors does not spin; `pause` belongs to the operation.
    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        pause: &mut Option<Timer>,
        driver: &Driver,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        loop {
            let paused = ready!(poll_pause(pause, cx));
            let error = match ready!(poll(cx)) {
                Ok(accepted) => {
                    self.failures.store(0, Ordering::Relaxed);
                    return Poll::Ready(Ok(accepted));
                }
                Err(error) => error,
            };
            if os::out_of_descriptors(&error) == (false, false) {
                return Poll::Ready(Err(error));
            }
            let before = self.failures.load(Ordering::Relaxed);
            if before == 0 || paused {
                self.failures.store(before.saturating_add(1), Ordering::Relaxed);
                return Poll::Ready(Err(explain(error)));
            }
            let delay = duration_to_nanos(delay(before));
            *pause = Some(Timer::after(driver.shard().clone(), delay));
        }
    }

    /// As [`poll`](Self::poll), for operations that are no futures: the pause is kept here.
    pub(super) fn poll_kept<T>(
        &self,
        cx: &mut Context<'_>,
        driver: &Driver,
        poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut pause = self.pause.lock().take();
        let polled = self.poll(cx, &mut pause, driver, poll);
        if pause.is_some() {
            let old = std::mem::replace(&mut *self.pause.lock(), pause);
            drop(old);
        }
        polled
    }
}
