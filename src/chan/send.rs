//! Sending: the operation that all sending futures share, and the futures.
//!
//! # States of a send
//!
//! The node's slot holds the value from the beginning until the tag is `SENT`. `waiter` idle: not
//! enqueued, the slot is the owner's alone. Otherwise the node was enqueued; once the waiter is
//! *chosen* it is the owner's alone again, without the lock, and the tag is the outcome.

#![expect(unsafe_code, reason = "the operation's node is shared with the channel")]

use super::core::{Core, Locked};
use super::error::SendError;
use super::handle::Sender;
use super::state::{ChanNode, Slot, State, Tried, slot, tag};
use crate::sys::point::{self, Op};
use crate::wait::batch::WakeBatch;
use crate::wait::list::Node;
use crate::wait::record::{self, WaitReason};
use crate::wait::waiter::{PLAIN, Waiter};
use futures_core::future::FusedFuture;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// How a send ended. If not `Sent`, the slot still holds the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Sent,
    Closed,
    Disconnected,
}

impl Outcome {
    /// `None` if the send has to wait.
    pub(super) fn of(tried: Tried) -> Option<Self> {
        match tried {
            Tried::Done => Some(Outcome::Sent),
            Tried::Closed => Some(Outcome::Closed),
            Tried::Disconnected => Some(Outcome::Disconnected),
            Tried::Wait => None,
        }
    }
}

impl<T> Core<T> {
    /// Sends `*value` if that is possible at once. On `Done` the value has been moved out.
    #[inline]
    pub(super) fn send_now(&self, value: &ManuallyDrop<T>) -> Tried {
        let value = &raw const **value;
        // SAFETY: it holds a value, which nobody drops if it is moved out.
        match unsafe { self.quick_send(value) } {
            None => Tried::Done,
            // SAFETY: as above; it has not been moved out yet.
            Some(state) => unsafe { Self::send_locked(state, value) },
        }
    }

    /// # Safety
    ///
    /// As for [`State::try_send`].
    #[inline(never)]
    unsafe fn send_locked(mut state: Locked<'_, T>, value: *const T) -> Tried {
        let mut wakes = WakeBatch::new();
        // SAFETY: by this function's contract.
        let tried = unsafe { state.try_send(value, &mut wakes) };
        drop(state);
        wakes.wake_all();
        tried
    }
}

/// One send, or one after the other, on one channel. Its owner [`cancel`](Self::cancel)s it before
/// it goes.
pub(super) struct SendOp<T> {
    waiter: Waiter,
    node: ChanNode<T>,
}

// SAFETY: the node and the waiter are shared under the channel's lock; what moves along is a `T`.
unsafe impl<T: marker::Send> marker::Send for SendOp<T> {}
// SAFETY: a shared reference to the operation gives access to nothing.
unsafe impl<T: marker::Send> Sync for SendOp<T> {}

/// What a look under the lock came to.
enum Step {
    Over(Outcome),
    /// Enqueued; the waker that was replaced is to be dropped without the lock.
    Parked(#[expect(dead_code, reason = "kept to be dropped")] Option<Waker>),
    /// Has to be enqueued or kept in line with a waker that must be cloned without the lock.
    NeedsWaker,
}

impl<T> SendOp<T> {
    pub(super) fn new(value: T) -> Self {
        Self { waiter: Waiter::new(), node: Node::new(Slot::holding(value)) }
    }

    /// The tag, while the node is the owner's alone.
    #[inline]
    fn tag(&self) -> u8 {
        debug_assert!(self.waiter.is_idle());
        // SAFETY: not enqueued, so only the owner has it, and whoever asks the owner.
        unsafe { self.node.tag() }
    }

    /// Marks the value as gone, while the node is the owner's alone.
    #[inline]
    fn set_sent(&self) {
        debug_assert!(self.waiter.is_idle());
        // SAFETY: not enqueued, so nobody else has it.
        unsafe { self.node.seat() }.tag = tag::SENT;
    }

    /// Whether the slot holds a value, while the node is the owner's alone.
    fn is_full(&self) -> bool {
        self.tag() != tag::SENT
    }

    /// Whether there is nothing to send.
    pub(super) fn is_over(&self) -> bool {
        self.waiter.is_idle() && !self.is_full()
    }

    /// Takes the value back. The send is over or has not been polled, and was not successful.
    pub(super) fn take_value(&self) -> T {
        assert!(self.is_full(), "the value has been sent");
        self.set_sent();
        // SAFETY: it held a value, and the tag that said so has just been changed.
        unsafe { slot(&self.node).read() }
    }

    /// Makes the operation send another value. The last one is over.
    pub(super) fn refill(&self, value: T) {
        // The tag of one that is enqueued may be changing just now.
        assert!(self.is_over(), "the last value has not been sent");
        // SAFETY: not enqueued, so nobody else has it.
        let seat = unsafe { self.node.seat() };
        seat.data.value.write(value);
        seat.tag = tag::IDLE;
    }

    /// Sends if that is possible at once. For the owner of an operation that is not enqueued.
    #[inline]
    pub(super) fn send_now(&self, core: &Core<T>) -> Option<Outcome> {
        debug_assert!(self.is_full());
        // SAFETY: not enqueued, so nobody else has the slot, which holds a value.
        match unsafe { core.quick_send(slot(&self.node)) } {
            None => {
                self.set_sent();
                Some(Outcome::Sent)
            }
            Some(state) => self.send_locked(state),
        }
    }

    #[inline(never)]
    fn send_locked(&self, mut state: Locked<'_, T>) -> Option<Outcome> {
        let mut wakes = WakeBatch::new();
        // SAFETY: not enqueued, so nobody else has the slot, which holds a value.
        let outcome = Outcome::of(unsafe { state.try_send(slot(&self.node), &mut wakes) });
        drop(state);
        if outcome == Some(Outcome::Sent) {
            self.set_sent();
        }
        wakes.wake_all();
        outcome
    }

    #[inline]
    pub(super) fn poll_outcome(
        self: Pin<&Self>,
        core: &Core<T>,
        site: &'static Location<'static>,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome> {
        let first = self.waiter.is_idle();
        if first {
            assert!(self.is_full(), "a send was polled after it had completed");
            ready!(point::poll(cx, Op::Chan));
            if core.may_send() {
                if let Some(outcome) = self.send_now(core) {
                    return Poll::Ready(outcome);
                }
            }
        } else if let Some(outcome) = self.settled() {
            return Poll::Ready(outcome);
        }
        self.poll_slow(core, site, cx, first)
    }

    /// The outcome, if somebody completed the operation.
    fn settled(&self) -> Option<Outcome> {
        self.waiter.chosen()?;
        self.waiter.reset();
        Some(match self.tag() {
            tag::CLOSED => Outcome::Closed,
            tag::DISCONNECTED => Outcome::Disconnected,
            _ => Outcome::Sent,
        })
    }

    #[inline(never)]
    fn poll_slow(
        &self,
        core: &Core<T>,
        site: &'static Location<'static>,
        cx: &mut Context<'_>,
        first: bool,
    ) -> Poll<Outcome> {
        let mut waker = first.then(|| cx.waker().clone());
        loop {
            let mut wakes = WakeBatch::new();
            let mut state = core.lock();
            // SAFETY: pinned: the only caller has a `Pin<&Self>`.
            let step = unsafe { self.step(&mut state, cx.waker(), &mut waker, &mut wakes) };
            drop(state);
            wakes.wake_all();
            match step {
                Step::Over(outcome) => return Poll::Ready(outcome),
                Step::Parked(_) => break,
                Step::NeedsWaker => waker = Some(cx.waker().clone()),
            }
        }
        record::park(WaitReason::ChanSend, site);
        if first {
            point::refund();
        }
        Poll::Pending
    }

    /// One look under the lock.
    ///
    /// # Safety
    ///
    /// The operation is pinned.
    unsafe fn step(
        &self,
        state: &mut State<T>,
        current: &Waker,
        fresh: &mut Option<Waker>,
        wakes: &mut WakeBatch,
    ) -> Step {
        if !self.waiter.is_idle() {
            if let Some(outcome) = self.settled() {
                return Step::Over(outcome);
            }
            // SAFETY: (W2): not settled, so linked, and under the lock.
            if unsafe { self.waiter.refresh(current) } {
                return Step::Parked(None);
            }
            let Some(waker) = fresh.take() else { return Step::NeedsWaker };
            // SAFETY: (W2): as above.
            return Step::Parked(unsafe { self.waiter.replace(Some(waker)) });
        }
        // SAFETY: not enqueued, so nobody else has the slot, which holds a value.
        if let Some(outcome) = Outcome::of(unsafe { state.try_send(slot(&self.node), wakes) }) {
            if outcome == Outcome::Sent {
                self.set_sent();
            }
            return Step::Over(outcome);
        }
        let Some(waker) = fresh.take() else { return Step::NeedsWaker };
        let old = self.waiter.register(waker);
        // SAFETY: not linked; pinned by the contract; `drop` unlinks it.
        unsafe { state.enqueue_send(&self.node, &self.waiter, PLAIN, wakes) };
        Step::Parked(old)
    }
    /// Stops waiting. Whether the value has been sent is the outcome then.
    #[inline]
    pub(super) fn cancel(&self, core: &Core<T>) {
        if !self.waiter.is_idle() {
            self.cancel_waiting(core);
        }
    }

    #[cold]
    fn cancel_waiting(&self, core: &Core<T>) {
        if self.waiter.chosen().is_none() {
            // SAFETY: enqueued by us: the waiter is not idle.
            unsafe { core.lock().cancel_send(&self.node) };
        }
        self.waiter.reset();
    }
}

impl<T> Drop for SendOp<T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_full() {
            drop(self.take_value());
        }
    }
}

/// A send that is polled: what the futures share. `None` for a core is nil.
struct Sending<'a, T> {
    core: Option<&'a Core<T>>,
    site: &'static Location<'static>,
    op: SendOp<T>,
}

impl<'a, T> Sending<'a, T> {
    fn new(core: Option<&'a Core<T>>, value: T, site: &'static Location<'static>) -> Self {
        Self { core, site, op: SendOp::new(value) }
    }

    /// Pending for ever on a nil channel; panics on a closed one.
    #[inline]
    fn poll_send(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let this = self.get_ref();
        let Some(core) = this.core else {
            record::park(WaitReason::ChanSendNil, this.site);
            return Poll::Pending;
        };
        // SAFETY: `op` is pinned as `self` is: nothing moves out of a `Sending`.
        let op = unsafe { Pin::new_unchecked(&this.op) };
        match ready!(op.poll_outcome(core, this.site, cx)) {
            Outcome::Sent => Poll::Ready(Ok(())),
            Outcome::Closed => panic_closed(op.take_value()),
            Outcome::Disconnected => Poll::Ready(Err(SendError(op.take_value()))),
        }
    }
}

impl<T> Drop for Sending<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(core) = self.core {
            self.op.cancel(core);
        }
    }
}

impl<T> fmt::Debug for Sending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("waiter", &self.op.waiter).finish_non_exhaustive()
    }
}

/// Go's panic. The value goes first, as its drop may panic too.
#[cold]
#[inline(never)]
fn panic_closed<T>(value: T) -> ! {
    drop(value);
    panic!("send on closed channel");
}

macro_rules! sending_future {
    ($(#[$doc:meta])* $name:ident<$t:ident> -> $output:ty, |$sent:ident| $map:expr) => {
        pin_project! {
            $(#[$doc])*
            ///
            /// # Cancel safety
            ///
            /// Dropping it drops the value, unless a receiver has taken it already, and loses the
            /// place in line.
            #[derive(Debug)]
            #[must_use = "futures do nothing unless you `.await` or poll them"]
            pub struct $name<'a, $t> {
                #[pin]
                sending: Sending<'a, $t>,
            }
        }

        impl<'a, $t> $name<'a, $t> {
            #[inline]
            pub(super) fn new(
                core: Option<&'a Core<$t>>,
                value: $t,
                site: &'static Location<'static>,
            ) -> Self {
                Self { sending: Sending::new(core, value, site) }
            }

            /// The channel and the value, for a select that does the send in its own way. The future
            /// has not been polled.
            #[inline]
            pub(crate) fn into_parts(self) -> (Option<&'a Core<$t>>, $t) {
                (self.sending.core, self.sending.op.take_value())
            }
        }

        impl<$t> Future for $name<'_, $t> {
            type Output = $output;

            #[inline]
            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let sending: Pin<&mut Sending<'_, $t>> = self.project().sending;
                sending.as_ref().poll_send(cx).map(|$sent| $map)
            }
        }

        impl<$t> FusedFuture for $name<'_, $t> {
            /// Whether it has yielded, or panicked. On a nil channel it never has.
            fn is_terminated(&self) -> bool {
                self.sending.op.is_over()
            }
        }
    };
}

sending_future! {
    /// Future of [`Sender::send`](crate::chan::Sender::send).
    Send<T> -> Result<(), SendError<T>>, |sent| sent
}

sending_future! {
    /// Future of [`Chan::send`](crate::chan::Chan::send).
    // A `Chan` can receive itself, so a receiver is always left.
    ChanSend<T> -> (), |sent| debug_assert!(sent.is_ok(), "a channel without its own handle")
}

impl<T: Copy> Sender<T> {
    /// Sends if that is possible at once, and puts into `wakes` who is to be woken. False if nobody
    /// will ever receive on the channel.
    pub(crate) fn offer(&self, value: T, wakes: &mut WakeBatch) -> bool {
        let Some(core) = self.core() else { return false };
        // SAFETY: it holds a value; being `Copy` it may be moved out and stay.
        let tried = unsafe { core.lock().try_send(&raw const value, wakes) };
        matches!(tried, Tried::Done | Tried::Wait)
    }
}
