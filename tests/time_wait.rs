//! Waiting for time, end to end: on a runtime, outside of one, and in a `select!`.

use gort::time::{Duration, Instant, after, interval, sleep, timeout};
use std::future::pending;

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn nobody_wakes_early() {
    gort::run(async {
        let sleepers: Vec<_> = (0..200u32)
            .map(|i| {
                gort::go(async move {
                    let wanted = Duration::from_micros(u64::from(i * 7919 % 20_000));
                    let start = Instant::now();
                    sleep(wanted).await;
                    assert!(start.elapsed() >= wanted);
                })
            })
            .collect();
        for sleeper in sleepers {
            sleeper.await.unwrap();
        }
    });
}

#[test]
fn a_runtime_of_one_thread_sleeps_too() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let other = gort::go(async {
            sleep(2 * MS).await;
            7
        });
        timeout(LONG, sleep(MS)).await.unwrap();
        assert_eq!(other.await.unwrap(), 7);
    });
}

#[test]
fn outside_of_any_runtime_the_global_one_keeps_the_time() {
    let start = Instant::now();
    futures::executor::block_on(async {
        sleep(2 * MS).await;
        assert!(timeout(MS, pending::<()>()).await.is_err());
        assert!(after(MS).recv().await > start);
    });
    assert!(start.elapsed() >= 4 * MS);
}

#[test]
fn a_select_waits_for_a_channel_or_for_the_time() {
    gort::run(async {
        let (tx, rx) = gort::chan::<u32>(0);
        let start = Instant::now();
        let due = gort::select! {
            v = <-rx => panic!("nobody sends {v}"),
            due = <-after(2 * MS) => due,
        };
        assert!(due >= start + 2 * MS);
        gort::go(async move { tx.send(7).await });
        let got = gort::select! {
            v = <-rx => v,
            <-after(LONG) => panic!("too late"),
        };
        assert_eq!(got, 7);
    });
}

#[test]
fn a_timeout_around_a_loop_that_is_always_ready_ends_it() {
    gort::run(async {
        let ch = gort::Chan::new(1);
        let spin = async {
            loop {
                ch.send(1).await;
                ch.recv().await;
            }
        };
        timeout(5 * MS, spin).await.unwrap_err();
    });
}

#[test]
fn an_interval_keeps_its_phase() {
    gort::run(async {
        let mut interval = interval(3 * MS);
        let first = interval.tick().await;
        for n in 1..5 {
            assert_eq!(interval.tick().await, first + 3 * MS * n);
        }
    });
}

#[test]
fn a_time_outlives_the_runtime_it_was_made_in() {
    let (sleeping, polled, rx) = {
        let runtime = gort::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let rx = after(10 * MS);
            let mut polled = Box::pin(sleep(10 * MS));
            // Ready if the machine stalls; it may be awaited again then.
            let _ = futures::poll!(polled.as_mut());
            (sleep(10 * MS), polled, rx)
        })
    };
    let start = Instant::now();
    // Waits in a thread of its own while the runtime ends.
    let runtime = gort::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (beside, time) = runtime.block_on(async { (sleep(10 * MS), after(10 * MS)) });
    let beside = std::thread::spawn(|| futures::executor::block_on(beside));
    let received = std::thread::spawn(move || futures::executor::block_on(time.recv()));
    drop(runtime);
    beside.join().unwrap();
    assert!(received.join().unwrap() >= start + 10 * MS);
    futures::executor::block_on(async {
        sleeping.await;
        polled.await;
        rx.recv().await;
    });
}
