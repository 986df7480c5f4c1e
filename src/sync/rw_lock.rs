//! The lock for many readers or one writer that owns its data.
//!
//! All of the locking is [`RawRwLock`]'s; here is only who may touch the data when.
//!
//! Invariants:
//! * W1. The data is reached through guards (or `&mut RwLock`), and a guard exists only between a successful
//!   acquisition of `raw` and its release, of the same kind, in the guard's drop. So there are either guards
//!   for reading or one guard for writing.
//! * W2. A mapped guard, and a guard for reading that was one for writing, take over the release from the
//!   guard they were made of.

#![expect(unsafe_code, reason = "guards reach the data that the lock protects")]

use super::mutex::TryLockError;
use super::raw_rw_lock::{Kind, RawRwLock, Request, RwArm};
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

/// A lock that owns the data it protects, and gives it to many readers or to one writer at a time.
///
/// It goes by phases. A writer that finds readers waits for them to leave, and no new ones come in before
/// it; when it is done, all readers that waited meanwhile go before the next writer. So a steady stream of
/// readers does not keep a writer out, nor writers a reader. Readers on different threads do not slow each
/// other down.
///
/// A guard may be kept across an `.await`. The lock is never poisoned: a panic under it releases it. Where
/// data is read seldom, or for very short times, a [`Mutex`](super::Mutex) is smaller and its writers are
/// faster.
///
/// It is a value, to be shared by [`Arc`] or as a `static`.
///
/// # Go
///
/// `sync.RWMutex`. Unlocking is dropping the guard; a lock that one goroutine takes and another releases is a
/// [`RawRwLock`]. A goroutine that reads and asks for reading again may wait for ever, as in Go: a writer
/// that came in between goes first, and waits for the first guard.
///
/// # Examples
///
/// ```
/// use gort::sync::RwLock;
/// use std::collections::HashMap;
/// use std::sync::Arc;
///
/// gort::run(async {
///     let ages = Arc::new(RwLock::new(HashMap::new()));
///     ages.write().await.insert("Gopher", 17);
///     let readers: Vec<_> = (0..3)
///         .map(|_| {
///             let ages = ages.clone();
///             gort::go(async move { ages.read().await["Gopher"] })
///         })
///         .collect();
///     for reader in readers {
///         assert_eq!(reader.await.unwrap(), 17);
///     }
/// });
/// ```
#[doc(alias = "sync.RWMutex")]
pub struct RwLock<T: ?Sized = ()> {
    raw: RawRwLock,
    data: UnsafeCell<T>,
}

/// The greatest limit that tokio's lock takes.
const MAX_READERS: u32 = u32::MAX >> 3;

// SAFETY: to move the lock is to move the data.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: W1: the lock gives the data to one writer, which amounts to moving it between threads, or shares it
// among readers.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    const_fn! {
        /// An unlocked lock.
        pub const fn new(value: T) -> Self {
            Self { raw: RawRwLock::scaling(), data: UnsafeCell::new(value) }
        }
    }

    const_fn! {
        /// The same as [`new`](Self::new), under tokio's name for it.
        pub const fn const_new(value: T) -> Self {
            Self::new(value)
        }
    }

    /// As [`new`](Self::new). `max_readers` is what tokio's has to be told; here there is no such limit: readers
    /// beyond it do not wait.
    ///
    /// # Panics
    ///
    /// If `max_readers` is 0, or more than tokio's lock takes, `u32::MAX >> 3`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = gort::sync::RwLock::with_max_readers(5, 1);
    /// let (one, another) = (lock.try_read().unwrap(), lock.try_read().unwrap());
    /// assert_eq!(*one, *another);
    /// ```
    #[track_caller]
    pub fn with_max_readers(value: T, max_readers: u32) -> Self {
        assert!(max_readers > 0, "a lock for no reader");
        assert!(max_readers <= MAX_READERS, "{max_readers} readers exceed {MAX_READERS}");
        Self::new(value)
    }

    const_fn! {
        /// The same as [`with_max_readers`](Self::with_max_readers), for a `static`.
        ///
        /// # Panics
        ///
        /// As [`with_max_readers`](Self::with_max_readers).
        ///
        /// # Examples
        ///
        /// ```
        /// use gort::sync::RwLock;
        ///
        /// static CONFIG: RwLock<u32> = RwLock::const_with_max_readers(5, 1024);
        /// assert_eq!(*CONFIG.try_read().unwrap(), 5);
        /// ```
        #[track_caller]
        pub const fn const_with_max_readers(value: T, max_readers: u32) -> Self {
            assert!(max_readers > 0, "a lock for no reader");
            assert!(max_readers <= MAX_READERS, "more readers than `u32::MAX >> 3`");
            Self::new(value)
        }
    }

    /// Consumes the lock and returns the data.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until no writer holds the lock or waits for it, and yields a guard for reading.
    ///
    /// Does not wait if there is no writer, and then costs no budget.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue; if the lock had already come to it, it is
    /// released.
    ///
    /// # Go
    ///
    /// `mu.RLock()`.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let config = gort::sync::RwLock::new(String::from("v1"));
    /// let (one, other) = (config.read().await, config.read().await); // side by side
    /// assert_eq!(*one, *other);
    /// # });
    /// ```
    #[doc(alias = "RLock")]
    #[track_caller]
    pub fn read(&self) -> RwLockRead<'_, T> {
        RwLockRead { lock: self, request: Request::new() }
    }

    /// Waits until nobody holds the lock, and yields the guard for writing. From the moment that it waits, no
    /// new reader gets in before it.
    ///
    /// Does not wait if nobody holds the lock, and then costs no budget.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue; if the lock had already come to it, it is
    /// released. Readers that waited behind it go on.
    ///
    /// # Go
    ///
    /// `mu.Lock()`.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let config = gort::sync::RwLock::new(String::from("v1"));
    /// config.write().await.push_str(".1");
    /// assert_eq!(*config.read().await, "v1.1");
    /// # });
    /// ```
    #[doc(alias = "Lock")]
    #[track_caller]
    pub fn write(&self) -> RwLockWrite<'_, T> {
        RwLockWrite { lock: self, request: Request::new() }
    }

    /// Takes the lock for reading, if no writer holds it or waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] otherwise.
    ///
    /// # Go
    ///
    /// `mu.TryRLock()`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = gort::sync::RwLock::new(0);
    /// let reading = lock.try_read().unwrap();
    /// assert!(lock.try_read().is_ok());
    /// drop(reading);
    /// let _writing = lock.try_write().unwrap();
    /// assert!(lock.try_read().is_err());
    /// ```
    #[doc(alias = "TryRLock")]
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        if self.raw.try_read() { Ok(self.reading()) } else { Err(TryLockError::new()) }
    }

    /// Takes the lock for writing, if nobody holds it or waits for it.
    ///
    /// # Errors
    ///
    /// [`TryLockError`] otherwise.
    ///
    /// # Go
    ///
    /// `mu.TryLock()`.
    ///
    /// # Examples
    ///
    /// ```
    /// let lock = gort::sync::RwLock::new(0);
    /// *lock.try_write().unwrap() += 1;
    /// let reading = lock.try_read().unwrap();
    /// assert!(lock.try_write().is_err());
    /// assert_eq!(*reading, 1);
    /// ```
    #[doc(alias = "TryLock")]
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        if self.raw.try_write() {
            Ok(RwLockWriteGuard { lock: self })
        } else {
            Err(TryLockError::new())
        }
    }

    /// Blocks the thread until it has the lock for reading. For threads outside of async code.
    ///
    /// In a goroutine it works too, but a worker is stuck meanwhile.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        self.raw.blocking_read();
        self.reading()
    }

    /// Blocks the thread until it has the lock for writing. For threads outside of async code.
    ///
    /// In a goroutine it works too, but a worker is stuck meanwhile.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        self.raw.blocking_write();
        RwLockWriteGuard { lock: self }
    }

    /// Like [`read`](Self::read), with a guard that keeps the lock alive and borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`read`](Self::read).
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// # gort::run(async {
    /// let config = Arc::new(RwLock::new("v1"));
    /// let reading = config.clone().read_owned().await;
    /// let length = gort::go(async move { reading.len() }); // the guard moves into the goroutine
    /// assert_eq!(length.await.unwrap(), 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn read_owned(self: Arc<Self>) -> RwLockReadOwned<T> {
        RwLockReadOwned { lock: Some(self), request: Request::new() }
    }

    /// Like [`write`](Self::write), with a guard that keeps the lock alive and borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`write`](Self::write).
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::RwLock;
    /// use std::sync::Arc;
    ///
    /// # gort::run(async {
    /// let counter = Arc::new(RwLock::new(0));
    /// let mut guard = counter.clone().write_owned().await;
    /// let later = gort::go(async move { *guard += 1 }); // the guard moves into the goroutine
    /// later.await.unwrap();
    /// assert_eq!(*counter.read().await, 1);
    /// # });
    /// ```
    #[track_caller]
    pub fn write_owned(self: Arc<Self>) -> RwLockWriteOwned<T> {
        RwLockWriteOwned { lock: Some(self), request: Request::new() }
    }

    /// Like [`try_read`](Self::try_read), with a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// As for [`try_read`](Self::try_read).
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        if self.raw.try_read() {
            Ok(OwnedRwLockReadGuard::new(self))
        } else {
            Err(TryLockError::new())
        }
    }

    /// Like [`try_write`](Self::try_write), with a guard that borrows nothing.
    ///
    /// # Errors
    ///
    /// As for [`try_write`](Self::try_write).
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        if self.raw.try_write() {
            Ok(OwnedRwLockWriteGuard::new(self))
        } else {
            Err(TryLockError::new())
        }
    }

    /// The data, without locking: the exclusive borrow is lock enough.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// The guard of a reader that has just taken the lock.
    pub(crate) fn reading(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard { raw: &self.raw, part: self.part(), marker: PhantomData }
    }

    /// The guard of the writer that has just taken the lock.
    pub(crate) fn writing(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard { lock: self }
    }

    fn part(&self) -> NonNull<T> {
        // SAFETY: a cell's content is not null.
        unsafe { NonNull::new_unchecked(self.data.get()) }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => out.field("data", &&*guard),
            Err(_) => out.field("data", &format_args!("<locked>")),
        };
        out.finish()
    }
}

/// The future of [`RwLock::read`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RwLockRead<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    request: Request,
}

/// The future of [`RwLock::write`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RwLockWrite<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    request: Request,
}

macro_rules! borrowing {
    ($($future:ident for $kind:expr, yields $guard:ident by $make:ident;)*) => {$(
        impl<'a, T: ?Sized> Future for $future<'a, T> {
            type Output = $guard<'a, T>;

            // As of the request.
            #[inline(always)]
            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let lock = self.lock;
                // SAFETY: the request is pinned whenever `self` is: nothing moves it out, `drop` included, and
                // there is no `Unpin` of ours.
                let request = unsafe { self.map_unchecked_mut(|this| &mut this.request) };
                request.poll(&lock.raw, $kind, cx).map(|()| lock.$make())
            }
        }

        impl<T: ?Sized> Drop for $future<'_, T> {
            #[inline]
            fn drop(&mut self) {
                self.request.leave(&self.lock.raw, $kind);
            }
        }

        impl<'a, T: ?Sized> $future<'a, T> {
            /// The operation, of a future that has not been polled, and the lock that it takes.
            pub(crate) fn into_arm(self) -> (RwArm<'a>, &'a RwLock<T>) {
                self.request.assert_new();
                (RwArm::new(&self.lock.raw, $kind), self.lock)
            }
        }

        impl<T: ?Sized> fmt::Debug for $future<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($future)).finish_non_exhaustive()
            }
        }
    )*};
}

borrowing! {
    RwLockRead for Kind::Read, yields RwLockReadGuard by reading;
    RwLockWrite for Kind::Write, yields RwLockWriteGuard by writing;
}

/// The future of [`RwLock::read_owned`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RwLockReadOwned<T: ?Sized> {
    /// `None` once the guard has the lock.
    lock: Option<Arc<RwLock<T>>>,
    request: Request,
}

/// The future of [`RwLock::write_owned`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RwLockWriteOwned<T: ?Sized> {
    /// As in [`RwLockReadOwned`].
    lock: Option<Arc<RwLock<T>>>,
    request: Request,
}

macro_rules! owning {
    ($($future:ident for $kind:expr, yields $guard:ident;)*) => {$(
        impl<T: ?Sized> Future for $future<T> {
            type Output = $guard<T>;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                // SAFETY: `request` is treated as pinned: it is not moved.
                let this = unsafe { self.get_unchecked_mut() };
                let Some(lock) = &this.lock else { panic!("a lock polled after it was ready") };
                // SAFETY: as above.
                let request = unsafe { Pin::new_unchecked(&mut this.request) };
                ready!(request.poll(&lock.raw, $kind, cx));
                match this.lock.take() {
                    Some(lock) => Poll::Ready($guard::new(lock)),
                    None => unreachable!("it was there when this began"),
                }
            }
        }

        impl<T: ?Sized> Drop for $future<T> {
            fn drop(&mut self) {
                if let Some(lock) = &self.lock {
                    self.request.leave(&lock.raw, $kind);
                }
            }
        }

        impl<T: ?Sized> $future<T> {
            /// The operation, of a future that has not been polled, and the lock that it takes.
            ///
            /// # Safety
            ///
            /// The caller drops the operation before the lock, from which it borrows.
            pub(crate) unsafe fn into_arm(mut self) -> (RwArm<'static>, Arc<RwLock<T>>) {
                self.request.assert_new();
                let Some(lock) = self.lock.take() else { panic!("a lock polled after it was ready") };
                // SAFETY: the address of what an `Arc` holds does not change; the rest is this function's contract.
                let raw = unsafe { &*ptr::from_ref(&lock.raw) };
                (RwArm::new(raw, $kind), lock)
            }
        }

        impl<T: ?Sized> fmt::Debug for $future<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($future)).finish_non_exhaustive()
            }
        }
    )*};
}

owning! {
    RwLockReadOwned for Kind::Read, yields OwnedRwLockReadGuard;
    RwLockWriteOwned for Kind::Write, yields OwnedRwLockWriteGuard;
}

/// Holds a [`RwLock`] for reading, or for the sake of a part of its data; its drop releases it.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    part: NonNull<T>,
    marker: PhantomData<&'a T>,
}

// SAFETY: the guard is a shared reference to the part and to the raw lock, which any thread may release.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// A guard of a part of the data.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::{RwLock, RwLockReadGuard};
    ///
    /// let pair = RwLock::new((1, "one"));
    /// let word = RwLockReadGuard::map(pair.try_read().unwrap(), |pair| &pair.1);
    /// assert_eq!(*word, "one");
    /// ```
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let part = NonNull::from(f(&*this));
        this.of(part)
    }

    /// A guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(NonNull::from) {
            Some(part) => Ok(this.of(part)),
            None => Err(this),
        }
    }

    /// Hands over to a guard of a part.
    fn of<U: ?Sized>(self, part: NonNull<U>) -> RwLockReadGuard<'a, U> {
        let this = ManuallyDrop::new(self);
        RwLockReadGuard { raw: this.raw, part, marker: PhantomData }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.raw.release_read();
    }
}

/// Holds a [`RwLock`] for writing; its drop releases it.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// The lock that this guard holds.
    pub(super) fn rwlock(this: &Self) -> &'a RwLock<T> {
        this.lock
    }

    /// A guard of a part of the data.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let pair = RwLock::new((1, "one"));
    /// *RwLockWriteGuard::map(pair.try_write().unwrap(), |pair| &mut pair.0) = 2;
    /// assert_eq!(pair.into_inner(), (2, "one"));
    /// ```
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = NonNull::from(f(&mut *this));
        this.of(part)
    }

    /// A guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => Ok(this.of(part)),
            None => Err(this),
        }
    }

    /// The same guard in the type of mapped ones.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        Self::map(this, |whole| whole)
    }

    /// Makes a guard for reading of this one. Nobody writes in between; readers that wait are let in.
    ///
    /// ```
    /// # use gort::sync::RwLock;
    /// # gort::run(async {
    /// let lock = RwLock::new(1);
    /// let mut writing = lock.write().await;
    /// *writing = 2;
    /// let reading = writing.downgrade();
    /// assert_eq!((*reading, *lock.read().await), (2, 2));
    /// # });
    /// ```
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        Self::downgrade_map(self, |whole| whole)
    }

    /// Like [`downgrade`](Self::downgrade), to a guard of a part of the data.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let part = NonNull::from(f(&*this));
        this.reads(part)
    }

    /// Like [`downgrade`](Self::downgrade), to a guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(NonNull::from) {
            Some(part) => Ok(this.reads(part)),
            None => Err(this),
        }
    }

    /// Hands over to a guard of a part.
    fn of<U: ?Sized>(self, part: NonNull<U>) -> RwLockMappedWriteGuard<'a, U> {
        let this = ManuallyDrop::new(self);
        RwLockMappedWriteGuard { raw: &this.lock.raw, part, marker: PhantomData }
    }

    /// Hands over to a guard for reading of a part.
    fn reads<U: ?Sized>(self, part: NonNull<U>) -> RwLockReadGuard<'a, U> {
        let this = ManuallyDrop::new(self);
        let guard = RwLockReadGuard { raw: &this.lock.raw, part, marker: PhantomData };
        guard.raw.downgrade();
        guard
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.release_write();
    }
}

/// Holds a [`RwLock`] for writing, for the sake of a part of its data; its drop releases it.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    raw: &'a RawRwLock,
    part: NonNull<T>,
    marker: PhantomData<&'a mut T>,
}

// SAFETY: the guard is an exclusive reference to the part and a shared one to the raw lock, which any
// thread may release.
unsafe impl<T: ?Sized + Send> Send for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for RwLockMappedWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// A guard of a part of this part.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
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
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => Ok(this.of(part)),
            None => Err(this),
        }
    }

    /// Hands over to a guard of a part.
    fn of<U: ?Sized>(self, part: NonNull<U>) -> RwLockMappedWriteGuard<'a, U> {
        let this = ManuallyDrop::new(self);
        RwLockMappedWriteGuard { raw: this.raw, part, marker: PhantomData }
    }
}

impl<T: ?Sized> Drop for RwLockMappedWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.raw.release_write();
    }
}

/// Releases what an owned guard held, in whatever type it is now. The lock lives as long.
struct Release<T: ?Sized> {
    lock: Arc<RwLock<T>>,
    release: fn(&RawRwLock),
}

impl<T: ?Sized> Drop for Release<T> {
    fn drop(&mut self) {
        (self.release)(&self.lock.raw);
    }
}

/// Holds a [`RwLock`] for reading and keeps it alive, perhaps for the sake of a part of its data.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    part: NonNull<U>,
    whole: Release<T>,
}

// SAFETY: the guard is a shared reference to the part, and the lock, which it may be the last to drop.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Send for OwnedRwLockReadGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Sync for OwnedRwLockReadGuard<T, U> {}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    /// The guard of a reader that has just taken the lock.
    pub(crate) fn new(lock: Arc<RwLock<T>>) -> Self {
        Self { part: lock.part(), whole: Release { lock, release: RawRwLock::release_read } }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// The lock that this guard holds.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.whole.lock
    }

    /// A guard of a part of the data.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        let part = NonNull::from(f(&*this));
        OwnedRwLockReadGuard { part, whole: this.whole }
    }

    /// A guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        match f(&*this).map(NonNull::from) {
            Some(part) => Ok(OwnedRwLockReadGuard { part, whole: this.whole }),
            None => Err(this),
        }
    }
}

/// Holds a [`RwLock`] for writing and keeps it alive; its drop releases it.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    whole: Release<T>,
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// The guard of the writer that has just taken the lock.
    pub(crate) fn new(lock: Arc<RwLock<T>>) -> Self {
        Self { whole: Release { lock, release: RawRwLock::release_write } }
    }

    /// The lock that this guard holds.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.whole.lock
    }

    /// A guard of a part of the data.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let part = NonNull::from(f(&mut *this));
        OwnedRwLockMappedWriteGuard { part, marker: PhantomData, whole: this.whole }
    }

    /// A guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_map<F, U: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => {
                Ok(OwnedRwLockMappedWriteGuard { part, marker: PhantomData, whole: this.whole })
            }
            None => Err(this),
        }
    }

    /// The same guard in the type of mapped ones.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        Self::map(this, |whole| whole)
    }

    /// Makes a guard for reading of this one. Nobody writes in between; readers that wait are let in.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        Self::downgrade_map(self, |whole| whole)
    }

    /// Like [`downgrade`](Self::downgrade), to a guard of a part of the data.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let part = NonNull::from(f(&*this));
        this.reads(part)
    }

    /// Like [`downgrade`](Self::downgrade), to a guard of a part of the data, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(
        this: Self,
        f: F,
    ) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&*this).map(NonNull::from) {
            Some(part) => Ok(this.reads(part)),
            None => Err(this),
        }
    }

    /// Hands over to a guard for reading of a part.
    fn reads<U: ?Sized>(self, part: NonNull<U>) -> OwnedRwLockReadGuard<T, U> {
        let mut whole = self.whole;
        whole.release = RawRwLock::release_read;
        whole.lock.raw.downgrade();
        OwnedRwLockReadGuard { part, whole }
    }
}

/// Holds a [`RwLock`] for writing and keeps it alive, for the sake of a part of its data.
#[must_use = "the lock is released when the guard is dropped"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    part: NonNull<U>,
    /// `U` is that type and no other: the part is written, too.
    marker: PhantomData<*mut U>,
    whole: Release<T>,
}

// SAFETY: the guard is an exclusive reference to the part, and the lock, which it may be the last to drop.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send> Send for OwnedRwLockMappedWriteGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Sync for OwnedRwLockMappedWriteGuard<T, U> {}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// The lock that this guard holds.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.whole.lock
    }

    /// A guard of a part of this part.
    pub fn map<F, V: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        let part = NonNull::from(f(&mut *this));
        OwnedRwLockMappedWriteGuard { part, marker: PhantomData, whole: this.whole }
    }

    /// A guard of a part of this part, if `f` finds it.
    ///
    /// # Errors
    ///
    /// The guard itself, if `f` returns `None`.
    pub fn try_map<F, V: ?Sized>(
        mut this: Self,
        f: F,
    ) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match f(&mut *this).map(NonNull::from) {
            Some(part) => {
                Ok(OwnedRwLockMappedWriteGuard { part, marker: PhantomData, whole: this.whole })
            }
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: W1: this is the only guard, and it is borrowed for as long as the reference lives.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: W1, and this guard is borrowed exclusively.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: ?Sized> Deref for OwnedRwLockWriteGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: as in `RwLockWriteGuard`.
        unsafe { &*self.whole.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `RwLockWriteGuard`.
        unsafe { &mut *self.whole.lock.data.get() }
    }
}

macro_rules! part_of {
    ($([$($params:tt)*] $guard:ty, $part:ident;)*) => {$(
        impl<$($params)*> Deref for $guard {
            type Target = $part;

            #[inline]
            fn deref(&self) -> &$part {
                // SAFETY: W1 and W2: `part` is inside the data, which nobody changes while this guard is
                // borrowed.
                unsafe { self.part.as_ref() }
            }
        }
    )*};
}

part_of! {
    [T: ?Sized] RwLockReadGuard<'_, T>, T;
    [T: ?Sized] RwLockMappedWriteGuard<'_, T>, T;
    [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, U;
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, U;
}

impl<T: ?Sized> DerefMut for RwLockMappedWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: W1 and W2: `part` is inside the data, which is this guard's alone.
        unsafe { self.part.as_mut() }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedRwLockMappedWriteGuard<T, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: W1 and W2: `part` is inside the data, which is this guard's alone.
        unsafe { self.part.as_mut() }
    }
}

super::mutex::show_through! {
    [T: ?Sized] RwLockReadGuard<'_, T>, T;
    [T: ?Sized] RwLockWriteGuard<'_, T>, T;
    [T: ?Sized] RwLockMappedWriteGuard<'_, T>, T;
    [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, U;
    [T: ?Sized] OwnedRwLockWriteGuard<T>, T;
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, U;
}
