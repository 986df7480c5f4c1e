//! Allocations an operation. Channel, select, timer and lock operations must not allocate, and
//! spawning must exactly once.

use std::future::Future;
use std::time::Duration;

use crate::counting;

/// Operations of each kind.
const MANY: u64 = 100_000;
const LONG: Duration = Duration::from_secs(10);

/// One kind of operation.
struct Line {
    name: &'static str,
    allowed: u64,
    calls: u64,
    bytes: u64,
}

/// Counts, prints, and complains.
pub fn print() -> Result<(), String> {
    let runtime = gort::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let lines = runtime.block_on(async { gort::spawn(all()).await.unwrap() });
    println!("| operation | allocations for 1,000 | bytes for 1,000 | allowed |");
    println!("|---|---:|---:|---:|");
    for line in &lines {
        let per_thousand = |x: u64| x * 1000 / MANY;
        println!(
            "| {} | {} | {} | {} |",
            line.name,
            per_thousand(line.calls),
            per_thousand(line.bytes),
            line.allowed * 1000
        );
    }
    // Tables that grow to their size are not an operation's: one in a thousand is let pass.
    let too_many = |line: &&Line| line.calls > line.allowed * MANY + MANY / 1000;
    let complaints: Vec<_> = lines.iter().filter(too_many).map(|l| l.name).collect();
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(format!("these allocate: {}", complaints.join(", ")))
    }
}

async fn all() -> Vec<Line> {
    vec![
        count("spawn, trivial, awaited", 1, spawn_awaited()).await,
        count("yield", 0, async {
            for _ in 0..MANY {
                gort::task::yield_now().await;
            }
        })
        .await,
        count("unbuffered send and receive, blocking", 0, pass_on(0)).await,
        count("buffered send and receive", 0, pass_on(128)).await,
        count("try_send and try_recv", 0, async {
            let (tx, rx) = gort::chan::<u64>(1);
            for i in 0..MANY {
                tx.try_send(i).unwrap();
                assert_eq!(rx.try_recv().ok(), Some(i));
            }
        })
        .await,
        count("select of 2 that blocks", 0, select_2()).await,
        count("select with default", 0, select_default()).await,
        count("sleep, made, polled and dropped", 0, async {
            for _ in 0..MANY {
                let sleep = std::pin::pin!(gort::time::sleep(LONG));
                poll_once(sleep).await;
            }
        })
        .await,
        count("timeout around a yield", 0, async {
            for _ in 0..MANY {
                gort::time::timeout(LONG, gort::task::yield_now()).await.unwrap();
            }
        })
        .await,
        count("lock and unlock", 0, async {
            let mutex = gort::sync::Mutex::new(0_u64);
            for _ in 0..MANY {
                *mutex.lock().await += 1;
            }
        })
        .await,
    ]
}

async fn spawn_awaited() {
    for _ in 0..MANY {
        gort::spawn(async {}).await.unwrap();
    }
}

async fn pass_on(cap: usize) {
    let (tx, rx) = gort::chan::<u64>(cap);
    let receiver = gort::spawn(async move { while rx.next().await.is_some() {} });
    for i in 0..MANY {
        tx.send(i).await.unwrap();
    }
    drop(tx);
    receiver.await.unwrap();
}

async fn select_2() {
    let (tx, a) = gort::chan::<u64>(0);
    let (_open, b) = gort::chan::<u64>(0);
    let feeder = gort::spawn(async move {
        for i in 0..MANY {
            tx.send(i).await.unwrap();
        }
    });
    for _ in 0..MANY {
        gort::select! {
            _v = <-a => {}
            _v = <-b => {}
        }
    }
    feeder.await.unwrap();
}

async fn select_default() {
    let (_open, a) = gort::chan::<u64>(0);
    for _ in 0..MANY {
        gort::select! {
            _v = <-a => unreachable!("something came out of an empty channel"),
            default => {}
        }
    }
}

/// Polls a future once, whatever it answers.
async fn poll_once(mut future: std::pin::Pin<&mut impl Future>) {
    std::future::poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        std::task::Poll::Ready(())
    })
    .await;
}

/// Does the work with the allocator counting.
async fn count(name: &'static str, allowed: u64, work: impl Future<Output = ()>) -> Line {
    counting::start();
    work.await;
    let counted = counting::stop();
    Line { name, allowed, calls: counted.calls, bytes: counted.bytes }
}
