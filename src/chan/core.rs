//! What all handles of one channel share: its state, the lock of it, and what can be said without the lock.
//!
//! Whoever gives the lock up leaves behind in `hint` what [`State::hint`] says, and one more on a count.
//! So an operation that would have to wait, and a select over many channels, can say so without a lock.
//!
//! Most sends and receives find room, or a value, and nobody who waits: `quick_send` and `quick_recv`
//! do these alone, small enough to be inlined, and hand everything else on with the lock held. (A
//! buffered item passed so cost a fifth less than through the general functions.)

#![expect(unsafe_code, reason = "the state is reached by way of the lock")]

use super::state::{State, hint};
use crate::sys::cell::UnsafeCell;
use crate::sys::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::wait::arm::{ObjectGuard, ObjectLock};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// The channel, without its reference counts.
pub(crate) struct Core<T> {
    /// What the state looked like when the lock was last given up: to say "not now" without it.
    // Ordering: Relaxed: under the lock, under which alone it is written.
    hint: AtomicU32,
    lock: ObjectLock,
    state: UnsafeCell<State<T>>,
    /// Handles that can send.
    pub(super) senders: AtomicUsize,
    /// Handles that can receive.
    pub(super) receivers: AtomicUsize,
}

// SAFETY: `state` is reached under `lock` only; it holds `T`s, and nodes that hold `T`s and wakers.
unsafe impl<T: Send> Send for Core<T> {}
// SAFETY: as above; no two threads ever see the same `T`.
unsafe impl<T: Send> Sync for Core<T> {}

impl<T> Core<T> {
    /// A channel that has one handle of each kind.
    pub(super) fn new(capacity: usize) -> Self {
        let state = State::new(capacity);
        Self {
            hint: AtomicU32::new(state.hint()),
            lock: ObjectLock::new(),
            state: UnsafeCell::new(state),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    #[inline]
    fn look(&self) -> u32 {
        // Ordering: Acquire pairs with the Release in `publish_bits`: whoever hears that the channel
        // is closed sees what was written before the close. It also keeps the looks of a select in
        // their order.
        self.hint.load(Ordering::Acquire)
    }

    /// False if a receive would have had to wait at some moment of this call.
    #[inline]
    pub(super) fn may_recv(&self) -> bool {
        self.look() & hint::RECV != 0
    }

    /// False if a send would have had to wait at some moment of this call.
    #[inline]
    pub(super) fn may_send(&self) -> bool {
        self.look() & hint::SEND != 0
    }

    /// A number for the moment if a receive would have to wait. See [`Arm::not_ready`].
    ///
    /// [`Arm::not_ready`]: crate::wait::arm::Arm::not_ready
    #[inline]
    pub(crate) fn cannot_recv(&self) -> Option<u32> {
        let look = self.look();
        (look & hint::RECV == 0).then_some(look)
    }

    /// A number for the moment if a send would have to wait.
    #[inline]
    pub(crate) fn cannot_send(&self) -> Option<u32> {
        let look = self.look();
        (look & hint::SEND == 0).then_some(look)
    }

    /// Whether sending is over: closed, or no receiver left.
    pub(super) fn is_over(&self) -> bool {
        self.look() & hint::OVER != 0
    }

    /// The lock alone, for a select that holds several.
    pub(super) fn lock_only(&self) -> ObjectGuard<'_> {
        self.lock.lock()
    }

    /// In the order of which several locks are taken.
    pub(super) fn key(&self) -> usize {
        self.lock.key()
    }

    #[inline]
    pub(super) fn lock(&self) -> Locked<'_, T> {
        let guard = self.lock.lock();
        // SAFETY: the lock was taken just now, and `Locked` gives up the access first.
        Locked { access: unsafe { self.access() }, _guard: guard }
    }

    /// Receives in the common case, in few instructions: from the buffer, and nobody waits. Otherwise
    /// nothing has happened, and the lock is passed on.
    ///
    /// # Safety
    ///
    /// `into` can be written to. It holds a value afterwards if `None` is returned.
    #[inline(always)]
    pub(super) unsafe fn quick_recv(&self, into: *mut T) -> Option<Locked<'_, T>> {
        let guard = self.lock.lock();
        // SAFETY: exclusive under the lock.
        let state = self.state.with_mut(|state| unsafe { &mut *state });
        let Some(value) = state.quick_pop() else {
            return Some(Locked { access: Access { core: self, state }, _guard: guard });
        };
        // SAFETY: by this function's contract.
        unsafe { into.write(value) };
        if state.len() == 0 {
            self.publish(state);
        } else {
            // As `State::hint` would say: there is something to receive, as before, and room.
            self.publish_bits(self.hint.load(Ordering::Relaxed) | hint::SEND);
        }
        None
    }

    /// Sends in the common case, in few instructions: into the buffer, and nobody waits. Otherwise
    /// nothing has happened, and the lock is passed on.
    ///
    /// # Safety
    ///
    /// `value` holds a value, which has been moved out if `None` is returned.
    #[inline(always)]
    pub(super) unsafe fn quick_send(&self, value: *const T) -> Option<Locked<'_, T>> {
        let guard = self.lock.lock();
        // SAFETY: exclusive under the lock.
        let state = self.state.with_mut(|state| unsafe { &mut *state });
        if !state.may_quick_push() {
            return Some(Locked { access: Access { core: self, state }, _guard: guard });
        }
        // SAFETY: by this function's contract.
        state.quick_push(unsafe { value.read() });
        if state.len() == state.capacity() {
            self.publish(state);
        } else {
            // As `State::hint` would say: there is room, as before, and something to receive.
            self.publish_bits(self.hint.load(Ordering::Relaxed) | hint::RECV);
        }
        None
    }

    /// Leaves the hint behind (module doc). Under the lock.
    #[inline]
    fn publish(&self, state: &State<T>) {
        let old = self.hint.load(Ordering::Relaxed);
        self.publish_bits((old & !(hint::COUNT - 1)) | state.hint());
    }

    /// Publishes `bits`, the count still being the old one.
    #[inline]
    fn publish_bits(&self, bits: u32) {
        // Ordering: Release pairs with the Acquire in `look`.
        self.hint.store(bits.wrapping_add(hint::COUNT), Ordering::Release);
    }

    /// The state, under a lock that the caller holds.
    ///
    /// # Safety
    ///
    /// The caller holds [`lock_only`](Self::lock_only) for as long as it has the access, and has no
    /// other access meanwhile.
    #[inline]
    pub(super) unsafe fn access(&self) -> Access<'_, T> {
        self.state.with_mut(|state| {
            // SAFETY: exclusive under the lock, by this function's contract.
            Access { core: self, state: unsafe { &mut *state } }
        })
    }
}

impl<T> Drop for Core<T> {
    fn drop(&mut self) {
        self.state.with_mut(|state| {
            // SAFETY: the last handle is gone, so nobody else looks.
            let state = unsafe { &mut *state };
            // Futures borrow a handle: those still linked were forgotten, and nobody will ever touch
            // them or this channel again.
            state.abandon_waiters();
        });
    }
}

impl<T> fmt::Debug for Core<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, capacity, over) = {
            let state = self.lock();
            (state.len(), state.capacity(), state.is_over())
        };
        f.debug_struct("Channel")
            .field("len", &len)
            .field("capacity", &capacity)
            .field("closed", &over)
            .finish()
    }
}

/// The state while its lock is held; leaves the hint behind (module doc).
pub(super) struct Access<'a, T> {
    core: &'a Core<T>,
    state: &'a mut State<T>,
}

impl<T> Deref for Access<'_, T> {
    type Target = State<T>;

    #[inline]
    fn deref(&self) -> &State<T> {
        self.state
    }
}

impl<T> DerefMut for Access<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State<T> {
        self.state
    }
}

impl<T> Drop for Access<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.core.publish(self.state);
    }
}

/// [`Access`] together with the lock. The fields are dropped in this order.
pub(super) struct Locked<'a, T> {
    access: Access<'a, T>,
    _guard: ObjectGuard<'a>,
}

impl<T> Deref for Locked<'_, T> {
    type Target = State<T>;

    #[inline]
    fn deref(&self) -> &State<T> {
        self.access.state
    }
}

impl<T> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut State<T> {
        self.access.state
    }
}
