//! The processor: what a worker owns and others may look at. Go's P.
//!
//! A processor belongs to one thread for ever; a thread that gets stuck keeps it, and thieves empty
//! it. Tasks that overflow its ring stay with it until somebody has nothing else to do: what they use is
//! in its cache. `next` is the slot for the task that was woken last: it runs before the ring, while what it
//! was handed is still in the cache, and thieves leave it alone unless its worker is stuck.

#![expect(unsafe_code, reason = "the current record is kept by address")]

use super::chains::Chains;
use super::ring::{Item, Ring};
use crate::reactor::Driver;
use crate::sys::park::Parker;
use crate::sys::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering, fence,
};
use crate::sys::thread::{Activity, Tid};
use crate::wait::record::Record;
use std::ptr;

/// What a worker is to its runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// It runs goroutines, and counts against GOMAXPROCS.
    Active = 0,
    /// It was found stuck inside a poll; another one took its place.
    Abandoned = 1,
    /// It waits to take a place.
    Spare = 2,
}

/// See the module documentation.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Processor {
    pub(crate) ring: Ring,
    /// What overflowed the ring; the owner pushes, anybody takes.
    pub(crate) spill: Chains,
    // Ordering: Relaxed: a look; the exchange decides who gets the task.
    next: AtomicPtr<()>,
    /// The goroutine that is being polled; stays until the next one.
    current: AtomicPtr<Record>,
    /// Odd while a task is being polled, even between polls.
    // Ordering: Relaxed: only its changes count. Whoever takes a worker for stuck that is not takes a
    // task from it that it could have run itself.
    tick: AtomicU32,
    /// The tick at which the monitor saw the worker stuck; compared with `tick`.
    // Ordering: Relaxed: as for `tick`.
    stalled_at: AtomicU32,
    // Ordering: Relaxed: changes under the lock of `Shared::spares`. The worker itself looks when it is
    // told to, by `call_attention` or by its parker, and when it wakes somebody: if that is too early to see, the
    // monitor will find what it has queued. To the others it is a hint, as `tick` is.
    status: AtomicU8,
    /// Something happened that the worker has to look at between two polls.
    // Ordering: Relaxed: a look; `take_attention` follows.
    attention: AtomicBool,
    /// The worker's thread; 0 if it is not known.
    // Ordering: Relaxed: nothing stands behind the number.
    thread: AtomicI32,
    /// Goroutines started and ended by this worker.
    // Ordering: Relaxed: the worker reads what it wrote itself.
    started: AtomicU64,
    // Ordering: Relaxed: as for `started`.
    ended: AtomicU64,
    /// How often the worker went to sleep.
    // Ordering: Relaxed: written by the worker only, for statistics.
    parks: AtomicU64,
    pub(crate) parker: Parker,
    /// The worker waits, or is about to wait, inside the driver instead of on `parker`.
    // Ordering: Relaxed: ordered with the parker's token by the fences in `unpark` and `enter_driver`.
    // Whoever finds it still set interrupts the driver once too often.
    in_driver: AtomicBool,
}

impl Processor {
    pub(crate) fn new() -> Self {
        Self {
            ring: Ring::new(),
            spill: Chains::new(),
            next: AtomicPtr::new(ptr::null_mut()),
            current: AtomicPtr::new(ptr::null_mut()),
            tick: AtomicU32::new(0),
            stalled_at: AtomicU32::new(0),
            status: AtomicU8::new(Status::Active as u8),
            attention: AtomicBool::new(false),
            thread: AtomicI32::new(0),
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            parks: AtomicU64::new(0),
            parker: Parker::new(),
            in_driver: AtomicBool::new(false),
        }
    }

    // ----- the next slot

    /// Puts a task into the next slot; owner only. Returns the one it displaces.
    #[inline]
    pub(crate) fn put_next(&self, item: Item) -> Option<Item> {
        if self.next.load(Ordering::Relaxed).is_null() {
            // Only the owner fills the slot, so it is still empty.
            // Ordering: Release pairs with the Acquire in `take_next` of a thief.
            self.next.store(item.as_ptr(), Ordering::Release);
            return None;
        }
        // Ordering: Release as above; Acquire is not needed for what the owner put there itself.
        Item::new(self.next.swap(item.as_ptr(), Ordering::Release))
    }

    /// Empties the next slot; anybody.
    #[inline]
    pub(crate) fn take_next(&self) -> Option<Item> {
        if self.next.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Ordering: Acquire pairs with the Release in `put_next`.
        Item::new(self.next.swap(ptr::null_mut(), Ordering::Acquire))
    }

    pub(crate) fn has_next(&self) -> bool {
        !self.next.load(Ordering::Relaxed).is_null()
    }

    // ----- all that is queued

    /// Whether anything is queued here.
    pub(crate) fn has_work(&self) -> bool {
        self.has_next() || self.ring.len() > 0 || !self.spill.is_empty()
    }

    /// Whether anything is queued that another worker may take.
    pub(crate) fn offers_work(&self) -> bool {
        self.ring.len() > 0 || !self.spill.is_empty() || (self.has_next() && self.is_stalled())
    }

    // ----- polls, and being stuck in one

    #[inline]
    pub(crate) fn start_poll(&self, record: Option<&'static Record>) {
        let record = record.map_or(ptr::null_mut(), |r| ptr::from_ref(r).cast_mut());
        // Ordering: Release pairs with the Acquire in `current`, for the chunk of memory that a new
        // record is in.
        self.current.store(record, Ordering::Release);
        self.tick.store(self.tick.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn end_poll(&self) {
        self.tick.store(self.tick.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// The poll number, odd while a poll is under way.
    pub(crate) fn tick(&self) -> u32 {
        self.tick.load(Ordering::Relaxed)
    }

    /// Whether a poll is under way.
    pub(crate) fn is_polling(&self) -> bool {
        self.tick() % 2 == 1
    }

    /// The goroutine that the worker polls, or polled last.
    pub(crate) fn current(&self) -> Option<&'static Record> {
        // Ordering: Acquire pairs with the Release in `start_poll`.
        let record = self.current.load(Ordering::Acquire);
        // SAFETY: only ever written from a `&'static Record` or null.
        unsafe { record.as_ref() }
    }

    /// Notes that the calling thread is the worker's.
    pub(crate) fn bind_thread(&self) {
        let tid = Tid::current().map_or(0, Tid::as_raw);
        self.thread.store(tid, Ordering::Relaxed);
    }

    /// What the worker's thread is doing, if the system tells.
    pub(crate) fn activity(&self) -> Option<Activity> {
        Tid::from_raw(self.thread.load(Ordering::Relaxed))?.activity()
    }

    /// Allows thieves to take the next slot until the worker moves on.
    pub(crate) fn mark_stalled(&self, tick: u32) {
        self.stalled_at.store(tick, Ordering::Relaxed);
    }

    /// Whether thieves may take the next slot: the worker will not come to it soon.
    pub(crate) fn is_stalled(&self) -> bool {
        let tick = self.tick();
        tick % 2 == 1
            && (self.status() == Status::Abandoned
                || self.stalled_at.load(Ordering::Relaxed) == tick)
    }

    pub(crate) fn status(&self) -> Status {
        match self.status.load(Ordering::Relaxed) {
            0 => Status::Active,
            1 => Status::Abandoned,
            _ => Status::Spare,
        }
    }

    pub(crate) fn set_status(&self, status: Status) {
        self.status.store(status as u8, Ordering::Relaxed);
    }

    /// Makes the worker look at its status and its runtime's phase after the current poll.
    pub(crate) fn call_attention(&self) {
        // Ordering: Release pairs with the Acquire in `take_attention`.
        self.attention.store(true, Ordering::Release);
    }

    #[inline]
    pub(crate) fn has_attention(&self) -> bool {
        self.attention.load(Ordering::Relaxed)
    }

    pub(crate) fn take_attention(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `call_attention`.
        self.attention.swap(false, Ordering::Acquire)
    }

    // ----- counters

    #[inline]
    pub(crate) fn count_start(&self) {
        // Ordering: Release pairs with the Acquire in `started`: whoever sees a goroutine's end
        // counted sees its start counted, even if they were counted by different workers.
        self.started.store(self.started.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    #[inline]
    pub(crate) fn count_end(&self) {
        // Ordering: as in `count_start`.
        self.ended.store(self.ended.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    pub(crate) fn started(&self) -> u64 {
        // Ordering: Acquire pairs with the Release in `count_start`.
        self.started.load(Ordering::Acquire)
    }

    pub(crate) fn ended(&self) -> u64 {
        // Ordering: Acquire pairs with the Release in `count_end`.
        self.ended.load(Ordering::Acquire)
    }

    // ----- sleeping

    pub(crate) fn count_park(&self) {
        self.parks.store(self.parks.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(crate) fn parks(&self) -> u64 {
        self.parks.load(Ordering::Relaxed)
    }

    /// Wakes the worker, wherever it waits.
    pub(crate) fn unpark(&self, driver: &Driver) {
        self.parker.unpark();
        // Ordering: pairs with the fence in `enter_driver`: either the worker sees the token or
        // this load sees that it waits in the driver.
        fence(Ordering::SeqCst);
        if self.in_driver.load(Ordering::Relaxed) {
            driver.interrupt();
        }
    }

    /// The worker is about to wait in the driver. Returns false if it has been unparked already.
    pub(crate) fn enter_driver(&self) -> bool {
        self.in_driver.store(true, Ordering::Relaxed);
        // Ordering: pairs with the fence in `unpark`.
        fence(Ordering::SeqCst);
        if self.parker.take_token() {
            self.leave_driver();
            return false;
        }
        true
    }

    pub(crate) fn leave_driver(&self) {
        self.in_driver.store(false, Ordering::Relaxed);
    }
}
