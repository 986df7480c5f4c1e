//! One measurement: `n` goroutines (or tokio tasks) that block, and what they took.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Those that have got so far as to block.
static BLOCKED: AtomicU64 = AtomicU64::new(0);

const HOUR: Duration = Duration::from_secs(3600);

/// Measures in this process and prints bytes and nanoseconds for one.
pub fn run(who: &str, what: &str, n: u64) -> Result<(), String> {
    let (bytes, ns) = match (who, what) {
        ("gort", "recv") => gort(n, recv_starter()),
        ("gort", "sleep") => gort(n, || {
            gort::spawn(async {
                block();
                gort::time::sleep(HOUR).await;
            });
        }),
        ("gort", "pending") => gort(n, || {
            gort::spawn(async {
                block();
                pending::<()>().await;
            });
        }),
        ("tokio", "recv") => tokio(n, oneshot_starter(n)),
        ("tokio", "sleep") => tokio(n, || {
            tokio::spawn(async {
                block();
                tokio::time::sleep(HOUR).await;
            });
        }),
        ("tokio", "pending") => tokio(n, || {
            tokio::spawn(async {
                block();
                pending::<()>().await;
            });
        }),
        _ => return Err(format!("no measurement {who} {what}")),
    };
    println!("{bytes:.1} {ns:.1}");
    // Ten million goroutines need not be torn down.
    std::process::exit(0)
}

/// Goroutines that receive on one shared channel.
fn recv_starter() -> impl FnMut() + Send {
    let (tx, rx) = gort::chan::<u64>(0);
    move || {
        let _open = &tx;
        let rx = rx.clone();
        gort::spawn(async move {
            block();
            rx.next().await;
        });
    }
}

/// Tasks with a oneshot channel each: tokio has no channel with several receivers and a bound.
fn oneshot_starter(n: u64) -> impl FnMut() + Send {
    let mut keep = Vec::with_capacity(usize::try_from(n).unwrap());
    move || {
        let (tx, rx) = tokio::sync::oneshot::channel::<u64>();
        keep.push(tx);
        tokio::spawn(async move {
            block();
            let _ = rx.await;
        });
    }
}

fn block() {
    BLOCKED.fetch_add(1, Ordering::Relaxed);
}

fn gort(n: u64, start: impl FnMut() + Send + 'static) -> (f64, f64) {
    let runtime = gort::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(
        async move { gort::spawn(measure(n, start, gort::task::yield_now)).await.unwrap() },
    )
}

fn tokio(n: u64, start: impl FnMut() + Send + 'static) -> (f64, f64) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let measured = runtime.block_on(async move {
        tokio::spawn(measure(n, start, tokio::task::yield_now)).await.unwrap()
    });
    leave(runtime);
    measured
}

/// Leaves ten million tasks to the end of the process: taking them down is not measured.
fn leave<R>(runtime: R) {
    std::mem::forget(runtime);
}

/// Starts `n` tasks and waits until the last has blocked.
async fn measure<Y: Future<Output = ()>>(
    n: u64,
    mut start: impl FnMut(),
    yield_now: impl Fn() -> Y,
) -> (f64, f64) {
    // Threads, arenas and whatever is made at first use are not the goroutines'.
    for _ in 0..100 {
        start();
    }
    while BLOCKED.load(Ordering::Relaxed) < 100 {
        yield_now().await;
    }
    let before = rss();
    let clock = Instant::now();
    for _ in 0..n {
        start();
    }
    while BLOCKED.load(Ordering::Relaxed) < n + 100 {
        yield_now().await;
    }
    let time = clock.elapsed();
    // The last one counted itself just before it blocked.
    for _ in 0..1000 {
        yield_now().await;
    }
    let bytes = rss().saturating_sub(before);
    // It holds what they wait for.
    std::mem::forget(start);
    #[expect(clippy::cast_precision_loss, reason = "a quotient of which four digits are shown")]
    let each = |x: u64| x as f64 / n as f64;
    (each(bytes), each(u64::try_from(time.as_nanos()).unwrap()))
}

/// Bytes of resident memory of this process.
fn rss() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
