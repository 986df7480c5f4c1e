//! Time: sleeping, time limits, periods.
//!
//! Every future here belongs to the runtime it was made in (or to the global one, when it was made
//! outside of any) and may be awaited by any executor. If that runtime ends first, another one goes
//! on with it. A timer is never early; it is late by what the
//! system needs, about a millisecond, and by what the workers have to do before.
//!
//! ```
//! use gort::time::{Duration, sleep, timeout};
//!
//! # gort::runtime::block_on(async {
//! sleep(Duration::from_millis(1)).await;
//! let answer = timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
//! assert!(answer.is_err());
//! # });
//! ```
//!
//! # Go
//!
//! [`sleep()`] is `time.Sleep`, [`after()`] is `time.After`, and so on by name: [`after_func`], [`tick`],
//! [`Timer`] and [`Ticker`], as since Go 1.23. What Go writes as a `select` over a channel
//! and a timer may be written so here too, or as [`timeout()`].

mod after;
mod alarm;
mod control;
mod instant;
mod interval;
mod sleep;
#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests;
mod ticker;
mod timeout;
mod timer;

#[doc(no_inline)]
pub use std::time::Duration;

pub use self::{
    after::after,
    control::{Advance, advance, pause, resume},
    instant::Instant,
    interval::{Interval, MissedTickBehavior, Tick, interval, interval_at},
    sleep::{Sleep, sleep, sleep_until},
    ticker::{Ticker, tick},
    timeout::{Timeout, timeout, timeout_at},
    timer::{Timer, after_func},
};

/// What can go wrong.
pub mod error {
    pub use super::timeout::Elapsed;
}

use crate::reactor::{self, Shard};
use crate::runtime::context;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Where timers go that are made on this thread.
pub(crate) fn shard() -> Arc<Shard> {
    context::with_driver(|driver| Arc::clone(driver.shard()))
}

/// Where a timer goes whose runtime has been shut down: to the current one, or to the global one if the
/// thread is in none, or in one that has been shut down itself.
pub(crate) fn refuge() -> Arc<Shard> {
    let shard = shard();
    if shard.is_stopped() { Arc::clone(context::global_driver().shard()) } else { shard }
}

/// Ready once the timer's deadline has come. A timer whose runtime has gone meanwhile goes on
/// elsewhere.
fn poll_timer(timer: &mut reactor::Timer, cx: &mut Context<'_>) -> Poll<()> {
    let polled = timer.poll_elapsed(cx);
    if polled.is_pending() && timer.is_orphaned() {
        timer.move_to(refuge());
        return timer.poll_elapsed(cx);
    }
    polled
}
