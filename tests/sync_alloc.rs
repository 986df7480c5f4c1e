//! Locks and wait groups allocate nothing, whether they wait or not.
#![expect(unsafe_code, reason = "an allocator that counts")]

use gort::sync::{Mutex, RawMutex, WaitGroup};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the same contract.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs `body` twice; what is made once per thread is made the first time.
#[track_caller]
fn second_time_without_allocation(body: impl Fn()) {
    body();
    let before = ALLOCATIONS.get();
    body();
    assert_eq!(ALLOCATIONS.get(), before);
}

#[test]
fn a_lock_taken_at_once_and_one_waited_for() {
    let (mutex, raw) = (Mutex::new(0), RawMutex::new());
    let mut cx = Context::from_waker(Waker::noop());
    second_time_without_allocation(|| {
        let held = mutex.try_lock().unwrap();
        {
            let mut first = pin!(mutex.lock());
            let mut second = pin!(mutex.lock());
            assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            drop(held);
            assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
        assert!(raw.try_lock());
        raw.unlock();
    });
    assert!(pin!(raw.lock()).poll(&mut cx).is_ready());
}

#[test]
fn a_wait_that_waits_and_one_that_does_not() {
    let wg = WaitGroup::new();
    second_time_without_allocation(|| {
        wg.add(2);
        {
            let mut wait = pin!(wg.wait());
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            wg.done();
            drop(wg.guard());
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
        assert!(pin!(wg.wait()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    });
}
