//! Channel operations as arms of a select. See [`Arm`] for how a select drives them.

#![expect(unsafe_code, reason = "the arm's node is shared with the channel")]

use super::core::Core;
use super::send::Outcome;
use super::state::{ChanNode, Slot, Tried, slot, tag};
use crate::wait::arm::{Arm, ObjectGuard};
use crate::wait::batch::WakeBatch;
use crate::wait::list::Node;
use crate::wait::record::Record;
use crate::wait::waiter::Waiter;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;

/// A receive.
pub(crate) struct RecvArm<'a, T> {
    core: Option<&'a Core<T>>,
    /// Whether the node was enqueued and has been neither collected nor cancelled.
    armed: Cell<bool>,
    node: ChanNode<T>,
}

// SAFETY: the node is shared under the channel's lock; what moves along is a `T`. `armed` is the
// owner's.
unsafe impl<T: Send> Send for RecvArm<'_, T> {}

impl<'a, T> RecvArm<'a, T> {
    pub(crate) fn new(core: Option<&'a Core<T>>) -> Self {
        Self { core, armed: Cell::new(false), node: Node::new(Slot::empty()) }
    }

    fn tag(&self) -> u8 {
        debug_assert!(!self.armed.get());
        // SAFETY: not enqueued, so nobody else has it.
        unsafe { self.node.seat() }.tag
    }

    /// The value that was received; `None` if the channel was closed and empty. The arm must be
    /// done.
    pub(crate) fn take(self: Pin<&Self>) -> Option<T> {
        let done = self.tag();
        assert!(done == tag::TAKEN || done == tag::ENDED, "the arm has not been chosen");
        // SAFETY: not enqueued, so nobody else has it.
        unsafe { self.node.seat() }.tag = tag::IDLE;
        // SAFETY: `TAKEN` says that it holds a value, and has just been changed.
        (done == tag::TAKEN).then(|| unsafe { slot(&self.node).read() })
    }

    /// Marks the arm as done, or not.
    ///
    /// # Safety
    ///
    /// The node is not enqueued; on `Done` the slot holds a value.
    unsafe fn finish(&self, tried: Tried) -> bool {
        // SAFETY: not enqueued, so nobody else has it.
        let seat = unsafe { self.node.seat() };
        match tried {
            Tried::Done => seat.tag = tag::TAKEN,
            Tried::Closed | Tried::Disconnected => seat.tag = tag::ENDED,
            Tried::Wait => return false,
        }
        true
    }
}

// SAFETY: the key and the lock are the channel's; `drop` gives back.
unsafe impl<T> Arm for RecvArm<'_, T> {
    fn key(&self) -> Option<usize> {
        self.core.map(Core::key)
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.core.expect("a nil channel has no lock").lock_only()
    }

    #[inline]
    fn not_ready(&self) -> Option<u32> {
        self.core.map_or(Some(0), Core::cannot_recv)
    }

    unsafe fn try_locked(&self, wakes: &mut WakeBatch) -> bool {
        let Some(core) = self.core else { return false };
        // SAFETY: the caller holds the lock.
        let mut state = unsafe { core.access() };
        // SAFETY: not enqueued, so the slot is ours and free.
        let tried = unsafe { state.try_recv(slot(&self.node), wakes) };
        // SAFETY: on `Done` it was written.
        unsafe { self.finish(tried) }
    }

    unsafe fn may_reclaim_locked(&self, goroutine: Option<&'static Record>) -> bool {
        // SAFETY: the caller holds the lock.
        self.core.is_some_and(|core| unsafe { core.access() }.may_reclaim(goroutine))
    }

    unsafe fn reclaim_locked(
        &self,
        goroutine: Option<&'static Record>,
        _wakes: &mut WakeBatch,
    ) -> bool {
        let Some(core) = self.core else { return false };
        // SAFETY: the caller holds the lock.
        let mut state = unsafe { core.access() };
        // SAFETY: not enqueued, so the slot is ours and free.
        let tried = if unsafe { state.reclaim(goroutine, slot(&self.node)) } {
            Tried::Done
        } else {
            Tried::Wait
        };
        // SAFETY: on `Done` it was written.
        unsafe { self.finish(tried) }
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, _wakes: &mut WakeBatch) {
        let Some(core) = self.core else { return };
        self.armed.set(true);
        // SAFETY: the caller holds the lock.
        let mut state = unsafe { core.access() };
        // SAFETY: not linked, pinned, and `waiter` lives as long, by the contract of `Arm`; `drop`
        // unlinks it.
        unsafe { state.enqueue_recv(&self.node, waiter, case) };
    }

    unsafe fn cancel_locked(&self, _wakes: &mut WakeBatch) {
        let Some(core) = self.core else { return };
        if !self.armed.get() {
            return;
        }
        // SAFETY: the caller holds the lock.
        let mut state = unsafe { core.access() };
        // SAFETY: enqueued by us.
        unsafe { state.cancel_recv(&self.node) };
        // SAFETY: under the lock.
        let matched = unsafe { self.node.seat() }.tag == tag::MATCHED;
        self.armed.set(matched);
    }

    unsafe fn collect_locked(&self, wakes: &mut WakeBatch) -> bool {
        let Some(core) = self.core else { return false };
        // SAFETY: the caller holds the lock.
        let mut state = unsafe { core.access() };
        self.armed.set(false);
        // SAFETY: under the lock.
        if unsafe { self.node.seat() }.tag == tag::ROBBED {
            // Whatever there is to receive by now, this arm has no right to be the first.
            // SAFETY: enqueued by us.
            unsafe { state.cancel_recv(&self.node) };
            return false;
        }
        // SAFETY: enqueued by us.
        let tried = if unsafe { state.collect(&self.node) } {
            Tried::Done
        } else {
            // Chosen by a close.
            // SAFETY: not enqueued any more, so the slot is ours and free.
            unsafe { state.try_recv(slot(&self.node), wakes) }
        };
        // SAFETY: not enqueued any more; on `Done` the slot holds a value.
        unsafe { self.finish(tried) }
    }
}

impl<T> Drop for RecvArm<'_, T> {
    fn drop(&mut self) {
        let Some(core) = self.core else { return };
        if self.armed.get() {
            let mut wakes = WakeBatch::new();
            // SAFETY: enqueued by us.
            unsafe { core.lock().abandon_recv(&self.node, &mut wakes) };
            wakes.wake_all();
        } else if self.tag() == tag::TAKEN {
            // SAFETY: `TAKEN` says that it holds a value; this is the end of it.
            unsafe { slot(&self.node).drop_in_place() };
        }
    }
}

impl<T> fmt::Debug for RecvArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvArm").field("armed", &self.armed).finish_non_exhaustive()
    }
}

/// A send. It owns the value until it is sent.
pub(crate) struct SendArm<'a, T> {
    core: Option<&'a Core<T>>,
    /// Whether the node was enqueued and has been neither collected nor cancelled.
    armed: Cell<bool>,
    node: ChanNode<T>,
}

// SAFETY: the node is shared under the channel's lock; what moves along is a `T`. `armed` is the
// owner's.
unsafe impl<T: Send> Send for SendArm<'_, T> {}

impl<'a, T> SendArm<'a, T> {
    /// `None` for a value is an arm that is never ready.
    pub(crate) fn new(core: Option<&'a Core<T>>, value: Option<T>) -> Self {
        let core = if value.is_some() { core } else { None };
        let arm = Self { core, armed: Cell::new(false), node: Node::new(Slot::empty()) };
        // SAFETY: nobody else has it.
        let seat = unsafe { arm.node.seat() };
        match value {
            Some(value) => {
                seat.data.value.write(value);
            }
            None => seat.tag = tag::SENT,
        }
        arm
    }

    fn tag(&self) -> u8 {
        debug_assert!(!self.armed.get());
        // SAFETY: not enqueued, so nobody else has it.
        unsafe { self.node.seat() }.tag
    }

    /// How the arm ended. It must be done.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.tag() {
            tag::SENT => Outcome::Sent,
            tag::CLOSED => Outcome::Closed,
            tag::DISCONNECTED => Outcome::Disconnected,
            _ => panic!("the arm has not been chosen"),
        }
    }

    /// Stops waiting, if the arm still is.
    pub(crate) fn cancel(&self) {
        if let Some(core) = self.core {
            if self.armed.replace(false) {
                // SAFETY: enqueued by us.
                unsafe { core.lock().cancel_send(&self.node) };
            }
        }
    }

    /// Takes the value back, if it has not been sent. The arm must not be waiting.
    pub(crate) fn take_value(self: Pin<&Self>) -> Option<T> {
        if self.tag() == tag::SENT {
            return None;
        }
        // SAFETY: not enqueued, so nobody else has it.
        unsafe { self.node.seat() }.tag = tag::SENT;
        // SAFETY: the slot holds the value until the tag is `SENT`, which it has just become.
        Some(unsafe { slot(&self.node).read() })
    }
}

// SAFETY: the key and the lock are the channel's; `drop` unlinks.
unsafe impl<T> Arm for SendArm<'_, T> {
    fn key(&self) -> Option<usize> {
        self.core.map(Core::key)
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.core.expect("a nil channel has no lock").lock_only()
    }

    #[inline]
    fn not_ready(&self) -> Option<u32> {
        self.core.map_or(Some(0), Core::cannot_send)
    }

    unsafe fn try_locked(&self, wakes: &mut WakeBatch) -> bool {
        let Some(core) = self.core else { return false };
        // SAFETY: the caller holds the lock.
        let mut state = unsafe { core.access() };
        // SAFETY: not enqueued and not done, so the slot is ours and holds the value.
        let tried = unsafe { state.try_send(slot(&self.node), wakes) };
        // SAFETY: not enqueued, so nobody else has it.
        let seat = unsafe { self.node.seat() };
        match tried {
            Tried::Done => seat.tag = tag::SENT,
            Tried::Closed => seat.tag = tag::CLOSED,
            Tried::Disconnected => seat.tag = tag::DISCONNECTED,
            Tried::Wait => return false,
        }
        true
    }

    unsafe fn may_reclaim_locked(&self, _goroutine: Option<&'static Record>) -> bool {
        false
    }

    unsafe fn reclaim_locked(
        &self,
        _goroutine: Option<&'static Record>,
        _wakes: &mut WakeBatch,
    ) -> bool {
        // A sender is granted nothing, so there is nothing to take back.
        false
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, wakes: &mut WakeBatch) {
        let Some(core) = self.core else { return };
        self.armed.set(true);
        // SAFETY: the caller holds the lock.
        let mut state = unsafe { core.access() };
        // SAFETY: not linked, pinned, and `waiter` lives as long, by the contract of `Arm`; `drop`
        // unlinks it.
        unsafe { state.enqueue_send(&self.node, waiter, case, wakes) };
    }

    unsafe fn cancel_locked(&self, _wakes: &mut WakeBatch) {
        let Some(core) = self.core else { return };
        if self.armed.replace(false) {
            // SAFETY: the caller holds the lock.
            let mut state = unsafe { core.access() };
            // SAFETY: enqueued by us.
            unsafe { state.cancel_send(&self.node) };
        }
    }

    unsafe fn collect_locked(&self, _wakes: &mut WakeBatch) -> bool {
        self.armed.set(false);
        // Sent, closed or disconnected: nobody takes that back.
        true
    }
}

impl<T> Drop for SendArm<'_, T> {
    fn drop(&mut self) {
        self.cancel();
        if self.tag() != tag::SENT {
            // SAFETY: the slot holds the value until the tag is `SENT`; this is the end of it.
            unsafe { slot(&self.node).drop_in_place() };
        }
    }
}

impl<T> fmt::Debug for SendArm<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendArm").field("armed", &self.armed).finish_non_exhaustive()
    }
}
