//! Who waits for a condition, and who has been told that it changed.
//!
//! Waiters stand in a queue under a lock, in the order of their *tickets*, numbers from one counter; a signal
//! takes a number from the same counter. A signal is for those whose ticket is lower than its own number:
//! they waited when it was given. It goes to the first of them, who leaves the queue, and for whom it is
//! kept until it has been seen. (To the first that can be woken or claimed, rather; another one, which was robbed
//! or has been decided otherwise and has not looked since, is told if there is none, and finds it when it looks.)
//!
//! A waiter that is dropped after it was told, before it had its lock back, hands its signal on: to the first
//! that was waiting when it was given. A waiter that has been told and is kept unpolled keeps nobody
//! waiting either: another one that looks may take its signal ([`Waiter::may_be_robbed`]), if it was
//! waiting when that was given. In both cases a signal wakes one that Go could have woken, and no waiter
//! goes on without one.
//!
//! A broadcast is no such thing that can be used or not: whoever waited when it was given is told of it. So
//! nobody is left to take it, or to hand it on to, and a waiter that was told by one belongs to no list: it goes on
//! without the lock. Many are told in several steps. Whoever has still to be told in one of them neither is given a
//! signal nor takes one: it would be missing where somebody has come since. A goroutine that waits with a mutex is not even woken: it is put into the mutex's queue
//! (`raw_mutex/requeue.rs`), or else all would run at once to find the mutex held, all but one.
//!
//! A wait that is an arm of a select takes its ticket when the arm is tried first, keeps its place while the select
//! looks at other arms, and is claimed by the signal. One whose select has been decided otherwise may have to go on
//! waiting all the same, if the select turns out to begin anew. So it is told, but not claimed, by a broadcast, and by a
//! signal that finds nobody else.
//!
//! [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed

#![expect(unsafe_code, reason = "waiters are linked into the queue by address")]

use crate::sync::raw_mutex::Requeue;
use crate::sys::const_fn;
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node, Seat};
use crate::wait::place::Place;
use crate::wait::record::{Record, WaitReason};
use crate::wait::waiter::Waiter;
use std::ptr::NonNull;
use std::task::Waker;

// Tags of nodes.
/// In line, and with a waiter.
const TAG_WAITS: u8 = 0;
/// Told, and found by its waiter's claim.
const TAG_TOLD: u8 = 1;
/// A select's that is not parked: in line, without a waiter.
const TAG_KEPT: u8 = 2;
/// A select's, told without a claim: it was not parked, or decided otherwise.
const TAG_KEPT_TOLD: u8 = 3;
/// Told of a broadcast, and in no list.
const TAG_TOLD_ALL: u8 = 4;
/// A select's whose signal was taken back: in line, and its owner has not looked.
const TAG_ROBBED: u8 = 5;

/// The outcome of a plain waiter that was told of a broadcast.
const BROADCAST: u32 = 1;

/// A ticket, or a signal's number.
pub(super) type Number = u64;

/// What the queue knows of a waiter.
pub(super) struct Ticket {
    entered: Number,
    /// The signal that it was given; 0 if none.
    signal: Number,
    /// How it takes its lock again, if somebody else may start that.
    relock: Option<Requeue>,
}

impl Ticket {
    /// None yet.
    pub(super) fn none(relock: Option<Requeue>) -> Self {
        Self { entered: 0, signal: 0, relock }
    }
}

/// What a waiter was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// To go on in the place of any other that waited at this number.
    One(Number),
    /// To go on, as everybody.
    All,
}

pub(super) struct Queue {
    waiting: List<Ticket>,
    /// Who was told, and has not looked.
    told: List<Ticket>,
    next: Number,
    /// The greatest number of a signal that somebody in `told` may have been given.
    newest: Number,
    /// The number of the last broadcast. Whoever waits since before that is about to be told of it.
    broadcast: Number,
}

impl Queue {
    const_fn! {
        pub(super) const fn new() -> Self {
            Self { waiting: List::new(), told: List::new(), next: 0, newest: 0, broadcast: 0 }
        }
    }

    /// Forgets whoever is linked, see [`List::abandon`].
    pub(super) fn abandon(&mut self) {
        self.waiting.abandon();
        self.told.abandon();
    }

    pub(super) fn number(&mut self) -> Number {
        self.next += 1;
        self.next
    }

    /// The number of a broadcast, which is about to be given to everybody who waits.
    pub(super) fn broadcast(&mut self) -> Number {
        self.broadcast = self.number();
        self.broadcast
    }

    /// Takes a ticket and stands in line, to be woken by `waker`.
    ///
    /// # Safety
    ///
    /// As for [`Place::enter`].
    pub(super) unsafe fn enter(&mut self, place: &Place<Ticket>, waker: Waker) {
        // SAFETY: (L1): not linked.
        unsafe { place.node.seat() }.data.entered = self.number();
        // SAFETY: by this function's contract.
        unsafe { place.enter(&mut self.waiting, waker) };
    }

    /// Takes a ticket and stands in line, for a select that is not parked.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`], but that no waiter is assigned.
    pub(super) unsafe fn enter_kept(&mut self, node: &Node<Ticket>) {
        // SAFETY: (L1): not linked.
        let seat = unsafe { node.seat() };
        seat.data.entered = self.number();
        seat.tag = TAG_KEPT;
        // SAFETY: by this function's contract; without a waiter by its tag.
        unsafe { self.waiting.push_back(NonNull::from(node)) };
    }

    /// The select is parked: from now on it is to be claimed.
    ///
    /// # Safety
    ///
    /// The node is kept in line and has not been told; the rest as for [`Node::assign`].
    pub(super) unsafe fn park(&mut self, node: &Node<Ticket>, waiter: &Waiter, case: u32) {
        // SAFETY: linked, but nobody looks at the waiter of a node with its tag.
        unsafe { node.assign(waiter, case) };
        // SAFETY: (L1): under the lock.
        unsafe { node.seat() }.tag = TAG_WAITS;
    }

    /// The select is not parked any more, and has not been claimed by this.
    ///
    /// # Safety
    ///
    /// The node is linked, and the caller owns it and holds the lock.
    pub(super) unsafe fn unpark(&mut self, node: &Node<Ticket>) {
        // SAFETY: (L1): under the lock.
        let seat = unsafe { node.seat() };
        if seat.tag == TAG_WAITS {
            seat.tag = TAG_KEPT;
        }
    }

    /// Gives a signal to the first that waited when it was given. Returns whom to wake, if need be.
    pub(super) fn tell_one(&mut self, signal: Number) -> Option<Waker> {
        let since = self.broadcast;
        let waited =
            |seat: &mut Seat<Ticket>| seat.data.entered > since && seat.data.entered < signal;
        if let Some(node) = self.waiting.find(|seat| waited(seat) && claim(seat)) {
            // SAFETY: found just now, and won.
            return unsafe { self.tell(node, signal, true) };
        }
        let node = self.waiting.find(waited)?;
        // SAFETY: found just now.
        unsafe { self.tell(node, signal, false) }
    }

    /// Tells the first that waited at the number of a broadcast. False if there is none.
    pub(super) fn tell_next(&mut self, broadcast: Number, wakes: &mut WakeBatch) -> bool {
        let Some(node) = self.waiting.find(|seat| seat.data.entered < broadcast) else {
            return false;
        };
        // SAFETY: (L2): it is linked; its owner comes by the lock before it goes.
        let found = unsafe { node.as_ref() };
        // SAFETY: (L1): under the lock.
        let seat = unsafe { found.seat() };
        if is_select(seat) {
            let claimed = claim(seat);
            // SAFETY: found just now.
            if let Some(waker) = unsafe { self.tell(node, broadcast, claimed) } {
                wakes.push(waker);
            }
            return true;
        }
        // SAFETY: it is in the list, whose lock the caller holds.
        unsafe { self.waiting.remove(node) };
        seat.tag = TAG_TOLD_ALL;
        // SAFETY: it was linked, under the lock.
        unsafe { requeue(seat, wakes) };
        // SAFETY: found linked under the lock, and plain, so won. It may be gone after this.
        if let Some(waker) = unsafe { found.complete_with(BROADCAST) } {
            wakes.push(waker);
        }
        true
    }

    /// Tells a node. `claimed`: its [`claim`] has been won. Returns whom to wake, if need be.
    ///
    /// # Safety
    ///
    /// It is in line, and the caller holds the lock.
    unsafe fn tell(
        &mut self,
        node: NonNull<Node<Ticket>>,
        signal: Number,
        claimed: bool,
    ) -> Option<Waker> {
        // SAFETY: it is in the list, whose lock the caller holds.
        unsafe { self.waiting.remove(node) };
        // SAFETY: (L2): it was linked; its owner comes by the lock before it goes.
        let found = unsafe { node.as_ref() };
        // SAFETY: (L1): under the lock.
        let seat = unsafe { found.seat() };
        // A plain one is anybody's who finds it.
        let wakes = !is_select(seat) || (claimed && seat.tag == TAG_WAITS);
        seat.tag = if wakes { TAG_TOLD } else { TAG_KEPT_TOLD };
        seat.data.signal = signal;
        self.newest = self.newest.max(signal);
        // SAFETY: not linked any more, pinned; its owner unlinks it.
        unsafe { self.told.push_back(node) };
        if !wakes {
            return None;
        }
        // SAFETY: the claim has been won, under the lock.
        unsafe { found.complete() }
    }

    /// Whether there is a signal that nobody collects, and that was given after the node's ticket was taken.
    ///
    /// # Safety
    ///
    /// The caller owns the node, and holds the lock.
    pub(super) unsafe fn may_rob(
        &self,
        node: &Node<Ticket>,
        robber: Option<&'static Record>,
    ) -> bool {
        // SAFETY: by this function's contract.
        unsafe { self.uncollected(node, robber) }.is_some()
    }

    /// Who was given such a signal; see [`may_rob`](Self::may_rob).
    ///
    /// # Safety
    ///
    /// As for [`may_rob`](Self::may_rob).
    unsafe fn uncollected(
        &self,
        node: &Node<Ticket>,
        robber: Option<&'static Record>,
    ) -> Option<NonNull<Node<Ticket>>> {
        // SAFETY: (L1): under the lock.
        let ticket = unsafe { node.seat() }.data.entered;
        // It is about to be told of a broadcast, or nobody has been given such a signal. (Else each of many who go back
        // to wait after a broadcast would look at all who have not seen it yet.)
        if ticket < self.broadcast || self.newest < ticket {
            return None;
        }
        self.told.find(|seat| {
            seat.tag == TAG_TOLD && seat.data.signal > ticket && may_be_robbed(seat, robber)
        })
    }

    /// Takes such a signal, for a node that is in line and leaves it.
    ///
    /// # Safety
    ///
    /// As for [`may_rob`](Self::may_rob).
    pub(super) unsafe fn rob(
        &mut self,
        node: &Node<Ticket>,
        robber: Option<&'static Record>,
    ) -> Option<Signal> {
        // SAFETY: by this function's contract.
        let robbed = unsafe { self.uncollected(node, robber) }?;
        // SAFETY: it is in the list, whose lock the caller holds.
        unsafe { self.told.remove(robbed) };
        // SAFETY: (L2): it was linked just now; its owner comes by the lock before it goes.
        let found = unsafe { robbed.as_ref() };
        // SAFETY: (L1): under the lock.
        let seat = unsafe { found.seat() };
        let signal = std::mem::take(&mut seat.data.signal);
        // SAFETY: it was linked.
        if unsafe { seat.is_select() } {
            seat.tag = TAG_ROBBED;
        } else {
            seat.tag = TAG_WAITS;
            // SAFETY: it was linked just now, under the lock.
            let waiter = unsafe { seat.waiter() };
            // SAFETY: we hold the lock, and the owner looks under it only.
            unsafe { waiter.unsettle() };
        }
        let front = self.waiting.front();
        // SAFETY: not linked, pinned and assigned as before; `front` is in the list.
        unsafe { self.waiting.insert_before(front, robbed) };
        // SAFETY: in line, by this function's contract.
        unsafe { self.waiting.remove(NonNull::from(node)) };
        Some(Signal::One(signal))
    }

    /// What the node was told, which is in no list then.
    ///
    /// # Safety
    ///
    /// The caller owns the node and holds the lock, and the node is linked or was told of a broadcast.
    pub(super) unsafe fn collect(&mut self, node: &Node<Ticket>) -> Option<Signal> {
        // SAFETY: (L1): under the lock.
        let seat = unsafe { node.seat() };
        match seat.tag {
            TAG_TOLD | TAG_KEPT_TOLD => {
                let signal = seat.data.signal;
                // SAFETY: it was told, so it is in this list.
                unsafe { self.told.remove(NonNull::from(node)) };
                Some(Signal::One(signal))
            }
            TAG_TOLD_ALL => Some(Signal::All),
            TAG_ROBBED => {
                seat.tag = TAG_KEPT;
                None
            }
            _ => None,
        }
    }

    /// Leaves the queue, wherever it is; returns what it was told.
    ///
    /// # Safety
    ///
    /// As for [`collect`](Self::collect).
    pub(super) unsafe fn leave(&mut self, node: &Node<Ticket>) -> Option<Signal> {
        // SAFETY: by this function's contract.
        let signal = unsafe { self.collect(node) };
        if signal.is_none() {
            // SAFETY: it was not told, so it is in this list.
            unsafe { self.waiting.remove(NonNull::from(node)) };
        }
        signal
    }
}

/// Puts a waiter that goes on into the queue of its lock, and takes its waker, if that is possible.
///
/// # Safety
///
/// The caller holds the lock of the queue, in which the node was found, and has not completed it.
unsafe fn requeue(seat: &Seat<Ticket>, wakes: &mut WakeBatch) {
    let Some(relock) = seat.data.relock else { return };
    // SAFETY: by this function's contract.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: the owner, who is pinned, does not touch the operation until it finds the node completed, and
    // polls it only then. (W2): under the lock.
    unsafe { relock.start(waiter, WaitReason::CondWait, wakes) };
}

/// Whether the waiter has been told of a broadcast: then its node is in no list, and nobody else looks at it.
pub(super) fn was_broadcast_to(waiter: &Waiter) -> bool {
    waiter.chosen() == Some(BROADCAST)
}

/// Wins the right to tell a node in line, if somebody comes then: not one that was robbed and has not looked since, nor
/// a select that has been decided otherwise. Under the lock.
fn claim(seat: &mut Seat<Ticket>) -> bool {
    match seat.tag {
        TAG_KEPT => true,
        TAG_ROBBED => false,
        // SAFETY: linked and with a waiter, under the lock.
        _ if is_select(seat) => unsafe { seat.claim() },
        _ => {
            // SAFETY: as above.
            let waiter = unsafe { seat.waiter() };
            // SAFETY: (W2): a plain waiter, under the lock.
            unsafe { waiter.has_waker() }
        }
    }
}

/// Whether a node in line is a select's. Under the lock.
fn is_select(seat: &Seat<Ticket>) -> bool {
    // SAFETY: linked under the lock, and with a waiter.
    matches!(seat.tag, TAG_KEPT | TAG_ROBBED) || unsafe { seat.is_select() }
}

/// See [`Waiter::may_be_robbed`]. For nodes that were told by a claim, under the lock of the queue.
fn may_be_robbed(seat: &Seat<Ticket>, robber: Option<&'static Record>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock of the queue.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2), (W3): as above.
    unsafe { waiter.may_be_robbed(robber) }
}
