//! Hazards of memory that is taken for a while and kept for ever. T37, of channels and selects. A process
//! of its own, as its memory is counted; everything happens in one thread, so the counts are exact.

#![expect(unsafe_code, reason = "an allocator that counts")]

mod common;

use common::Polled;
use gort::chan::{TryRecvError, TrySendError};
use gort::runtime::Builder;
use gort::time::{Duration, after};
use gort::{Chan, Receiver, Select, Sender, chan, select};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;

thread_local! {
    /// Bytes that this thread has taken, less those that it has given back.
    static TAKEN: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = TAKEN.try_with(|taken| taken.set(taken.get() + layout.size() as isize));
        // SAFETY: the caller's promise is the callee's condition.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        let _ = TAKEN.try_with(|taken| taken.set(taken.get() - layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many more bytes are taken than at the time of `before`.
fn more_than(before: isize) -> usize {
    usize::try_from(TAKEN.get() - before).expect("more was given back than taken")
}

/// What a channel may keep for the next burst, if its values are smaller than that.
const KEPT: usize = 64 * 1024;

// Bursts.

/// Sends `count` values and receives them in order.
fn burst<const SIZE: usize>(ends: &(Sender<[u8; SIZE]>, Receiver<[u8; SIZE]>), count: usize) {
    let (tx, rx) = ends;
    let before = TAKEN.get();
    for i in 0..count {
        assert!(tx.try_send([i as u8; SIZE]).is_ok());
    }
    assert!(more_than(before) + KEPT.max(SIZE) >= count * SIZE, "they are not counted");
    for i in 0..count {
        assert_eq!(rx.try_recv().ok().map(|value| value[0]), Some(i as u8));
    }
}

/// tokio#4321, kanal#51: a channel that had held a great number of values once kept the memory for them,
/// however few there were later.
#[test]
fn t37_a_burst_gives_its_memory_back() {
    fn check<const SIZE: usize>(count: usize) {
        let ends = chan::<[u8; SIZE]>(count);
        let before = TAKEN.get();
        for _ in 0..2 {
            burst(&ends, count);
            let kept = more_than(before);
            assert!(kept <= KEPT.max(SIZE), "{count} values of {SIZE} bytes leave {kept} behind");
        }
    }
    let all = || {
        check::<8>(1_000_000);
        check::<4096>(10_000);
        check::<{ 64 * 1024 }>(500);
        check::<{ 64 * 1024 }>(4);
        check::<{ 256 * 1024 }>(3);
    };
    // Without optimisation, every move of a value is a copy on the stack.
    thread::Builder::new().stack_size(64 << 20).spawn(all).unwrap().join().unwrap();
}

/// The same when the channel is never quite empty.
#[test]
fn t37_a_burst_gives_its_memory_back_to_the_last_few() {
    let (tx, rx) = chan::<u64>(1_000_000);
    let before = TAKEN.get();
    (0..1_000_000).for_each(|i| tx.try_send(i).unwrap());
    assert!((0..999_990).all(|i| rx.try_recv() == Ok(i)));
    for i in 0..100_000 {
        assert_eq!(rx.try_recv(), Ok(999_990 + i));
        tx.try_send(1_000_000 + i).unwrap();
    }
    assert_eq!(rx.len(), 10);
    assert!(more_than(before) <= KEPT);
}

/// Values that were given back by receives that were dropped.
#[test]
fn t37_a_burst_of_returned_values_gives_its_memory_back() {
    const COUNT: u64 = 20_000;
    let (tx, rx) = chan::<u64>(0);
    let before = TAKEN.get();
    let mut waiting: Vec<_> = (0..COUNT).map(|_| Polled::new(rx.recv())).collect();
    assert!(waiting.iter_mut().all(|recv| recv.poll().is_pending()));
    (0..COUNT).for_each(|i| tx.try_send(i).unwrap());
    // The last one first: each has its place at the end of those that are there.
    while waiting.pop().is_some() {}
    drop(waiting);
    assert!(more_than(before) >= 8 * COUNT as usize, "they are not counted");
    assert!((0..COUNT).all(|i| rx.try_recv() == Ok(i)));
    let kept = more_than(before);
    assert!(kept <= KEPT, "{kept}");
}

// Channels that do nothing.

/// tokio#7355: hundreds of thousands of channels, most of them idle, and a block of 32 values for each,
/// or three blocks after its first burst.
#[test]
fn t37_idle_channels_take_little_however_many_there_are() {
    const CHANNELS: usize = 300_000;
    let before = TAKEN.get();
    let mut all = Vec::with_capacity(CHANNELS);
    let list = more_than(before);
    all.extend((0..CHANNELS).map(|_| chan::<[u8; 256]>(100_000)));
    let each = (more_than(before) - list) / CHANNELS;
    assert!(each <= 256, "an idle channel takes {each} bytes");

    for ends in all.iter().take(100) {
        let before = TAKEN.get();
        burst(ends, 1_000);
        let kept = more_than(before);
        assert!(kept <= KEPT, "a channel that is idle again has kept {kept} bytes");
    }
    drop(all);
    assert_eq!(TAKEN.get(), before);
}

// Selects that are given up.

const SELECTS: usize = 100_000;

/// Nobody is in line on either side.
#[track_caller]
fn assert_nobody_waits(ch: &Chan<u64>) {
    assert_eq!(ch.try_send(9), Err(TrySendError::Full(9)));
    assert_eq!(ch.try_recv(), Err(TryRecvError::Empty));
}

/// kanal#51, tokio#2637: what waited and was given up left its entry in the channel's list of waiters, to
/// be found and thrown away by an operation that never came.
#[test]
fn t37_selects_that_are_dropped_leave_nobody_in_line_and_no_memory() {
    let (a, b) = (Chan::<u64>::new(0), Chan::<u64>::new(0));
    let give_up = || {
        let mut selects = Polled::new(async {
            select! { v = <-a => v, b <- 1 => 0, v = b.recv() => v }
        });
        assert!(selects.poll().is_pending());
        drop(selects);
        let mut select = Select::new();
        select.recv(&a, |_, _| ());
        select.send(&b, 2, |()| ());
        let mut waits = Polled::new(select.wait());
        assert!(waits.poll().is_pending());
    };
    give_up();
    let before = TAKEN.get();
    (0..SELECTS).for_each(|_| give_up());
    assert_eq!(TAKEN.get(), before);
    assert_nobody_waits(&a);
    assert_nobody_waits(&b);
}

/// The same with many of them in line at once, dropped in another order.
#[test]
fn t37_selects_that_are_dropped_together_leave_nobody_in_line_and_no_memory() {
    let (a, b) = (Chan::<u64>::new(0), Chan::<u64>::new(0));
    let before = TAKEN.get();
    let mut all: Vec<_> = (0..SELECTS as u64)
        .map(|i| {
            let (a, b) = (&a, &b);
            Polled::new(async move {
                select! { v = <-a => v, b <- i => 0 }
            })
        })
        .collect();
    assert!(all.iter_mut().all(|selects| selects.poll().is_pending()));
    fastrand::Rng::with_seed(1).shuffle(&mut all);
    drop(all);
    assert_eq!(TAKEN.get(), before);
    assert_nobody_waits(&a);
    assert_nobody_waits(&b);
}

/// In goroutines that are aborted, with a time among the arms.
#[test]
fn t37_selects_of_goroutines_that_are_aborted_leave_no_memory() {
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    let (a, b) = (Chan::<u64>::new(0), Chan::<u64>::new(0));
    let round = || {
        runtime.block_on(async {
            let all: Vec<_> = (0..100)
                .map(|_| {
                    let (a, b) = (a.clone(), b.clone());
                    gort::go(async move {
                        select! {
                            v = <-a => v,
                            b <- 1 => 0,
                            _ = <-after(Duration::from_secs(3600)) => 0,
                        }
                    })
                })
                .collect();
            gort::task::yield_now().await;
            all.iter().for_each(|goroutine| goroutine.abort());
            for goroutine in all {
                assert!(goroutine.await.unwrap_err().is_cancelled());
            }
        });
    };
    (0..10).for_each(|_| round());
    let before = TAKEN.get();
    (0..SELECTS / 100).for_each(|_| round());
    assert_eq!(TAKEN.get(), before);
    assert_nobody_waits(&a);
    assert_nobody_waits(&b);
}
