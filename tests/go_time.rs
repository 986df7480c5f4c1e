//! Go's cases of `time`, 134 to 145.
//!
//! Under other executors the timers are the global runtime's, on the system's clock. What needs a clock that
//! stands still, a runtime that finds itself stuck, or timers of a runtime that comes and goes, is for gort's only.

mod common;

use common::child::main_of_child;
use common::everywhere::{everywhere, live, seeded};
use common::{Log, Polled, go, panic_text, run};
use gort::chan::TryRecvError;
use gort::runtime::gosched;
use gort::time::{Duration, Instant, Ticker, Timer, after, after_func, sleep, tick};
use gort::{Chan, Receiver, select};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const DEADLOCK: &str = "fatal error: all goroutines are asleep - deadlock!";

fn nothing(rx: &Receiver<Instant>) -> bool {
    rx.try_recv() == Err(TryRecvError::Empty)
}

/// Whether a receive does not end within an hour of a simulated clock.
async fn nothing_ever(rx: &Receiver<Instant>) -> bool {
    select! { <-rx => false, () = sleep(HOUR) => true }
}

/// A sleep of a negative duration cannot be written.
#[test]
fn c134_a_sleep_of_nothing_and_one_for_ever() {
    everywhere(|| async {
        sleep(Duration::ZERO).await;
        let mut for_ever = Polled::new(sleep(Duration::MAX));
        assert!(for_ever.poll().is_pending());
        sleep(MS).await;
        assert!(for_ever.poll().is_pending());
    });
    seeded(|| async {
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        select! {
            () = sleep(Duration::MAX) => panic!("it is over"),
            () = sleep(century) => {}
        }
    });
}

#[test]
fn c135_the_value_is_the_time_at_which_it_was_due() {
    seeded(|| async {
        let start = Instant::now();
        let timer = Timer::new(10 * MS);
        sleep(30 * MS).await;
        assert_eq!(timer.c().recv().await - start, 10 * MS);
        assert_eq!(start.elapsed(), 30 * MS);
    });
    live(|| async {
        let start = Instant::now();
        let timer = Timer::new(MS);
        let before = Instant::now();
        sleep(3 * MS).await;
        let due = timer.c().recv().await;
        assert!(start + MS <= due && due <= before + MS);
    });
}

#[test]
fn c136_stop_of_an_expired_timer_takes_its_value_back() {
    everywhere(|| async {
        let timer = Timer::new(MS);
        sleep(2 * MS).await;
        assert!(timer.stop());
        assert!(nothing(timer.c()));
        assert!(!timer.stop());
    });
    seeded(|| async {
        let timer = Timer::new(MS);
        sleep(2 * MS).await;
        assert!(timer.stop());
        assert!(nothing_ever(timer.c()).await);
    });
}

#[test]
fn c137_reset_of_an_expired_timer_leaves_its_new_time_only() {
    everywhere(|| async {
        let timer = Timer::new(MS);
        sleep(2 * MS).await;
        let start = Instant::now();
        assert!(timer.reset(2 * MS));
        assert!(timer.c().recv().await >= start + 2 * MS);
        assert!(nothing(timer.c()));
    });
    seeded(|| async {
        let start = Instant::now();
        let timer = Timer::new(10 * MS);
        sleep(30 * MS).await;
        assert!(timer.reset(20 * MS));
        assert_eq!(timer.c().recv().await - start, 50 * MS);
        assert!(nothing_ever(timer.c()).await);
    });
}

#[test]
fn c138_reset_says_whether_the_value_was_still_to_be_received() {
    everywhere(|| async {
        let timer = Timer::new(Duration::ZERO);
        timer.c().recv().await;
        assert!(!timer.reset(HOUR), "received");
        assert!(timer.reset(HOUR), "pending");
        assert!(timer.reset(Duration::ZERO), "pending");
        timer.c().recv().await;
        assert!(!timer.reset(HOUR), "received");
        assert!(timer.stop());
        assert!(!timer.reset(HOUR), "stopped");
    });
}

/// A goroutine receives while the timer fires and another one stops it.
#[test]
fn c139_stop_that_races_with_the_value_is_right_about_it() {
    const ROUNDS: u32 = 2000;
    run(async {
        for round in 0..ROUNDS {
            let timer = Timer::new(Duration::from_micros(u64::from(round % 64)));
            let (c, (tx, rx)) = (timer.c().clone(), gort::chan(1));
            let quit = Chan::<()>::new(0);
            let told = quit.clone();
            go(async move {
                let received = select! {
                    <-c => true,
                    <-told => false,
                };
                tx.send(received).await.unwrap();
            });
            for _ in 0..round % 7 {
                gosched().await;
            }
            let stop = timer.stop();
            if stop {
                assert!(nothing(timer.c()));
                quit.close();
            }
            assert_eq!(rx.next().await, Some(!stop), "round {round}");
            assert!(nothing(timer.c()));
        }
    });
}

/// The same with threads that start together, so that the two ends meet more often.
#[cfg(not(foreign_executor))]
#[test]
fn c139_stop_that_races_with_a_look_is_right_about_it() {
    let runtime = common::everywhere::workers(1);
    for _ in 0..2000 {
        let timer = runtime.block_on(async { Timer::new(Duration::ZERO) });
        let start = Barrier::new(2);
        let (stopped, received) = thread::scope(|scope| {
            let stopper = scope.spawn(|| {
                start.wait();
                timer.stop()
            });
            start.wait();
            (timer.c().try_recv().is_ok(), stopper.join().unwrap())
        });
        assert_ne!(stopped, received);
        assert!(nothing(timer.c()));
    }
}

#[test]
fn c140_whoever_waits_stays_through_a_stop_and_wakes_once_after_a_reset() {
    everywhere(|| async {
        let timer = Timer::new(HOUR);
        let log = Log::default();
        let (c, word) = (timer.c().clone(), log.clone());
        let waiter = go(async move {
            let due = c.recv().await;
            word.say("woken");
            due
        });
        gosched().await;
        assert!(timer.stop());
        sleep(2 * MS).await;
        assert_eq!(log.text(), "");
        let start = Instant::now();
        assert!(!timer.reset(MS));
        assert!(waiter.await.unwrap() >= start + MS);
        assert_eq!(log.text(), "woken");
        assert!(!timer.stop());
        assert!(nothing(timer.c()));
    });
}

#[test]
fn c141_each_tick_goes_to_one_of_two_who_wait() {
    seeded(|| async {
        let start = Instant::now();
        let ticker = Ticker::new(10 * MS);
        let (tx, rx) = gort::chan(0);
        for _ in 0..2 {
            let (c, tx) = (ticker.c().clone(), tx.clone());
            go(async move {
                loop {
                    let tick = c.recv().await;
                    tx.send(tick).await.unwrap();
                }
            });
        }
        for n in 1..=20 {
            assert_eq!(rx.recv().await - start, n * 10 * MS);
        }
    });
    live(|| async {
        let ticker = Ticker::new(MS / 4);
        let both = [ticker.c().clone(), ticker.c().clone()].map(|c| {
            go(async move {
                for _ in 0..4 {
                    c.recv().await;
                }
            })
        });
        for one in both {
            one.await.unwrap();
        }
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c142_a_slow_receiver_of_ticks_loses_some_and_the_phase_stays() {
    seeded(|| async {
        let start = Instant::now();
        let ticker = Ticker::new(10 * MS);
        sleep(35 * MS).await;
        assert_eq!(ticker.c().recv().await - start, 10 * MS);
        assert_eq!(ticker.c().recv().await - start, 40 * MS);
        assert_eq!(start.elapsed(), 40 * MS);
        // One, however many were missed.
        let ticker = Ticker::new(5 * MS);
        sleep(52 * MS).await;
        assert!(ticker.c().try_recv().is_ok());
        assert!(nothing(ticker.c()));
    });
}

#[test]
fn c143_a_ticker_needs_a_period() {
    let ticker = run(async { Ticker::new(HOUR) });
    let text = panic_text(|| Ticker::new(Duration::ZERO));
    assert_eq!(text, "non-positive interval for NewTicker");
    let text = panic_text(|| ticker.reset(Duration::ZERO));
    assert_eq!(text, "non-positive interval for Ticker.Reset");
    let ticks = tick(Duration::ZERO);
    assert!(ticks.is_nil());
    assert_eq!(ticks, Receiver::nil());
}

/// Go's zero values, which nobody has made.
#[test]
fn c143_what_was_never_made_cannot_be_set() {
    let timer = Timer::default();
    assert!(timer.c().is_nil());
    let text = panic_text(|| timer.stop());
    assert_eq!(text, "time: Stop called on uninitialized Timer");
    let text = panic_text(|| timer.reset(MS));
    assert_eq!(text, "time: Reset called on uninitialized Timer");
    let ticker = Ticker::default();
    assert!(ticker.c().is_nil());
    ticker.stop();
    let text = panic_text(|| ticker.reset(MS));
    assert_eq!(text, "time: Reset called on uninitialized Ticker");
}

#[test]
fn c144_a_function_that_was_started_is_started_again_by_reset() {
    everywhere(|| async {
        let (tx, rx) = gort::chan(0);
        let timer = after_func(MS, move || {
            let tx = tx.clone();
            async move { tx.send(Instant::now()).await.unwrap() }
        });
        assert!(timer.c().is_nil());
        rx.recv().await;
        assert!(!timer.stop());
        let start = Instant::now();
        assert!(!timer.reset(MS));
        assert!(rx.recv().await >= start + MS);
        // Pending, and then not.
        assert!(!timer.reset(HOUR));
        assert!(timer.reset(HOUR));
        assert!(timer.stop());
        assert!(!timer.stop());
    });
}

/// Reset does not wait for the goroutine of before.
#[test]
fn c144_two_of_the_same_function_run_side_by_side() {
    everywhere(|| async {
        let (meet, done) = (Chan::<u32>::new(0), Chan::<u32>::new(0));
        let timer = {
            let done = done.clone();
            after_func(Duration::ZERO, move || {
                let (meet, done) = (meet.clone(), done.clone());
                async move {
                    select! {
                        meet <- 1 => {}
                        n = <-meet => assert_eq!(n, 1),
                    }
                    done.send(2).await;
                }
            })
        };
        // Once more when it has been started.
        while timer.reset(Duration::ZERO) {
            gosched().await;
        }
        assert_eq!((done.recv().await, done.recv().await), (2, 2));
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c145_a_timer_that_nobody_receives_from_prevents_no_deadlock() {
    let text = common::everywhere::dies_seeded(|| async {
        let _timer = Timer::new(2 * HOUR);
        let _ticker = Ticker::new(HOUR);
        Chan::<()>::new(0).recv().await;
    });
    assert!(text.starts_with(DEADLOCK), "{text}");
    let text = common::everywhere::dies_seeded(|| async {
        let timer = Timer::new(HOUR);
        timer.stop();
        timer.c().recv().await;
    });
    assert!(text.starts_with(DEADLOCK), "{text}");
}

#[cfg(not(foreign_executor))]
#[test]
fn c145_a_function_that_is_still_to_come_does_until_it_has_run() {
    seeded(|| async {
        let ch = Chan::new(0);
        let other = ch.clone();
        after_func(HOUR, move || {
            let other = other.clone();
            async move { other.send(7).await }
        });
        assert_eq!(ch.recv().await, 7);
    });
    let text = common::everywhere::dies_seeded(|| async {
        after_func(HOUR, || async {});
        Chan::<()>::new(0).recv().await;
    });
    assert!(text.starts_with(DEADLOCK), "{text}");
}

// Beside the cases.

/// A panic of the function has nobody who could ask for it.
#[cfg(not(foreign_executor))]
#[test]
fn a_panic_of_a_function_that_was_started_late_is_fatal() {
    let ended = main_of_child("a_panic_of_a_function_that_was_started_late_is_fatal", || {
        gort::run(async {
            after_func(MS, || async { panic!("late") });
            std::future::pending::<()>().await;
        });
    });
    assert!(!ended.status.success(), "{ended:?}");
    assert!(ended.said.contains("panic: late\n\ngoroutine "), "{ended:?}");
    assert!(ended.said.contains("tests/go_time.rs"), "where it was ordered: {ended:?}");
}

#[test]
fn a_dropped_handle_of_a_function_stops_nothing_and_a_stopped_function_is_gone() {
    everywhere(|| async {
        let alive = Arc::new(());
        let (tx, rx) = gort::chan(0);
        // The sender is dropped last.
        let kept = (alive.clone(), tx);
        drop(after_func(MS, move || {
            let (_held, tx) = kept.clone();
            async move { tx.send(()).await.unwrap() }
        }));
        rx.recv().await;
        // The goroutine ends, and the function with it; its sender was the last.
        assert_eq!(rx.next().await, None);
        let held = alive.clone();
        let timer = after_func(HOUR, move || {
            let _held = held.clone();
            async {}
        });
        assert!(timer.stop());
        drop(timer);
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn times_outlive_the_runtime_they_were_made_in_and_functions_do_not() {
    let called = Arc::new(AtomicU32::new(0));
    let (timer, ticker, waited, function) = common::everywhere::workers(1).block_on({
        let called = called.clone();
        async move {
            let waited = after(MS);
            assert!(Polled::new(waited.recv()).poll().is_pending() || nothing(&waited));
            let function = after_func(HOUR, move || {
                called.fetch_add(1, Ordering::Relaxed);
                async {}
            });
            (Timer::new(HOUR), Ticker::new(HOUR), after(MS), function)
        }
    });
    futures::executor::block_on(async {
        assert!(timer.reset(MS));
        timer.c().recv().await;
        ticker.reset(MS);
        ticker.c().recv().await;
        ticker.c().recv().await;
        waited.recv().await;
        function.reset(Duration::ZERO);
        sleep(2 * MS).await;
    });
    assert_eq!(called.load(Ordering::Relaxed), 0);
}

#[test]
fn handles_are_equal_by_what_they_stand_for() {
    run(async {
        let (one, other) = (Timer::new(HOUR), Timer::new(HOUR));
        assert_eq!(one, one.clone());
        assert_ne!(one, other);
        assert_ne!(one, Timer::default());
        assert_eq!(Timer::default(), Timer::default());
        let (one, other) = (Ticker::new(HOUR), Ticker::new(HOUR));
        assert_eq!(one, one.clone());
        assert_ne!(one, other);
    });
}
