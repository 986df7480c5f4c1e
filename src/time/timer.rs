//! Go's `time.Timer`: one time, which can be stopped and set anew, as a channel or as a goroutine.

use super::alarm::{Alarm, Due};
use super::{Duration, Instant};
use crate::chan::Receiver;
use crate::reactor;
use crate::runtime::Handle;
use crate::sys::clock::duration_to_nanos;
use crate::sys::sync::Mutex;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// One time that is to come, which can be stopped and set anew: on a channel, [`c`](Self::c), or, made by
/// [`after_func`], as the start of a goroutine.
///
/// The channel yields the time at which the timer was due, once for each time that it is set. The value
/// is never stale: after [`stop`](Self::stop) and [`reset`](Self::reset) nothing of before can be
/// received, so nothing has to be drained. Nobody has to be there when the time comes. The channel is
/// never closed; its length and capacity are always 0.
///
/// A `Timer` is a handle: clones are the same timer. When the last one and the last receiver are
/// dropped, a timer with a channel is gone; one of `after_func` is gone when it has started its goroutine
/// or was stopped.
///
/// No goroutine stands behind a timer. While nobody waits for its channel it costs nothing but its
/// memory.
///
/// # Go
///
/// `time.Timer`, as since Go 1.23. [`Timer::default`] is Go's `new(time.Timer)`: its channel is nil, and
/// stopping or setting it panics.
///
/// ```
/// use gort::time::{Duration, Timer, sleep};
/// use gort::{chan::TryRecvError, select};
///
/// # gort::run(async {
/// let timer = Timer::new(Duration::from_millis(1));
/// sleep(Duration::from_millis(2)).await;
/// assert!(timer.stop(), "nobody has received the time, so it was stopped");
/// assert_eq!(timer.c().try_recv(), Err(TryRecvError::Empty));
///
/// timer.reset(Duration::from_millis(1));
/// select! {
///     due = <-timer.c() => println!("it is {due:?}"),
///     () = sleep(Duration::from_secs(60)) => unreachable!(),
/// }
/// assert!(!timer.stop(), "somebody has received the time");
/// # });
/// ```
#[derive(Clone, Default)]
pub struct Timer {
    // Dropped before `source`, which it refers to.
    c: Receiver<Instant>,
    source: Option<Arc<dyn Source>>,
}

impl Timer {
    /// A timer that is due after `duration`; at once if that is zero.
    ///
    /// # Go
    ///
    /// `time.NewTimer`.
    ///
    /// ```
    /// use gort::time::{Duration, Instant, Timer};
    ///
    /// # gort::run(async {
    /// let start = Instant::now();
    /// let timer = Timer::new(Duration::from_millis(2));
    /// assert!(timer.c().recv().await >= start + Duration::from_millis(2));
    /// # });
    /// ```
    #[doc(alias = "NewTimer")]
    #[must_use = "the time is told to whoever receives"]
    pub fn new(duration: Duration) -> Self {
        Self::with(reactor::Timer::after(super::shard(), duration_to_nanos(duration)))
    }

    pub(super) fn with(timer: reactor::Timer) -> Self {
        let (c, alarm) = Alarm::channel(timer, 0);
        Self { c, source: Some(alarm) }
    }

    /// The channel that yields the time at which the timer was due. Nil for a timer of [`after_func`].
    ///
    /// # Go
    ///
    /// The field `C`.
    #[doc(alias = "C")]
    #[must_use]
    pub fn c(&self) -> &Receiver<Instant> {
        &self.c
    }

    /// Prevents the timer from being due, until it is [`reset`](Self::reset). Does not close the
    /// channel.
    ///
    /// Returns true if this stopped it: the time had not been received, and now never will be, even if
    /// it had come. With [`after_func`]: the goroutine had not been started, and now never will be.
    /// False if the timer was stopped already, or was too late.
    ///
    /// # Panics
    ///
    /// `time: Stop called on uninitialized Timer`, for [`Timer::default`].
    ///
    /// # Go
    ///
    /// `t.Stop()`.
    #[doc(alias = "Stop")]
    #[track_caller]
    pub fn stop(&self) -> bool {
        match &self.source {
            Some(source) => source.stop(),
            None => panic!("time: Stop called on uninitialized Timer"),
        }
    }

    /// Makes the timer due after `duration`, and no more at any time before. Whoever waits for the
    /// channel goes on waiting, for the new time.
    ///
    /// Returns what [`stop`](Self::stop) would have.
    ///
    /// # Panics
    ///
    /// `time: Reset called on uninitialized Timer`, for [`Timer::default`].
    ///
    /// # Go
    ///
    /// `t.Reset(d)`.
    ///
    /// ```
    /// use gort::time::{Duration, Timer};
    ///
    /// # gort::run(async {
    /// let timer = Timer::new(Duration::from_secs(3600));
    /// assert!(timer.reset(Duration::ZERO));
    /// timer.c().recv().await;
    /// assert!(!timer.reset(Duration::ZERO), "the time had been received");
    /// # });
    /// ```
    #[doc(alias = "Reset")]
    #[track_caller]
    pub fn reset(&self, duration: Duration) -> bool {
        match &self.source {
            Some(source) => Arc::clone(source).reset(duration),
            None => panic!("time: Reset called on uninitialized Timer"),
        }
    }
}

/// By timer: clones are equal.
impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        match (&self.source, &other.source) {
            (Some(one), Some(other)) => ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other)),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for Timer {}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("source", &self.source).finish_non_exhaustive()
    }
}

/// What a timer stops and sets.
trait Source: fmt::Debug + Send + Sync {
    fn stop(&self) -> bool;
    fn reset(self: Arc<Self>, delay: Duration) -> bool;
}

impl Source for Alarm {
    fn stop(&self) -> bool {
        Self::stop(self)
    }

    fn reset(self: Arc<Self>, delay: Duration) -> bool {
        Self::reset(&self, delay)
    }
}

/// Starts a goroutine after `duration` that calls `f` and awaits what it returns.
///
/// The [`Timer`] can be stopped, and set anew: each time that it is due starts a goroutine more, beside
/// those of before if they have not ended. Dropping it stops nothing. Its channel is nil.
///
/// The goroutine belongs to the runtime that this is called in, or to the global one outside of any. If
/// that runtime ends first, `f` is never called.
///
/// # Panics
///
/// A panic of `f`, or of what it returns, is that of a goroutine whose handle was dropped; see
/// [`go`](crate::go()).
///
/// # Go
///
/// `time.AfterFunc`.
///
/// ```
/// use gort::time::{Duration, after_func, sleep};
///
/// # gort::run(async {
/// let (tx, rx) = gort::chan(1);
/// let timer = after_func(Duration::from_millis(1), move || {
///     let tx = tx.clone();
///     async move { tx.send("late").await.unwrap() }
/// });
/// assert_eq!(rx.recv().await, "late");
/// assert!(!timer.stop(), "it was started");
///
/// assert!(!timer.reset(Duration::from_secs(3600)));
/// assert!(timer.stop(), "it is not started again");
/// # });
/// ```
#[doc(alias = "AfterFunc")]
#[track_caller]
pub fn after_func<F, Fut>(duration: Duration, f: F) -> Timer
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let timer = reactor::Timer::after(super::shard(), duration_to_nanos(duration));
    let start = Arc::new(Start {
        due: Mutex::new(Due::new(timer, 0)),
        runtime: Handle::current_or_global(),
        created: Location::caller(),
        f,
    });
    start.arm();
    Timer { c: Receiver::nil(), source: Some(start) }
}

/// What the timer of [`after_func`] wakes.
struct Start<F> {
    due: Mutex<Due>,
    runtime: Handle,
    created: &'static Location<'static>,
    f: F,
}

impl<F, Fut> Start<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn arm(self: &Arc<Self>) {
        self.due.lock().arm(|| Waker::from(Arc::clone(self)));
    }
}

impl<F, Fut> Source for Start<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn stop(&self) -> bool {
        self.due.lock().clear()
    }

    fn reset(self: Arc<Self>, delay: Duration) -> bool {
        let mut due = self.due.lock();
        let was_set = due.set(duration_to_nanos(delay));
        due.arm(|| Waker::from(Arc::clone(&self)));
        was_set
    }
}

impl<F, Fut> Wake for Start<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn wake(self: Arc<Self>) {
        let mut due = self.due.lock();
        if due.ready().is_none() {
            // Set anew or stopped meanwhile, or the runtime has gone.
            return;
        }
        due.pass();
        drop(due);
        let (runtime, created) = (self.runtime.clone(), self.created);
        drop(runtime.go_from(async move { (self.f)().await }, created));
    }
}

impl<F> fmt::Debug for Start<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("due", &*self.due.lock()).finish_non_exhaustive()
    }
}
