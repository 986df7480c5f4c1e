use std::time::Instant;
fn bench<F: Future<Output = ()> + Send + 'static>(
    threads: usize,
    name: &str,
    n: u64,
    f: impl Fn(u64) -> F,
) {
    let rt = gort::runtime::Builder::new_multi_thread().worker_threads(threads).build().unwrap();
    let mut best = f64::MAX;
    for _ in 0..7 {
        let fut = f(n);
        let t = Instant::now();
        rt.block_on(async move { gort::go(fut).await.unwrap() });
        best = best.min(t.elapsed().as_nanos() as f64 / n as f64);
    }
    println!("{name}@{threads}: {best:.1} ns");
}
async fn stream(n: u64, cap: usize, senders: u64, receivers: u64) {
    let (tx, rx) = gort::chan::<u64>(cap);
    for _ in 0..senders {
        let tx = tx.clone();
        gort::go(async move {
            for i in 0..n / senders {
                tx.send(i).await.unwrap();
            }
        });
    }
    drop(tx);
    let hs: Vec<_> = (0..receivers)
        .map(|_| {
            let rx = rx.clone();
            gort::go(async move {
                let mut c = 0u64;
                while rx.next().await.is_some() {
                    c += 1;
                }
                c
            })
        })
        .collect();
    let mut c = 0;
    for h in hs {
        c += h.await.unwrap();
    }
    assert_eq!(c, n / senders * senders);
}
async fn pingpong(n: u64) {
    let (a, ra) = gort::chan::<u64>(0);
    let (b, rb) = gort::chan::<u64>(0);
    gort::go(async move {
        while let Some(v) = ra.next().await {
            if b.send(v).await.is_err() {
                break;
            }
        }
    });
    for i in 0..n {
        a.send(i).await.unwrap();
        rb.next().await.unwrap();
    }
}
fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    for threads in [1, 2] {
        if "spsc_buf".contains(&filter) {
            bench(threads, "spsc_buf", 1_000_000, |n| stream(n, 128, 1, 1));
        }
        if "spsc_unbuf".contains(&filter) {
            bench(threads, "spsc_unbuf", 300_000, |n| stream(n, 0, 1, 1));
        }
        if "mpsc_buf".contains(&filter) {
            bench(threads, "mpsc_buf", 1_000_000, |n| stream(n, 128, 8, 1));
        }
        if "mpmc_buf".contains(&filter) {
            bench(threads, "mpmc_buf", 1_000_000, |n| stream(n, 128, 8, 8));
        }
        if "pingpong".contains(&filter) {
            bench(threads, "pingpong", 200_000, pingpong);
        }
    }
}
