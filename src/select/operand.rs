//! What may stand on either side of `<-`, and the arms that are made of it.
//!
//! An operation on a channel is the channel's own ([`RecvArm`], [`SendArm`]); the arms here add what
//! it yields.

#![expect(unsafe_code, reason = "arms are pinned by the macro's expansion")]

use super::arm::{Arm, Channel, Face, How, Operand, Stepped};
use super::park::Parking;
use crate::chan::{
    Chan, ChanSend, Core, Next, Outcome, Receiver, Recv, RecvArm, RecvOk, Send, SendArm, SendError,
    Sender, TryRecvError, TrySendError, ZeroValue,
};
use crate::sys::point::{self, Op};
use crate::wait::arm::Arm as Operation;
use crate::wait::batch::WakeBatch;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::Context;

/// What can be received from in a select: [`Chan`] and [`Receiver`].
pub trait RecvOperand {
    /// What is received.
    type Item;

    #[doc(hidden)]
    fn __gort_receiver(&self) -> Receiving<'_, Self::Item>;
}

/// What can be sent on in a select: [`Chan`] and [`Sender`].
pub trait SendOperand {
    /// What is sent.
    type Item;

    /// What a send yields: [`Always`] nothing, [`OrDisconnected`] a result.
    #[doc(hidden)]
    type Answer: Answer<Self::Item>;

    #[doc(hidden)]
    fn __gort_sender(&self) -> Sending<'_, Self::Item, Self::Answer>;
}

impl<T> RecvOperand for Chan<T> {
    type Item = T;

    #[inline]
    fn __gort_receiver(&self) -> Receiving<'_, T> {
        Receiving(self.core())
    }
}

impl<T> RecvOperand for Receiver<T> {
    type Item = T;

    #[inline]
    fn __gort_receiver(&self) -> Receiving<'_, T> {
        Receiving(self.core())
    }
}

impl<T> SendOperand for Chan<T> {
    type Item = T;
    type Answer = Always;

    #[inline]
    fn __gort_sender(&self) -> Sending<'_, T, Always> {
        Sending::new(self.core())
    }
}

impl<T> SendOperand for Sender<T> {
    type Item = T;
    type Answer = OrDisconnected;

    #[inline]
    fn __gort_sender(&self) -> Sending<'_, T, OrDisconnected> {
        Sending::new(self.core())
    }
}

/// The channel that is received from; none is nil.
#[doc(hidden)]
pub struct Receiving<'a, T>(pub(super) Option<&'a Core<T>>);

impl<T> fmt::Debug for Receiving<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiving")
    }
}

impl<'a, T> Receiving<'a, T> {
    /// `v = <-rx`
    #[inline]
    pub fn value(self) -> RecvOf<'a, T, impl Fn(Option<T>) -> T + Copy>
    where
        T: ZeroValue,
    {
        RecvOf { core: self.0, yields: |value: Option<T>| value.unwrap_or_else(T::zero_value) }
    }

    /// `v, ok = <-rx`
    #[inline]
    pub fn value_ok(self) -> RecvOf<'a, T, impl Fn(Option<T>) -> (T, bool) + Copy>
    where
        T: ZeroValue,
    {
        let yields = |value: Option<T>| match value {
            Some(value) => (value, true),
            None => (T::zero_value(), false),
        };
        RecvOf { core: self.0, yields }
    }

    /// `<-rx`: only whether there was a value.
    #[inline]
    pub fn only_ok(self) -> RecvOf<'a, T, impl Fn(Option<T>) -> bool + Copy> {
        RecvOf { core: self.0, yields: |value: Option<T>| value.is_some() }
    }

    /// `opt = rx.next()`
    #[inline]
    fn optional(self) -> RecvOf<'a, T, impl Fn(Option<T>) -> Option<T> + Copy> {
        RecvOf { core: self.0, yields: |value: Option<T>| value }
    }
}

/// A receive, and what it makes of a value or of the end.
#[doc(hidden)]
pub struct RecvOf<'a, T, Y> {
    core: Option<&'a Core<T>>,
    yields: Y,
}

impl<T, Y> fmt::Debug for RecvOf<'_, T, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecvOf")
    }
}

impl<T, Y: Copy> Clone for RecvOf<'_, T, Y> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, Y: Copy> Copy for RecvOf<'_, T, Y> {}

impl<'a, T, O, Y: Fn(Option<T>) -> O> RecvOf<'a, T, Y> {
    /// What plain loads tell.
    #[inline]
    pub fn look(&self) -> Face {
        self.core.map_or(Face::NEVER, |core| Face::of(core.cannot_recv()))
    }

    /// Receives if that is possible at once.
    #[inline]
    pub fn attempt(&self) -> Option<O> {
        match self.core?.try_recv() {
            Ok(value) => Some((self.yields)(Some(value))),
            Err(TryRecvError::Closed) => Some((self.yields)(None)),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// The receive as an arm.
    #[inline]
    pub fn arm(self) -> RecvAs<'a, T, Y> {
        RecvAs { arm: RecvArm::new(self.core), yields: self.yields }
    }
}

/// The channel that is sent on; none is nil.
#[doc(hidden)]
pub struct Sending<'a, T, A> {
    pub(super) core: Option<&'a Core<T>>,
    answer: PhantomData<fn() -> A>,
}

impl<T, A> fmt::Debug for Sending<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}

impl<T, A> Clone for Sending<'_, T, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, A> Copy for Sending<'_, T, A> {}

impl<'a, T, A> Sending<'a, T, A> {
    #[inline]
    fn new(core: Option<&'a Core<T>>) -> Self {
        Self { core, answer: PhantomData }
    }

    /// Checks that the arm may leave out `pattern =`.
    #[inline]
    pub fn unbound(self) -> Self
    where
        Self: Unbound,
    {
        self
    }

    /// What plain loads tell, if there is something to send.
    #[inline]
    pub fn look(&self, value: &Option<T>) -> Face {
        match self.core {
            Some(core) if value.is_some() => Face::of(core.cannot_send()),
            _ => Face::NEVER,
        }
    }

    /// The send as an arm.
    #[inline]
    pub fn arm(self, value: Option<T>) -> SendAs<'a, T, A> {
        SendAs { arm: SendArm::new(self.core, value), answer: PhantomData }
    }

    /// The send from an option as an arm.
    #[inline]
    pub fn arm_from(self, option: &'a mut Option<T>) -> SendFrom<'a, T, A> {
        SendFrom { arm: self.arm(option.take()), option }
    }
}

impl<T, A: Answer<T>> Sending<'_, T, A> {
    /// Sends what the option holds, if that is possible at once.
    ///
    /// # Panics
    ///
    /// If the channel is closed.
    #[inline]
    #[track_caller]
    pub fn attempt(&self, option: &mut Option<T>) -> Option<A::Output> {
        let result = match self.core?.try_send(option.take()?) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected(value)) => Err(SendError(value)),
            Err(TrySendError::Closed(value)) => closed(Some(value)),
            Err(TrySendError::Full(value)) => {
                *option = Some(value);
                return None;
            }
        };
        Some(A::of(result))
    }
}

/// An arm that may leave out `pattern =`.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the result of this send has to be bound",
    label = "this arm sends on a `Sender`, which fails when no receiver is left",
    note = "write `result = tx <- value => ..`; a send on a `Chan` needs no binding"
)]
pub trait Unbound {}

impl<T> Unbound for Sending<'_, T, Always> {}

/// What a send that is over yields.
#[doc(hidden)]
pub trait Answer<T> {
    /// What the arm's pattern is matched with.
    type Output;
    /// It was sent, or came back because nobody is left to receive it.
    fn of(result: Result<(), SendError<T>>) -> Self::Output;
}

/// Of a handle that receives too: there is always somebody left.
#[doc(hidden)]
#[derive(Debug)]
pub enum Always {}

impl<T> Answer<T> for Always {
    type Output = ();

    fn of(_result: Result<(), SendError<T>>) {}
}

/// Of a handle that only sends.
#[doc(hidden)]
#[derive(Debug)]
pub enum OrDisconnected {}

impl<T> Answer<T> for OrDisconnected {
    type Output = Result<(), SendError<T>>;

    fn of(result: Result<(), SendError<T>>) -> Self::Output {
        result
    }
}

/// A receive as an arm.
#[doc(hidden)]
pub struct RecvAs<'a, T, Y> {
    arm: RecvArm<'a, T>,
    yields: Y,
}

impl<T, Y> fmt::Debug for RecvAs<'_, T, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arm.fmt(f)
    }
}

impl<T, O, Y: Fn(Option<T>) -> O> Arm for RecvAs<'_, T, Y> {
    type Output = O;
    type Core = Parking;

    #[inline]
    fn core(&self) -> Parking {
        Parking::new()
    }

    #[inline]
    fn face(&self) -> Face {
        face(&self.arm)
    }

    #[inline]
    unsafe fn step(&mut self, how: How, _cx: &mut Context<'_>) -> Stepped<O> {
        // SAFETY: pinned by this function's contract.
        let arm = unsafe { Pin::new_unchecked(&self.arm) };
        // SAFETY: the engine asks for what is due.
        if unsafe { complete(&*arm, how) } {
            Stepped::Ready((self.yields)(arm.take()))
        } else {
            Stepped::Pending
        }
    }

    #[inline]
    unsafe fn channel(&mut self) -> Channel<'_> {
        Channel::new(&self.arm)
    }
}

/// A send as an arm. It owns the value, and drops it if another arm wins.
#[doc(hidden)]
pub struct SendAs<'a, T, A> {
    arm: SendArm<'a, T>,
    answer: PhantomData<fn() -> A>,
}

impl<T, A> fmt::Debug for SendAs<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arm.fmt(f)
    }
}

impl<T, A: Answer<T>> Arm for SendAs<'_, T, A> {
    type Output = A::Output;
    type Core = Parking;

    #[inline]
    fn core(&self) -> Parking {
        Parking::new()
    }

    #[inline]
    fn face(&self) -> Face {
        face(&self.arm)
    }

    #[inline]
    #[track_caller]
    unsafe fn step(&mut self, how: How, _cx: &mut Context<'_>) -> Stepped<A::Output> {
        // SAFETY: pinned by this function's contract.
        let arm = unsafe { Pin::new_unchecked(&self.arm) };
        // SAFETY: the engine asks for what is due.
        if !unsafe { complete(&*arm, how) } {
            return Stepped::Pending;
        }
        Stepped::Ready(A::of(sent(arm)))
    }

    #[inline]
    unsafe fn channel(&mut self) -> Channel<'_> {
        Channel::new(&self.arm)
    }
}

/// How a send that is over ended.
///
/// # Panics
///
/// If the channel is closed. No lock is held, and the value is dropped first: its drop may panic too.
#[inline]
#[track_caller]
pub(super) fn sent<T>(arm: Pin<&SendArm<'_, T>>) -> Result<(), SendError<T>> {
    let outcome = arm.outcome();
    match (outcome, arm.take_value()) {
        (Outcome::Disconnected, Some(value)) => Err(SendError(value)),
        (Outcome::Closed, value) => closed(value),
        _ => Ok(()),
    }
}

/// Go's panic. The value goes first: its drop may panic too.
#[cold]
#[track_caller]
fn closed<T>(value: Option<T>) -> ! {
    drop(value);
    panic!("send on closed channel")
}

/// A send from an option, which gets its value back if another arm wins.
#[doc(hidden)]
#[derive(Debug)]
pub struct SendFrom<'a, T, A> {
    arm: SendAs<'a, T, A>,
    option: &'a mut Option<T>,
}

impl<T, A: Answer<T>> Arm for SendFrom<'_, T, A> {
    type Output = A::Output;
    type Core = Parking;

    #[inline]
    fn core(&self) -> Parking {
        Parking::new()
    }

    #[inline]
    fn face(&self) -> Face {
        self.arm.face()
    }

    #[inline]
    #[track_caller]
    unsafe fn step(&mut self, how: How, cx: &mut Context<'_>) -> Stepped<A::Output> {
        // SAFETY: the same contract.
        unsafe { self.arm.step(how, cx) }
    }

    #[inline]
    unsafe fn channel(&mut self) -> Channel<'_> {
        // SAFETY: the same contract.
        unsafe { self.arm.channel() }
    }
}

impl<T, A> Drop for SendFrom<'_, T, A> {
    fn drop(&mut self) {
        // SAFETY: pinned by the contract of `Arm`, or never enqueued.
        let arm = unsafe { Pin::new_unchecked(&self.arm.arm) };
        arm.cancel();
        *self.option = arm.take_value();
    }
}

/// What plain loads tell about an operation.
#[inline]
pub(super) fn face(arm: &impl Operation) -> Face {
    match arm.not_ready() {
        Some(_) if arm.key().is_none() => Face::NEVER,
        look => Face::of(look),
    }
}

/// Does what the engine asks of an operation; whether it is done then.
///
/// # Safety
///
/// The operation is pinned, and in the state that `how` says.
#[inline]
pub(crate) unsafe fn complete(arm: &(impl Operation + ?Sized), how: How) -> bool {
    let mut wakes = WakeBatch::new();
    let done = {
        let _guard = match how {
            How::Take => return true,
            How::Try | How::Collect => arm.lock(),
        };
        match how {
            // SAFETY: the lock is held; not enqueued (E1).
            How::Try => unsafe { arm.try_locked(&mut wakes) },
            // SAFETY: the lock is held; the waiter says that it was chosen.
            _ => unsafe { arm.collect_locked(&mut wakes) },
        }
    };
    wakes.wake_all();
    if done && how == How::Try {
        point::charge(Op::Select);
    }
    done
}

impl<'a, T: ZeroValue> Operand<Recv<'a, T>> {
    /// `v = rx.recv()`
    #[inline]
    pub fn __gort_arm(self) -> RecvAs<'a, T, impl Fn(Option<T>) -> T> {
        Receiving(self.0.into_core()).value().arm()
    }
}

impl<'a, T: ZeroValue> Operand<RecvOk<'a, T>> {
    /// `(v, ok) = rx.recv_ok()`
    #[inline]
    pub fn __gort_arm(self) -> RecvAs<'a, T, impl Fn(Option<T>) -> (T, bool)> {
        Receiving(self.0.into_core()).value_ok().arm()
    }
}

impl<'a, T> Operand<Next<'a, T>> {
    /// `opt = rx.next()`
    #[inline]
    pub fn __gort_arm(self) -> RecvAs<'a, T, impl Fn(Option<T>) -> Option<T>> {
        Receiving(self.0.into_core()).optional().arm()
    }
}

impl<'a, T> Operand<ChanSend<'a, T>> {
    /// `() = ch.send(v)`
    #[inline]
    pub fn __gort_arm(self) -> SendAs<'a, T, Always> {
        let (core, value) = self.0.into_parts();
        Sending::new(core).arm(Some(value))
    }
}

impl<'a, T> Operand<Send<'a, T>> {
    /// `r = tx.send(v)`
    #[inline]
    pub fn __gort_arm(self) -> SendAs<'a, T, OrDisconnected> {
        let (core, value) = self.0.into_parts();
        Sending::new(core).arm(Some(value))
    }
}

/// Whether nothing has happened on any channel between two looks.
#[doc(hidden)]
#[inline]
pub fn unchanged(before: &[Face], after: &[Face]) -> bool {
    before == after
}
