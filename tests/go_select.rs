//! Go's cases of `select`, 49 to 75. Where the order of waiters matters, futures are polled by hand; what
//! holds in every order runs as goroutines, everywhere.

mod common;
mod select_util;

use common::everywhere::{everywhere, live, seeded};
use common::go;
use gort::runtime::gosched;
use gort::time::{Duration, Instant, after, sleep};
use gort::{Chan, Receiver, Select, Sender, select};
use select_util::{filled, now, panic_text, poll, poll_with};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

#[test]
fn c049_no_cases_and_nil_cases_wait_for_ever() {
    let woken = Arc::<select_util::Woken>::default();
    let mut empty = pin!(async {
        select! {}
    });
    assert!(poll_with(empty.as_mut(), &woken).is_pending());
    assert!(poll_with(empty.as_mut(), &woken).is_pending());

    let (tx, rx) = (Sender::<i32>::nil(), Receiver::<i32>::nil());
    let both = Chan::<i32>::nil();
    let mut nil = pin!(async {
        select! {
            _ = <-rx => unreachable!(),
            _r = tx <- 1 => unreachable!(),
            both <- 2 => unreachable!(),
            <-both => unreachable!(),
        }
    });
    assert!(poll_with(nil.as_mut(), &woken).is_pending());
    assert!(poll_with(nil.as_mut(), &woken).is_pending());
    assert_eq!(woken.times(), 0);
}

#[test]
fn c050_only_default_runs_at_once() {
    assert_eq!(
        now(async {
            select! { default => 7 }
        }),
        7
    );
}

/// How often each of two ready cases is chosen, beside two that are not.
async fn two_ready_of_four(trials: usize) -> [usize; 2] {
    let (c1, c2) = (filled(1, [1]), filled(1, [1]));
    let (c3, c4) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    c1.close();
    c2.close();
    let mut count = [0; 2];
    for _ in 0..trials {
        let which = select! {
            <-c3 => unreachable!(),
            <-c1 => 0,
            <-c4 => unreachable!(),
            <-c2 => 1,
        };
        count[which] += 1;
    }
    count
}

#[test]
fn c051_two_ready_of_four_share_alike() {
    const TRIALS: usize = 10_000;
    // 10 sigma; sigma is 50.
    let fair = |count: [usize; 2]| count[0].abs_diff(TRIALS / 2) < 500;
    assert!(fair(now(two_ready_of_four(TRIALS))));
    // The choices of one schedule are as fair.
    #[cfg(not(foreign_executor))]
    assert!(fair(common::everywhere::simulated(1).run(two_ready_of_four(TRIALS))));
}

#[test]
fn c052_each_case_has_the_same_weight() {
    let (x, y) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    x.close();
    y.close();
    const TRIALS: usize = 40_000;
    let mut count = [0usize; 4];
    for _ in 0..TRIALS {
        let which = now(async {
            select! { <-x => 0, <-x => 1, <-x => 2, <-y => 3 }
        });
        count[which] += 1;
    }
    // sigma is 87.
    for seen in count {
        assert!(seen.abs_diff(TRIALS / 4) < 870, "{count:?}");
    }
}

/// Whether counts of what should be equally likely are within ten standard deviations of chi-square.
fn fair(count: &[u32]) -> bool {
    let expected = f64::from(count.iter().sum::<u32>()) / count.len() as f64;
    let chi: f64 = count.iter().map(|seen| (f64::from(*seen) - expected).powi(2) / expected).sum();
    let freedom = (count.len() - 1) as f64;
    chi < freedom + 10.0 * (2.0 * freedom).sqrt()
}

/// T19: 2 to 32 arms, all ready, of every kind.
#[test]
fn c052_arms_of_every_kind_have_the_same_weight() {
    let c = Chan::<i32>::new(0);
    c.close();
    let trials = if cfg!(miri) { 100 } else { 3_200 };
    macro_rules! count {
        ($($arms:tt)*) => {{
            let mut count = Vec::new();
            for _ in 0..trials {
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
    assert_eq!(receive!(0 1 2 3 4 5 6), 7);
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

#[test]
fn c053_two_sends_on_one_channel_are_both_chosen() {
    everywhere(|| async {
        for capacity in [0, 100] {
            let channel = Chan::new(capacity);
            let sends = channel.clone();
            let sender = go(async move {
                for _ in 0..100 {
                    select! {
                        sends <- 0 => {}
                        sends <- 1 => {}
                    }
                }
            });
            let mut count = [0; 2];
            for _ in 0..100 {
                count[channel.recv().await] += 1;
            }
            sender.await.unwrap();
            assert!(count[0] > 10 && count[1] > 10, "{count:?}");
        }
    });
}

#[test]
fn c054_operands_are_evaluated_once_in_source_order() {
    let order = RefCell::new(String::new());
    let say = |letter: char| order.borrow_mut().push(letter);
    let (nil, ready) = (Chan::<i32>::nil(), filled(1, [5]));
    let operand = |letter, channel: &Chan<i32>| {
        say(letter);
        channel.clone()
    };
    let value = |letter| {
        say(letter);
        1
    };
    let mut pending = Some(3);
    let got = now(async {
        select! {
            operand('a', &nil) <- value('b') => 0,
            v = <-operand('c', &ready) => v,
            operand('d', &nil) <- { say('e'); &mut pending }.take().unwrap() => 0,
            _ = { say('f'); std::future::pending::<()>() } => 0,
            <-operand('g', &nil) => 0,
        }
    });
    assert_eq!((got, order.into_inner().as_str()), (5, "abcdefg"));
}

#[test]
fn c055_nothing_of_an_unchosen_arm_runs() {
    let ready = filled(1, [5]);
    let nil = Receiver::<i32>::nil();
    let ran = Cell::new(0);
    now(async {
        select! {
            v = <-nil => ran.set(v + 1),
            v, _ok = <-ready => assert_eq!(v, 5),
            _ = std::future::pending::<()>() => ran.set(2),
        }
    });
    assert_eq!(ran.get(), 0);
}

#[test]
fn c056_a_panic_in_an_operand_panics_the_select() {
    fn operand() -> i32 {
        panic!("operand")
    }
    let ready = filled(1, [5]);
    let text = panic_text(|| {
        now(async {
            select! {
                _v = <-ready => {}
                ready <- operand() => {}
            }
        });
    });
    assert_eq!(text, "operand");
    assert_eq!(ready.try_recv(), Ok(5), "no arm may have taken effect");
}

async fn which_of_two_or_default(c1: Chan<i32>, c2: Chan<i32>) -> &'static str {
    select! {
        <-c1 => "first",
        <-c2 => "second",
        default => "default",
    }
}

/// Waits, on the processor, until the other thread is in this round. Returns how often it gave the processor
/// away for that: the other thread had none.
fn meet(round: usize, other: &AtomicUsize) -> usize {
    let mut yields = 0;
    for spins in 0.. {
        if other.load(Ordering::Acquire) >= round {
            break;
        }
        if spins % 100 == 99 {
            std::thread::yield_now();
            yields += 1;
        }
    }
    yields
}

/// One of two channels is ready at every moment, on two threads that begin each round together. `second`
/// makes the second one ready.
///
/// As often as Go's own test does it, where two threads can run at a time. Where they cannot, a round costs time
/// slices and finds nothing: then there are fewer of them.
fn never_default_on_two_threads(second: impl Fn(&Chan<i32>)) {
    let (batches, rounds) = if cfg!(miri) { (1, 10) } else { (100, 1_000) };
    let mut yields = 0;
    for _ in 0..batches {
        let pairs = (0..rounds).map(|_| (filled(1, [1]), Chan::new(1))).collect();
        assert_eq!(defaults_on_two_threads(pairs, &second, &mut yields), 0);
        if yields > 2_000 {
            return;
        }
    }
}

/// How often `default` runs. Adds to `yields` how often the caller waited without a processor for the other thread.
fn defaults_on_two_threads(
    pairs: Arc<[(Chan<i32>, Chan<i32>)]>,
    second: impl Fn(&Chan<i32>),
    yields: &mut usize,
) -> usize {
    let (here, there) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (other_pairs, selecting, making) = (pairs.clone(), there.clone(), here.clone());
    let selector = std::thread::spawn(move || {
        let mut defaults = 0;
        for (round, (c1, c2)) in other_pairs.iter().enumerate() {
            let (one, other) = if round % 2 == 0 { (c1, c2) } else { (c2, c1) };
            let select = which_of_two_or_default(one.clone(), other.clone());
            selecting.store(round + 1, Ordering::Release);
            meet(round + 1, &making);
            defaults += usize::from(now(select) == "default");
        }
        defaults
    });
    for (round, (c1, c2)) in pairs.iter().enumerate() {
        here.store(round + 1, Ordering::Release);
        *yields += meet(round + 1, &there);
        (0..round % 64).for_each(|_| std::hint::spin_loop());
        second(c2);
        let _ = c1.try_recv();
    }
    selector.join().unwrap()
}

/// The same with goroutines.
async fn never_default(rounds: usize, second: fn(&Chan<i32>)) {
    for _ in 0..rounds {
        let (c1, c2) = (filled(1, [1]), Chan::new(1));
        let chosen = go(which_of_two_or_default(c1.clone(), c2.clone()));
        gosched().await;
        second(&c2);
        gosched().await;
        select! {
            <-c1 => {}
            default => {}
        }
        assert_ne!(chosen.await.unwrap(), "default");
    }
}

#[test]
fn c057_default_never_runs_while_one_of_two_is_ready() {
    let second = |c2: &Chan<i32>| assert!(c2.try_send(1).is_ok());
    never_default_on_two_threads(second);
    live(|| never_default(100_000, second));
    seeded(|| never_default(20, second));
}

#[test]
fn c058_default_never_runs_while_one_of_two_becomes_ready_by_close() {
    never_default_on_two_threads(Chan::close);
    live(|| never_default(100_000, Chan::close));
    seeded(|| never_default(20, Chan::close));
}

#[test]
fn c059_send_and_receive_of_one_select_do_not_meet() {
    let channel = Chan::new(0);
    let mut alone = pin!(async {
        select! {
            channel <- 1 => "sent",
            <-channel => "received",
        }
    });
    assert!(poll(alone.as_mut()).is_pending());
    assert!(poll(alone.as_mut()).is_pending());
    // Others meet either.
    assert_eq!(channel.try_recv(), Ok(1));
    assert_eq!(poll(alone.as_mut()), Poll::Ready("sent"));
}

async fn exchange(channel: Chan<usize>, rounds: usize, me: usize, swapped: bool) {
    for _ in 0..rounds {
        if swapped {
            select! {
                v = <-channel => assert_ne!(v, me),
                channel <- me => {}
            }
        } else {
            select! {
                channel <- me => {}
                v = <-channel => assert_ne!(v, me),
            }
        }
    }
}

async fn exchange_both_ways(rounds: usize) {
    for swapped in [false, true] {
        let channel = Chan::new(0);
        let one = go(exchange(channel.clone(), rounds, 0, false));
        let other = go(exchange(channel, rounds, 1, swapped));
        one.await.unwrap();
        other.await.unwrap();
    }
}

#[test]
fn c060_two_goroutines_that_send_and_receive_never_meet_themselves() {
    live(|| exchange_both_ways(1000));
    seeded(|| exchange_both_ways(20));
}

#[test]
fn c061_send_and_receive_on_a_buffer_of_one_alternate() {
    everywhere(|| async {
        let channel = Chan::new(1);
        for i in 0..500 {
            for turn in ["send", "receive"] {
                let chosen = select! {
                    channel <- i => "send",
                    v = <-channel => {
                        assert_eq!(v, i);
                        "receive"
                    }
                };
                assert_eq!(chosen, turn);
            }
        }
    });
}

#[test]
fn c062_a_channel_in_two_arms_leaves_no_trace_in_its_queue() {
    let (c, d) = (Chan::new(0), Chan::new(0));
    let mut a = pin!(async {
        select! {
            _v = <-c => 'c',
            _v = <-c => 'c',
            _v = <-d => 'd',
        }
    });
    assert!(poll(a.as_mut()).is_pending());
    let mut b = pin!(c.recv());
    assert!(poll(b.as_mut()).is_pending());
    assert!(d.try_send(7).is_ok());
    assert_eq!(poll(a.as_mut()), Poll::Ready('d'));
    assert!(c.try_send(8).is_ok());
    assert_eq!(poll(b.as_mut()), Poll::Ready(8));
}

#[test]
fn c063_an_arm_that_lost_is_unlinked_and_its_successor_served() {
    let (c1, c2) = (Chan::new(0), Chan::new(0));
    let mut a = pin!(c1.recv());
    assert!(poll(a.as_mut()).is_pending());
    let mut b = pin!(async {
        select! {
            _v = <-c1 => unreachable!(),
            _v = <-c2 => {}
        }
        c1.recv().await
    });
    assert!(poll(b.as_mut()).is_pending());
    assert!(c2.try_send(0).is_ok());
    assert!(poll(b.as_mut()).is_pending());
    assert!(c1.try_send(1).is_ok());
    assert!(c1.try_send(2).is_ok());
    assert_eq!(poll(a.as_mut()), Poll::Ready(1));
    assert_eq!(poll(b.as_mut()), Poll::Ready(2));
}

/// One goroutine sends on whichever of four channels is taken from first; four pass it all on to one.
async fn four_way_send(n: usize) {
    let channels: [Chan<usize>; 4] = std::array::from_fn(|_| Chan::new(0));
    let (all, collected) = gort::chan(0);
    for from in channels.clone() {
        let all = all.clone();
        drop(go(async move {
            while let Some(value) = from.next().await {
                all.send(value).await.unwrap();
            }
        }));
    }
    drop(all);
    drop(go(async move {
        for i in 0..n {
            select! {
                channels[0] <- i => {}
                channels[1] <- i => {}
                channels[2] <- i => {}
                channels[3] <- i => {}
            }
        }
        channels.iter().for_each(Chan::close);
    }));
    let mut seen = vec![false; n];
    while let Some(value) = collected.next().await {
        assert!(!std::mem::replace(&mut seen[value], true), "{value} came twice");
    }
    assert!(seen.into_iter().all(|seen| seen));
}

#[test]
fn c064_a_four_way_send_select_delivers_every_value_once() {
    live(|| four_way_send(100_000));
    seeded(|| four_way_send(100));
}

#[test]
fn c065_close_wakes_a_parked_receive_with_zero_and_false() {
    let (c, d) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    let woken = Arc::<select_util::Woken>::default();
    let mut parked = pin!(async {
        select! {
            v, ok = <-c => (v, ok),
            v, ok = <-d => (v + 1, ok),
        }
    });
    assert!(poll_with(parked.as_mut(), &woken).is_pending());
    c.close();
    assert_eq!(woken.times(), 1);
    assert_eq!(poll_with(parked.as_mut(), &woken), Poll::Ready((0, false)));
}

#[test]
fn c066_close_while_a_send_is_parked_panics_in_the_select() {
    let (c, d) = (Chan::new(0), Chan::<i32>::new(0));
    let mut parked = Box::pin(async {
        select! {
            c <- 1 => {}
            _v = <-d => {}
        }
    });
    assert!(poll(parked.as_mut()).is_pending());
    c.close();
    let text = panic_text(|| {
        let _ = poll(parked.as_mut());
    });
    assert_eq!(text, "send on closed channel");
    // Its other registrations are gone: nobody receives.
    assert!(d.try_send(1).is_err());
    drop(parked);
    assert!(d.try_send(1).is_err());
}

#[test]
fn c067_a_send_on_a_closed_channel_panics_if_it_is_chosen() {
    let (closed, ready) = (Chan::new(1), Chan::<i32>::new(0));
    closed.close();
    ready.close();
    const TRIALS: usize = 10_000;
    let mut panics = 0;
    for _ in 0..TRIALS {
        let select = || {
            now(async {
                select! {
                    closed <- 1 => unreachable!(),
                    <-ready => {}
                }
            });
        };
        panics += usize::from(catch_unwind(AssertUnwindSafe(select)).is_err());
    }
    // sigma is 50.
    assert!(panics.abs_diff(TRIALS / 2) < 500, "{panics}");
    // The locks are free.
    assert!(closed.is_closed() && ready.is_closed());
}

#[test]
fn c068_of_three_sends_at_once_one_is_taken_and_two_remain() {
    everywhere(|| async {
        let channels: [Chan<usize>; 3] = std::array::from_fn(|_| Chan::new(0));
        let [a, b, c] = channels.clone();
        let parked = go(async move {
            select! { v = <-a => v, v = <-b => v, v = <-c => v }
        });
        let send = |(i, channel): (usize, Chan<usize>)| go(async move { channel.send(i).await });
        let senders: Vec<_> = channels.iter().cloned().enumerate().map(send).collect();
        let taken = parked.await.unwrap();
        for (i, channel) in channels.iter().enumerate().filter(|(i, _)| *i != taken) {
            assert_eq!(channel.recv().await, i);
        }
        for sender in senders {
            sender.await.unwrap();
        }
        assert!(channels[taken].try_recv().is_err());
    });
}

#[test]
fn c069_nil_ends_a_channels_part_in_a_loop() {
    everywhere(|| async {
        let (mut a, mut b) = (Chan::new(0), Chan::new(2));
        for (channel, values) in [(&a, [1, 2, 3]), (&b, [10, 20, 30])] {
            let channel = channel.clone();
            drop(go(async move {
                for value in values {
                    channel.send(value).await;
                }
                channel.close();
            }));
        }
        let (mut sum, mut rounds) = (0, 0);
        while !(a.is_nil() && b.is_nil()) {
            rounds += 1;
            select! {
                v, ok = <-a => if ok { sum += v } else { a = Chan::nil() },
                v, ok = <-b => if ok { sum += v } else { b = Chan::nil() },
            }
        }
        assert_eq!((sum, rounds), (66, 8), "each value and each end once");
    });
}

/// Sends `n` values on each of four channels, in whatever order they are taken.
async fn send_to_all(channels: [Chan<usize>; 4], n: usize) {
    let (mut left, mut open) = ([n; 4], channels);
    while left.iter().any(|left| *left > 0) {
        let sent = select! {
            open[3] <- n - left[3] => 3,
            open[2] <- n - left[2] => 2,
            open[0] <- n - left[0] => 0,
            open[1] <- n - left[1] => 1,
        };
        left[sent] -= 1;
        if left[sent] == 0 {
            open[sent] = Chan::nil();
        }
    }
}

/// Receives `n` values from each of four channels.
async fn receive_from_all(channels: [Chan<usize>; 4], n: usize) {
    let (mut left, mut open) = ([n; 4], channels);
    while left.iter().any(|left| *left > 0) {
        let got = select! {
            <-open[0] => 0,
            <-open[1] => 1,
            <-open[2] => 2,
            <-open[3] => 3,
        };
        left[got] -= 1;
        if left[got] == 0 {
            open[got] = Chan::nil();
        }
    }
}

/// Ten goroutines over four channels: a plain sender and a plain receiver for each, and two that select.
async fn plain_and_selecting(n: usize) {
    let channels: [Chan<usize>; 4] = [0, 0, 2, 3].map(Chan::new);
    let mut all =
        vec![go(send_to_all(channels.clone(), n)), go(receive_from_all(channels.clone(), n))];
    for channel in &channels {
        let (tx, rx) = (channel.clone(), channel.clone());
        all.push(go(async move {
            for i in 0..n {
                tx.send(i).await;
            }
        }));
        all.push(go(async move {
            for _ in 0..n {
                rx.recv().await;
            }
        }));
    }
    for goroutine in all {
        goroutine.await.unwrap();
    }
    assert!(channels.iter().all(|channel| channel.try_recv().is_err()));
}

#[test]
fn c070_plain_and_selecting_senders_and_receivers_come_out_even() {
    live(|| plain_and_selecting(10_000));
    seeded(|| plain_and_selecting(20));
}

#[test]
fn c071_65536_cases_and_no_more() {
    let channels: Vec<Chan<u32>> = (0..65_536).map(|_| Chan::new(1)).collect();
    let mut select = Select::with_capacity(65_536);
    for (i, channel) in channels.iter().enumerate() {
        assert_eq!(select.recv(channel, |v, ok| (v, ok)), i);
    }
    let text = panic_text(|| {
        select.recv(&channels[0], |v, ok| (v, ok));
    });
    assert_eq!(text, "reflect.Select: too many cases (max 65536)");
    let mut parked = pin!(select.wait());
    assert!(poll(parked.as_mut()).is_pending());
    assert!(channels[40_000].try_send(4).is_ok());
    assert_eq!(poll(parked), Poll::Ready((40_000, (4, true))));
}

#[test]
fn c072_two_defaults_panic_none_waits_and_nil_is_ignored() {
    let text = panic_text(|| {
        let mut select = Select::new();
        select.default(|| ());
        select.default(|| ());
    });
    assert_eq!(text, "reflect.Select: multiple default cases");

    let mut empty = pin!(Select::<()>::new().wait());
    assert!(poll(empty.as_mut()).is_pending());
    assert!(poll(empty.as_mut()).is_pending());

    let (nil, ready) = (Chan::<i32>::nil(), filled(1, [3]));
    let mut select = Select::new();
    select.recv(&nil, |v, _| v);
    select.send(&nil, 1, |()| -1);
    select.recv(&ready, |v, _| v);
    assert_eq!(now(select.wait()), (2, 3));

    let mut select = Select::new();
    select.recv(&nil, |v, _| v);
    let mut all_nil = pin!(select.wait());
    assert!(poll(all_nil.as_mut()).is_pending());
}

#[test]
fn c073_break_leaves_the_block_that_is_named() {
    let ready = filled(1, [1]);
    let reached = now(async {
        let out = 'select: {
            select! {
                v = <-ready => if v == 1 { break 'select 1 },
                default => {}
            }
            2
        };
        for i in 0.. {
            select! {
                <-ready => unreachable!(),
                default => if i == 3 { break },
            }
        }
        out
    });
    assert_eq!(reached, 1);
}

#[test]
fn c074_a_timer_whose_time_has_come_beats_default() {
    const MS: Duration = Duration::from_millis(1);
    async fn has_come(due: &Receiver<Instant>) -> bool {
        select! {
            <-due => true,
            default => false,
        }
    }
    everywhere(|| async {
        let (due, later) = (after(MS), after(1_000_000 * MS));
        sleep(2 * MS).await;
        assert!(!has_come(&later).await);
        assert!(has_come(&due).await);
        assert!(!has_come(&due).await, "it comes once");
    });
    // On a worker that computes past the deadline: nobody looks at its timers meanwhile.
    live(|| async {
        let due = after(MS);
        let start = Instant::now();
        while start.elapsed() < 2 * MS {}
        assert!(has_come(&due).await);
    });
}

#[test]
fn c075_a_parked_select_that_is_dropped_leaves_no_trace_and_loses_nothing() {
    let (a, b) = (Chan::new(0), Chan::<i32>::new(0));
    let drops = Arc::new(());
    let mut parked = Box::pin(async {
        select! {
            a <- drops.clone() => {}
            _v = <-b => {}
        }
    });
    assert!(poll(parked.as_mut()).is_pending());
    assert_eq!(Arc::strong_count(&drops), 2);
    drop(parked);
    assert_eq!(Arc::strong_count(&drops), 1);
    assert!(a.try_recv().is_err());
    assert!(b.try_send(1).is_err());
}
