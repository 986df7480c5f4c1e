//! Who waits: the waker, the claim and the goroutine of one waiting operation.
//!
//! A [`Waiter`] lives in the future that waits; the [nodes](super::list::Node) that the future has
//! linked into lists point to it. A plain operation has one node, a select one per arm.
//!
//! # States of the claim
//!
//! | claim | meaning | who may change it |
//! |---|---|---|
//! | `FRESH` | never registered: all fields but the claim are uninitialised | the owner |
//! | `IDLE` | no node is linked; nobody else knows the waiter | the owner |
//! | `WAITING` | nodes are linked | plain: whoever holds the object's lock; select: anybody, by CAS |
//! | `CHOSEN + case` | arm `case` is (being) completed by the winner; a plain waiter is, with that outcome | the owner, once it has synchronised with the winner |
//!
//! # Who may touch the waker, the record and the poll number (W)
//!
//! 1. The owner, while the claim is `IDLE` (or, to initialise them, `FRESH`).
//! 2. A plain waiter: whoever holds the lock of the object that owns the list.
//! 3. A select's waiter: the one who won the claim, while it still holds the lock of the object under
//!    which it won, and nobody else until the owner has taken that lock.
//!
//! So a select replaces its waker only after it has unlinked all its nodes.

#![expect(unsafe_code, reason = "the fields are protected by locks and claims elsewhere")]

use super::record::{self, Record, WaitReason};
use crate::sys::cell::UnsafeCell;
use crate::sys::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::fmt;
use std::mem::MaybeUninit;
use std::panic::Location;
use std::task::Waker;

/// Never registered. Most waiters end like this: every store saved in making one is felt.
const FRESH: u32 = 0;
/// Not registered anywhere.
const IDLE: u32 = 1;
/// Registered, not yet claimed.
const WAITING: u32 = 2;
/// `CHOSEN + case`: claimed.
const CHOSEN: u32 = 3;

/// The case number of a node that is its waiter's only one.
pub(crate) const PLAIN: u32 = u32::MAX;

/// One waiting operation, as those see it who may complete it.
pub(crate) struct Waiter {
    claim: AtomicU32,
    /// `record.polls()` when the waiter was matched.
    // Ordering: Relaxed: protected by (W); atomic only to be small.
    polls: AtomicU16,
    /// Protected by (W). Initialised unless `claim` is `FRESH`.
    inner: UnsafeCell<MaybeUninit<Inner>>,
}

struct Inner {
    waker: Option<Waker>,
    /// The goroutine that waits, if it is one.
    record: Option<&'static Record>,
}

impl Waiter {
    pub(crate) fn new() -> Self {
        Self {
            claim: AtomicU32::new(FRESH),
            polls: AtomicU16::new(0),
            inner: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Whether the waiter is registered nowhere. For the owner.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        // Ordering: Relaxed: only the owner leaves and enters these.
        self.claim.load(Ordering::Relaxed) <= IDLE
    }

    /// Whether nobody has completed it yet, of a select that was found linked. It is never true again once a
    /// [`claim`](Self::claim) has failed.
    pub(crate) fn is_waiting(&self) -> bool {
        // Ordering: Relaxed: a hint; the claim decides. Loads of one thread do not go back in time.
        self.claim.load(Ordering::Relaxed) == WAITING
    }

    /// The case that somebody completed, if somebody did; of a plain waiter, the outcome. For the owner.
    #[inline]
    pub(crate) fn chosen(&self) -> Option<u32> {
        // Ordering: Acquire pairs with the Release in `settle`: a plain waiter's node may be read
        // without the lock after it.
        self.claim.load(Ordering::Acquire).checked_sub(CHOSEN)
    }

    /// Starts waiting: stores `waker` and the current goroutine. For the owner, before it links its
    /// nodes. Returns a waker left over, to be dropped outside of every lock.
    #[must_use = "a waker must be dropped outside of every lock"]
    pub(crate) fn register(&self, waker: Waker) -> Option<Waker> {
        debug_assert!(self.is_idle());
        // Ordering: Relaxed: only the owner leaves and enters it.
        let old = if self.claim.load(Ordering::Relaxed) == FRESH {
            // SAFETY: (W1).
            unsafe { self.write(Inner { waker: Some(waker), record: record::current() }) };
            None
        } else {
            // SAFETY: (W1).
            unsafe { self.replace(Some(waker)) }
        };
        // Ordering: Relaxed: the lock under which the nodes are linked publishes it.
        self.claim.store(WAITING, Ordering::Relaxed);
        old
    }

    /// Starts waiting for the first time, for the goroutine that waits as `other`, and takes its waker.
    ///
    /// # Safety
    ///
    /// The caller has the right to `other` by (W2), and to this, which is `FRESH`, by (W1).
    pub(crate) unsafe fn register_for(&self, other: &Self) {
        debug_assert!(self.is_idle());
        let inner = other.inner.with_mut(|inner| {
            // SAFETY: exclusive by (W2).
            let inner = unsafe { &mut *inner };
            // SAFETY: registered, so initialised.
            let inner = unsafe { inner.assume_init_mut() };
            Inner { waker: inner.waker.take(), record: inner.record }
        });
        // SAFETY: by this function's contract.
        unsafe { self.write(inner) };
        // Ordering: Relaxed, as in `register`.
        self.claim.store(WAITING, Ordering::Relaxed);
    }

    /// Initialises a waiter that is `FRESH`.
    ///
    /// # Safety
    ///
    /// The caller has the right by (W1).
    #[inline(always)]
    unsafe fn write(&self, inner: Inner) {
        self.inner.with_mut(|place| {
            // SAFETY: by this function's contract.
            unsafe { &mut *place }.write(inner);
        });
    }

    /// Ends waiting, whatever the outcome. For the owner, when no node is linked any more.
    pub(crate) fn reset(&self) {
        // Ordering: Relaxed: no node is linked, so nobody else looks.
        if self.claim.load(Ordering::Relaxed) != FRESH {
            self.claim.store(IDLE, Ordering::Relaxed);
        }
    }

    /// Tries to win the right to complete arm `case`; at most one caller does. A plain waiter is
    /// won by whoever finds its node linked, and [`settle`](Self::settle)d later.
    #[inline]
    pub(crate) fn claim(&self, case: u32) -> bool {
        if case == PLAIN {
            return true;
        }
        // Ordering: AcqRel: Acquire so that the winner sees the waker that `register` stored
        // (it also comes through the lock); Release so that whoever fails the claim, or the owner,
        // has what the winner did before.
        self.claim
            .compare_exchange(WAITING, CHOSEN + case, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Publishes the `outcome` of a plain waiter, a number of the object's own. From here on the owner may
    /// free it, even without the lock: the caller's last access.
    #[inline]
    pub(crate) fn settle(&self, case: u32, outcome: u32) {
        if case == PLAIN {
            // Ordering: Release pairs with the Acquire in `chosen`.
            self.claim.store(CHOSEN + outcome, Ordering::Release);
        }
    }

    /// Makes a plain waiter that was chosen wait again: its match was taken from it.
    ///
    /// It has no waker then: the wake-up of the match is on its way or spent. Who looks for somebody to serve
    /// passes it over until its owner has looked, and registered anew.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the object, and the owner looks at its outcome only under it.
    pub(crate) unsafe fn unsettle(&self) {
        // Ordering: Relaxed: under the lock on both sides.
        self.claim.store(WAITING, Ordering::Relaxed);
    }

    /// Takes the waker and notes the goroutine's poll number, on a match. Without a waker the number stays that
    /// of the last wake-up: whoever is not woken by this match has no more time to collect it.
    ///
    /// # Safety
    ///
    /// The caller has the right by (W2) or (W3).
    #[inline]
    pub(crate) unsafe fn take_waker(&self) -> Option<Waker> {
        self.inner.with_mut(|inner| {
            // SAFETY: exclusive by (W), see this function's contract.
            let inner = unsafe { &mut *inner };
            // SAFETY: registered, so initialised.
            let inner = unsafe { inner.assume_init_mut() };
            let waker = inner.waker.take();
            if waker.is_some() {
                self.polls.store(inner.record.map_or(0, Record::polls), Ordering::Relaxed);
            }
            waker
        })
    }

    /// Stores another waker, and the current goroutine. Returns the old one, to be dropped outside
    /// of every lock.
    ///
    /// # Safety
    ///
    /// The waiter has been registered once, and the caller has the right by (W1) or (W2).
    #[must_use = "a waker must be dropped outside of every lock"]
    pub(crate) unsafe fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        self.inner.with_mut(|inner| {
            // SAFETY: exclusive by (W), see this function's contract.
            let inner = unsafe { &mut *inner };
            // SAFETY: registered, so initialised.
            let inner = unsafe { inner.assume_init_mut() };
            inner.record = record::current();
            std::mem::replace(&mut inner.waker, waker)
        })
    }

    /// Whether it can still be told something: its waker has not been taken.
    ///
    /// # Safety
    ///
    /// The waiter has been registered once, and the caller has the right by (W1) or (W2).
    pub(crate) unsafe fn has_waker(&self) -> bool {
        self.inner.with(|inner| {
            // SAFETY: not written meanwhile by (W), see this function's contract.
            let inner = unsafe { &*inner };
            // SAFETY: registered, so initialised.
            unsafe { inner.assume_init_ref() }.waker.is_some()
        })
    }

    /// Whether a goroutine waits here, can be woken, and [is parked](Record::is_parked) for this.
    ///
    /// # Safety
    ///
    /// The waiter has been registered once, and the caller has the right by (W1) or (W2).
    pub(crate) unsafe fn is_parked(
        &self,
        reason: WaitReason,
        site: &'static Location<'static>,
    ) -> bool {
        self.inner.with(|inner| {
            // SAFETY: not written meanwhile by (W), see this function's contract.
            let inner = unsafe { &*inner };
            // SAFETY: registered, so initialised.
            let Inner { waker, record } = unsafe { inner.assume_init_ref() };
            waker.is_some() && record.is_some_and(|record| record.is_parked(reason, site))
        })
    }

    /// What the goroutine waits for that waits here, by its last word; `None` if it is none.
    ///
    /// # Safety
    ///
    /// The waiter has been registered once, and the caller has the right by (W1) or (W2).
    pub(crate) unsafe fn reason(&self) -> Option<WaitReason> {
        self.inner.with(|inner| {
            // SAFETY: not written meanwhile by (W), see this function's contract.
            let inner = unsafe { &*inner };
            // SAFETY: registered, so initialised.
            unsafe { inner.assume_init_ref() }.record.map(Record::waits_for)
        })
    }

    /// Polled again while it waits: notes the current goroutine, and tells whether the stored waker
    /// still is that of its task.
    ///
    /// # Safety
    ///
    /// The waiter has been registered once, and the caller has the right by (W1) or (W2).
    pub(crate) unsafe fn refresh(&self, current: &Waker) -> bool {
        self.inner.with_mut(|inner| {
            // SAFETY: exclusive by (W), see this function's contract.
            let inner = unsafe { &mut *inner };
            // SAFETY: registered, so initialised.
            let inner = unsafe { inner.assume_init_mut() };
            inner.record = record::current();
            inner.waker.as_ref().is_some_and(|waker| waker.will_wake(current))
        })
    }

    /// Whether the operation may lose its match to `robber`, another operation (of that goroutine,
    /// if any) on the same object that would have to wait otherwise.
    ///
    /// True if both are of one goroutine, which therefore is busy with the other operation, or if
    /// the waiter's goroutine was polled from beginning to end since the match and did not collect.
    ///
    /// # Safety
    ///
    /// The caller has the right by (W), and the waiter is matched.
    pub(crate) unsafe fn may_be_robbed(&self, robber: Option<&'static Record>) -> bool {
        self.inner.with(|inner| {
            // SAFETY: not written meanwhile by (W), see this function's contract.
            let inner = unsafe { &*inner };
            // SAFETY: registered, so initialised.
            let inner = unsafe { inner.assume_init_ref() };
            let Some(record) = inner.record else { return false };
            if robber.is_some_and(|robber| std::ptr::eq(robber, record)) {
                return true;
            }
            // Poll numbers are odd during a poll. Matched while idle: one whole poll is two steps
            // on. Matched during a poll: its end is one more.
            let then = self.polls.load(Ordering::Relaxed);
            record.polls().wrapping_sub(then) >= 2 + (then & 1)
        })
    }
}

impl Drop for Waiter {
    #[inline]
    fn drop(&mut self) {
        // Ordering: Relaxed: no node is linked, so nobody else looks.
        if self.claim.load(Ordering::Relaxed) != FRESH {
            self.inner.with_mut(|inner| {
                // SAFETY: exclusive, as nobody else looks.
                let inner = unsafe { &mut *inner };
                // SAFETY: registered, so initialised; this is the end of it.
                unsafe { inner.assume_init_drop() };
            });
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("claim", &self.claim).finish_non_exhaustive()
    }
}
