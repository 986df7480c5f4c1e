//! A point in time, on the clock of the runtime.

use super::Duration;
use crate::runtime::context;
use crate::sys::clock::{self, Nanos};
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// A point in time: opaque, monotonic, only good for comparing with others.
///
/// It is [`std::time::Instant`] read from the clock of the current runtime, and converts from and to
/// it. [`Instant::default`] is now.
///
/// ```
/// use gort::time::{Duration, Instant};
///
/// let start = Instant::now();
/// assert!(start.elapsed() < Duration::from_secs(60));
/// assert_eq!(start + Duration::from_secs(1) - start, Duration::from_secs(1));
/// ```
///
/// # Go
///
/// `time.Time` as far as it is a monotonic clock reading: [`now`](Self::now) is `time.Now`,
/// [`elapsed`](Self::elapsed) is `time.Since`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(std::time::Instant);

impl Instant {
    /// Now.
    #[doc(alias = "Now")]
    #[must_use]
    pub fn now() -> Instant {
        Instant::from_nanos(context::now())
    }

    pub(crate) fn from_nanos(nanos: Nanos) -> Instant {
        Instant(clock::from_nanos(nanos))
    }

    pub(crate) fn to_nanos(self) -> Nanos {
        clock::to_nanos(self.0)
    }

    /// A time that does not come.
    pub(crate) fn far_future() -> Instant {
        Instant::from_nanos(Nanos::MAX)
    }

    /// The same point in time for those who know only the standard library.
    #[must_use]
    pub fn into_std(self) -> std::time::Instant {
        self.0
    }

    /// The point in time that `std` is.
    #[must_use]
    pub fn from_std(std: std::time::Instant) -> Instant {
        Instant(std)
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// How long after `earlier` this is; `None` if it is before.
    #[must_use]
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.checked_duration_since(earlier.0)
    }

    /// How long after `earlier` this is; zero if it is before.
    #[must_use]
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// How long ago this was; zero if it is still to come.
    #[doc(alias = "Since")]
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// `duration` later, if that can be expressed.
    #[must_use]
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Instant)
    }

    /// `duration` earlier, if that can be expressed.
    #[must_use]
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(duration).map(Instant)
    }
}

impl Default for Instant {
    /// Now.
    fn default() -> Instant {
        Instant::now()
    }
}

impl From<std::time::Instant> for Instant {
    fn from(std: std::time::Instant) -> Instant {
        Instant(std)
    }
}

impl From<Instant> for std::time::Instant {
    fn from(instant: Instant) -> std::time::Instant {
        instant.0
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        Instant(self.0 + duration)
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        self.0 += duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0 - duration)
    }
}

impl SubAssign<Duration> for Instant {
    fn sub_assign(&mut self, duration: Duration) {
        self.0 -= duration;
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
