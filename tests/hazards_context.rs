//! Hazards of contexts: children that go, or are many, or stand in a very long line. T33. A process of its own, as
//! its memory is counted; everything happens in one thread, so the counts are exact.
//!
//! The issues: tokio-util #4639 (the child of a child is kept when its parent is cancelled), tokio #7026
//! (memory of short-lived children).

#![expect(unsafe_code, reason = "an allocator that counts")]

mod common;

use gort::context::{
    Cancel, Context, after_func, background, with_cancel, with_timeout, with_value,
};
use gort::runtime::Builder;
use gort::sync::CancellationToken;
use gort::time::Duration;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

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

/// What `body` leaves behind, in bytes.
fn left_by(body: impl FnOnce()) -> isize {
    let before = TAKEN.get();
    body();
    TAKEN.get() - before
}

/// Everything that can be made from a context and gone again.
fn short_lived(ctx: &Context) {
    let (child, cancel) = with_cancel(ctx);
    let (grandchild, _cancel) = with_timeout(&with_value(&child, 7), Duration::from_secs(3600));
    drop((child.done(), grandchild.done()));
    let stop = after_func(&grandchild, async {});
    assert!(stop.stop());
    drop(CancellationToken::from(&child));
    cancel.cancel();
    assert!(grandchild.err().is_some());
}

#[test]
fn t33_a_hundred_thousand_short_lived_children_leave_memory_flat() {
    Builder::new_current_thread().start_paused(true).build().unwrap().block_on(async {
        let (ctx, _cancel) = with_cancel(&background());
        // What is made once, and kept for the next.
        (0..100).for_each(|_| short_lived(&ctx));
        assert_eq!(left_by(|| (0..100_000).for_each(|_| short_lived(&ctx))), 0);
    });
}

#[test]
fn t33_a_hundred_thousand_children_at_once_give_their_memory_back() {
    let (ctx, _cancel) = with_cancel(&background());
    for in_order in [false, true] {
        let left = left_by(|| {
            let mut children: Vec<_> = (0..100_000).map(|_| with_cancel(&ctx)).collect();
            if !in_order {
                children.reverse();
            }
            drop(children);
        });
        assert!(left < 4096, "{left} bytes are kept");
    }
}

#[test]
fn t33_a_child_of_a_child_goes_when_its_parent_is_cancelled() {
    let (ctx, _cancel) = with_cancel(&background());
    drop(with_cancel(&ctx));
    for parent_first in [false, true] {
        let left = left_by(|| {
            let (child, cancel_child) = with_cancel(&ctx);
            let (grandchild, cancel_grandchild) = with_cancel(&child);
            if parent_first {
                cancel_child.cancel();
                drop((child, cancel_child));
                assert!(grandchild.err().is_some());
            } else {
                cancel_grandchild.cancel();
                drop((child, cancel_child));
            }
            drop((grandchild, cancel_grandchild));
        });
        assert_eq!(left, 0);
    }
}

#[test]
fn t33_detached_contexts_go_when_nothing_can_end_them() {
    let left = left_by(|| {
        let (ctx, cancel) = with_cancel(&background());
        let (child, cancel_child) = with_cancel(&ctx);
        let (grandchild, cancel_grandchild) = with_cancel(&child);
        drop(after_func(&grandchild, async { unreachable!() }));
        drop((ctx.done(), child.done()));
        cancel_child.detach();
        cancel.detach();
        // Made of one that nobody can end any more.
        with_cancel(&child).1.detach();
        cancel_grandchild.detach();
    });
    assert_eq!(left, 0);
}

/// A chain this long would overflow any stack with a frame for each.
const DEEP: usize = 1_000_000;

fn deep(from: &Context) -> Vec<(Context, Cancel)> {
    let mut chain = vec![with_cancel(from)];
    for i in 1..DEEP {
        let parent = &chain[i - 1].0;
        let next =
            if i % 8 == 0 { with_cancel(&with_value(parent, i)) } else { with_cancel(parent) };
        chain.push(next);
    }
    chain
}

#[test]
fn t33_a_chain_of_a_million_is_cancelled_from_the_top_and_dropped() {
    let left = left_by(|| {
        let chain = deep(&background());
        chain[0].1.cancel_with("top");
        for (ctx, _) in chain.iter().step_by(DEEP / 100) {
            assert_eq!(ctx.cause().unwrap().to_string(), "top");
        }
        assert!(chain[DEEP - 1].0.err().is_some());
    });
    assert_eq!(left, 0);
}

#[test]
fn t33_a_chain_of_a_million_is_dropped_by_its_last_handle() {
    let left = left_by(|| {
        let mut chain = deep(&background());
        let (last, _cancel) = chain.pop().unwrap();
        drop(chain);
        assert!(last.err().is_some());
    });
    assert_eq!(left, 0);
    // Of values, and of contexts that were detached.
    let left = left_by(|| {
        let mut ctx = background();
        for i in 0..DEEP {
            ctx = with_value(&ctx, i);
        }
        assert_eq!(ctx.value(), Some(&(DEEP - 1)));
        let (first, cancel) = with_cancel(&ctx);
        let mut ctx = first;
        for _ in 0..DEEP {
            let (next, cancel) = with_cancel(&ctx);
            cancel.detach();
            ctx = next;
        }
        cancel.detach();
    });
    assert_eq!(left, 0);
}
