//! What needs the inside of the scheduler.

use super::processor::{Processor, Status};
use super::shared::Phase;
use super::{Builder, context, sysmon};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
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
