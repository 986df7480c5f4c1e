//! The lock that owns its data.
//!
//! All of the locking is [`RawMutex`]'s; here is only who may touch the data when.
//!
//! Invariants:
//! * M1. The data is reached through a guard (or `&mut Mutex`), and a guard exists only between a
//!   successful acquisition of `raw` and the release in the guard's drop. So there is one guard.
//! * M2. A mapped guard takes over the release from the guard it was made of.

#![expect(unsafe_code, reason = "guards reach the data that the lock protects")]

use super::raw_mutex::{LockArm, RawMutex, Request, Requeue};
use crate::sys::const_fn;
use std::cell::UnsafeCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A mutual exclusion lock that owns the data it protects.
///
/// Waiting goroutines wait, threads do not block. A guard may be kept across an `.await`; where it
/// is not, and nothing is awaited under the lock, the standard library's mutex is smaller.
///
/// The lock is fair enough and fast: a goroutine that finds it free takes it, even past those who
/// wait; but once somebody has waited for a millisecond, ownership goes to the head of the queue
/// until nobody has waited that long (Go's starvation mode). It is never poisoned: a panic under the
/// lock releases it.
///
/// It is a value, to be shared by [`Arc`] or as a `static`.
///
/// # Go
///
/// `sync.Mutex`. Unlocking is dropping the guard, so there is no unlock of an unlocked mutex; a lock
/// that one goroutine takes and another releases is a [`RawMutex`].
///
/// # Examples
///
/// ```
/// use gort::sync::Mutex;
///
/// static VISITS: Mutex<u32> = Mutex::new(0);
///
/// gort::run(async {
///     *VISITS.lock().await += 1;
///     assert_eq!(*VISITS.lock().await, 1);
/// });
/// ```
#[doc(alias = "sync.Mutex")]
pub struct Mutex<T: ?Sized = ()> {
    raw: RawMutex,
    data: UnsafeCell<T>,
}

// SAFETY: M1: the lock gives the data to one guard at a time, which amounts to moving it between
// threads; nobody shares it. `RawMutex` is `Send` and `Sync` itself.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    const_fn! {
        /// An unlocked mutex.
        pub const fn new(value: T) -> Self {
            Self { raw: RawMutex::new(), data: UnsafeCell::new(value) }
        }
    }

    const_fn! {
        /// The same as [`new`](Self::new), under tokio's name for it.
        ///
        /// ```
        /// # use gort::sync::Mutex;
        /// static VISITS: Mutex<u32> = Mutex::const_new(0);
        /// assert_eq!(*VISITS.try_lock().unwrap(), 0);
        /// ```
        pub const fn const_new(value: T) -> Self {
            Self::new(value)
        }
    }

    /// Consumes the mutex and returns the data.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free, takes it, and yields the guard that holds it.
    ///
    /// Does not wait if nobody holds the lock, and then costs no budget.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue; if the lock had already come to it, the
    /// next in the queue gets it.
    ///
    /// # Go
    ///
    /// `mu.Lock()`. Locking twice in one goroutine waits for ever, as in Go.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let balance = gort::sync::Mutex::new(100);
    /// {
    ///     let mut balance = balance.lock().await;
    ///     *balance -= 30;
    /// } // unlocked
    /// assert_eq!(*balance.lock().await, 70);
    /// # });
    /// ```
    #[doc(alias = "Lock")]
    #[track_caller]
    pub fn lock(&self) -> Lock<'_, T> {
        Lock { mutex: self, request: Request::new() }
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] if it is not, or if it is promised to somebody who has waited for long.
    ///
    /// # Go
    ///
    /// `mu.TryLock()`.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = gort::sync::Mutex::new(0);
    /// let guard = mutex.try_lock().unwrap();
    /// assert!(mutex.try_lock().is_err());
    /// drop(guard);
    /// assert!(mutex.try_lock().is_ok());
    /// ```
    #[doc(alias = "TryLock")]
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        if self.raw.try_lock() { Ok(MutexGuard { mutex: self }) } else { Err(TryLockError::new()) }
    }

    /// Blocks the thread until the lock is free, and takes it. For threads outside of async code.
    ///
    /// In a goroutine it works too, but a worker is stuck meanwhile.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Mutex;
    /// use std::thread;
    ///
    /// let sum = Mutex::new(0);
    /// thread::scope(|scope| {
    ///     for n in 1..=3 {
    ///         let sum = &sum;
    ///         scope.spawn(move || *sum.blocking_lock() += n);
    ///     }
    /// });
    /// assert_eq!(sum.into_inner(), 6);
    /// ```
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        self.raw.blocking_lock();
        MutexGuard { mutex: self }
    }

    /// Like [`lock`](Self::lock), with a guard that keeps the mutex alive and borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`lock`](Self::lock).
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::Mutex;
    /// use std::sync::Arc;
    ///
    /// # gort::run(async {
    /// let counter = Arc::new(Mutex::new(0));
    /// let mut guard = counter.clone().lock_owned().await;
    /// let later = gort::go(async move { *guard += 1 }); // the guard moves into the goroutine
    /// later.await.unwrap();
    /// assert_eq!(*counter.lock().await, 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> LockOwned<T> {
        LockOwned { mutex: Some(self), request: Request::new() }
    }

    /// Like [`try_lock`](Self::try_lock), with a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// As for [`try_lock`](Self::try_lock).
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        if self.raw.try_lock() {
            Ok(OwnedMutexGuard { mutex: self })
        } else {
            Err(TryLockError::new())
        }
    }

    /// Like [`blocking_lock`](Self::blocking_lock), with a guard that borrows nothing.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        self.raw.blocking_lock();
        OwnedMutexGuard { mutex: self }
    }

    /// The guard of somebody who has just taken the lock.
    pub(crate) fn locked(&self) -> MutexGuard<'_, T> {
        MutexGuard { mutex: self }
    }

    /// The same, with a guard that borrows nothing.
    pub(crate) fn locked_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        OwnedMutexGuard { mutex: self }
    }

    /// The data, without locking: the exclusive borrow is lock enough.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => out.field("data", &&*guard),
            Err(_) => out.field("data", &format_args!("<locked>")),
        };
        out.finish()
    }
}

/// The lock was not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TryLockError(());

impl TryLockError {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lock is held")
    }
}

impl std::error::Error for TryLockError {}

/// The future of [`Mutex::lock`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct Lock<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    request: Request,
}

impl<'a, T: ?Sized> Future for Lock<'a, T> {
    type Output = MutexGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mutex = self.mutex;
        self.request().poll(&mutex.raw, cx).map(|()| MutexGuard { mutex })
    }
}

impl<'a, T: ?Sized> Lock<'a, T> {
    /// The operation as somebody else may start it, of a future that has not been polled.
    pub(super) fn requeue(self: Pin<&mut Self>) -> Requeue {
        let mutex = self.mutex;
        self.request().requeue(&mutex.raw)
    }

    #[inline]
    fn request(self: Pin<&mut Self>) -> Pin<&mut Request> {
        // SAFETY: the request is pinned whenever `self` is: nothing moves it out, `drop` included, and there is
        // no `Unpin` of ours.
        unsafe { self.map_unchecked_mut(|this| &mut this.request) }
    }

    /// The operation, of a future that has not been polled, and the mutex that it locks.
    pub(crate) fn into_arm(self) -> (LockArm<'a>, &'a Mutex<T>) {
        self.request.assert_new();
        (LockArm::new(&self.mutex.raw), self.mutex)
    }
}

impl<T: ?Sized> Drop for Lock<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.request.leave(&self.mutex.raw);
    }
}

impl<T: ?Sized> fmt::Debug for Lock<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

/// The future of [`Mutex::lock_owned`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct LockOwned<T: ?Sized> {
    /// `None` once the guard has the mutex.
    mutex: Option<Arc<Mutex<T>>>,
    request: Request,
}

impl<T: ?Sized> LockOwned<T> {
    /// The operation, of a future that has not been polled, and the mutex that it locks.
    ///
    /// # Safety
    ///
    /// The caller drops the operation before the mutex, from which it borrows.
    pub(crate) unsafe fn into_arm(mut self) -> (LockArm<'static>, Arc<Mutex<T>>) {
        self.request.assert_new();
        let Some(mutex) = self.mutex.take() else {
            panic!("`LockOwned` polled after it was ready")
        };
        // SAFETY: the address of what an `Arc` holds does not change; the rest is this function's contract.
        let raw = unsafe { &*ptr::from_ref(&mutex.raw) };
        (LockArm::new(raw), mutex)
    }

    /// As [`Lock::requeue`].
    pub(super) fn requeue(self: Pin<&mut Self>) -> Requeue {
        let (request, mutex) = self.parts();
        request.requeue(&mutex.raw)
    }

    /// The request, and the mutex that it is for.
    fn parts(self: Pin<&mut Self>) -> (Pin<&mut Request>, &Arc<Mutex<T>>) {
        // SAFETY: `request` is treated as pinned: it is not moved.
        let this = unsafe { self.get_unchecked_mut() };
        let Some(mutex) = &this.mutex else { panic!("`LockOwned` polled after it was ready") };
        // SAFETY: as above.
        (unsafe { Pin::new_unchecked(&mut this.request) }, mutex)
    }
}

impl<T: ?Sized> Future for LockOwned<T> {
    type Output = OwnedMutexGuard<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (request, mutex) = self.as_mut().parts();
        ready!(request.poll(&mutex.raw, cx));
        // SAFETY: the request is not moved.
        match unsafe { self.get_unchecked_mut() }.mutex.take() {
            Some(mutex) => Poll::Ready(OwnedMutexGuard { mutex }),
            None => unreachable!("`parts` has found it"),
        }
    }
}

impl<T: ?Sized> Drop for LockOwned<T> {
    fn drop(&mut self) {
        if let Some(mutex) = &self.mutex {
            self.request.leave(&mutex.raw);
        }
    }
}

impl<T: ?Sized> fmt::Debug for LockOwned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockOwned").finish_non_exhaustive()
    }
}

/// Holds a [`Mutex`]; its drop releases it.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
}

// SAFETY: sharing a guard shares the data, and the mutex, by `MutexGuard::mutex`, for which `T` has to be `Send`.
unsafe impl<T: ?Sized + Send + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The mutex that this guard holds.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }

    /// A guard of a part of the data.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::{Mutex, MutexGuard};
    ///
    /// let pair = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(pair.try_lock().unwrap(), |pair| &mut pair.0);
    /// *number = 2;
    /// drop(number);
    /// assert_eq!(pair.into_inner(), (2, "one"));
    /// ```
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = NonNull::from(f(&mut *this));
        let this = ManuallyDrop::new(this);
        MappedMutexGuard { raw: &this.mutex.raw, part, marker: PhantomData }
    }

    /// A guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => {
                let this = ManuallyDrop::new(this);
                Ok(MappedMutexGuard { raw: &this.mutex.raw, part, marker: PhantomData })
            }
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.raw.release();
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: M1: this is the only guard, and it is borrowed for as long as the reference lives.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: M1, and this guard is borrowed exclusively.
        unsafe { &mut *self.mutex.data.get() }
    }
}

/// Holds a [`Mutex`] and keeps it alive; its drop releases it.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedMutexGuard<T: ?Sized> {
    mutex: Arc<Mutex<T>>,
}

// SAFETY: as for `MutexGuard`.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedMutexGuard<T> {}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// The mutex that this guard holds.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.mutex
    }

    /// A guard of a part of the data.
    pub fn map<U, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = NonNull::from(f(&mut *this));
        OwnedMappedMutexGuard { part, marker: PhantomData, whole: this }
    }

    /// A guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => Ok(OwnedMappedMutexGuard { part, marker: PhantomData, whole: this }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Drop for OwnedMutexGuard<T> {
    fn drop(&mut self) {
        self.mutex.raw.release();
    }
}

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: as in `MutexGuard`.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `MutexGuard`.
        unsafe { &mut *self.mutex.data.get() }
    }
}

/// Holds a [`Mutex`] for the sake of a part of its data; its drop releases it.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    raw: &'a RawMutex,
    part: NonNull<T>,
    marker: PhantomData<&'a mut T>,
}

// SAFETY: the guard is an exclusive reference to the part and a shared one to the raw lock, which any
// thread may release.
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// A guard of a part of this part.
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = NonNull::from(f(&mut *this));
        this.of(part)
    }

    /// A guard of a part of this part, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::{MappedMutexGuard, Mutex, MutexGuard};
    ///
    /// let scores = Mutex::new(("a", vec![1, 2]));
    /// let list = MutexGuard::map(scores.try_lock().unwrap(), |scores| scores.1.as_mut_slice());
    /// let list = MappedMutexGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    /// *MappedMutexGuard::try_map(list, |list| list.first_mut()).unwrap() += 1;
    /// assert_eq!(scores.into_inner().1, [2, 2]);
    /// ```
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => Ok(this.of(part)),
            None => Err(this),
        }
    }

    /// Hands over to a guard of a part.
    fn of<U: ?Sized>(self, part: NonNull<U>) -> MappedMutexGuard<'a, U> {
        let this = ManuallyDrop::new(self);
        MappedMutexGuard { raw: this.raw, part, marker: PhantomData }
    }
}

impl<T: ?Sized> Drop for MappedMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.raw.release();
    }
}

impl<T: ?Sized> Deref for MappedMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: M1 and M2: `part` is inside the data, which is this guard's alone.
        unsafe { self.part.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for MappedMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and this guard is borrowed exclusively.
        unsafe { self.part.as_mut() }
    }
}

/// Holds a [`Mutex`] and keeps it alive, for the sake of a part of its data.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    part: NonNull<U>,
    /// `U` is that type and no other: the part is written, too.
    marker: PhantomData<*mut U>,
    whole: OwnedMutexGuard<T>,
}

// SAFETY: the guard is an exclusive reference to the part, and the guard of the whole.
unsafe impl<T: ?Sized + Send, U: ?Sized + Send> Send for OwnedMappedMutexGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Sync for OwnedMappedMutexGuard<T, U> {}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// A guard of a part of this part.
    pub fn map<V, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, V>
    where
        V: ?Sized,
        F: FnOnce(&mut U) -> &mut V,
    {
        let part = NonNull::from(f(&mut *this));
        OwnedMappedMutexGuard { part, marker: PhantomData, whole: this.whole }
    }

    /// A guard of a part of this part, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
    /// use std::sync::Arc;
    ///
    /// let scores = Arc::new(Mutex::new(("a", vec![1, 2])));
    /// let guard = scores.clone().try_lock_owned().unwrap();
    /// let list = OwnedMutexGuard::map(guard, |scores| scores.1.as_mut_slice());
    /// let list = OwnedMappedMutexGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    /// *OwnedMappedMutexGuard::try_map(list, |list| list.first_mut()).unwrap() += 1;
    /// assert_eq!(scores.try_lock().unwrap().1, [2, 2]);
    /// ```
    pub fn try_map<V, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, V>, Self>
    where
        V: ?Sized,
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => {
                Ok(OwnedMappedMutexGuard { part, marker: PhantomData, whole: this.whole })
            }
            None => Err(this),
        }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedMutexGuard<T, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: M1 and M2: `part` is inside the data of `whole`, which nobody else reaches: `whole`
        // is not used while this guard lives.
        unsafe { self.part.as_ref() }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedMutexGuard<T, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as in `deref`, and this guard is borrowed exclusively.
        unsafe { self.part.as_mut() }
    }
}

macro_rules! show_through {
    ($([$($params:tt)*] $guard:ty, $shown:ident;)*) => {$(
        impl<$($params)*> fmt::Debug for $guard
        where
            $shown: fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($params)*> fmt::Display for $guard
        where
            $shown: fmt::Display,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&**self, f)
            }
        }
    )*};
}

pub(super) use show_through;

show_through! {
    [T: ?Sized] MutexGuard<'_, T>, T;
    [T: ?Sized] OwnedMutexGuard<T>, T;
    [T: ?Sized] MappedMutexGuard<'_, T>, T;
    [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, U;
}
