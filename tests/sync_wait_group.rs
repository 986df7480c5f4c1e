//! `sync::WaitGroup`: waits that are dropped, guards, threads, wakers. (Go's own cases are in `go_sync.rs`.)

mod common;
mod sync_util;

use common::run;
use gort::sync::WaitGroup;
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use sync_util::{drive, panic_text};

const NEGATIVE: &str = "sync: negative WaitGroup counter";

#[cfg(not(foreign_executor))]
#[test]
fn a_member_that_the_runtime_drops_is_done() {
    let wg = WaitGroup::new();
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { wg.go(pending::<()>()) });
    assert!(drive(wg.wait()).poll().is_pending());
    drop(runtime);
    wg.blocking_wait();
}

/// asyncband#27: a wait that was dropped was looked for when the others were woken: a panic, `invalid key`.
#[test]
fn t34_a_wait_that_is_dropped_leaves_no_trace() {
    let wg = WaitGroup::new();
    wg.add(1);
    let (mut first, mut second, mut third) = (drive(wg.wait()), drive(wg.wait()), drive(wg.wait()));
    first.pending();
    second.pending();
    third.pending();
    drop(second);
    assert_eq!(format!("{wg:?}"), "WaitGroup { counter: 1, waiters: 2 }");
    wg.done();
    drop(first);
    third.ready();
    assert_eq!(format!("{wg:?}"), "WaitGroup { counter: 0, waiters: 0 }");
    wg.add(1);
    wg.done();
    drive(wg.wait()).ready();
}

/// taskwait#1: a waiter was not told that the count had come to zero, and waited for ever.
#[test]
fn t34_waits_dropped_by_many_tasks_while_others_finish() {
    run(async {
        for _ in 0..50 {
            let (work, waits) = (WaitGroup::new(), WaitGroup::new());
            work.add(1);
            for i in 0..20 {
                let work = work.clone();
                waits.go(async move {
                    let mut wait = pin!(work.wait());
                    let polled = std::future::poll_fn(|cx| {
                        std::task::Poll::Ready(wait.as_mut().poll(cx).is_ready())
                    });
                    if i % 2 == 0 && !polled.await {
                        wait.await;
                    }
                });
            }
            work.done();
            waits.wait().await;
        }
    });
}

#[test]
fn clones_are_one_group_and_others_are_not() {
    let wg = WaitGroup::new();
    assert_eq!(wg, wg.clone());
    assert_ne!(wg, WaitGroup::default());
    wg.clone().add(1);
    assert!(drive(wg.wait()).poll().is_pending());
}

#[test]
fn a_guard_is_done_when_it_is_dropped_also_by_a_panic() {
    let wg = WaitGroup::new();
    wg.add(2);
    drop(wg.guard());
    panic_text(|| {
        let _done = wg.guard();
        panic!("with a guard");
    });
    wg.blocking_wait();
    assert_eq!(panic_text(|| drop(wg.guard())), NEGATIVE);
}

#[test]
fn a_blocked_thread_goes_on_at_zero() {
    let wg = WaitGroup::new();
    wg.add(1);
    let other = wg.clone();
    let thread = std::thread::spawn(move || other.blocking_wait());
    wg.done();
    thread.join().unwrap();
}

/// Hazard T24: a waker that uses the group when it is cloned, woken or dropped.
#[test]
fn t24_a_waker_may_use_the_group_at_any_time() {
    static GROUP: std::sync::OnceLock<WaitGroup> = std::sync::OnceLock::new();
    fn visit() {
        let wg = GROUP.get_or_init(WaitGroup::new);
        let mut wait = pin!(wg.wait());
        let _ = wait.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }
    fn clone(_: *const ()) -> RawWaker {
        visit();
        RawWaker::new(std::ptr::null(), &TABLE)
    }
    static TABLE: RawWakerVTable =
        RawWakerVTable::new(clone, |_| visit(), |_| visit(), |_| visit());
    #[expect(unsafe_code, reason = "a waker made by hand")]
    // SAFETY: the data is not used.
    let waker = unsafe { Waker::from_raw(clone(std::ptr::null())) };
    let mut cx = Context::from_waker(&waker);
    let wg = GROUP.get_or_init(WaitGroup::new);
    wg.add(1);
    let (mut first, mut second) = (pin!(wg.wait()), Box::pin(wg.wait()));
    assert!(first.as_mut().poll(&mut cx).is_pending());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    assert!(second.as_mut().poll(&mut cx).is_pending());
    drop(second);
    wg.done();
    assert!(first.as_mut().poll(&mut cx).is_ready());
}
