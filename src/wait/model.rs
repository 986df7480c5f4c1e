//! What the models of all folders drive futures with: polls by hand, wakers that count, goroutines.

use super::record::{self, Record};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls `future` once, for nobody.
pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls `future` up to `times`, and drops it.
pub(crate) fn poll_and_drop<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return Some(output);
        }
    }
    None
}

/// A task that counts how often it was woken. The count tells a model nothing about memory.
#[derive(Clone, Default)]
pub(crate) struct Wakes(Arc<Count>);

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wakes {
    pub(crate) fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Polls `future` once.
    pub(crate) fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker()))
    }
}

/// A goroutine, as those see it who ask whether its operations are being polled.
#[derive(Clone, Copy)]
pub(crate) struct Goroutine(&'static Record);

impl Goroutine {
    pub(crate) fn new() -> Self {
        let [record] = Record::leaked();
        Self(record)
    }

    /// `future`, as if it were the whole goroutine.
    #[cfg_attr(gort_shuttle, expect(dead_code, reason = "its goroutines are threads"))]
    pub(crate) fn drive<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        let mut future = Box::pin(future);
        std::future::poll_fn(move |cx| self.turn(|| future.as_mut().poll(cx)))
    }

    /// One poll of it, which does `f`.
    pub(crate) fn turn<R>(self, f: impl FnOnce() -> R) -> R {
        let outer = record::swap_current(Some(self.0));
        self.0.start_poll();
        let result = f();
        self.0.end_poll();
        record::swap_current(outer);
        result
    }
}

/// Models of more threads than loom can follow, under shuttle.
#[cfg(gort_shuttle)]
pub(crate) mod random {
    use super::{Goroutine, poll};
    use crate::sys::choose::choose;
    use shuttle::scheduler::{
        PctScheduler, RandomScheduler, Scheduler, UncontrolledNondeterminismCheckScheduler,
    };
    use shuttle::{Config, Runner};
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::Poll;

    /// Runs `model` under random schedules, and as often under schedules that seldom switch, but
    /// anywhere; and makes sure that nothing but the schedule decides its course.
    pub(crate) fn check(schedules: usize, model: impl Fn() + Send + Sync + Copy + 'static) {
        run(RandomScheduler::new(schedules), model);
        run(PctScheduler::new(3, schedules), model);
        let random = RandomScheduler::new(schedules.div_ceil(100));
        run(UncontrolledNondeterminismCheckScheduler::new(random), model);
    }

    fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) {
        let mut config = Config::new();
        // Of orderings: they are what loom is for.
        config.silence_warnings = true;
        config.stack_size = 1 << 17;
        Runner::new(scheduler, config).run(model);
    }

    /// Runs `body` as a goroutine, on a thread of its own.
    pub(crate) fn go<F>(body: F) -> shuttle::thread::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        shuttle::thread::spawn(move || {
            let goroutine = Goroutine::new();
            let mut body = pin!(body);
            shuttle::future::block_on(poll_fn(|cx| goroutine.turn(|| body.as_mut().poll(cx))))
        })
    }

    /// Awaits `future`, or drops it when it was pending a few times.
    pub(crate) async fn perhaps<F: Future>(future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        let mut patience = choose(4);
        if patience == 0 {
            return Some(future.await);
        }
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if patience == 1 => Poll::Ready(None),
            Poll::Pending => {
                patience -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await
    }
}
