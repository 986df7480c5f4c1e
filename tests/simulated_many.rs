//! T40, diem#5827 and wasmtime#2485: a fuzz target makes a runtime for every input, thousands in one
//! process. Threads and memory must stay flat, and one input must always take the same course.

#![expect(unsafe_code, reason = "an allocator that counts")]

use gort::runtime::Builder;
use gort::{Chan, go, select, time};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promise is the callee's condition.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn one(seed: u64) -> u64 {
    let runtime = Builder::simulated(seed).build().unwrap();
    runtime.block_on(async {
        let ch = Chan::<u32>::new(1);
        for id in 0..5 {
            let ch = ch.clone();
            go(async move {
                time::sleep(time::Duration::from_millis(u64::from(id % 3))).await;
                ch.send(id).await;
            });
        }
        // Somebody is still waiting at the end.
        go({
            let ch = ch.clone();
            async move { while ch.recv().await < 100 {} }
        });
        gort::task::spawn_blocking(|| {}).await.unwrap();
        for _ in 0..3 {
            select! {
                _ = <-ch => {}
                <-time::after(time::Duration::from_secs(1)) => {}
            }
        }
    });
    runtime.handle().trace_hash()
}

#[test]
fn t40_ten_thousand_runtimes_leave_memory_threads_and_descriptors_flat() {
    let first: Vec<u64> = (0..500).map(one).collect();
    let before = (LIVE.load(Ordering::Relaxed), threads(), descriptors());
    for round in 0..20 {
        for (seed, hash) in first.iter().enumerate() {
            assert_eq!(one(seed as u64), *hash, "seed {seed}, round {round}");
        }
    }
    let after = (LIVE.load(Ordering::Relaxed), threads(), descriptors());
    assert_eq!(after, before, "(bytes, threads, descriptors)");
}
