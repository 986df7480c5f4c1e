//! Goroutines: starting, waking, joining and aborting them.

use super::util::{Bare, Ledger, WORKERS, runtime};
use gort::task::yield_now;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Counts the leaves of a tree that has `width` children at each node.
fn tree(depth: usize, width: usize) -> Pin<Box<dyn Future<Output = Box<usize>> + Send>> {
    Box::pin(async move {
        if depth == 0 {
            return Box::new(1);
        }
        let children: Vec<_> = (0..width).map(|_| gort::go(tree(depth - 1, width))).collect();
        let mut leaves = 0;
        for child in children {
            leaves += *child.await.unwrap();
        }
        Box::new(leaves)
    })
}

pub(crate) fn a_tree_of_goroutines() {
    runtime(WORKERS).run(async {
        assert_eq!(*tree(12, 2).await, 1 << 12);
        // More at once than a worker's queue holds.
        assert_eq!(*tree(1, 5_000).await, 5_000);
        assert_eq!(*tree(4, 8).await, 8 * 8 * 8 * 8);
    });
}

pub(crate) fn spawns_and_wakes_from_outside() {
    const EACH: u64 = 800;
    let runtime = runtime(2);
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let handle = runtime.handle().clone();
            std::thread::spawn(move || {
                // What the thread writes is for the goroutine, and what that adds for the thread.
                let cell = Arc::new(Bare::default());
                for _ in 0..EACH {
                    let (to, from) = gort::chan(0);
                    cell.add(1);
                    let task = handle.spawn({
                        let cell = Arc::clone(&cell);
                        async move {
                            cell.add(1);
                            yield_now().await;
                            let n: u64 = from.recv().await;
                            n + cell.get()
                        }
                    });
                    to.blocking_send(1).unwrap();
                    let seen = handle.block_on(task).unwrap();
                    assert_eq!(seen, cell.get() + 1);
                }
                cell.get()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 2 * EACH);
    }
}

/// Each goroutine is aborted by several at once while it waits, is woken, or has just ended. Whatever
/// the outcome, its future is dropped once.
pub(crate) fn aborts_race_with_ends() {
    const ROUNDS: usize = 800;
    const TASKS: usize = 4;
    let ledger = Ledger::new(ROUNDS * TASKS);
    let book = Arc::clone(&ledger);
    let runtime = runtime(WORKERS);
    let outside = runtime.handle().clone();
    let (to_thread, aborts) = gort::chan::<gort::task::AbortHandle>(8);
    let thread = std::thread::spawn(move || {
        while let Some(abort) = aborts.blocking_recv() {
            abort.abort();
        }
        outside
    });
    runtime.run(async move {
        for round in 0..ROUNDS {
            let (wake, woken) = gort::chan::<()>(TASKS);
            let tasks: Vec<_> = (0..TASKS)
                .map(|_| {
                    let (token, woken) = (book.token(), woken.clone());
                    gort::go(async move {
                        for _ in 0..round % 3 {
                            yield_now().await;
                        }
                        woken.recv().await;
                        token.arrive();
                    })
                })
                .collect();
            let waker = gort::go(async move {
                for _ in 0..TASKS {
                    // Nobody may be left to receive it.
                    let _ = wake.send(()).await;
                }
            });
            for (i, task) in tasks.iter().enumerate() {
                if (round + i) % 2 == 0 {
                    to_thread.send(task.abort_handle()).await.unwrap();
                }
                let abort = task.abort_handle();
                gort::go(async move { abort.abort() });
            }
            for task in tasks {
                if let Err(error) = task.await {
                    assert!(error.is_cancelled(), "{error}");
                }
            }
            drop(woken);
            waker.await.unwrap();
        }
    });
    drop(thread.join().unwrap());
    ledger.assert_settled([]);
}
