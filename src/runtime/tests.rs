//! What needs the inside of the scheduler.

use super::chains::Chain;
use super::goroutine::{self, Meta, Policy};
use super::processor::{Processor, Status};
use super::ring::Item;
use super::shared::{Config, Phase, Shared};
use super::sysmon::{Monitor, Usage, Verdict};
use super::{Builder, context, sysmon, table};
use crate::reactor::{Backend, Driver, Wait};
use crate::sys::clock::{Clock, Nanos};
use crate::sys::point::{self, BUDGET, Op};
use crate::sys::sync::atomic::Ordering;
use crate::sys::thread::Activity;
use crate::wait::record;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Hazard T23, found by its tests: the worker may be picked to look for work in the same moment, or be
/// searching while others publish work. It has to pass that on.
#[test]
fn t23_a_worker_that_loses_its_place_as_it_goes_to_sleep_takes_no_wake_up_with_it() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let entered = runtime.enter();
    let shared = context::current();
    for _ in 0..500 {
        while shared.idle.sleeping() == 0 {
            std::thread::yield_now();
        }
        let active = |p: &Processor| p.status() == Status::Active;
        let index = shared.processors().position(active).expect("somebody has the place");
        assert!(sysmon::abandon(&shared, index));
        let (runs, has_run) = mpsc::channel();
        drop(runtime.spawn(async move { runs.send(()).unwrap() }));
        has_run.recv_timeout(Duration::from_secs(30)).expect("nobody was woken");
    }
    drop(entered);
}

/// Found by the test above on a loaded machine: who had lost the place slept on and did not know. Each was one spare
/// less, and the monitor did not sleep.
#[test]
fn a_worker_that_sleeps_is_told_that_it_has_lost_its_place() {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let entered = runtime.enter();
    let shared = context::current();
    while shared.idle.sleeping() < 2 {
        std::thread::yield_now();
    }
    assert!(sysmon::abandon(&shared, 0));
    assert!(sysmon::abandon(&shared, 1));
    while shared.spares.lock().abandoned > 0 {
        std::thread::yield_now();
    }
    drop(entered);
}

const MS: Nanos = 1_000_000;

/// A thread as the monitor sees it.
fn thread(cpu: Nanos, runnable: bool) -> Option<Activity> {
    Some(Activity { cpu: cpu * MS, runnable })
}

/// Who loses the place: whoever sleeps, at once if nobody else gets on, and whoever computes where nobody does.
#[test]
fn a_worker_that_computes_keeps_its_place_while_others_get_on() {
    // (thread, what it had used when first looked at, time since, work waits, how long ago others got on)
    let cases = [
        ((thread(9, true), 0, 9, true, 99), Verdict::Early),
        ((thread(10, true), 0, 10, true, 9), Verdict::Computes),
        ((thread(10, true), 0, 10, true, 10), Verdict::Blocks),
        ((thread(10, true), 5, 10, true, 0), Verdict::Computes),
        ((thread(10, true), 6, 10, true, 0), Verdict::Starved),
        ((thread(10, true), 6, 10, true, 99), Verdict::Starved),
        ((thread(10, false), 0, 9, true, 99), Verdict::Early),
        ((thread(10, false), 0, 10, true, 0), Verdict::Computes),
        ((thread(10, false), 0, 10, true, 10), Verdict::Blocks),
        ((thread(10, false), 6, 10, true, 0), Verdict::Blocks),
        ((thread(1, true), 1, 2, true, 1), Verdict::Early),
        ((thread(1, false), 1, 2, true, 1), Verdict::Blocks),
        ((thread(1, false), 1, 2, true, 0), Verdict::Early),
        ((thread(1, false), 1, 2, false, 1), Verdict::Early),
        ((thread(1, false), 1, 10, false, 0), Verdict::Blocks),
        ((None, 0, 9, true, 99), Verdict::Early),
        ((None, 0, 10, false, 0), Verdict::Blocks),
    ];
    for (number, (case, expected)) in cases.into_iter().enumerate() {
        let (activity, before, time, work_waits, others) = case;
        let (now, noticed) = (1000 * MS, (1000 - time) * MS);
        let mut usage = Usage::from(noticed);
        // The first look, of which nothing can be said yet.
        let first = usage.judge(activity.and(thread(before, false)), noticed, true, 0);
        assert_eq!(first, Verdict::Early, "case {number}");
        let verdict = usage.judge(activity, now, work_waits, now - others * MS);
        assert_eq!(verdict, expected, "case {number}");
    }
}

/// However long it has computed: that is past.
#[test]
fn a_worker_that_has_computed_and_now_sleeps_is_replaced() {
    let mut usage = Usage::from(0);
    for now in 1..=1000 {
        let verdict = usage.judge(thread(now, true), now * MS, true, now * MS);
        assert!(matches!(verdict, Verdict::Early | Verdict::Computes), "{verdict:?} at {now}");
    }
    let asleep =
        |now: &Nanos| usage.judge(thread(1000, false), now * MS, true, now * MS) == Verdict::Blocks;
    let replaced = (1001..=2000).find(asleep);
    assert!(replaced.is_some_and(|now| now <= 1020), "{replaced:?}");
}

/// What an abandoned worker woke just before it was abandoned lies in its own queue: somebody has to look.
#[test]
fn the_monitor_does_not_sleep_while_a_worker_is_abandoned() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let entered = runtime.enter();
    let shared = context::current();
    let (release, held) = mpsc::channel::<()>();
    let stuck = runtime.spawn(async move {
        context::about_to_block();
        held.recv().unwrap();
    });
    while shared.spares.lock().abandoned == 0 {
        std::thread::yield_now();
    }
    while (shared.idle.sleeping() as usize) < shared.spares.lock().active {
        std::thread::yield_now();
    }
    assert!(!sysmon::all_asleep(&shared));
    release.send(()).unwrap();
    drop(entered);
    runtime.block_on(stuck).unwrap();
    while shared.spares.lock().abandoned > 0 {
        std::thread::yield_now();
    }
}

/// One thread inside `run` may be so quick that the runtime is shut down before another one has looked.
#[test]
fn a_fatal_panic_is_raised_again_after_the_shutdown_too() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let entered = runtime.enter();
    let shared = context::current();
    shared.fatal("boom".to_owned(), None);
    assert!(shared.enter_phase(Phase::ShuttingDown));
    let raised = catch_unwind(AssertUnwindSafe(|| shared.rethrow_fatal())).unwrap_err();
    assert_eq!(raised.downcast_ref(), Some(&"boom".to_owned()));
    drop(entered);
}

/// A goroutine that was counted just before the shutdown, and comes when that is over, is ended by whoever
/// brings it. The runtime leaves the table then: nobody else will look.
#[test]
fn a_goroutine_that_comes_when_all_is_over_does_not_keep_its_runtime() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let entered = runtime.enter();
    let shared = context::current();
    drop(entered);
    let (record, id) = shared.record_outside().expect("it runs");
    drop(runtime);
    assert!(Arc::ptr_eq(&table::find(shared.index()), &shared), "it has a goroutine");
    let meta = Meta::new(Some(record), shared.index(), Policy::Spawn);
    let (runnable, handle) = goroutine::allocate(async {}, meta, id, Location::caller());
    shared.schedule_outside(Chain::One(Item(runnable.into_raw())));
    let mut handle = pin!(handle);
    let ended = handle.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(ended, Poll::Ready(Err(error)) if error.is_cancelled()));
    let weak = Arc::downgrade(&shared);
    drop(shared);
    assert!(weak.upgrade().is_none(), "somebody keeps it");
}

/// Whatever goes wrong in a poll, the thread has what it had before.
#[test]
fn a_poll_that_unwinds_leaves_the_thread_as_it_was() {
    let meta = Meta::new(None, 0, Policy::Spawn);
    let (runnable, task) = async_task::Builder::new()
        .metadata(meta)
        .spawn(|_| async { panic!("no goroutine catches it") }, drop);
    task.detach();
    catch_unwind(AssertUnwindSafe(|| context::poll_task(runnable, 1))).unwrap_err();
    assert!(catch_unwind(|| context::current_meta().id()).is_err(), "a task is polled");
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..=BUDGET {
        assert!(point::poll(&mut cx, Op::Chan).is_ready(), "the thread has a budget");
    }
}

/// When the output of a goroutine is dropped, its record may be another one's already.
#[test]
fn what_comes_after_the_end_of_a_goroutine_runs_in_none() {
    struct Tells(mpsc::Sender<Option<u64>>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(record::current().map(record::Record::id)).unwrap();
        }
    }
    for runtime in [
        Builder::new_multi_thread().worker_threads(1).build().unwrap(),
        Builder::new_current_thread().build().unwrap(),
    ] {
        let (tells, is_told) = mpsc::channel();
        runtime.block_on(async {
            let output = Tells(tells);
            drop(super::spawn(async move { output }));
            while super::num_goroutine() > 0 {
                super::yield_now().await;
            }
        });
        drop(runtime);
        assert_eq!(is_told.recv(), Ok(None));
    }
}

/// The shared part of a runtime with two workers that have no threads.
pub(super) fn two_workers() -> Arc<Shared> {
    let driver = Driver::new(Clock::Real, Backend::Bare, 2).unwrap();
    let shared = Shared::new(Config::without_threads(2, 0), driver, Clock::Real);
    for _ in 0..2 {
        shared.make_processor();
    }
    shared
}

/// Whoever left the driver for a long poll: if others sleep, one of them is to wait there.
#[test]
fn somebody_waits_in_the_driver_while_a_worker_is_in_a_long_poll() {
    let shared = two_workers();
    let mut monitor = Monitor::default();
    // The monitor itself has no reason to look at it.
    shared.last_turn.store(shared.clock.now() + 3_600_000 * MS, Ordering::Relaxed);
    shared.processor(0).start_poll(None);
    shared.idle.sleep(1, false);
    // However long the test takes.
    let start = shared.clock.now();
    let mut look = |ms: Nanos| monitor.look(&shared, start + ms * MS);
    look(0);
    assert_eq!(shared.idle.sleeping(), 1, "the poll may be a short one");
    std::thread::scope(|scope| {
        scope.spawn(|| shared.driver.try_turn(Wait::Forever));
        while !shared.driver.is_waiting() {
            std::thread::yield_now();
        }
        look(1);
        shared.driver.interrupt();
    });
    assert_eq!(shared.idle.sleeping(), 1, "somebody waited there already");
    look(2);
    assert_eq!(shared.idle.sleeping(), 0, "it was not woken");
    table::remove(&shared);
}
