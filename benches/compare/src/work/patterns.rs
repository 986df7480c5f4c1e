//! Programs made of many tasks and channels: the ring, the prime sieve, skynet.

use crate::chan::{Channel, Multi};
use crate::measure::{Meter, Plan, Sample};
use crate::rt::Rt;

/// 1,000 tasks in a ring of unbuffered channels, 1,000 laps of one token. One op is a hop.
pub async fn ring<R: Rt, C: Channel>(plan: Plan) -> Sample {
    const TASKS: u64 = 1000;
    let laps = plan.n(1000, 10);
    let (mut first, mut left) = C::new(0);
    for _ in 0..TASKS - 1 {
        let (mut right, next) = C::new(0);
        let mut from = std::mem::replace(&mut left, next);
        R::spawn(async move {
            while let Some(token) = C::recv(&mut from).await {
                assert!(C::send(&mut right, token + 1).await);
            }
        });
    }
    let meter = Meter::start();
    let mut token = 0;
    for _ in 0..laps {
        assert!(C::send(&mut first, token + 1).await);
        token = C::recv(&mut left).await.expect("the ring broke");
    }
    let sample = meter.stop(laps * TASKS);
    assert_eq!(token, laps * TASKS, "the token missed a hop");
    drop(first);
    assert_eq!(C::recv(&mut left).await, None);
    sample
}

/// The chained prime sieve up to the 1,000th prime, unbuffered. One op is the whole.
pub async fn sieve<R: Rt, C: Channel>(plan: Plan) -> Sample {
    let (limit, primes, sum) =
        if plan.div < 20 { (7919, 1000, 3_682_913) } else { (541, 100, 24_133) };
    let meter = Meter::start();
    let (mut tx, mut rx) = C::new(0);
    R::spawn(async move {
        for i in 2..=limit {
            assert!(C::send(&mut tx, i).await);
        }
    });
    let mut found = (0, 0);
    while let Some(prime) = C::recv(&mut rx).await {
        found = (found.0 + 1, found.1 + prime);
        let (mut tx, next) = C::new(0);
        let mut from = std::mem::replace(&mut rx, next);
        R::spawn(async move {
            while let Some(v) = C::recv(&mut from).await {
                if v % prime != 0 {
                    assert!(C::send(&mut tx, v).await);
                }
            }
        });
    }
    let sample = meter.stop(1);
    assert_eq!(found, (primes, sum), "the sieve lost numbers");
    sample
}

/// A 10-ary tree with 1,000,000 leaves whose sums go up unbuffered channels. One op is the whole.
pub async fn skynet<R: Rt, C: Multi>(plan: Plan) -> Sample {
    skynet_with::<R, C>(plan, 0).await
}

/// The same with capacity 10, so that no child waits.
pub async fn skynet_cap10<R: Rt, C: Multi>(plan: Plan) -> Sample {
    skynet_with::<R, C>(plan, 10).await
}

async fn skynet_with<R: Rt, C: Multi>(plan: Plan, cap: usize) -> Sample {
    let leaves = match plan.div {
        0..=2 => 1_000_000,
        3..=20 => 100_000,
        _ => 10_000,
    };
    let meter = Meter::start();
    let (tx, mut rx) = C::new(cap);
    skynet_node::<R, C>(tx, 0, leaves, cap);
    let sum = C::recv(&mut rx).await;
    let sample = meter.stop(1);
    assert_eq!(sum, Some(leaves * (leaves - 1) / 2), "skynet lost a leaf");
    sample
}

fn skynet_node<R: Rt, C: Multi>(mut tx: C::Tx, number: u64, size: u64, cap: usize) {
    R::spawn(async move {
        if size == 1 {
            assert!(C::send(&mut tx, number).await);
            return;
        }
        let (children_tx, mut children) = C::new(cap);
        for i in 0..10 {
            skynet_node::<R, C>(children_tx.clone(), number + i * (size / 10), size / 10, cap);
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += C::recv(&mut children).await.expect("a child is missing");
        }
        assert!(C::send(&mut tx, sum).await);
    });
}
