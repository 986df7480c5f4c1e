//! Phase 2 and 3 of the [engine](super::engine): under all locks, and after it.
//!
//! Nothing here knows the arms' types, or how many there are.

#![expect(unsafe_code, reason = "operations on arms need their locks, which are held here")]

use super::arm::Channel;
use super::live::Live;
use crate::sys::choose;
use crate::wait::arm::{Arm, ObjectGuard};
use crate::wait::batch::WakeBatch;
use crate::wait::record;
use crate::wait::waiter::Waiter;
use std::task::Waker;

/// The case number of a select that claimed itself: no arm has it, nor is it `PLAIN`, and it does
/// not overflow the claim word.
const OWN: u32 = u32::MAX - 8;

/// Above so many arms the guards of their locks go to the heap. No `select!` in practice has more.
const MANY: usize = 128;

/// How many guards one stack frame holds.
const FRAME: usize = 8;

/// Of a select with arms that can be enqueued: what others find it by.
#[doc(hidden)]
#[derive(Debug)]
pub struct Parking {
    waiter: Waiter,
    /// Address and vtable of the waker that was registered last; to compare, not to use.
    waker: (usize, usize),
    /// Whether foreign futures are waited for too.
    foreign: bool,
}

/// What came of phase 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parked {
    /// This arm has been done.
    Done(usize),
    /// None is ready; all that can be are enqueued.
    Waiting,
    /// None is ready, at one instant.
    NotReady,
}

/// What has been decided when a parked select is polled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decided {
    /// Nothing, and nothing else is waited for.
    Nothing,
    /// Somebody chose this arm.
    Chosen(usize),
    /// The select has claimed itself.
    Mine,
}

impl Parking {
    #[inline]
    pub(crate) fn new() -> Self {
        Parking { waiter: Waiter::new(), waker: (0, 0), foreign: false }
    }

    /// What two arms need together.
    #[doc(hidden)]
    #[inline]
    pub fn join<C>(self, _other: C) -> Parking {
        self
    }

    /// Whether no arm is enqueued.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.waiter.is_idle()
    }

    /// Tries all arms at one instant. If none is ready, and there is a waker to wake, enqueues all.
    pub(super) fn park<L: Live>(
        &mut self,
        channels: &mut [Channel<'_>],
        live: &L,
        biased: bool,
        mut waker: Option<Waker>,
    ) -> Parked {
        let wait = waker.is_some();
        let mut parked = if wait { Parked::Waiting } else { Parked::NotReady };
        let mut apart = Vec::new();
        let channels = order(self.enlist(channels, live, &mut apart));
        if channels.is_empty() {
            return parked;
        }
        let mut wakes = WakeBatch::new();
        let mut leftover = None;
        locked(channels, &mut |channels| {
            // SAFETY: all their locks are held, and by (E1) none is enqueued.
            if let Some(arm) = unsafe { try_all(channels, biased, wait, &mut wakes) } {
                parked = Parked::Done(arm);
            } else if let Some(waker) = waker.take() {
                // SAFETY: as above, and none was ready since the locks were taken.
                leftover = unsafe { self.enqueue_all(channels, waker, &mut wakes) };
            }
        });
        wakes.wake_all();
        drop(leftover);
        parked
    }

    /// The operations of the arms that are live; in `apart`, if an arm has two.
    fn enlist<'s, 'a, L: Live>(
        &mut self,
        channels: &'s mut [Channel<'a>],
        live: &L,
        apart: &'s mut Vec<Channel<'a>>,
    ) -> &'s mut [Channel<'a>] {
        let mut two = false;
        self.foreign = false;
        for (index, channel) in channels.iter_mut().enumerate() {
            channel.index = index;
            if !live.contains(index) {
                *channel = Channel::NONE;
            } else if channel.arm.is_none() {
                self.foreign = true;
            }
            two |= channel.other.is_some();
        }
        if !two {
            return channels;
        }
        for channel in channels {
            let other = channel.other.take().map(Channel::new);
            apart.extend(other.map(|other| Channel { index: channel.index, ..other }));
            apart.push(std::mem::replace(channel, Channel::NONE));
        }
        apart
    }

    /// Registers the waiter and starts waiting on all arms. Returns a waker to be dropped without
    /// locks.
    ///
    /// # Safety
    ///
    /// The locks of all arms are held, none is enqueued, and none was ready since they were taken.
    unsafe fn enqueue_all(
        &mut self,
        channels: &[Channel<'_>],
        waker: Waker,
        wakes: &mut WakeBatch,
    ) -> Option<Waker> {
        self.waker = address(&waker);
        let leftover = self.waiter.register(waker);
        for channel in channels {
            let Some(arm) = channel.arm else { continue };
            // SAFETY: by this function's contract; the waiter outlives the wait by (E3).
            unsafe { arm.enqueue_locked(&self.waiter, channel.index as u32, wakes) };
        }
        leftover
    }

    /// Finds out what has become of a parked select whose task has `waker` now.
    pub(super) fn decide(&self, waker: &Waker) -> Decided {
        if let Some(arm) = self.waiter.chosen() {
            return Decided::Chosen(arm as usize);
        }
        // The registered waker is alive while nobody has won the claim, so its address means it. If
        // somebody wins meanwhile, that one wakes us again.
        if !self.foreign && self.waker == address(waker) {
            return Decided::Nothing;
        }
        self.decide_now()
    }

    /// As [`decide`](Self::decide), if nothing is not enough.
    fn decide_now(&self) -> Decided {
        match (self.waiter.claim(OWN), self.waiter.chosen()) {
            (false, Some(arm)) => Decided::Chosen(arm as usize),
            _ => Decided::Mine,
        }
    }

    /// Nothing has happened to a parked select, but it may have to a receive that its goroutine does
    /// not poll any more, or nobody's does: if an arm may take that one's value, the select gets ready
    /// to start anew.
    #[cold]
    pub(super) fn look_around(&self, channels: &[Channel<'_>]) -> Decided {
        let goroutine = record::current();
        let may_take = |arm: &dyn Arm| {
            let _guard = arm.lock();
            // SAFETY: the arm's lock is held.
            unsafe { arm.may_reclaim_locked(goroutine) }
        };
        if with_locks(channels).any(may_take) { self.decide_now() } else { Decided::Nothing }
    }

    /// Stops waiting on every arm. The claim has been decided, so no arm can be chosen meanwhile.
    pub(super) fn unpark(&mut self, channels: &[Channel<'_>]) {
        let mut wakes = WakeBatch::new();
        for arm in with_locks(channels) {
            let _guard = arm.lock();
            // SAFETY: the arm's lock is held.
            unsafe { arm.cancel_locked(&mut wakes) };
        }
        self.waiter.reset();
        wakes.wake_all();
    }
}

/// The operations that take part in locking, in the order of their locks.
fn order<'s, 'a>(channels: &'s mut [Channel<'a>]) -> &'s mut [Channel<'a>] {
    channels.sort_unstable_by_key(|channel| channel.key);
    let first = channels.partition_point(|channel| channel.key == 0);
    &mut channels[first..]
}

/// The operations that can be enqueued.
fn with_locks<'s, 'a>(channels: &'s [Channel<'a>]) -> impl Iterator<Item = &'a dyn Arm> + 's {
    let enqueued = channels.iter().filter(|channel| channel.key != 0);
    enqueued.flat_map(|channel| channel.arm.into_iter().chain(channel.other))
}

/// What tells wakers apart.
fn address(waker: &Waker) -> (usize, usize) {
    (waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
}

/// Calls `f` with the locks of all arms held. The arms are sorted by lock.
fn locked<'a>(channels: &mut [Channel<'a>], f: &mut dyn FnMut(&mut [Channel<'a>])) {
    if channels.len() > MANY {
        let mut at = 0;
        let _guards: Vec<ObjectGuard<'a>> =
            std::iter::from_fn(|| lock_next(channels, &mut at)).collect();
        f(channels);
    } else {
        locked_from(channels, 0, f);
    }
}

/// Takes the locks from the arm `at` on, a stack frame for some of them each.
fn locked_from<'a>(
    channels: &mut [Channel<'a>],
    mut at: usize,
    f: &mut dyn FnMut(&mut [Channel<'a>]),
) {
    let guards: [Option<ObjectGuard<'a>>; FRAME] =
        std::array::from_fn(|_| lock_next(channels, &mut at));
    if at < channels.len() {
        locked_from(channels, at, f);
    } else {
        f(channels);
    }
    drop(guards);
}

/// Takes the lock of arm `at` and moves `at` past all arms that have the same.
fn lock_next<'a>(channels: &[Channel<'a>], at: &mut usize) -> Option<ObjectGuard<'a>> {
    let Channel { arm, key, .. } = channels.get(*at)?;
    let same = channels[*at..].iter().take_while(|channel| channel.key == *key).count();
    *at += same;
    arm.map(|arm| arm.lock())
}

/// Does one of the arms that are ready, each with equal chance or the first if `biased`; else, if it
/// would have to `wait`, one whose match nobody collects. Returns its number. Reorders the arms.
///
/// # Safety
///
/// The locks of all arms are held, and none is enqueued.
unsafe fn try_all(
    channels: &mut [Channel<'_>],
    biased: bool,
    wait: bool,
    wakes: &mut WakeBatch,
) -> Option<usize> {
    // They come in the order of their addresses, which must not decide anything that is to be repeated.
    if biased || choose::is_scripted() {
        channels.sort_unstable_by_key(|channel| channel.index);
    }
    for at in 0..channels.len() {
        if !biased {
            channels.swap(at, at + choose::choose(channels.len() - at));
        }
        let Channel { arm: Some(arm), index, .. } = channels[at] else { continue };
        // SAFETY: the arm's lock is held, and it is not enqueued.
        if arm.maybe_ready() && unsafe { arm.try_locked(wakes) } {
            return Some(index);
        }
    }
    if !wait {
        return None;
    }
    let goroutine = record::current();
    channels.iter().find_map(|channel| {
        // SAFETY: the arm's lock is held, it is not enqueued, and it was not ready.
        let done = unsafe { channel.arm?.reclaim_locked(goroutine, wakes) };
        done.then_some(channel.index)
    })
}

#[cfg(all(test, not(gort_loom)))]
mod tests {
    use super::{Channel, Parked, Parking, locked, try_all};
    use crate::select::live::Live;
    use crate::wait::arm::{Arm, ObjectGuard, ObjectLock};
    use crate::wait::batch::WakeBatch;
    use crate::wait::record::Record;
    use crate::wait::waiter::Waiter;
    use std::cell::{Cell, RefCell};
    use std::task::Waker;

    /// An object that says what is done to it.
    struct Fake<'a> {
        lock: &'a ObjectLock,
        log: &'a RefCell<Vec<usize>>,
        ready: Cell<bool>,
        uncollected: Cell<bool>,
        enqueued: Cell<Option<u32>>,
    }

    impl<'a> Fake<'a> {
        fn new(lock: &'a ObjectLock, log: &'a RefCell<Vec<usize>>) -> Self {
            let off = || Cell::new(false);
            Fake { lock, log, ready: off(), uncollected: off(), enqueued: Cell::new(None) }
        }

        fn assert_locked(&self) {
            let key = self.key().unwrap();
            assert!(self.log.borrow().contains(&key), "the lock was taken");
        }
    }

    // SAFETY: the key is the lock's address, and there is no node that others could reach.
    unsafe impl Arm for Fake<'_> {
        fn key(&self) -> Option<usize> {
            Some(std::ptr::from_ref(self.lock).addr())
        }

        fn lock(&self) -> ObjectGuard<'_> {
            self.log.borrow_mut().extend(self.key());
            self.lock.lock()
        }

        fn not_ready(&self) -> Option<u32> {
            (!self.ready.get()).then_some(0)
        }

        unsafe fn try_locked(&self, _wakes: &mut WakeBatch) -> bool {
            self.assert_locked();
            self.ready.get()
        }

        unsafe fn may_reclaim_locked(&self, _goroutine: Option<&'static Record>) -> bool {
            self.assert_locked();
            self.uncollected.get()
        }

        unsafe fn reclaim_locked(
            &self,
            _goroutine: Option<&'static Record>,
            _wakes: &mut WakeBatch,
        ) -> bool {
            self.uncollected.get()
        }

        unsafe fn enqueue_locked(&self, _waiter: &Waiter, case: u32, _wakes: &mut WakeBatch) {
            self.assert_locked();
            self.enqueued.set(Some(case));
        }

        unsafe fn cancel_locked(&self, _wakes: &mut WakeBatch) {
            self.enqueued.set(None);
        }

        unsafe fn collect_locked(&self, _wakes: &mut WakeBatch) -> bool {
            false
        }
    }

    fn channels<'a>(fakes: &'a [Fake<'_>]) -> Vec<Channel<'a>> {
        fakes.iter().map(|fake| Channel::new(fake)).collect()
    }

    fn park(fakes: &[Fake<'_>], live: u64, wait: bool) -> (Parking, Parked) {
        let mut parking = Parking::new();
        let waker = wait.then(|| Waker::noop().clone());
        let parked = parking.park(&mut channels(fakes), &live, false, waker);
        (parking, parked)
    }

    #[test]
    fn each_lock_is_taken_once_in_the_order_of_addresses() {
        for objects in [1, 3, 8, 9, 40, 200] {
            let locks: Vec<ObjectLock> = (0..objects).map(|_| ObjectLock::new()).collect();
            let log = RefCell::new(Vec::new());
            // Every lock twice, and not in order.
            let fakes: Vec<Fake<'_>> =
                (0..2 * objects).map(|i| Fake::new(&locks[i * 7 % objects], &log)).collect();
            let mut sorted = channels(&fakes);
            sorted.sort_unstable_by_key(|channel| channel.key);
            let mut called = false;
            locked(&mut sorted, &mut |all| {
                called = true;
                assert_eq!(all.len(), 2 * objects);
                fakes.iter().for_each(Fake::assert_locked);
            });
            assert!(called);
            // All are free again: this would hang otherwise.
            locks.iter().for_each(|lock| drop(lock.lock()));
            let taken = log.into_inner();
            assert!(taken.is_sorted() && taken.len() <= objects, "{taken:?}");
            assert!(taken.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }

    #[test]
    fn under_all_locks_ready_arms_have_equal_chances() {
        let (lock, log) = (ObjectLock::new(), RefCell::new(Vec::new()));
        let fakes: Vec<Fake<'_>> = (0..6).map(|_| Fake::new(&lock, &log)).collect();
        for arm in [1, 2, 5] {
            fakes[arm].ready.set(true);
        }
        let mut count = [0u32; 6];
        for _ in 0..3_000 {
            let (_, Parked::Done(arm)) = park(&fakes, u64::first(6), true) else { panic!() };
            count[arm] += 1;
        }
        // sigma is 26.
        assert!([1, 2, 5].iter().all(|arm| count[*arm].abs_diff(1_000) < 260), "{count:?}");
    }

    #[test]
    fn biased_takes_the_first_arm_whatever_the_order_of_locks() {
        let (lock, log) = (ObjectLock::new(), RefCell::new(Vec::new()));
        let fakes: Vec<Fake<'_>> = (0..6).map(|_| Fake::new(&lock, &log)).collect();
        let mut all = channels(&fakes);
        for (index, channel) in all.iter_mut().enumerate() {
            channel.index = 5 - index;
        }
        fakes[0].ready.set(true);
        fakes[3].ready.set(true);
        let _guard = fakes[0].lock();
        // SAFETY: the one lock is held, and nothing is enqueued.
        let done = unsafe { try_all(&mut all, true, true, &mut WakeBatch::new()) };
        assert_eq!(done, Some(2));
    }

    #[test]
    fn what_nobody_collects_is_taken_only_before_waiting() {
        let (lock, log) = (ObjectLock::new(), RefCell::new(Vec::new()));
        let fakes: Vec<Fake<'_>> = (0..3).map(|_| Fake::new(&lock, &log)).collect();
        fakes[1].uncollected.set(true);
        assert_eq!(park(&fakes, u64::first(3), false).1, Parked::NotReady);
        assert_eq!(park(&fakes, u64::first(3), true).1, Parked::Done(1));
    }

    #[test]
    fn only_live_arms_are_enqueued_each_with_its_number() {
        let (lock, log) = (ObjectLock::new(), RefCell::new(Vec::new()));
        let fakes: Vec<Fake<'_>> = (0..4).map(|_| Fake::new(&lock, &log)).collect();
        fakes[2].ready.set(true);
        let (mut parking, parked) = park(&fakes, 0b1011, true);
        assert_eq!(parked, Parked::Waiting);
        assert!(!parking.is_idle());
        let cases: Vec<_> = fakes.iter().map(|fake| fake.enqueued.get()).collect();
        assert_eq!(cases, [Some(0), Some(1), None, Some(3)]);
        parking.unpark(&channels(&fakes));
        assert!(parking.is_idle() && fakes.iter().all(|fake| fake.enqueued.get().is_none()));
    }

    #[test]
    fn without_live_channels_nothing_is_registered() {
        let (lock, log) = (ObjectLock::new(), RefCell::new(Vec::new()));
        let fakes = [Fake::new(&lock, &log)];
        let (parking, parked) = park(&fakes, 0, true);
        assert!(parked == Parked::Waiting && parking.is_idle());
        assert_eq!(park(&fakes, 0, false).1, Parked::NotReady);
        assert!(log.borrow().is_empty());
    }
}
