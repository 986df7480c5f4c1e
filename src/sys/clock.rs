//! Time: nanoseconds since the process first asked.
//!
//! Every runtime owns one [`Clock`]. All real clocks count from the same epoch, so an instant read
//! in one runtime means the same in another; a virtual clock (tests) is moved by hand.

use super::sync::atomic::{AtomicU64, Ordering};
use super::sync::{Arc, OnceLock};
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
    /// One that can be stopped and moved by hand.
    Virtual(Arc<Virtual>),
}

impl Clock {
    /// Now, read exactly: about 30 ns. In a model the system's clock stands still, since a model must
    /// take the same course each time.
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        match self {
            Clock::Real if super::MODEL => 0,
            Clock::Real => system_time(),
            Clock::Virtual(clock) => clock.now(),
        }
    }

    /// Whether `deadline` is still to come, seen cheaply: `false` may also mean that it comes within a
    /// few dozen milliseconds.
    #[inline]
    pub(crate) fn is_before(&self, deadline: Nanos) -> bool {
        match self {
            Clock::Real if super::MODEL => 0 < deadline,
            Clock::Real => coarse::at_most() < deadline,
            Clock::Virtual(clock) => clock.is_before(deadline),
        }
    }

    /// What it shows when the system's clock shows `system`.
    #[inline]
    pub(crate) fn at(&self, system: Nanos) -> Nanos {
        match self {
            Clock::Real => system,
            Clock::Virtual(clock) => clock.at(system),
        }
    }

    /// The clock, if it can be stopped.
    pub(crate) fn as_virtual(&self) -> Option<&Virtual> {
        match self {
            Clock::Real => None,
            Clock::Virtual(clock) => Some(clock),
        }
    }

    /// Whether it stands still until somebody moves it.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.as_virtual().is_some_and(Virtual::is_stopped)
    }
}

/// A clock that goes with the system's, or stands still and is moved by hand, forwards only.
#[derive(Debug)]
pub(crate) struct Virtual {
    /// The time at which it stands; [`GOING`] while it goes.
    stopped: AtomicU64,
    /// What to add to the system's time while it goes.
    offset: AtomicU64,
}

const GOING: Nanos = Nanos::MAX;

impl Virtual {
    /// A clock that goes.
    pub(crate) fn going() -> Self {
        Self { stopped: AtomicU64::new(GOING), offset: AtomicU64::new(0) }
    }

    /// A clock that stands still at `now`.
    pub(crate) fn stopped_at(now: Nanos) -> Self {
        Self { stopped: AtomicU64::new(now), offset: AtomicU64::new(0) }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) != GOING
    }

    /// The time at which it stands, if it does; else what to add to the system's time.
    fn read(&self) -> Result<Nanos, Nanos> {
        // Ordering: Acquire pairs with the Release in `advance_to`, so that whoever sees a time sees
        // what happened before it came, and in `resume`, for the offset.
        match self.stopped.load(Ordering::Acquire) {
            GOING => Err(self.offset.load(Ordering::Relaxed)),
            stopped => Ok(stopped),
        }
    }

    pub(crate) fn now(&self) -> Nanos {
        self.read().unwrap_or_else(|offset| system_time().wrapping_add(offset))
    }

    fn at(&self, system: Nanos) -> Nanos {
        self.read().unwrap_or_else(|offset| system.wrapping_add(offset))
    }

    fn is_before(&self, deadline: Nanos) -> bool {
        self.read().unwrap_or_else(|offset| coarse::at_most().wrapping_add(offset)) < deadline
    }

    /// Stops it. Returns false if it stands still already.
    pub(crate) fn stop(&self) -> bool {
        !self.is_stopped() && {
            self.advance_to(self.now());
            true
        }
    }

    /// Lets it go on from where it stands. Returns false if it goes already.
    pub(crate) fn resume(&self) -> bool {
        self.is_stopped() && {
            let offset = self.now().wrapping_sub(system_time());
            self.offset.store(offset, Ordering::Relaxed);
            // Ordering: Release pairs with the Acquire in `now`.
            self.stopped.store(GOING, Ordering::Release);
            true
        }
    }

    /// Stops it at `now`. One caller at a time: the thread that hosts the runtime.
    pub(crate) fn advance_to(&self, now: Nanos) {
        // Ordering: Release pairs with the Acquire in `now`.
        self.stopped.store(now.min(GOING - 1), Ordering::Release);
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
    use super::{Clock, Nanos, OnceLock};
    use rustix::time::{ClockId, Timespec, clock_gettime};

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

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_goes_stops_and_goes_on_from_where_it_stood() {
        let clock = Virtual::going();
        let before = clock.now();
        assert!(!clock.resume(), "it goes");
        assert!(clock.stop() && !clock.stop());
        let stood = clock.now();
        assert!(before <= stood && stood == clock.now());
        clock.advance_to(stood + 3_600_000_000_000);
        assert_eq!(clock.now(), stood + 3_600_000_000_000);
        assert!(clock.resume() && !clock.is_stopped());
        let later = clock.now();
        assert!(later >= stood + 3_600_000_000_000);
        assert!(clock.now() >= later);
    }

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
