//! Futures polled by hand, and values that count themselves.

#![allow(dead_code, reason = "every test file uses a part")]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future on the heap that is polled by hand.
pub(crate) struct Polled<F> {
    future: Pin<Box<F>>,
    count: Arc<Count>,
}

impl<F: Future> Polled<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), count: Arc::default() }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(&self.count));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// Polls it once with another waker.
    pub(crate) fn poll_with(&mut self, waker: &Waker) -> Poll<F::Output> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// Polls it once; it must be ready.
    #[track_caller]
    pub(crate) fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future has to wait"),
        }
    }

    /// How often it was woken.
    pub(crate) fn wakes(&self) -> usize {
        self.count.0.load(Ordering::Relaxed)
    }
}

impl<F> Polled<F> {
    /// The future itself.
    pub(crate) fn into_inner(self) -> Pin<Box<F>> {
        self.future
    }
}

/// A value that counts its clones that are alive.
#[derive(Debug, Clone)]
pub(crate) struct Flag(Arc<()>);

pub(crate) fn flag() -> Flag {
    Flag(Arc::new(()))
}

impl Flag {
    pub(crate) fn alive(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}
