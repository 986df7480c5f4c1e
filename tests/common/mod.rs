//! Futures polled by hand, the executors of those that are not, and values that count themselves.

#![allow(dead_code, unused_imports, reason = "every test file uses a part")]

pub(crate) mod child;
pub(crate) mod everywhere;
pub(crate) mod nosy;
pub(crate) mod plain;

pub(crate) use nosy::{Call, nosy_waker};

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

// Channels, `select!` and locks work under any executor, so the tests of them name gort's in this one
// place. `ecosystem/executors` builds the same test files with this cfg and an executor of its own. A
// test that is about gort's runtime itself has `#[cfg(not(foreign_executor))]`.
#[cfg(foreign_executor)]
pub(crate) use crate::executor::{go, run};
#[cfg(not(foreign_executor))]
pub(crate) use gort::go;

/// [`gort::run`] with as many workers on every machine.
#[cfg(not(foreign_executor))]
pub(crate) fn run<F>(main: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    gort::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap().run(main)
}

/// A waker that counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

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
        self.count.get()
    }

    /// The count, for when it is gone.
    pub(crate) fn count(&self) -> Arc<Count> {
        Arc::clone(&self.count)
    }
}

impl<F> Polled<F> {
    /// The future itself.
    pub(crate) fn into_inner(self) -> Pin<Box<F>> {
        self.future
    }
}

/// Polls once with the waker of the task that awaits this.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
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

/// What happened, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, word: impl Into<String>) {
        self.0.lock().expect("nobody panics with it").push(word.into());
    }

    /// The words so far, with blanks between them.
    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("nobody panics with it").join(" ")
    }
}

/// The text of the panic that `body` must end with.
#[track_caller]
pub(crate) fn panic_text<R>(body: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).err().expect("it did not panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).to_owned(),
    }
}
