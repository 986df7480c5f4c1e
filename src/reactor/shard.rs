//! The timers of one worker, and a timer as others hold it.
//!
//! A shard has a lock of its own, so that a worker that makes and cancels timers meets nobody; others
//! come only to cancel a timer that was made here, or to fire what is due while the owner is busy.
//!
//! `least` is never greater than the least deadline of the shard while nobody holds the lock. It may
//! be less after a timer was cancelled; then `stale` is set, and whoever wants to know exactly counts
//! again. So making and cancelling a timer that is not the first costs no more than the lock.

use super::timers::{Key, Timers};
use super::{Shared, wake_contained};
use crate::sys::clock::Nanos;
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sys::unwind;
use crate::wait::batch::WakeBatch;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// See the [module](self).
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Shard {
    // Ordering: Relaxed: stored under the lock of `timers`. The poller must not miss that it was
    // lowered, and goes through the fences of `Bell`; to the others it is a hint.
    least: AtomicU64,
    // Ordering: Relaxed: stored under the lock; who misses it takes `least` for exact, and looks at the
    // timers before anything is due.
    stale: AtomicBool,
    timers: Mutex<Timers>,
    shared: Arc<Shared>,
}

impl Shard {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            least: AtomicU64::new(Nanos::MAX),
            stale: AtomicBool::new(false),
            timers: Mutex::new(Timers::new()),
            shared,
        }
    }

    /// Now, exactly.
    pub(crate) fn now(&self) -> Nanos {
        self.shared.clock.now()
    }

    /// Whether `deadline` has come. Cheap if it is far away.
    pub(crate) fn has_come(&self, deadline: Nanos) -> bool {
        !self.shared.clock.is_before(deadline) && deadline <= self.now()
    }

    /// How many timers are pending.
    #[cfg(test)]
    pub(super) fn pending(&self) -> usize {
        self.timers.lock().len()
    }

    /// The least deadline, or less; costs a load.
    pub(super) fn least(&self) -> Nanos {
        self.least.load(Ordering::Relaxed)
    }

    /// The least deadline.
    pub(super) fn least_exact(&self) -> Nanos {
        if self.stale.load(Ordering::Relaxed) {
            let timers = self.timers.lock();
            self.stale.store(false, Ordering::Relaxed);
            self.least.store(timers.least(), Ordering::Relaxed);
        }
        self.least()
    }

    /// `None` if nobody would fire it.
    fn insert(&self, deadline: Nanos, waker: Waker) -> Option<Key> {
        let mut timers = self.timers.lock();
        if self.is_stopped() {
            drop(timers);
            drop(waker);
            return None;
        }
        let key = timers.insert(deadline, waker);
        let first = self.lower(deadline);
        drop(timers);
        if first {
            self.tell(deadline);
        }
        Some(key)
    }

    /// Gives a timer another deadline, and leaves its waker. `None` if it is not pending any more: whoever
    /// waited has been woken, or is being woken now.
    fn reset(&self, key: Key, deadline: Nanos) -> Option<Key> {
        let mut timers = self.timers.lock();
        if self.is_stopped() {
            // `clear` wakes whoever waits, if it has not done so yet.
            return Some(key);
        }
        let (old, waker) = timers.remove(key)?;
        let key = timers.insert(deadline, waker?);
        if old <= self.least() {
            self.stale.store(true, Ordering::Relaxed);
        }
        let first = self.lower(deadline);
        drop(timers);
        if first {
            self.tell(deadline);
        }
        Some(key)
    }

    /// Notes a new timer's deadline, under the lock. Returns whether it is the first.
    fn lower(&self, deadline: Nanos) -> bool {
        let first = deadline < self.least();
        if first {
            self.least.store(deadline, Ordering::Relaxed);
        }
        first
    }

    /// Ends a wait of the poller that would go on after `deadline`, which is a new first one.
    fn tell(&self, deadline: Nanos) {
        if self.shared.bell.deadline_moved(deadline) {
            self.shared.notify();
        }
    }

    /// Whether nobody fires its timers any more.
    pub(crate) fn is_stopped(&self) -> bool {
        // Ordering: Relaxed: it is set before `clear` takes the lock of `timers`, which `insert` has taken,
        // too: if before that, its timer was cleared, if after it, it sees this. Others see it sooner or
        // later.
        self.shared.timers_stopped.load(Ordering::Relaxed)
    }

    /// Removes all timers and wakes those who wait for them.
    pub(super) fn clear(&self) {
        let mut timers = self.timers.lock();
        let wakers = timers.clear();
        self.least.store(Nanos::MAX, Ordering::Relaxed);
        drop(timers);
        for waker in wakers {
            unwind::contain(|| waker.wake());
        }
    }

    fn remove(&self, key: Key) {
        let mut timers = self.timers.lock();
        let removed = timers.remove(key);
        if removed.as_ref().is_some_and(|(deadline, _)| *deadline <= self.least()) {
            self.stale.store(true, Ordering::Relaxed);
        }
        drop(timers);
        drop(removed);
    }

    /// Wakes whoever waits for a time that is not after `now`. Returns how many.
    pub(super) fn fire(&self, now: Nanos) -> usize {
        let mut total = 0;
        while self.least() <= now {
            let mut batch = WakeBatch::new();
            let mut timers = self.timers.lock();
            total += timers.pop_due(now, &mut batch);
            self.stale.store(false, Ordering::Relaxed);
            self.least.store(timers.least(), Ordering::Relaxed);
            drop(timers);
            wake_contained(&mut batch);
        }
        total
    }
}

/// The last deadline there is. Timers for later have this one: they do not fire, but somebody waits.
pub(super) const FOREVER: Nanos = Nanos::MAX - 1;

/// One timer: not registered, pending, or fired.
///
/// Dropping it cancels it. Forgetting it leaves an entry in its shard that wakes the last waker at
/// the deadline and is gone then.
#[derive(Debug)]
pub(crate) struct Timer {
    shard: Arc<Shard>,
    deadline: Nanos,
    state: State,
}

const _: () = assert!(size_of::<Timer>() <= 32, "every sleeping goroutine holds one");

#[derive(Debug, Clone, Copy)]
enum State {
    /// Nobody has waited yet.
    Idle,
    /// Nobody has waited yet, and the deadline was still to come a moment ago.
    Fresh,
    /// The parts of a [`Key`], without which the tag would cost another word.
    Pending {
        number: u64,
        slot: u32,
    },
    Fired,
}

impl State {
    fn waiting(key: Option<Key>) -> Self {
        key.map_or(State::Idle, |Key { number, slot }| State::Pending { number, slot })
    }
}

impl Timer {
    /// A timer of `shard`, which nobody waits for yet.
    pub(crate) fn new(shard: Arc<Shard>, deadline: Nanos) -> Self {
        Self { shard, deadline: deadline.min(FOREVER), state: State::Idle }
    }

    /// A timer of `shard` for `delay` from now.
    ///
    /// Unless `delay` is zero, the first to wait for it does not look at the clock: if that is after
    /// the deadline, it is woken by the next look at the timers.
    pub(crate) fn after(shard: Arc<Shard>, delay: Nanos) -> Self {
        let deadline = shard.now().saturating_add(delay).min(FOREVER);
        let state = if delay == 0 { State::Fired } else { State::Fresh };
        Self { shard, deadline, state }
    }

    pub(crate) fn deadline(&self) -> Nanos {
        self.deadline
    }

    /// The shard it belongs to.
    pub(crate) fn shard(&self) -> &Arc<Shard> {
        &self.shard
    }

    /// Whether the time has come.
    pub(crate) fn is_elapsed(&self) -> bool {
        matches!(self.state, State::Fired) || self.shard.has_come(self.deadline)
    }

    /// Sets another deadline. Whoever waits goes on waiting, for the new one.
    pub(crate) fn reset(&mut self, deadline: Nanos) {
        self.deadline = deadline.min(FOREVER);
        self.state = match self.state {
            State::Pending { number, slot } => {
                State::waiting(self.shard.reset(Key { number, slot }, self.deadline))
            }
            State::Idle | State::Fresh | State::Fired => State::Idle,
        };
    }

    /// Removes the timer; it wakes nobody any more.
    pub(crate) fn cancel(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Idle);
        if let State::Pending { number, slot } = state {
            self.shard.remove(Key { number, slot });
        }
    }

    /// Calls `waker` when the deadline has come, even if it has.
    pub(crate) fn arm(&mut self, waker: Waker) {
        self.cancel();
        self.state = State::waiting(self.shard.insert(self.deadline, waker));
    }

    /// Whether it will never wake anybody, because nobody looks after its shard any more.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.shard.is_stopped()
    }

    /// Moves it to another shard. Whoever waited has to wait again.
    pub(crate) fn move_to(&mut self, shard: Arc<Shard>) {
        self.cancel();
        self.shard = shard;
    }

    /// Ready once the deadline has come; otherwise the waker of `cx` is called when it has.
    pub(crate) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.state {
            State::Fired => return Poll::Ready(()),
            State::Idle | State::Fresh => {
                let exact = matches!(self.state, State::Idle);
                let come = if exact {
                    self.shard.has_come(self.deadline)
                } else {
                    self.deadline <= self.shard.shared.coarse()
                };
                if come {
                    self.state = State::Fired;
                    return Poll::Ready(());
                }
                self.state = State::waiting(self.shard.insert(self.deadline, cx.waker().clone()));
            }
            State::Pending { number, slot } => {
                if self.repoll(Key { number, slot }, cx) {
                    self.state = State::Fired;
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }

    /// Whether a timer that was pending is not any more, or should not be; else `cx` is woken by it.
    fn repoll(&self, key: Key, cx: &mut Context<'_>) -> bool {
        let timers = self.shard.timers.lock();
        let (pending, same) = (timers.is_pending(key), timers.will_wake(key, cx.waker()));
        drop(timers);
        if !pending && !self.shard.is_stopped() {
            return true;
        }
        if self.shard.has_come(self.deadline) {
            self.shard.remove(key);
            return true;
        }
        if same {
            return false;
        }
        let waker = cx.waker().clone();
        let mut timers = self.shard.timers.lock();
        let old = timers.replace(key, waker);
        // It may have fired meanwhile, with the old waker.
        let fired = !timers.is_pending(key) && !self.shard.is_stopped();
        drop(timers);
        drop(old);
        fired
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancel();
    }
}
