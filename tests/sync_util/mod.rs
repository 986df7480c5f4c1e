//! Futures driven by hand: a future, a waker that counts, and a poll whenever the test says so.

#![allow(dead_code, reason = "each test file uses its part")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A future of its own task.
pub(crate) struct Driven<F> {
    future: Pin<Box<F>>,
    count: Arc<Count>,
}

pub(crate) fn drive<F: Future>(future: F) -> Driven<F> {
    Driven { future: Box::pin(future), count: Arc::default() }
}

impl<F: Future> Driven<F> {
    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.count));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    #[track_caller]
    pub(crate) fn pending(&mut self) {
        assert!(self.poll().is_pending(), "ready too early");
    }

    #[track_caller]
    pub(crate) fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("not ready"),
        }
    }

    /// How often it was woken since it was asked last.
    pub(crate) fn woken(&self) -> usize {
        self.count.0.swap(0, Ordering::SeqCst)
    }

    /// Forgets the future in the middle of whatever it does.
    #[expect(clippy::mem_forget, reason = "that is the point")]
    pub(crate) fn forget(self) {
        std::mem::forget(self.future);
    }
}

/// The text that `f` panics with.
#[track_caller]
pub(crate) fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    let Err(payload) = result else { panic!("it did not panic") };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().expect("a text").to_string(),
    }
}
