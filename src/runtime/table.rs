//! All runtimes of the process, by index: what a task stores instead of a pointer.
//!
//! A slot holds one strong reference while its runtime may still have tasks: until it is shut down and
//! all of its goroutines, its threads and the jobs of its pool have ended. Whoever looks a runtime up has
//! one of those goroutines, or polls one of those jobs, so the slot is filled. (A job that comes later is
//! refused, and looks nothing up.)

#![expect(unsafe_code, reason = "slots hold raw references")]

use super::shared::Shared;
use std::ptr;
use std::sync::Arc;
// Not the shim's: a static, which loom's types cannot be; no model comes here.
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

static RUNTIMES: [AtomicPtr<Shared>; 1 << 16] =
    [const { AtomicPtr::new(ptr::null_mut()) }; 1 << 16];
/// Where to start the search for a free slot.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Finds a free slot. Two callers never get one index: they would have to be 65,536 calls apart.
///
/// # Panics
///
/// If all slots are taken.
pub(crate) fn reserve() -> u16 {
    for _ in 0..RUNTIMES.len() {
        // Ordering: Relaxed: every caller gets its own number, and that is all.
        let index = (NEXT.fetch_add(1, Ordering::Relaxed) & 0xffff) as u16;
        // Ordering: Relaxed: nobody but the caller fills the slot now, see above.
        if RUNTIMES[usize::from(index)].load(Ordering::Relaxed).is_null() {
            return index;
        }
    }
    panic!("more than {} runtimes at the same time", RUNTIMES.len());
}

/// Fills a reserved slot.
pub(crate) fn insert(index: u16, shared: Arc<Shared>) {
    // Ordering: Release pairs with the Acquire in `find`.
    RUNTIMES[usize::from(index)].store(Arc::into_raw(shared).cast_mut(), Ordering::Release);
}

/// Takes `shared` out of its slot, if it is there: no task of it is alive. Later the slot may be
/// another one's.
pub(crate) fn remove(shared: &Shared) {
    let own = ptr::from_ref(shared).cast_mut();
    let slot = &RUNTIMES[usize::from(shared.index())];
    // Ordering: Relaxed: the caller has the runtime, so there is nothing to be acquired; and the drop
    // of a reference orders itself.
    let taken = slot.compare_exchange(own, ptr::null_mut(), Ordering::Relaxed, Ordering::Relaxed);
    if let Ok(raw) = taken {
        // SAFETY: `insert` put the reference into the slot and the exchange gives it to one caller.
        drop(unsafe { Arc::from_raw(raw) });
    }
}

/// The runtime in a slot. The caller has a task of it that has not ended.
///
/// # Panics
///
/// If the slot is empty.
pub(crate) fn find(index: u16) -> Arc<Shared> {
    // Ordering: Acquire pairs with the Release in `insert`.
    let raw = RUNTIMES[usize::from(index)].load(Ordering::Acquire).cast_const();
    assert!(!raw.is_null(), "a live task without a runtime");
    // SAFETY: the slot's own reference keeps the count above zero while a task is alive.
    unsafe { Arc::increment_strong_count(raw) };
    // SAFETY: the count was raised for this reference.
    unsafe { Arc::from_raw(raw) }
}
