//! Hazards of `select!`: one arm takes effect, and no other. T3, T4, T5, T15, T17, T18, T19 and T20.

mod common;
mod select_util;

#[cfg(not(foreign_executor))]
use common::everywhere::{dies_seeded, everywhere};
use common::everywhere::{live, seeded};
use common::{Call, Polled, go, nosy_waker, run};
use gort::task::yield_now;
use gort::{Chan, Select, chan, select};
use select_util::{now, panic_text, poll};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

// T3: two arms, both wanted.

/// async-std#436, flume: a select over two sends was woken by the first receiver; before it was polled,
/// the second receiver took the other value as well. Two values left a select that sends one.
#[test]
fn t03_two_receivers_between_wake_and_poll_get_one_value() {
    let (a, b) = (Chan::new(0), Chan::new(0));
    let (one, two) = (Arc::new(1), Arc::new(2));
    let mut parked = Box::pin(async {
        select! {
            a <- one.clone() => 'a',
            b <- two.clone() => 'b',
        }
    });
    assert!(poll(parked.as_mut()).is_pending());
    assert_eq!(*a.try_recv().unwrap(), 1);
    assert!(b.try_recv().is_err());
    assert_eq!(Arc::strong_count(&two), 2, "the select owns it still");
    assert_eq!(poll(parked.as_mut()), Poll::Ready('a'));
    assert_eq!(Arc::strong_count(&two), 1);
}

/// The same with receivers on other threads and workers: of each select's values one arrives.
#[test]
fn t03_receivers_that_race_for_two_sends_of_a_select_get_one_value() {
    async fn case(rounds: usize) {
        let [a, b] = [(); 2].map(|()| Chan::<usize>::new(0));
        let seen = Arc::new(AtomicUsize::new(0));
        let receivers = [a.rx(), b.rx()].map(|rx| {
            let seen = Arc::clone(&seen);
            go(async move {
                let mut sum = 0;
                while let Some(value) = rx.next().await {
                    seen.fetch_add(1, Ordering::Relaxed);
                    sum += value;
                }
                sum
            })
        });
        for i in 0..rounds {
            let (one, other) = (2 * i, 2 * i);
            select! { a <- one => {}, b <- other => {} }
        }
        a.close();
        b.close();
        let mut sum = 0;
        for receiver in receivers {
            sum += receiver.await.unwrap();
        }
        assert_eq!(seen.load(Ordering::Relaxed), rounds);
        assert_eq!(sum, rounds * (rounds - 1));
    }
    live(|| case(2_000));
    seeded(|| case(20));
}

// T4: a select that has been chosen, and goes.

/// zio#700: a sender had chosen a parked select and written its item into it when the select's task was
/// cancelled. The cancellation threw the item away.
#[test]
fn t04_a_value_for_a_select_that_is_dropped_goes_to_the_next_in_order() {
    let (c, other) = (Chan::new(1), Chan::<i32>::new(0));
    let parked = || {
        Polled::new(async {
            select! { v = <-c => v, v = <-other => v }
        })
    };
    let (mut first, mut second) = (parked(), parked());
    assert!(first.poll().is_pending() && second.poll().is_pending());
    assert!(c.try_send(1).is_ok());
    // `first` has been claimed. The next who waits gets it.
    drop(first);
    assert_eq!((second.wakes(), second.ready()), (1, 1));
    // Nobody waits: it comes before what was sent later.
    let mut third = parked();
    assert!(third.poll().is_pending());
    assert!(c.try_send(2).is_ok());
    assert!(c.try_send(3).is_ok());
    drop(third);
    assert_eq!((c.try_recv(), c.try_recv()), (Ok(2), Ok(3)));
    assert!(other.try_send(4).is_err(), "and nothing waits there any more");
}

/// The same by an abort that races with the send: the item is with the select, or in the channel.
#[test]
fn t04_an_abort_that_races_with_the_choice_loses_nothing() {
    async fn case(rounds: usize) {
        for _ in 0..rounds {
            let (tx, rx) = chan(0);
            let never = Chan::<u32>::new(0);
            let selects = go({
                let rx = rx.clone();
                async move {
                    select! { v = <-rx => v, v = <-never => v }
                }
            });
            let sends = go(async move { tx.send(1).await.is_ok() });
            yield_now().await;
            selects.abort();
            let got = selects.await.ok();
            let left = if got.is_none() { Some(rx.recv().await) } else { None };
            assert!(sends.await.unwrap());
            assert_eq!(got.or(left), Some(1));
        }
    }
    run(case(500));
    seeded(|| case(10));
}

// T5: an arm that is ready while another one is being chosen.

/// zio#701: while a select was registering its arms one by one, a peer chose the first. The third was
/// ready at once, took its value, and overwrote the choice: two arms had taken effect. gort enqueues all
/// arms at one instant; what a peer can come in between is the clone of the waker, just before.
#[test]
fn t05_a_peer_that_comes_while_the_select_gets_ready_to_wait_meets_one_arm() {
    let [a, b, c] = [(); 3].map(|()| Chan::<i32>::new(1));
    let peers = [a.clone(), b.clone(), c.clone()];
    let waker = nosy_waker(move |call| {
        if call == Call::Clone {
            peers.iter().enumerate().for_each(|(i, peer)| _ = peer.try_send(i as i32));
        }
    });
    let mut parked = Polled::new(async {
        select! { v = <-a => v, v = <-b => v, v = <-c => v }
    });
    let Poll::Ready(got) = parked.poll_with(&waker) else { panic!("three are ready") };
    let left: Vec<_> = [&a, &b, &c].iter().filter_map(|ch| ch.try_recv().ok()).collect();
    assert_eq!(left.len(), 2);
    assert!(!left.contains(&got));
}

/// A foreign future is polled while the channels are not locked: what it does to them counts once.
#[test]
fn t05_no_peer_can_claim_while_a_foreign_future_takes_effect() {
    let channel = Chan::<i32>::new(0);
    let mut polls = 0;
    let foreign = poll_fn(|_| {
        polls += 1;
        // Parked, and polled again: a peer comes in the middle of it.
        if polls == 1 { Poll::Pending } else { Poll::Ready(channel.try_send(1).is_ok()) }
    });
    let mut parked = pin!(async {
        select! {
            _v = <-channel => unreachable!(),
            met = foreign => met,
        }
    });
    assert!(poll(parked.as_mut()).is_pending());
    assert_eq!(poll(parked), Poll::Ready(false));
}

/// A foreign future that makes another arm ready in its first poll, and waits.
#[test]
fn t05_an_arm_that_a_foreign_future_made_ready_is_the_only_one() {
    let (a, b) = (Chan::<i32>::new(1), Chan::<i32>::new(1));
    let foreign = poll_fn(|_| {
        let _ = (a.try_send(1), b.try_send(2));
        Poll::<i32>::Pending
    });
    let got = now(async {
        select! { v = <-a => v, v = <-b => v, v = foreign => v }
    });
    assert_eq!((a.len() + b.len(), got == 1), (1, a.is_empty()));
}

// T15: a close that chooses a sending arm.

/// Go#30372 and others like it: a close while a select is parked with a send arm on the channel. The
/// panic belongs in the select; its other arms must be gone, and whoever else waits there goes on.
#[test]
fn t15_close_panics_in_the_select_and_nobody_else_is_disturbed() {
    let (c, d) = (Chan::new(0), Chan::<i32>::new(0));
    let mut parked = Polled::new(async {
        select! { c <- 1 => {}, _v = <-d => {} }
    });
    assert!(parked.poll().is_pending());
    let mut receiver = pin!(d.recv());
    assert!(poll(receiver.as_mut()).is_pending());
    c.close();
    assert_eq!(parked.wakes(), 1);
    assert_eq!(panic_text(|| _ = parked.poll()), "send on closed channel");
    assert!(d.try_send(9).is_ok());
    assert_eq!(poll(receiver), Poll::Ready(9));
}

/// The same with the close racing the select, and a value on another arm: it is received, or left.
#[cfg(not(foreign_executor))]
#[test]
fn t15_a_close_that_races_with_the_select_panics_there_or_comes_too_late() {
    async fn case(rounds: usize) {
        for _ in 0..rounds {
            let (c, (tx, rx)) = (Chan::new(0), chan::<u32>(0));
            let selects = go({
                let (c, rx) = (c.clone(), rx.clone());
                async move {
                    select! { c <- 1 => 0, v = <-rx => v }
                }
            });
            let closes = go(async move { c.close() });
            let sends = go(async move { tx.send(7).await });
            let got = match selects.await {
                Ok(got) => {
                    assert_eq!(got, 7);
                    got
                }
                Err(error) => {
                    let text = panic_text(|| std::panic::resume_unwind(error.into_panic()));
                    assert_eq!(text, "send on closed channel");
                    rx.recv().await
                }
            };
            assert_eq!(got, 7, "it went with the panic");
            closes.await.unwrap();
            sends.await.unwrap().unwrap();
        }
    }
    live(|| case(300));
    seeded(|| case(10));
}

// T17: selects on both sides.

/// chan#20: a sending select and a receiving select on one unbuffered channel went past each other, each
/// finding the other not ready. (That one select does not meet itself: `c059` and `c060`.)
#[test]
fn t17_a_sending_and_a_receiving_select_meet() {
    let (c, never) = (Chan::new(0), Chan::<i32>::new(0));
    let mut send = pin!(async {
        select! { c <- 1 => 's', _v = <-never => 'n' }
    });
    assert!(poll(send.as_mut()).is_pending());
    let got = now(async {
        select! { v = <-c => v, v = <-never => v }
    });
    assert_eq!(got, 1);
    assert_eq!(poll(send), Poll::Ready('s'));

    let mut receive = pin!(async {
        select! { v = <-c => v, v = <-never => v }
    });
    assert!(poll(receive.as_mut()).is_pending());
    now(async {
        select! { c <- 2 => {}, _v = <-never => {} }
    });
    assert_eq!(poll(receive), Poll::Ready(2));
}

/// chan#20 between goroutines and between threads; Go#16286: the channel stands in several arms.
#[test]
fn t17_selects_that_send_and_selects_that_receive_all_meet() {
    async fn send_all(c: Chan<usize>, rounds: usize) {
        for i in 0..rounds {
            select! { c <- i => {}, c <- i => {}, c <- i => {} }
        }
    }
    async fn receive_all(c: Chan<usize>, rounds: usize) {
        let mut next = 0;
        while next < rounds {
            let got = select! { v = <-c => v, v = <-c => v };
            assert_eq!(got, next, "in order, each once");
            next += 1;
        }
    }
    async fn case(rounds: usize) {
        let c = Chan::new(0);
        let sends = go(send_all(c.clone(), rounds));
        receive_all(c, rounds).await;
        sends.await.unwrap();
    }
    live(|| case(2_000));
    seeded(|| case(30));
    let c = Chan::new(0);
    let other = c.clone();
    let sends = std::thread::spawn(move || futures::executor::block_on(send_all(other, 2_000)));
    futures::executor::block_on(receive_all(c, 2_000));
    sends.join().unwrap();
}

// T18: selects of any size.

/// reflect.Select's limits: a thousand cases in any order, with channels that stand in several of them
/// and nil ones in between. Whatever comes is received once, by a case of its channel.
#[test]
fn t18_a_select_of_a_thousand_cases_with_duplicates_and_nil() {
    let mut rng = fastrand::Rng::with_seed(18);
    let nil = Chan::<usize>::nil();
    let channels: Vec<Chan<usize>> = (0..200).map(|i| Chan::new(i % 3)).collect();
    for round in 0..60 {
        // The case's number, and whose channel it has.
        let cases: Vec<Option<usize>> =
            (0..1_000).map(|_| (rng.u32(..5) > 0).then(|| rng.usize(..channels.len()))).collect();
        let build = || {
            let mut select = Select::with_capacity(cases.len());
            for case in &cases {
                select.recv(case.map_or(&nil, |i| &channels[i]), |v, ok| (v, ok));
            }
            select
        };
        let target = loop {
            let target = rng.usize(..channels.len());
            if cases.contains(&Some(target)) {
                break target;
            }
        };
        let mut parked = Polled::new(build().wait());
        if round % 2 == 0 {
            assert!(parked.poll().is_pending());
        } else {
            // Ready from the start, if the channel has room.
            let _ = channels[target].try_send(round);
        }
        if channels[target].is_empty() {
            assert!(parked.poll().is_pending());
            assert!(channels[target].try_send(round).is_ok());
        }
        let (case, value) = parked.ready();
        assert_eq!((cases[case], value), (Some(target), (round, true)));
        drop(parked);
        assert!(channels.iter().all(|ch| ch.is_empty() && ch.try_recv().is_err()));
        assert!(channels.iter().step_by(3).all(|ch| ch.try_send(0).is_err()), "nobody waits");
    }
}

/// All cases nil, and no cases: it waits for ever, and a program that does nothing else is stuck.
#[cfg(not(foreign_executor))]
#[test]
fn t18_a_select_without_a_case_that_could_happen_is_reported() {
    const STUCK: &str = "fatal error: all goroutines are asleep - deadlock!";
    let nil = || async {
        let nil = Chan::<usize>::nil();
        let mut select = Select::new();
        for i in 0..1_000 {
            if i % 2 == 0 {
                select.recv(&nil, |_, _| ());
            } else {
                select.send(&nil, i, |()| ());
            }
        }
        select.wait().await;
    };
    assert!(dies_seeded(nil).starts_with(STUCK));
    assert!(dies_seeded(|| async { _ = Select::<()>::new().wait().await }).starts_with(STUCK));
    assert!(
        dies_seeded(|| async {
            select! {}
        })
        .starts_with(STUCK)
    );
}

// T19: fairness.

/// Whether counts of what should be equally likely are within ten standard deviations of chi-square.
fn fair(count: &[u32]) -> bool {
    let expected = f64::from(count.iter().sum::<u32>()) / count.len() as f64;
    let chi: f64 = count.iter().map(|seen| (f64::from(*seen) - expected).powi(2) / expected).sum();
    let freedom = (count.len() - 1) as f64;
    chi < freedom + 10.0 * (2.0 * freedom).sqrt()
}

const TRIALS: usize = if cfg!(miri) { 100 } else { 3_200 };

/// Selects that took the first ready arm, or began at a random one and went on in order (which favours
/// an arm that stands behind others that are not ready).
#[test]
fn t19_ready_arms_of_every_kind_have_the_same_weight() {
    let c = Chan::<i32>::new(0);
    c.close();
    macro_rules! count {
        ($($arms:tt)*) => {{
            let mut count = Vec::new();
            for _ in 0..TRIALS {
                let arm: usize = now(async { select! { $($arms)* } });
                count.resize(count.len().max(arm + 1), 0u32);
                count[arm] += 1;
            }
            assert!(fair(&count), "{count:?}");
            count.len()
        }};
    }
    macro_rules! receive {
        ($($i:literal)*) => { count! { $(<-c => $i,)* } };
    }
    macro_rules! next {
        ($($i:literal)*) => { count! { $(_ = c.next() => $i,)* } };
    }
    macro_rules! future {
        ($($i:literal)*) => { count! { $(() = async {} => $i,)* } };
    }
    assert_eq!(receive!(0 1), 2);
    assert_eq!(receive!(0 1 2), 3);
    assert_eq!(receive!(0 1 2 3 4 5 6), 7);
    assert_eq!(receive!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15), 16);
    assert_eq!(
        receive!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31),
        32
    );
    assert_eq!(next!(0 1 2 3 4 5 6), 7);
    assert_eq!(future!(0 1 2 3 4 5 6), 7);
    let mixed = count! {
        <-c => 0,
        _ = std::future::pending::<()>() => unreachable!(),
        _ = c.next() => 1,
        () = async {} => 2,
        <-c => 3,
    };
    assert_eq!(mixed, 4);
}

/// The select that is built at run time, with every number of ready cases from 2 to 32 among cases that
/// are not ready.
#[test]
fn t19_any_number_of_ready_cases_have_the_same_weight() {
    let (ready, never) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    ready.close();
    for arms in 2..=32 {
        let mut count = vec![0; arms];
        for _ in 0..TRIALS {
            let mut select = Select::with_capacity(2 * arms);
            for arm in 0..arms {
                select.recv(&ready, move |_, _| arm);
                // Not evenly spread: the first ones are followed by more.
                for _ in arm..(arms / 3) {
                    select.recv(&never, |_, _| unreachable!());
                }
            }
            count[now(select.wait()).1] += 1;
        }
        assert!(fair(&count), "{arms}: {count:?}");
    }
}

/// tokio#2542, tokio#7164: a loop over something that was always ready never gave its thread back, and
/// what else the loop, or others, waited for never came.
#[cfg(not(foreign_executor))]
#[test]
fn t19_a_select_that_is_always_ready_lets_others_run() {
    let case = || async {
        let ready = Chan::<i32>::new(0);
        ready.close();
        let stop = Chan::<i32>::new(0);
        let other = stop.clone();
        go(async move { other.close() });
        loop {
            select! {
                biased;
                <-stop => break,
                <-ready => {}
            }
        }
    };
    current_thread().block_on(case());
    everywhere(case);
}

/// A timer beside an arm that is always ready: the loop itself has to notice that its time has come.
#[cfg(not(foreign_executor))]
#[test]
fn t19_a_select_that_is_always_ready_notices_its_timers() {
    use gort::time::{Duration, after, sleep, timeout};
    const MS: Duration = Duration::from_millis(1);
    let case = || async {
        let ready = Chan::<i32>::new(0);
        ready.close();
        let due = after(MS);
        loop {
            select! { <-due => break, <-ready => {} }
        }
        let mut nap = pin!(sleep(MS));
        loop {
            select! { () = nap.as_mut() => break, <-ready => {} }
        }
        let spin = async {
            loop {
                select! { <-ready => {} }
            }
        };
        timeout(MS, spin).await.unwrap_err();
    };
    current_thread().block_on(case());
    live(case);
}

#[cfg(not(foreign_executor))]
fn current_thread() -> gort::runtime::Runtime {
    gort::runtime::Builder::new_current_thread().build().unwrap()
}

// T20: a loop that never waits.

/// The example in go-lib's README polls with `default` in a loop. It never waits, so nobody else ran who
/// could have ended it.
#[cfg(not(foreign_executor))]
#[test]
fn t20_a_loop_over_a_select_with_default_lets_others_run() {
    let case = || async {
        let stop = Chan::<i32>::new(0);
        let other = stop.clone();
        go(async move { other.close() });
        loop {
            select! {
                <-stop => break,
                default => {}
            }
        }
        // With a future among the arms.
        let (tx, rx) = chan::<i32>(0);
        go(async move { drop(tx) });
        loop {
            select! {
                _ = rx.next() => break,
                () = std::future::pending() => {}
                default => {}
            }
        }
        // Built at run time.
        let (tx, rx) = chan::<i32>(0);
        go(async move { drop(tx) });
        loop {
            let mut select = Select::new();
            select.next(&rx, |_| true);
            select.default(|| false);
            if select.wait().await.1 {
                break;
            }
        }
    };
    current_thread().block_on(case());
    everywhere(case);
}
