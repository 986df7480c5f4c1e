//! Hazards of a time that comes while somebody changes their mind. T31, of sleeps, intervals, timers,
//! tickers and times as channels; T32, of a clock that is moved.

mod common;

use common::Polled;
use gort::chan::TryRecvError;
use gort::runtime::{Builder, Runtime, gosched};
use gort::task::spawn_blocking;
use gort::time::{
    Duration, Instant, MissedTickBehavior, Ticker, Timer, advance, after, after_func, interval,
    sleep, timeout,
};
use gort::{Receiver, go, select};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

const NANO: Duration = Duration::from_nanos(1);
const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Runs `case` on a clock that it moves itself.
fn by_hand(case: impl Future<Output = ()>) {
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(case);
}

/// A runtime whose timers fire while others use them.
fn workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

/// Some time passes, or none.
fn dawdle(rng: &mut fastrand::Rng) {
    let turns = if rng.bool() { rng.u32(..200) } else { rng.u32(..20_000) };
    (0..turns).for_each(|_| std::hint::spin_loop());
}

// Set again.

/// Go#37196, Go#69312: a timer that was stopped or set again as it fired delivered its old time
/// afterwards. Here it has fired, and its task was woken but not polled since.
#[test]
fn t31_a_sleep_that_is_set_again_after_it_fired_ends_at_its_new_time_only() {
    by_hand(async {
        let mut nap = Polled::new(sleep(10 * MS));
        assert!(nap.poll().is_pending());
        advance(10 * MS).await;
        assert_eq!(nap.wakes(), 1);
        let mut nap = nap.into_inner();
        assert!(nap.is_elapsed());
        let deadline = Instant::now() + HOUR;
        nap.as_mut().reset(deadline);
        assert_eq!((nap.is_elapsed(), nap.deadline()), (false, deadline));
        let mut nap = Polled::new(nap);
        assert!(nap.poll().is_pending(), "the old time");
        advance(HOUR - NANO).await;
        assert!(nap.wakes() == 0 && nap.poll().is_pending());
        advance(NANO).await;
        assert_eq!(nap.wakes(), 1);
        nap.ready();
    });
}

/// The same before it has fired: the old time must not wake anybody, be it earlier or later.
#[test]
fn t31_a_sleep_that_is_set_again_before_it_fires_forgets_its_old_time() {
    by_hand(async {
        for (old, new) in [(10 * MS, HOUR), (HOUR, 10 * MS)] {
            let mut nap = Polled::new(sleep(old));
            assert!(nap.poll().is_pending());
            let mut nap = nap.into_inner();
            nap.as_mut().reset(Instant::now() + new);
            let mut nap = Polled::new(nap);
            assert!(nap.poll().is_pending());
            advance(new - NANO).await;
            assert_eq!(nap.wakes(), 0);
            advance(NANO).await;
            assert_eq!(nap.wakes(), 1);
            nap.ready();
            advance(2 * HOUR).await;
            assert_eq!(nap.wakes(), 1, "twice");
        }
    });
}

/// An interval whose tick is due already.
#[test]
fn t31_an_interval_that_is_set_again_after_it_fired_ticks_at_its_new_time_only() {
    by_hand(async {
        let mut ticks = interval(10 * MS);
        ticks.tick().await;
        let mut tick = Polled::new(ticks.tick());
        assert!(tick.poll().is_pending());
        advance(10 * MS).await;
        assert_eq!(tick.wakes(), 1);
        drop(tick);
        let due = Instant::now() + HOUR;
        ticks.reset_at(due);
        let mut tick = Polled::new(ticks.tick());
        assert!(tick.poll().is_pending(), "the old tick");
        advance(HOUR - NANO).await;
        assert!(tick.wakes() == 0 && tick.poll().is_pending());
        advance(NANO).await;
        assert_eq!((tick.wakes(), tick.ready()), (1, due));
    });
}

/// Set again while the timer fires, in another thread. Whichever was first, the new time holds.
#[test]
fn t31_a_reset_that_races_with_the_old_time_holds() {
    let (runtime, mut rng) = (workers(), fastrand::Rng::with_seed(1));
    runtime.block_on(async {
        for round in 0..3_000 {
            let mut nap = Polled::new(sleep(Duration::from_micros(rng.u64(..60))));
            let _ = nap.poll();
            dawdle(&mut rng);
            let mut nap = nap.into_inner();
            if round % 2 == 0 {
                nap.as_mut().reset(Instant::now() + HOUR);
                assert!(!nap.is_elapsed());
                let mut nap = Polled::new(nap);
                assert!(nap.poll().is_pending(), "the old time");
                dawdle(&mut rng);
                assert!(nap.poll().is_pending(), "the old time");
            } else {
                // A wake-up that was on its way for the old time is not the only one.
                nap.as_mut().reset(Instant::now() + Duration::from_micros(rng.u64(..60)));
                timeout(HOUR, nap).await.unwrap();
            }
        }
    });
}

// Given up.

/// What is dropped before its time wakes nobody when it comes.
#[test]
fn t31_what_is_dropped_before_its_time_wakes_nobody() {
    by_hand(async {
        let (mut nap, rx) = (Polled::new(sleep(MS)), after(MS));
        let mut recv = Polled::new(rx.recv());
        let mut limited = Polled::new(timeout(MS, std::future::pending::<()>()));
        let mut ticks = interval(MS);
        ticks.tick().await;
        let mut tick = Polled::new(ticks.tick());
        assert!(nap.poll().is_pending() && recv.poll().is_pending());
        assert!(limited.poll().is_pending() && tick.poll().is_pending());
        let counts = [nap.count(), recv.count(), limited.count(), tick.count()];
        drop((nap, recv, limited, tick));
        drop(ticks);
        advance(HOUR).await;
        assert_eq!(counts.map(|count| count.get()), [0; 4]);
        assert!(rx.try_recv().is_ok(), "the time itself has come");
    });
}

/// Go's rule for a stopped timer, seen from the receiver: a time is received once or not at all. A
/// receive, or a select, that was matched and is dropped leaves it to the next one.
#[test]
fn t31_a_time_whose_receive_is_dropped_as_it_comes_goes_to_the_next_one() {
    async fn check<F: Future>(waits: impl FnOnce(Receiver<Instant>) -> F) {
        let (due, rx) = (Instant::now() + 10 * MS, after(10 * MS));
        let mut first = Polled::new(waits(rx.clone()));
        assert!(first.poll().is_pending());
        advance(20 * MS).await;
        assert_eq!(first.wakes(), 1);
        drop(first);
        assert_eq!(rx.try_recv(), Ok(due));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert!(Polled::new(rx.recv()).poll().is_pending());
    }
    by_hand(async {
        check(|rx| async move { rx.recv().await }).await;
        check(|rx| async move {
            select! { due = <-rx => due, due = <-after(HOUR) => due }
        })
        .await;
        check(|rx| async move {
            select! { due = rx.recv() => due, () = std::future::pending() => unreachable!() }
        })
        .await;
    });
}

/// Threads that give up, look again, and give up, while the time comes.
#[test]
fn t31_a_time_is_received_once_whoever_gives_up_meanwhile() {
    /// Tries to receive until somebody has.
    fn receive(rx: &Receiver<Instant>, seen: &AtomicUsize, mut rng: fastrand::Rng) {
        let start = Instant::now();
        while seen.load(Ordering::Relaxed) == 0 {
            assert!(start.elapsed() < Duration::from_secs(30), "the time is lost");
            let received = if rng.bool() {
                let mut recv = Polled::new(rx.recv());
                let first = recv.poll();
                dawdle(&mut rng);
                if first.is_pending() && rng.bool() {
                    recv.poll().is_ready()
                } else {
                    first.is_ready()
                }
            } else {
                rx.try_recv().is_ok()
            };
            seen.fetch_add(usize::from(received), Ordering::Relaxed);
        }
    }
    let (runtime, mut rng) = (workers(), fastrand::Rng::with_seed(2));
    for _ in 0..300 {
        let limit = Duration::from_micros(rng.u64(..200));
        let rx = runtime.block_on(async { after(limit) });
        let seen = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                let rng = rng.fork();
                scope.spawn(|| receive(&rx, &seen, rng));
            }
        });
        assert_eq!(seen.into_inner(), 1);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
}

// Slow.

/// Go's tickers drop ticks for a slow receiver, so that none comes in a burst. Here this is a choice, of
/// [`MissedTickBehavior`].
#[test]
fn t31_a_slow_receiver_of_ticks_gets_no_burst_unless_it_wants_one() {
    /// How many ticks are there at once after more than ten periods without a look, and when the next
    /// one is due.
    async fn late(behavior: MissedTickBehavior) -> (usize, Duration) {
        let mut ticks = interval(10 * MS);
        ticks.set_missed_tick_behavior(behavior);
        let start = ticks.tick().await;
        advance(107 * MS).await;
        let mut burst = 0;
        loop {
            let mut tick = Polled::new(ticks.tick());
            match tick.poll() {
                Poll::Ready(_) => burst += 1,
                Poll::Pending => break,
            }
        }
        (burst, ticks.tick().await - start)
    }
    by_hand(async {
        assert_eq!(late(MissedTickBehavior::Skip).await, (1, 110 * MS));
        assert_eq!(late(MissedTickBehavior::Delay).await, (1, 117 * MS));
        assert_eq!(late(MissedTickBehavior::Burst).await, (10, 110 * MS));
    });
}

// Timers and tickers.

/// Go#37196, Go#69312: a stop or a reset that raced with the firing left a stale value in the channel.
/// Here receives give up at the same time, so that a value may be under way more than once.
#[test]
fn t31_a_timer_that_is_stopped_or_set_as_its_time_comes_yields_nothing_stale() {
    /// Receives with futures that it may drop when they have been handed the value, or sooner, until it
    /// has received or is told that it is over.
    fn receive(timer: &Timer, over: &AtomicUsize, mut rng: fastrand::Rng) -> usize {
        while over.load(Ordering::Relaxed) == 0 {
            let mut recv = Polled::new(timer.c().recv());
            let mut polled = recv.poll();
            let hasty = rng.bool();
            while polled.is_pending() && recv.wakes() == 0 && over.load(Ordering::Relaxed) == 0 {
                dawdle(&mut rng);
                if hasty {
                    break;
                }
            }
            if polled.is_pending() && rng.bool() {
                polled = recv.poll();
            }
            if polled.is_ready() {
                return 1;
            }
        }
        0
    }
    let (runtime, mut rng) = (workers(), fastrand::Rng::with_seed(3));
    for round in 0..600 {
        let timer = runtime.block_on(async { Timer::new(Duration::from_micros(100)) });
        let (over, fork) = (AtomicUsize::new(0), rng.fork());
        let (stopped, received) = thread::scope(|scope| {
            let receiver = scope.spawn(|| receive(&timer, &over, fork));
            let until = Instant::now() + Duration::from_micros(rng.u64(..400));
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            let stopped = if round % 2 == 0 { timer.stop() } else { timer.reset(HOUR) };
            over.store(1, Ordering::Relaxed);
            (stopped, receiver.join().unwrap())
        });
        assert_eq!(usize::from(stopped) + received, 1, "round {round}");
        assert_eq!(timer.c().try_recv(), Err(TryRecvError::Empty), "round {round}");
        assert_eq!(timer.stop(), round % 2 == 1);
    }
}

/// The same, with a receive and a select that were handed the value and are dropped after the stop.
#[test]
fn t31_a_value_that_nobody_has_seen_is_stopped_where_it_is() {
    async fn check<F: Future>(waits: impl Fn(Receiver<Instant>) -> F) {
        for reset in [false, true] {
            let timer = Timer::new(10 * MS);
            let mut first = Polled::new(waits(timer.c().clone()));
            assert!(first.poll().is_pending());
            advance(20 * MS).await;
            assert_eq!(first.wakes(), 1);
            assert!(if reset { timer.reset(10 * MS) } else { timer.stop() });
            drop(first);
            assert_eq!(timer.c().try_recv(), Err(TryRecvError::Empty));
            advance(20 * MS).await;
            assert_eq!(timer.c().try_recv().is_ok(), reset);
        }
    }
    by_hand(async {
        check(|rx| async move { rx.recv().await }).await;
        check(|rx| async move {
            select! { due = <-rx => due, due = <-after(HOUR) => due }
        })
        .await;
    });
}

/// A ticker that nobody looks at has one tick, and goes on in its phase.
#[test]
fn t31_a_slow_receiver_of_a_ticker_gets_one_tick_and_no_burst() {
    by_hand(async {
        let start = Instant::now();
        let ticker = Ticker::new(10 * MS);
        for round in 1..=5u32 {
            let base = start + round * 100 * MS;
            advance(base - Instant::now() + 7 * MS).await;
            let first = ticker.c().try_recv().unwrap();
            assert_eq!(first, if round == 1 { start + 10 * MS } else { base - 80 * MS });
            assert_eq!(ticker.c().try_recv(), Err(TryRecvError::Empty));
            assert_eq!(ticker.c().recv().await, base + 10 * MS);
        }
        // Stopped with a tick that is due, and set anew.
        advance(95 * MS).await;
        ticker.stop();
        assert_eq!(ticker.c().try_recv(), Err(TryRecvError::Empty));
        ticker.reset(HOUR);
        assert_eq!(ticker.c().try_recv(), Err(TryRecvError::Empty));
    });
}

// A clock that is moved.

/// tokio#4614: a paused clock went on while a blocking job was under way, whose result would have come
/// first.
#[test]
fn t32_the_clock_does_not_move_while_a_blocking_job_is_under_way() {
    by_hand(async {
        let start = Instant::now();
        let job = spawn_blocking(move || {
            // Long enough for a runtime that does not wait for the job to be idle.
            (0..2_000).for_each(|_| thread::yield_now());
        });
        let limit = Timer::new(HOUR);
        select! {
            job = job => job.unwrap(),
            <-limit.c() => panic!("an hour passed while the job ran"),
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

/// It moves when nothing else is left, to exactly the next time that somebody waits for, whatever kind of
/// time that is, and not for a time that nobody waits for.
#[test]
fn t32_the_clock_moves_when_only_times_are_left() {
    by_hand(async {
        let start = Instant::now();
        let _unread = (Timer::new(MS), Ticker::new(MS), after(MS));
        let (tx, rx) = gort::chan(0);
        after_func(HOUR, move || {
            let tx = tx.clone();
            async move { tx.send(Instant::now()).await.unwrap() }
        });
        assert_eq!(rx.recv().await - start, HOUR);
        assert_eq!(Timer::new(HOUR).c().recv().await - start, 2 * HOUR);
        assert_eq!(Ticker::new(HOUR).c().recv().await - start, 3 * HOUR);
        assert_eq!(after(HOUR).recv().await - start, 4 * HOUR);
        sleep(HOUR).await;
        assert_eq!(start.elapsed(), 5 * HOUR);
    });
}

/// tokio#7419: after a clock was moved, goroutines whose time had come had not run.
#[test]
fn t32_whoever_is_due_has_run_when_the_clock_has_been_moved() {
    by_hand(async {
        let ran = Arc::new(AtomicUsize::new(0));
        let (timer, ticker) = (Timer::new(MS), Ticker::new(MS));
        for rx in [timer.c().clone(), ticker.c().clone(), after(MS)] {
            let ran = ran.clone();
            go(async move {
                rx.recv().await;
                ran.fetch_add(1, Ordering::Relaxed);
            });
        }
        let called = ran.clone();
        after_func(MS, move || {
            let called = called.clone();
            async move { _ = called.fetch_add(1, Ordering::Relaxed) }
        });
        let slept = ran.clone();
        go(async move {
            sleep(MS).await;
            slept.fetch_add(1, Ordering::Relaxed);
        });
        // They all begin to wait.
        for _ in 0..10 {
            gosched().await;
        }
        advance(MS - NANO).await;
        assert_eq!(ran.load(Ordering::Relaxed), 0);
        advance(NANO).await;
        assert_eq!(ran.load(Ordering::Relaxed), 5);
    });
}
