//! Go's `time.After`: a time as a channel.

use super::alarm::Alarm;
use super::{Duration, Instant};
use crate::chan::Receiver;
use crate::reactor;
use crate::sys::clock::duration_to_nanos;

/// A channel that yields one value, the time at which it was due, `duration` from now.
///
/// It is one more arm of a `select!`. Nobody has to be there when the time comes: the value can be
/// received later and still says when it was due. The channel is never closed; a second receive waits
/// for ever. Its length and capacity are always 0.
///
/// No goroutine stands behind it. While nobody waits it costs nothing but its memory, and when the
/// receiver is dropped it is gone. A [`Timer`](super::Timer) can be stopped and set anew.
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
    let timer = reactor::Timer::after(super::shard(), duration_to_nanos(duration));
    Alarm::channel(timer, 0).0
}
