//! The local run queue: a bounded ring that its owner pushes to and anybody takes from.
//!
//! `head` and `tail` count for ever (modulo 2^32); `tail - head` items are queued, oldest first.
//!
//! Invariants:
//! * R1. Only the owner writes slots and `tail`. A slot is written only while it is outside of
//!   `head..tail`.
//! * R2. Whoever moves `head` past an item, by a compare-exchange, owns the item. Nobody else has
//!   used what it read from the slot.
//!
//! Thieves read slots before they know whether they may: slots are atomic, and a read that lost the
//! race for `head` is thrown away. The scheme is that of Go's `runqput`/`runqgrab`
//! (<https://go.dev/src/runtime/proc.go>).

#![expect(unsafe_code, reason = "items cross threads as raw pointers")]

use crate::sys::prefetch::prefetch;
use crate::sys::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use crate::sys::sync::spin_loop;
use std::ptr::{self, NonNull};

/// Items a ring holds; few in a model, so that it wraps around and overflows.
pub(crate) const CAPACITY: u32 = if crate::sys::MODEL { 4 } else { 256 };

/// What the queues carry: the raw form of a runnable task, which is to be used once; in a model, any
/// address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Item(pub(crate) NonNull<()>);

// SAFETY: an item stands for a `Runnable`, which is `Send`.
unsafe impl Send for Item {}
// SAFETY: nothing can be done with a reference to an item but copying it; `Runnable` is `Sync` too.
unsafe impl Sync for Item {}

impl Item {
    #[inline]
    pub(crate) fn as_ptr(self) -> *mut () {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn new(ptr: *mut ()) -> Option<Self> {
        NonNull::new(ptr).map(Self)
    }
}

/// See the module documentation.
#[derive(Debug)]
pub(crate) struct Ring {
    head: AtomicU32,
    // Ordering: Relaxed: for the owner, the only one who writes it (R1).
    tail: AtomicU32,
    slots: [AtomicPtr<()>; CAPACITY as usize],
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self::starting_at(0)
    }

    /// A ring whose counters are at `count`, as after much use.
    pub(super) fn starting_at(count: u32) -> Self {
        let slots = std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut()));
        Self { head: AtomicU32::new(count), tail: AtomicU32::new(count), slots }
    }

    #[inline]
    fn slot(&self, index: u32) -> &AtomicPtr<()> {
        &self.slots[(index % CAPACITY) as usize]
    }

    /// How many items are queued, as far as the caller can tell.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        // Ordering: Relaxed: an old `head` makes the number too great, and a thief looks again.
        let head = self.head.load(Ordering::Relaxed);
        // Ordering: Acquire pairs with the Release in `push`, for callers that look before they
        // steal.
        self.tail.load(Ordering::Acquire).wrapping_sub(head).min(CAPACITY)
    }

    /// Adds an item; owner only. When the ring is full, hands out the older half and the item.
    #[inline]
    pub(crate) fn push(&self, item: Item) -> Result<(), Vec<Item>> {
        let tail = self.tail.load(Ordering::Relaxed);
        loop {
            // Ordering: Acquire pairs with the Release on `head` in `pop` and `steal_into`: their
            // reads of a slot come before our write to it.
            let head = self.head.load(Ordering::Acquire);
            if tail.wrapping_sub(head) < CAPACITY {
                // Ordering: Release pairs with the Acquire on `tail` in `steal_into`: it publishes
                // the slot, which is therefore stored Relaxed, and the task behind it.
                self.slot(tail).store(item.as_ptr(), Ordering::Relaxed);
                self.tail.store(tail.wrapping_add(1), Ordering::Release);
                return Ok(());
            }
            if let Some(half) = self.take_half(head, item) {
                return Err(half);
            }
        }
    }

    #[cold]
    fn take_half(&self, head: u32, last: Item) -> Option<Vec<Item>> {
        let half = CAPACITY / 2;
        let mut items = Vec::with_capacity(half as usize + 1);
        items.extend((0..half).filter_map(|i| self.read(head.wrapping_add(i))));
        self.claim(head, half).then(|| {
            items.push(last);
            items
        })
    }

    /// Takes the oldest item; owner only.
    #[inline]
    pub(crate) fn pop(&self) -> Option<Item> {
        let tail = self.tail.load(Ordering::Relaxed);
        loop {
            // Ordering: Relaxed: the owner wrote the slots itself (R1).
            let head = self.head.load(Ordering::Relaxed);
            if head == tail {
                return None;
            }
            let item = self.read(head);
            if self.claim(head, 1) {
                self.prefetch(head.wrapping_add(1), tail);
                return item;
            }
        }
    }

    /// Asks for the task at `index`, which probably is the next to run, so that it is there by then. It is no use of
    /// the item (R2): if another one takes it, or ends it, nothing has happened.
    #[inline]
    fn prefetch(&self, index: u32, tail: u32) {
        if crate::sys::MODEL || index == tail {
            return;
        }
        if let Some(Item(task)) = self.read(index) {
            prefetch(task.as_ptr());
        }
    }

    /// Moves the older half of the items (rounded up) to `into`, which the caller owns, except for
    /// one that is returned to be run at once.
    pub(crate) fn steal_into(&self, into: &Ring) -> Option<Item> {
        let end = into.tail.load(Ordering::Relaxed);
        loop {
            // Ordering: Acquire, so that `tail` below is read after `head` and is not older.
            let head = self.head.load(Ordering::Acquire);
            // Ordering: Acquire pairs with the Release in `push`.
            let queued = self.tail.load(Ordering::Acquire).wrapping_sub(head);
            let take = queued - queued / 2;
            if take == 0 {
                return None;
            }
            if take > CAPACITY / 2 {
                // `head` moved between the two reads.
                spin_loop();
                continue;
            }
            // Ordering: Acquire, as on `head` in `push`: we are going to write these slots.
            let room = CAPACITY - end.wrapping_sub(into.head.load(Ordering::Acquire));
            let take = take.min(room + 1);
            for i in 1..take {
                // R1 for `into`: these slots lie behind its tail.
                // Ordering: Relaxed: as in `read`; the Release below publishes the copies.
                let item = self.slot(head.wrapping_add(i)).load(Ordering::Relaxed);
                into.slot(end.wrapping_add(i - 1)).store(item, Ordering::Relaxed);
            }
            let first = self.read(head);
            if self.claim(head, take) {
                // Ordering: Release as in `push`.
                into.tail.store(end.wrapping_add(take - 1), Ordering::Release);
                return first;
            }
        }
    }

    /// Copies an item that is the caller's if it moves `head` past it (R2).
    #[inline]
    fn read(&self, index: u32) -> Option<Item> {
        // Ordering: Relaxed: the Acquire on `tail` comes before it (or the owner wrote the slot itself);
        // if the slot was written again since, `head` has moved, and the claim fails.
        Item::new(self.slot(index).load(Ordering::Relaxed))
    }

    /// Moves `head` past `count` items; true makes the caller their owner (R2).
    #[inline]
    fn claim(&self, head: u32, count: u32) -> bool {
        // Ordering: Release pairs with the Acquire on `head` in `push`; Acquire on success is for
        // whoever claims after us and so sees at least what we saw.
        self.head
            .compare_exchange(head, head.wrapping_add(count), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        debug_assert!(self.pop().is_none(), "a ring was dropped with tasks in it");
    }
}

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;

    const FULL: usize = CAPACITY as usize;

    fn item(n: usize) -> Item {
        Item::new(ptr::without_provenance_mut(n * 8 + 8)).unwrap()
    }

    fn drain(ring: &Ring) -> Vec<Item> {
        std::iter::from_fn(|| ring.pop()).collect()
    }

    #[test]
    fn items_leave_in_the_order_they_came() {
        let ring = Ring::new();
        for n in 0..10 {
            ring.push(item(n)).unwrap();
        }
        assert_eq!(drain(&ring), (0..10).map(item).collect::<Vec<_>>());
    }

    #[test]
    fn overflow_hands_out_the_older_half_and_the_new_item() {
        let ring = Ring::new();
        for n in 0..FULL {
            ring.push(item(n)).unwrap();
        }
        let out = ring.push(item(FULL)).unwrap_err();
        let expected: Vec<_> = (0..FULL / 2).chain([FULL]).map(item).collect();
        assert_eq!(out, expected);
        assert_eq!(drain(&ring), (FULL / 2..FULL).map(item).collect::<Vec<_>>());
    }

    #[test]
    fn a_thief_takes_the_older_half_rounded_up_and_runs_the_first() {
        let (victim, thief) = (Ring::new(), Ring::new());
        for n in 0..5 {
            victim.push(item(n)).unwrap();
        }
        assert_eq!(victim.steal_into(&thief), Some(item(0)));
        assert_eq!(drain(&thief), [item(1), item(2)]);
        assert_eq!(drain(&victim), [item(3), item(4)]);
        assert_eq!(victim.steal_into(&thief), None);
    }

    #[test]
    fn a_full_ring_loses_half_to_a_thief_and_both_wrap_around() {
        let (victim, thief) = (Ring::new(), Ring::new());
        for round in 0..9 {
            for n in 0..FULL {
                victim.push(item(round * FULL + n)).unwrap();
            }
            let mut all = vec![victim.steal_into(&thief).unwrap()];
            all.extend(drain(&thief));
            assert_eq!(all.len(), FULL / 2);
            all.extend(drain(&victim));
            assert_eq!(all, (0..FULL).map(|n| item(round * FULL + n)).collect::<Vec<_>>());
        }
    }
}
