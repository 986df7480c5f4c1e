//! Runtimes that start and stop, in every way there is, full of goroutines that wait.

use crate::demand;
use crate::ledger::Ledger;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::net::TcpListener;
use gort::runtime::{Builder, Handle, Runtime};
use gort::task::yield_now;
use gort::time::sleep;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Any kind of runtime.
pub fn any(rng: &mut Rng) -> io::Result<Runtime> {
    let mut builder = match rng.u8(0..6) {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(rng.usize(1..4)).max_blocking_threads(rng.usize(1..6));
    builder.thread_keep_alive(Duration::from_micros(rng.u64(100..20_000)));
    if rng.u8(0..8) == 0 {
        builder.portable_reactor();
    }
    builder.build()
}

/// Goroutines that wait for everything there is to wait for, each with a message in it.
fn fill(handle: &Handle, ledger: &Arc<Ledger>, rng: &mut Rng) {
    for kind in 0..rng.usize(1..12) {
        let message = ledger.message();
        let awaited = handle.spawn(async move {
            let _message = message;
            match kind % 6 {
                0 => std::future::pending().await,
                1 => sleep(Duration::from_secs(3600)).await,
                2 => {
                    // There may be no descriptor for it.
                    if let Ok(listener) = TcpListener::bind("127.0.0.1:0").await {
                        drop(listener.accept().await);
                    }
                }
                3 => {
                    let (to, from) = gort::chan::<u8>(0);
                    from.recv().await;
                    drop(to);
                }
                4 => {
                    let group = gort::sync::WaitGroup::new();
                    group.add(1);
                    group.wait().await;
                }
                _ => loop {
                    yield_now().await;
                },
            }
        });
        if rng.bool() {
            let message = ledger.message();
            handle.spawn(async move {
                let _message = message;
                drop(awaited.await);
            });
        }
    }
    for _ in 0..rng.usize(0..3) {
        let message = ledger.message();
        handle.spawn_blocking(move || drop(message));
    }
}

/// Starts and stops `count` of them on the calling thread. Some may be refused.
pub fn cycle(mut rng: Rng, count: usize) {
    for _ in 0..count {
        let Ok(runtime) = any(&mut rng) else {
            TALLY.runtimes_refused.one();
            std::thread::sleep(Duration::from_millis(1));
            continue;
        };
        let (handle, ledger) = (runtime.handle().clone(), Ledger::new("occupant", 64));
        fill(&handle, &ledger, &mut rng);
        let polls = rng.usize(0..40);
        let busy = async move {
            for _ in 0..polls {
                yield_now().await;
            }
        };
        match rng.u8(0..4) {
            0 => drop(runtime),
            1 => runtime.run(busy),
            2 => {
                runtime.block_on(busy);
                drop(runtime);
            }
            _ => {
                runtime.block_on(busy);
                runtime.shutdown_timeout(Duration::from_secs(10));
            }
        }
        let late = ledger.message();
        drop(handle.spawn(async move { drop(late) }));
        demand!(handle.num_goroutine() == 0, "{} goroutines survive", handle.num_goroutine());
        ledger.settle_now(false);
        TALLY.runtimes.one();
    }
}
