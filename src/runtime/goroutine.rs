//! The goroutine: a future in an async-task allocation, with the record that everybody may see.
//!
//! Lifetime. async-task frees a task that nobody can wake any more *without dropping its future*,
//! which would pull the memory from under every waiter list the future is linked into. So from its
//! spawn to its end a goroutine owns one reference to itself, kept in its record. It ends only in
//! [`Goroutine::poll`]: by returning, by a panic, by `goexit`, or because it was aborted (by its
//! handle or by the shutdown of its runtime), and only that end drops the future. Nothing here ever
//! drops a `Runnable` without running it.
//!
//! Panics. async-task aborts the process or loses a panic, depending on where it meets one, so it
//! never meets one: polling the future, dropping it and dropping its output are all caught here.
//! What becomes of a caught panic is the business of [`super::panic`].

#![expect(unsafe_code, reason = "an outcome is taken out of a type that drops it with care")]

use super::context;
use super::join::{JoinError, JoinHandle};
use super::panic::{self, Report};
use crate::sys::point::BUDGET;
use crate::sys::sync::atomic::{AtomicU8, Ordering};
use crate::sys::unwind;
use crate::wait::record::Record;
use async_task::{Builder, Runnable, ScheduleInfo, WithInfo};
use pin_project_lite::pin_project;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What happens to a panic of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Policy {
    /// Started by `go`: a panic that no handle yields is fatal, as in Go.
    Go,
    /// Started by `spawn`: a panic that no handle yields is reported and counted, as in tokio.
    Spawn,
    /// A closure on the blocking pool; panics as for `Spawn`.
    Blocking,
}

/// What the run loop needs of a task before it polls it; async-task's metadata.
#[derive(Debug)]
pub(crate) struct Meta {
    /// The goroutine's record; `None` for a blocking job, which is no goroutine.
    pub(crate) record: Option<&'static Record>,
    /// Index of the runtime.
    pub(crate) runtime: u16,
    pub(crate) policy: Policy,
    /// Not 0: the next poll ends the task without polling its future. [`ABORT`], [`REFUSED`], or the
    /// system's error for why the task has no thread to run on.
    // Ordering: Relaxed: the wake that follows `abort` and `fail` orders it before the poll that looks;
    // whoever calls `refuse` polls the task himself.
    ended: AtomicU8,
}

/// The task was asked to end.
const ABORT: u8 = REFUSED - 1;
/// The task came too late: its runtime has been shut down, and may be gone.
const REFUSED: u8 = u8::MAX;

impl Meta {
    pub(crate) fn new(record: Option<&'static Record>, runtime: u16, policy: Policy) -> Self {
        Self { record, runtime, policy, ended: AtomicU8::new(0) }
    }

    /// Asks the task to end. The caller wakes or polls it.
    pub(crate) fn abort(&self) {
        // What was refused stays so.
        self.ended.fetch_max(ABORT, Ordering::Relaxed);
    }

    /// As [`abort`](Self::abort), because the system would not start a thread.
    pub(crate) fn fail(&self, code: i32) {
        let code = u8::try_from(code).ok().filter(|code| (1..ABORT).contains(code));
        self.ended.store(code.unwrap_or(ABORT), Ordering::Relaxed);
    }

    /// As [`abort`](Self::abort), of a task that has no runtime any more: its panics are dropped.
    pub(crate) fn refuse(&self) {
        self.ended.store(REFUSED, Ordering::Relaxed);
    }

    /// Whether the task's runtime is in the table of runtimes, for as long as the task has not ended.
    pub(crate) fn is_listed(&self) -> bool {
        self.ended.load(Ordering::Relaxed) != REFUSED
    }

    /// The goroutine's number, 0 for a blocking job.
    pub(crate) fn id(&self) -> u64 {
        self.record.map_or(0, Record::id)
    }
}

/// How a task ended.
#[derive(Debug)]
pub(crate) enum End<T> {
    /// It returned.
    Done(T),
    /// It, or the drop of its future, panicked.
    Panicked(Box<Report>),
    /// It was aborted, or its runtime was shut down.
    Aborted,
    /// It called `goexit`.
    Exited,
    /// A blocking job for which the system would not start a thread.
    NoThread(i32),
}

/// The output of a task as async-task stores it. Dropping it never panics.
#[derive(Debug)]
pub(crate) struct Outcome<T>(ManuallyDrop<End<T>>);

impl<T> Outcome<T> {
    fn new(end: End<T>) -> Self {
        Self(ManuallyDrop::new(end))
    }

    pub(crate) fn into_end(self) -> End<T> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, and its own drop does not run.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        // SAFETY: the field is dropped here and never used again.
        let drop_end = || unsafe { ManuallyDrop::drop(&mut self.0) };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(drop_end)) {
            // The panic hook has told about it, and no goroutine is left to blame.
            unwind::drop_payload(payload);
        }
    }
}

pin_project! {
    /// The future that async-task polls.
    #[project = StageProj]
    pub(crate) enum Goroutine<F> {
        Live { #[pin] future: F },
        Gone,
    }
}

impl<F: Future> Future for Goroutine<F> {
    type Output = Outcome<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let meta = context::current_meta();
        match meta.ended.load(Ordering::Relaxed) {
            0 => {}
            ABORT | REFUSED => return Poll::Ready(self.end(meta, End::Aborted)),
            code => return Poll::Ready(self.end(meta, End::NoThread(code.into()))),
        }
        let StageProj::Live { future } = self.as_mut().project() else {
            unreachable!("a task is not polled after its end");
        };
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => {
                if let Some(record) = meta.record {
                    record.end_poll();
                }
                Poll::Pending
            }
            Ok(Poll::Ready(output)) => Poll::Ready(self.end(meta, End::Done(output))),
            Err(payload) if panic::is_goexit(&*payload) => Poll::Ready(self.end(meta, End::Exited)),
            Err(payload) => {
                let report = Report::new(meta, payload);
                Poll::Ready(self.end(meta, End::Panicked(report)))
            }
        }
    }
}

impl<F: Future> Goroutine<F> {
    /// Drops the future and gives the record back.
    fn end(mut self: Pin<&mut Self>, meta: &Meta, mut end: End<F::Output>) -> Outcome<F::Output> {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.set(Goroutine::Gone))) {
            // The first panic is the one that is told.
            if !matches!(end, End::Panicked(_)) {
                drop(Outcome::new(end));
                end = End::Panicked(Report::new(meta, payload));
            }
        }
        if let Some(record) = meta.record {
            context::retire(record);
        }
        Outcome::new(end)
    }
}

/// Makes a task of `future`, ready to be scheduled. Its record, if it has one, is published.
pub(crate) fn allocate<F>(
    future: F,
    meta: Meta,
    id: u64,
    created: &'static Location<'static>,
) -> (Runnable<Meta>, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let record = meta.record;
    let runtime = meta.runtime;
    let future = Goroutine::Live { future };
    let (runnable, task) = Builder::new().metadata(meta).spawn(|_| future, WithInfo(schedule));
    if let Some(record) = record {
        let parent = crate::wait::record::current().map_or(0, Record::id);
        record.publish(id, parent, runtime, created, runnable.waker());
    }
    (runnable, JoinHandle::new(task, id))
}

/// Called by async-task whenever the task has become runnable. A function item, so that the task
/// stores nothing for it.
fn schedule(runnable: Runnable<Meta>, info: ScheduleInfo) {
    let meta = runnable.metadata();
    match meta.record {
        Some(record) => {
            record.set_runnable();
            context::schedule(runnable, info.woken_while_running);
        }
        None => unreachable!("a blocking job is polled once, and nothing wakes it"),
    }
}

/// Starts a goroutine that never ran because its runtime is gone: its handle yields "cancelled".
pub(crate) fn refuse<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let meta = Meta::new(None, 0, Policy::Spawn);
    meta.refuse();
    let future = Goroutine::Live { future };
    let (runnable, task) = Builder::new()
        .metadata(meta)
        .spawn(|_| future, |_: Runnable<Meta>| unreachable!("a refused task is run once, at once"));
    context::poll_task(runnable, BUDGET);
    JoinHandle::new(task, 0)
}

impl<T> From<End<T>> for Result<T, JoinError> {
    fn from(end: End<T>) -> Self {
        match end {
            End::Done(value) => Ok(value),
            End::Panicked(report) => Err(JoinError::panicked(*report)),
            End::Aborted => Err(JoinError::cancelled()),
            End::Exited => Err(JoinError::exited()),
            End::NoThread(code) => Err(JoinError::no_thread(code)),
        }
    }
}

#[cfg(all(test, not(gort_loom)))]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_two_words() {
        assert_eq!(size_of::<Meta>(), 16);
    }
}
