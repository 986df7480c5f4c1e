//! may: stackful coroutines, so its workloads are plain code. It is shown, not ranked: channels
//! without bound, coroutines that cannot be dropped where they wait, a stack each.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use may::coroutine::{JoinHandle, spawn, yield_now};
use may::net::{TcpListener, TcpStream};
use may::sync::{Mutex, WaitGroup, spsc};

use crate::measure::{Meter, Plan, Sample, drive_sync, leave, rss};
use crate::work::check_items;

/// Runs a workload as a coroutine.
pub fn run(plan: Plan, work: fn(Plan) -> Sample) -> Vec<Sample> {
    may::config().set_workers(plan.threads);
    go(move || drive_sync(plan, work)).join().unwrap()
}

/// Starts a coroutine.
fn go<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: none of the workloads touches thread-local state or recurses deeply, the two things
    // that may asks its callers to avoid.
    unsafe { spawn(f) }
}

/// Trivial coroutines, 10,000 at a time: a million stacks would pass `vm.max_map_count`.
pub fn spawn_join(plan: Plan) -> Sample {
    const WAVE: u64 = 10_000;
    let waves = plan.n(10, 1);
    let meter = Meter::start();
    let mut sum = 0;
    for _ in 0..waves {
        let handles: Vec<_> = (0..WAVE).map(|i| go(move || i)).collect();
        for handle in handles {
            sum += handle.join().unwrap();
        }
    }
    let sample = meter.stop(WAVE * waves);
    assert_eq!(sum, waves * (WAVE * (WAVE - 1) / 2));
    sample
}

/// The tree of depth 12.
pub fn spawn_from_task(_plan: Plan) -> Sample {
    fn tree(depth: u32, wg: WaitGroup) {
        go(move || {
            if depth > 0 {
                tree(depth - 1, wg.clone());
                tree(depth - 1, wg.clone());
            }
            drop(wg);
        });
    }
    let meter = Meter::start();
    let wg = WaitGroup::new();
    tree(12, wg.clone());
    wg.wait();
    meter.stop((1 << 13) - 1)
}

pub fn yields(plan: Plan) -> Sample {
    const TASKS: u64 = 1000;
    let each = plan.n(5000, 100);
    let meter = Meter::start();
    let handles: Vec<_> = (0..TASKS)
        .map(|_| {
            go(move || {
                for _ in 0..each {
                    yield_now();
                }
            })
        })
        .collect();
    for handle in handles {
        handle.join().unwrap();
    }
    meter.stop(TASKS * each)
}

pub fn pingpong(plan: Plan) -> Sample {
    let n = plan.n(500_000, 1000);
    let (ping, ping_rx) = spsc::channel();
    let (pong, pong_rx) = spsc::channel();
    let meter = Meter::start();
    let echo = go(move || {
        while let Ok(v) = ping_rx.recv() {
            pong.send(v).unwrap();
        }
    });
    let mut sum = 0;
    for i in 0..n {
        ping.send(i).unwrap();
        sum += pong_rx.recv().unwrap();
    }
    let sample = meter.stop(n);
    drop(ping);
    echo.join().unwrap();
    check_items(n, n, sum);
    sample
}

pub fn one_to_one(plan: Plan) -> Sample {
    let n = plan.n(4_000_000, 1000);
    let (tx, rx) = spsc::channel();
    let meter = Meter::start();
    let consumer = go(move || {
        let (mut count, mut sum) = (0, 0);
        while let Ok(v) = rx.recv() {
            count += 1;
            sum += v;
        }
        (count, sum)
    });
    for i in 0..n {
        tx.send(i).unwrap();
    }
    drop(tx);
    let (count, sum) = consumer.join().unwrap();
    let sample = meter.stop(n);
    check_items(n, count, sum);
    sample
}

pub fn ring(plan: Plan) -> Sample {
    const TASKS: u64 = 1000;
    let laps = plan.n(1000, 10);
    let (first, mut left) = spsc::channel::<u64>();
    for _ in 0..TASKS - 1 {
        let (right, next) = spsc::channel();
        let from = std::mem::replace(&mut left, next);
        go(move || {
            while let Ok(token) = from.recv() {
                right.send(token + 1).unwrap();
            }
        });
    }
    let meter = Meter::start();
    let mut token = 0;
    for _ in 0..laps {
        first.send(token + 1).unwrap();
        token = left.recv().unwrap();
    }
    let sample = meter.stop(laps * TASKS);
    assert_eq!(token, laps * TASKS);
    drop(first);
    assert!(left.recv().is_err());
    sample
}

pub fn mutex_contended(plan: Plan) -> Sample {
    increments(plan.n(20_000_000, 8000), 8)
}

pub fn mutex_uncontended(plan: Plan) -> Sample {
    increments(plan.n(20_000_000, 8000), 1)
}

fn increments(n: u64, tasks: u64) -> Sample {
    let lock = Arc::new(Mutex::new(0));
    let meter = Meter::start();
    let handles: Vec<_> = (0..tasks)
        .map(|_| {
            let lock = lock.clone();
            go(move || {
                for _ in 0..n / tasks {
                    *lock.lock().unwrap() += 1;
                }
            })
        })
        .collect();
    for handle in handles {
        handle.join().unwrap();
    }
    let sample = meter.stop(n);
    assert_eq!(*lock.lock().unwrap(), n / tasks * tasks);
    sample
}

pub fn echo_1(plan: Plan) -> Sample {
    echo(1, plan.n(20_000, 1000))
}

pub fn echo_64(plan: Plan) -> Sample {
    echo(64, plan.n(128_000, 6400))
}

pub fn echo_2000(plan: Plan) -> Sample {
    echo(2000, plan.n(100_000, 20_000))
}

fn echo(connections: u64, requests: u64) -> Sample {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut streams = Vec::new();
    for _ in 0..connections {
        // One at a time, or the listener's queue overflows and a retry takes a second.
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        streams.push(stream);
        let (stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        go(move || serve(stream));
    }
    let each = requests / connections;
    let meter = Meter::start();
    let clients: Vec<_> = streams.into_iter().map(|stream| go(move || ask(stream, each))).collect();
    let mut answered = 0;
    for client in clients {
        answered += client.join().unwrap();
    }
    let sample = meter.stop(answered);
    assert_eq!(answered, each * connections);
    sample
}

fn serve(mut stream: TcpStream) {
    let mut buf = [0; 64];
    loop {
        let n = stream.read(&mut buf).unwrap();
        if n == 0 {
            return;
        }
        stream.write_all(&buf[..n]).unwrap();
    }
}

fn ask(mut stream: TcpStream, n: u64) -> u64 {
    let mut request = [7; 64];
    let mut response = [0; 64];
    let mut right = 0;
    for i in 0..n {
        request[..8].copy_from_slice(&i.to_ne_bytes());
        stream.write_all(&request).unwrap();
        stream.read_exact(&mut response).unwrap();
        right += u64::from(response == request);
    }
    right
}

/// 20,000 coroutines only, for the limit on mappings.
pub fn mem_recv(plan: Plan) -> Vec<Sample> {
    static BLOCKED: AtomicU64 = AtomicU64::new(0);
    may::config().set_workers(plan.threads);
    go(move || {
        let n = plan.n(20_000, 1000);
        let before = rss();
        let meter = Meter::start();
        let mut keep = Vec::new();
        for _ in 0..n {
            let (tx, rx) = spsc::channel::<u64>();
            keep.push(tx);
            go(move || {
                BLOCKED.fetch_add(1, Ordering::Relaxed);
                let _ = rx.recv();
            });
        }
        while BLOCKED.load(Ordering::Relaxed) < n {
            yield_now();
        }
        for _ in 0..1000 {
            yield_now();
        }
        let sample = meter.stop(n);
        leave(&[Sample { bytes: rss().saturating_sub(before) / n, ..sample }])
    })
    .join()
    .unwrap()
}
