//! Go's cases of `sync.Once`, `OnceFunc`, `OnceValue` and `sync.Cond`, 99 to 109.

mod common;
mod sync_util;

use common::everywhere::{everywhere, live, seeded};
use common::go;
use gort::runtime::gosched;
use gort::sync::{Cond, Mutex, Once, OnceFunc, OnceValue, OnceValues, RawMutex, WaitGroup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use sync_util::{drive, panic_text};

// Once.

#[test]
fn c099_ten_calls_run_it_once_and_return_when_it_is_done() {
    everywhere(|| async {
        let (once, runs) = (Arc::new(Once::new()), Arc::new(AtomicU32::new(0)));
        let done = Arc::new(AtomicBool::new(false));
        let wg = WaitGroup::new();
        for _ in 0..10 {
            let (once, runs, done) = (once.clone(), runs.clone(), done.clone());
            wg.go(async move {
                once.call_once(|| async {
                    runs.fetch_add(1, Ordering::Relaxed);
                    gosched().await;
                    done.store(true, Ordering::Relaxed);
                })
                .await;
                assert!(done.load(Ordering::Relaxed), "it is not done");
            });
        }
        wg.wait().await;
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn c100_a_panic_is_its_callers_and_counts_as_done() {
    let once = Once::new();
    let first = panic_text(|| drive(once.call_once(|| async { panic!("failed") })).poll());
    assert_eq!(first, "failed");
    assert!(once.is_completed());
    drive(once.call_once(|| async { panic!("runs again") })).ready();

    // Not in the future, but when it is made.
    let once = Once::new();
    let make = || -> std::future::Ready<()> { panic!("made none") };
    assert_eq!(panic_text(|| drive(once.call_once(make)).poll()), "made none");
    drive(once.call_once(|| async { panic!("runs again") })).ready();
}

#[test]
fn c100_who_waits_while_it_panics_returns() {
    let once = Once::new();
    let gate = RawMutex::new();
    assert!(gate.try_lock());
    let mut first = drive(once.call_once(|| async {
        gate.lock().await;
        panic!("failed")
    }));
    first.pending();
    let mut others: Vec<_> =
        (0..3).map(|_| drive(once.call_once(|| async { panic!("runs again") }))).collect();
    others.iter_mut().for_each(|other| other.pending());
    gate.unlock();
    assert_eq!(panic_text(|| first.poll()), "failed");
    for other in &mut others {
        assert_eq!(other.woken(), 1);
        other.ready();
    }
}

#[test]
fn c101_a_call_from_inside_waits_for_ever() {
    let once = Once::new();
    let mut outer = drive(once.call_once(|| async {
        once.call_once(|| async { panic!("runs inside") }).await;
    }));
    outer.pending();
    outer.pending();
    assert!(outer.woken() == 0 && !once.is_completed());
}

#[cfg(not(foreign_executor))]
#[test]
fn c101_the_deadlock_is_reported() {
    let text = common::everywhere::dies_seeded(|| async {
        let once = Once::new();
        once.call_once(|| async { once.call_once(|| async {}).await }).await;
    });
    assert!(text.contains("deadlock"), "{text}");
}

#[test]
fn c102_the_panic_of_a_once_value_is_the_panic_of_every_call() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let value = OnceValue::<i32>::new(move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("no value {}", 1)
    });
    for _ in 0..3 {
        assert_eq!(
            panic_text(|| drive(value.clone().call()).poll().map(|value| *value)),
            "no value 1"
        );
    }
    let counted = runs.clone();
    let func = OnceFunc::new(move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("literal")
    });
    let counted = runs.clone();
    let values = OnceValues::<i32, i32>::new(move || async move {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("two")
    });
    for _ in 0..3 {
        assert_eq!(panic_text(|| drive(func.call()).poll()), "literal");
        assert_eq!(panic_text(|| drive(values.call()).poll().map(|(a, b)| a + b)), "two");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[test]
fn c102_values_are_computed_once_and_the_function_is_dropped() {
    everywhere(|| async {
        let (flag, runs) = (common::flag(), Arc::new(AtomicU32::new(0)));
        let (inside, counted) = (flag.clone(), runs.clone());
        let value = OnceValue::new(move || async move {
            gosched().await;
            counted.fetch_add(1, Ordering::Relaxed);
            drop(inside);
            7
        });
        let wg = WaitGroup::new();
        for _ in 0..10 {
            let value = value.clone();
            wg.go(async move { assert_eq!(*value.call().await, 7) });
        }
        wg.wait().await;
        assert_eq!((runs.load(Ordering::Relaxed), flag.alive(), value.get()), (1, 1, Some(&7)));
    });
}

// Cond.

#[test]
fn c104_a_signal_wakes_one() {
    let (mutex, cond) = (RawMutex::new(), Cond::new());
    let mut waits: Vec<_> = (0..2)
        .map(|_| {
            assert!(mutex.try_lock());
            let mut wait = drive(cond.wait(&mutex));
            wait.pending();
            wait
        })
        .collect();
    cond.signal();
    assert_eq!((waits[0].woken(), waits[1].woken()), (1, 0));
    waits[1].pending();
    waits[0].ready().unlock();
    waits[1].pending();
    cond.signal();
    assert_eq!(waits[1].woken(), 1);
    waits[1].ready().unlock();
}

#[test]
fn c105_waiters_are_woken_in_the_order_in_which_they_came() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    let mut waits: Vec<_> = (0..100)
        .map(|_| {
            let mut wait = drive(cond.wait(mutex.try_lock().unwrap()));
            wait.pending();
            wait
        })
        .collect();
    for at in 0..100 {
        cond.signal();
        let woken: Vec<_> = (0..100).filter(|&i| waits[i].woken() > 0).collect();
        assert_eq!(woken, [at]);
        drop(waits[at].ready());
    }

    everywhere(|| async {
        let (shared, wg) = (Arc::new((Mutex::new(Vec::new()), Cond::new())), WaitGroup::new());
        let entered = Arc::new(AtomicU32::new(0));
        for i in 0..20 {
            let (inside, entered) = (shared.clone(), entered.clone());
            let came = entered.clone();
            wg.go(async move {
                let mut log = inside.0.lock().await;
                while came.load(Ordering::Relaxed) != i {
                    drop(log);
                    gosched().await;
                    log = inside.0.lock().await;
                }
                came.store(i + 1, Ordering::Relaxed);
                let mut log = inside.1.wait(log).await;
                log.push(i);
                // The next one is woken when this one has been here.
                inside.1.signal();
            });
            while entered.load(Ordering::Relaxed) != i + 1 {
                gosched().await;
            }
        }
        drop(shared.0.lock().await);
        shared.1.signal();
        wg.wait().await;
        assert_eq!(*shared.0.lock().await, (0..20).collect::<Vec<_>>());
    });
}

/// Waiters that come back round after round, and a broadcast when all of them wait.
async fn broadcasts(waiters: usize, rounds: usize) {
    let shared = Arc::new((Mutex::new((0, 0)), Cond::new()));
    let wg = WaitGroup::new();
    for _ in 0..waiters {
        let shared = shared.clone();
        wg.go(async move {
            let (mutex, cond) = &*shared;
            let mut state = mutex.lock().await;
            for _ in 0..rounds {
                state.0 += 1;
                state = cond.wait(state).await;
                state.1 += 1;
            }
        });
    }
    for round in 1..=rounds {
        let all = loop {
            let state = shared.0.lock().await;
            if state.0 == waiters * round {
                break state;
            }
            drop(state);
            gosched().await;
        };
        assert_eq!(all.1, waiters * (round - 1), "somebody was woken out of turn");
        shared.1.broadcast();
    }
    wg.wait().await;
    assert_eq!(shared.0.lock().await.1, waiters * rounds);
}

#[test]
fn c106_a_broadcast_wakes_each_once() {
    live(|| broadcasts(200, 200));
    seeded(|| broadcasts(20, 3));
}

#[test]
fn c107_a_signal_that_nobody_waits_for_is_lost() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    cond.signal();
    cond.broadcast();
    let mut wait = drive(cond.wait(mutex.try_lock().unwrap()));
    wait.pending();
    wait.pending();
    assert_eq!(wait.woken(), 0);
}

#[test]
fn c108_who_waited_before_the_broadcast_does_not_lose_it_to_who_comes_later() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    let mut first = drive(cond.wait(mutex.try_lock().unwrap()));
    first.pending();
    cond.broadcast();
    let mut second = drive(cond.wait(mutex.try_lock().unwrap()));
    second.pending();
    second.pending();
    assert_eq!((first.woken(), second.woken()), (1, 0));
    drop(first.ready());
    second.pending();

    everywhere(|| async {
        for _ in 0..10 {
            let shared = Arc::new((Mutex::new(0), Cond::new()));
            let wait = |shared: Arc<(Mutex<i32>, Cond)>| async move {
                let mut waiting = shared.0.lock().await;
                *waiting += 1;
                drop(shared.1.wait(waiting).await);
            };
            let first = go(wait(shared.clone()));
            while *shared.0.lock().await != 1 {
                gosched().await;
            }
            let second = go(wait(shared.clone()));
            shared.1.broadcast();
            first.await.unwrap();
            while *shared.0.lock().await != 2 {
                gosched().await;
            }
            shared.1.broadcast();
            second.await.unwrap();
        }
    });
}

#[test]
fn c109_a_wait_does_not_return_without_a_signal() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    let mut wait = drive(cond.wait(mutex.try_lock().unwrap()));
    for _ in 0..1000 {
        wait.pending();
        drop(mutex.try_lock().unwrap());
    }
    assert_eq!(wait.woken(), 0);
}
