//! Atomics, locks, thread-locals and busy waiting: `std`, or the model checker's.
//!
//! The mutex here never poisons: a panic while a lock is held is impossible by construction (no
//! user code runs under a gort lock), so the flag could only ever turn one bug into two.

#[cfg(gort_loom)]
pub(crate) use super::chained as atomic;
#[cfg(gort_loom)]
pub(crate) use loom::sync::Arc;
#[cfg(gort_shuttle)]
pub(crate) use shuttle::sync::{Arc, atomic};
#[cfg(not(any(gort_loom, gort_shuttle)))]
pub(crate) use std::sync::{Arc, atomic};

/// The standard library's in a model, too: a static cannot hold a model's types.
#[cfg(not(gort_tsan))]
pub(crate) use std::sync::OnceLock;

// A model checker runs its threads in turns on one thread of the system, so that they would share
// `std`'s thread-locals. What models look at is declared with this one.
#[cfg(gort_loom)]
macro_rules! loom_local {
    ($($(#[$meta:meta])* static $name:ident: $type:ty = const { $init:expr };)*) => {
        loom::thread_local! { $($(#[$meta])* static $name: $type = $init;)* }
    };
}
#[cfg(gort_loom)]
pub(crate) use loom_local as thread_local;
#[cfg(gort_shuttle)]
pub(crate) use shuttle::thread_local;
#[cfg(not(any(gort_loom, gort_shuttle)))]
pub(crate) use std::thread_local;

// Who waits for another thread without blocking has to tell a model checker that it does.
#[cfg(gort_loom)]
pub(crate) use loom::{hint::spin_loop, thread::yield_now};
#[cfg(gort_shuttle)]
pub(crate) use shuttle::{hint::spin_loop, thread::yield_now};
#[cfg(not(any(gort_loom, gort_shuttle)))]
pub(crate) use std::{hint::spin_loop, thread::yield_now};

/// Stands between an atomic read-modify-write and a load, both `SeqCst`, that another thread does the
/// other way round: one of the two sees the other. Such operations are in one order by themselves. Only
/// loom takes them for `AcqRel`, and has to be given a fence.
#[inline(always)]
pub(crate) fn after_rmw() {
    #[cfg(gort_loom)]
    // Ordering: SeqCst: pairs with itself in the other thread.
    atomic::fence(atomic::Ordering::SeqCst);
}

#[cfg(gort_loom)]
use loom::sync as imp;
#[cfg(gort_shuttle)]
use shuttle::sync as imp;
#[cfg(not(any(gort_loom, gort_shuttle, gort_tsan)))]
use std::sync as imp;

#[cfg(not(any(gort_loom, gort_shuttle, gort_tsan)))]
mod locks {
    use super::imp;
    use std::sync::PoisonError;
    use std::time::Duration;

    pub(crate) type MutexGuard<'a, T> = imp::MutexGuard<'a, T>;

    /// A mutual exclusion lock that never poisons.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(imp::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(imp::Mutex::new(value))
        }

        #[inline]
        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        #[inline]
        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            use std::sync::TryLockError;
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(e)) => Some(e.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// A condition variable for [`Mutex`].
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(imp::Condvar);

    impl Condvar {
        pub(crate) const fn new() -> Self {
            Self(imp::Condvar::new())
        }

        pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
        }

        /// Waits at most `limit`. May return early and spuriously.
        pub(crate) fn wait_for<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            limit: Duration,
        ) -> MutexGuard<'a, T> {
            self.0.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner).0
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

/// The model checker's locks. A model has no time: [`Condvar::wait_for`] may end at any moment.
#[cfg(any(gort_loom, gort_shuttle))]
mod locks {
    use super::{imp, yield_now};
    use std::ops::{Deref, DerefMut};
    use std::sync::PoisonError;
    use std::time::Duration;

    /// A mutual exclusion lock that never poisons.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(imp::Mutex<T>);

    impl<T> Mutex<T> {
        const_fn! {
            pub(crate) const fn new(value: T) -> Self {
                Self(imp::Mutex::new(value))
            }
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard { lock: self, guard: self.0.lock().unwrap_or_else(PoisonError::into_inner) }
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard { lock: self, guard })
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// Knows its lock, for [`Condvar::wait_for`].
    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T> {
        lock: &'a Mutex<T>,
        guard: imp::MutexGuard<'a, T>,
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.guard
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.guard
        }
    }

    /// A condition variable for [`Mutex`].
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(imp::Condvar);

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self(imp::Condvar::new())
        }

        pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            let MutexGuard { lock, guard } = guard;
            let guard = self.0.wait(guard).unwrap_or_else(PoisonError::into_inner);
            MutexGuard { lock, guard }
        }

        /// Lets others run and comes back, as if the time had passed; waits for ever only if
        /// `limit` is.
        pub(crate) fn wait_for<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            limit: Duration,
        ) -> MutexGuard<'a, T> {
            if limit == Duration::MAX {
                return self.wait(guard);
            }
            let lock = guard.lock;
            drop(guard);
            yield_now();
            lock.lock()
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(gort_tsan)]
mod locks {
    use std::time::Duration;

    pub(crate) type MutexGuard<'a, T> = parking_lot::MutexGuard<'a, T>;

    /// A mutual exclusion lock that never poisons.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(parking_lot::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock()
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock()
        }

        pub(crate) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut()
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    /// A condition variable for [`Mutex`].
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(parking_lot::Condvar);

    impl Condvar {
        pub(crate) const fn new() -> Self {
            Self(parking_lot::Condvar::new())
        }

        pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(&mut guard);
            guard
        }

        /// Waits at most `limit`. May return early and spuriously.
        pub(crate) fn wait_for<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            limit: Duration,
        ) -> MutexGuard<'a, T> {
            self.0.wait_for(&mut guard, limit);
            guard
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(gort_tsan)]
mod once {
    use super::Mutex;
    use super::atomic::{AtomicBool, Ordering};

    /// A cell that is written once. That a reader comes after the writer is settled inside of `std`,
    /// where the sanitizer does not see it; `written` shows it.
    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        value: std::sync::OnceLock<T>,
        written: AtomicBool,
        writing: Mutex<()>,
    }

    impl<T> OnceLock<T> {
        pub(crate) const fn new() -> Self {
            Self {
                value: std::sync::OnceLock::new(),
                written: AtomicBool::new(false),
                writing: Mutex::new(()),
            }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            // Ordering: Acquire pairs with the Release where it is stored.
            if self.written.load(Ordering::Acquire) { self.value.get() } else { None }
        }

        pub(crate) fn set(&self, value: T) -> Result<(), T> {
            let _writing = self.writing.lock();
            let set = self.value.set(value);
            // Ordering: Release publishes the value.
            self.written.store(true, Ordering::Release);
            set
        }

        pub(crate) fn get_or_init(&self, init: impl FnOnce() -> T) -> &T {
            // Ordering: Acquire pairs with the Release below.
            if !self.written.load(Ordering::Acquire) {
                let _writing = self.writing.lock();
                self.value.get_or_init(init);
                // Ordering: Release publishes the value.
                self.written.store(true, Ordering::Release);
            }
            self.value.get().expect("it was written before `written`")
        }
    }
}

#[cfg(any(gort_loom, gort_shuttle))]
mod statics {
    use std::sync::{MutexGuard, PoisonError};

    /// As `Mutex`, for statics, which cannot hold a model's types: the model does not see it.
    #[derive(Debug)]
    pub(crate) struct StaticMutex<T>(std::sync::Mutex<T>);

    impl<T> StaticMutex<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(not(any(gort_loom, gort_shuttle)))]
pub(crate) use locks::Mutex as StaticMutex;
#[cfg(any(gort_loom, gort_shuttle))]
pub(crate) use locks::MutexGuard;
pub(crate) use locks::{Condvar, Mutex};
#[cfg(gort_tsan)]
pub(crate) use once::OnceLock;
#[cfg(any(gort_loom, gort_shuttle))]
pub(crate) use statics::StaticMutex;
