//! What `select!` makes of its arms.
//!
//! An arm is one of three things:
//!
//! * an operation on a channel, written with `<-` ([`operand`](super::operand));
//! * one of gort's own futures that can be claimed: the operation inside takes part in the select as
//!   if it had been written with `<-`;
//! * any other future ([`FutureArm`]): it is polled.
//!
//! Which of the last two a future is, is decided by its type where the macro's code is compiled
//! ([`Operand`]).

#![expect(unsafe_code, reason = "arms are pinned by the macro's expansion")]

use crate::wait::arm as wait;
use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll};

/// One arm, in the types of the macro's expansion.
#[doc(hidden)]
pub trait Arm {
    /// What the body's pattern is matched with.
    type Output;
    /// [`NoCore`] if the arm needs none, `Parking` if others have to find the select.
    type Core;

    /// The core that the arm needs.
    fn core(&self) -> Self::Core;

    /// What can be told by looking.
    fn face(&self) -> Face;

    /// Does what the engine asks.
    ///
    /// # Safety
    ///
    /// `self` is pinned: it has not been moved since the first call and will not be until it is
    /// dropped.
    unsafe fn step(&mut self, how: How, cx: &mut Context<'_>) -> Stepped<Self::Output>;

    /// The operation that can be enqueued, if the arm is one.
    ///
    /// # Safety
    ///
    /// As for [`step`](Self::step).
    unsafe fn channel(&mut self) -> Channel<'_>;
}

/// What plain loads tell about an arm: that it can never be ready (a nil channel, nothing to send); that it was
/// not ready when it was looked at; or nothing, and it has to be tried.
///
/// One word, since a select with `default` that finds nothing does little more than to make these and to compare
/// them.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Face(u64);

impl Face {
    /// It can never be ready.
    pub const NEVER: Face = Face(1 << 32);
    /// It has to be tried.
    pub const MAYBE: Face = Face(1 << 33);

    /// Of an operation that may have been seen not to be ready. The number names that look: if a second look
    /// gives the same, nothing has happened in between.
    #[inline]
    pub(super) fn of(not_ready: Option<u32>) -> Self {
        not_ready.map_or(Face::MAYBE, |look| Face(look.into()))
    }
}

/// What the engine wants of an arm.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Take effect if that is possible at once.
    Try,
    /// It was chosen while it waited: take the outcome.
    Collect,
    /// It was done under all locks: hand out the outcome.
    Take,
}

/// What became of it.
#[doc(hidden)]
#[derive(Debug)]
pub enum Stepped<T> {
    /// The arm took effect.
    Ready(T),
    /// It cannot, at the moment.
    Pending,
    /// It never will.
    Never,
}

/// What the engine asks of the macro's closure.
#[doc(hidden)]
pub enum Ask<'a> {
    /// One arm, by number.
    Arm(usize, How),
    /// All arms at once, as operations that can be enqueued.
    Channels(&'a mut dyn FnMut(&mut [Channel<'_>])),
}

impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ask::Arm(index, how) => f.debug_tuple("Arm").field(index).field(how).finish(),
            Ask::Channels(_) => f.write_str("Channels"),
        }
    }
}

/// What the macro's closure answers.
#[doc(hidden)]
#[derive(Debug)]
pub enum Step<Out> {
    /// The arm won.
    Won(Out),
    /// It did not.
    Pending,
    /// It did not and never will, or what came did not match its pattern.
    Disabled,
}

/// An arm as something that can be locked and enqueued.
#[doc(hidden)]
pub struct Channel<'a> {
    /// `None` if it is polled.
    pub(super) arm: Option<&'a dyn wait::Arm>,
    /// Another operation of the same arm: one of the two happens.
    pub(super) other: Option<&'a dyn wait::Arm>,
    /// Address of its lock; 0 if there is none.
    pub(super) key: usize,
    /// Number of the arm.
    pub(super) index: usize,
}

impl<'a> Channel<'a> {
    /// An arm that is polled, or that takes no part any more.
    pub(super) const NONE: Channel<'static> = Channel { arm: None, other: None, key: 0, index: 0 };

    #[inline]
    pub(crate) fn new(arm: &'a dyn wait::Arm) -> Self {
        Channel { arm: Some(arm), other: None, key: arm.key().unwrap_or(0), index: 0 }
    }

    /// An arm that is this or another operation, neither of which is nil. When the arm is chosen, it has to
    /// find out which one was.
    pub(crate) fn or(self, other: &'a dyn wait::Arm) -> Self {
        Channel { other: Some(other), ..self }
    }
}

impl fmt::Debug for Channel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("key", &self.key).field("index", &self.index).finish()
    }
}

/// An arm that is polled.
#[doc(hidden)]
#[derive(Debug)]
pub struct FutureArm<F>(F);

impl<F: Future> Arm for FutureArm<F> {
    type Output = F::Output;
    type Core = super::engine::NoCore;

    fn core(&self) -> Self::Core {
        super::engine::NoCore
    }

    #[inline]
    fn face(&self) -> Face {
        Face::MAYBE
    }

    #[inline]
    unsafe fn step(&mut self, how: How, cx: &mut Context<'_>) -> Stepped<F::Output> {
        debug_assert_eq!(how, How::Try, "only operations on channels wait in lists");
        // SAFETY: pinned by this function's contract.
        let future = unsafe { Pin::new_unchecked(&mut self.0) };
        match future.poll(cx) {
            Poll::Ready(output) => Stepped::Ready(output),
            Poll::Pending => Stepped::Pending,
        }
    }

    #[inline]
    unsafe fn channel(&mut self) -> Channel<'_> {
        Channel::NONE
    }
}

/// What stands right of `=` in an arm.
///
/// `Operand(future).__gort_arm()` makes an arm of it. Method lookup finds the inherent methods first,
/// which there are for gort's own futures that can be claimed, and [`Polled`] for every other
/// future. The future is moved, never borrowed: a local that was ever borrowed keeps its place in the
/// caller's future.
#[doc(hidden)]
#[derive(Debug)]
pub struct Operand<F>(pub F);

/// Any future as an arm. Implemented for whatever it is, so that what is no future is told to be none.
#[doc(hidden)]
pub trait Polled {
    /// What is to be a future.
    type Future;
    /// An arm that polls it.
    fn __gort_arm(self) -> FutureArm<<Self::Future as IntoFuture>::IntoFuture>
    where
        Self::Future: IntoFuture;
}

impl<F> Polled for Operand<F> {
    type Future = F;

    #[inline]
    fn __gort_arm(self) -> FutureArm<F::IntoFuture>
    where
        F: IntoFuture,
    {
        FutureArm(self.0.into_future())
    }
}
