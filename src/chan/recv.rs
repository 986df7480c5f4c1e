//! Receiving: the operation that all receiving futures share, and the futures.
//!
//! # States of a receive
//!
//! `waiter` idle: not enqueued, nothing to undo. Otherwise the node has been enqueued, and a look under the lock
//! tells what became of it: the tag is `MATCHED`, and the slot holds a value; it is still linked, in line; or it is
//! neither, as the channel was closed or its match was taken, and it begins anew.

#![expect(unsafe_code, reason = "the operation's node is shared with the channel")]

use super::core::{Core, Locked};
use super::state::{ChanNode, Slot, State, Tried, slot, tag};
use super::zero::ZeroValue;
use crate::sys::point::{self, Op};
use crate::wait::batch::WakeBatch;
use crate::wait::list::Node;
use crate::wait::record::{self, WaitReason};
use crate::wait::waiter::{PLAIN, Waiter};
use futures_core::future::FusedFuture;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// How a receive ended, if it did.
pub(super) enum Received<T> {
    Value(T),
    /// Closed and empty.
    End,
    Wait,
}

impl<T> Core<T> {
    /// Receives if that is possible at once.
    #[inline]
    pub(super) fn recv_now(&self) -> Received<T> {
        let mut value = MaybeUninit::uninit();
        // SAFETY: `value` can be written to.
        match unsafe { self.quick_recv(value.as_mut_ptr()) } {
            // SAFETY: `quick_recv` wrote it.
            None => Received::Value(unsafe { value.assume_init() }),
            Some(state) => Self::recv_locked(state),
        }
    }

    #[inline(never)]
    fn recv_locked(mut state: Locked<'_, T>) -> Received<T> {
        let mut value = MaybeUninit::uninit();
        let mut wakes = WakeBatch::new();
        // SAFETY: `value` can be written to.
        let tried = unsafe { state.try_recv(value.as_mut_ptr(), &mut wakes) };
        drop(state);
        match tried {
            Tried::Done => {
                // SAFETY: `try_recv` wrote it.
                let value = unsafe { value.assume_init() };
                wakes.wake_all();
                Received::Value(value)
            }
            Tried::Wait => {
                // Who waits for a feed may have been given its value.
                wakes.wake_all();
                Received::Wait
            }
            Tried::Closed | Tried::Disconnected => Received::End,
        }
    }
}

/// One receive. `None` for a core is nil.
pub(super) struct RecvOp<'a, T> {
    core: Option<&'a Core<T>>,
    site: &'static Location<'static>,
    waiter: Waiter,
    node: ChanNode<T>,
}

// SAFETY: the node and the waiter are shared under the channel's lock; what moves along is a `T`.
unsafe impl<T: Send> Send for RecvOp<'_, T> {}
// SAFETY: a shared reference to the operation gives access to nothing.
unsafe impl<T: Send> Sync for RecvOp<'_, T> {}

/// What a look under the lock came to.
enum Step {
    Received,
    End,
    /// Enqueued; the waker that was replaced is to be dropped without the lock.
    Parked(#[expect(dead_code, reason = "kept to be dropped")] Option<Waker>),
    /// Has to be enqueued or kept in line with a waker that must be cloned without the lock.
    NeedsWaker,
}

impl<'a, T> RecvOp<'a, T> {
    pub(super) fn new(core: Option<&'a Core<T>>, site: &'static Location<'static>) -> Self {
        Self { core, site, waiter: Waiter::new(), node: Node::new(Slot::empty()) }
    }

    /// `None` when the channel is closed and empty.
    #[inline]
    fn poll_value(self: Pin<&Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Some(core) = self.core else {
            record::park(WaitReason::ChanReceiveNil, self.site);
            return Poll::Pending;
        };
        let first = self.waiter.is_idle();
        if first {
            ready!(point::poll(cx, Op::Chan));
            if core.may_recv() {
                // SAFETY: not enqueued: the slot is ours, and can be written to.
                return match unsafe { core.quick_recv(slot(&self.node)) } {
                    // SAFETY: `quick_recv` wrote it; it is read once.
                    None => Poll::Ready(Some(unsafe { slot(&self.node).read() })),
                    Some(state) => self.poll_locked(core, state, cx),
                };
            }
        }
        self.poll_wait(core, cx, first)
    }

    /// The operation is not enqueued, and may be ready.
    #[inline(never)]
    fn poll_locked(
        &self,
        core: &Core<T>,
        mut state: Locked<'_, T>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<T>> {
        let mut wakes = WakeBatch::new();
        // SAFETY: not enqueued: the slot is ours, and can be written to.
        let tried = unsafe { state.try_recv(slot(&self.node), &mut wakes) };
        drop(state);
        match tried {
            Tried::Done => self.take(&mut wakes),
            Tried::Closed | Tried::Disconnected => Poll::Ready(None),
            Tried::Wait => {
                // Who waits for a feed may have been given its value.
                wakes.wake_all();
                self.poll_wait(core, cx, true)
            }
        }
    }

    /// The operation is enqueued, or was not ready a moment ago.
    #[inline(never)]
    fn poll_wait(&self, core: &Core<T>, cx: &mut Context<'_>, first: bool) -> Poll<Option<T>> {
        let mut wakes = WakeBatch::new();
        match self.poll_slow(core, cx, first, &mut wakes) {
            Poll::Ready(true) => self.take(&mut wakes),
            Poll::Ready(false) => Poll::Ready(None),
            Poll::Pending => {
                wakes.wake_all();
                Poll::Pending
            }
        }
    }

    /// Yields the value that has been received into the slot.
    #[inline]
    fn take(&self, wakes: &mut WakeBatch) -> Poll<Option<T>> {
        // SAFETY: the callers have just received it; it is read once.
        let value = unsafe { slot(&self.node).read() };
        wakes.wake_all();
        Poll::Ready(Some(value))
    }

    /// `true`: received into the slot. `false`: closed and empty.
    #[inline]
    fn poll_slow(
        &self,
        core: &Core<T>,
        cx: &mut Context<'_>,
        first: bool,
        wakes: &mut WakeBatch,
    ) -> Poll<bool> {
        let mut waker = first.then(|| cx.waker().clone());
        loop {
            let mut state = core.lock();
            // SAFETY: pinned: the only caller has a `Pin<&Self>`.
            let step = unsafe { self.step(&mut state, cx.waker(), &mut waker, wakes) };
            drop(state);
            match step {
                Step::Received => return Poll::Ready(true),
                Step::End => return Poll::Ready(false),
                Step::Parked(_) => break,
                Step::NeedsWaker => waker = Some(cx.waker().clone()),
            }
        }
        record::park(WaitReason::ChanReceive, self.site);
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
            // SAFETY: enqueued by us.
            if unsafe { state.collect(&self.node) } {
                self.waiter.reset();
                return Step::Received;
            }
            // SAFETY: under the lock.
            if unsafe { self.node.is_linked() } {
                // SAFETY: linked, and not matched.
                return unsafe { self.stay(state, current, fresh) };
            }
            self.waiter.reset();
        }
        // SAFETY: not enqueued any more: the slot is ours, and can be written to.
        match unsafe { state.try_recv(slot(&self.node), wakes) } {
            Tried::Done => return Step::Received,
            Tried::Closed | Tried::Disconnected => return Step::End,
            Tried::Wait => {}
        }
        // SAFETY: as above.
        if unsafe { state.reclaim(record::current(), slot(&self.node)) } {
            return Step::Received;
        }
        let Some(waker) = fresh.take() else { return Step::NeedsWaker };
        let old = self.waiter.register(waker);
        // SAFETY: not linked; pinned by the contract; `drop` unlinks it.
        unsafe { state.enqueue_recv(&self.node, &self.waiter, PLAIN) };
        Step::Parked(old)
    }

    /// Still in line, and polled again.
    ///
    /// # Safety
    ///
    /// The node is linked into `receivers`.
    unsafe fn stay(
        &self,
        state: &mut State<T>,
        current: &Waker,
        fresh: &mut Option<Waker>,
    ) -> Step {
        // SAFETY: the slot of a receiver that is not matched is free, and ours under the lock.
        if unsafe { state.reclaim(record::current(), slot(&self.node)) } {
            // SAFETY: enqueued by us, and not matched.
            unsafe { state.cancel_recv(&self.node) };
            self.waiter.reset();
            return Step::Received;
        }
        // SAFETY: (W2): linked, and under the lock.
        if unsafe { self.waiter.refresh(current) } {
            return Step::Parked(None);
        }
        let Some(waker) = fresh.take() else { return Step::NeedsWaker };
        // SAFETY: (W2): linked, and under the lock.
        Step::Parked(unsafe { self.waiter.replace(Some(waker)) })
    }
}

impl<T> RecvOp<'_, T> {
    /// Says that the future has yielded.
    #[inline]
    fn set_over(&self) {
        debug_assert!(self.waiter.is_idle());
        // SAFETY: not enqueued, so nobody else has it.
        unsafe { self.node.seat() }.tag = tag::OVER;
    }

    /// Whether the future has yielded, and has not begun another receive since.
    fn is_over(&self) -> bool {
        // SAFETY: not enqueued, so only the owner has it, and whoever asks the owner.
        self.waiter.is_idle() && unsafe { self.node.tag() } == tag::OVER
    }

    /// Gives back what it was matched with, if it was, and leaves the line.
    #[cold]
    fn abandon(&self) {
        let Some(core) = self.core else { return };
        let mut wakes = WakeBatch::new();
        // SAFETY: enqueued by us: the waiter is not idle.
        unsafe { core.lock().abandon_recv(&self.node, &mut wakes) };
        wakes.wake_all();
    }
}

impl<T> Drop for RecvOp<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.waiter.is_idle() {
            self.abandon();
        }
    }
}

impl<T> fmt::Debug for RecvOp<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvOp").field("waiter", &self.waiter).finish_non_exhaustive()
    }
}

macro_rules! receiving_future {
    ($(#[$doc:meta])* $name:ident<T $(: $bound:ident)?> -> $output:ty, |$value:ident| $map:expr) => {
        pin_project! {
            $(#[$doc])*
            ///
            /// # Cancel safety
            ///
            /// Dropping it loses nothing but its place in line. If it was handed a value that it has
            /// not yielded, the next receiver gets that value, in its old order.
            #[derive(Debug)]
            #[must_use = "futures do nothing unless you `.await` or poll them"]
            pub struct $name<'a, T> {
                #[pin]
                op: RecvOp<'a, T>,
            }
        }

        impl<'a, T> $name<'a, T> {
            pub(super) fn new(core: Option<&'a Core<T>>, site: &'static Location<'static>) -> Self {
                Self { op: RecvOp::new(core, site) }
            }

            /// The channel, for a select that does the receive in its own way. The future has not
            /// been polled.
            #[inline]
            pub(crate) fn into_core(self) -> Option<&'a Core<T>> {
                debug_assert!(self.op.waiter.is_idle());
                self.op.core
            }
        }

        impl<T $(: $bound)?> Future for $name<'_, T> {
            type Output = $output;

            #[inline]
            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let op: Pin<&mut RecvOp<'_, T>> = self.project().op;
                let $value = ready!(op.as_ref().poll_value(cx));
                op.set_over();
                Poll::Ready($map)
            }
        }

        impl<T $(: $bound)?> FusedFuture for $name<'_, T> {
            /// Whether it has yielded. On a nil channel it never has.
            fn is_terminated(&self) -> bool {
                self.op.is_over()
            }
        }
    };
}

receiving_future! {
    /// Future of [`recv`](crate::chan::Receiver::recv).
    Recv<T: ZeroValue> -> T, |value| value.unwrap_or_else(T::zero_value)
}

receiving_future! {
    /// Future of [`recv_ok`](crate::chan::Receiver::recv_ok).
    RecvOk<T: ZeroValue> -> (T, bool), |value| match value {
        Some(value) => (value, true),
        None => (T::zero_value(), false),
    }
}

receiving_future! {
    /// Future of [`next`](crate::chan::Receiver::next).
    Next<T> -> Option<T>, |value| value
}
