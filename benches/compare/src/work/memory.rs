//! Resident memory per blocked task. One child measures once: memory given back to the allocator
//! would hide what the next repetition takes. It ends as soon as it has its figure, inside the main
//! task: what a channel or a runtime does with a million waiting tasks at its end is not measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::chan::Shared;
use crate::measure::{Meter, Plan, Sample, leave, rss};
use crate::rt::{Rt, Timers};

/// Tasks that have got so far as to block.
static BLOCKED: AtomicU64 = AtomicU64::new(0);

/// 1,000,000 tasks blocked receiving on one shared channel.
pub async fn recv<R: Rt, C: Shared>(plan: Plan) -> Sample {
    let n = plan.n(1_000_000, 1000);
    let (_open, rx) = C::new(1);
    measure::<R>(n, move || {
        let mut rx = rx.clone();
        R::spawn(async move {
            BLOCKED.fetch_add(1, Ordering::Relaxed);
            let _ = C::recv_raw(&mut rx).await;
        });
    })
    .await
}

/// 1,000,000 tasks with a oneshot channel of tokio's each, which has no shared one.
pub async fn own_oneshot<R: Rt>(plan: Plan) -> Sample {
    let n = plan.n(1_000_000, 1000);
    let mut keep = Vec::with_capacity(usize::try_from(n).unwrap());
    measure::<R>(n, || {
        let (tx, rx) = tokio::sync::oneshot::channel::<u64>();
        keep.push(tx);
        R::spawn(async move {
            BLOCKED.fetch_add(1, Ordering::Relaxed);
            let _ = rx.await;
        });
    })
    .await
}

/// 1,000,000 tasks asleep.
pub async fn sleep<R: Timers>(plan: Plan) -> Sample {
    let n = plan.n(1_000_000, 1000);
    measure::<R>(n, || {
        R::spawn(async move {
            BLOCKED.fetch_add(1, Ordering::Relaxed);
            R::sleep(Duration::from_secs(3600)).await;
        });
    })
    .await
}

/// 1,000,000 tasks in a future that is never ready.
pub async fn pending<R: Rt>(plan: Plan) -> Sample {
    let n = plan.n(1_000_000, 1000);
    measure::<R>(n, || {
        R::spawn(async move {
            BLOCKED.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        });
    })
    .await
}

/// Starts `n` tasks by `start`, waits until the last has blocked, and ends the process.
async fn measure<R: Rt>(n: u64, mut start: impl FnMut() + Send) -> Sample {
    let before = rss();
    let meter = Meter::start();
    for _ in 0..n {
        start();
    }
    while BLOCKED.load(Ordering::Relaxed) < n {
        R::yield_now().await;
    }
    // The last one counted itself just before it blocked.
    for _ in 0..1000 {
        R::yield_now().await;
    }
    let sample = meter.stop(n);
    leave(&[Sample { bytes: rss().saturating_sub(before) / n, ..sample }])
}
