//! Timers: many that fire, many that never do, and one in a select.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::chan::{AsyncChannel, Channel, Flume, GortChan, Kanal, TokioMpsc};
use crate::measure::{Meter, Plan, Sample};
use crate::rt::{Rt, SmolStatic, Timers, Tokio, Wg};
use crate::work::check_items;

const LONG: Duration = Duration::from_secs(10);

/// 100,000 tasks that each sleep a random 1 to 100 ms. One op is the whole.
pub async fn sleep_many<R: Timers, W: Wg>(plan: Plan) -> Sample {
    let n = plan.n(100_000, 1000);
    let meter = Meter::start();
    let wg = W::new();
    wg.add(usize::try_from(n).unwrap());
    let mut random = 1_u64;
    for _ in 0..n {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let d = Duration::from_micros(1000 + (random >> 33) % 99_000);
        let wg = wg.clone();
        R::spawn(async move {
            R::sleep(d).await;
            wg.done();
        });
    }
    wg.wait().await;
    meter.stop(1)
}

/// Eight tasks wrap an operation that is ready after one yield in a 10 s timeout, 1,000,000 times
/// together.
pub async fn churn<R: Timers>(plan: Plan) -> Sample {
    let n = plan.n(1_000_000, 8000);
    let meter = Meter::start();
    let handles: Vec<_> = (0..8)
        .map(|_| {
            R::spawn_join(async move {
                for _ in 0..n / 8 {
                    assert!(R::timeout(LONG, R::yield_now()).await.is_some());
                }
            })
        })
        .collect();
    for handle in handles {
        handle.await;
    }
    meter.stop(n / 8 * 8)
}

/// The same beside 100,000 sleepers.
pub async fn churn_100k<R: Timers>(plan: Plan) -> Sample {
    static STARTED: AtomicBool = AtomicBool::new(false);
    static ASLEEP: AtomicU64 = AtomicU64::new(0);
    if !STARTED.swap(true, Ordering::Relaxed) {
        let n = plan.n(100_000, 1000);
        for i in 0..n {
            R::spawn(async move {
                ASLEEP.fetch_add(1, Ordering::Relaxed);
                R::sleep(Duration::from_secs(600 + i % 100)).await;
            });
        }
        while ASLEEP.load(Ordering::Relaxed) < n {
            R::yield_now().await;
        }
    }
    churn::<R>(plan).await
}

/// A select over a receive and a fresh 10 s timer.
pub trait TimerSelect: 'static {
    type Channel: Channel;

    /// The next item, or `None` when the timer was first.
    fn next(rx: &mut <Self::Channel as Channel>::Rx) -> impl Future<Output = Option<u64>> + Send;
}

/// A task sends, another selects over receiving and a 10 s timer, fresh each time; unbuffered,
/// 500,000 items.
pub async fn timer_select<R: Rt, S: TimerSelect>(plan: Plan) -> Sample {
    let n = plan.n(500_000, 1000);
    let (mut tx, mut rx) = S::Channel::new(0);
    let meter = Meter::start();
    let feeder = R::spawn_join(async move {
        for i in 0..n {
            assert!(S::Channel::send(&mut tx, i).await);
        }
        tx
    });
    let mut sum = 0;
    for _ in 0..n {
        sum += S::next(&mut rx).await.expect("the timer fired");
    }
    let sample = meter.stop(n);
    drop(feeder.await);
    check_items(n, n, sum);
    sample
}

/// All of it gort's.
pub struct GortTimerSelect;

impl TimerSelect for GortTimerSelect {
    type Channel = GortChan;

    #[inline]
    async fn next(rx: &mut <Self::Channel as Channel>::Rx) -> Option<u64> {
        gort::select! {
            v = rx.next() => v,
            () = gort::time::sleep(LONG) => None,
        }
    }
}

macro_rules! timer_select {
    ($(#[$doc:meta])* $name:ident, $rt:ty, $channel:ty) => {
        $(#[$doc])*
        pub struct $name;

        impl TimerSelect for $name {
            type Channel = $channel;

            #[inline]
            async fn next(rx: &mut <Self::Channel as Channel>::Rx) -> Option<u64> {
                tokio::select! {
                    v = <$channel>::recv(rx) => v,
                    () = <$rt>::sleep(LONG) => None,
                }
            }
        }
    };
}

timer_select! {
    /// All of it tokio's.
    TokioTimerSelect, Tokio, TokioMpsc
}
timer_select! {
    /// flume beside tokio's timer.
    FlumeTokioSelect, Tokio, Flume
}
timer_select! {
    /// kanal beside tokio's timer.
    KanalTokioSelect, Tokio, Kanal
}
timer_select! {
    /// async-channel beside async-io's timer.
    SmolTimerSelect, SmolStatic, AsyncChannel
}
timer_select! {
    /// kanal beside async-io's timer.
    KanalSmolSelect, SmolStatic, Kanal
}
