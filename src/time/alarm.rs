//! What feeds a channel of times: [`after`](super::after()), [`Timer`](super::Timer) and
//! [`Ticker`](super::Ticker) are channels with an alarm.
//!
//! An alarm keeps no values. It knows when the next one is due, and is asked: a value is ready from
//! that time on, until it is received, and says when it was due, not when it was received. So nobody
//! has to be there when the time comes, ticks that nobody takes are one tick, and what is stopped or
//! set anew leaves nothing behind. A timer of the reactor stands behind it only after somebody has
//! waited.

use super::{Duration, Instant};
use crate::chan::{Core, Feed, Receiver, fed};
use crate::reactor::Timer;
use crate::sys::clock::{Nanos, duration_to_nanos};
use crate::sys::sync::Mutex;
use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// When the next value is due.
#[derive(Debug)]
pub(super) struct Due {
    timer: Timer,
    /// Between a value and the next one; 0 if there is only one.
    period: Nanos,
    /// There is a next value, at the timer's deadline.
    set: bool,
    /// The timer has been told whom to wake when it comes.
    armed: bool,
}

impl Due {
    pub(super) fn new(timer: Timer, period: Nanos) -> Self {
        Self { timer, period, set: true, armed: false }
    }

    /// The time at which the next value is due, if that has come.
    pub(super) fn ready(&self) -> Option<Nanos> {
        let due = self.timer.deadline();
        (self.set && self.timer.shard().has_come(due)).then_some(due)
    }

    /// Goes on to the value after the one that is ready. Those that are due as well are left out, so
    /// that the phase stays.
    pub(super) fn pass(&mut self) {
        self.armed = false;
        if self.period == 0 {
            self.set = false;
            return;
        }
        let due = self.timer.deadline();
        let late = self.timer.shard().now().saturating_sub(due);
        let periods = (late / self.period).saturating_add(1);
        // It has not fired yet if somebody has looked before it could.
        self.timer.cancel();
        self.timer.reset(due.saturating_add(self.period.saturating_mul(periods)));
    }

    /// There is no next value. Returns whether there was.
    pub(super) fn clear(&mut self) -> bool {
        self.armed = false;
        self.timer.cancel();
        std::mem::replace(&mut self.set, false)
    }

    /// The next value is due after `delay`. Returns whether there was another one.
    pub(super) fn set(&mut self, delay: Nanos) -> bool {
        let was_set = self.clear();
        if self.timer.is_orphaned() {
            self.timer.move_to(super::refuge());
        }
        let now = self.timer.shard().now();
        self.timer.reset(now.saturating_add(delay));
        self.set = true;
        was_set
    }

    /// Has `waker` called when the next value is due, if there is one and that has not been done.
    pub(super) fn arm(&mut self, waker: impl Fn() -> Waker) {
        if self.armed || !self.set {
            return;
        }
        self.armed = true;
        self.timer.arm(waker());
        self.go_on(super::refuge, waker);
    }

    /// Whether somebody is to be woken by a runtime that has gone.
    fn is_lost(&self) -> bool {
        self.armed && self.set && self.timer.is_orphaned()
    }

    /// If the runtime has gone that would have fired the timer, another one does.
    fn go_on(
        &mut self,
        refuge: impl FnOnce() -> Arc<crate::reactor::Shard>,
        waker: impl Fn() -> Waker,
    ) {
        if self.is_lost() {
            self.timer.move_to(refuge());
            self.timer.arm(waker());
        }
    }
}

/// The feed of the channel, and what the timer wakes.
///
/// Locks: the channel's, then `due`, then the timer's shard. A timer that fires holds none of them.
pub(super) struct Alarm {
    channel: Arc<Core<Instant>>,
    due: Mutex<Due>,
}

impl Alarm {
    /// A channel that yields the deadline of `timer` when it has come, and then, unless `period` is 0,
    /// one more time every `period`.
    pub(super) fn channel(timer: Timer, period: Nanos) -> (Receiver<Instant>, Arc<Self>) {
        fed(|channel| Self { channel, due: Mutex::new(Due::new(timer, period)) })
    }

    /// Whether a value was due, or had come and nobody had seen it, and now never will.
    pub(super) fn stop(&self) -> bool {
        self.channel.refeed(|unseen| self.due.lock().clear() || unseen)
    }

    /// As [`stop`](Self::stop); then the next value is due after `delay`.
    pub(super) fn reset(&self, delay: Duration) -> bool {
        self.channel.refeed(|unseen| self.due.lock().set(duration_to_nanos(delay)) || unseen)
    }

    /// The next values are due after `period`, and then every `period`.
    pub(super) fn reset_period(&self, period: Duration) {
        self.channel.refeed(|_| {
            let mut due = self.due.lock();
            due.period = duration_to_nanos(period);
            due.set(duration_to_nanos(period));
        });
    }
}

impl Feed<Instant> for Alarm {
    fn ready(&self) -> Option<Instant> {
        self.due.lock().ready().map(Instant::from_nanos)
    }

    fn pass(&self) {
        self.due.lock().pass();
    }

    fn arm(self: Arc<Self>) {
        self.due.lock().arm(|| Waker::from(Arc::clone(&self)));
    }

    fn stop(&self) {
        self.due.lock().clear();
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.channel.pump();
        if self.due.lock().is_lost() {
            let shard = super::refuge();
            self.due.lock().go_on(|| shard, || Waker::from(Arc::clone(&self)));
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("due", &*self.due.lock()).finish_non_exhaustive()
    }
}
