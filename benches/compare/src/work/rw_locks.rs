//! Locks for many readers or one writer: read, look, release, and now and then write.

use std::future::Future;
use std::sync::Arc;

use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;

/// Two counts that are equal whenever nobody writes.
type Twins = [u64; 2];

/// A lock around two counts.
pub trait ReadWrite: Send + Sync + 'static {
    fn new() -> Self;
    /// Locks so many times: for reading, looks at both counts; and for writing, every so often unless that is 0, and
    /// increments both. (The loop is here, and not around it: there it would be a future that awaits another one each
    /// time, which nobody would write.)
    fn look_and_change(&self, times: u64, write_every: u64) -> impl Future<Output = ()> + Send;
    /// One of the counts in the end.
    fn count(&self) -> impl Future<Output = u64> + Send;
}

/// Eight tasks, 16,000,000 locks together, of which one in a hundred is for writing.
pub async fn read<R: Rt, L: ReadWrite>(plan: Plan) -> Sample {
    locks::<R, L>(plan, 100).await
}

/// Eight tasks, 16,000,000 locks together, all for reading.
pub async fn read_only<R: Rt, L: ReadWrite>(plan: Plan) -> Sample {
    locks::<R, L>(plan, 0).await
}

/// Every `write_every`th lock of each task is for writing; none for 0.
async fn locks<R: Rt, L: ReadWrite>(plan: Plan, write_every: u64) -> Sample {
    const TASKS: u64 = 8;
    let each = plan.n(16_000_000, 8000) / TASKS;
    let lock = Arc::new(L::new());
    let meter = Meter::start();
    let handles: Vec<_> = (0..TASKS)
        .map(|_| {
            let lock = lock.clone();
            R::spawn_join(async move { lock.look_and_change(each, write_every).await })
        })
        .collect();
    for handle in handles {
        handle.await;
    }
    let sample = meter.stop(TASKS * each);
    assert_eq!(
        lock.count().await,
        TASKS * each.checked_div(write_every).unwrap_or(0),
        "changes were lost"
    );
    sample
}

fn checked(twins: Twins) -> u64 {
    assert_eq!(twins[0], twins[1], "a reader saw a half-made change");
    twins[0]
}

macro_rules! lock {
    ($(#[$doc:meta])* $name:ident, $ty:ty, |$m:ident| $read:expr, $write:expr) => {
        $(#[$doc])*
        pub struct $name($ty);

        impl ReadWrite for $name {
            fn new() -> Self {
                $name(<$ty>::new([0; 2]))
            }

            async fn look_and_change(&self, times: u64, write_every: u64) {
                let $m = &self.0;
                let mut seen = 0;
                for i in 1..=times {
                    if write_every > 0 && i % write_every == 0 {
                        let mut twins = $write;
                        twins[0] += 1;
                        twins[1] += 1;
                    } else {
                        let now = checked(*$read);
                        assert!(now >= seen, "a reader saw what was before");
                        seen = now;
                    }
                }
            }

            async fn count(&self) -> u64 {
                let $m = &self.0;
                checked(*$read)
            }
        }
    };
}

lock! {
    /// gort's.
    GortRwLock, gort::sync::RwLock<Twins>, |m| m.read().await, m.write().await
}
lock! {
    /// tokio's.
    TokioRwLock, tokio::sync::RwLock<Twins>, |m| m.read().await, m.write().await
}
lock! {
    /// async-lock's, smol's.
    AsyncRwLock, async_lock::RwLock<Twins>, |m| m.read().await, m.write().await
}
lock! {
    /// The standard library's: blocks the worker, cannot be held across an await.
    StdRwLock, std::sync::RwLock<Twins>, |m| m.read().unwrap(), m.write().unwrap()
}
lock! {
    /// parking_lot's: blocks the worker, too.
    ParkingLotRw, parking_lot::RwLock<Twins>, |m| m.read(), m.write()
}
