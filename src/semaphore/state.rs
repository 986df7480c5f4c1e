//! What is free, who waits and who has been granted what it wants. All of it happens under one lock.
//!
//! A waiter that can be served is *granted* what it wants: that is taken from `free` on its behalf, and its
//! node goes from `waiting` to `granted`, where it stands until the waiter has looked. Only the first in
//! line is ever served; if there is not enough for it, nobody is.
//!
//! Invariants, between two critical sections:
//! * V1. `free` and what holders and granted waiters have are `size` together.
//! * V2. The first waiter of `waiting` for whom somebody waits wants more than `free`.
//! * V3. Nobody waits for a plain waiter without a waker: it was robbed (below) and has not looked since. It
//!   keeps its place in line. Nor does anybody for a select that has been decided and has not left the
//!   line yet.
//! * V4. The line is in the order of coming, see [`Want`].
//!
//! A waiter that is granted and does not come would keep its grant from everybody else. So whoever would have
//! to wait takes back what its own goroutine, or nobody, collects ([`Waiter::may_be_robbed`]), and the line
//! moves on. Who wants more than `size` stands in no line: it can only wait for its context to end.
//!
//! [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed

#![expect(unsafe_code, reason = "waiters are linked into the lists by address")]

use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node, Seat};
use crate::wait::place::Place;
use crate::wait::record::Record;
use crate::wait::waiter::Waiter;
use std::ptr::NonNull;
use std::task::Waker;

// Tags of nodes.
/// In line, or in no list.
const TAG_WAITS: u8 = 0;
/// What it wants is its own; among the granted.
const TAG_GRANTED: u8 = 1;
/// A select's: the grant was taken back. In no list.
const TAG_ROBBED: u8 = 2;

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Waits,
    Granted,
    Robbed,
}

/// What a waiter wants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    n: usize,
    /// The number of its coming. It keeps it when it is robbed.
    came: u64,
}

impl Want {
    /// Of somebody who is in no line.
    pub(super) fn new(n: usize) -> Self {
        Self { n, came: 0 }
    }
}

pub(super) struct State {
    free: usize,
    waiting: List<Want>,
    granted: List<Want>,
    /// The number of the next who comes.
    next: u64,
}

/// Whether somebody waits there (V3). For nodes in line, under the lock.
fn is_waited_for(seat: &Seat<Want>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: as above.
    if unsafe { seat.is_select() } {
        waiter.is_waiting()
    } else {
        // SAFETY: (W2): a plain waiter, under the lock.
        unsafe { waiter.has_waker() }
    }
}

/// See [`Waiter::may_be_robbed`]. For granted nodes, under the lock.
fn may_be_robbed(seat: &Seat<Want>, robber: Option<&'static Record>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2), (W3): as above, and the claim has been won.
    unsafe { waiter.may_be_robbed(robber) }
}

impl State {
    pub(super) fn new(size: usize) -> Self {
        Self { free: size, waiting: List::new(), granted: List::new(), next: 0 }
    }

    pub(super) fn free(&self) -> usize {
        self.free
    }

    /// Forgets whoever is linked, see [`List::abandon`].
    pub(super) fn abandon(&mut self) {
        self.waiting.abandon();
        self.granted.abandon();
    }

    /// Takes `n` if they are there and nobody waits.
    #[inline]
    pub(super) fn try_take(&mut self, n: usize) -> bool {
        let taken = n <= self.free && self.waiting.find(|seat| is_waited_for(seat)).is_none();
        if taken {
            self.free -= n;
        }
        taken
    }

    /// Gives back `n`, if nobody is in line. Returns whether it did.
    #[inline]
    pub(super) fn put_back(&mut self, n: usize) -> bool {
        let nobody = self.waiting.is_empty();
        if nobody {
            self.free += n;
        }
        nobody
    }

    pub(super) fn give_back(&mut self, n: usize, wakes: &mut WakeBatch) {
        self.free += n;
        self.serve(wakes);
    }

    /// Grants to the first in line what they want, until there is not enough for one (V2).
    pub(super) fn serve(&mut self, wakes: &mut WakeBatch) {
        while let Some(node) = self.waiting.find(|seat| is_waited_for(seat)) {
            // SAFETY: (L2): it is linked.
            let found = unsafe { node.as_ref() };
            // SAFETY: (L1): linked, and we hold the lock. The reference ends before the list is used.
            let seat = unsafe { found.seat() };
            if seat.data.n > self.free {
                return;
            }
            // SAFETY: linked, under the lock.
            if !unsafe { seat.claim() } {
                // A select that has been decided since it was found; it will not be found again.
                continue;
            }
            self.free -= seat.data.n;
            seat.tag = TAG_GRANTED;
            // SAFETY: linked, under the lock.
            let waiter = unsafe { seat.waiter() };
            // SAFETY: (W2), (W3): won just now.
            if let Some(waker) = unsafe { waiter.take_waker() } {
                wakes.push(waker);
            }
            // SAFETY: it is in this list.
            unsafe { self.waiting.remove(node) };
            // SAFETY: it is in no list now; the rest as when it was linked first.
            unsafe { self.granted.push_back(node) };
        }
    }

    /// Whether there is a grant that nobody collects and that `robber` may have.
    pub(super) fn may_rob(&self, robber: Option<&'static Record>) -> bool {
        self.granted.find(|seat| may_be_robbed(seat, robber)).is_some()
    }

    /// Takes back what is granted and not collected, and serves the line. Who was granted it has its old place in
    /// line again, but for a select, which begins anew.
    pub(super) fn rob(&mut self, robber: Option<&'static Record>, wakes: &mut WakeBatch) {
        while let Some(node) = self.granted.find(|seat| may_be_robbed(seat, robber)) {
            // SAFETY: it is in this list.
            unsafe { self.granted.remove(node) };
            // SAFETY: (L2): the owner looks under the lock, which we hold.
            let found = unsafe { node.as_ref() };
            // SAFETY: (L1): we hold the lock. The reference ends before the list is used.
            let seat = unsafe { found.seat() };
            self.free += seat.data.n;
            // SAFETY: it was linked.
            if unsafe { seat.is_select() } {
                seat.tag = TAG_ROBBED;
                continue;
            }
            seat.tag = TAG_WAITS;
            let came = seat.data.came;
            // In front of all who came later.
            let later = self.waiting.find(|other| other.data.came > came);
            // SAFETY: it is in no list now; the rest as when it was linked first.
            unsafe { self.waiting.insert_before(later, node) };
        }
        self.serve(wakes);
    }

    /// Enters the line, for the first time, to be woken by `waker`.
    ///
    /// # Safety
    ///
    /// As for [`Place::enter`].
    pub(super) unsafe fn enter(&mut self, place: &Place<Want>, waker: Waker) {
        // SAFETY: (L1): not linked, so the caller's.
        unsafe { place.node.seat() }.data.came = self.number();
        // SAFETY: by this function's contract.
        unsafe { place.enter(&mut self.waiting, waker) };
    }

    /// Enters the line as arm `case` of a select.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`], and [`Node::assign`].
    pub(super) unsafe fn enter_select(&mut self, node: &Node<Want>, waiter: &Waiter, case: u32) {
        // SAFETY: by this function's contract.
        unsafe { node.assign(waiter, case) };
        // SAFETY: (L1): not linked, so the caller's.
        let seat = unsafe { node.seat() };
        seat.tag = TAG_WAITS;
        seat.data.came = self.number();
        // SAFETY: by this function's contract.
        unsafe { self.waiting.push_back(NonNull::from(node)) };
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Where a node stands.
    ///
    /// # Safety
    ///
    /// The caller owns the node, which has been in line, and holds the lock.
    pub(super) unsafe fn standing(&self, node: &Node<Want>) -> Standing {
        // SAFETY: (L1): under the lock.
        match unsafe { node.seat() }.tag {
            TAG_GRANTED => Standing::Granted,
            TAG_ROBBED => Standing::Robbed,
            _ => Standing::Waits,
        }
    }

    /// Takes a granted node out: what it wants is its owner's.
    ///
    /// # Safety
    ///
    /// The node is granted, and the caller owns it and holds the lock.
    pub(super) unsafe fn collect(&mut self, node: &Node<Want>) {
        // SAFETY: granted nodes are in this list.
        unsafe { self.granted.remove(NonNull::from(node)) };
        // SAFETY: (L1): not linked.
        unsafe { node.seat() }.tag = TAG_WAITS;
    }

    /// Takes a node out that is linked, gives back what it was granted, and serves those who stood behind
    /// it.
    ///
    /// # Safety
    ///
    /// The caller owns the node, and holds the lock.
    pub(super) unsafe fn leave(&mut self, node: &Node<Want>, wakes: &mut WakeBatch) {
        // SAFETY: by this function's contract.
        match unsafe { self.standing(node) } {
            Standing::Granted => {
                // SAFETY: by this function's contract.
                unsafe { self.collect(node) };
                // SAFETY: (L1): not linked.
                self.free += unsafe { node.seat() }.data.n;
            }
            // SAFETY: nodes that wait are in this list.
            Standing::Waits => unsafe { self.waiting.remove(NonNull::from(node)) },
            Standing::Robbed => {}
        }
        self.serve(wakes);
    }
}
