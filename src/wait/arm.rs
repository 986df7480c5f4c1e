//! What a select sees of the things it may wait for.

#![expect(unsafe_code, reason = "the methods are called under locks that the select holds")]

use super::batch::WakeBatch;
use super::record::Record;
use super::waiter::Waiter;
use crate::sys::lock::{ShortGuard, ShortLock};

/// The lock of an object that can be an arm of a select. What it protects lies beside it, so that a
/// select can hold the locks of objects of many types.
///
/// # Lock order
///
/// Whoever holds more than one takes them in the order of their addresses ([`Arm::key`]), each once.
pub(crate) type ObjectLock = ShortLock;

/// Proof that an [`ObjectLock`] is held.
pub(crate) type ObjectGuard<'a> = ShortGuard<'a>;

/// One operation on one object, of any type, that has not been decided yet.
///
/// A select that holds the arm's lock calls [`try_locked`](Self::try_locked) on its arms in random
/// order; the first that returns true has happened. If none is ready it registers its [`Waiter`],
/// calls [`enqueue_locked`](Self::enqueue_locked) on every arm, all locks held, unlocks and
/// waits. When its waiter says [`chosen`](Waiter::chosen), it calls
/// [`cancel_locked`](Self::cancel_locked) on the other arms and
/// [`collect_locked`](Self::collect_locked) on the chosen one, each under the arm's own lock; if that
/// returns false the match was taken back, and the select begins anew.
///
/// An arm whose operation happened holds the outcome; the concrete type gives it out.
///
/// # Safety
///
/// `key` never changes, and arms with equal keys have the same lock. While an arm is enqueued or
/// chosen its node is reachable by others: dropping it cancels it (giving back what it was matched
/// with).
///
/// The callers of the unsafe methods hold the arm's lock, the arm is pinned, and they wake the batch
/// after the last unlock.
pub(crate) unsafe trait Arm {
    /// The address of the lock; `None` for nil, which is never ready and never enqueued.
    fn key(&self) -> Option<usize>;

    /// Takes the object's lock. The arm is not nil.
    fn lock(&self) -> ObjectGuard<'_>;

    /// Looks without the lock: a number if the operation was not ready at that moment. Answers of two
    /// arms are not of one moment; but if all arms were not ready, and a second look at all of them
    /// gives the same numbers, then nothing happened in between, and there was a moment at which none
    /// was ready.
    fn not_ready(&self) -> Option<u32>;

    /// False if the operation was not ready when the object was looked at, without the lock.
    fn maybe_ready(&self) -> bool {
        self.not_ready().is_none()
    }

    /// Does the operation if it can be done at once.
    ///
    /// # Safety
    ///
    /// See the trait. The arm is neither enqueued nor done.
    unsafe fn try_locked(&self, wakes: &mut WakeBatch) -> bool;

    /// Whether [`reclaim_locked`](Self::reclaim_locked) would do the operation.
    ///
    /// # Safety
    ///
    /// See the trait.
    unsafe fn may_reclaim_locked(&self, goroutine: Option<&'static Record>) -> bool;

    /// Does the operation with a match that `goroutine` has not collected, or that nobody collects
    /// in time; asked after [`try_locked`](Self::try_locked) said no, before waiting.
    ///
    /// # Safety
    ///
    /// As for [`try_locked`](Self::try_locked).
    unsafe fn reclaim_locked(
        &self,
        goroutine: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool;

    /// Starts waiting.
    ///
    /// # Safety
    ///
    /// As for [`try_locked`](Self::try_locked); both said no since the lock was taken. `waiter` is
    /// registered and outlives the wait; `case` is not [`PLAIN`](super::waiter::PLAIN) if it has
    /// other arms.
    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, wakes: &mut WakeBatch);

    /// Stops waiting, if the arm still is; for the arms that were not chosen.
    ///
    /// # Safety
    ///
    /// See the trait.
    unsafe fn cancel_locked(&self, wakes: &mut WakeBatch);

    /// Takes the outcome of the arm that was chosen. False if it was taken back.
    ///
    /// # Safety
    ///
    /// See the trait. The waiter said that this arm was chosen, and the arm has not been collected.
    unsafe fn collect_locked(&self, wakes: &mut WakeBatch) -> bool;
}

/// Ends the wait of an operation that is dropped while it is enqueued, or chosen and not collected.
///
/// # Safety
///
/// As for [`Arm::cancel_locked`], but that the lock is not held.
pub(crate) unsafe fn abandon(arm: &impl Arm) {
    let mut wakes = WakeBatch::new();
    {
        let _guard = arm.lock();
        // SAFETY: by this function's contract, and the lock is held.
        unsafe { arm.cancel_locked(&mut wakes) };
    }
    wakes.wake_all();
}
