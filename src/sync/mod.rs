//! Go's package `sync`: locks, wait groups and more for goroutines.
//!
//! | Go | here |
//! |---|---|
//! | `Mutex` | [`Mutex`], which owns its data; [`RawMutex`], letter by letter |
//! | `RWMutex` | [`RwLock`], which owns its data; [`RawRwLock`], letter by letter |
//! | `Locker`, `RLocker` | [`Locker`], [`RawRwLock::rlocker`] |
//! | `WaitGroup` | [`WaitGroup`] |
//! | `Once` | [`Once`]; tokio's [`OnceCell`] to keep a value |
//! | `OnceFunc`, `OnceValue`, `OnceValues` | [`OnceFunc`], [`OnceValue`], [`OnceValues`] |
//! | `Cond` | [`Cond`] |
//! | `Pool` | [`Pool`] |
//! | `Map` | [`Map`] |
//!
//! Handles and values: [`WaitGroup`] and the `Once..` functions are handles, cloned where Go would pass a
//! pointer. The others are values, and the locks own their data; share them by `Arc` or as a `static`. None
//! of them is ever poisoned.
//!
//! What waits is a future, so it can be given up at any time, and be an arm of
//! [`select!`](macro@crate::select). A lock, a wait group or a [`Cond`] that is an arm takes effect together
//! with the choice; until then it has none, except that a [`Cond`] has released the lock that it was given.
//! (So does [`Weighted::acquire`](crate::semaphore::Weighted::acquire).)

mod cond;
mod map;
mod mutex;
mod once;
mod once_func;
mod pool;
mod raw_mutex;
mod raw_rw_lock;
mod rw_lock;
mod shards;
mod wait_group;

pub use cond::{Cond, CondWait, Locker, Relock};
pub use map::Map;
pub use mutex::{
    Lock, LockOwned, MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard,
    TryLockError,
};
pub use once::{CallOnce, Once};
pub use once_func::{CallFunc, CallValue, CallValues, OnceFunc, OnceValue, OnceValues};
pub use pool::Pool;
pub use raw_mutex::{RawLock, RawMutex};
pub use raw_rw_lock::{RLocker, RawRead, RawRwLock, RawWrite};
pub use rw_lock::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockRead, RwLockReadGuard, RwLockReadOwned, RwLockWrite,
    RwLockWriteGuard, RwLockWriteOwned,
};
pub(crate) use wait_group::Count;
pub use wait_group::{DoneGuard, Wait, WaitGroup};

/// tokio's synchronisation types: the same types, so that other crates take them.
#[doc(no_inline)]
pub use tokio::sync::{
    AcquireError, Barrier, BarrierWaitResult, Notify, OnceCell, OwnedSemaphorePermit, Semaphore,
    SemaphorePermit, SetError, TryAcquireError, broadcast, futures, mpsc, oneshot, watch,
};
#[doc(no_inline)]
pub use tokio_util::sync::{CancellationToken, DropGuard, PollSemaphore, PollSender};

#[doc(hidden)]
pub use cond::CondArm;
#[doc(hidden)]
pub use raw_mutex::LockArm;
#[doc(hidden)]
pub use raw_rw_lock::RwArm;
#[doc(hidden)]
pub use wait_group::WaitArm;

#[cfg(all(test, gort_loom))]
mod loom;
#[cfg(all(test, gort_shuttle))]
mod shuttle;
#[cfg(all(test, not(gort_loom)))]
mod tests;
