//! Many tickers that fire, each in a task of its own.

use std::future::Future;
use std::time::{Duration, Instant};

use futures_lite::StreamExt;

use crate::measure::{Meter, Plan, Sample};
use crate::rt::Timers;

const PERIOD: Duration = Duration::from_millis(10);

/// What ticks.
pub trait Ticker: 'static {
    /// Waits for so many ticks, one every [`PERIOD`].
    fn ticks(n: u64) -> impl Future<Output = ()> + Send;
}

/// 1,000 tickers, started at random within 10 ms, tick 100 times each, every 10 ms. An op is a tick; its time
/// is the CPU's, as that of the clock is given.
pub async fn tickers<R: Timers, T: Ticker>(plan: Plan) -> Sample {
    const TICKERS: u64 = 1000;
    let ticks = plan.n(100, 5);
    let meter = Meter::start();
    let mut random = 1_u64;
    let mut handles = Vec::new();
    for _ in 0..TICKERS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let phase = Duration::from_micros((random >> 33) % 10_000);
        handles.push(R::spawn_join(async move {
            R::sleep(phase).await;
            let start = Instant::now();
            T::ticks(ticks).await;
            assert!(start.elapsed() >= PERIOD * u32::try_from(ticks).unwrap(), "a tick was early");
        }));
    }
    for handle in handles {
        handle.await;
    }
    let sample = meter.stop(TICKERS * ticks);
    Sample { wall_ns: sample.cpu_ns, ..sample }
}

/// gort's `Ticker`, a channel.
pub struct GortTicker;

impl Ticker for GortTicker {
    async fn ticks(n: u64) {
        let ticker = gort::time::Ticker::new(PERIOD);
        for _ in 0..n {
            ticker.c().recv().await;
        }
    }
}

/// gort's `interval`.
pub struct GortInterval;

impl Ticker for GortInterval {
    async fn ticks(n: u64) {
        let mut interval = gort::time::interval_at(gort::time::Instant::now() + PERIOD, PERIOD);
        for _ in 0..n {
            interval.tick().await;
        }
    }
}

/// tokio's `interval`.
pub struct TokioInterval;

impl Ticker for TokioInterval {
    async fn ticks(n: u64) {
        let mut interval = tokio::time::interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
        for _ in 0..n {
            interval.tick().await;
        }
    }
}

/// async-io's timer, as a stream.
pub struct SmolInterval;

impl Ticker for SmolInterval {
    async fn ticks(n: u64) {
        let mut timer = async_io::Timer::interval(PERIOD);
        for _ in 0..n {
            timer.next().await.expect("it has no end");
        }
    }
}
