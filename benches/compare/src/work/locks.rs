//! Mutual exclusion: lock, increment, unlock.

use std::future::Future;
use std::sync::Arc;

use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;

/// A lock around a count.
pub trait Lock: Send + Sync + 'static {
    fn new() -> Self;
    /// Locks, increments, unlocks, so many times. (The loop is here, and not around it: there it would be a future
    /// that awaits another one each time, which nobody would write.)
    fn increment(&self, times: u64) -> impl Future<Output = ()> + Send;
    /// The count in the end.
    fn count(&self) -> impl Future<Output = u64> + Send;
}

/// Eight tasks, 20,000,000 increments together.
pub async fn contended<R: Rt, L: Lock>(plan: Plan) -> Sample {
    increments::<R, L>(plan.n(20_000_000, 8000), 8).await
}

/// One task, 20,000,000 increments.
pub async fn uncontended<R: Rt, L: Lock>(plan: Plan) -> Sample {
    increments::<R, L>(plan.n(20_000_000, 8000), 1).await
}

async fn increments<R: Rt, L: Lock>(n: u64, tasks: u64) -> Sample {
    let lock = Arc::new(L::new());
    let meter = Meter::start();
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            let lock = lock.clone();
            R::spawn_join(async move { lock.increment(n / tasks).await })
        })
        .collect();
    for handle in handles {
        handle.await;
    }
    let sample = meter.stop(n);
    assert_eq!(lock.count().await, n / tasks * tasks, "increments were lost");
    sample
}

macro_rules! lock {
    ($(#[$doc:meta])* $name:ident, $ty:ty, |$m:ident| $lock:expr) => {
        $(#[$doc])*
        pub struct $name($ty);

        impl Lock for $name {
            fn new() -> Self {
                $name(<$ty>::new(0))
            }

            async fn increment(&self, times: u64) {
                for _ in 0..times {
                    let $m = &self.0;
                    *$lock += 1;
                }
            }

            async fn count(&self) -> u64 {
                let $m = &self.0;
                *$lock
            }
        }
    };
}

lock! {
    /// gort's.
    GortMutex, gort::sync::Mutex<u64>, |m| m.lock().await
}
lock! {
    /// tokio's.
    TokioMutex, tokio::sync::Mutex<u64>, |m| m.lock().await
}
lock! {
    /// async-lock's, smol's.
    AsyncLock, async_lock::Mutex<u64>, |m| m.lock().await
}
lock! {
    /// futures'.
    FuturesMutex, futures::lock::Mutex<u64>, |m| m.lock().await
}
lock! {
    /// The standard library's: blocks the worker, cannot be held across an await.
    StdMutex, std::sync::Mutex<u64>, |m| m.lock().unwrap()
}
lock! {
    /// parking_lot's: blocks the worker, too.
    ParkingLot, parking_lot::Mutex<u64>, |m| m.lock()
}
