//! What the tests expect of a goroutine, made of any executor's task: it goes on when its handle is dropped,
//! it can be aborted, and its panic belongs to whoever holds the handle, or else is fatal.

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{AbortHandle, Abortable, Aborted};
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Why a goroutine did not return.
#[derive(Debug)]
pub enum Ended {
    /// It was aborted.
    Aborted,
    /// It has panicked, with this payload.
    Panicked(Box<dyn Any + Send>),
}

/// Ready when the goroutine has ended.
pub struct Handle<T> {
    abort: AbortHandle,
    result: oneshot::Receiver<Result<T, Ended>>,
}

/// Makes the task of a goroutine, for an executor to run, and its handle.
pub fn goroutine<F>(future: F) -> (impl Future<Output = ()> + Send + 'static, Handle<F::Output>)
where
    F: Future<Output: Send> + Send + 'static,
{
    let (abort, registration) = AbortHandle::new_pair();
    let (teller, result) = oneshot::channel();
    let task = async move {
        let future = Abortable::new(future, registration);
        let result = match AssertUnwindSafe(future).catch_unwind().await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(Aborted)) => Err(Ended::Aborted),
            Err(payload) => Err(Ended::Panicked(payload)),
        };
        if let Err(Err(Ended::Panicked(_))) = teller.send(result) {
            eprintln!("a goroutine has panicked, and nobody can be told");
            std::process::abort();
        }
    };
    (task, Handle { abort, result })
}

impl<T> Handle<T> {
    /// Drops the goroutine's future, at its next await point.
    pub fn abort(&self) {
        self.abort.abort();
    }
}

impl<T> Future for Handle<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let told = ready!(self.result.poll_unpin(cx));
        Poll::Ready(told.expect("the executor has dropped a task"))
    }
}

/// What the main goroutine has returned, or its panic once more.
pub fn returned<T>(result: Result<T, Ended>) -> T {
    match result {
        Ok(output) => output,
        Err(Ended::Panicked(payload)) => std::panic::resume_unwind(payload),
        Err(Ended::Aborted) => unreachable!("nobody has its handle"),
    }
}
