//! Intrusive FIFO lists of waiters.
//!
//! A [`List`] belongs to a synchronisation object and is protected by that object's lock. Its
//! [`Node`]s live inside pinned futures, so waiting allocates nothing.
//!
//! # Invariants
//!
//! * (L1) Whatever is in a node is touched only under the lock of the object it is linked into, or
//!   by its owner while it is not linked, its waiter is not being completed, and nobody else has a
//!   pointer to it.
//! * (L2) A linked node is pinned and alive: its owner unlinks it, under the lock, before it goes.
//!   A future that is forgotten instead keeps its memory for ever, by the guarantee of `Pin`; the
//!   list may keep the node and everything said here still holds.
//! * (L3) `prev`, `waiter` and `case` are initialised once the node has been assigned and linked. A node's `next` is dangling exactly while the node is in no list. `head` and `tail` are both
//!   `None` or both `Some`; neighbours point at each other.

#![expect(unsafe_code, reason = "nodes are shared by address under a lock kept elsewhere")]

use super::waiter::{PLAIN, Waiter};
use crate::sys::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomPinned;
use std::mem::{self, MaybeUninit};
use std::ptr::{self, NonNull};
use std::task::Waker;

type Link<V> = Option<NonNull<Node<V>>>;

/// One place in a list. `V` is what the object keeps per waiter, such as a value in flight.
pub(crate) struct Node<V> {
    inner: UnsafeCell<Inner<V>>,
    _pinned: PhantomPinned,
}

struct Inner<V> {
    prev: MaybeUninit<Link<V>>,
    next: Link<V>,
    seat: Seat<V>,
}

/// What `next` is in a node that is not linked.
fn unlinked<V>() -> Link<V> {
    Some(NonNull::dangling())
}

/// What is in a node besides its links; protected by (L1).
#[derive(Debug)]
pub(crate) struct Seat<V> {
    /// Who waits here. Valid while the node is linked, and until the winner of the claim is done.
    waiter: MaybeUninit<*const Waiter>,
    /// Which of the waiter's arms this is; [`PLAIN`] if it has only this one.
    case: MaybeUninit<u32>,
    /// A state of the object's own.
    pub(crate) tag: u8,
    pub(crate) data: V,
}

impl<V> Node<V> {
    pub(crate) fn new(data: V) -> Self {
        let (waiter, case) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let seat = Seat { waiter, case, tag: 0, data };
        let prev = MaybeUninit::uninit();
        Self {
            inner: UnsafeCell::new(Inner { prev, next: unlinked(), seat }),
            _pinned: PhantomPinned,
        }
    }

    /// The content of the node.
    ///
    /// # Safety
    ///
    /// (L1) gives the caller access for as long as it uses the reference, and it has no other
    /// reference to the same content meanwhile.
    #[expect(clippy::mut_from_ref, reason = "exclusive by the lock, see the contract")]
    #[inline]
    pub(crate) unsafe fn seat(&self) -> &mut Seat<V> {
        self.inner.with_mut(|inner| {
            // SAFETY: exclusive by this function's contract; links are a separate field.
            unsafe { &mut (*inner).seat }
        })
    }

    /// The state in the node. Others may read it at the same time.
    ///
    /// # Safety
    ///
    /// (L1) gives the caller access, and nobody has a reference to the content.
    #[inline]
    pub(crate) unsafe fn tag(&self) -> u8 {
        self.inner.with(|inner| {
            // SAFETY: not written meanwhile by this function's contract.
            unsafe { (*inner).seat.tag }
        })
    }

    /// The address of the node's data, for who may access it by (L1).
    #[inline]
    pub(crate) fn data(&self) -> *mut V {
        self.inner.with_mut(|inner| {
            // SAFETY: in bounds; nothing is read.
            unsafe { &raw mut (*inner).seat.data }
        })
    }

    /// Whether the node is in a list.
    ///
    /// # Safety
    ///
    /// As for [`seat`](Self::seat).
    pub(crate) unsafe fn is_linked(&self) -> bool {
        self.inner.with(|inner| {
            // SAFETY: not written meanwhile by this function's contract.
            unsafe { (*inner).next != unlinked() }
        })
    }

    /// Says who waits here, before the node is linked.
    ///
    /// # Safety
    ///
    /// The node is not linked, the caller owns it, and `waiter` lives at least as long as the node
    /// is linked. `case` is [`PLAIN`] if and only if this is the only node of the waiter.
    pub(crate) unsafe fn assign(&self, waiter: &Waiter, case: u32) {
        // SAFETY: (L1): not linked, and the caller is the owner.
        let seat = unsafe { self.seat() };
        seat.waiter.write(ptr::from_ref(waiter));
        seat.case.write(case);
    }

    /// Tries to win the right to complete the operation that waits here.
    ///
    /// # Safety
    ///
    /// The caller holds the object's lock since it found the node linked.
    #[inline]
    pub(crate) unsafe fn claim(&self) -> bool {
        // SAFETY: (L1): under the lock.
        let seat = unsafe { self.seat() };
        // SAFETY: linked.
        let (waiter, case) = unsafe { seat.assigned() };
        waiter.claim(case)
    }

    /// Completes the claimed operation: takes its waker, to be woken after the lock, and publishes
    /// the outcome. The caller's last access to a plain waiter's node, which may be gone at once if
    /// its owner looks at outcomes without the lock.
    ///
    /// # Safety
    ///
    /// The caller has won the claim, wrote the outcome, holds the lock since, and has no reference
    /// to the seat.
    #[must_use = "somebody has to be woken"]
    #[inline]
    pub(crate) unsafe fn complete(&self) -> Option<Waker> {
        // SAFETY: this function's contract.
        unsafe { self.complete_with(0) }
    }

    /// As [`complete`](Self::complete), with an outcome that the owner of a plain waiter finds in
    /// [`Waiter::chosen`].
    ///
    /// # Safety
    ///
    /// As for [`complete`](Self::complete).
    #[must_use = "somebody has to be woken"]
    #[inline]
    pub(crate) unsafe fn complete_with(&self, outcome: u32) -> Option<Waker> {
        // SAFETY: (L1): under the lock, and not settled yet.
        let seat = unsafe { self.seat() };
        // SAFETY: claimed: the owner waits for the outcome or for the lock before it frees the waiter.
        let (waiter, case) = unsafe { seat.assigned() };
        // SAFETY: (W2) or (W3): we hold the lock and won the claim.
        let waker = unsafe { waiter.take_waker() };
        waiter.settle(case, outcome);
        waker
    }

    /// Calls `f` with the links.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the list that the node is in or about to enter.
    #[inline]
    unsafe fn links<R>(
        node: NonNull<Self>,
        f: impl FnOnce(&mut MaybeUninit<Link<V>>, &mut Link<V>) -> R,
    ) -> R {
        // SAFETY: (L2): the node is alive.
        let node = unsafe { node.as_ref() };
        node.inner.with_mut(|inner| {
            // SAFETY: (L1): exclusive under the lock; the seat is a separate field.
            let prev = unsafe { &mut (*inner).prev };
            // SAFETY: as above.
            let next = unsafe { &mut (*inner).next };
            f(prev, next)
        })
    }
}

impl<V> fmt::Debug for Node<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

impl<V> Seat<V> {
    /// Who waits here, and with which arm.
    ///
    /// # Safety
    ///
    /// The node has been assigned, and the waiter is alive for as long as the caller uses it.
    #[inline]
    unsafe fn assigned<'a>(&self) -> (&'a Waiter, u32) {
        // SAFETY: (L3).
        let waiter = unsafe { self.waiter.assume_init() };
        // SAFETY: (L3).
        let case = unsafe { self.case.assume_init() };
        // SAFETY: alive by this function's contract.
        (unsafe { &*waiter }, case)
    }

    /// Tries to win the right to complete the operation that waits here; as [`Node::claim`].
    ///
    /// # Safety
    ///
    /// The caller holds the object's lock, and the node is linked.
    pub(crate) unsafe fn claim(&self) -> bool {
        // SAFETY: linked.
        let (waiter, case) = unsafe { self.assigned() };
        waiter.claim(case)
    }

    /// Whether the waiter is a select's.
    ///
    /// # Safety
    ///
    /// The caller holds the object's lock, and the node is or was linked.
    pub(crate) unsafe fn is_select(&self) -> bool {
        // SAFETY: (L3).
        unsafe { self.case.assume_init() != PLAIN }
    }

    /// Who waits here.
    ///
    /// # Safety
    ///
    /// The caller holds the object's lock, and the node is linked.
    pub(crate) unsafe fn waiter(&self) -> &Waiter {
        // SAFETY: `assign` promised that the waiter lives while the node is linked.
        unsafe { self.assigned() }.0
    }
}

/// A FIFO list of waiting operations. All methods need the lock of the object that owns it.
pub(crate) struct List<V> {
    head: Link<V>,
    tail: Link<V>,
}

// SAFETY: the list is a pair of pointers to nodes that are reached under its object's lock (L1).
// What travels between threads with them is a `V`, and wakers and atomics, which are `Send + Sync`.
unsafe impl<V: Send> Send for List<V> {}

impl<V> List<V> {
    pub(crate) const fn new() -> Self {
        Self { head: None, tail: None }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// The node that has waited longest.
    pub(crate) fn front(&self) -> Link<V> {
        self.head
    }

    /// Links a node at the end.
    ///
    /// # Safety
    ///
    /// The node is not linked, is pinned, has its waiter [assigned](Node::assign), and its owner
    /// keeps (L2) with this list's lock.
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<Node<V>>) {
        // SAFETY: the caller's promise is that of `insert_before`.
        unsafe { self.insert_before(None, node) }
    }

    /// Links `node` before `next`, or at the end if that is `None`.
    ///
    /// # Safety
    ///
    /// As for [`push_back`](Self::push_back), and `next` is in this list.
    pub(crate) unsafe fn insert_before(&mut self, next: Link<V>, node: NonNull<Node<V>>) {
        let prev = match next {
            Some(next) => {
                let link = MaybeUninit::new(Some(node));
                // SAFETY: `next` is in this list, whose lock the caller holds.
                let prev = unsafe { Node::links(next, |prev, _| mem::replace(prev, link)) };
                // SAFETY: the links of a node that is in a list are initialised.
                unsafe { prev.assume_init() }
            }
            None => self.tail.replace(node),
        };
        match prev {
            // SAFETY: neighbours of linked nodes are linked (L3).
            Some(prev) => unsafe { Node::links(prev, |_, next| *next = Some(node)) },
            None => self.head = Some(node),
        }
        // SAFETY: `node` is about to be in this list, whose lock the caller holds.
        unsafe {
            Node::links(node, |p, n| {
                debug_assert!(*n == unlinked(), "a node is in one list at most");
                (*p, *n) = (MaybeUninit::new(prev), next);
            });
        }
    }

    /// Unlinks a node.
    ///
    /// # Safety
    ///
    /// The node is in this list.
    #[inline]
    pub(crate) unsafe fn remove(&mut self, node: NonNull<Node<V>>) {
        // SAFETY: the node is in this list, whose lock the caller holds.
        let (prev, next) = unsafe {
            Node::links(node, |prev, next| {
                debug_assert!(*next != unlinked(), "the node is in no list");
                (*prev, mem::replace(next, unlinked()))
            })
        };
        // SAFETY: it was linked until now (L3).
        let prev = unsafe { prev.assume_init() };
        match prev {
            // SAFETY: neighbours of linked nodes are linked (L3).
            Some(prev) => unsafe { Node::links(prev, |_, n| *n = next) },
            None => self.head = next,
        }
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { Node::links(next, |p, _| *p = MaybeUninit::new(prev)) },
            None => self.tail = prev,
        }
    }

    /// Unlinks the node that has waited longest.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Link<V> {
        let node = self.head?;
        // SAFETY: the head is in the list (L3).
        unsafe { self.remove(node) };
        Some(node)
    }

    /// Unlinks waiters from the front until it wins one's claim, and returns that one's node. The
    /// others were selects that somebody else has completed already.
    #[inline]
    pub(crate) fn claim_front(&mut self) -> Link<V> {
        loop {
            let node = self.head?;
            // SAFETY: (L2): it is linked.
            let found = unsafe { node.as_ref() };
            // SAFETY: under the lock.
            let claimed = unsafe { found.claim() };
            // SAFETY: the head is in the list (L3).
            unsafe { self.remove(node) };
            if claimed {
                return Some(node);
            }
        }
    }

    /// The first node from the front that `f` accepts.
    pub(crate) fn find(&self, mut f: impl FnMut(&mut Seat<V>) -> bool) -> Link<V> {
        let mut at = self.head;
        while let Some(node) = at {
            // SAFETY: (L2): it is linked.
            let found = unsafe { node.as_ref() };
            // SAFETY: (L1): under the lock.
            if f(unsafe { found.seat() }) {
                return at;
            }
            // SAFETY: it is in this list, whose lock we have.
            at = unsafe { Node::links(node, |_, next| *next) };
        }
        None
    }

    /// Forgets all nodes, because the object goes and only forgotten futures can still be linked.
    pub(crate) fn abandon(&mut self) {
        (self.head, self.tail) = (None, None);
    }
}

impl<V> fmt::Debug for List<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("List").field("is_empty", &self.is_empty()).finish()
    }
}

impl<V> Drop for List<V> {
    fn drop(&mut self) {
        debug_assert!(self.is_empty(), "a waiter outlives what it waits for");
    }
}
