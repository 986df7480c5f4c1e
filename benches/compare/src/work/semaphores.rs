//! Weighted semaphores: take some, work, give them back.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gort::context::background;

use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;

/// A semaphore.
pub trait Semaphore: Send + Sync + 'static {
    const SIZE: usize = 4;
    /// What tasks take, in turn.
    const WEIGHTS: [usize; 3] = [1, 2, 3];
    /// Of that size.
    fn new() -> Self;
    /// Takes `n`, does `inside`, gives them back.
    fn with(
        &self,
        n: usize,
        inside: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = ()> + Send;
    /// Whether all of it is there.
    fn is_whole(&self) -> bool;
}

/// One task takes two of four and gives them back, 20,000,000 times.
pub async fn uncontended<R: Rt, S: Semaphore>(plan: Plan) -> Sample {
    let n = plan.n(20_000_000, 1000);
    let semaphore = S::new();
    let meter = Meter::start();
    for _ in 0..n {
        semaphore.with(S::WEIGHTS[1], ready(())).await;
    }
    let sample = meter.stop(n);
    assert!(semaphore.is_whole(), "something was not given back");
    sample
}

/// Eight tasks take one, two or three of four in turn and keep them for one yield, 2,000,000 times together.
pub async fn contended<R: Rt, S: Semaphore>(plan: Plan) -> Sample {
    const TASKS: u64 = 8;
    let each = plan.n(2_000_000, 8000) / TASKS;
    let shared = Arc::new((S::new(), AtomicUsize::new(0)));
    let meter = Meter::start();
    let handles: Vec<_> = (0..TASKS)
        .map(|_| {
            let shared = shared.clone();
            R::spawn_join(async move {
                let (semaphore, inside) = &*shared;
                for (n, _) in S::WEIGHTS.into_iter().cycle().zip(0..each) {
                    let work = async {
                        let now = inside.fetch_add(n, Ordering::Relaxed) + n;
                        assert!(now <= S::SIZE, "more was taken than there is");
                        R::yield_now().await;
                        inside.fetch_sub(n, Ordering::Relaxed);
                    };
                    semaphore.with(n, work).await;
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await;
    }
    let sample = meter.stop(TASKS * each);
    assert!(shared.0.is_whole(), "something was not given back");
    sample
}

/// gort's.
pub struct GortSemaphore(gort::semaphore::Weighted);

impl Semaphore for GortSemaphore {
    fn new() -> Self {
        GortSemaphore(gort::semaphore::Weighted::new(Self::SIZE))
    }

    #[inline]
    async fn with(&self, n: usize, inside: impl Future<Output = ()> + Send) {
        self.0.acquire(&background(), n).await.expect("nothing ends that context");
        inside.await;
        self.0.release(n);
    }

    fn is_whole(&self) -> bool {
        self.0.try_acquire(Self::SIZE)
    }
}

/// tokio's.
pub struct TokioSemaphore(tokio::sync::Semaphore);

impl Semaphore for TokioSemaphore {
    fn new() -> Self {
        TokioSemaphore(tokio::sync::Semaphore::new(Self::SIZE))
    }

    #[inline]
    async fn with(&self, n: usize, inside: impl Future<Output = ()> + Send) {
        let n = u32::try_from(n).expect("a small number");
        let _permits = self.0.acquire_many(n).await.expect("nobody closes it");
        inside.await;
    }

    fn is_whole(&self) -> bool {
        self.0.available_permits() == Self::SIZE
    }
}

/// async-lock's, which knows no weights: its size is half as much, and everybody takes one.
pub struct AsyncSemaphore(async_lock::Semaphore);

impl Semaphore for AsyncSemaphore {
    const SIZE: usize = 2;
    const WEIGHTS: [usize; 3] = [1; 3];

    fn new() -> Self {
        AsyncSemaphore(async_lock::Semaphore::new(Self::SIZE))
    }

    #[inline]
    async fn with(&self, _n: usize, inside: impl Future<Output = ()> + Send) {
        let _permit = self.0.acquire().await;
        inside.await;
    }

    fn is_whole(&self) -> bool {
        let permits: Vec<_> = (0..Self::SIZE).map_while(|_| self.0.try_acquire()).collect();
        permits.len() == Self::SIZE
    }
}
