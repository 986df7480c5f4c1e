//! Futures polled by hand, on a clock moved by hand.

use super::alarm::Alarm;
use super::sleep::Sleep;
use super::timeout::Timeout;
use super::*;
use crate::chan::{Receiver, TryRecvError};
use crate::reactor::{Backend, Driver};
use crate::runtime;
use crate::sys::clock::{Clock, Nanos, Virtual};
use crate::sys::park::Parker;
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Weak;
use std::task::{Context, Poll, Wake, Waker};

const MS: Nanos = 1_000_000;

/// A driver on its own clock, and a waker that counts.
struct Bench {
    driver: Driver,
    now: Arc<Virtual>,
    woken: Arc<Count>,
    waker: Waker,
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bench {
    fn new() -> Self {
        let now = Arc::new(Virtual::stopped_at(1_000_000 * MS));
        let driver = Driver::new(Clock::Virtual(now.clone()), Backend::Native, 1).unwrap();
        let woken = Arc::new(Count::default());
        let waker = woken.clone().into();
        Self { driver, now, woken, waker }
    }

    fn shard(&self) -> Arc<Shard> {
        self.driver.shard().clone()
    }

    fn instant(&self) -> Instant {
        Instant::from_nanos(self.now.now())
    }

    /// Moves the clock and fires what is due. Returns how many wakes there were.
    fn advance(&self, nanos: Nanos) -> usize {
        let before = self.woken.0.load(Ordering::SeqCst);
        self.advance_unseen(nanos);
        self.driver.fire_due(self.now.now());
        self.woken.0.load(Ordering::SeqCst) - before
    }

    /// Moves the clock; nobody looks at it.
    fn advance_unseen(&self, nanos: Nanos) {
        self.now.advance_to(self.now.now() + nanos);
    }

    fn poll<F: Future + ?Sized>(&self, future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(&self.waker))
    }

    fn sleep(&self, nanos: Nanos) -> Sleep {
        Sleep::after(self.shard(), Duration::from_nanos(nanos), Location::caller())
    }
}

#[test]
fn a_sleep_is_over_at_its_deadline_and_not_before() {
    let bench = Bench::new();
    let mut sleep = pin!(bench.sleep(10 * MS));
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert_eq!(bench.advance(10 * MS - 1), 0);
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert!(!sleep.is_elapsed());
    assert_eq!(bench.advance(1), 1);
    assert!(sleep.is_elapsed());
    assert!(bench.poll(sleep.as_mut()).is_ready());
    assert_eq!(bench.driver.timers(), 0);
}

#[test]
fn a_sleep_of_zero_or_until_the_past_is_over_at_once() {
    let bench = Bench::new();
    assert!(bench.poll(pin!(bench.sleep(0))).is_ready());
    let past = bench.instant() - Duration::from_millis(5);
    for deadline in [past, bench.instant()] {
        let sleep = Sleep::until(bench.shard(), deadline, Location::caller());
        assert!(bench.poll(pin!(sleep)).is_ready());
    }
    assert_eq!(bench.woken.0.load(Ordering::SeqCst), 0);
}

#[test]
fn a_sleep_too_long_for_the_clock_never_ends_and_counts_as_waited_for() {
    let bench = Bench::new();
    let mut sleep = pin!(Sleep::after(bench.shard(), Duration::MAX, Location::caller()));
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert!(bench.driver.next_deadline() < Nanos::MAX);
    bench.advance(Nanos::MAX / 2);
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert!(sleep.deadline() > bench.instant());
}

#[test]
fn the_time_counts_from_the_call_and_a_poll_after_the_deadline_notices() {
    let bench = Bench::new();
    let mut early = pin!(bench.sleep(MS));
    assert!(bench.poll(early.as_mut()).is_pending());
    let mut late = pin!(bench.sleep(MS));
    bench.advance_unseen(2 * MS);
    assert!(bench.poll(early.as_mut()).is_ready(), "even before anybody fires timers");
    // The first poll trusts the last look at the clock, and is woken by the next one.
    assert!(bench.poll(late.as_mut()).is_pending());
    assert_eq!(bench.advance(0), 1);
    assert!(bench.poll(late.as_mut()).is_ready());
}

#[test]
fn a_reset_before_the_deadline_moves_it_and_after_it_arms_again() {
    let bench = Bench::new();
    let mut sleep = pin!(bench.sleep(10 * MS));
    assert!(bench.poll(sleep.as_mut()).is_pending());
    let later = bench.instant() + Duration::from_millis(20);
    sleep.as_mut().reset(later);
    assert_eq!(sleep.deadline(), later);
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert_eq!(bench.advance(10 * MS), 0);
    assert_eq!(bench.advance(10 * MS), 1);
    assert!(bench.poll(sleep.as_mut()).is_ready());
    sleep.as_mut().reset(bench.instant() + Duration::from_millis(1));
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert_eq!(bench.advance(MS), 1);
    assert!(bench.poll(sleep.as_mut()).is_ready());
}

#[test]
fn who_awaits_a_sleep_that_another_task_resets_is_woken_at_the_new_deadline() {
    for after in [20, 5, 0] {
        let bench = Bench::new();
        let mut sleep = pin!(bench.sleep(10 * MS));
        assert!(bench.poll(sleep.as_mut()).is_pending());
        sleep.as_mut().reset(bench.instant() + Duration::from_millis(after));
        assert_eq!(bench.driver.timers(), 1);
        if after > 0 {
            assert_eq!(bench.advance(after * MS - 1), 0);
            assert!(!sleep.is_elapsed());
            assert_eq!(bench.advance(1), 1);
        }
        assert_eq!(bench.advance(20 * MS), usize::from(after == 0));
        assert!(bench.poll(sleep.as_mut()).is_ready());
        assert_eq!(bench.driver.timers(), 0);
    }
}

#[test]
fn a_reset_keeps_the_last_waker_only() {
    let bench = Bench::new();
    let mut sleep = pin!(bench.sleep(10 * MS));
    assert!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    sleep.as_mut().reset(bench.instant() + Duration::from_millis(5));
    assert!(bench.poll(sleep.as_mut()).is_pending());
    sleep.as_mut().reset(bench.instant() + Duration::from_millis(6));
    assert_eq!((bench.advance(6 * MS), bench.driver.timers()), (1, 0));
}

#[test]
fn a_sleep_that_is_reset_after_it_has_woken_waits_when_it_is_polled() {
    let bench = Bench::new();
    let mut sleep = pin!(bench.sleep(10 * MS));
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert_eq!(bench.advance(10 * MS), 1);
    // Whoever was woken has not looked yet.
    sleep.as_mut().reset(bench.instant() + Duration::from_millis(5));
    assert_eq!(bench.driver.timers(), 0);
    assert!(bench.poll(sleep.as_mut()).is_pending());
    assert_eq!(bench.advance(5 * MS), 1);
    assert!(bench.poll(sleep.as_mut()).is_ready());
}

#[test]
fn a_dropped_sleep_wakes_nobody() {
    let bench = Bench::new();
    let mut sleep = Box::pin(bench.sleep(MS));
    assert!(bench.poll(sleep.as_mut()).is_pending());
    drop(sleep);
    assert_eq!(bench.driver.timers(), 0);
    assert_eq!(bench.advance(MS), 0);
    assert_eq!(Arc::strong_count(&bench.woken), 2, "its waker is gone too");
}

fn limited<F>(bench: &Bench, nanos: Nanos, future: F) -> Timeout<F> {
    Timeout::new(future, bench.sleep(nanos))
}

#[test]
fn a_timeout_polls_the_future_before_it_looks_at_the_time() {
    let bench = Bench::new();
    assert_eq!(bench.poll(pin!(limited(&bench, 0, ready(7)))), Poll::Ready(Ok(7)));
    let late = limited(&bench, MS, ready(7));
    bench.advance(2 * MS);
    assert_eq!(bench.poll(pin!(late)), Poll::Ready(Ok(7)));
    let never = pin!(limited(&bench, 0, pending::<()>()));
    assert!(matches!(bench.poll(never), Poll::Ready(Err(_))));
}

#[test]
fn a_timeout_that_is_up_says_so() {
    let bench = Bench::new();
    let mut future = pin!(limited(&bench, MS, pending::<()>()));
    assert!(bench.poll(future.as_mut()).is_pending());
    assert_eq!(bench.advance(MS), 1);
    let Poll::Ready(Err(elapsed)) = bench.poll(future.as_mut()) else { panic!() };
    assert_eq!(elapsed.to_string(), "deadline has elapsed");
    assert_eq!(std::io::Error::from(elapsed).kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn a_timeout_of_what_uses_up_the_budget_is_noticed() {
    use crate::sys::point::{self, Op};
    let bench = Bench::new();
    let busy = poll_fn(|cx| {
        while point::poll(cx, Op::Chan).is_ready() {}
        Poll::<()>::Pending
    });
    let mut future = pin!(limited(&bench, MS, busy));
    let mut poll = || {
        let budget = point::enter(point::BUDGET);
        let result = bench.poll(future.as_mut());
        point::leave(budget);
        result
    };
    assert!(poll().is_pending());
    bench.advance(MS);
    assert!(matches!(poll(), Poll::Ready(Err(_))));
}

#[test]
fn a_timeout_that_is_ready_leaves_no_timer() {
    let bench = Bench::new();
    let first = Cell::new(true);
    let twice = poll_fn(|_| if first.replace(false) { Poll::Pending } else { Poll::Ready(()) });
    let mut future = Box::pin(limited(&bench, MS, twice));
    assert!(bench.poll(future.as_mut()).is_pending());
    assert_eq!(bench.driver.timers(), 1);
    assert_eq!(bench.poll(future.as_mut()), Poll::Ready(Ok(())));
    drop(future);
    assert_eq!(bench.driver.timers(), 0);
}

fn ticks(bench: &Bench, interval: &mut Interval) -> Vec<u128> {
    let base = Instant::from_nanos(1_000_000 * MS);
    let mut out = Vec::new();
    while let Poll::Ready(tick) = bench.poll(pin!(interval.tick())) {
        out.push((tick - base).as_millis());
    }
    out
}

fn every(bench: &Bench, millis: u64, behavior: MissedTickBehavior) -> Interval {
    let mut interval = Interval::new(bench.shard(), bench.instant(), Duration::from_millis(millis));
    interval.set_missed_tick_behavior(behavior);
    interval
}

#[test]
fn an_interval_ticks_at_once_and_then_every_period() {
    let bench = Bench::new();
    let mut interval = every(&bench, 10, MissedTickBehavior::Burst);
    assert_eq!(ticks(&bench, &mut interval), [0]);
    assert_eq!(bench.advance(10 * MS - 1), 0);
    assert_eq!(ticks(&bench, &mut interval), []);
    assert_eq!(bench.advance(1), 1);
    assert_eq!(ticks(&bench, &mut interval), [10]);
    // A little late is not missed.
    bench.advance(14 * MS);
    assert_eq!(ticks(&bench, &mut interval), [20]);
    bench.advance(6 * MS);
    assert_eq!(ticks(&bench, &mut interval), [30]);
}

#[test]
fn missed_ticks_are_made_up_for_moved_or_left_out() {
    for (behavior, first, second, third) in [
        (MissedTickBehavior::Burst, vec![10, 20, 30], vec![40], vec![50]),
        (MissedTickBehavior::Delay, vec![10], vec![], vec![46]),
        (MissedTickBehavior::Skip, vec![10], vec![40], vec![50]),
    ] {
        let bench = Bench::new();
        let mut interval = every(&bench, 10, behavior);
        assert_eq!(ticks(&bench, &mut interval), [0]);
        bench.advance(36 * MS);
        assert_eq!(ticks(&bench, &mut interval), first, "{behavior:?}");
        bench.advance(4 * MS);
        assert_eq!(ticks(&bench, &mut interval), second, "{behavior:?}");
        bench.advance(10 * MS);
        assert_eq!(ticks(&bench, &mut interval), third, "{behavior:?}");
    }
}

#[test]
fn a_reset_interval_ticks_when_it_was_told() {
    let bench = Bench::new();
    let mut interval = every(&bench, 10, MissedTickBehavior::Burst);
    assert_eq!(ticks(&bench, &mut interval), [0]);
    bench.advance(4 * MS);
    interval.reset();
    bench.advance(9 * MS);
    assert_eq!(ticks(&bench, &mut interval), []);
    interval.reset_immediately();
    assert_eq!(ticks(&bench, &mut interval), [13]);
    interval.reset_after(Duration::from_millis(1));
    bench.advance(MS);
    assert_eq!(ticks(&bench, &mut interval), [14]);
    interval.reset_at(bench.instant() + Duration::from_millis(2));
    bench.advance(2 * MS);
    assert_eq!(ticks(&bench, &mut interval), [16]);
}

#[test]
fn who_awaits_a_tick_that_another_task_resets_is_woken_when_it_is_due() {
    type Reset = fn(&mut Interval, Instant);
    let resets: [(Reset, Nanos); 5] = [
        (|interval, _| interval.reset(), 10),
        (|interval, _| interval.reset_immediately(), 0),
        (|interval, _| interval.reset_after(Duration::from_millis(1)), 1),
        (|interval, now| interval.reset_at(now + Duration::from_millis(2)), 2),
        (|interval, now| interval.reset_at(now + Duration::from_millis(20)), 20),
    ];
    for (reset, due) in resets {
        let bench = Bench::new();
        let mut interval = every(&bench, 10, MissedTickBehavior::Burst);
        assert_eq!(ticks(&bench, &mut interval), [0], "and waits for the next one");
        bench.advance(4 * MS);
        reset(&mut interval, bench.instant());
        if due > 0 {
            assert_eq!(bench.advance(due * MS - 1), 0);
        }
        assert_eq!(bench.advance(1), 1, "{due}");
        assert_eq!(ticks(&bench, &mut interval), [u128::from(4 + due)]);
    }
}

#[test]
fn a_tick_that_is_dropped_takes_none() {
    let bench = Bench::new();
    let mut interval = every(&bench, 10, MissedTickBehavior::Burst);
    assert_eq!(ticks(&bench, &mut interval), [0]);
    assert!(bench.poll(pin!(interval.tick())).is_pending());
    bench.advance(10 * MS);
    drop(interval.tick());
    assert_eq!(ticks(&bench, &mut interval), [10]);
}

#[test]
fn instants_saturate_and_convert() {
    let now = Instant::now();
    assert_eq!(now - (now + Duration::from_secs(1)), Duration::ZERO);
    assert_eq!(Instant::from_std(now.into_std()), now);
    assert_eq!(now.checked_add(Duration::MAX), None);
    assert_eq!(now.checked_duration_since(now + Duration::from_secs(1)), None);
    assert!(Instant::far_future() > now + Duration::from_secs(1 << 30));
    assert!(Instant::default() >= now);
}

impl Bench {
    fn after(&self, nanos: Nanos) -> Receiver<Instant> {
        self.after_watched(nanos).0
    }

    /// With something that tells whether the channel is still in memory.
    fn after_watched(&self, nanos: Nanos) -> (Receiver<Instant>, Weak<Alarm>) {
        let (rx, alarm) = Alarm::channel(reactor::Timer::after(self.shard(), nanos), 0);
        (rx, Arc::downgrade(&alarm))
    }
}

#[test]
fn a_channel_of_time_wakes_its_receiver_and_yields_when_it_was_due() {
    let bench = Bench::new();
    let due = bench.instant() + Duration::from_millis(10);
    let rx = bench.after(10 * MS);
    let mut recv = pin!(rx.recv_ok());
    assert!(bench.poll(recv.as_mut()).is_pending());
    assert_eq!(bench.advance(10 * MS - 1), 0);
    assert_eq!(bench.advance(20 * MS), 1);
    assert_eq!(bench.poll(recv.as_mut()), Poll::Ready((due, true)));
    // It is not closed: who receives again waits for ever.
    assert!(bench.poll(pin!(rx.recv())).is_pending());
    assert_eq!(bench.advance(100 * MS), 0);
    assert!(!rx.is_closed());
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_time_that_has_come_is_received_at_once_even_before_anybody_looks_at_the_timers() {
    let bench = Bench::new();
    let rx = bench.after(10 * MS);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    bench.advance_unseen(30 * MS);
    assert_eq!((rx.len(), rx.capacity()), (0, 0));
    let due = bench.instant() - Duration::from_millis(20);
    assert_eq!(rx.try_recv(), Ok(due));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert!(bench.after(0).try_recv().is_ok());
}

#[test]
fn a_channel_of_time_that_nobody_waits_for_has_no_timer() {
    let bench = Bench::new();
    let (rx, memory) = bench.after_watched(10 * MS);
    assert_eq!(bench.driver.timers(), 0);
    assert!(bench.poll(pin!(rx.recv())).is_pending());
    assert_eq!(bench.driver.timers(), 1);
    drop(rx);
    assert_eq!(bench.driver.timers(), 0);
    assert_eq!(memory.strong_count(), 0, "the channel and its timer keep each other alive");
}

#[test]
fn a_channel_of_time_is_freed_after_it_has_fired_too() {
    let bench = Bench::new();
    let (rx, memory) = bench.after_watched(MS);
    assert!(bench.poll(pin!(rx.recv())).is_pending());
    bench.advance(MS);
    drop(rx);
    assert_eq!(memory.strong_count(), 0);
}

#[test]
fn of_two_receivers_one_gets_the_time_and_a_dropped_match_goes_to_the_next() {
    let bench = Bench::new();
    let rx = bench.after(MS);
    let mut first = Box::pin(rx.recv());
    let mut second = pin!(rx.recv());
    assert!(bench.poll(first.as_mut()).is_pending());
    assert!(bench.poll(second.as_mut()).is_pending());
    assert_eq!(bench.advance(MS), 1);
    drop(first);
    assert!(bench.poll(second.as_mut()).is_ready());
}

#[test]
fn a_stream_of_time_is_woken_and_finds_the_value() {
    use futures_core::Stream;
    let bench = Bench::new();
    let due = bench.instant() + Duration::from_millis(1);
    let mut stream = pin!(bench.after(MS).stream());
    let mut cx = Context::from_waker(&bench.waker);
    assert!(stream.as_mut().poll_next(&mut cx).is_pending());
    assert_eq!(bench.advance(MS), 1);
    assert_eq!(stream.as_mut().poll_next(&mut cx), Poll::Ready(Some(due)));
    assert!(stream.as_mut().poll_next(&mut cx).is_pending());
}

impl Bench {
    fn timer(&self, nanos: Nanos) -> Timer {
        Timer::with(reactor::Timer::after(self.shard(), nanos))
    }

    fn ticker(&self, millis: u64) -> Ticker {
        let first = reactor::Timer::after(self.shard(), millis * MS);
        Ticker::with(first, Duration::from_millis(millis))
    }

    /// What can be received at once, in milliseconds since the beginning.
    fn ready(&self, rx: &Receiver<Instant>) -> Vec<u128> {
        let base = Instant::from_nanos(1_000_000 * MS);
        std::iter::from_fn(|| rx.try_recv().ok()).map(|at| (at - base).as_millis()).collect()
    }
}

#[test]
fn a_timer_that_nobody_waits_for_stands_in_no_queue_and_one_that_is_dropped_is_gone() {
    let bench = Bench::new();
    let (timer, ticker) = (bench.timer(10 * MS), bench.ticker(10));
    timer.reset(Duration::from_millis(5));
    assert_eq!(bench.driver.timers(), 0);
    for rx in [timer.c(), ticker.c()] {
        assert!(bench.poll(pin!(rx.recv())).is_pending());
    }
    assert_eq!(bench.driver.timers(), 2);
    let receiver = ticker.c().clone();
    drop((timer, ticker));
    assert_eq!(bench.driver.timers(), 1, "a receiver is left");
    drop(receiver);
    assert_eq!(bench.driver.timers(), 0);
    bench.advance(100 * MS);
    // Whatever has been waited for, fired, stopped or set before.
    let wait = |rx: &Receiver<Instant>| bench.poll(pin!(rx.recv())).is_ready();
    for steps in 0..81 {
        let (rx, alarm) = Alarm::channel(reactor::Timer::after(bench.shard(), MS), MS);
        for step in [steps % 3, steps / 3 % 3, steps / 9 % 3, steps / 27] {
            match step {
                0 => _ = wait(&rx),
                1 => _ = bench.advance(MS),
                _ if steps % 2 == 0 => _ = alarm.stop(),
                _ => _ = alarm.reset(Duration::from_millis(1)),
            }
        }
        let memory = Arc::downgrade(&alarm);
        drop((rx, alarm));
        assert_eq!((memory.strong_count(), bench.driver.timers()), (0, 0), "{steps}");
    }
}

#[test]
fn a_timer_is_stopped_until_its_time_has_been_received() {
    let bench = Bench::new();
    let timer = bench.timer(10 * MS);
    assert!(timer.stop());
    assert!(!timer.stop());
    bench.advance(20 * MS);
    assert_eq!(bench.ready(timer.c()), []);
    // Come, and not received.
    assert!(!timer.reset(Duration::from_millis(10)));
    bench.advance(15 * MS);
    assert!(timer.stop());
    assert!(!timer.stop());
    assert_eq!(bench.ready(timer.c()), []);
    // Received.
    timer.reset(Duration::from_millis(10));
    bench.advance(15 * MS);
    assert_eq!(bench.ready(timer.c()), [45]);
    assert!(!timer.stop());
    assert_eq!((timer.c().len(), timer.c().capacity()), (0, 0));
}

#[test]
fn a_time_that_was_handed_over_and_not_seen_is_taken_back() {
    let bench = Bench::new();
    let timer = bench.timer(10 * MS);
    let mut recv = Box::pin(timer.c().recv());
    assert!(bench.poll(recv.as_mut()).is_pending());
    assert_eq!(bench.advance(10 * MS), 1);
    assert!(timer.stop(), "it has been handed over, but nobody has seen it");
    assert!(bench.poll(recv.as_mut()).is_pending());
    assert!(!timer.reset(Duration::from_millis(10)));
    assert_eq!(bench.advance(10 * MS), 1, "it waits as before");
    assert!(timer.reset(Duration::from_millis(10)));
    assert_eq!(bench.advance(10 * MS), 0, "it was woken and has not looked");
    let due = bench.instant();
    assert_eq!(bench.poll(recv.as_mut()), Poll::Ready(due));
    assert!(!timer.stop());
    // Given back by one that was dropped.
    timer.reset(Duration::from_millis(10));
    let mut recv = Box::pin(timer.c().recv());
    assert!(bench.poll(recv.as_mut()).is_pending());
    bench.advance(10 * MS);
    drop(recv);
    assert!(timer.stop());
    assert_eq!(bench.ready(timer.c()), []);
}

/// Its wake-up may be spent: if it kept its place, the new time would go to it, and wake nobody.
#[test]
fn a_receiver_that_was_set_back_lines_up_anew_when_it_looks() {
    let bench = Bench::new();
    let timer = bench.timer(MS);
    let mut first = pin!(timer.c().recv());
    let mut second = pin!(timer.c().recv());
    assert!(bench.poll(first.as_mut()).is_pending());
    assert!(bench.poll(second.as_mut()).is_pending());
    assert_eq!(bench.advance(MS), 1);
    assert!(timer.reset(Duration::from_millis(1)));
    assert_eq!(bench.advance(MS), 1);
    assert!(bench.poll(first.as_mut()).is_pending());
    assert!(bench.poll(second.as_mut()).is_ready());
    timer.reset(Duration::from_millis(1));
    assert_eq!(bench.advance(MS), 1);
    assert!(bench.poll(first.as_mut()).is_ready());
}

#[test]
fn whoever_comes_when_the_time_has_come_does_not_overtake_who_waits() {
    let bench = Bench::new();
    let rx = bench.after(MS);
    let mut waiting = pin!(rx.recv());
    assert!(bench.poll(waiting.as_mut()).is_pending());
    // It has come, and no timer has fired yet.
    bench.advance_unseen(MS);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(bench.woken.0.load(Ordering::SeqCst), 1);
    assert!(bench.poll(waiting.as_mut()).is_ready());
    assert_eq!(bench.advance(MS), 0);
}

#[test]
fn a_timer_that_is_set_later_or_sooner_wakes_at_its_new_time_only() {
    for millis in [5, 20] {
        let bench = Bench::new();
        let timer = bench.timer(10 * MS);
        let mut recv = pin!(timer.c().recv());
        assert!(bench.poll(recv.as_mut()).is_pending());
        assert!(timer.reset(Duration::from_millis(millis)));
        assert_eq!(bench.advance(millis * MS - 1), 0);
        assert_eq!(bench.advance(1), 1);
        assert_eq!(bench.poll(recv.as_mut()), Poll::Ready(bench.instant()));
        assert_eq!(bench.advance(100 * MS), 0);
        assert_eq!(bench.driver.timers(), 0);
    }
}

#[test]
fn a_ticker_keeps_one_tick_and_its_phase() {
    let bench = Bench::new();
    let ticker = bench.ticker(10);
    bench.advance(35 * MS);
    assert_eq!(bench.ready(ticker.c()), [10]);
    bench.advance(4 * MS);
    assert_eq!(bench.ready(ticker.c()), []);
    bench.advance(MS);
    assert_eq!(bench.ready(ticker.c()), [40]);
    // Of one who waits as well.
    let mut recv = pin!(ticker.c().recv());
    assert!(bench.poll(recv.as_mut()).is_pending());
    assert_eq!(bench.advance(33 * MS), 1);
    assert_eq!(bench.ready(ticker.c()), []);
    assert!(bench.poll(recv.as_mut()).is_ready());
    bench.advance(7 * MS);
    assert_eq!(bench.ready(ticker.c()), [80]);
}

#[test]
fn a_tick_that_is_taken_before_its_timer_fires_leaves_no_timer() {
    let bench = Bench::new();
    let ticker = bench.ticker(10);
    assert!(bench.poll(pin!(ticker.c().recv())).is_pending());
    bench.advance_unseen(15 * MS);
    assert_eq!(bench.ready(ticker.c()), [10]);
    assert_eq!(bench.driver.timers(), 0, "nobody waits");
    assert_eq!(bench.advance(5 * MS), 0);
    assert_eq!(bench.ready(ticker.c()), [20]);
}

#[test]
fn a_tick_that_is_given_back_is_the_one_that_is_kept() {
    let bench = Bench::new();
    let ticker = bench.ticker(10);
    let mut recv = Box::pin(ticker.c().recv());
    assert!(bench.poll(recv.as_mut()).is_pending());
    bench.advance(10 * MS);
    bench.advance(25 * MS);
    drop(recv);
    assert_eq!(bench.ready(ticker.c()), [10]);
    bench.advance(5 * MS);
    assert_eq!(bench.ready(ticker.c()), [40]);
}

#[test]
fn ticks_go_to_those_who_wait_in_turn() {
    let bench = Bench::new();
    let ticker = bench.ticker(10);
    let mut first = Box::pin(ticker.c().recv());
    let mut second = Box::pin(ticker.c().recv());
    for _ in 0..3 {
        assert!(bench.poll(first.as_mut()).is_pending());
        assert!(bench.poll(second.as_mut()).is_pending());
        assert_eq!(bench.advance(10 * MS), 1);
        assert_eq!(bench.poll(first.as_mut()), Poll::Ready(bench.instant()));
        first = second;
        second = Box::pin(ticker.c().recv());
    }
}

#[test]
fn a_ticker_that_is_stopped_is_silent_until_it_is_set_anew() {
    let bench = Bench::new();
    let ticker = bench.ticker(10);
    bench.advance(15 * MS);
    ticker.stop();
    bench.advance(15 * MS);
    assert_eq!(bench.ready(ticker.c()), []);
    let mut recv = Box::pin(ticker.c().recv());
    assert!(bench.poll(recv.as_mut()).is_pending());
    assert_eq!(bench.driver.timers(), 0);
    ticker.reset(Duration::from_millis(3));
    assert_eq!(bench.advance(3 * MS), 1);
    ticker.reset(Duration::from_millis(7));
    assert!(bench.poll(recv.as_mut()).is_pending(), "the tick before is dropped");
    assert_eq!(bench.advance(7 * MS), 1);
    assert_eq!(bench.poll(recv.as_mut()), Poll::Ready(bench.instant()));
    bench.advance(7 * MS);
    assert_eq!(bench.ready(ticker.c()), [47]);
}

#[test]
fn periods_and_times_too_long_for_the_clock_never_come() {
    let bench = Bench::new();
    let ticker = Ticker::with(reactor::Timer::after(bench.shard(), MS), Duration::MAX);
    let timer = bench.timer(MS);
    timer.reset(Duration::MAX);
    bench.advance(MS);
    assert_eq!(bench.ready(ticker.c()).len(), 1);
    bench.advance(Nanos::MAX / 2);
    assert_eq!(bench.ready(ticker.c()).len() + bench.ready(timer.c()).len(), 0);
}

#[test]
fn a_stream_of_ticks_finds_each_of_them() {
    use futures_core::Stream;
    let bench = Bench::new();
    let ticker = bench.ticker(10);
    let mut stream = pin!(ticker.c().stream());
    let mut cx = Context::from_waker(&bench.waker);
    for _ in 0..3 {
        assert!(stream.as_mut().poll_next(&mut cx).is_pending());
        assert_eq!(bench.advance(10 * MS), 1);
        assert_eq!(stream.as_mut().poll_next(&mut cx), Poll::Ready(Some(bench.instant())));
    }
    ticker.stop();
    assert!(stream.as_mut().poll_next(&mut cx).is_pending());
    ticker.reset(Duration::from_millis(10));
    assert_eq!(bench.advance(10 * MS), 1, "a reset counts for who watches already");
}

#[test]
fn a_deadline_earlier_than_all_others_wakes_the_poller_that_sleeps_for_them() {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let _inside = runtime.enter();
    for _ in 0..4 {
        drop(runtime.spawn(sleep(Duration::from_secs(3600))));
    }
    let idle = &context::current().idle;
    while idle.sleeping() < 2 {
        std::thread::yield_now();
    }
    let told = Arc::new(Parker::new());
    let tell = Arc::clone(&told);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            runtime.block_on(sleep(Duration::from_millis(1)));
            tell.unpark();
        });
        assert!(told.park(Some(Duration::from_secs(60))), "nobody looks at the clock");
    });
}
