//! Whole runtimes: their start and end, the threads that block on them, those that get stuck in them.

use super::util::{Ledger, Token, attempt, runtime};
use gort::net::TcpListener;
use gort::runtime::{Builder, Handle, Runtime};
use gort::task::{spawn_blocking, yield_now};
use gort::time::{Duration, sleep};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Starts goroutines that wait for everything there is to wait for, each with a token in it.
fn start_all_kinds(handle: &Handle, ledger: &Arc<Ledger>) {
    let token = || ledger.token();
    let spawn = |token: Token, kind: usize| {
        handle.go(async move {
            let _token = token;
            match kind {
                0 => std::future::pending().await,
                1 => sleep(Duration::from_secs(3600)).await,
                2 => {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    drop(listener.accept().await);
                }
                3 => {
                    let (to, from) = gort::chan::<u8>(0);
                    from.recv().await;
                    drop(to);
                }
                _ => loop {
                    yield_now().await;
                },
            }
        })
    };
    for kind in 0..5 {
        // One is awaited by nobody, one by a goroutine of the same runtime.
        drop(spawn(token(), kind));
        let awaited = spawn(token(), kind);
        let token = token();
        handle.go(async move {
            let _token = token;
            drop(awaited.await);
        });
    }
    let job = token();
    drop(handle.spawn_blocking(move || job.arrive()));
}

pub(crate) fn start_and_stop() {
    const ROUNDS: usize = 150;
    for round in 0..ROUNDS {
        let ledger = Ledger::new(17);
        let runtime = match round % 4 {
            0 => Builder::new_current_thread().build().unwrap(),
            workers => runtime(workers),
        };
        let handle = runtime.handle().clone();
        start_all_kinds(&handle, &ledger);
        match round % 5 {
            // At once, or after each goroutine was polled a few times.
            0 => drop(runtime),
            1 => runtime.run(async {}),
            _ => {
                runtime.block_on(async move {
                    for _ in 0..round {
                        yield_now().await;
                    }
                });
                drop(runtime);
            }
        }
        ledger.assert_settled([]);
        // Too late: the future is dropped.
        let late = ledger.token();
        drop(handle.spawn(async move { drop(late) }));
        ledger.assert_settled([]);
    }
}

/// On a runtime with workers, and on one whose goroutines run on the threads that block. The end of each
/// ring counts most: who leaves has to leave the worker to somebody.
pub(crate) fn several_threads_block_on_one_runtime() {
    for workers in [0, 2] {
        let runtime = match workers {
            0 => Builder::new_current_thread().build().unwrap(),
            _ => runtime(workers),
        };
        pass_round(&runtime, 200);
        for _ in 0..40 {
            pass_round(&runtime, 3);
        }
    }
}

/// Four threads; each passes on to the next what it gets, round and round.
fn pass_round(runtime: &Runtime, rounds: usize) {
    const THREADS: usize = 4;
    let (ends, starts): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| gort::chan::<Box<usize>>(0)).unzip();
    let first = ends[0].clone();
    std::thread::scope(|scope| {
        for (i, from) in starts.into_iter().enumerate() {
            let to = ends[(i + 1) % THREADS].clone();
            scope.spawn(move || {
                for _ in 0..rounds {
                    let from = from.clone();
                    let got = runtime.block_on(async move {
                        gort::spawn(async move { from.next().await.unwrap() }).await.unwrap()
                    });
                    // When the last round is over, nobody takes it any more.
                    drop(runtime.block_on(to.send(Box::new(*got + 1))));
                }
            });
        }
        drop(ends);
        runtime.block_on(first.send(Box::default())).unwrap();
        drop(first);
    });
}

/// More jobs than threads, some of which need each other, some aborted.
pub(crate) fn blocking_jobs() {
    const ROUNDS: usize = 120;
    const JOBS: usize = 12;
    let ledger = Ledger::new(ROUNDS * JOBS);
    let book = Arc::clone(&ledger);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        // Some threads end between two jobs, some do not.
        .thread_keep_alive(Duration::from_micros(300))
        .build()
        .unwrap();
    let sent = runtime.run(async move {
        let mut done = Vec::new();
        for _ in 0..ROUNDS {
            let (to, from) = gort::chan::<Token>(1);
            let waiting = spawn_blocking(move || {
                while let Some(token) = from.blocking_recv() {
                    token.arrive();
                }
            });
            let jobs: Vec<_> = (0..JOBS)
                .map(|i| {
                    let (token, to) = (book.token(), to.clone());
                    let number = token.number();
                    let job = spawn_blocking(move || {
                        to.blocking_send(token).unwrap();
                        Box::new(number)
                    });
                    if i % 4 == 3 {
                        job.abort();
                    }
                    job
                })
                .collect();
            drop(to);
            for job in jobs {
                match job.await {
                    Ok(number) => done.push(*number),
                    Err(error) => assert!(error.is_cancelled(), "{error}"),
                }
            }
            waiting.await.unwrap();
        }
        done
    });
    ledger.assert_settled(sent);
}

/// Workers that block inside a poll, by the library's own means and by others', while their queues
/// hold what the others have to do.
pub(crate) fn stuck_workers_give_up_their_place() {
    const ROUNDS: usize = 40;
    let runtime = runtime(2);
    for round in 0..ROUNDS {
        runtime.block_on(async move {
            let free = Arc::new(AtomicBool::new(false));
            let (to, from) = gort::chan::<Box<usize>>(0);
            let stuck = [0, 1].map(|i| {
                let (free, from) = (Arc::clone(&free), from.clone());
                gort::spawn(async move {
                    let queued = gort::spawn(async move {
                        yield_now().await;
                        Box::new(i)
                    });
                    if (round + i) % 2 == 0 {
                        while !free.load(Ordering::Acquire) {
                            std::thread::park_timeout(Duration::from_millis(1));
                        }
                    } else {
                        assert_eq!(from.blocking_recv(), Some(Box::new(7)));
                    }
                    assert_eq!(*queued.await.unwrap(), i);
                })
            });
            // Their own place is taken, so these need another worker.
            let others: Vec<_> = (0..100)
                .map(|i| {
                    gort::spawn(async move {
                        attempt(3, std::future::pending::<()>()).await;
                        Box::new(i)
                    })
                })
                .collect();
            for (i, other) in others.into_iter().enumerate() {
                assert_eq!(*other.await.unwrap(), i);
            }
            free.store(true, Ordering::Release);
            let sender = gort::spawn(async move { to.send(Box::new(7)).await });
            drop(from);
            for stuck in stuck {
                stuck.await.unwrap();
            }
            sender.await.unwrap().unwrap();
        });
    }
}
