//! Simulated runtimes: every run repeatable, every interleaving possible, no time lost.

use gort::runtime::{Builder, Runtime, Schedule};
use gort::sync::{Mutex, WaitGroup};
use gort::time::{self, Duration, Instant};
use gort::{Chan, go, select};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn simulated(schedule: impl Into<Schedule>) -> Runtime {
    Builder::simulated(schedule).build().expect("it needs nothing of the system")
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it should panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => (*other.downcast::<&str>().expect("a text")).to_owned(),
    }
}

/// A program with a bit of everything. Returns what it did, in order.
async fn busy_program() -> Vec<u32> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let wg = WaitGroup::new();
    let (values, ticks) = (Chan::<u32>::new(2), Chan::<u32>::new(0));
    for id in 0..4 {
        let (log, values, ticks) = (log.clone(), values.clone(), ticks.clone());
        wg.go(async move {
            for round in 0..5 {
                select! {
                    values <- 100 * id + round => log.lock().await.push(1000 + id),
                    ticks <- id => log.lock().await.push(2000 + id),
                }
                if round == id {
                    time::sleep(Duration::from_millis(u64::from(id) % 2)).await;
                }
            }
        });
    }
    let collector = go(async move {
        let mut seen = Vec::new();
        while seen.len() < 20 {
            select! {
                v = <-values => seen.push(v),
                id = <-ticks => seen.push(5000 + id),
                <-time::after(Duration::from_secs(1)) => seen.push(9999),
            }
        }
        seen
    });
    wg.wait().await;
    let mut all = log.lock().await.clone();
    all.extend(collector.await.unwrap());
    all
}

#[test]
fn one_seed_is_one_run() {
    let mut hashes = BTreeSet::new();
    let mut logs = BTreeSet::new();
    // What is kept moves the addresses of what comes later.
    let mut kept = Vec::new();
    for seed in 0..50 {
        let run = || {
            let runtime = simulated(seed);
            let log = runtime.block_on(busy_program());
            (log, runtime.handle().trace_hash())
        };
        let first = run();
        kept.push(vec![0u8; 40 + 3 * seed as usize]);
        assert_eq!(first, run(), "seed {seed}");
        hashes.insert(first.1);
        logs.insert(first.0);
    }
    assert_eq!(hashes.len(), 50, "different seeds take different courses");
    assert!(logs.len() > 40, "and it shows: {} of 50 logs differ", logs.len());
}

#[test]
fn the_hash_can_be_asked_for_from_inside_and_counts_on() {
    let runtime = simulated(1);
    assert_eq!(runtime.handle().trace_hash(), 0, "nothing has happened");
    let handle = runtime.handle().clone();
    let (first, second) = runtime.block_on(async move {
        let first = handle.trace_hash();
        gort::task::yield_now().await;
        (first, handle.trace_hash())
    });
    assert_ne!(first, second);
    runtime.block_on(async {});
    assert_ne!(runtime.handle().trace_hash(), second);
    let ordinary = Builder::new_current_thread().build().unwrap();
    ordinary.block_on(async {});
    assert_eq!(ordinary.handle().trace_hash(), 0);
}

#[test]
fn every_order_of_three_goroutines_comes() {
    let mut orders = BTreeMap::new();
    for seed in 0..300 {
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = order.clone();
        simulated(seed).block_on(async move {
            let wg = WaitGroup::new();
            for id in 0..3 {
                let log = log.clone();
                wg.go(async move { log.lock().unwrap().push(id) });
            }
            wg.wait().await;
        });
        *orders.entry(order.lock().unwrap().clone()).or_insert(0) += 1;
    }
    assert_eq!(orders.len(), 6, "{orders:?}");
}

#[test]
fn a_goroutine_may_lose_its_turn_between_two_ready_operations() {
    // Both channels have room for everything: only a spent budget lets the other one in between.
    let mut interleaved = 0;
    for seed in 0..100 {
        let order = simulated(seed).block_on(async {
            let (ch, wg) = (Chan::<u32>::new(16), WaitGroup::new());
            for id in 0..2 {
                let ch = ch.clone();
                wg.go(async move {
                    for _ in 0..8 {
                        ch.send(id).await;
                    }
                });
            }
            wg.wait().await;
            ch.close();
            let mut order = Vec::new();
            while let Some(id) = ch.next().await {
                order.push(id);
            }
            order
        });
        assert_eq!(order.iter().sum::<u32>(), 8);
        let changes = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
        interleaved += usize::from(changes > 1);
    }
    assert!(interleaved > 10, "{interleaved} of 100 runs changed over in the middle");
}

#[test]
fn a_lost_update_is_found() {
    // The counter is read and written in two steps with an operation between them.
    let lost = (0..100).filter(|&seed| {
        simulated(seed).block_on(async {
            let (count, wg) = (Arc::new(AtomicUsize::new(0)), WaitGroup::new());
            let ch = Chan::<()>::new(2);
            for _ in 0..2 {
                let (count, ch) = (count.clone(), ch.clone());
                wg.go(async move {
                    let before = count.load(Ordering::Relaxed);
                    ch.send(()).await;
                    count.store(before + 1, Ordering::Relaxed);
                });
            }
            wg.wait().await;
            count.load(Ordering::Relaxed) == 1
        })
    });
    assert!(lost.count() > 0);
}

#[test]
fn time_moves_to_the_next_deadline_when_nothing_is_runnable() {
    for seed in 0..20 {
        simulated(seed).block_on(async {
            let start = Instant::now();
            let (tx, rx) = gort::chan::<u64>(0);
            for seconds in [3600, 1, 60] {
                let tx = tx.clone();
                go(async move {
                    time::sleep(Duration::from_secs(seconds)).await;
                    tx.send(seconds).await.unwrap();
                });
            }
            drop(tx);
            for due in [1, 60, 3600] {
                assert_eq!(rx.next().await, Some(due));
                assert_eq!(start.elapsed(), Duration::from_secs(due));
            }
            assert_eq!(rx.next().await, None);
            assert_eq!(start.elapsed(), Duration::from_secs(3600));
        });
    }
}

#[test]
fn time_stands_still_while_something_is_runnable() {
    simulated(3).block_on(async {
        let start = Instant::now();
        let timer = time::sleep(Duration::from_nanos(1));
        for _ in 0..1000 {
            gort::task::yield_now().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        timer.await;
        assert_eq!(start.elapsed(), Duration::from_nanos(1));
    });
}

#[test]
fn a_deadlock_is_said_and_not_waited_for() {
    const TEXT: &str = "fatal error: all goroutines are asleep - deadlock!";
    for seed in 0..10 {
        let text = panic_text(|| {
            simulated(seed).block_on(async {
                let ch = Chan::<u32>::new(0);
                go({
                    let ch = ch.clone();
                    async move { ch.recv().await }
                });
                ch.recv().await;
            });
        });
        assert_eq!(text, TEXT);
        let text = panic_text(|| simulated(seed).run(std::future::pending()));
        assert_eq!(text, TEXT);
    }
}

#[test]
fn a_runtime_in_a_deadlock_still_drops_its_goroutines() {
    let dropped = Arc::new(AtomicBool::new(false));
    struct Set(Arc<AtomicBool>);
    impl Drop for Set {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let set = Set(dropped.clone());
    panic_text(|| {
        simulated(0).block_on(async move {
            go(async move {
                let _set = set;
                Chan::<u32>::nil().recv().await
            });
            std::future::pending::<()>().await;
        });
    });
    assert!(dropped.load(Ordering::Relaxed));
}

#[test]
fn main_may_leave_and_the_others_go_on() {
    for seed in 0..20 {
        let done = Arc::new(AtomicBool::new(false));
        let flag = done.clone();
        let text = panic_text(|| {
            simulated(seed).run(async move {
                go(async move {
                    time::sleep(Duration::from_secs(1)).await;
                    flag.store(true, Ordering::Relaxed);
                });
                gort::runtime::goexit()
            })
        });
        assert_eq!(text, "fatal error: no goroutines (main called runtime.Goexit) - deadlock!");
        assert!(done.load(Ordering::Relaxed));
    }
}

#[test]
fn blocking_jobs_run_in_place_and_are_part_of_the_schedule() {
    let thread = std::thread::current().id();
    let run = |seed| {
        let runtime = simulated(seed);
        let order = runtime.block_on(async move {
            let log = Arc::new(std::sync::Mutex::new(Vec::new()));
            let jobs: Vec<_> = (0..3)
                .map(|id| {
                    let log = log.clone();
                    gort::task::spawn_blocking(move || {
                        assert_eq!(std::thread::current().id(), thread);
                        log.lock().unwrap().push(id);
                    })
                })
                .collect();
            for job in jobs {
                job.await.unwrap();
            }
            log.lock().unwrap().clone()
        });
        (order, runtime.handle().trace_hash())
    };
    let orders: BTreeSet<_> = (0..100).map(|seed| run(seed).0).collect();
    assert_eq!(orders.len(), 6);
    assert_eq!(run(5), run(5));
}

#[test]
fn an_operation_that_would_block_the_only_thread_panics() {
    let text = panic_text(|| {
        simulated(0).block_on(async {
            let (_tx, rx) = gort::chan::<u32>(0);
            rx.blocking_recv();
        });
    });
    assert_eq!(text, "a blocking operation would block the only thread of a simulated runtime");
}

#[test]
fn given_bytes_are_the_choices_and_zeros_are_the_ordinary_schedule() {
    let order = |bytes: &[u8]| {
        simulated(Schedule::from_bytes(bytes)).block_on(async {
            let log = Arc::new(std::sync::Mutex::new(Vec::new()));
            let wg = WaitGroup::new();
            for id in 0..3 {
                let log = log.clone();
                wg.go(async move { log.lock().unwrap().push(id) });
            }
            wg.wait().await;
            log.lock().unwrap().clone()
        })
    };
    // The goroutine started last runs first, as in Go, and then the others in order.
    assert_eq!(order(&[0; 64]), [2, 0, 1]);
    assert_eq!(order(&[0; 64]), order(&[0; 100]), "bytes that are not needed change nothing");
    // Which goroutine is the first is a choice, and which is the next; budgets lie between.
    let orders: BTreeSet<_> =
        (0..32).map(|n: u8| order(&[0, n / 16, n / 4 % 4, n / 2 % 2, n % 2])).collect();
    assert_eq!(orders.len(), 6);
    let schedule = Schedule::from_bytes([1, 2]);
    assert_eq!(format!("{schedule:?}"), "Schedule::from_bytes([1, 2])");
    assert_eq!(format!("{:?}", Schedule::from_seed(9)), "Schedule::from_seed(9)");
}

#[test]
fn addresses_decide_nothing() {
    // Two channels hold a match that this goroutine has not collected; the select takes one of them
    // back. Which one is a choice of the schedule, wherever the channels lie in memory.
    let taken = |seed, swapped: bool| {
        simulated(seed).block_on(async move {
            go(async move {
                let (first, second) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
                let (a, b) = if swapped { (second, first) } else { (first, second) };
                let mut kept = (Box::pin(a.recv()), Box::pin(b.recv()));
                // A spent budget makes a poll do nothing: again, until the receive waits.
                while a.try_send(1).is_err() {
                    assert!(futures::poll!(&mut kept.0).is_pending());
                    gort::task::yield_now().await;
                }
                while b.try_send(2).is_err() {
                    assert!(futures::poll!(&mut kept.1).is_pending());
                    gort::task::yield_now().await;
                }
                select! {
                    v = <-a => v,
                    v = <-b => v,
                }
            })
            .await
            .unwrap()
        })
    };
    let picks: Vec<_> = (0..50).map(|seed| taken(seed, false)).collect();
    assert_eq!(picks, (0..50).map(|seed| taken(seed, true)).collect::<Vec<_>>());
    assert!(picks.contains(&1) && picks.contains(&2));
}
