//! Items through channels: one to one, many to one, many to many, and there and back.

use crate::chan::{Channel, Multi, Shared};
use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;
use crate::work::check_items;

/// What a buffered row's channel holds.
const BUFFERED: usize = 128;

/// Two tasks, two unbuffered channels, 500,000 round trips.
pub async fn pingpong<R: Rt, C: Channel>(plan: Plan) -> Sample {
    let n = plan.n(500_000, 1000);
    let (mut ping, mut ping_rx) = C::new(0);
    let (mut pong, mut pong_rx) = C::new(0);
    let meter = Meter::start();
    let echo = R::spawn_join(async move {
        while let Some(v) = C::recv(&mut ping_rx).await {
            assert!(C::send(&mut pong, v).await);
        }
    });
    let mut sum = 0;
    for i in 0..n {
        assert!(C::send(&mut ping, i).await);
        sum += C::recv(&mut pong_rx).await.expect("the echo ended early");
    }
    let sample = meter.stop(n);
    drop(ping);
    echo.await;
    check_items(n, n, sum);
    sample
}

/// One to one, capacity 128, 4,000,000 items.
pub async fn spsc_buf<R: Rt, C: Channel>(plan: Plan) -> Sample {
    one_to_one::<R, C>(plan.n(4_000_000, 1000), BUFFERED).await
}

/// One to one, unbuffered, 1,000,000 items.
pub async fn spsc_unbuf<R: Rt, C: Channel>(plan: Plan) -> Sample {
    one_to_one::<R, C>(plan.n(1_000_000, 1000), 0).await
}

async fn one_to_one<R: Rt, C: Channel>(n: u64, cap: usize) -> Sample {
    let (mut tx, rx) = C::new(cap);
    let meter = Meter::start();
    let consumer = R::spawn_join(consume::<C>(rx));
    for i in 0..n {
        assert!(C::send(&mut tx, i).await);
    }
    drop(tx);
    let (count, sum) = consumer.await;
    let sample = meter.stop(n);
    check_items(n, count, sum);
    sample
}

/// Eight to one, capacity 128, 4,000,000 items.
pub async fn mpsc_buf<R: Rt, C: Multi>(plan: Plan) -> Sample {
    let n = plan.n(4_000_000, 8000);
    let (tx, rx) = C::new(BUFFERED);
    let meter = Meter::start();
    let consumer = R::spawn_join(consume::<C>(rx));
    produce_by_eight::<R, C>(tx, n);
    let (count, sum) = consumer.await;
    let sample = meter.stop(n);
    check_items(n, count, sum);
    sample
}

/// Eight to eight, capacity 128, 4,000,000 items.
pub async fn mpmc_buf<R: Rt, C: Shared>(plan: Plan) -> Sample {
    let n = plan.n(4_000_000, 8000);
    let (tx, rx) = C::new(BUFFERED);
    let meter = Meter::start();
    let consumers: Vec<_> = (0..8).map(|_| R::spawn_join(consume::<C>(rx.clone()))).collect();
    drop(rx);
    produce_by_eight::<R, C>(tx, n);
    let (mut count, mut sum) = (0, 0);
    for consumer in consumers {
        let (c, s) = consumer.await;
        count += c;
        sum += s;
    }
    let sample = meter.stop(n);
    check_items(n, count, sum);
    sample
}

/// Counts and sums what comes until the channel ends.
async fn consume<C: Channel>(mut rx: C::Rx) -> (u64, u64) {
    let (mut count, mut sum) = (0, 0);
    while let Some(v) = C::recv(&mut rx).await {
        count += 1;
        sum += v;
    }
    (count, sum)
}

/// Starts eight tasks that together send `0..n`, each a part of its own.
fn produce_by_eight<R: Rt, C: Multi>(tx: C::Tx, n: u64) {
    for part in 0..8 {
        let mut tx = tx.clone();
        R::spawn(async move {
            for i in n * part / 8..n * (part + 1) / 8 {
                assert!(C::send(&mut tx, i).await);
            }
        });
    }
}
