//! Handles to a started goroutine: awaiting it, aborting it, and what can come of it.

#![expect(unsafe_code, reason = "an abort handle points into the task that its waker keeps alive")]

use super::goroutine::{Meta, Outcome};
use super::panic::{Payload, Report, message};
use crate::sys::point::{self, Op};
use crate::sys::sync::Mutex;
use crate::sys::unwind;
use crate::wait::record::{self, WaitReason};
use futures_core::future::FusedFuture;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Owns the right to await a goroutine. Dropping it *detaches*: the goroutine goes on.
///
/// Awaiting yields what the goroutine returned, or a [`JoinError`] that tells why it did not return.
///
/// # Cancel safety
///
/// The handle is its own future: dropping a borrow of it (`&mut handle` in a `select!`) loses
/// nothing.
///
/// # Go
///
/// Go has no handle: results travel over channels, and a panic ends the program. A handle that is
/// dropped without having yielded gives just that.
///
/// # Examples
///
/// ```
/// gort::run(async {
///     let sum = gort::go(async { 1 + 1 });
///     assert_eq!(sum.await.unwrap(), 2);
///
///     let panics = gort::go(async { panic!("at the disco") });
///     assert!(panics.await.unwrap_err().is_panic());
///
///     let never = gort::go(std::future::pending::<()>());
///     never.abort();
///     assert!(never.await.unwrap_err().is_cancelled());
/// });
/// ```
pub struct JoinHandle<T> {
    /// `None` only after the drop.
    task: Option<async_task::Task<Outcome<T>, Meta>>,
    id: u64,
    done: bool,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(task: async_task::Task<Outcome<T>, Meta>, id: u64) -> Self {
        Self { task: Some(task), id, done: false }
    }

    /// The goroutine's number in its runtime; 0 for a blocking job.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether the goroutine has ended, in whichever way.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(async_task::Task::is_finished)
    }

    /// Asks the goroutine to end: it is not polled again, its future is dropped by a worker, and
    /// awaiting this handle yields a [`JoinError`] for which
    /// [`is_cancelled`](JoinError::is_cancelled) is true. A goroutine that is just being polled ends
    /// when that poll returns `Pending`; one that has ended stays as it is.
    ///
    /// # Go
    ///
    /// Go has nothing of the kind; a context is the way to ask a goroutine to stop by itself.
    pub fn abort(&self) {
        match &self.task {
            // A blocking job that has not started is ended when its turn comes.
            Some(task) if task.metadata().record.is_none() => task.metadata().abort(),
            _ => self.abort_handle().abort(),
        }
    }

    /// A handle that can only abort. The one of a blocking job does nothing.
    pub fn abort_handle(&self) -> AbortHandle {
        let Some(task) = &self.task else { return AbortHandle(None) };
        AbortHandle::of(task.metadata(), self.id, task.is_finished())
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    ///
    /// When it is polled after it yielded.
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.done, "JoinHandle polled after completion");
        std::task::ready!(point::poll(cx, Op::Join));
        let Some(task) = &mut self.task else { return Poll::Pending };
        match poll_task(task, cx) {
            Poll::Ready(outcome) => {
                self.done = true;
                Poll::Ready(outcome.into_end().into())
            }
            Poll::Pending => {
                point::refund();
                record::park(WaitReason::Join, Location::caller());
                Poll::Pending
            }
        }
    }
}

impl<T> FusedFuture for JoinHandle<T> {
    /// Whether it has yielded, which is not yet so when the goroutine has ended.
    fn is_terminated(&self) -> bool {
        self.done
    }
}

/// Polls `task`, which never sees a waker that may panic.
fn poll_task<T>(
    task: &mut async_task::Task<Outcome<T>, Meta>,
    cx: &mut Context<'_>,
) -> Poll<Outcome<T>> {
    let own = record::current().is_some_and(|record| record.is_own_waker(cx.waker()));
    if own || task.is_finished() {
        return Pin::new(task).poll(cx);
    }
    let waker = Waker::from(Arc::new(Contained(Some(cx.waker().clone()))));
    Pin::new(task).poll(&mut Context::from_waker(&waker))
}

/// A waker that does not panic, whatever the one inside does. async-task ends the process if a waker
/// panics that it was given, and a goroutine that has ended wakes those who await it on a worker, to
/// which their panics mean nothing.
struct Contained(Option<Waker>);

impl Wake for Contained {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(waker) = &self.0 {
            unwind::contain(|| waker.wake_by_ref());
        }
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        let waker = self.0.take();
        unwind::contain(|| drop(waker));
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.detach();
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id)
            .field("finished", &self.is_finished())
            .finish()
    }
}

/// Aborts a goroutine without owning the right to await it. See [`JoinHandle::abort`].
#[derive(Clone)]
pub struct AbortHandle(Option<Target>);

#[derive(Clone)]
struct Target {
    /// Keeps the task's memory, and so `meta`, alive.
    waker: Waker,
    meta: *const Meta,
    id: u64,
}

// SAFETY: `Meta` is `Sync`, and `waker` keeps it alive wherever the handle goes.
unsafe impl Send for AbortHandle {}
// SAFETY: as above; all methods take `&self` and touch atomics only.
unsafe impl Sync for AbortHandle {}

impl AbortHandle {
    /// `meta` is the metadata of a task that the caller keeps alive.
    fn of(meta: &Meta, id: u64, finished: bool) -> Self {
        if finished {
            return Self(None);
        }
        let waker = match meta.record {
            Some(record) => record.waker_of(id, meta.runtime),
            None => None,
        };
        Self(waker.map(|waker| Target { waker, meta: std::ptr::from_ref(meta), id }))
    }

    /// Asks the goroutine to end; see [`JoinHandle::abort`].
    pub fn abort(&self) {
        if let Some(target) = &self.0 {
            // SAFETY: the metadata lies in the task's allocation, which `target.waker` keeps alive.
            unsafe { &*target.meta }.abort();
            target.waker.wake_by_ref();
        }
    }

    /// The goroutine's number in its runtime; 0 if it had ended when the handle was made.
    pub fn id(&self) -> u64 {
        self.0.as_ref().map_or(0, |target| target.id)
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").field("id", &self.id()).finish()
    }
}

/// Why awaiting a goroutine yielded no value.
#[derive(Debug)]
pub struct JoinError(Why);

#[derive(Debug)]
enum Why {
    Cancelled,
    Exited,
    Panicked(Box<Panicked>),
    NoThread(i32),
}

struct Panicked {
    // A mutex makes the error `Sync`, which a payload is not.
    payload: Mutex<Payload>,
    message: String,
}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl JoinError {
    pub(crate) fn cancelled() -> Self {
        Self(Why::Cancelled)
    }

    pub(crate) fn exited() -> Self {
        Self(Why::Exited)
    }

    pub(crate) fn no_thread(code: i32) -> Self {
        Self(Why::NoThread(code))
    }

    #[cold]
    pub(crate) fn panicked(report: Report) -> Self {
        let payload = report.into_payload();
        let message = message(&*payload).to_owned();
        Self(Why::Panicked(Box::new(Panicked { payload: Mutex::new(payload), message })))
    }

    /// Whether it was aborted, or its runtime was shut down before it ended.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Why::Cancelled)
    }

    /// Whether it panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Why::Panicked(_))
    }

    /// Whether it called [`goexit`](crate::runtime::goexit).
    pub fn is_goexit(&self) -> bool {
        matches!(self.0, Why::Exited)
    }

    /// The panic's payload, to be handed to [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// If the goroutine did not panic.
    ///
    /// # Go
    ///
    /// What `recover()` returns.
    #[doc(alias = "recover")]
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn std::any::Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(other) => panic!("`JoinError` reason is not a panic: {other}"),
        }
    }

    /// The panic's payload, or the error itself.
    ///
    /// # Errors
    ///
    /// If the goroutine did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn std::any::Any + Send + 'static>, JoinError> {
        match self.0 {
            Why::Panicked(panicked) => Ok(panicked.payload.into_inner()),
            why => Err(JoinError(why)),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Cancelled => f.write_str("task was cancelled"),
            Why::Exited => f.write_str("task called goexit"),
            Why::Panicked(panicked) => {
                write!(f, "task panicked with message {:?}", panicked.message)
            }
            Why::NoThread(code) => write!(
                f,
                "no thread could be started for the task: {}",
                std::io::Error::from_raw_os_error(*code)
            ),
        }
    }
}

impl std::error::Error for JoinError {}
