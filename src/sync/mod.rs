//! Go's package `sync`: locks and wait groups for goroutines.
//!
//! Handles and values: [`WaitGroup`] is a handle, cloned where Go would pass a pointer. The locks are
//! values that own their data; share them by `Arc` or as a `static`. None of them is ever poisoned.

mod mutex;
mod raw_mutex;
mod wait_group;

pub use mutex::{
    Lock, LockOwned, MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard,
    TryLockError,
};
pub use raw_mutex::{RawLock, RawMutex};
pub use wait_group::{DoneGuard, Wait, WaitGroup};

/// tokio's synchronisation types: the same types, so that other crates take them.
#[doc(no_inline)]
pub use tokio::sync::{
    AcquireError, Barrier, BarrierWaitResult, Notify, OnceCell, OwnedSemaphorePermit, Semaphore,
    SemaphorePermit, SetError, TryAcquireError, broadcast, futures, mpsc, oneshot, watch,
};
#[doc(no_inline)]
pub use tokio_util::sync::{CancellationToken, DropGuard, PollSemaphore, PollSender};

#[cfg(all(test, gort_loom))]
mod loom;
#[cfg(all(test, gort_shuttle))]
mod shuttle;
#[cfg(all(test, not(gort_loom)))]
mod tests;
