//! hyper on gort: what hyper asks of a runtime. Needs the feature `hyper`.
//!
//! * [`GortExecutor`] runs hyper's tasks as goroutines.
//! * [`GortTimer`] makes hyper's time limits timers of the runtime.
//! * [`GortIo`] shows hyper a stream of ours, or of tokio's traits, and those traits a stream of
//!   hyper's.
//!
//! ```
//! use gort::compat::hyper::{GortIo, GortTimer};
//! use gort::net::{TcpListener, TcpStream};
//! use http_body_util::{BodyExt, Empty, Full};
//! use hyper::body::Bytes;
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! gort::run(async {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let addr = listener.local_addr()?;
//!     gort::spawn(async move {
//!         let (conn, _) = listener.accept().await.unwrap();
//!         let hello = service_fn(|_| async {
//!             Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("hello"))))
//!         });
//!         let mut server = hyper::server::conn::http1::Builder::new();
//!         server.timer(GortTimer::new()).serve_connection(GortIo::new(conn), hello).await.unwrap();
//!     });
//!
//!     let io = GortIo::new(TcpStream::connect(addr).await?);
//!     let (mut client, conn) = hyper::client::conn::http1::handshake(io).await?;
//!     gort::spawn(conn);
//!     let request = Request::get("/").header("host", "gort").body(Empty::<Bytes>::new())?;
//!     let body = client.send_request(request).await?.into_body().collect().await?;
//!     assert_eq!(body.to_bytes(), "hello");
//!     Ok(())
//! })
//! # }
//! ```

#![expect(unsafe_code, reason = "hyper's and tokio's read buffers are unsafe to fill")]

use crate::runtime;
use crate::time::{self, Duration, Instant};
use hyper::rt;
use pin_project_lite::pin_project;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// Runs hyper's tasks as goroutines of the current runtime, or of the global one. A task that panics
/// is reported and harms no other, as with [`spawn`](crate::spawn).
///
/// ```
/// use hyper::rt::Executor;
///
/// # fn main() {
/// gort::run(async {
///     let (done, wait) = tokio::sync::oneshot::channel();
///     gort::compat::hyper::GortExecutor::new().execute(async { done.send(7).unwrap() });
///     assert_eq!(wait.await, Ok(7));
/// });
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GortExecutor;

impl GortExecutor {
    /// It has no state.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

impl<F> rt::Executor<F> for GortExecutor
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        drop(runtime::spawn(future));
    }
}

/// Makes hyper's time limits timers of the current runtime, or of the global one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GortTimer;

impl GortTimer {
    /// It has no state.
    #[must_use]
    pub fn new() -> Self {
        Self
    }
}

pin_project! {
    /// A sleep that hyper may reset; see [`GortTimer`].
    #[derive(Debug)]
    pub struct Sleep {
        #[pin]
        inner: time::Sleep,
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().inner.poll(cx)
    }
}

impl rt::Sleep for Sleep {}

impl rt::Timer for GortTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep { inner: time::sleep(duration) })
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep { inner: time::sleep_until(deadline.into()) })
    }

    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: std::time::Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(ours) => ours.project().inner.reset(deadline.into()),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}

pin_project! {
    /// Shows hyper a stream with tokio's io traits, and those traits a stream of hyper's (which is
    /// what an upgraded connection is).
    #[derive(Debug)]
    pub struct GortIo<T> {
        #[pin]
        inner: T,
    }
}

impl<T> GortIo<T> {
    /// Wraps a stream.
    pub fn new(inner: T) -> Self {
        Self { inner }
    }

    /// The stream.
    pub fn inner(&self) -> &T {
        &self.inner
    }

    /// The stream.
    pub fn inner_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// The stream, unwrapped.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: tokio::io::AsyncRead> rt::Read for GortIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: a `ReadBuf` never makes a byte uninitialised, and nobody else writes to it.
        let room = unsafe { buf.as_mut() };
        let start = room.as_ptr();
        let mut filling = ReadBuf::uninit(room);
        ready!(self.project().inner.poll_read(cx, &mut filling))?;
        let filled = filling.filled();
        assert!(ptr::eq(filled.as_ptr(), start.cast()), "the reader put another buffer in place");
        let count = filled.len();
        // SAFETY: `ReadBuf` vouches for the bytes it calls filled, and it is the one that began at
        // the cursor.
        unsafe { buf.advance(count) };
        Poll::Ready(Ok(()))
    }
}

impl<T: tokio::io::AsyncWrite> rt::Write for GortIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }
}

impl<T: rt::Read> tokio::io::AsyncRead for GortIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: hyper's `ReadBuf` never makes a byte uninitialised.
        let room = unsafe { buf.unfilled_mut() };
        let mut filling = rt::ReadBuf::uninit(room);
        ready!(self.project().inner.poll_read(cx, filling.unfilled()))?;
        let count = filling.filled().len();
        // SAFETY: hyper's `ReadBuf` vouches for the bytes it calls filled, and it began where `buf`
        // goes on.
        unsafe { buf.assume_init(count) };
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<T: rt::Write> tokio::io::AsyncWrite for GortIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, bufs)
    }
}
