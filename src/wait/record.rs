//! The goroutine's public face: a record of who it is and what it waits for.
//!
//! Records are *type-stable*: they live in chunks that are never freed, and a record that lost its
//! goroutine is used again for the next one. Any thread may therefore read any record at any time
//! (a dump, a channel that asks whether a waiter was polled since), without a lock and without
//! slowing the goroutine down. What it reads may be about to change; whether two reads belong to one
//! goroutine is told by the number, [`Record::id`], before and after ([`Record::is_still`]).
//!
//! Fields are written by one party only: by the spawner before the goroutine is published, by the
//! thread that polls it while it runs, and by the thread that ends it. All of these are plain
//! stores. The exception is [`Record::take_own_reference`], which the end of the goroutine and the
//! shutdown of its runtime compete for.

#![expect(unsafe_code, reason = "records are shared by address and take wakers apart")]

use crate::sys::MODEL;
use crate::sys::clock::Nanos;
use crate::sys::prefetch::prefetch;
use crate::sys::sync::atomic::{AtomicPtr, AtomicU16, AtomicU32, AtomicU64, Ordering, fence};
use crate::sys::sync::{StaticMutex, thread_local};
use std::cell::Cell;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// Why a goroutine does not run, in Go's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum WaitReason {
    /// Not a goroutine: the record is free.
    None = 0,
    /// It is being polled.
    Running,
    /// It waits for its turn to be polled.
    Runnable,
    /// It returned `Pending` from a future that gort knows nothing about.
    Waiting,
    /// It sends on a channel.
    ChanSend,
    /// It receives from a channel.
    ChanReceive,
    /// It sends on a nil channel.
    ChanSendNil,
    /// It receives from a nil channel.
    ChanReceiveNil,
    /// It waits in a `select!`.
    Select,
    /// It waits in a `select!` without cases.
    SelectNoCases,
    /// It sleeps.
    Sleep,
    /// It waits for a socket or another descriptor.
    IoWait,
    /// It waits for a `Mutex`.
    MutexLock,
    /// It waits to read-lock a `RwLock`.
    RwLockRLock,
    /// It waits to write-lock a `RwLock`.
    RwLockLock,
    /// It waits for a `WaitGroup`.
    WaitGroupWait,
    /// It waits on a `Cond`.
    CondWait,
    /// It waits for a semaphore.
    SemAcquire,
    /// It waits for another goroutine to end.
    Join,
}

impl WaitReason {
    const ALL: [WaitReason; 19] = [
        WaitReason::None,
        WaitReason::Running,
        WaitReason::Runnable,
        WaitReason::Waiting,
        WaitReason::ChanSend,
        WaitReason::ChanReceive,
        WaitReason::ChanSendNil,
        WaitReason::ChanReceiveNil,
        WaitReason::Select,
        WaitReason::SelectNoCases,
        WaitReason::Sleep,
        WaitReason::IoWait,
        WaitReason::MutexLock,
        WaitReason::RwLockRLock,
        WaitReason::RwLockLock,
        WaitReason::WaitGroupWait,
        WaitReason::CondWait,
        WaitReason::SemAcquire,
        WaitReason::Join,
    ];

    fn from_byte(byte: u8) -> Self {
        Self::ALL.get(usize::from(byte)).copied().unwrap_or(WaitReason::None)
    }

    /// Go's text for it.
    pub fn as_str(self) -> &'static str {
        match self {
            WaitReason::None => "idle",
            WaitReason::Running => "running",
            WaitReason::Runnable => "runnable",
            WaitReason::Waiting => "waiting",
            WaitReason::ChanSend => "chan send",
            WaitReason::ChanReceive => "chan receive",
            WaitReason::ChanSendNil => "chan send (nil chan)",
            WaitReason::ChanReceiveNil => "chan receive (nil chan)",
            WaitReason::Select => "select",
            WaitReason::SelectNoCases => "select (no cases)",
            WaitReason::Sleep => "sleep",
            WaitReason::IoWait => "IO wait",
            WaitReason::MutexLock => "sync.Mutex.Lock",
            WaitReason::RwLockRLock => "sync.RWMutex.RLock",
            WaitReason::RwLockLock => "sync.RWMutex.Lock",
            WaitReason::WaitGroupWait => "sync.WaitGroup.Wait",
            WaitReason::CondWait => "sync.Cond.Wait",
            WaitReason::SemAcquire => "semacquire",
            WaitReason::Join => "join",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One goroutine, as everybody may see it. One cache line.
// Ordering: Relaxed: each field has one writer at a time, and what others read may be about to change.
// `id` is what orders: see `publish`, `id` and `is_still`. Locations are static, whenever one was read.
#[repr(align(64))]
pub(crate) struct Record {
    /// The goroutine's number in its runtime, from 1; 0 while the record is free.
    id: AtomicU64,
    /// Data of the waker that is the goroutine's reference to itself; null once taken.
    task: AtomicPtr<()>,
    /// Vtable that belongs to `task`.
    vtable: AtomicPtr<RawWakerVTable>,
    /// Number of the goroutine that started this one; 0 if none did.
    parent: AtomicU64,
    /// Where it was started.
    created: AtomicPtr<Location<'static>>,
    /// Where it waits; null while it does not.
    site: AtomicPtr<Location<'static>>,
    /// Labels, local set, bubble: what few goroutines have. Null for the others.
    extra: AtomicPtr<()>,
    /// Begins and ends of its polls, modulo 2^16: odd while it is being polled.
    polls: AtomicU16,
    /// Index of its runtime.
    runtime: AtomicU16,
    /// Wait reason in the low byte, seconds on the runtime's clock (modulo 2^24) above it.
    stamp: AtomicU32,
}

const _: () = assert!(MODEL || size_of::<Record>() == 64, "a record is one cache line");

impl Record {
    /// `N` free records that live for ever.
    pub(super) fn leaked<const N: usize>() -> &'static [Self; N] {
        Box::leak(Box::new(std::array::from_fn(|_| Self::vacant())))
    }

    fn vacant() -> Self {
        Self {
            id: AtomicU64::new(0),
            task: AtomicPtr::new(ptr::null_mut()),
            vtable: AtomicPtr::new(ptr::null_mut()),
            parent: AtomicU64::new(0),
            created: AtomicPtr::new(ptr::null_mut()),
            site: AtomicPtr::new(ptr::null_mut()),
            extra: AtomicPtr::new(ptr::null_mut()),
            polls: AtomicU16::new(0),
            runtime: AtomicU16::new(0),
            stamp: AtomicU32::new(0),
        }
    }

    /// The goroutine's number; 0 when the record is free.
    pub(crate) fn id(&self) -> u64 {
        // Ordering: Acquire pairs with the Release in `publish`: the fields of that goroutine are
        // visible to whoever sees its number.
        self.id.load(Ordering::Acquire)
    }

    /// Whether what has just been read belongs to goroutine `id`, whose number was read before it.
    pub(super) fn is_still(&self, id: u64) -> bool {
        // Ordering: the fence keeps the number behind the reads. It pairs with the one in `publish`:
        // whoever read a field of a later goroutine sees that `id` has gone.
        fence(Ordering::Acquire);
        // Ordering: Acquire, as in `id`: another goroutine may have the same number.
        self.id.load(Ordering::Acquire) == id
    }

    /// The number of the goroutine that started this one; 0 if none did.
    pub(crate) fn parent(&self) -> u64 {
        self.parent.load(Ordering::Relaxed)
    }

    /// Index of the goroutine's runtime.
    pub(crate) fn runtime(&self) -> u16 {
        self.runtime.load(Ordering::Relaxed)
    }

    /// How often a poll of it began or ended, modulo 2^16: odd while it is being polled.
    pub(crate) fn polls(&self) -> u16 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Where the goroutine was started.
    pub(crate) fn created(&self) -> Option<&'static Location<'static>> {
        // SAFETY: only ever written from `&'static Location` (or null), see `publish`.
        unsafe { self.created.load(Ordering::Relaxed).as_ref() }
    }

    /// Where it waits.
    pub(crate) fn site(&self) -> Option<&'static Location<'static>> {
        // SAFETY: only ever written from `&'static Location` (or null), see `park` and `start_poll`.
        unsafe { self.site.load(Ordering::Relaxed).as_ref() }
    }

    /// What it waits for, and since when (seconds on the runtime's clock, modulo 2^24).
    pub(crate) fn reason(&self) -> (WaitReason, u32) {
        let stamp = self.stamp.load(Ordering::Relaxed);
        (WaitReason::from_byte((stamp & 0xff) as u8), stamp >> 8)
    }

    /// What it waits for, unless it is being polled, whatever it has said in that poll.
    pub(crate) fn waits_for(&self) -> WaitReason {
        if self.polls() % 2 == 0 { self.reason().0 } else { WaitReason::Running }
    }

    fn stamp(&self, reason: WaitReason, seconds: u32) {
        self.stamp.store((seconds << 8) | reason as u32, Ordering::Relaxed);
    }

    /// Whether the goroutine is not being polled, and its last word in its last poll was that it waits at `site` for
    /// `reason`: most likely it will look there first when it is woken.
    pub(crate) fn is_parked(&self, reason: WaitReason, site: &'static Location<'static>) -> bool {
        self.polls() % 2 == 0
            && self.reason().0 == reason
            && ptr::eq(self.site.load(Ordering::Relaxed), site)
    }

    /// Gives the record to a goroutine. `own` is the goroutine's reference to itself; it keeps the
    /// task alive until [`take_own_reference`](Self::take_own_reference).
    pub(crate) fn publish(
        &self,
        id: u64,
        parent: u64,
        runtime: u16,
        created: &'static Location<'static>,
        own: Waker,
    ) {
        debug_assert_eq!(self.id.load(Ordering::Relaxed), 0, "the record belongs to a goroutine");
        let own = ManuallyDrop::new(own);
        // Ordering: the fence pairs with the one in `is_still`: it keeps the free record's number 0 in
        // front of the new fields.
        fence(Ordering::Release);
        self.vtable.store(ptr::from_ref(own.vtable()).cast_mut(), Ordering::Relaxed);
        // Ordering: Release pairs with the Acquire in `take_own_reference`, for `vtable`: a shutdown
        // may have seen the number of the goroutine before this one.
        self.task.store(own.data().cast_mut(), Ordering::Release);
        self.parent.store(parent, Ordering::Relaxed);
        self.runtime.store(runtime, Ordering::Relaxed);
        self.created.store(ptr::from_ref(created).cast_mut(), Ordering::Relaxed);
        self.site.store(ptr::null_mut(), Ordering::Relaxed);
        self.extra.store(ptr::null_mut(), Ordering::Relaxed);
        self.stamp(WaitReason::Runnable, 0);
        // Ordering: Release pairs with the Acquire in `id`.
        self.id.store(id, Ordering::Release);
    }

    /// Drops the goroutine's reference to itself, at the end of the goroutine, before the record is free
    /// for another one.
    pub(crate) fn drop_own_reference(&self) {
        self.drop_own_reference_or(|| drop(ARENA.lock()));
    }

    /// The same; `wait` returns when no shutdown is taking references any more. One that has this
    /// goroutine's may have read but half of it.
    pub(super) fn drop_own_reference_or(&self, wait: impl FnOnce()) {
        match self.take_own_reference() {
            Some(own) => drop(own),
            None => wait(),
        }
    }

    /// Takes the goroutine's reference to itself; the first caller gets it.
    ///
    /// The end of the goroutine takes it to drop it; a shutdown takes it to make the goroutine
    /// runnable one last time. The record stays with the goroutine meanwhile.
    pub(super) fn take_own_reference(&self) -> Option<Waker> {
        // Ordering: Acquire pairs with the Release in `publish`, for `vtable`.
        let data = self.task.swap(ptr::null_mut(), Ordering::Acquire);
        if data.is_null() {
            return None;
        }
        let vtable = self.vtable.load(Ordering::Relaxed).cast_const();
        // SAFETY: `publish` stored the address of a `&'static RawWakerVTable`.
        let vtable: &'static RawWakerVTable = unsafe { &*vtable };
        // SAFETY: `publish` took the two apart from one waker, without dropping it, and the swap
        // above gives them to one caller only.
        Some(unsafe { Waker::from_raw(RawWaker::new(data, vtable)) })
    }

    /// A waker of goroutine `id` of `runtime`, if the record is still its own. The caller keeps the
    /// task's memory alive.
    pub(crate) fn waker_of(&self, id: u64, runtime: u16) -> Option<Waker> {
        let data = self.task.load(Ordering::Relaxed);
        let vtable = self.vtable.load(Ordering::Relaxed).cast_const();
        // Every runtime has a goroutine of that number, so the number alone does not tell.
        if data.is_null() || !self.is_still(id) || self.runtime() != runtime {
            return None;
        }
        // SAFETY: as in `take_own_reference`.
        let vtable: &'static RawWakerVTable = unsafe { &*vtable };
        // SAFETY: both parts belong to the task of goroutine `id`, which the caller keeps alive.
        let borrowed = ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(data, vtable)) });
        Some(Waker::clone(&borrowed))
    }

    /// Whether `waker` is the goroutine's own. For the thread that polls it.
    pub(crate) fn is_own_waker(&self, waker: &Waker) -> bool {
        ptr::eq(self.task.load(Ordering::Relaxed), waker.data())
            && ptr::eq(self.vtable.load(Ordering::Relaxed), waker.vtable())
    }

    /// Takes the record back from a goroutine that has ended.
    pub(super) fn vacate(&self) {
        self.stamp(WaitReason::None, 0);
        if self.polls() % 2 == 1 {
            // It ended inside its last poll. The next goroutine starts outside of one.
            self.step();
        }
        self.id.store(0, Ordering::Relaxed);
    }

    /// Notes that a poll begins or ends.
    #[inline]
    fn step(&self) {
        self.polls.store(self.polls.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Marks the start of a poll.
    #[inline]
    pub(crate) fn start_poll(&self) {
        self.step();
        self.stamp(WaitReason::Running, 0);
    }

    /// Marks the end of a poll that returned `Pending`: whoever waits inside has said so with
    /// [`park`]; otherwise the goroutine waits for something foreign.
    #[inline]
    pub(crate) fn end_poll(&self) {
        self.step();
        if self.stamp.load(Ordering::Relaxed) & 0xff == WaitReason::Running as u32 {
            self.site.store(ptr::null_mut(), Ordering::Relaxed);
            self.stamp(WaitReason::Waiting, 0);
        }
    }

    /// Marks that the goroutine has been woken and waits for its turn.
    #[inline]
    pub(crate) fn set_runnable(&self) {
        self.stamp(WaitReason::Runnable, 0);
    }
}

impl fmt::Debug for Record {
    /// One goroutine as a dump shows it; what is read may be about to change.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id();
        let (reason, since) = self.reason();
        let (site, created, parent) = (self.site(), self.created(), self.parent());
        if id == 0 || !self.is_still(id) {
            return f.write_str("Record { free }");
        }
        f.debug_struct("Record")
            .field("id", &id)
            .field("reason", &reason.as_str())
            .field("since_seconds", &since)
            .field("site", &site)
            .field("created", &created)
            .field("parent", &parent)
            .finish()
    }
}

thread_local! {
    /// The goroutine that this thread polls, or null.
    static CURRENT: Cell<*const Record> = const { Cell::new(ptr::null()) };
    /// The runtime's clock in seconds, as the run loop last saw it.
    static COARSE_SECONDS: Cell<u32> = const { Cell::new(0) };
}

/// The record of the goroutine that this thread is polling.
#[inline]
pub(crate) fn current() -> Option<&'static Record> {
    let ptr = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: only `swap_current` writes it, from a `&'static Record`.
    unsafe { ptr.as_ref() }
}

/// Makes `record` the current goroutine and returns the one it replaces.
#[inline]
pub(crate) fn swap_current(record: Option<&'static Record>) -> Option<&'static Record> {
    let new = record.map_or(ptr::null(), ptr::from_ref);
    let old = CURRENT.with(|current| current.replace(new));
    // SAFETY: as in `current`.
    unsafe { old.as_ref() }
}

/// Tells [`park`] what time it is, to the second. Called by the run loop now and then.
pub(crate) fn set_coarse_time(now: Nanos) {
    COARSE_SECONDS.with(|seconds| seconds.set((now / 1_000_000_000) as u32 & 0x00ff_ffff));
}

/// Notes in the current goroutine's record, if there is one, that it is about to wait.
#[inline]
pub(crate) fn park(reason: WaitReason, site: &'static Location<'static>) {
    if let Some(record) = current() {
        record.site.store(ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
        record.stamp(reason, COARSE_SECONDS.with(Cell::get));
    }
}

/// Records per chunk: 16 KiB.
const CHUNK: usize = 256;

/// All chunks ever made, and the records in them that no worker keeps for itself.
static ARENA: StaticMutex<Arena> = StaticMutex::new(Arena { chunks: Vec::new(), free: Vec::new() });

pub(super) struct Arena {
    pub(super) chunks: Vec<&'static [Record]>,
    pub(super) free: Vec<Vec<&'static Record>>,
}

impl Arena {
    /// See [`take_own_references`].
    pub(super) fn take_own_references(&self, runtime: u16) -> Vec<Waker> {
        self.chunks
            .iter()
            .copied()
            .flatten()
            .filter(|record| record.id() != 0 && record.runtime() == runtime)
            .filter_map(Record::take_own_reference)
            .collect()
    }
}

/// A stack of free records. A worker keeps one for itself and trades whole stacks with the arena, so
/// that the usual spawn and end take no lock.
///
/// It holds addresses, and does not link the records: to follow links is to wait for one cold cache
/// line after the other, half of what a spawn cost among a million others.
#[derive(Debug, Default)]
pub(crate) struct FreeList(Vec<&'static Record>);

impl FreeList {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes a free record, from the arena if this list has none.
    #[inline]
    pub(crate) fn pop(&mut self) -> &'static Record {
        match self.0.pop() {
            Some(record) => {
                // It may have been given back elsewhere, and then it is in that processor's cache.
                if let Some(next) = self.0.last() {
                    prefetch(ptr::from_ref::<Record>(next));
                }
                record
            }
            None => self.refill(),
        }
    }

    /// Takes back the record of a goroutine that has ended.
    #[inline]
    pub(crate) fn push(&mut self, record: &'static Record) {
        record.vacate();
        self.0.push(record);
        if self.0.len() >= 2 * CHUNK {
            self.spill();
        }
    }

    /// Gets a stack from the arena, or makes a chunk of new records, and takes the first.
    #[cold]
    fn refill(&mut self) -> &'static Record {
        let mut arena = ARENA.lock();
        let mut given = arena.free.pop();
        if given.is_none() {
            let chunk = Record::leaked::<CHUNK>();
            arena.chunks.push(chunk);
            drop(arena);
            given = Some(chunk.iter().rev().collect());
        }
        self.0 = given.unwrap_or_default();
        self.0.pop().expect("a chunk and a stack of the arena hold something")
    }

    /// Gives the half that was used last to the arena.
    #[cold]
    fn spill(&mut self) {
        let given = self.0.split_off(self.0.len() - CHUNK);
        ARENA.lock().free.push(given);
    }
}

impl Drop for FreeList {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            let rest = std::mem::take(&mut self.0);
            ARENA.lock().free.push(rest);
        }
    }
}

/// Takes the references that the goroutines of `runtime` hold to themselves, for its shutdown.
///
/// The arena stays locked meanwhile: a record can pass to another runtime only through the arena, so
/// none is taken from a goroutine that came after; and a goroutine whose reference is gone at its end
/// keeps its record until the arena is free ([`Record::drop_own_reference`]).
pub(crate) fn take_own_references(runtime: u16) -> Vec<Waker> {
    ARENA.lock().take_own_references(runtime)
}
