//! Go's `time.Ticker`: a time every so often, as a channel.

use super::alarm::Alarm;
use super::{Duration, Instant};
use crate::chan::Receiver;
use crate::reactor;
use crate::sys::clock::duration_to_nanos;
use std::fmt;
use std::sync::Arc;

/// A time every `period`, on a channel, [`c`](Self::c).
///
/// A tick is the time at which it was due. At most one is kept for a receiver that is slow, the first
/// that it missed; those between that and the moment when it is received are dropped, and the next one is
/// due where it would have been anyway. The channel is never closed; its length and capacity are always
/// 0.
///
/// A `Ticker` is a handle: clones are the same ticker. When the last one and the last receiver are dropped,
/// it is gone.
///
/// No goroutine stands behind a ticker. While nobody waits for its channel it costs nothing but its
/// memory. [`interval`](super::interval()) is one that belongs to a single goroutine, with a choice of what
/// happens to ticks that are missed.
///
/// # Go
///
/// `time.Ticker`, as since Go 1.23. [`Ticker::default`] is Go's `new(time.Ticker)`: its channel is nil.
///
/// ```
/// use gort::time::{Duration, Ticker};
///
/// # gort::run(async {
/// let ticker = Ticker::new(Duration::from_millis(2));
/// let first = ticker.c().recv().await;
/// let second = ticker.c().recv().await;
/// assert!(second - first >= Duration::from_millis(2));
/// ticker.stop();
/// # });
/// ```
#[derive(Clone, Default)]
pub struct Ticker {
    // Dropped before `alarm`, which it refers to.
    c: Receiver<Instant>,
    alarm: Option<Arc<Alarm>>,
}

impl Ticker {
    /// A ticker whose first tick is due after `period`.
    ///
    /// # Panics
    ///
    /// `non-positive interval for NewTicker`, if `period` is zero.
    ///
    /// # Go
    ///
    /// `time.NewTicker`.
    ///
    /// ```
    /// use gort::time::{Duration, Instant, Ticker};
    ///
    /// # gort::run(async {
    /// let (start, period) = (Instant::now(), Duration::from_millis(1));
    /// let ticker = Ticker::new(period);
    /// for n in 1..=3 {
    ///     assert!(ticker.c().recv().await >= start + n * period);
    /// }
    /// # });
    /// ```
    #[doc(alias = "NewTicker")]
    #[must_use = "the time is told to whoever receives"]
    #[track_caller]
    pub fn new(period: Duration) -> Self {
        assert!(!period.is_zero(), "non-positive interval for NewTicker");
        Self::with(reactor::Timer::after(super::shard(), duration_to_nanos(period)), period)
    }

    pub(super) fn with(first: reactor::Timer, period: Duration) -> Self {
        let (c, alarm) = Alarm::channel(first, duration_to_nanos(period));
        Self { c, alarm: Some(alarm) }
    }

    /// The channel of ticks.
    ///
    /// # Go
    ///
    /// The field `C`.
    #[doc(alias = "C")]
    #[must_use]
    pub fn c(&self) -> &Receiver<Instant> {
        &self.c
    }

    /// Prevents further ticks, until the ticker is [`reset`](Self::reset). One that is due and has not
    /// been received is dropped. Does not close the channel.
    ///
    /// # Go
    ///
    /// `t.Stop()`.
    #[doc(alias = "Stop")]
    pub fn stop(&self) {
        if let Some(alarm) = &self.alarm {
            alarm.stop();
        }
    }

    /// Makes the next tick due after `period`, and then one every `period`. One that is due and has not
    /// been received is dropped. Whoever waits for the channel goes on waiting, for the new time.
    ///
    /// # Panics
    ///
    /// `non-positive interval for Ticker.Reset`, if `period` is zero. `time: Reset called on
    /// uninitialized Ticker`, for [`Ticker::default`].
    ///
    /// # Go
    ///
    /// `t.Reset(d)`.
    ///
    /// ```
    /// use gort::time::{Duration, Ticker};
    ///
    /// # gort::run(async {
    /// let ticker = Ticker::new(Duration::from_secs(3600));
    /// ticker.reset(Duration::from_millis(1));
    /// ticker.c().recv().await;
    /// # });
    /// ```
    #[doc(alias = "Reset")]
    #[track_caller]
    pub fn reset(&self, period: Duration) {
        assert!(!period.is_zero(), "non-positive interval for Ticker.Reset");
        match &self.alarm {
            Some(alarm) => alarm.reset_period(period),
            None => panic!("time: Reset called on uninitialized Ticker"),
        }
    }
}

/// By ticker: clones are equal.
impl PartialEq for Ticker {
    fn eq(&self, other: &Self) -> bool {
        self.c == other.c
    }
}

impl Eq for Ticker {}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("alarm", &self.alarm).finish_non_exhaustive()
    }
}

/// The channel of a [`Ticker`] that nobody will stop or set anew. Nil if `period` is zero.
///
/// When the receiver is dropped, the ticker is gone.
///
/// # Go
///
/// `time.Tick`.
///
/// ```
/// use gort::time::{Duration, tick};
///
/// # gort::run(async {
/// let ticks = tick(Duration::from_millis(1));
/// for _ in 0..3 {
///     ticks.recv().await;
/// }
/// # });
/// ```
#[doc(alias = "Tick")]
#[must_use = "the time is told to whoever receives"]
pub fn tick(period: Duration) -> Receiver<Instant> {
    if period.is_zero() { Receiver::nil() } else { Ticker::new(period).c.clone() }
}
