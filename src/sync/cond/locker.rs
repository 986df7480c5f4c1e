//! What a wait can release and take again.

use crate::sync::mutex::{Lock, LockOwned, Mutex, MutexGuard, OwnedMutexGuard};
use crate::sync::raw_mutex::{RawLock, RawMutex, Requeue};
use crate::sync::raw_rw_lock::{RLocker, RawRead, RawRwLock, RawWrite};
use crate::sync::rw_lock::{
    OwnedRwLockWriteGuard, RwLock, RwLockWrite, RwLockWriteGuard, RwLockWriteOwned,
};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// Keeps [`Locker`] to the locks of this module.
mod sealed {
    #[expect(unnameable_types, reason = "that is the point")]
    pub trait Sealed {}
}

/// A lock that is held, which [`Cond::wait`](super::Cond::wait) can release and take again: the guards of a [`Mutex`], those of an
/// [`RwLock`] for writing, and `&`[`RawMutex`], `&`[`RawRwLock`] (for writing) and [`RLocker`], which
/// somebody has locked.
///
/// Guards of a part of the data are none: the part may be gone when the lock is taken again.
///
/// # Go
///
/// `sync.Locker`.
#[doc(alias = "sync.Locker")]
pub trait Locker: Sized + sealed::Sealed {
    /// Takes the lock again.
    type Relock: Future<Output = Self>;

    /// A future that takes the lock again, not polled yet.
    #[doc(hidden)]
    #[track_caller]
    fn relock(&self) -> Self::Relock;

    /// The same as somebody else may start it, if that is possible.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn requeue(_relock: Pin<&mut Self::Relock>) -> Option<Requeue> {
        None
    }

    /// Releases the lock.
    #[doc(hidden)]
    fn release(self);
}

macro_rules! guards {
    ($([$($params:tt)*] $guard:ty, $relock:ty, |$this:ident| $again:expr $(, |$lock:ident| $requeue:expr)?;)*) => {$(
        impl<$($params)*> Locker for $guard {
            type Relock = $relock;

            #[track_caller]
            fn relock(&self) -> $relock {
                let $this = self;
                $again
            }

            $(#[expect(private_interfaces, reason = "the trait is sealed")]
            fn requeue($lock: Pin<&mut $relock>) -> Option<Requeue> {
                Some($requeue)
            })?

            fn release(self) {
                drop(self);
            }
        }
    )*};
}

impl<T: ?Sized> sealed::Sealed for MutexGuard<'_, T> {}
impl<T: ?Sized> sealed::Sealed for OwnedMutexGuard<T> {}
impl<T: ?Sized> sealed::Sealed for RwLockWriteGuard<'_, T> {}
impl<T: ?Sized> sealed::Sealed for OwnedRwLockWriteGuard<T> {}

guards! {
    ['a, T: ?Sized] MutexGuard<'a, T>, Lock<'a, T>,
        |this| MutexGuard::mutex(this).lock(), |lock| lock.requeue();
    [T: ?Sized] OwnedMutexGuard<T>, LockOwned<T>,
        |this| Mutex::lock_owned(Arc::clone(OwnedMutexGuard::mutex(this))),
        |lock| lock.requeue();
    ['a, T: ?Sized] RwLockWriteGuard<'a, T>, RwLockWrite<'a, T>,
        |this| RwLockWriteGuard::rwlock(this).write();
    [T: ?Sized] OwnedRwLockWriteGuard<T>, RwLockWriteOwned<T>,
        |this| RwLock::write_owned(Arc::clone(OwnedRwLockWriteGuard::rwlock(this)));
}

impl sealed::Sealed for &RawMutex {}
impl<'a> Locker for &'a RawMutex {
    type Relock = Relock<RawLock<'a>, Self>;

    #[track_caller]
    fn relock(&self) -> Self::Relock {
        Relock { lock: RawMutex::lock(self), locker: Some(*self) }
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn requeue(relock: Pin<&mut Self::Relock>) -> Option<Requeue> {
        Some(relock.project().lock.requeue())
    }

    #[track_caller]
    fn release(self) {
        self.unlock();
    }
}

impl sealed::Sealed for &RawRwLock {}
impl<'a> Locker for &'a RawRwLock {
    type Relock = Relock<RawWrite<'a>, Self>;

    #[track_caller]
    fn relock(&self) -> Self::Relock {
        Relock { lock: RawRwLock::write(self), locker: Some(*self) }
    }

    #[track_caller]
    fn release(self) {
        self.unlock_write();
    }
}

impl sealed::Sealed for RLocker<'_> {}
impl<'a> Locker for RLocker<'a> {
    type Relock = Relock<RawRead<'a>, Self>;

    #[track_caller]
    fn relock(&self) -> Self::Relock {
        Relock { lock: self.lock(), locker: Some(*self) }
    }

    #[track_caller]
    fn release(self) {
        self.unlock();
    }
}

pin_project! {
    /// Takes a lock without data again.
    #[derive(Debug)]
    #[must_use = "a lock is taken when the future is awaited"]
    pub struct Relock<F, L> {
        #[pin]
        lock: F,
        locker: Option<L>,
    }
}

impl<F: Future<Output = ()>, L> Future for Relock<F, L> {
    type Output = L;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<L> {
        let this = self.project();
        ready!(this.lock.poll(cx));
        match this.locker.take() {
            Some(locker) => Poll::Ready(locker),
            None => unreachable!("taken when the lock is"),
        }
    }
}
