//! Hazards of Go's `golang.org/x/sync`: T9, T27, T35 and T36.

mod common;

use common::everywhere::{dies_everywhere, everywhere, live, seeded, workers};
use common::{Polled, flag, go, run};
use gort::context::{Context, Error, background, with_cancel};
use gort::errgroup::Group;
use gort::semaphore::Weighted;
use gort::singleflight;
use gort::sync::WaitGroup;
use gort::time::{Duration, sleep};
use gort::{Chan, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const SECOND: Duration = Duration::from_secs(1);

// T9: a waiter for several permits gives up when some of them are there (tokio #904, #2325); the first in line
// gives up, and nobody tells the next (embassy #6964).

fn acquire(sem: &Weighted, n: usize) -> Polled<impl Future<Output = Result<(), Error>> + use<>> {
    let sem = sem.clone();
    Polled::new(async move { sem.acquire(&background(), n).await })
}

#[test]
fn t09_a_waiter_that_goes_takes_no_part_of_what_it_waits_for() {
    let sem = Weighted::new(5);
    assert!(sem.try_acquire(5));
    let mut large = acquire(&sem, 4);
    assert!(large.poll().is_pending());
    sem.release(3);
    assert!(large.poll().is_pending());
    drop(large);
    assert!(sem.try_acquire(3) && !sem.try_acquire(1));
    sem.release(5);
    assert!(sem.try_acquire(5));
}

#[test]
fn t09_when_the_first_in_line_goes_all_go_on_that_can() {
    for granted in [false, true] {
        let sem = Weighted::new(4);
        assert!(sem.try_acquire(4));
        let mut waiters = [3, 1, 2, 1].map(|n| acquire(&sem, n));
        assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()));
        sem.release(if granted { 3 } else { 2 });
        let [first, mut second, mut third, mut fourth] = waiters;
        assert_eq!(first.wakes(), usize::from(granted));
        drop(first);
        assert_eq!(second.ready(), Ok(()));
        if granted {
            assert_eq!(third.ready(), Ok(()));
        } else {
            assert!(third.poll().is_pending());
            sem.release(1);
            assert_eq!(third.ready(), Ok(()));
        }
        assert!(fourth.poll().is_pending());
        sem.release(1);
        assert_eq!(fourth.ready(), Ok(()));
    }
}

#[test]
fn t09_what_was_granted_to_somebody_who_is_not_polled_is_not_lost_to_the_others() {
    seeded(|| async {
        let (sem, ctx) = (Weighted::new(1), background());
        assert!(sem.try_acquire(1));
        let mut kept = Box::pin(sem.acquire(&ctx, 1));
        assert!(common::poll_once(&mut kept).await.is_pending());
        sem.release(1);
        // The same goroutine asks again, and keeps the first one unpolled.
        sem.acquire(&ctx, 1).await.unwrap();
        assert!(common::poll_once(&mut kept).await.is_pending());
        sem.release(1);
        // A whole poll goes by without it, and another one asks.
        gort::runtime::gosched().await;
        gort::runtime::gosched().await;
        let other = sem.clone();
        go(async move {
            other.acquire(&background(), 1).await.unwrap();
            other.release(1);
        })
        .await
        .unwrap();
        assert_eq!(kept.await, Ok(()));
    });
}

#[test]
fn t09_those_who_were_robbed_are_served_in_the_order_in_which_they_came() {
    live(|| async {
        let sem = Weighted::new(2);
        assert!(sem.try_acquire(2));
        let (mut first, mut second) = (acquire(&sem, 1), acquire(&sem, 1));
        assert!(first.poll().is_pending() && second.poll().is_pending());
        sem.release(2);
        assert_eq!((first.wakes(), second.wakes()), (1, 1));
        // Both are granted, and neither has looked.
        assert_eq!(acquire(&sem, 2).ready(), Ok(()));
        assert!(second.poll().is_pending() && first.poll().is_pending());
        sem.release(1);
        assert_eq!((first.wakes(), second.wakes()), (2, 1));
        assert_eq!(first.ready(), Ok(()));
        sem.release(1);
        assert_eq!(second.ready(), Ok(()));
    });
}

#[test]
fn t09_who_is_robbed_later_stands_behind_who_was_robbed_before_and_came_before() {
    live(|| async {
        let sem = Weighted::new(1);
        let mut pair = [0; 2].map(|_| acquire(&sem, 1));
        assert!(sem.try_acquire(1));
        for waiter in &mut pair {
            assert!(waiter.poll().is_pending());
            sem.release(1);
            // It is granted, and has not looked.
            assert_eq!(acquire(&sem, 1).ready(), Ok(()));
        }
        let [mut first, mut second] = pair;
        assert!(second.poll().is_pending() && first.poll().is_pending());
        sem.release(1);
        assert_eq!((first.wakes(), second.wakes()), (2, 1));
        assert_eq!(first.ready(), Ok(()));
        sem.release(1);
        assert_eq!(second.ready(), Ok(()));
    });
}

#[test]
fn t09_permits_are_neither_lost_nor_made_whoever_gives_up() {
    seeded(|| async {
        let (sem, wg) = (Weighted::new(3), WaitGroup::new());
        let inside = Arc::new(AtomicUsize::new(0));
        for i in 0..12 {
            let (sem, inside) = (sem.clone(), inside.clone());
            wg.go(async move {
                let n = i % 3 + 1;
                let (ctx, cancel) = with_cancel(&background());
                if i % 4 == 0 {
                    drop(go(async move { cancel.cancel() }));
                } else {
                    cancel.detach();
                }
                select! {
                    acquired = sem.acquire(&ctx, n) => {
                        if acquired.is_err() {
                            return;
                        }
                    }
                    _ = gort::runtime::gosched(), if i % 3 == 0 => return,
                }
                assert!(inside.fetch_add(n, Ordering::Relaxed) + n <= 3);
                gort::runtime::gosched().await;
                inside.fetch_sub(n, Ordering::Relaxed);
                sem.release(n);
            });
        }
        wg.wait().await;
        assert!(sem.try_acquire(3));
    });
}

// T27: what was started for somebody goes on when that one has gone (duroxide #45).

/// Starts a goroutine that holds `held` and waits for the end of the group's context.
async fn stoppable(group: &Group, ctx: &Context, held: impl Send + 'static) {
    let ctx = ctx.clone();
    let member = async move {
        let _held = held;
        ctx.done().recv().await;
        Ok(())
    };
    group.go(member).await;
}

#[test]
fn t27_a_group_that_is_dropped_stops_its_goroutines_and_those_of_groups_inside() {
    everywhere(|| async {
        let alive = flag();
        let (group, ctx) = Group::with_context(&background());
        stoppable(&group, &ctx, alive.clone()).await;
        let (at, held) = (ctx.clone(), alive.clone());
        group
            .go(async move {
                let (inner, inner_ctx) = Group::with_context(&at);
                stoppable(&inner, &inner_ctx, held.clone()).await;
                let _held = held;
                inner.wait().await
            })
            .await;
        let other = group.clone();
        drop(group);
        assert_eq!(ctx.err(), None, "there is another handle");
        drop(other);
        assert_eq!(ctx.err(), Some(Error::Canceled));
        while alive.alive() > 1 {
            gort::runtime::gosched().await;
        }
    });
}

// T35: an error that is hidden by that of the limit or of the context (golang #27837); a panic in one member; a
// limit of zero; `TryGo`.

#[test]
fn t35_the_first_error_is_not_hidden_by_what_comes_of_it() {
    seeded(|| async {
        let (group, ctx) = Group::<Error>::typed_with_context(&background());
        let starts = Arc::new(AtomicUsize::new(0));
        group.set_limit(1);
        let gate = Chan::<()>::new(0);
        let held = gate.clone();
        group
            .go(async move {
                held.recv().await;
                Err(Error::DeadlineExceeded)
            })
            .await;
        let (waiting, at, count) = (group.clone(), ctx.clone(), starts.clone());
        // Waits for the slot when the first one fails.
        let second = go(async move {
            let member = async move {
                count.fetch_add(1, Ordering::Relaxed);
                at.check()
            };
            waiting.go(member).await;
        });
        sleep(SECOND).await;
        gate.close();
        second.await.unwrap();
        assert_eq!(group.wait().await, Err(Error::DeadlineExceeded));
        assert_eq!(starts.load(Ordering::Relaxed), 1);
        assert_eq!(ctx.cause().unwrap(), Error::DeadlineExceeded);
        assert_eq!(ctx.err(), Some(Error::Canceled));
    });
}

#[test]
fn t35_a_panic_frees_the_slot_and_reaches_who_waits() {
    let text = dies_everywhere(|| async {
        let group = Group::new();
        group.set_limit(1);
        group.go(async { panic!("first") }).await;
        group.go(async { Err("second".into()) }).await;
        group.go(async { panic!("third") }).await;
        drop(group.wait().await);
    });
    assert_eq!(text, "first");
}

#[test]
fn t35_a_group_whose_runtime_goes_lets_others_go_on() {
    let (group, alive) = (Group::new(), flag());
    let (other, held) = (group.clone(), alive.clone());
    workers(1).run(async move {
        other
            .go(async move {
                let _held = held;
                std::future::pending::<()>().await;
                Ok(())
            })
            .await;
    });
    assert_eq!(alive.alive(), 1);
    assert!(run(async move { group.wait().await }).is_ok());
}

/// Polls until it waits for the call. (A simulated schedule may let a poll do nothing.)
async fn joined<K, V: Clone, F>(run: &mut std::pin::Pin<Box<singleflight::Run<K, V, F>>>) {
    while !format!("{run:?}").contains("waiting: true") {
        assert!(common::poll_once(run).await.is_pending());
        gort::runtime::gosched().await;
    }
}

// T36: the leader of a flight is cancelled, or panics, and its followers wait for ever.

#[test]
fn t36_who_started_the_call_goes_and_the_others_get_its_value() {
    seeded(|| async {
        let flights = singleflight::Group::<&str, u8>::new();
        let gate = Chan::<()>::new(0);
        let at = gate.clone();
        let mut leader = Box::pin(flights.run("key", async move {
            at.recv().await;
            7
        }));
        joined(&mut leader).await;
        let mut follower = Box::pin(flights.run("key", async { unreachable!() }));
        joined(&mut follower).await;
        drop(leader);
        gate.close();
        let flight = follower.await;
        assert_eq!((flight.value, flight.shared), (7, true));
    });
}

#[test]
fn t36_who_started_the_call_is_not_polled_and_the_others_get_its_value() {
    seeded(|| async {
        let flights = singleflight::Group::<&str, u8>::new();
        let gate = Chan::<()>::new(0);
        let at = gate.clone();
        let mut leader = Box::pin(flights.run("key", async move {
            at.recv().await;
            7
        }));
        joined(&mut leader).await;
        let mut follower = Box::pin(flights.run("key", async { 8 }));
        joined(&mut follower).await;
        gate.close();
        assert_eq!(follower.await.value, 7);
        assert_eq!(leader.await.value, 7);
    });
}

#[test]
fn t36_the_runtime_of_the_call_goes_and_the_others_try_again() {
    let flights = singleflight::Group::<&str, u8>::new();
    let mut leader = Box::pin(flights.run("key", std::future::pending()));
    let mut follower = Polled::new(flights.run("key", async { 8 }));
    let runtime = workers(1);
    let entered = runtime.enter();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(leader.as_mut().poll(&mut cx).is_pending());
    drop(entered);
    assert!(follower.poll().is_pending());
    let channel = flights.run_chan("key", async { 9 });
    drop(runtime);
    assert_eq!(follower.wakes(), 1);
    // The channel has no future to try again with.
    assert_eq!(channel.blocking_recv(), None);
    assert_eq!(run(follower.into_inner()).value, 8);
    let lost = common::panic_text(|| leader.as_mut().poll(&mut cx).is_ready());
    assert!(lost.contains("was shut down"), "{lost}");
}

#[test]
fn t36_the_call_panics_and_nobody_waits_for_ever() {
    seeded(|| async {
        let flights = singleflight::Group::<&str, ()>::new();
        let gate = Chan::<()>::new(0);
        let calls: Vec<_> = (0..4)
            .map(|i| {
                let (flights, gate) = (flights.clone(), gate.clone());
                go(async move {
                    let fails = async move {
                        gate.recv().await;
                        panic!("no answer");
                    };
                    let mut run = Box::pin(flights.run("key", fails));
                    if i == 1 {
                        // One of those who share it goes before.
                        joined(&mut run).await;
                        return;
                    }
                    run.await;
                })
            })
            .collect();
        sleep(SECOND).await;
        gate.close();
        for (i, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.is_err(), i != 1);
        }
    });
}
