//! `select!` allocates nothing, whether it finds something, waits, or runs `default`.
#![expect(unsafe_code, reason = "an allocator that counts")]

mod select_util;

use gort::{Chan, select};
use select_util::{filled, now, poll};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;

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

#[track_caller]
fn without_allocation(body: impl Fn()) {
    // What is made once per thread or grows once.
    body();
    let before = ALLOCATIONS.get();
    body();
    assert_eq!(ALLOCATIONS.get(), before);
}

#[test]
fn ready() {
    let c: [Chan<usize>; 8] = std::array::from_fn(|i| filled(1, [i]));
    without_allocation(|| {
        let v = now(async {
            select! {
                v = <-c[0] => v, v = <-c[1] => v, v = <-c[2] => v, v = <-c[3] => v,
                v = <-c[4] => v, v = <-c[5] => v, v = <-c[6] => v, v = <-c[7] => v,
            }
        });
        assert!(c[v].try_send(v).is_ok());
    });
}

#[test]
fn default() {
    let (a, b) = (Chan::<i32>::new(0), Chan::<i32>::new(0));
    without_allocation(|| {
        now(async {
            select! { <-a => {}, default => {} }
            select! { <-a => {}, b <- 1 => {}, default => {} }
        });
    });
}

#[test]
fn parked_and_woken() {
    let c: [Chan<usize>; 8] = std::array::from_fn(|_| Chan::new(0));
    without_allocation(|| {
        let mut parked = pin!(async {
            select! {
                v = <-c[0] => v, v = <-c[1] => v, v = <-c[2] => v, v = <-c[3] => v,
                v = <-c[4] => v, v = <-c[5] => v, v = <-c[6] => v, v = c[7].recv() => v,
                v = std::future::pending() => v,
            }
        });
        assert!(poll(parked.as_mut()).is_pending());
        assert!(c[5].try_send(5).is_ok());
        assert_eq!(poll(parked), Poll::Ready(5));
    });
}

/// What a select adds to the future around it.
#[test]
fn size_of_the_future() {
    let (a, b) = (Chan::<u64>::new(0), Chan::<u64>::new(0));
    let one = async {
        select! { v = <-a, if !a.is_closed() => assert_eq!(v, 0) }
    };
    let two = async {
        select! { v = <-a => assert_eq!(v, 0), b <- 1 => {} }
    };
    let ready = async {
        select! { () = std::future::ready(()), if a.is_nil() => {} else => {} }
    };
    if cfg!(target_pointer_width = "64") {
        let sizes = [size_of_val(&one), size_of_val(&two), size_of_val(&ready)];
        assert!(sizes[0] <= 168 && sizes[1] <= 248 && sizes[2] <= 40, "{sizes:?}");
    }
}
