//! `sync::WaitGroup`: who is released when, Go's panics, goroutines that end in every way.

mod common;
mod sync_util;

use common::{go, run};
use gort::sync::WaitGroup;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use sync_util::{drive, panic_text};

const NEGATIVE: &str = "sync: negative WaitGroup counter";
const REUSED: &str = "sync: WaitGroup is reused before previous Wait has returned";

#[test]
fn c090_wait_at_zero_returns_at_once() {
    let wg = WaitGroup::new();
    drive(wg.wait()).ready();
    wg.add(2);
    wg.add(-2);
    drive(wg.wait()).ready();
}

#[test]
fn c091_done_below_zero_panics() {
    assert_eq!(panic_text(|| WaitGroup::new().done()), NEGATIVE);
    assert_eq!(panic_text(|| WaitGroup::new().add(i32::MIN)), NEGATIVE);
    let wg = WaitGroup::new();
    wg.add(i32::MAX);
    assert_eq!(panic_text(|| wg.add(1)), NEGATIVE, "the counter has 32 bits");
}

#[test]
fn c092_two_groups_are_reused_and_nobody_is_early() {
    run(async {
        for _ in 0..8 {
            let (before, after) = (WaitGroup::new(), WaitGroup::new());
            let (n, started) = (16, Arc::new(AtomicU32::new(0)));
            before.add(n);
            after.add(n);
            for _ in 0..n {
                let (before, after, started) = (before.clone(), after.clone(), started.clone());
                go(async move {
                    started.fetch_add(1, Ordering::Relaxed);
                    before.done();
                    before.wait().await;
                    assert_eq!(started.load(Ordering::Relaxed), 16);
                    after.done();
                });
            }
            after.wait().await;
        }
    });
}

#[test]
fn c092_a_group_is_used_again_after_its_waits_have_returned() {
    let wg = WaitGroup::new();
    for _ in 0..8 {
        wg.add(1);
        let mut waits = [drive(wg.wait()), drive(wg.wait())];
        waits.iter_mut().for_each(|wait| wait.pending());
        wg.done();
        waits.iter_mut().for_each(|wait| wait.ready());
    }
}

#[test]
fn c093_the_last_done_releases_all_waits_and_no_other_does() {
    let wg = WaitGroup::new();
    wg.add(2);
    // More than one wake batch.
    let mut waits: Vec<_> = (0..100).map(|_| drive(wg.wait())).collect();
    waits.iter_mut().for_each(|wait| wait.pending());
    wg.done();
    waits.iter_mut().for_each(|wait| wait.pending());
    assert!(waits.iter().all(|wait| wait.woken() == 0));
    wg.done();
    assert!(waits.iter().all(|wait| wait.woken() == 1));
    waits.iter_mut().for_each(|wait| wait.ready());
}

#[test]
fn c094_an_add_between_the_last_done_and_the_return_of_wait_panics_there() {
    let wg = WaitGroup::new();
    wg.add(1);
    let mut wait = drive(wg.wait());
    wait.pending();
    wg.done();
    wg.add(1);
    assert_eq!(panic_text(|| wait.poll()), REUSED);
}

#[test]
fn c095_a_member_may_add_while_the_counter_is_not_zero() {
    let wg = WaitGroup::new();
    wg.add(1);
    let mut wait = drive(wg.wait());
    wait.pending();
    wg.add(5);
    wg.add(-6);
    wait.ready();
}

#[cfg(not(foreign_executor))]
#[test]
fn c096_a_member_that_panics_is_fatal_and_releases_nobody() {
    let returned = Arc::new(AtomicU32::new(0));
    let seen = returned.clone();
    let text = panic_text(|| {
        gort::run(async move {
            let wg = WaitGroup::new();
            wg.go(async { panic!("test") });
            wg.wait().await;
            seen.store(1, Ordering::SeqCst);
        });
    });
    assert_eq!((text.as_str(), returned.load(Ordering::SeqCst)), ("test", 0));
}

#[cfg(not(foreign_executor))]
#[test]
fn c097_a_member_that_exits_is_done() {
    gort::run(async {
        let wg = WaitGroup::new();
        wg.go(async { gort::runtime::goexit() });
        wg.go(async {
            gort::task::yield_now().await;
            gort::runtime::goexit()
        });
        wg.wait().await;
    });
}

#[test]
fn c098_what_the_members_did_is_visible_after_wait() {
    #[expect(unsafe_code, reason = "plain memory, so that a sanitizer would see a race")]
    mod plain {
        pub(crate) struct Slots(pub(crate) [std::cell::UnsafeCell<u64>; 8]);
        // SAFETY: the test gives each slot to one goroutine, and reads after the wait.
        unsafe impl Sync for Slots {}
        pub(crate) fn set(slot: &std::cell::UnsafeCell<u64>, value: u64) {
            // SAFETY: as above.
            unsafe { *slot.get() = value }
        }
        pub(crate) fn get(slot: &std::cell::UnsafeCell<u64>) -> u64 {
            // SAFETY: as above.
            unsafe { *slot.get() }
        }
    }
    for _ in 0..100 {
        run(async {
            let slots = Arc::new(plain::Slots([const { std::cell::UnsafeCell::new(0) }; 8]));
            let wg = WaitGroup::new();
            for i in 0..8 {
                let slots = slots.clone();
                wg.go(async move { plain::set(&slots.0[i], i as u64 + 1) });
            }
            wg.wait().await;
            assert_eq!(slots.0.iter().map(plain::get).sum::<u64>(), 36);
        });
    }
}

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
