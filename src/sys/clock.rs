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
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// Now, read exactly: about 30 ns.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    #[inline]
    pub(crate) fn now(&self) -> Nanos {
        match self {
            Clock::Real => to_nanos(Instant::now()),
            // Ordering: Acquire, so that whoever sees a time sees what happened before it came.
            Clock::Manual(now) => now.load(Ordering::Acquire),
        }
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
