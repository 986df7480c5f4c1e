//! Calls that are shared by all who ask for the same key meanwhile.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::measure::{Meter, Plan, Sample};
use crate::rt::{Rt, Wg};

/// Calls by key.
pub trait Flights: Clone + Send + Sync + 'static {
    fn new() -> Self;
    /// Waits for the call for `key` that is on its way, or for `f`, which becomes one.
    fn run(
        &self,
        key: &'static str,
        f: impl Future<Output = u64> + Send + 'static,
    ) -> impl Future<Output = u64> + Send;
}

/// 1,000 rounds of: 1,000 tasks ask for one key; the call ends when all have asked. One op is a task that
/// asks.
pub async fn hits<R: Rt, F: Flights, W: Wg>(plan: Plan) -> Sample {
    const CALLERS: u64 = 1000;
    let rounds = plan.n(1000, 10);
    let flights = F::new();
    let (calls, sum) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let meter = Meter::start();
    for round in 0..rounds {
        let (asked, over) = (W::new(), W::new());
        asked.add(CALLERS as usize);
        over.add(CALLERS as usize);
        for _ in 0..CALLERS {
            let (flights, asked, over) = (flights.clone(), asked.clone(), over.clone());
            let (calls, sum) = (calls.clone(), sum.clone());
            R::spawn(async move {
                asked.done();
                let call = async move {
                    calls.fetch_add(1, Ordering::Relaxed);
                    asked.wait().await;
                    round
                };
                sum.fetch_add(flights.run("key", call).await, Ordering::Relaxed);
                over.done();
            });
        }
        over.wait().await;
    }
    let sample = meter.stop(CALLERS * rounds);
    let (calls, sum) = (calls.load(Ordering::Relaxed), sum.load(Ordering::Relaxed));
    assert_eq!(sum, CALLERS * (0..rounds).sum::<u64>(), "somebody got another round's value");
    // One who has said that it asks, and has not, may come too late.
    assert!((rounds..rounds * CALLERS / 10).contains(&calls), "calls were not shared");
    sample
}

/// gort's.
#[derive(Clone)]
pub struct GortFlights(gort::singleflight::Group<&'static str, u64>);

impl Flights for GortFlights {
    fn new() -> Self {
        GortFlights(gort::singleflight::Group::new())
    }

    async fn run(&self, key: &'static str, f: impl Future<Output = u64> + Send + 'static) -> u64 {
        self.0.run(key, f).await.value
    }
}

/// A call for each key, in a map under a lock. Whoever is done takes it out.
#[derive(Clone)]
struct Calls<C>(Arc<Mutex<HashMap<&'static str, C>>>);

impl<C: Clone> Calls<C> {
    fn new() -> Self {
        Calls(Arc::default())
    }

    fn join(&self, key: &'static str, new: impl FnOnce() -> C) -> C {
        self.0.lock().unwrap().entry(key).or_insert_with(new).clone()
    }

    fn remove(&self, key: &'static str, is_it: impl FnOnce(&C) -> bool) {
        let mut calls = self.0.lock().unwrap();
        if calls.get(key).is_some_and(is_it) {
            calls.remove(key);
        }
    }
}

macro_rules! cells {
    ($(#[$doc:meta])* $name:ident, $cell:ty) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Calls<Arc<$cell>>);

        impl Flights for $name {
            fn new() -> Self {
                $name(Calls::new())
            }

            async fn run(
                &self,
                key: &'static str,
                f: impl Future<Output = u64> + Send + 'static,
            ) -> u64 {
                let cell = self.0.join(key, || Arc::new(<$cell>::new()));
                let mut is_first = false;
                let call = || {
                    is_first = true;
                    f
                };
                let value = *cell.get_or_init(call).await;
                if is_first {
                    self.0.remove(key, |found| Arc::ptr_eq(found, &cell));
                }
                value
            }
        }
    };
}

cells! {
    /// A map of tokio's cells.
    TokioCells, tokio::sync::OnceCell<u64>
}
cells! {
    /// A map of async-lock's cells.
    AsyncCells, async_lock::OnceCell<u64>
}

/// A map of shared futures, of which whoever polls first drives the call for all.
#[derive(Clone)]
pub struct SharedFutures(Calls<Shared<BoxFuture<'static, u64>>>);

impl Flights for SharedFutures {
    fn new() -> Self {
        SharedFutures(Calls::new())
    }

    async fn run(&self, key: &'static str, f: impl Future<Output = u64> + Send + 'static) -> u64 {
        let mut is_first = false;
        let call = self.0.join(key, || {
            is_first = true;
            f.boxed().shared()
        });
        let value = call.clone().await;
        if is_first {
            self.0.remove(key, |found| found.ptr_eq(&call));
        }
        value
    }
}
