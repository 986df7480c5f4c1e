//! Time: nanoseconds since the process first asked.
//!
//! Every runtime owns one [`Clock`]. All real clocks count from the same epoch, so an instant read
//! in one runtime means the same in another; a virtual clock (tests) is moved by hand.

use super::sync::Arc;
use super::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds since [`epoch`]. 584 years fit.
pub(crate) type Nanos = u64;

/// The moment all clocks count from.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
pub(crate) fn epoch() -> Instant {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    *EPOCH.get_or_init(Instant::now)
}

/// A source of time.
#[derive(Debug, Clone, Default)]
pub(crate) enum Clock {
    /// The operating system's monotonic clock.
    #[default]
    Real,
    /// A number that somebody moves by hand, forwards only.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests move time by hand so far"))]
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// Now, read exactly: about 30 ns. In a model the system's clock stands still, since a model must
    /// take the same course each time.
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        match self {
            Clock::Real if cfg!(gort_loom) => 0,
            Clock::Real => system_time(),
            // Ordering: Acquire, so that whoever sees a time sees what happened before it came.
            Clock::Manual(now) => now.load(Ordering::Acquire),
        }
    }
}

impl Clock {
    /// Whether `deadline` is still to come, seen cheaply: `false` may also mean that it comes within a
    /// few dozen milliseconds.
    #[inline]
    pub(crate) fn is_before(&self, deadline: Nanos) -> bool {
        match self {
            Clock::Real => coarse::at_most() < deadline,
            Clock::Manual(_) => self.now() < deadline,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
#[inline]
fn system_time() -> Nanos {
    to_nanos(Instant::now())
}

/// The system's coarse clock, which is read without looking at the hardware: a third of the cost.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod coarse {
    use super::{Clock, Nanos};
    use rustix::time::{ClockId, Timespec, clock_gettime};
    use std::sync::OnceLock;

    /// How much it may lag behind: a tick of the system is at most 10 ms.
    const LAG: Nanos = 20_000_000;

    fn read() -> Nanos {
        let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::MonotonicCoarse);
        (tv_sec as Nanos).wrapping_mul(1_000_000_000).wrapping_add(tv_nsec as Nanos)
    }

    /// A time that is not before now, nor long after it.
    #[inline]
    pub(super) fn at_most() -> Nanos {
        /// To be added to what is read.
        static OFFSET: OnceLock<Nanos> = OnceLock::new();
        let offset = *OFFSET.get_or_init(|| {
            let coarse = read();
            // Read later: the sum is too large rather than too small.
            Clock::Real.now().wrapping_sub(coarse).wrapping_add(LAG)
        });
        read().wrapping_add(offset)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod coarse {
    use super::{Clock, Nanos};

    /// A time that is not before now, nor long after it.
    pub(super) fn at_most() -> Nanos {
        Clock::Real.now()
    }
}

/// `instant` on the scale of [`Clock::now`]; what lies before the epoch is 0.
#[inline]
pub(crate) fn to_nanos(instant: Instant) -> Nanos {
    duration_to_nanos(instant.saturating_duration_since(epoch()))
}

/// The instant at `nanos`, or the last one that the platform can express.
#[inline]
pub(crate) fn from_nanos(nanos: Nanos) -> Instant {
    let mut offset = Duration::from_nanos(nanos);
    loop {
        match epoch().checked_add(offset) {
            Some(instant) => return instant,
            None => offset /= 2,
        }
    }
}

/// `duration` in nanoseconds, saturating.
#[inline]
pub(crate) fn duration_to_nanos(duration: Duration) -> Nanos {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheap_look_never_says_before_after_the_deadline() {
        let clock = Clock::Real;
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(!clock.is_before(now));
        }
        assert!(clock.is_before(clock.now() + 1_000_000_000));
    }
}
