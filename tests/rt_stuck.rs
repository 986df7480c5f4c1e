//! Workers that are stuck inside a poll: the others go on. The stuck polls end only when the other
//! goroutines have run, so a scheduler that strands them hangs the test.

use gort::runtime::Builder;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};

const WORKERS: usize = 2;

fn runtime() -> gort::runtime::Runtime {
    Builder::new_multi_thread().worker_threads(WORKERS).build().unwrap()
}

#[test]
fn all_workers_block_their_threads_and_the_others_finish_first() {
    runtime().run(async {
        let all_stuck = Arc::new(Barrier::new(WORKERS));
        let (release, mut sleepers) = (Vec::new(), Vec::new());
        let mut release = release;
        for _ in 0..WORKERS {
            let (tx, rx) = mpsc::channel::<()>();
            let all_stuck = Arc::clone(&all_stuck);
            release.push(tx);
            sleepers.push(gort::go(async move {
                all_stuck.wait();
                rx.recv().unwrap();
            }));
        }
        let others: Vec<_> = (0..1000)
            .map(|n| {
                gort::go(async move {
                    gort::task::yield_now().await;
                    n
                })
            })
            .collect();
        for (n, other) in others.into_iter().enumerate() {
            assert_eq!(other.await.unwrap(), n);
        }
        for tx in release {
            tx.send(()).unwrap();
        }
        for sleeper in sleepers {
            sleeper.await.unwrap();
        }
    });
}

#[test]
fn stuck_workers_come_back_as_spares_and_the_threads_are_used_again() {
    let runtime = runtime();
    for _ in 0..3 {
        runtime.block_on(async {
            let (tx, rx) = mpsc::channel::<()>();
            let rx = Arc::new(std::sync::Mutex::new(rx));
            let stuck: Vec<_> = (0..4 * WORKERS)
                .map(|_| {
                    let rx = Arc::clone(&rx);
                    gort::spawn(async move { rx.lock().unwrap().recv().unwrap() })
                })
                .collect();
            gort::spawn(async move {
                for _ in 0..4 * WORKERS {
                    tx.send(()).unwrap();
                }
            })
            .await
            .unwrap();
            for handle in stuck {
                handle.await.unwrap();
            }
        });
    }
}

/// tokio#4941: A wakes B into the slot that is run next, then blocks.
#[test]
fn t21_a_goroutine_in_the_next_slot_runs_although_its_waker_blocks() {
    runtime().run(async {
        gort::go(async {
            let (tx, rx) = mpsc::channel();
            drop(gort::go(async move { tx.send(7).unwrap() }));
            assert_eq!(rx.recv().unwrap(), 7);
        })
        .await
        .unwrap();
    });
}

#[test]
fn two_busy_goroutines_run_at_the_same_time() {
    runtime().run(async {
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

fn wake(waker: &std::sync::Mutex<Option<std::task::Waker>>) {
    let taken = waker.lock().unwrap().take();
    if let Some(waker) = taken {
        waker.wake();
    }
}

/// tokio#2349, tokio#5686: a pair that keep waking each other leave the third its turn.
#[test]
fn a_pair_that_wake_each_other_starve_nobody() {
    Builder::new_multi_thread().worker_threads(1).build().unwrap().run(async {
        let stop = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicUsize::new(0));
        let wakers: Arc<[std::sync::Mutex<Option<std::task::Waker>>; 2]> = Arc::default();
        let mut pair: Vec<_> = Vec::new();
        for me in 0..2 {
            let (stop, turns, wakers) =
                (Arc::clone(&stop), Arc::clone(&turns), Arc::clone(&wakers));
            pair.push(gort::go(std::future::poll_fn(move |cx| {
                if stop.load(Ordering::Relaxed) {
                    wake(&wakers[1 - me]);
                    return std::task::Poll::Ready(());
                }
                turns.fetch_add(1, Ordering::Relaxed);
                *wakers[me].lock().unwrap() = Some(cx.waker().clone());
                wake(&wakers[1 - me]);
                std::task::Poll::Pending
            })));
        }
        let third = gort::go(async move {
            while turns.load(Ordering::Relaxed) < 1000 {
                gort::task::yield_now().await;
            }
            stop.store(true, Ordering::Relaxed);
        });
        third.await.unwrap();
        for handle in pair {
            handle.await.unwrap();
        }
    });
}
