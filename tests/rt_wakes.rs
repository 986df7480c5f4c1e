//! Waking another worker costs hundreds of task switches: goroutines that hand over to each other
//! must not do it. Counted, not timed.

use gort::runtime::{Builder, Handle};

/// Sleeps of workers per thousand hand-offs, while `rounds` of two hand-offs each are made.
async fn parks_per_thousand(rounds: u64) -> f64 {
    let (there, here) = (gort::Chan::<u64>::new(0), gort::Chan::<u64>::new(0));
    let (rx, tx) = (there.rx(), here.tx());
    let echo = gort::go(async move {
        while let Some(n) = rx.next().await {
            tx.send(n + 1).await.unwrap();
        }
    });
    let handle = Handle::current();
    let before = handle.worker_park_count();
    let mut n = 0;
    for _ in 0..rounds {
        there.send(n).await;
        n = here.recv().await;
    }
    let parks = handle.worker_park_count() - before;
    assert_eq!(n, rounds);
    there.close();
    echo.await.unwrap();
    parks as f64 * 1000.0 / (2 * rounds) as f64
}

#[test]
fn a_pair_that_hands_over_is_not_split() {
    for workers in [1, 2, 4] {
        let runtime = Builder::new_multi_thread().worker_threads(workers).build().unwrap();
        let parks = runtime.run(async { gort::go(parks_per_thousand(50_000)).await.unwrap() });
        assert!(parks < 1.0, "{parks} sleeps of workers per 1,000 hand-offs, {workers} workers");
    }
}

#[test]
fn a_ring_of_goroutines_stays_on_one_worker() {
    const LAPS: u64 = 1000;
    const MEMBERS: u64 = 100;
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let parks = runtime.run(async {
        let (first, mut last) = gort::chan::<u64>(0);
        for _ in 0..MEMBERS {
            let (tx, rx) = gort::chan(0);
            let from = std::mem::replace(&mut last, rx);
            drop(gort::go(async move {
                while let Some(n) = from.next().await {
                    tx.send(n + 1).await.unwrap();
                }
            }));
        }
        let handle = Handle::current();
        let before = handle.worker_park_count();
        for lap in 0..LAPS {
            first.send(lap).await.unwrap();
            assert_eq!(last.next().await, Some(lap + MEMBERS));
        }
        handle.worker_park_count() - before
    });
    let per_thousand = parks as f64 * 1000.0 / (LAPS * MEMBERS) as f64;
    assert!(per_thousand < 1.0, "{per_thousand} sleeps of workers per 1,000 hand-offs");
}
