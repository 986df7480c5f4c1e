//! Starting, joining and ending goroutines.

mod common;

use common::Polled;
use futures::future::FusedFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn run_returns_what_main_returns() {
    assert_eq!(gort::run(async { 42 }), 42);
}

#[test]
fn handles_yield_results_in_any_order() {
    gort::run(async {
        let handles: Vec<_> = (0..1000).map(|n| gort::go(async move { n * 2 })).collect();
        for (n, handle) in handles.into_iter().enumerate().rev() {
            assert_eq!(handle.await.unwrap(), n * 2);
        }
    });
}

#[test]
fn a_handle_says_whether_it_has_yielded() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut handle = gort::go(async { 7 });
        assert!(!handle.is_terminated());
        while !handle.is_finished() {
            gort::task::yield_now().await;
        }
        assert!(!handle.is_terminated(), "it has not yielded what the goroutine returned");
        assert_eq!((&mut handle).await.unwrap(), 7);
        assert!(handle.is_terminated());
    });
}

#[test]
fn a_panic_belongs_to_the_handle() {
    gort::run(async {
        let handle = gort::go(async { panic!("boom") });
        let error: gort::task::JoinError = handle.await.unwrap_err();
        assert!(error.is_panic());
        assert_eq!(error.to_string(), "task panicked with message \"boom\"");
    });
}

#[test]
fn a_million_goroutines_start_park_and_end() {
    const N: usize = 1_000_000;
    gort::run(async {
        let gate = gort::Chan::<()>::new(0);
        let (started, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..N {
            let (gate, started, ended) = (gate.clone(), started.clone(), ended.clone());
            drop(gort::go(async move {
                started.fetch_add(1, Ordering::Relaxed);
                gate.recv().await;
                ended.fetch_add(1, Ordering::Relaxed);
            }));
        }
        while started.load(Ordering::Relaxed) < N {
            gort::task::yield_now().await;
        }
        assert_eq!(gort::runtime::num_goroutine(), N + 1);
        assert_eq!(ended.load(Ordering::Relaxed), 0);
        gate.close();
        while gort::runtime::num_goroutine() > 1 {
            gort::task::yield_now().await;
        }
        assert_eq!(ended.load(Ordering::Relaxed), N);
    });
}

#[test]
fn current_thread_runs_goroutines_inside_block_on() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    let here = std::thread::current().id();
    let there =
        runtime.block_on(async { gort::go(async { std::thread::current().id() }).await.unwrap() });
    assert_eq!(here, there);
}

#[test]
fn blocking_jobs_run_beside() {
    gort::run(async {
        let jobs: Vec<_> = (0..50).map(|n| gort::task::spawn_blocking(move || n + 1)).collect();
        for (n, job) in jobs.into_iter().enumerate() {
            assert_eq!(job.await.unwrap(), n + 1);
        }
    });
}

#[test]
fn main_goexit_waits_for_the_others() {
    let caught = std::panic::catch_unwind(|| {
        gort::run(async {
            for _ in 0..10 {
                drop(gort::go(gort::task::yield_now()));
            }
            gort::runtime::goexit()
        })
    });
    let text = caught.map(|never: ()| never).unwrap_err();
    assert_eq!(
        text.downcast_ref::<String>().map(String::as_str).or(text.downcast_ref::<&str>().copied()),
        Some("fatal error: no goroutines (main called runtime.Goexit) - deadlock!")
    );
}

/// Its worker has lost its place when it ends, and may get none again.
#[test]
#[should_panic(expected = "no goroutines (main called runtime.Goexit) - deadlock!")]
fn main_goexit_waits_for_a_goroutine_that_blocks_its_thread() {
    let runtime = gort::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let handle = runtime.handle().clone();
    let (tx, rx) = gort::chan(0);
    let sender = std::thread::spawn(move || {
        while handle.stuck_workers() == 0 {
            std::thread::yield_now();
        }
        tx.blocking_send(()).unwrap();
    });
    runtime.run(async move {
        drop(gort::go(async move {
            rx.blocking_recv();
            sender.join().unwrap();
        }));
        gort::runtime::goexit()
    })
}

#[test]
fn abort_drops_the_future_and_yields_cancelled() {
    gort::run(async {
        let handle = gort::go(std::future::pending::<()>());
        handle.abort();
        assert!(handle.await.unwrap_err().is_cancelled());
    });
}

/// Starts things in `other`, which is not the runtime that runs this. Returns a sleep of an hour there.
fn start_in(other: &gort::runtime::Handle) -> Polled<gort::time::Sleep> {
    use gort::time::{Duration, Instant, sleep};
    let guard = other.enter();
    let start = Instant::now();
    drop(gort::spawn(async {}));
    assert_eq!((other.num_goroutine(), gort::runtime::num_goroutine()), (1, 1));
    let mut asleep = Polled::new(sleep(Duration::from_secs(3600)));
    assert!(asleep.poll().is_pending());
    assert_eq!(Instant::now(), start, "its clock stands still");
    drop(guard);
    drop(gort::spawn(async {}));
    assert_eq!(other.num_goroutine(), 1);
    asleep
}

/// Whatever runs the code: the entered runtime is the current one, for all that is asked of it.
#[test]
fn another_runtime_can_be_entered_inside_of_one() {
    use gort::runtime::Builder;
    use gort::time::{Duration, sleep};
    let workers = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let alone = Builder::new_current_thread().build().unwrap();
    let other = Builder::new_current_thread().start_paused(true).build().unwrap();
    for place in 0..3 {
        let handle = other.handle().clone();
        let start = async move { start_in(&handle) };
        let mut asleep = match place {
            0 => workers.block_on(workers.spawn(start)).unwrap(),
            1 => alone.block_on(alone.spawn(start)).unwrap(),
            _ => alone.block_on(start),
        };
        other.block_on(async { sleep(Duration::from_secs(7200)).await });
        assert_eq!((asleep.wakes(), other.handle().num_goroutine()), (1, 0));
        asleep.ready();
    }
}
