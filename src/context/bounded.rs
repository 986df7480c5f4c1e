//! Any future, for as long as a context lasts.

use super::{Context, Error};
use crate::chan::RecvStream;
use pin_project_lite::pin_project;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{self, Poll};

/// Gives a future the limits of a context. Implemented for all futures.
pub trait ContextExt: IntoFuture {
    /// Waits for the future, for as long as `ctx` has not ended.
    ///
    /// The future is polled first: what is ready at once is never too late, even if the context has ended.
    ///
    /// # Errors
    ///
    /// How the context has ended, if that comes first. Dropping what this returns, as an `.await` does, then
    /// drops the future.
    ///
    /// # Cancel safety
    ///
    /// That of the future.
    ///
    /// # Go
    ///
    /// `select` with `<-ctx.Done()`.
    ///
    /// ```
    /// use gort::context::{ContextExt, Error, background, with_timeout};
    /// use gort::sync::Mutex;
    /// use gort::time::Duration;
    ///
    /// gort::run(async {
    ///     let (ctx, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    ///     let mutex = Mutex::new(0);
    ///     let held = mutex.lock().await;
    ///     let second = mutex.lock().with_context(&ctx).await;
    ///     assert_eq!(second.unwrap_err(), Error::DeadlineExceeded);
    ///     drop(held);
    /// });
    /// ```
    #[track_caller]
    fn with_context(self, ctx: &Context) -> WithContext<Self::IntoFuture>
    where
        Self: Sized,
    {
        WithContext { future: self.into_future(), ctx: ctx.clone(), done: ctx.done().stream() }
    }
}

impl<F: IntoFuture> ContextExt for F {}

pin_project! {
    /// The future of [`with_context`](ContextExt::with_context).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WithContext<F> {
        #[pin]
        future: F,
        ctx: Context,
        done: RecvStream<()>,
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = Result<F::Output, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.future.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        // Without a unit of the budget: a future that uses up all of it would outlive the context. And
        // the goroutine waits for what the inner future waits for.
        if let Poll::Ready(()) = this.done.poll_end_quietly(cx) {
            return Poll::Ready(this.ctx.check().map(|()| unreachable!("done is closed")));
        }
        Poll::Pending
    }
}
