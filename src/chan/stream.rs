//! Channels as `Stream`, as `Sink`, and the wait for the end of sending.

#![expect(unsafe_code, reason = "values are received by pointer")]

use super::core::Core;
use super::error::SendError;
use super::handle::{Receiver, Sender};
use super::recv::Received;
use super::send::{Outcome, SendOp};
use super::state::{Event, Tried};
use super::watch::Watch;
use crate::sys::point::{self, Op};
use crate::wait::record::{self, WaitReason};
use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The receiving end as a [`Stream`], from [`Receiver::stream`]. It ends when the channel is closed
/// and everything has been received.
///
/// A stream is woken when there is something to receive; it is never handed a value before it is
/// polled. So a stream that is kept without being polled holds nothing back, and has no place in line:
/// receivers that wait with [`next`](Receiver::next) come first.
///
/// It counts as a receiver while it lives. The first wait allocates.
pub struct RecvStream<T> {
    receiver: Receiver<T>,
    site: &'static Location<'static>,
    watch: Option<Pin<Box<Watch>>>,
    ended: bool,
}

impl<T> RecvStream<T> {
    pub(super) fn new(receiver: Receiver<T>, site: &'static Location<'static>) -> Self {
        Self { receiver, site, watch: None, ended: false }
    }

    /// The channel.
    pub fn receiver(&self) -> &Receiver<T> {
        &self.receiver
    }

    /// Ready once the channel is closed and empty; what it holds before that is dropped. Without a unit of
    /// the budget and without a word about the wait.
    pub(crate) fn poll_end_quietly(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(core) = self.receiver.core() else { return Poll::Pending };
        let watch = self.watch.get_or_insert_with(|| Box::pin(Watch::new()));
        while ready!(watch.as_ref().poll(core, Event::Receivable, cx, look)).is_some() {}
        Poll::Ready(())
    }
}

/// Receives under the lock: `Some(None)` is the end.
fn look<T>(
    state: &mut super::state::State<T>,
    wakes: &mut crate::wait::batch::WakeBatch,
) -> Option<Option<T>> {
    let mut value = MaybeUninit::uninit();
    // SAFETY: it can be written to.
    match unsafe { state.try_recv(value.as_mut_ptr(), wakes) } {
        Tried::Done => {}
        Tried::Closed | Tried::Disconnected => return Some(None),
        // SAFETY: it can be written to.
        Tried::Wait => {
            // SAFETY: it can be written to.
            if !unsafe { state.reclaim(record::current(), value.as_mut_ptr()) } {
                return None;
            }
        }
    }
    // SAFETY: written by `try_recv` or `reclaim`.
    Some(Some(unsafe { value.assume_init() }))
}

impl<T> Stream for RecvStream<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let Some(core) = this.receiver.core() else {
            record::park(WaitReason::ChanReceiveNil, this.site);
            return Poll::Pending;
        };
        ready!(point::poll(cx, Op::Chan));
        let mut polled = Poll::Pending;
        if core.may_recv() {
            match core.recv_now() {
                Received::Value(value) => polled = Poll::Ready(Some(value)),
                Received::End => polled = Poll::Ready(None),
                Received::Wait => {}
            }
        }
        if polled.is_pending() {
            let watch = this.watch.get_or_insert_with(|| Box::pin(Watch::new()));
            polled = watch.as_ref().poll(core, Event::Receivable, cx, look);
        }
        match &polled {
            Poll::Pending => {
                point::refund();
                record::park(WaitReason::ChanReceive, this.site);
            }
            Poll::Ready(value) => this.ended = value.is_none(),
        }
        polled
    }

    // No `size_hint`: what is in the buffer now may be received by others.
}

impl<T> FusedStream for RecvStream<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T> Drop for RecvStream<T> {
    fn drop(&mut self) {
        if let (Some(watch), Some(core)) = (&self.watch, self.receiver.core()) {
            watch.cancel(core, Event::Receivable);
        }
    }
}

impl<T> fmt::Debug for RecvStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RecvStream").field(&self.receiver).finish()
    }
}

/// The sending end as a [`Sink`], from [`Sender::sink`].
///
/// It accepts one value at a time and keeps it until the channel takes it (`flush`). Sending never
/// panics: on a closed channel, or one without receivers, the value comes back in the error. A sink
/// that is dropped drops a value that it has not passed on.
///
/// It counts as a sender while it lives; [`poll_close`](Sink::poll_close) flushes and lets go.
/// Creating it allocates.
pub struct SendSink<T> {
    op: Option<Pin<Box<SendOp<T>>>>,
    sender: Option<Sender<T>>,
    site: &'static Location<'static>,
}

impl<T> SendSink<T> {
    pub(super) fn new(sender: Sender<T>, site: &'static Location<'static>) -> Self {
        Self { op: None, sender: Some(sender), site }
    }

    /// Passes on the value that is kept, if any.
    fn poll_pass(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let (Some(op), Some(sender)) = (&self.op, &self.sender) else { return Poll::Ready(Ok(())) };
        if op.is_over() {
            return Poll::Ready(Ok(()));
        }
        let Some(core) = sender.core() else {
            record::park(WaitReason::ChanSendNil, self.site);
            return Poll::Pending;
        };
        Poll::Ready(match ready!(op.as_ref().poll_outcome(core, self.site, cx)) {
            Outcome::Sent => Ok(()),
            Outcome::Closed | Outcome::Disconnected => Err(SendError(op.take_value())),
        })
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<T>;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        self.poll_pass(cx)
    }

    /// # Panics
    ///
    /// If the sink has not been [ready](Sink::poll_ready).
    fn start_send(mut self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        let this = &mut *self;
        let Some(sender) = &this.sender else { return Err(SendError(value)) };
        let op = match &this.op {
            Some(op) => {
                op.refill(value);
                op
            }
            None => this.op.insert(Box::pin(SendOp::new(value))),
        };
        match sender.core().and_then(|core| op.send_now(core)) {
            None | Some(Outcome::Sent) => Ok(()),
            Some(Outcome::Closed | Outcome::Disconnected) => Err(SendError(op.take_value())),
        }
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        self.poll_pass(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let passed = ready!(self.poll_pass(cx));
        self.op = None;
        self.sender = None;
        Poll::Ready(passed)
    }
}

impl<T> Drop for SendSink<T> {
    fn drop(&mut self) {
        if let (Some(op), Some(sender)) = (&self.op, &self.sender) {
            if let Some(core) = sender.core() {
                op.cancel(core);
            }
        }
    }
}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendSink").field(&self.sender).finish()
    }
}

pin_project! {
    /// Future of [`Sender::closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Closed<'a, T> {
        core: Option<&'a Core<T>>,
        site: &'static Location<'static>,
        #[pin]
        watch: Watch,
    }

    impl<T> PinnedDrop for Closed<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(core) = *this.core {
                this.watch.cancel(core, Event::Over);
            }
        }
    }
}

impl<'a, T> Closed<'a, T> {
    pub(super) fn new(core: Option<&'a Core<T>>, site: &'static Location<'static>) -> Self {
        Self { core, site, watch: Watch::new() }
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let Some(core) = *this.core else {
            record::park(WaitReason::ChanSendNil, this.site);
            return Poll::Pending;
        };
        let watch: Pin<&mut Watch> = this.watch;
        let polled =
            watch.as_ref().poll(core, Event::Over, cx, |state, _| state.is_over().then_some(()));
        if polled.is_pending() {
            record::park(WaitReason::ChanSend, this.site);
        }
        polled
    }
}
