//! Periods: a tick every so often.

use super::{Duration, Instant};
use crate::reactor::{Shard, Timer};
use crate::sys::clock::duration_to_nanos;
use crate::sys::point::{self, Op};
use crate::wait::record::{self, WaitReason};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// How late a tick may be before the [`MissedTickBehavior`] decides about the next one: timers are
/// always a little late.
const TOLERANCE: Duration = Duration::from_millis(5);

/// A tick every `period`; the first one is at once.
///
/// # Panics
///
/// If `period` is zero.
///
/// ```
/// use gort::time::{Duration, interval};
///
/// # gort::runtime::block_on(async {
/// let mut interval = interval(Duration::from_millis(2));
/// let first = interval.tick().await;
/// let second = interval.tick().await;
/// assert_eq!(second - first, Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "`period` must be non-zero.");
    Interval::new(super::shard(), Instant::now(), period)
}

/// A tick every `period`; the first one is at `start`.
///
/// # Panics
///
/// If `period` is zero.
///
/// ```
/// use gort::time::{Duration, Instant, interval_at};
///
/// # gort::runtime::block_on(async {
/// let start = Instant::now() + Duration::from_millis(1);
/// let mut interval = interval_at(start, Duration::from_millis(2));
/// assert_eq!(interval.tick().await, start);
/// assert_eq!(interval.tick().await, start + Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "`period` must be non-zero.");
    Interval::new(super::shard(), start, period)
}

/// What an [`Interval`] does after ticks that nobody was there to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissedTickBehavior {
    /// Tick as fast as they are taken until all missed ticks are made up for.
    #[default]
    Burst,
    /// Tick one period after the late tick was taken: the phase moves.
    Delay,
    /// Leave the missed ticks out and tick at the next multiple of the period: the phase stays.
    Skip,
}

impl MissedTickBehavior {
    /// When the next tick is due, if the last one was due at `due` and is taken `now`.
    fn next(self, due: Instant, now: Instant, period: Duration) -> Instant {
        let next = match self {
            Self::Burst => due.checked_add(period),
            Self::Delay => now.checked_add(period),
            Self::Skip => {
                let late = (now - due).as_nanos() % period.as_nanos();
                // What is left of a division by the period is less than it.
                let late = Duration::from_nanos(u64::try_from(late).unwrap_or(0));
                now.checked_add(period).and_then(|next| next.checked_sub(late))
            }
        };
        next.unwrap_or_else(Instant::far_future)
    }
}

/// Ticks; see [`interval`].
pub struct Interval {
    timer: Timer,
    period: Duration,
    behavior: MissedTickBehavior,
}

impl Interval {
    pub(super) fn new(shard: Arc<Shard>, start: Instant, period: Duration) -> Self {
        let timer = Timer::new(shard, start.to_nanos());
        Self { timer, period, behavior: MissedTickBehavior::default() }
    }

    /// Waits for the next tick and returns when it was due.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, no tick has been taken.
    #[track_caller]
    pub fn tick(&mut self) -> Tick<'_> {
        Tick { interval: self, site: Location::caller() }
    }

    /// Takes the next tick if it is due, otherwise arranges for the task of `cx` to be woken when it
    /// is. Only the last task to poll is woken.
    #[track_caller]
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        self.poll_tick_at(cx, Location::caller())
    }

    fn poll_tick_at(
        &mut self,
        cx: &mut Context<'_>,
        site: &'static Location<'static>,
    ) -> Poll<Instant> {
        ready!(point::poll(cx, Op::Time));
        if super::poll_timer(&mut self.timer, cx).is_pending() {
            point::refund();
            record::park(WaitReason::Sleep, site);
            return Poll::Pending;
        }
        let due = Instant::from_nanos(self.timer.deadline());
        let now = self.now();
        let next = if now - due > TOLERANCE {
            self.behavior.next(due, now, self.period)
        } else {
            due.checked_add(self.period).unwrap_or_else(Instant::far_future)
        };
        self.timer.reset(next.to_nanos());
        Poll::Ready(due)
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.timer.shard().now())
    }

    fn reset_to(&mut self, delay: Duration) {
        let next = self.timer.shard().now().saturating_add(duration_to_nanos(delay));
        self.timer.reset(next);
    }

    /// Makes the next tick due one period from now. Whoever awaits it goes on, for the new time, as with
    /// the other resets.
    pub fn reset(&mut self) {
        self.reset_to(self.period);
    }

    /// Makes the next tick due now.
    pub fn reset_immediately(&mut self) {
        self.reset_to(Duration::ZERO);
    }

    /// Makes the next tick due after `after`.
    pub fn reset_after(&mut self, after: Duration) {
        self.reset_to(after);
    }

    /// Makes the next tick due at `deadline`.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.timer.reset(deadline.to_nanos());
    }

    /// What happens after missed ticks.
    #[must_use]
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.behavior
    }

    /// Says what is to happen after missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.behavior = behavior;
    }

    /// Time between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interval")
            .field("next", &Instant::from_nanos(self.timer.deadline()))
            .field("period", &self.period)
            .field("missed_tick_behavior", &self.behavior)
            .finish()
    }
}

/// Future of [`Interval::tick`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Tick<'a> {
    interval: &'a mut Interval,
    site: &'static Location<'static>,
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        let site = self.site;
        self.interval.poll_tick_at(cx, site)
    }
}
