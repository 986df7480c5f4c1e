//! Stopping the clock of a runtime and moving it by hand.

use super::Duration;
use crate::runtime::context;
use crate::sys::clock::{Virtual, duration_to_nanos};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Stops the clock of the runtime that runs the caller, which must be a
/// [current-thread](crate::runtime::Builder::new_current_thread) one.
///
/// From here on [`Instant::now`](super::Instant::now) stands still. When no goroutine is runnable, no
/// closure of [`spawn_blocking`](crate::task::spawn_blocking) is unfinished and no descriptor is ready,
/// the clock moves to the next deadline at once, so that a test of long time-outs takes no time.
///
/// # Panics
///
/// If the clock stands still already, outside of a runtime, and in a runtime with worker threads.
///
/// ```
/// use gort::time::{self, Duration, Instant};
///
/// let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
/// runtime.block_on(async {
///     time::pause();
///     let start = Instant::now();
///     time::sleep(Duration::from_secs(3600)).await;
///     assert_eq!(start.elapsed(), Duration::from_secs(3600));
/// });
/// ```
#[track_caller]
pub fn pause() {
    assert!(with_clock("pause", Virtual::stop), "time is already frozen");
}

/// Lets the clock of the runtime that runs the caller go on from where it stands, after [`pause`].
///
/// # Panics
///
/// If the clock goes already, and where [`pause`] panics; also in a
/// [simulated](crate::runtime::Builder::simulated) runtime, whose clock never goes by itself.
#[track_caller]
pub fn resume() {
    let simulated =
        context::with_worker(|worker| worker.is_some_and(|w| w.shared().is_simulated()));
    assert!(!simulated, "the clock of a simulated runtime does not go by itself");
    assert!(with_clock("resume", Virtual::resume), "time is not frozen");
}

/// Moves the clock of the runtime that runs the caller, which stands still, by `duration`, and lets
/// everybody run who waited for a time that has come by then.
///
/// The clock moves once, by the whole of `duration`, when the future is first polled: who slept less
/// sees the new time too.
///
/// # Panics
///
/// When polled, if the clock is not stopped, outside of a runtime, and in a runtime with worker
/// threads.
///
/// # Cancel safety
///
/// Dropped after the first poll, the clock has moved, but those who waited have not run yet.
///
/// ```
/// use gort::time::{self, Duration, sleep};
///
/// let runtime = gort::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
/// runtime.block_on(async {
///     let sleeper = gort::go(sleep(Duration::from_secs(60)));
///     gort::task::yield_now().await; // it starts to sleep
///     time::advance(Duration::from_secs(59)).await;
///     assert!(!sleeper.is_finished());
///     time::advance(Duration::from_secs(1)).await;
///     assert!(sleeper.is_finished());
/// });
/// ```
pub fn advance(duration: Duration) -> Advance {
    Advance { duration, turns: None }
}

/// Future of [`advance`].
#[derive(Debug)]
#[must_use = "the clock moves when it is polled"]
pub struct Advance {
    duration: Duration,
    /// How many times others are still to be let run; `None` before the clock has moved.
    turns: Option<usize>,
}

impl Future for Advance {
    type Output = ();

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let turns = self.turns.unwrap_or_else(|| advance_now(self.duration));
        if turns == 0 {
            return Poll::Ready(());
        }
        self.turns = Some(turns - 1);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Moves the clock and fires what is due. Returns after how many turns of others they all have run.
fn advance_now(duration: Duration) -> usize {
    with_clock("advance", |clock| {
        assert!(clock.is_stopped(), "time is not frozen");
        clock.advance_to(clock.now().saturating_add(duration_to_nanos(duration)));
    });
    let fired = context::with_worker(|worker| worker.map_or(0, |worker| worker.fire_due()));
    // The future of a `block_on` is polled between any two others.
    fired + 1
}

/// Calls `f` with the clock of the runtime that this thread hosts.
#[track_caller]
fn with_clock<R>(what: &str, f: impl FnOnce(&Virtual) -> R) -> R {
    let clock = context::with_worker(|worker| worker.map(|w| w.shared().clock.clone()));
    match clock.as_ref().map(|clock| clock.as_virtual()) {
        Some(Some(clock)) => f(clock),
        Some(None) => panic!("time::{what} requires a current-thread runtime"),
        None => panic!("time::{what} was called outside of a runtime"),
    }
}
