//! Waiting for a condition that a lock protects: Go's `sync.Cond`.
//!
//! Waiters stand in a queue under a lock, in the order of their *tickets*, numbers from one counter; a signal
//! takes a number from the same counter. A signal is for those whose ticket is lower than its own number:
//! they waited when it was given. It goes to the first of them, who leaves the queue, and for whom it is
//! kept until it has been seen.
//!
//! A waiter that is dropped after it was told, before it had its lock back, hands its signal on: to the first
//! that was waiting when it was given. A waiter that has been told and is kept unpolled keeps nobody
//! waiting either: another one that looks may take its signal ([`Waiter::may_be_robbed`]), if it was
//! waiting when that was given. In both cases a signal wakes one that Go could have woken, and no waiter
//! goes on without one.
//!
//! [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed

#![expect(unsafe_code, reason = "waiters are linked into the queue by address")]

use super::mutex::{Lock, LockOwned, Mutex, MutexGuard, OwnedMutexGuard};
use super::raw_mutex::{RawLock, RawMutex};
use super::raw_rw_lock::{RLocker, RawRead, RawRwLock, RawWrite};
use super::rw_lock::{
    OwnedRwLockWriteGuard, RwLock, RwLockWrite, RwLockWriteGuard, RwLockWriteOwned,
};
use crate::runtime::context;
use crate::sys::const_fn;
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Seat};
use crate::wait::object::Object;
use crate::wait::place::Place;
use crate::wait::record::{self, Record, WaitReason};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

const TAG_WAITS: u8 = 0;
const TAG_TOLD: u8 = 1;

/// A ticket, or a signal's number.
type Number = u64;

/// What the queue knows of a waiter.
struct Ticket {
    entered: Number,
    /// The signal that it was given; 0 if none.
    signal: Number,
}

struct Queue {
    waiting: List<Ticket>,
    /// Who was told, and has not looked.
    told: List<Ticket>,
    next: Number,
}

impl Queue {
    fn number(&mut self) -> Number {
        self.next += 1;
        self.next
    }

    /// Gives a signal to the first that waited when it was given. Returns whom to wake; the outer is `None`
    /// if nobody did.
    fn tell_one(&mut self, signal: Number) -> Option<Option<Waker>> {
        let node = self.waiting.find(|seat| seat.data.entered < signal)?;
        // SAFETY: it is in the list, whose lock the caller holds.
        unsafe { self.waiting.remove(node) };
        // SAFETY: (L2): it was linked just now; its owner comes by the lock before it goes.
        let found = unsafe { node.as_ref() };
        // SAFETY: (L1): under the lock.
        let seat = unsafe { found.seat() };
        seat.tag = TAG_TOLD;
        seat.data.signal = signal;
        // SAFETY: not linked any more, pinned and assigned; its owner unlinks it.
        unsafe { self.told.push_back(node) };
        // SAFETY: it was linked under the lock that the caller holds, which is a plain waiter's claim.
        Some(unsafe { found.complete() })
    }

    /// Takes a signal that nobody collects, and that was given after `ticket` was taken.
    fn rob(&mut self, ticket: Number, robber: Option<&'static Record>) -> Option<Number> {
        let node =
            self.told.find(|seat| seat.data.signal > ticket && may_be_robbed(seat, robber))?;
        // SAFETY: it is in the list, whose lock the caller holds.
        unsafe { self.told.remove(node) };
        // SAFETY: (L2): it was linked just now; its owner comes by the lock before it goes.
        let found = unsafe { node.as_ref() };
        // SAFETY: (L1): under the lock.
        let seat = unsafe { found.seat() };
        seat.tag = TAG_WAITS;
        // SAFETY: it was linked just now, under the lock.
        let waiter = unsafe { seat.waiter() };
        // SAFETY: we hold the lock, and the owner looks under it only.
        unsafe { waiter.unsettle() };
        let signal = std::mem::take(&mut seat.data.signal);
        let front = self.waiting.front();
        // SAFETY: not linked, pinned and assigned as before; `front` is in the list.
        unsafe { self.waiting.insert_before(front, node) };
        Some(signal)
    }
}

/// See [`Waiter::may_be_robbed`]. For nodes that were told, under the lock of the queue.
///
/// [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed
fn may_be_robbed(seat: &Seat<Ticket>, robber: Option<&'static Record>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock of the queue.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2): as above.
    unsafe { waiter.may_be_robbed(robber) }
}

/// A condition variable: goroutines that hold a lock wait here until another says that what the lock protects
/// has changed.
///
/// [`wait`](Self::wait) releases the lock, waits to be told, and takes the lock again. It never returns
/// without having been told; but the condition may have ceased to hold by the time it has the lock, so wait
/// in a loop. It is a future, so that `select!` and [`timeout`](crate::time::timeout) end it.
///
/// Whoever has the choice is better off with a channel.
///
/// It is a value, to be shared by [`Arc`] or as a `static`.
///
/// # Go
///
/// `sync.Cond`. The lock is given to `wait`; see [`Locker`] for which. In Go it is a mistake to use a copy
/// of a used one; here it cannot be copied.
///
/// # Examples
///
/// ```
/// use gort::sync::{Cond, Mutex};
///
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Cond = Cond::new();
///
/// gort::run(async {
///     gort::go(async {
///         *READY.lock().await = true;
///         CHANGED.broadcast();
///     });
///     let mut ready = READY.lock().await;
///     while !*ready {
///         ready = CHANGED.wait(ready).await;
///     }
/// });
/// ```
#[doc(alias = "sync.Cond")]
#[doc(alias = "Condvar")]
pub struct Cond {
    queue: Object<Queue>,
}

impl Cond {
    const_fn! {
        /// A condition variable that nobody waits for.
        ///
        /// # Go
        ///
        /// `sync.NewCond`, without a lock: that comes with each wait.
        #[doc(alias = "NewCond")]
        pub const fn new() -> Self {
            Self { queue: Object::new(Queue { waiting: List::new(), told: List::new(), next: 0 }) }
        }
    }

    /// Releases the lock that `locker` holds, waits until somebody signals, takes the lock again and yields
    /// it.
    ///
    /// The place in the line, and the release, are the future's first poll, so nobody who signals under the
    /// lock is missed.
    ///
    /// # Panics
    ///
    /// If `locker` is a lock without data and not locked, with Go's texts.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait, and the lock stays released. If it had been told, and had not
    /// got the lock back, the next that was waiting at that time is told instead.
    ///
    /// # Go
    ///
    /// `c.Wait()`, with `c.L` locked. In Go it can neither be given up nor be part of a `select`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::select;
    /// use gort::sync::{Cond, Mutex};
    /// use gort::time::{Duration, sleep};
    ///
    /// # gort::run(async {
    /// let (queue, filled) = (Mutex::new(Vec::<i32>::new()), Cond::new());
    /// let guard = queue.lock().await;
    /// select! {
    ///     _guard = filled.wait(guard) => unreachable!("nobody signals"),
    ///     () = sleep(Duration::from_millis(1)) => println!("still empty"),
    /// }
    /// assert!(queue.try_lock().is_ok(), "whoever gives up does not get the lock back");
    /// # });
    /// ```
    #[doc(alias = "Cond.L")]
    #[doc(alias = "Wait")]
    #[track_caller]
    pub fn wait<L: Locker>(&self, locker: L) -> CondWait<'_, L> {
        let relock = locker.relock();
        let site = Location::caller();
        CondWait { cond: self, site, relock, stage: Stage::New(locker) }
    }

    /// As [`wait`](Self::wait), blocking the thread. For threads outside of async code.
    ///
    /// In a goroutine it works too, but the worker is stuck meanwhile, and another takes its place.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Go
    ///
    /// `c.Wait()`.
    #[doc(alias = "Wait")]
    #[track_caller]
    pub fn blocking_wait<L: Locker>(&self, locker: L) -> L {
        context::block_thread(self.wait(locker))
    }

    /// Tells the one that has waited longest, if somebody waits. The lock need not be held.
    ///
    /// # Go
    ///
    /// `c.Signal()`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::{Cond, Mutex};
    /// use std::sync::Arc;
    ///
    /// # gort::run(async {
    /// let shared = Arc::new((Mutex::new(0), Cond::new()));
    /// let other = shared.clone();
    /// let taker = gort::go(async move {
    ///     let (count, changed) = &*other;
    ///     let mut count = count.lock().await;
    ///     while *count == 0 {
    ///         count = changed.wait(count).await;
    ///     }
    ///     *count -= 1;
    /// });
    /// *shared.0.lock().await += 1;
    /// shared.1.signal(); // one is enough for one
    /// taker.await.unwrap();
    /// # });
    /// ```
    #[doc(alias = "Signal")]
    #[doc(alias = "notify_one")]
    pub fn signal(&self) {
        let waker = {
            let mut queue = self.queue.lock();
            let signal = queue.number();
            queue.tell_one(signal).flatten()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Tells everybody that waits. The lock need not be held.
    ///
    /// # Go
    ///
    /// `c.Broadcast()`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::sync::{Cond, Mutex, WaitGroup};
    ///
    /// static OPEN: Mutex<bool> = Mutex::new(false);
    /// static CHANGED: Cond = Cond::new();
    ///
    /// # gort::run(async {
    /// let wg = WaitGroup::new();
    /// for _ in 0..3 {
    ///     wg.go(async {
    ///         let mut open = OPEN.lock().await;
    ///         while !*open {
    ///             open = CHANGED.wait(open).await;
    ///         }
    ///     });
    /// }
    /// *OPEN.lock().await = true;
    /// CHANGED.broadcast();
    /// wg.wait().await;
    /// # });
    /// ```
    #[doc(alias = "Broadcast")]
    #[doc(alias = "notify_all")]
    pub fn broadcast(&self) {
        let mut wakes = WakeBatch::new();
        let mut queue = self.queue.lock();
        let signal = queue.number();
        loop {
            while !wakes.is_full() {
                let Some(told) = queue.tell_one(signal) else { break };
                if let Some(waker) = told {
                    wakes.push(waker);
                }
            }
            let more = wakes.is_full();
            drop(queue);
            wakes.wake_all();
            if !more {
                return;
            }
            queue = self.queue.lock();
        }
    }

    /// A signal was not used: gives it to the next that waited when it was given.
    fn pass_on(&self, signal: Number) {
        let waker = self.queue.lock().tell_one(signal).flatten();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Default for Cond {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cond").finish_non_exhaustive()
    }
}

impl Drop for Cond {
    fn drop(&mut self) {
        // Only forgotten futures can still be linked: others borrow this.
        let queue = self.queue.get_mut();
        queue.waiting.abandon();
        queue.told.abandon();
    }
}

/// Keeps [`Locker`] to the locks of this module.
mod sealed {
    #[expect(unnameable_types, reason = "that is the point")]
    pub trait Sealed {}
}

/// A lock that is held, which [`Cond::wait`] can release and take again: the guards of a [`Mutex`], those of an
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

    /// Releases the lock.
    #[doc(hidden)]
    fn release(self);
}

macro_rules! guards {
    ($([$($params:tt)*] $guard:ty, $relock:ty, |$this:ident| $again:expr;)*) => {$(
        impl<$($params)*> Locker for $guard {
            type Relock = $relock;

            #[track_caller]
            fn relock(&self) -> $relock {
                let $this = self;
                $again
            }

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
    ['a, T: ?Sized] MutexGuard<'a, T>, Lock<'a, T>, |this| MutexGuard::mutex(this).lock();
    [T: ?Sized] OwnedMutexGuard<T>, LockOwned<T>,
        |this| Mutex::lock_owned(Arc::clone(OwnedMutexGuard::mutex(this)));
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

/// The future of [`Cond::wait`].
#[must_use = "nothing is waited for until the future is awaited"]
pub struct CondWait<'a, L: Locker> {
    cond: &'a Cond,
    site: &'static Location<'static>,
    relock: L::Relock,
    stage: Stage<L>,
}

enum Stage<L> {
    /// The lock is held.
    New(L),
    /// In line, or told and not seen.
    Waiting(Place<Ticket>),
    /// Told; the lock is being taken again.
    Relocking(Number),
    /// The lock has been yielded, or the release panicked.
    Over,
}

impl<L: Locker> Future for CondWait<'_, L> {
    type Output = L;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<L> {
        // SAFETY: a `Waiting` place stays where it is until it has been unlinked, and so does `relock`.
        let this = unsafe { self.get_unchecked_mut() };
        loop {
            match &this.stage {
                Stage::New(_) => this.enqueue(cx.waker().clone()),
                Stage::Waiting(place) => {
                    let Some(signal) = place.look(this.cond, cx.waker()) else {
                        record::park(WaitReason::CondWait, this.site);
                        return Poll::Pending;
                    };
                    this.stage = Stage::Relocking(signal);
                }
                Stage::Relocking(_) => {
                    // SAFETY: pinned together with `self`, see above.
                    let locker = ready!(unsafe { Pin::new_unchecked(&mut this.relock) }.poll(cx));
                    this.stage = Stage::Over;
                    return Poll::Ready(locker);
                }
                Stage::Over => panic!("`wait` polled after it was ready"),
            }
        }
    }
}

impl<L: Locker> CondWait<'_, L> {
    /// Takes a ticket, and releases the lock.
    #[track_caller]
    fn enqueue(&mut self, waker: Waker) {
        let place = Place::new(Ticket { entered: 0, signal: 0 });
        let Stage::New(locker) = std::mem::replace(&mut self.stage, Stage::Waiting(place)) else {
            unreachable!("the caller looked")
        };
        let Stage::Waiting(place) = &self.stage else { unreachable!("stored above") };
        {
            let queue = &mut *self.cond.queue.lock();
            // SAFETY: (L1): not linked.
            unsafe { place.node.seat() }.data.entered = queue.number();
            // SAFETY: new, and pinned with this future, whose drop unlinks it.
            unsafe { place.enter(&mut queue.waiting, waker) };
        }
        locker.release();
    }
}

impl Place<Ticket> {
    /// The signal that was given to this waiter, or that it may take; stores the waker if there is none.
    fn look(&self, cond: &Cond, waker: &Waker) -> Option<Number> {
        let waker = waker.clone();
        let (signal, spare) = {
            let queue = &mut *cond.queue.lock();
            // SAFETY: (L1): under the lock.
            let seat = unsafe { self.node.seat() };
            let signal = if seat.tag == TAG_TOLD {
                let signal = seat.data.signal;
                // SAFETY: it was told, so it is in this list.
                unsafe { queue.told.remove(NonNull::from(&self.node)) };
                Some(signal)
            } else {
                let robbed = queue.rob(seat.data.entered, record::current());
                if robbed.is_some() {
                    // SAFETY: it waits, so it is in this list.
                    unsafe { queue.waiting.remove(NonNull::from(&self.node)) };
                }
                robbed
            };
            // SAFETY: (W2): we hold the lock.
            (signal, unsafe { self.waiter.replace(signal.is_none().then_some(waker)) })
        };
        drop(spare);
        signal
    }

    /// Leaves the queue, wherever it is; returns the signal that was given to this waiter.
    fn leave(&self, cond: &Cond) -> Option<Number> {
        let queue = &mut *cond.queue.lock();
        // SAFETY: (L1): under the lock.
        let seat = unsafe { self.node.seat() };
        if seat.tag == TAG_TOLD {
            let signal = seat.data.signal;
            // SAFETY: it was told, so it is in this list.
            unsafe { queue.told.remove(NonNull::from(&self.node)) };
            return Some(signal);
        }
        // SAFETY: it waits, so it is in this list.
        unsafe { queue.waiting.remove(NonNull::from(&self.node)) };
        None
    }
}

impl<L: Locker> Drop for CondWait<'_, L> {
    fn drop(&mut self) {
        let unused = match &self.stage {
            Stage::Waiting(place) => place.leave(self.cond),
            Stage::Relocking(signal) => Some(*signal),
            Stage::New(_) | Stage::Over => None,
        };
        if let Some(signal) = unused {
            self.cond.pass_on(signal);
        }
    }
}

impl<L: Locker> fmt::Debug for CondWait<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CondWait").field("cond", &self.cond).finish_non_exhaustive()
    }
}
