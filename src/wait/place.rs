//! A place in the list of one object, for a future that waits for nothing else.

#![expect(unsafe_code, reason = "the waiter and the node are shared under a lock kept elsewhere")]

use super::list::{List, Node};
use super::waiter::{PLAIN, Waiter};
use std::ptr::NonNull;
use std::task::Waker;

/// A plain [`Waiter`] and its one [`Node`]. It is made when the future has to wait, so that one that has not
/// is small to make.
pub(crate) struct Place<V> {
    pub(crate) waiter: Waiter,
    pub(crate) node: Node<V>,
}

// SAFETY: the waiter and the node are shared under the lock of the object (L1, W2), which is how other
// threads reach them anyway.
unsafe impl<V: Send> Send for Place<V> {}
// SAFETY: there is nothing to do with a `&Place` but under that lock.
unsafe impl<V: Send> Sync for Place<V> {}

impl<V> Place<V> {
    pub(crate) fn new(data: V) -> Self {
        Self { waiter: Waiter::new(), node: Node::new(data) }
    }

    /// Enters `list` at its end, for the first time, to be woken by `waker`.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the object. The place is pinned, and its owner keeps (L2) with that
    /// lock.
    pub(crate) unsafe fn enter(&self, list: &mut List<V>, waker: Waker) {
        // A new waiter has no waker to give back.
        let _none = self.waiter.register(waker);
        // SAFETY: by this function's contract.
        unsafe { self.link(list) };
    }

    /// As [`enter`](Self::enter), for the goroutine that waits as `other`, whose waker is taken.
    ///
    /// # Safety
    ///
    /// As for [`enter`](Self::enter), and the caller has the right to `other` by (W2).
    pub(crate) unsafe fn enter_for(&self, list: &mut List<V>, other: &Waiter) {
        // SAFETY: new, and by this function's contract.
        unsafe { self.waiter.register_for(other) };
        // SAFETY: by this function's contract.
        unsafe { self.link(list) };
    }

    /// Links the node, which never was in a list.
    ///
    /// # Safety
    ///
    /// As for [`enter`](Self::enter).
    unsafe fn link(&self, list: &mut List<V>) {
        // SAFETY: the node is not linked, and its waiter lives beside it.
        unsafe { self.node.assign(&self.waiter, PLAIN) };
        // SAFETY: not linked, assigned; the rest is this function's contract.
        unsafe { list.push_back(NonNull::from(&self.node)) };
    }
}
