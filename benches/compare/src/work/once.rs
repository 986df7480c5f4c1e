//! What is done once: the first call, and those after it.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;

/// Something that is done once.
pub trait Once: Send + Sync + 'static {
    fn new() -> Self;
    /// So many times: increments `runs` if nobody has; goes on when it is done. (The loop is here, and not around it:
    /// there it would be a future that awaits another one each time, which nobody would write.)
    fn call_often(&self, times: u64, runs: &AtomicU64) -> impl Future<Output = ()> + Send;
    /// The same with a new one each time.
    fn first(times: u64, runs: &AtomicU64) -> impl Future<Output = ()> + Send;
}

/// Eight tasks, 20,000,000 calls together, after it is done.
pub async fn done<R: Rt, O: Once>(plan: Plan) -> Sample {
    const TASKS: u64 = 8;
    let each = plan.n(20_000_000, 8000) / TASKS;
    let once = Arc::new((O::new(), AtomicU64::new(0)));
    once.0.call_often(1, &once.1).await;
    let meter = Meter::start();
    let handles: Vec<_> = (0..TASKS)
        .map(|_| {
            let once = once.clone();
            R::spawn_join(async move { once.0.call_often(each, &once.1).await })
        })
        .collect();
    for handle in handles {
        handle.await;
    }
    let sample = meter.stop(TASKS * each);
    assert_eq!(once.1.load(Ordering::Relaxed), 1, "it was not done once");
    sample
}

/// One task, 5,000,000 new ones, the first call of each.
pub async fn first<R: Rt, O: Once>(plan: Plan) -> Sample {
    let n = plan.n(5_000_000, 1000);
    let runs = AtomicU64::new(0);
    let meter = Meter::start();
    O::first(n, &runs).await;
    let sample = meter.stop(n);
    assert_eq!(runs.load(Ordering::Relaxed), n, "a first call did nothing");
    sample
}

fn count(runs: &AtomicU64) {
    runs.fetch_add(1, Ordering::Relaxed);
}

macro_rules! once {
    ($(#[$doc:meta])* $name:ident, $ty:ty, |$once:ident, $runs:ident| $call:expr) => {
        $(#[$doc])*
        pub struct $name($ty);

        impl Once for $name {
            fn new() -> Self {
                $name(<$ty>::new())
            }

            async fn call_often(&self, times: u64, $runs: &AtomicU64) {
                let $once = &self.0;
                for _ in 0..times {
                    $call;
                }
            }

            async fn first(times: u64, $runs: &AtomicU64) {
                for _ in 0..times {
                    let once = <$ty>::new();
                    let $once = black_box(&once);
                    $call;
                }
            }
        }
    };
}

once! {
    /// gort's.
    GortOnce, gort::sync::Once, |once, runs| once.call_once(|| async { count(runs) }).await
}
once! {
    /// tokio's cell.
    TokioOnceCell, tokio::sync::OnceCell<()>, |once, runs| once.get_or_init(|| async { count(runs) }).await
}
once! {
    /// async-lock's cell.
    AsyncOnceCell, async_lock::OnceCell<()>, |once, runs| once.get_or_init(|| async { count(runs) }).await
}
once! {
    /// The standard library's: what is done cannot await, and whoever waits blocks the worker.
    StdOnce, std::sync::Once, |once, runs| once.call_once(|| count(runs))
}
once! {
    /// parking_lot's: the same.
    ParkingLotOnce, parking_lot::Once, |once, runs| once.call_once(|| count(runs))
}
