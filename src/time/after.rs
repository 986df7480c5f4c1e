//! Go's `time.After`: a time as a channel.

use super::{Duration, Instant};
use crate::chan::{Core, Feed, Receiver, fed};
use crate::reactor::Timer;
use crate::sys::clock::duration_to_nanos;
use crate::sys::sync::{Arc, Mutex};
use std::fmt;
use std::sync::Arc as StdArc;
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
    fed(|core| StdArc::new(After::new(core, timer)))
}

/// The feed of the channel, and what the timer wakes.
///
/// Locks: the channel's, then `state`, then the timer's shard. A timer that fires holds none of them.
pub(super) struct After {
    channel: Arc<Core<Instant>>,
    state: Mutex<State>,
}

struct State {
    timer: Timer,
    /// The timer will wake, or has woken, the channel.
    armed: bool,
    /// The one value is gone.
    taken: bool,
}

impl After {
    pub(super) fn new(channel: Arc<Core<Instant>>, timer: Timer) -> Self {
        Self { channel, state: Mutex::new(State { timer, armed: false, taken: false }) }
    }
}

impl Feed<Instant> for After {
    fn take(&self) -> Option<Instant> {
        let mut state = self.state.lock();
        if state.taken || !state.timer.is_elapsed() {
            return None;
        }
        state.taken = true;
        Some(Instant::from_nanos(state.timer.deadline()))
    }

    fn arm(self: StdArc<Self>) {
        let mut state = self.state.lock();
        if !state.armed && !state.taken {
            state.armed = true;
            state.timer.arm(Waker::from(StdArc::clone(&self)));
        }
    }

    fn stop(&self) {
        self.state.lock().timer.cancel();
    }
}

impl Wake for After {
    fn wake(self: StdArc<Self>) {
        self.channel.pump();
    }
}

impl fmt::Debug for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("After").finish_non_exhaustive()
    }
}
