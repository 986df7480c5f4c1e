//! Spawning, yielding, waiting for many, and what a stuck worker does to the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::measure::{Meter, Plan, Sample};
use crate::rt::{Rt, Wg};

/// 1,000,000 trivial tasks spawned by one, their handles awaited in order.
pub async fn spawn_join_handles<R: Rt>(plan: Plan) -> Sample {
    let n = plan.n(1_000_000, 1000);
    let meter = Meter::start();
    let mut handles = Vec::with_capacity(usize::try_from(n).unwrap());
    for i in 0..n {
        handles.push(R::spawn_join(async move { i }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    let sample = meter.stop(n);
    assert_eq!(sum, n * (n - 1) / 2);
    sample
}

/// 1,000,000 trivial tasks spawned by one, waited for by a counter.
pub async fn spawn_join_wg<R: Rt, W: Wg>(plan: Plan) -> Sample {
    let n = plan.n(1_000_000, 1000);
    let meter = Meter::start();
    let wg = W::new();
    wg.add(usize::try_from(n).unwrap());
    for _ in 0..n {
        let wg = wg.clone();
        R::spawn(async move { wg.done() });
    }
    wg.wait().await;
    meter.stop(n)
}

/// Each task spawns two, depth 19: a tree of 2^20 - 1 tasks.
pub async fn spawn_from_task<R: Rt, W: Wg>(plan: Plan) -> Sample {
    let depth = 19 - plan.div.ilog2().min(6);
    let n = (1_u64 << (depth + 1)) - 1;
    let meter = Meter::start();
    let wg = W::new();
    wg.add(usize::try_from(n).unwrap());
    spawn_tree::<R, W>(depth, wg.clone());
    wg.wait().await;
    meter.stop(n)
}

fn spawn_tree<R: Rt, W: Wg>(depth: u32, wg: W) {
    R::spawn(async move {
        if depth > 0 {
            spawn_tree::<R, W>(depth - 1, wg.clone());
            spawn_tree::<R, W>(depth - 1, wg.clone());
        }
        wg.done();
    });
}

/// 1,000 tasks that yield 5,000 times each.
pub async fn yields<R: Rt, W: Wg>(plan: Plan) -> Sample {
    const TASKS: u64 = 1000;
    let each = plan.n(5000, 100);
    let meter = Meter::start();
    let wg = W::new();
    wg.add(TASKS as usize);
    for _ in 0..TASKS {
        let wg = wg.clone();
        R::spawn(async move {
            for _ in 0..each {
                R::yield_now().await;
            }
            wg.done();
        });
    }
    wg.wait().await;
    meter.stop(TASKS * each)
}

/// 1,000 rounds of: add 1,000, spawn 1,000 that call done, wait.
pub async fn waitgroup<R: Rt, W: Wg>(plan: Plan) -> Sample {
    const TASKS: u64 = 1000;
    let rounds = plan.n(1000, 10);
    let meter = Meter::start();
    let wg = W::new();
    for _ in 0..rounds {
        wg.add(TASKS as usize);
        for _ in 0..TASKS {
            let wg = wg.clone();
            R::spawn(async move { wg.done() });
        }
        wg.wait().await;
    }
    meter.stop(TASKS * rounds)
}

/// As many tasks as there are workers sit in `std::thread::sleep` at once, while four others do
/// nothing but yield and look at the clock. The figure is the longest pause any of the four saw.
pub async fn handoff_stall<R: Rt, W: Wg>(plan: Plan) -> Sample {
    const OTHERS: usize = 4;
    const STUCK: Duration = Duration::from_millis(100);
    let sleepers = plan.threads;
    let worst = Arc::new(AtomicU64::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let slept = Arc::new(AtomicUsize::new(0));
    let meter = Meter::start();
    let wg = W::new();
    wg.add(OTHERS + sleepers);
    for _ in 0..OTHERS {
        let (wg, worst, stop) = (wg.clone(), worst.clone(), stop.clone());
        R::spawn(async move {
            let mut last = Instant::now();
            while !stop.load(Ordering::Relaxed) {
                R::yield_now().await;
                let now = Instant::now();
                let pause = u64::try_from((now - last).as_nanos()).unwrap();
                worst.fetch_max(pause, Ordering::Relaxed);
                last = now;
            }
            wg.done();
        });
    }
    // Both cores get work and a steady state before anything is stuck.
    let warm = Instant::now();
    while warm.elapsed() < Duration::from_millis(20) {
        R::yield_now().await;
    }
    worst.store(0, Ordering::Relaxed);
    for _ in 0..sleepers {
        let (wg, slept, stop) = (wg.clone(), slept.clone(), stop.clone());
        R::spawn(async move {
            std::thread::sleep(STUCK);
            if slept.fetch_add(1, Ordering::Relaxed) + 1 == sleepers {
                stop.store(true, Ordering::Relaxed);
            }
            wg.done();
        });
    }
    wg.wait().await;
    Sample { wall_ns: worst.load(Ordering::Relaxed), ..meter.stop(1) }
}
