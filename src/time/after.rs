//! Go's `time.After`: a time as a channel.

use super::{Duration, Instant};
use crate::chan::{Core, Feed, Receiver, fed};
use crate::reactor::{Shard, Timer};
use crate::sys::clock::{Nanos, duration_to_nanos};
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicBool, Ordering};
use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// A channel that yields one value, the time at which it was due, `duration` from now.
///
/// It is one more arm of a `select!`. Nobody has to be there when the time comes: the value can be
/// received later and still says when it was due. The channel is never closed; a second receive waits
/// for ever. Its length and capacity are always 0.
///
/// No goroutine stands behind it. While nobody waits it costs nothing but its memory, and when the
/// receiver is dropped it is gone.
///
/// # Go
///
/// `time.After`, as since Go 1.23.
///
/// ```
/// use gort::time::{Duration, Instant, after};
///
/// # gort::run(async {
/// let start = Instant::now();
/// let due = after(Duration::from_millis(2)).recv().await;
/// assert!(due - start >= Duration::from_millis(2));
/// assert!(due <= Instant::now());
/// # });
/// ```
#[doc(alias = "After")]
#[must_use = "the time is told to whoever receives"]
pub fn after(duration: Duration) -> Receiver<Instant> {
    let timer = Timer::after(super::shard(), duration_to_nanos(duration));
    fed(|core| Arc::new(After::new(core, timer)))
}

/// The feed of the channel, and what the timer wakes.
///
/// Locks: the channel's, then `timer`, then the timer's shard. A timer that fires holds none of them.
pub(super) struct After {
    channel: Arc<Core<Instant>>,
    shard: Arc<Shard>,
    deadline: Nanos,
    /// `None` once nobody will receive any more.
    timer: Mutex<Option<Timer>>,
    /// The timer will wake, or has woken, the channel.
    // Ordering: Relaxed: under the channel's lock, or after the feed was taken out of it.
    armed: AtomicBool,
    /// The one value is gone.
    // Ordering: Relaxed: written under the channel's lock. The timer looks without it, and at worst
    // moves to another runtime for nothing.
    taken: AtomicBool,
}

impl After {
    pub(super) fn new(channel: Arc<Core<Instant>>, timer: Timer) -> Self {
        Self {
            channel,
            shard: Arc::clone(timer.shard()),
            deadline: timer.deadline(),
            timer: Mutex::new(Some(timer)),
            armed: AtomicBool::new(false),
            taken: AtomicBool::new(false),
        }
    }
}

impl After {
    /// If the runtime has gone that would have fired the timer, another one does.
    fn go_on_elsewhere(self: Arc<Self>) {
        let orphaned = self.timer.lock().as_ref().is_some_and(Timer::is_orphaned);
        if !orphaned || self.taken.load(Ordering::Relaxed) {
            return;
        }
        let (shard, waker) = (super::refuge(), Waker::from(Arc::clone(&self)));
        let mut timer = self.timer.lock();
        if let Some(timer) = &mut *timer {
            timer.move_to(shard);
            timer.arm(waker);
        }
    }
}

impl Feed<Instant> for After {
    fn take(&self) -> Option<Instant> {
        if self.taken.load(Ordering::Relaxed) || !self.shard.has_come(self.deadline) {
            return None;
        }
        self.taken.store(true, Ordering::Relaxed);
        Some(Instant::from_nanos(self.deadline))
    }

    fn arm(self: Arc<Self>) {
        if self.armed.load(Ordering::Relaxed) || self.taken.load(Ordering::Relaxed) {
            return;
        }
        self.armed.store(true, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self));
        let mut timer = self.timer.lock();
        if let Some(timer) = &mut *timer {
            timer.arm(waker.clone());
            if timer.is_orphaned() {
                timer.move_to(super::refuge());
                timer.arm(waker);
            }
        }
    }

    fn stop(&self) {
        if self.armed.load(Ordering::Relaxed) {
            let timer = self.timer.lock().take();
            drop(timer);
        }
    }
}

impl Wake for After {
    fn wake(self: Arc<Self>) {
        self.channel.pump();
        self.go_on_elsewhere();
    }
}

impl fmt::Debug for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("After").finish_non_exhaustive()
    }
}
