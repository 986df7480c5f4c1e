//! `sync::Cond`: waits that end early, the locks that it takes, waits that are kept unpolled. (Go's own cases
//! are in `go_once.rs`.)

mod common;
mod sync_util;

use common::everywhere::everywhere;
use common::{Call, Polled, go, nosy_waker, run};
use gort::runtime::gosched;
use gort::select;
use gort::sync::{Cond, CondWait, Mutex, RawMutex, RawRwLock, RwLock, WaitGroup};
use gort::time::{Duration, timeout};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use sync_util::{drive, panic_text};

#[test]
fn the_lock_is_free_while_somebody_waits_and_held_afterwards() {
    let (mutex, cond) = (Mutex::new(1), Cond::new());
    let mut wait = drive(cond.wait(mutex.try_lock().unwrap()));
    assert!(mutex.try_lock().is_err(), "it is released by the first poll");
    wait.pending();
    *mutex.try_lock().unwrap() = 2;
    cond.signal();
    let guard = wait.ready();
    assert!(*guard == 2 && mutex.try_lock().is_err());
    drop(guard);

    let (shared, cond) = (Arc::new(Mutex::new(())), Cond::new());
    let mut wait = drive(cond.wait(shared.clone().try_lock_owned().unwrap()));
    wait.pending();
    cond.signal();
    drop(wait.ready());

    let lock = Arc::new(RwLock::new(()));
    let mut wait = drive(cond.wait(lock.try_write().unwrap()));
    wait.pending();
    let mut owned = drive(cond.wait(lock.clone().try_write_owned().unwrap()));
    owned.pending();
    let reading = lock.try_read().unwrap();
    cond.broadcast();
    wait.pending();
    owned.pending();
    drop(reading);
    drop(wait.ready());
    drop(owned.ready());

    let raw = RawRwLock::new();
    assert!(raw.try_write());
    let mut wait = drive(cond.wait(&raw));
    wait.pending();
    cond.signal();
    wait.ready().unlock_write();
    assert!(shared.try_lock().is_ok() && lock.try_write().is_ok() && raw.try_write());
}

#[test]
fn a_wait_with_an_unlocked_lock_panics_and_leaves_the_line() {
    let (mutex, cond) = (RawMutex::new(), Cond::new());
    let text = panic_text(|| drive(cond.wait(&mutex)).poll());
    assert_eq!(text, "sync: unlock of unlocked mutex");
    assert!(mutex.try_lock());
    let mut wait = drive(cond.wait(&mutex));
    wait.pending();
    cond.signal();
    wait.ready().unlock();
}

#[test]
fn a_wait_that_is_dropped_leaves_the_line() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    let mut waits: Vec<_> = (0..3)
        .map(|_| {
            let mut wait = drive(cond.wait(mutex.try_lock().unwrap()));
            wait.pending();
            wait
        })
        .collect();
    drop(waits.remove(0));
    cond.signal();
    assert_eq!((waits[0].woken(), waits[1].woken()), (1, 0));
}

#[test]
fn a_wait_that_is_dropped_after_it_was_told_hands_the_signal_on() {
    let (mutex, cond) = (Mutex::new(()), Cond::new());
    let [mut first, mut second] = [(); 2].map(|()| {
        let mut wait = drive(cond.wait(mutex.try_lock().unwrap()));
        wait.pending();
        wait
    });
    cond.signal();
    drop(first);
    assert_eq!(second.woken(), 1);
    drop(second.ready());

    // While it takes the lock again.
    [first, second] = [(); 2].map(|()| {
        let mut wait = drive(cond.wait(mutex.try_lock().unwrap()));
        wait.pending();
        wait
    });
    let guard = mutex.try_lock().unwrap();
    cond.signal();
    first.pending();
    drop(first);
    assert_eq!(second.woken(), 1);
    drop(guard);
    drop(second.ready());

    // Not to somebody who came after it was given.
    let mut first = drive(cond.wait(mutex.try_lock().unwrap()));
    first.pending();
    cond.signal();
    let mut late = drive(cond.wait(mutex.try_lock().unwrap()));
    late.pending();
    drop(first);
    late.pending();
    assert_eq!(late.woken(), 0);
}

#[test]
fn a_wait_ends_with_a_timeout_or_another_arm() {
    everywhere(|| async {
        let (mutex, cond) = (Mutex::new(0), Cond::new());
        let guard = mutex.lock().await;
        let waited = timeout(Duration::from_millis(1), cond.wait(guard)).await;
        assert!(waited.is_err());
        let stop = gort::Chan::<()>::new(1);
        stop.send(()).await;
        let guard = mutex.lock().await;
        select! {
            _guard = cond.wait(guard) => panic!("nobody signals"),
            <-stop => {}
        }
        assert!(mutex.try_lock().is_ok());
    });
}

/// A bounded queue with two conditions, whose waits are given up now and then.
#[test]
fn a_queue_with_two_conditions_loses_nothing() {
    everywhere(|| async {
        struct Bounded {
            queue: Mutex<VecDeque<u32>>,
            filled: Cond,
            emptied: Cond,
        }
        let (queue, filled, emptied) = (Mutex::default(), Cond::new(), Cond::new());
        let shared = Arc::new(Bounded { queue, filled, emptied });
        let wg = WaitGroup::new();
        for producer in 0..2 {
            let shared = shared.clone();
            wg.go(async move {
                for i in 0..20 {
                    let mut queue = shared.queue.lock().await;
                    while queue.len() == 2 {
                        queue = shared.emptied.wait(queue).await;
                    }
                    queue.push_back(producer * 20 + i);
                    drop(queue);
                    shared.filled.signal();
                }
            });
        }
        let sum = Arc::new(Mutex::new(0));
        for consumer in 0..2 {
            let (shared, sum) = (shared.clone(), sum.clone());
            wg.go(async move {
                for i in 0..20 {
                    let mut queue = shared.queue.lock().await;
                    while queue.is_empty() {
                        let wait = shared.filled.wait(queue);
                        queue = if (i + consumer) % 3 == 0 {
                            match timeout(Duration::from_micros(10), wait).await {
                                Ok(queue) => queue,
                                Err(_) => shared.queue.lock().await,
                            }
                        } else {
                            wait.await
                        };
                    }
                    *sum.lock().await += queue.pop_front().unwrap();
                    drop(queue);
                    shared.emptied.signal();
                }
            });
        }
        wg.wait().await;
        assert_eq!(*sum.lock().await, (0..40).sum::<u32>());
    });
}

/// Who is told of a broadcast stands in the lock's line, and is polled when it has come to it: not before, to find
/// the lock held.
#[cfg(not(foreign_executor))]
#[test]
fn who_is_told_of_a_broadcast_is_woken_when_the_lock_is_free_for_it() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let shared = Arc::new((Mutex::new(Vec::new()), Cond::new()));
        // One after another.
        let waiting = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..5)
            .map(|i| {
                let (shared, waiting) = (shared.clone(), waiting.clone());
                go(async move {
                    while waiting.load(Ordering::Relaxed) < i {
                        gosched().await;
                    }
                    let mut wait = std::pin::pin!(shared.1.wait(shared.0.lock().await));
                    let mut polls = 0;
                    let mut log = std::future::poll_fn(|cx| {
                        polls += 1;
                        waiting.fetch_max(i + 1, Ordering::Relaxed);
                        wait.as_mut().poll(cx)
                    })
                    .await;
                    log.push((i, polls));
                })
            })
            .collect();
        while waiting.load(Ordering::Relaxed) < 5 {
            gosched().await;
        }
        let held = shared.0.lock().await;
        shared.1.broadcast();
        gosched().await;
        // Two do not come: one has not been woken, and one has.
        tasks[3].abort();
        gosched().await;
        assert!(held.is_empty());
        drop(held);
        tasks[0].abort();
        for (i, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.is_ok(), i != 0 && i != 3);
        }
        assert_eq!(*shared.0.lock().await, [(1, 2), (2, 2), (4, 2)]);
    });
}

/// Hazard T8: the first of those who are told of a broadcast is kept unpolled, by a goroutine that waits for another
/// of them.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_wait_that_is_kept_unpolled_holds_up_nobody_who_is_told_beside_it() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let shared = Arc::new((Mutex::new(0), Cond::new()));
        let (done, others) = gort::chan::<()>(0);
        let inside = shared.clone();
        let keeper = go(async move {
            let (mutex, cond) = &*inside;
            *mutex.lock().await = 1;
            let mut kept = std::pin::pin!(cond.wait(mutex.lock().await));
            assert!(common::poll_once(&mut kept).await.is_pending());
            others.recv().await;
            drop(kept.await);
        });
        while *shared.0.lock().await < 1 {
            gosched().await;
        }
        let inside = shared.clone();
        go(async move {
            *inside.0.lock().await = 2;
            drop(inside.1.wait(inside.0.lock().await).await);
            done.send(()).await.unwrap();
        });
        while *shared.0.lock().await < 2 {
            gosched().await;
        }
        shared.1.broadcast();
        keeper.await.unwrap();
    });
}

/// Hazard T8: a goroutine keeps one wait unpolled, and waits with another; the signal went to the first.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_signal_for_a_wait_that_is_kept_unpolled_wakes_another_of_its_goroutine() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let shared = Arc::new((Mutex::new(()), Cond::new()));
        let inside = shared.clone();
        let task = go(async move {
            let (mutex, cond) = &*inside;
            let mut kept = std::pin::pin!(cond.wait(mutex.lock().await));
            assert!(common::poll_once(&mut kept).await.is_pending());
            drop(cond.wait(mutex.lock().await).await);
            // The first is in line again.
            cond.signal();
            drop(kept.await);
        });
        for _ in 0..3 {
            gosched().await;
        }
        shared.1.signal();
        task.await.unwrap();
    });
}

/// A broadcast tells so many at a time, and somebody may come and be signalled in between. The signal is not for one
/// who is about to be told anyway, nor is it there for that one to take.
#[test]
fn a_signal_that_is_given_while_a_broadcast_goes_on_is_for_who_came_after_that() {
    type Wait = Polled<CondWait<'static, &'static RawMutex>>;
    static LOCK: RawMutex = RawMutex::new();
    static COND: Cond = Cond::new();

    fn wait() -> Arc<std::sync::Mutex<Wait>> {
        Arc::new(std::sync::Mutex::new(Polled::new(COND.wait(&LOCK))))
    }

    fn case(last_looks: bool) {
        let (late, last) = (wait(), wait());
        let waker = {
            let (late, last) = (Arc::clone(&late), Arc::clone(&last));
            nosy_waker(move |call| {
                if call == Call::Wake {
                    assert!(LOCK.try_lock());
                    assert!(late.lock().unwrap().poll().is_pending());
                    COND.signal();
                    assert!(!last_looks || last.lock().unwrap().poll().is_pending());
                }
            })
        };
        let mut waits: Vec<_> = (0..40).map(|_| wait()).collect();
        waits.push(last);
        for (at, wait) in waits.iter().enumerate() {
            assert!(LOCK.try_lock());
            let mut wait = wait.lock().unwrap();
            let polled = if at == 0 { wait.poll_with(&waker) } else { wait.poll() };
            assert!(polled.is_pending());
        }
        COND.broadcast();
        waits.push(late);
        for (at, wait) in waits.iter().enumerate() {
            let mut wait = wait.lock().unwrap();
            assert!(at == 0 || wait.wakes() == 1, "{at} of {}", waits.len());
            wait.ready().unlock();
        }
    }

    run(async {
        case(false);
        case(true);
    });
}

/// One whose signal was taken, as it did not look, is not given the next one while others wait who would come.
#[cfg(not(foreign_executor))]
#[test]
fn a_signal_goes_past_a_wait_that_was_robbed_and_has_not_looked_since() {
    fn case(of_a_select: bool) {
        let (mutex, cond, never) = (Mutex::new(()), Cond::new(), gort::Chan::<()>::new(0));
        let (mutex, cond, never) = (&mutex, &cond, &never);
        let wait = |of_a_select| {
            let guard = mutex.try_lock().unwrap();
            let mut wait = Polled::new(async move {
                if of_a_select {
                    select! { _guard = cond.wait(guard) => {}, <-never => {} }
                } else {
                    drop(cond.wait(guard).await);
                }
            });
            assert!(wait.poll().is_pending());
            wait
        };
        let (mut kept, mut robber) = (wait(of_a_select), wait(false));
        cond.signal();
        assert_eq!((kept.wakes(), robber.wakes()), (1, 0));
        robber.ready();
        let mut other = wait(false);
        cond.signal();
        assert_eq!((kept.wakes(), other.wakes()), (1, 1));
        other.ready();
        // When nobody else waits, it is there for when it looks.
        cond.signal();
        kept.ready();
        // It has kept its place.
        let (mut kept, mut robber) = (wait(of_a_select), wait(false));
        cond.signal();
        robber.ready();
        let other = wait(false);
        assert!(kept.poll().is_pending());
        cond.signal();
        assert_eq!((kept.wakes(), other.wakes()), (2, 0));
        kept.ready();
    }

    run(async {
        case(false);
        case(true);
    });
}
