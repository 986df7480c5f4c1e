//! What an object that can be waited for keeps under its lock.

#![expect(unsafe_code, reason = "the content is reached by way of the lock")]

use super::arm::{ObjectGuard, ObjectLock};
use crate::sys::cell::UnsafeCell;
use crate::sys::const_fn;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A value behind an [`ObjectLock`]. Whoever has the lock alone, a select that holds several, reaches the
/// value with [`access`](Self::access).
pub(crate) struct Object<T> {
    lock: ObjectLock,
    content: UnsafeCell<T>,
}

// SAFETY: the content is reached by one thread at a time, under the lock.
unsafe impl<T: Send> Send for Object<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Object<T> {}

impl<T> Object<T> {
    const_fn! {
        pub(crate) const fn new(content: T) -> Self {
            Self { lock: ObjectLock::new(), content: UnsafeCell::new(content) }
        }
    }

    /// In the order of which several locks are taken.
    pub(crate) fn key(&self) -> usize {
        self.lock.key()
    }

    /// The lock alone, for a select that holds several.
    pub(crate) fn lock_only(&self) -> ObjectGuard<'_> {
        self.lock.lock()
    }

    pub(crate) fn lock(&self) -> Locked<'_, T> {
        self.locked(self.lock.lock())
    }

    /// As [`lock`](Self::lock), if nobody holds the lock.
    pub(crate) fn try_lock(&self) -> Option<Locked<'_, T>> {
        self.lock.try_lock().map(|guard| self.locked(guard))
    }

    fn locked<'a>(&'a self, guard: ObjectGuard<'a>) -> Locked<'a, T> {
        // SAFETY: the caller has taken this lock, and `Locked` gives up the content first.
        Locked { content: unsafe { self.access() }, _guard: guard }
    }

    /// The content, under a lock that the caller holds.
    ///
    /// # Safety
    ///
    /// The caller holds [`lock_only`](Self::lock_only) for as long as it uses the reference, and has no
    /// other one meanwhile.
    #[expect(clippy::mut_from_ref, reason = "exclusive by the lock, see the contract")]
    pub(crate) unsafe fn access(&self) -> &mut T {
        // SAFETY: exclusive under the lock, by this function's contract.
        self.content.with_mut(|content| unsafe { &mut *content })
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        // SAFETY: the object is borrowed exclusively.
        self.content.with_mut(|content| unsafe { &mut *content })
    }
}

impl<T> fmt::Debug for Object<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").finish_non_exhaustive()
    }
}

/// The content while the lock is held. The fields are dropped in this order.
pub(crate) struct Locked<'a, T> {
    content: &'a mut T,
    _guard: ObjectGuard<'a>,
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.content
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.content
    }
}
