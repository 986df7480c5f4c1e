//! What may stand on either side of `<-`, and the arms that are made of it.
//!
//! An operation on a channel is the channel's own ([`RecvArm`], [`SendArm`]); the arms here add what
//! it yields ([`Yield`], [`Answer`]).

#![expect(unsafe_code, reason = "arms are pinned by the macro's expansion")]

use super::arm::{Arm, Channel, Face, How, Operand, Stepped};
use super::park::Parking;
use crate::chan::{
    Chan, ChanSend, Core, Next, Outcome, Receiver, Recv, RecvArm, RecvOk, Send, SendArm, SendError,
    Sender, ZeroValue,
};
use crate::sys::point::{self, Op};
use crate::wait::arm::Arm as Operation;
use crate::wait::batch::WakeBatch;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::Context;

/// A handle's channel; none is nil.
#[doc(hidden)]
pub struct Handle<'a, T>(pub(super) Option<&'a Core<T>>);

impl<T> fmt::Debug for Handle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

/// What can be received from in a select: [`Chan`] and [`Receiver`].
pub trait RecvOperand {
    /// What is received.
    type Item;

    #[doc(hidden)]
    fn __gort_receiver(&self) -> Handle<'_, Self::Item>;

    /// What plain loads tell about a receive.
    #[doc(hidden)]
    #[inline]
    fn __gort_recv_face(&self) -> Face {
        self.__gort_receiver().0.map_or(Face::Never, |core| Face::of(core.cannot_recv()))
    }

    /// `v = <-rx`
    #[doc(hidden)]
    #[inline]
    fn __gort_recv(&self) -> RecvAs<'_, Self::Item, Value>
    where
        Self::Item: ZeroValue,
    {
        RecvAs::new(self.__gort_receiver())
    }

    /// `v, ok = <-rx`
    #[doc(hidden)]
    #[inline]
    fn __gort_recv_ok(&self) -> RecvAs<'_, Self::Item, ValueOk>
    where
        Self::Item: ZeroValue,
    {
        RecvAs::new(self.__gort_receiver())
    }

    /// `<-rx`
    #[doc(hidden)]
    #[inline]
    fn __gort_recv_any(&self) -> RecvAs<'_, Self::Item, OnlyOk> {
        RecvAs::new(self.__gort_receiver())
    }
}

/// What can be sent on in a select: [`Chan`] and [`Sender`].
pub trait SendOperand {
    /// What is sent.
    type Item;

    /// What a send yields: [`Always`] nothing, [`OrDisconnected`] a result.
    #[doc(hidden)]
    type Answer: Answer<Self::Item>;

    #[doc(hidden)]
    fn __gort_sender(&self) -> Handle<'_, Self::Item>;

    /// What plain loads tell about a send.
    #[doc(hidden)]
    #[inline]
    fn __gort_send_face(&self) -> Face {
        self.__gort_sender().0.map_or(Face::Never, |core| Face::of(core.cannot_send()))
    }

    /// The same, if there is something to send.
    #[doc(hidden)]
    #[inline]
    fn __gort_send_option_face(&self, option: &Option<Self::Item>) -> Face {
        if option.is_some() { self.__gort_send_face() } else { Face::Never }
    }

    /// `tx <- value`
    #[doc(hidden)]
    #[inline]
    fn __gort_send(&self, value: Self::Item) -> SendAs<'_, Self::Item, Self::Answer> {
        SendAs::new(self.__gort_sender(), Some(value))
    }

    /// `tx <- &mut option`
    #[doc(hidden)]
    #[inline]
    fn __gort_send_option<'a>(
        &'a self,
        option: &'a mut Option<Self::Item>,
    ) -> SendFrom<'a, Self::Item, Self::Answer> {
        let arm = SendAs::new(self.__gort_sender(), option.take());
        SendFrom { arm, option }
    }
}

impl<T> RecvOperand for Chan<T> {
    type Item = T;

    #[inline]
    fn __gort_receiver(&self) -> Handle<'_, T> {
        Handle(self.core())
    }
}

impl<T> RecvOperand for Receiver<T> {
    type Item = T;

    #[inline]
    fn __gort_receiver(&self) -> Handle<'_, T> {
        Handle(self.core())
    }
}

impl<T> SendOperand for Chan<T> {
    type Item = T;
    type Answer = Always;

    #[inline]
    fn __gort_sender(&self) -> Handle<'_, T> {
        Handle(self.core())
    }
}

impl<T> SendOperand for Sender<T> {
    type Item = T;
    type Answer = OrDisconnected;

    #[inline]
    fn __gort_sender(&self) -> Handle<'_, T> {
        Handle(self.core())
    }
}

/// What a receive makes of a value, or of the end.
#[doc(hidden)]
pub trait Yield<T> {
    /// What the arm's pattern is matched with.
    type Output;
    /// `None` is the end.
    fn of(value: Option<T>) -> Self::Output;
}

/// The value, zero at the end.
#[doc(hidden)]
#[derive(Debug)]
pub enum Value {}

impl<T: ZeroValue> Yield<T> for Value {
    type Output = T;

    fn of(value: Option<T>) -> T {
        value.unwrap_or_else(T::zero_value)
    }
}

/// The value, and whether it is one.
#[doc(hidden)]
#[derive(Debug)]
pub enum ValueOk {}

impl<T: ZeroValue> Yield<T> for ValueOk {
    type Output = (T, bool);

    fn of(value: Option<T>) -> (T, bool) {
        match value {
            Some(value) => (value, true),
            None => (T::zero_value(), false),
        }
    }
}

/// Only whether there was a value.
#[doc(hidden)]
#[derive(Debug)]
pub enum OnlyOk {}

impl<T> Yield<T> for OnlyOk {
    type Output = bool;

    fn of(value: Option<T>) -> bool {
        value.is_some()
    }
}

/// The value, if it is one.
#[doc(hidden)]
#[derive(Debug)]
pub enum Optional {}

impl<T> Yield<T> for Optional {
    type Output = Option<T>;

    fn of(value: Option<T>) -> Option<T> {
        value
    }
}

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
    yields: PhantomData<fn() -> Y>,
}

impl<'a, T, Y> RecvAs<'a, T, Y> {
    #[inline]
    fn new(handle: Handle<'a, T>) -> Self {
        Self { arm: RecvArm::new(handle.0), yields: PhantomData }
    }
}

impl<T, Y> fmt::Debug for RecvAs<'_, T, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arm.fmt(f)
    }
}

impl<T, Y: Yield<T>> Arm for RecvAs<'_, T, Y> {
    type Output = Y::Output;
    type Core = Parking;

    fn core(&self) -> Parking {
        Parking::new()
    }

    #[inline]
    fn face(&self) -> Face {
        face(&self.arm)
    }

    #[inline]
    unsafe fn step(&mut self, how: How, _cx: &mut Context<'_>) -> Stepped<Y::Output> {
        // SAFETY: pinned by this function's contract.
        let arm = unsafe { Pin::new_unchecked(&self.arm) };
        // SAFETY: the engine asks for what is due.
        if unsafe { complete(&*arm, how) } {
            Stepped::Ready(Y::of(arm.take()))
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

impl<'a, T, A> SendAs<'a, T, A> {
    #[inline]
    fn new(handle: Handle<'a, T>, value: Option<T>) -> Self {
        Self { arm: SendArm::new(handle.0, value), answer: PhantomData }
    }
}

impl<T, A> fmt::Debug for SendAs<'_, T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.arm.fmt(f)
    }
}

impl<T, A: Answer<T>> Arm for SendAs<'_, T, A> {
    type Output = A::Output;
    type Core = Parking;

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
        (Outcome::Closed, value) => {
            drop(value);
            panic!("send on closed channel")
        }
        _ => Ok(()),
    }
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
fn face(arm: &impl Operation) -> Face {
    match arm.not_ready() {
        Some(_) if arm.key().is_none() => Face::Never,
        look => Face::of(look),
    }
}

/// Does what the engine asks of an operation; whether it is done then.
///
/// # Safety
///
/// The operation is pinned, and in the state that `how` says.
#[inline]
pub(super) unsafe fn complete(arm: &(impl Operation + ?Sized), how: How) -> bool {
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
    pub fn __gort_arm(self) -> RecvAs<'a, T, Value> {
        RecvAs::new(Handle(self.0.into_core()))
    }
}

impl<'a, T: ZeroValue> Operand<RecvOk<'a, T>> {
    /// `(v, ok) = rx.recv_ok()`
    #[inline]
    pub fn __gort_arm(self) -> RecvAs<'a, T, ValueOk> {
        RecvAs::new(Handle(self.0.into_core()))
    }
}

impl<'a, T> Operand<Next<'a, T>> {
    /// `opt = rx.next()`
    #[inline]
    pub fn __gort_arm(self) -> RecvAs<'a, T, Optional> {
        RecvAs::new(Handle(self.0.into_core()))
    }
}

impl<'a, T> Operand<ChanSend<'a, T>> {
    /// `() = ch.send(v)`
    #[inline]
    pub fn __gort_arm(self) -> SendAs<'a, T, Always> {
        let (core, value) = self.0.into_parts();
        SendAs::new(Handle(core), Some(value))
    }
}

impl<'a, T> Operand<Send<'a, T>> {
    /// `r = tx.send(v)`
    #[inline]
    pub fn __gort_arm(self) -> SendAs<'a, T, OrDisconnected> {
        let (core, value) = self.0.into_parts();
        SendAs::new(Handle(core), Some(value))
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

impl<T> Unbound for SendAs<'_, T, Always> {}
impl<T> Unbound for SendFrom<'_, T, Always> {}

impl<T, A> SendAs<'_, T, A> {
    /// Checks that the arm may leave out `pattern =`.
    #[inline]
    pub fn __gort_unbound(self) -> Self
    where
        Self: Unbound,
    {
        self
    }
}

impl<T, A> SendFrom<'_, T, A> {
    /// Checks that the arm may leave out `pattern =`.
    #[inline]
    pub fn __gort_unbound(self) -> Self
    where
        Self: Unbound,
    {
        self
    }
}

/// Whether nothing has happened on any channel between two looks.
#[doc(hidden)]
#[inline]
pub fn unchanged(before: &[Face], after: &[Face]) -> bool {
    before == after
}
