//! A lock for critical sections of a few dozen instructions, such as a channel's.
//!
//! Taking it is one atomic read-modify-write and giving it up a plain store, where a general mutex
//! needs two read-modify-writes; that is the larger half of what a channel operation costs. The price:
//! the one who unlocks cannot know for sure whether somebody sleeps. It looks, without a fence, and may
//! miss somebody who is falling asleep at that moment; who sleeps therefore looks again after
//! `NAP`. Before it sleeps a thread spins, looking ever more seldom, and gives its time slice away: on
//! a loaded machine the holder may have been preempted.
//!
//! # In models
//!
//! Under model checkers it is their mutex. Those who use the lock rely on two promises: one holder at a
//! time, and what a holder wrote is visible to the next. Both locks give these and nothing else (no
//! order among those who wait), so what a model proves with the one holds with the other. That this
//! lock keeps the two promises, and that it wakes a sleeper that it has seen, is shown by models of its
//! own (`one_is_inside_of_a_short_lock`, `a_sleeper_that_is_seen_is_woken`). A nap may end at any
//! moment there.

#[cfg(any(gort_loom, gort_shuttle))]
mod model {
    use crate::sys::sync::{Mutex, MutexGuard};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// See the module.
    #[derive(Debug)]
    pub(crate) struct ShortLock {
        mutex: Mutex<()>,
        key: usize,
    }

    /// Proof that a [`ShortLock`] is held.
    pub(crate) type ShortGuard<'a> = MutexGuard<'a, ()>;

    impl ShortLock {
        pub(crate) fn new() -> Self {
            static MADE: AtomicUsize = AtomicUsize::new(1);
            Self { mutex: Mutex::new(()), key: MADE.fetch_add(1, Ordering::Relaxed) }
        }

        /// A number that orders locks as they were made: addresses would change from run to run.
        pub(crate) fn key(&self) -> usize {
            self.key
        }

        pub(crate) fn lock(&self) -> ShortGuard<'_> {
            self.mutex.lock()
        }

        pub(crate) fn try_lock(&self) -> Option<ShortGuard<'_>> {
            self.mutex.try_lock()
        }
    }
}

#[cfg(any(not(any(gort_loom, gort_shuttle)), all(test, gort_loom)))]
pub(super) mod short {
    use crate::sys::MODEL;
    use crate::sys::cell::CachePadded;
    use crate::sys::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use crate::sys::sync::{Condvar, Mutex, spin_loop, yield_now};
    use std::marker::PhantomData;
    use std::time::Duration;

    /// Pauses between two looks. Each look takes the line away from the holder, who may be about to
    /// do dozens of operations; so the time between them soon is that of dozens. (Measured with two
    /// threads that do nothing but send and receive: 65 ns an operation with pauses that double up to
    /// 32, 13 with these, which is what one thread alone takes.) All together are 20 µs, about what it
    /// costs to sleep and to be woken.
    const PAUSES: &[u32] = if MODEL { &[] } else { &[1, 8, 64, 256, 256, 256] };
    /// How often the time slice is given away before sleeping.
    const YIELDS: u32 = if MODEL { 1 } else { 8 };
    /// How long a sleeper trusts to be woken.
    const NAP: Duration = Duration::from_micros(500);
    /// How many places to sleep there are, for all locks together.
    const BEDS: usize = if MODEL { 1 } else { 8 };

    #[cfg(not(gort_loom))]
    static PLACES: [CachePadded<(Mutex<()>, Condvar)>; BEDS] =
        [const { CachePadded::new((Mutex::new(()), Condvar::new())) }; BEDS];
    #[cfg(gort_loom)]
    loom::lazy_static! {
        static ref PLACES: [CachePadded<(Mutex<()>, Condvar)>; BEDS] =
            std::array::from_fn(|_| CachePadded::new((Mutex::new(()), Condvar::new())));
    }

    /// See the module.
    #[derive(Debug)]
    pub(crate) struct ShortLock {
        held: AtomicBool,
        // Ordering: Relaxed: see the module; a sleeper that is missed wakes by itself.
        sleepers: AtomicU32,
    }

    /// Proof that a [`ShortLock`] is held.
    #[derive(Debug)]
    pub(crate) struct ShortGuard<'a> {
        lock: &'a ShortLock,
        /// Stays on its thread, as guards do.
        _local: PhantomData<*const ()>,
    }

    impl ShortLock {
        const_fn! {
            pub(crate) const fn new() -> Self {
                Self { held: AtomicBool::new(false), sleepers: AtomicU32::new(0) }
            }
        }

        /// A number that orders locks, and is not 0: the address.
        pub(crate) fn key(&self) -> usize {
            std::ptr::from_ref(self).addr()
        }

        #[inline(always)]
        fn try_take(&self) -> bool {
            // Ordering: Acquire pairs with the Release in `drop`: what the last holder wrote is
            // visible.
            self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        }

        #[inline(always)]
        pub(crate) fn lock(&self) -> ShortGuard<'_> {
            if !self.try_take() {
                self.take_slow();
            }
            ShortGuard { lock: self, _local: PhantomData }
        }

        pub(crate) fn try_lock(&self) -> Option<ShortGuard<'_>> {
            // Lazily: to drop a guard is to release.
            self.looks_free_and_is_taken().then(|| ShortGuard { lock: self, _local: PhantomData })
        }

        /// Looks before it writes: the line stays shared among those who wait.
        fn looks_free_and_is_taken(&self) -> bool {
            // Ordering: Relaxed: a look; the exchange decides.
            !self.held.load(Ordering::Relaxed) && self.try_take()
        }

        #[cold]
        #[inline(never)]
        fn take_slow(&self) {
            for pauses in PAUSES {
                for _ in 0..*pauses {
                    spin_loop();
                }
                if self.looks_free_and_is_taken() {
                    return;
                }
            }
            for _ in 0..YIELDS {
                yield_now();
                if self.looks_free_and_is_taken() {
                    return;
                }
            }
            self.sleep_and_take(NAP);
        }

        pub(in crate::sys) fn sleep_and_take(&self, nap: Duration) {
            let bed = self.bed();
            self.sleepers.fetch_add(1, Ordering::Relaxed);
            let mut guard = bed.0.lock();
            while !self.looks_free_and_is_taken() {
                guard = bed.1.wait_for(guard, nap);
            }
            drop(guard);
            self.sleepers.fetch_sub(1, Ordering::Relaxed);
        }

        #[inline(always)]
        pub(in crate::sys) fn has_sleepers(&self) -> bool {
            self.sleepers.load(Ordering::Relaxed) != 0
        }

        #[cold]
        #[inline(never)]
        fn wake_sleepers(&self) {
            let bed = self.bed();
            // Whoever has looked and not yet slept holds this.
            drop(bed.0.lock());
            bed.1.notify_all();
        }

        /// Where the sleepers of this lock sleep, and those of some others.
        fn bed(&self) -> &'static (Mutex<()>, Condvar) {
            &PLACES[(self.key() >> 6) % BEDS]
        }
    }

    impl Drop for ShortGuard<'_> {
        #[inline(always)]
        fn drop(&mut self) {
            // Ordering: Release pairs with the Acquire in `try_take`.
            self.lock.held.store(false, Ordering::Release);
            if self.lock.has_sleepers() {
                self.lock.wake_sleepers();
            }
        }
    }
}

#[cfg(any(gort_loom, gort_shuttle))]
pub(crate) use model::{ShortGuard, ShortLock};
#[cfg(not(any(gort_loom, gort_shuttle)))]
pub(crate) use short::{ShortGuard, ShortLock};

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::ShortLock;
    use crate::sys::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    #[test]
    fn a_try_in_vain_leaves_the_lock_to_its_holder() {
        let lock = ShortLock::new();
        let held = lock.lock();
        for _ in 0..2 {
            assert!(lock.try_lock().is_none());
        }
        drop(held);
        let held = lock.try_lock();
        assert!(held.is_some() && lock.try_lock().is_none());
        drop(held);
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn more_threads_than_cores_count_without_loss() {
        let (lock, count) = (ShortLock::new(), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for i in 0..20_000 {
                        let guard = lock.lock();
                        let seen = count.load(Ordering::Relaxed);
                        if i % 1000 == 0 {
                            // Let the others run into it, spin, yield and sleep.
                            (0..20).for_each(|_| thread::yield_now());
                        }
                        count.store(seen + 1, Ordering::Relaxed);
                        drop(guard);
                    }
                });
            }
        });
        let _free = lock.lock();
        assert_eq!(count.load(Ordering::Relaxed), 160_000);
    }
}
