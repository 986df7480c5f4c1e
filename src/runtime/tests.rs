//! What needs the inside of the scheduler.

use super::chains::Chain;
use super::goroutine::{self, Meta, Policy};
use super::processor::{Processor, Status};
use super::ring::Item;
use super::shared::Phase;
use super::sysmon::Verdict;
use super::{Builder, context, sysmon, table};
use crate::sys::clock::Nanos;
use crate::sys::point::{self, BUDGET, Op};
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

/// Who loses the place: whoever sleeps, and whoever computes where nobody else gets on.
#[test]
fn a_worker_that_computes_keeps_its_place_while_others_get_on() {
    const MS: Nanos = 1_000_000;
    let thread = |cpu, runnable| Some(Activity { cpu: cpu * MS, runnable });
    // (thread, what it had used, time in the poll, work waits, others get on)
    let cases = [
        ((thread(9, true), Some(0), 9, true, false), Verdict::Early),
        ((thread(10, true), Some(0), 10, true, true), Verdict::Computes),
        ((thread(10, true), Some(0), 10, true, false), Verdict::Blocks),
        ((thread(10, true), Some(5), 10, true, true), Verdict::Computes),
        ((thread(10, true), Some(6), 10, true, true), Verdict::Starved),
        ((thread(10, true), Some(6), 10, true, false), Verdict::Starved),
        ((thread(10, true), None, 10, true, false), Verdict::Starved),
        ((thread(10, false), Some(0), 9, true, true), Verdict::Early),
        ((thread(10, false), Some(0), 10, true, true), Verdict::Blocks),
        ((thread(1, false), Some(1), 2, true, true), Verdict::Blocks),
        ((thread(1, false), Some(1), 2, false, true), Verdict::Early),
        ((thread(1, false), None, 2, true, true), Verdict::Early),
        ((thread(1, false), Some(1), 10, false, true), Verdict::Blocks),
        ((None, None, 9, true, true), Verdict::Early),
        ((None, Some(0), 10, false, true), Verdict::Blocks),
    ];
    for (number, (case, expected)) in cases.into_iter().enumerate() {
        let (activity, before, time, work_waits, others) = case;
        let before = before.map(|before: Nanos| before * MS);
        let verdict = sysmon::judge(activity, before, time * MS, work_waits, others);
        assert_eq!(verdict, expected, "case {number}");
    }
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
