//! Waiting for a condition that a lock protects: Go's `sync.Cond`. How signals find who waits is said in
//! `cond/queue.rs`.

mod arm;
mod locker;
mod queue;
mod wait;

pub use arm::CondArm;
pub use locker::{Locker, Relock};
pub use wait::CondWait;

use crate::runtime::context;
use crate::sys::const_fn;
use crate::sys::unwind::FirstPanic;
use crate::wait::batch::WakeBatch;
use crate::wait::object::Object;
use queue::{Queue, Signal};
use std::fmt;

/// A condition variable: goroutines that hold a lock wait here until another says that what the lock protects
/// has changed.
///
/// [`wait`](Self::wait) releases the lock, waits to be told, and takes the lock again. It never returns
/// without having been told; but the condition may have ceased to hold by the time it has the lock, so wait
/// in a loop. It is a future, so that `select!` and [`timeout`](crate::time::timeout) end it.
///
/// Whoever has the choice is better off with a channel.
///
/// It is a value, to be shared by [`Arc`](std::sync::Arc) or as a `static`.
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
            Self { queue: Object::new(Queue::new()) }
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
        CondWait::new(self, locker)
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
            queue.tell_one(signal)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Tells everybody that waits. The lock need not be held.
    ///
    /// Only one can have a lock at a time. So goroutines that wait with a [`Mutex`](super::Mutex) are put in line for it, and
    /// each is woken when the one before has released it.
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
        let (mut wakes, mut panic) = (WakeBatch::new(), FirstPanic::default());
        let mut queue = self.queue.lock();
        let broadcast = queue.broadcast();
        loop {
            // Not all at once: others want this lock.
            let mut more = true;
            for _ in 0..WakeBatch::ROOM {
                more = queue.tell_next(broadcast, &mut wakes);
                if !more {
                    break;
                }
            }
            drop(queue);
            panic.catch(|| wakes.wake_all());
            if !more {
                return panic.resume();
            }
            queue = self.queue.lock();
        }
    }

    /// A signal was not used: gives it to the next that waited when it was given.
    fn pass_on(&self, signal: Signal) {
        let Signal::One(signal) = signal else { return };
        let waker = self.queue.lock().tell_one(signal);
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
        self.queue.get_mut().abandon();
    }
}
