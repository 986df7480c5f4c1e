//! Workers that are stuck inside a poll: the others go on. The stuck polls end only when the other
//! goroutines have run, so a scheduler that strands them hangs the test. (More of it: T21 and T23 in
//! `hazards_runtime.rs`.)

use gort::runtime::{Builder, gosched};
use gort::time::Instant;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::Duration;

fn workers(count: usize) -> gort::runtime::Runtime {
    Builder::new_multi_thread().worker_threads(count).build().unwrap()
}

#[test]
fn two_busy_goroutines_run_at_the_same_time() {
    workers(2).run(async {
        let seen: [Arc<AtomicBool>; 2] = Default::default();
        let busy: Vec<_> = [(0, 1), (1, 0)]
            .map(|(own, other)| {
                let (own, other) = (Arc::clone(&seen[own]), Arc::clone(&seen[other]));
                gort::go(async move {
                    own.store(true, Ordering::SeqCst);
                    while !other.load(Ordering::SeqCst) {
                        std::hint::spin_loop();
                    }
                })
            })
            .into();
        for handle in busy {
            handle.await.unwrap();
        }
    });
}

/// More goroutines than a worker's ring has room for, started by one that then blocks its thread until all of them have
/// run, on others.
#[test]
fn what_a_stuck_worker_has_started_is_run_by_others() {
    for count in [1, 2] {
        workers(count).run(async {
            let (done, all_done) = mpsc::channel();
            for n in 0..2000 {
                let done = done.clone();
                drop(gort::go(async move {
                    gosched().await;
                    done.send(n).unwrap();
                }));
            }
            let mut seen: Vec<_> = (0..2000).map(|_| all_done.recv().unwrap()).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..2000).collect::<Vec<_>>());
        });
    }
}

/// The other worker is never idle, so it does not look for work: it has to see by itself that some waits behind a
/// goroutine that computes. (Whether a third thread comes is the monitor's affair.)
#[test]
fn what_waits_behind_a_goroutine_that_computes_is_run_by_a_busy_worker() {
    workers(2).run(async {
        let done = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let busy = gort::go({
            let over = Arc::clone(&over);
            async move {
                while !over.load(Ordering::SeqCst) {
                    gosched().await;
                }
            }
        });
        let computes = gort::go(async move {
            const STARTED: usize = 2000;
            for _ in 0..STARTED {
                let done = Arc::clone(&done);
                drop(gort::go(async move {
                    gosched().await;
                    done.fetch_add(1, Ordering::SeqCst);
                }));
            }
            while done.load(Ordering::SeqCst) < STARTED {
                std::hint::spin_loop();
            }
            over.store(true, Ordering::SeqCst);
        });
        computes.await.unwrap();
        busy.await.unwrap();
    });
}

/// Does what is ready until the goroutine has to let others run, and does not.
async fn spend_budget() {
    let (tx, _rx) = gort::chan(1 << 20);
    poll_fn(|cx| {
        while pin!(tx.send(())).poll(cx).is_ready() {}
        Poll::Ready(())
    })
    .await;
}

/// A goroutine that has no budget left is refused, and told to come back; whoever blocks the thread comes back at
/// once, in the same poll.
#[test]
fn a_blocking_operation_needs_no_budget() {
    workers(1).run(async {
        let (tx, rx) = gort::chan(0);
        let receiver = gort::go(async move {
            spend_budget().await;
            (0..1000).map(|_| rx.blocking_recv()).collect::<Option<Vec<_>>>()
        });
        for i in 0..1000 {
            tx.send(i).await.unwrap();
        }
        assert_eq!(receiver.await.unwrap(), Some((0..1000).collect()));
    });
}

/// The same, of somebody else's executor inside of a poll. It cannot be known from a goroutine that asks again, but
/// after many refusals.
#[test]
fn an_executor_inside_of_a_goroutine_gets_on() {
    workers(1).run(async {
        let (tx, rx) = gort::chan(0);
        let receiver = gort::go(async move {
            spend_budget().await;
            futures::executor::block_on(async move {
                let mut seen = Vec::new();
                while let Some(i) = rx.next().await {
                    seen.push(i);
                }
                seen
            })
        });
        for i in 0..1000 {
            tx.send(i).await.unwrap();
        }
        drop(tx);
        assert_eq!(receiver.await.unwrap(), (0..1000).collect::<Vec<_>>());
    });
}

/// The thread that takes the place of a stuck one is named by a function of the user's, which blocks here.
#[test]
fn a_name_function_may_block_its_thread() {
    let (names, is_named) = mpsc::channel();
    let (tx, rx) = gort::chan::<String>(0);
    std::thread::spawn(move || {
        let asked = AtomicUsize::new(0);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name_fn(move || match asked.fetch_add(1, Ordering::Relaxed) {
                // The worker and the monitor.
                0 | 1 => "first".to_owned(),
                _ => rx.blocking_recv().expect("a name"),
            })
            .build()
            .unwrap();
        let (wakes, woken) = gort::chan::<()>(0);
        runtime.block_on(async move {
            let stuck = gort::spawn(async move { woken.blocking_recv() });
            let other = gort::spawn(async move {
                wakes.send(()).await.unwrap();
                names.send(std::thread::current().name().map(str::to_owned)).unwrap();
            });
            assert_eq!(stuck.await.unwrap(), Some(()));
            other.await.unwrap();
        });
    });
    // It has a taker only when the function waits.
    let start = Instant::now();
    while tx.try_send("second".to_owned()).is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "it hangs");
        std::thread::yield_now();
    }
    let name = is_named.recv_timeout(Duration::from_secs(30)).expect("it hangs");
    assert_eq!(name.as_deref(), Some("second"));
}
