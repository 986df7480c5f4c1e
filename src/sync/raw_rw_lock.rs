//! The lock without data for many readers or one writer: Go's `sync.RWMutex`, and the algorithm of
//! [`RwLock`](super::RwLock).
//!
//! One word says everything that the fast paths need; queues under a lock of their own hold those who
//! wait. It goes by phases, as Go's. A writer that finds readers is *announced*: it waits for them to
//! leave, and no new ones come in. When a writer has had the lock, or has given up waiting, all readers
//! that came meanwhile are let in; then the next writer is announced. So readers wait for one writer at
//! most, and an announced writer is overtaken by nobody. Writers are served first come, first served,
//! unless they find the lock free.
//!
//! Whoever is let in from a queue has the lock from that moment: it is *granted*, and the waiter need
//! only come and see. A grant that nobody collects is taken back for somebody who would have to wait
//! ([`Waiter::may_be_robbed`]): from a writer, who then is first in line again, or from all readers who
//! hold up a writer.
//!
//! # Readers that do not meet
//!
//! Readers count themselves in the word, until two of them have run into each other there. From then on
//! (`SHARDED`) each thread counts its readers on a cache line of its own, and a writer adds them up. So
//! readers on different threads do not slow each other down; a write costs a look at each of these lines.
//! (Not taken: one line per thread from the start, which is a kilobyte for a lock that may never be
//! contended; readers in a table shared by all locks, as BRAVO has it, where a guard must know its place in
//! the table, and two locks meet in one.)
//!
//! # Invariants
//!
//! All bits but `SHARDED` change under the lock of the queues, or in an exchange that finds `WRITER` the only
//! other one set or to be set, and no `QUEUED`.
//!
//! * S1. `WRITER` is set exactly while a writer holds the lock, is granted it, or is announced
//!   (`draining`); and while somebody tries, under the lock of the queues. `QUEUED` is set exactly while
//!   somebody is queued, and implies `WRITER`. While `draining` there is a writer in the queue.
//! * S2. The number of readers is the count in the word and those of the shards together: holders and granted
//!   ones, and on a shard perhaps some who have counted themselves and are about to see `WRITER` and
//!   leave. A reader counts, then looks for `WRITER`; a writer sets `WRITER`, then counts. Both are
//!   `SeqCst`, so one of the two sees the other, and once `WRITER` is set the sum does not fall to
//!   zero before the last reader has left: each reader that got in was counted before that, wherever it
//!   leaves, and is in the sum until the writer sees it leave.
//! * S3. A reader that leaves, or that has counted itself in vain, looks for `WRITER` after it; if it is set,
//!   it looks whether a writer waits for the sum to be zero. So the last one to leave is noticed, by
//!   itself or by the writer.

#![expect(unsafe_code, reason = "waiters are linked into the queues by address")]

use super::raw_mutex::fatal;
use super::shards::Shards;
use crate::runtime::context;
use crate::sys::const_fn;
use crate::sys::point::{self, Op};
use crate::sys::sync::OnceLock;
use crate::sys::sync::atomic::{AtomicUsize, Ordering};
use crate::wait::arm::{Arm, ObjectGuard};
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node, Seat};
use crate::wait::object::Object;
use crate::wait::record::{self, Record, WaitReason};
use crate::wait::waiter::{PLAIN, Waiter};
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker, ready};

/// A writer holds the lock or is announced: nobody gets in.
const WRITER: usize = 1;
/// Somebody is queued.
const QUEUED: usize = 1 << 1;
/// Readers count themselves in the shards.
const SHARDED: usize = 1 << 2;
/// One reader.
const READER: usize = 1 << 3;
/// More readers are none: guards were forgotten.
const TOO_MANY: usize = usize::MAX / 2;

// Tags of nodes.
/// Queued, or not linked.
const TAG_WAITS: u8 = 0;
/// The lock is its own; linked as granted.
const TAG_GRANTED: u8 = 1;
/// A select's: the grant was taken back. Not linked.
const TAG_ROBBED: u8 = 2;
/// Granted, and about to be taken back.
const TAG_STALE: u8 = 3;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
}

/// Who waits, and who has been granted the lock and does not know yet.
struct Queue {
    readers: List<Kind>,
    writers: List<Kind>,
    granted: List<Kind>,
    /// A writer is announced: the first of them gets the lock when no reader is left.
    draining: bool,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.readers.is_empty() && self.writers.is_empty()
    }

    fn of(&mut self, kind: Kind) -> &mut List<Kind> {
        match kind {
            Kind::Read => &mut self.readers,
            Kind::Write => &mut self.writers,
        }
    }
}

/// What became of a reader that counted itself.
enum Entered {
    Yes,
    /// A writer is there.
    No,
    /// A writer is there, and may have counted it.
    Counted,
}

/// A lock without data for many readers or one writer, with bare [`read`](Self::read) and
/// [`unlock_read`](Self::unlock_read), [`write`](Self::write) and [`unlock_write`](Self::unlock_write).
///
/// It belongs to nobody: one goroutine may lock it and another unlock it. It is a value, to be shared by
/// [`Arc`](std::sync::Arc) or as a `static`. Prefer [`RwLock`](super::RwLock), whose guards cannot be
/// forgotten, and whose readers do not slow each other down. (Here all readers count in one place, so that
/// an unlock of an unlocked lock is noticed.)
///
/// # Go
///
/// `sync.RWMutex`. A reader that takes the lock again while a writer waits for it to leave waits for ever,
/// as in Go.
///
/// # Examples
///
/// ```
/// use gort::sync::RawRwLock;
///
/// gort::run(async {
///     let mu = RawRwLock::new();
///     mu.read().await;
///     mu.read().await; // readers do not exclude each other
///     assert!(!mu.try_write());
///     mu.unlock_read();
///     mu.unlock_read();
///     mu.write().await;
///     mu.unlock_write();
/// });
/// ```
#[doc(alias = "sync.RWMutex")]
pub struct RawRwLock {
    state: AtomicUsize,
    shards: OnceLock<Shards>,
    /// Whether readers may count themselves in shards.
    scales: bool,
    queue: Object<Queue>,
}

impl RawRwLock {
    const_fn! {
        /// An unlocked lock.
        pub const fn new() -> Self {
            Self::with(false)
        }
    }

    const_fn! {
        /// An unlocked lock of which every release is known to be of a holder.
        pub(super) const fn scaling() -> Self {
            Self::with(true)
        }
    }

    const_fn! {
        const fn with(scales: bool) -> Self {
            let queue = Queue {
                readers: List::new(),
                writers: List::new(),
                granted: List::new(),
                draining: false,
            };
            Self {
                state: AtomicUsize::new(0),
                shards: OnceLock::new(),
                scales,
                queue: Object::new(queue),
            }
        }
    }

    /// Waits until no writer holds the lock or waits for it, and takes it for reading.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue; if the lock had already come to it, it is
    /// released.
    ///
    /// # Go
    ///
    /// `mu.RLock()`.
    #[doc(alias = "RLock")]
    #[track_caller]
    pub fn read(&self) -> RawRead<'_> {
        RawRead(Acquire::new(self, Kind::Read))
    }

    /// Waits until nobody holds the lock, and takes it for writing. From the moment that it waits, no new
    /// reader gets in before it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue; if the lock had already come to it, it is
    /// released. Readers that waited behind it go on.
    ///
    /// # Go
    ///
    /// `mu.Lock()`.
    #[doc(alias = "Lock")]
    #[track_caller]
    pub fn write(&self) -> RawWrite<'_> {
        RawWrite(Acquire::new(self, Kind::Write))
    }

    /// Takes the lock for reading if no writer holds it or waits for it, and says whether it did.
    #[doc(alias = "TryRLock")]
    #[inline]
    pub fn try_read(&self) -> bool {
        match self.enter() {
            Entered::Yes => true,
            Entered::No | Entered::Counted => self.try_locked(Kind::Read),
        }
    }

    /// Takes the lock for writing if nobody holds it or waits for it, and says whether it did.
    #[doc(alias = "TryLock")]
    #[inline]
    pub fn try_write(&self) -> bool {
        self.enter_alone() || self.try_locked(Kind::Write)
    }

    /// Blocks the thread until the lock is taken for reading. For threads outside of async code.
    ///
    /// In a goroutine it works too, but the worker is stuck meanwhile, and another takes its place.
    #[track_caller]
    pub fn blocking_read(&self) {
        if !self.try_read() {
            context::block_thread(self.read());
        }
    }

    /// Blocks the thread until the lock is taken for writing. For threads outside of async code.
    ///
    /// In a goroutine it works too, but the worker is stuck meanwhile, and another takes its place.
    #[track_caller]
    pub fn blocking_write(&self) {
        if !self.try_write() {
            context::block_thread(self.write());
        }
    }

    /// Releases what one reader took, whoever it was.
    ///
    /// # Panics
    ///
    /// If no reader holds it, with Go's text `sync: RUnlock of unlocked RWMutex`. As with
    /// [`RawMutex::unlock`](super::RawMutex::unlock), the goroutine's runtime is finished then.
    #[doc(alias = "RUnlock")]
    #[track_caller]
    pub fn unlock_read(&self) {
        // Ordering: Relaxed: the exchange decides; Release, as in `release_read`.
        let left = self.state.fetch_update(Ordering::Release, Ordering::Relaxed, |state| {
            (state >= READER).then(|| state - READER)
        });
        match left {
            Ok(old) if old & WRITER != 0 => self.reader_left(),
            Ok(_) => {}
            Err(_) => fatal("sync: RUnlock of unlocked RWMutex"),
        }
    }

    /// Releases what the writer took, whoever it was.
    ///
    /// # Panics
    ///
    /// If no writer holds it, with Go's text `sync: Unlock of unlocked RWMutex`. As with
    /// [`RawMutex::unlock`](super::RawMutex::unlock), the goroutine's runtime is finished then.
    #[doc(alias = "Unlock")]
    #[track_caller]
    pub fn unlock_write(&self) {
        let held = {
            let queue = self.queue.lock();
            // Ordering: Relaxed: whoever holds the lock knows that it does.
            self.state.load(Ordering::Relaxed) & WRITER != 0 && !queue.draining
        };
        if !held {
            fatal("sync: Unlock of unlocked RWMutex");
        }
        self.release_write();
    }

    /// Go's `RLocker`: this lock, for reading, as something to lock and unlock.
    #[doc(alias = "RLocker")]
    pub fn rlocker(&self) -> RLocker<'_> {
        RLocker(self)
    }

    // Getting in without a queue.

    /// Counts the caller among the readers, if no writer is there.
    #[inline]
    fn enter(&self) -> Entered {
        // Ordering: Acquire pairs with the Release in `end_phase` and `release_write`: what the last writer
        // did is visible; and with that in `shard`, for the shards.
        let state = self.state.load(Ordering::Acquire);
        if state & (WRITER | SHARDED) == SHARDED {
            return self.enter_shard();
        }
        if state & WRITER == 0 && state < TOO_MANY {
            // Ordering: Acquire, as above.
            let entered = self.state.compare_exchange(
                state,
                state + READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if entered.is_ok() {
                return Entered::Yes;
            }
        }
        self.enter_slow()
    }

    #[cold]
    fn enter_contended(&self) {
        if self.scales {
            self.shard();
        }
    }

    /// [`enter`](Self::enter) where the readers count in shards, or after it lost a race.
    fn enter_slow(&self) -> Entered {
        loop {
            // Ordering: Acquire, as in `enter`.
            let state = self.state.load(Ordering::Acquire);
            if state & WRITER != 0 {
                return Entered::No;
            }
            if state & SHARDED != 0 {
                return self.enter_shard();
            }
            assert!(state < TOO_MANY, "the guards of too many readers were forgotten");
            // Ordering: Acquire, as in `enter`.
            let entered = self.state.compare_exchange(
                state,
                state + READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if entered.is_ok() {
                return Entered::Yes;
            }
            self.enter_contended();
        }
    }

    /// The shards, once `SHARDED` has been seen.
    #[inline]
    fn shards(&self) -> &Shards {
        self.shards.get_or_init(Shards::new)
    }

    #[inline]
    fn enter_shard(&self) -> Entered {
        let shards = self.shards();
        shards.add();
        // Ordering: SeqCst: S2; it includes the Acquire of `enter`.
        if self.state.load(Ordering::SeqCst) & WRITER == 0 {
            return Entered::Yes;
        }
        shards.sub();
        Entered::Counted
    }

    /// From now on readers count in shards.
    pub(super) fn shard(&self) {
        self.shards();
        // Ordering: Release pairs with the Acquire in `enter`: the shards are there.
        self.state.fetch_or(SHARDED, Ordering::Release);
    }

    /// Takes the lock for writing, if nobody is there at all and readers do not count in shards.
    #[inline]
    fn enter_alone(&self) -> bool {
        // Ordering: Acquire pairs with the Release of whoever left last: what was done under the lock is
        // visible.
        self.state.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// [`enter`](Self::enter) for both kinds, where it is certain that `WRITER` is somebody's who stays.
    #[cold]
    fn try_locked(&self, kind: Kind) -> bool {
        let mut wakes = WakeBatch::new();
        let entered = {
            let queue = &mut *self.queue.lock();
            // A reader may have counted itself in vain.
            self.advance(queue, &mut wakes);
            self.enter_locked(kind)
        };
        self.wake(&mut wakes, entered.then_some(kind));
        entered
    }

    /// Takes the lock if that is possible at once, under the lock of the queues.
    fn enter_locked(&self, kind: Kind) -> bool {
        if kind == Kind::Write {
            return self.enter_alone_locked(0);
        }
        loop {
            // Ordering: Acquire, as in `enter`.
            let state = self.state.load(Ordering::Acquire);
            if state & WRITER != 0 {
                return false;
            }
            if state & SHARDED != 0 {
                // Only somebody with this lock could set `WRITER` now.
                self.shards().add();
                return true;
            }
            // Ordering: Acquire, as in `enter`.
            let entered = self.state.compare_exchange(
                state,
                state + READER,
                Ordering::Acquire,
                Ordering::Relaxed,
            );
            if entered.is_ok() {
                return true;
            }
        }
    }

    /// Sets `WRITER`, if it is not set and there are no more than so many readers.
    fn enter_alone_locked(&self, readers: usize) -> bool {
        if self.announce(0) & WRITER != 0 {
            return false;
        }
        if self.readers() == readers {
            return true;
        }
        // Ordering: Release, as in `end_phase`, though nothing was done.
        self.state.fetch_and(!WRITER, Ordering::Release);
        false
    }

    /// Sets `WRITER`, and other bits. Returns the word as it was.
    fn announce(&self, bits: usize) -> usize {
        // Ordering: SeqCst: S2. Acquire, for the case that the lock is taken, as in `enter_alone`.
        let old = self.state.fetch_or(WRITER | bits, Ordering::SeqCst);
        crate::sys::sync::after_rmw();
        old
    }

    /// The number of readers, see S2.
    fn readers(&self) -> usize {
        // Ordering: SeqCst, as in `Shards::sum`; Acquire pairs with the Release in `release_read`.
        let state = self.state.load(Ordering::SeqCst);
        let sharded = if state & SHARDED == 0 { 0 } else { self.shards().sum() };
        (state / READER).wrapping_add(sharded)
    }

    // Getting out.

    /// Releases the lock that a reader holds.
    #[inline]
    pub(super) fn release_read(&self) {
        // Ordering: Acquire pairs with the Release in `shard`.
        let old = if self.state.load(Ordering::Acquire) & SHARDED == 0 {
            // Ordering: Release pairs with the Acquire of the writer that finds no reader. It also makes
            // the change and the writer's announcement, which are on one word, see each other.
            self.state.fetch_sub(READER, Ordering::Release)
        } else {
            self.shards().sub();
            // Ordering: SeqCst: S3.
            self.state.load(Ordering::SeqCst)
        };
        if old & WRITER != 0 {
            self.reader_left();
        }
    }

    /// A reader has left, and a writer may wait for that.
    #[cold]
    fn reader_left(&self) {
        self.with_queue(|queue, wakes| self.advance(queue, wakes));
    }

    /// Releases the lock that a writer holds.
    #[inline]
    pub(super) fn release_write(&self) {
        // Ordering: Relaxed: the exchange decides.
        let state = self.state.load(Ordering::Relaxed);
        let quick = state & QUEUED == 0 && {
            let free = state & !WRITER;
            // Ordering: Release pairs with the Acquire of whoever takes the lock next.
            self.state.compare_exchange(state, free, Ordering::Release, Ordering::Relaxed).is_ok()
        };
        if !quick {
            self.with_queue(|queue, wakes| self.end_phase(queue, wakes));
        }
    }

    /// Makes a reader of the writer that holds the lock; nobody else writes in between.
    pub(super) fn downgrade(&self) {
        self.with_queue(|queue, wakes| {
            self.add_readers(1);
            self.end_phase(queue, wakes);
        });
    }

    /// Does `f` to the queues, and wakes whom it found.
    fn with_queue(&self, f: impl FnOnce(&mut Queue, &mut WakeBatch)) {
        let mut wakes = WakeBatch::new();
        f(&mut self.queue.lock(), &mut wakes);
        wakes.wake_all();
    }

    /// Counts readers in, or out, under the lock of the queues, while `WRITER` is set.
    fn add_readers(&self, count: usize) {
        // Ordering: Acquire, as in `enter`, for the shards. The count is ordered by the lock of the queues.
        if self.state.load(Ordering::Acquire) & SHARDED == 0 {
            self.state.fetch_add(count.wrapping_mul(READER), Ordering::Relaxed);
        } else {
            self.shards().add_many(count);
        }
    }

    /// A writer that had the lock, or was announced, does not want it any more: lets all readers in that wait,
    /// and announces the next writer. `WRITER` is set, and nobody is announced.
    fn end_phase(&self, queue: &mut Queue, wakes: &mut WakeBatch) {
        let mut readers = 0;
        while let Some(node) = queue.readers.claim_front() {
            // SAFETY: it was linked, and won, under the lock that the caller holds.
            unsafe { grant(queue, node, wakes) };
            readers += 1;
        }
        if readers > 0 {
            self.add_readers(readers);
        }
        if queue.writers.is_empty() {
            // Ordering: Release pairs with the Acquire of whoever takes the lock next.
            self.state.fetch_and(!(WRITER | QUEUED), Ordering::Release);
        } else {
            queue.draining = true;
            self.advance(queue, wakes);
        }
    }

    /// Gives the lock to the announced writer if no reader is left.
    fn advance(&self, queue: &mut Queue, wakes: &mut WakeBatch) {
        if !queue.draining || self.readers() != 0 {
            return;
        }
        queue.draining = false;
        match queue.writers.claim_front() {
            // SAFETY: as in `end_phase`.
            Some(node) => unsafe { grant(queue, node, wakes) },
            // They were selects that have been decided otherwise.
            None => return self.end_phase(queue, wakes),
        }
        self.mark(queue);
    }

    /// Clears `QUEUED` if nobody is.
    fn mark(&self, queue: &Queue) {
        if queue.is_empty() {
            // Ordering: Relaxed: the bit carries no data.
            self.state.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    // Waiting.

    /// Takes the lock, or says that the caller is queued, who then links its node before it gives the lock of
    /// the queues up. Returns whether it took the lock.
    fn enter_or_queue(&self, queue: &mut Queue, kind: Kind) -> bool {
        if kind == Kind::Write {
            if self.announce(QUEUED) & WRITER != 0 {
                return false;
            }
            queue.draining = self.readers() != 0;
            if !queue.draining {
                self.mark(queue);
            }
            return !queue.draining;
        }
        loop {
            if self.enter_locked(Kind::Read) {
                return true;
            }
            // Ordering: Relaxed: the bit carries no data; that `WRITER` is set with it is what counts.
            if self.state.fetch_or(QUEUED, Ordering::Relaxed) & WRITER != 0 {
                return false;
            }
            self.mark(queue);
        }
    }

    /// Links a node of somebody who has just been told that it is queued.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`]; the list is that of `kind`, which the node has.
    unsafe fn link(queue: &mut Queue, kind: Kind, node: &Node<Kind>) {
        // SAFETY: by this function's contract.
        unsafe { queue.of(kind).push_back(NonNull::from(node)) };
    }

    /// Whether there is a grant that nobody collects and that `robber` may have.
    fn may_reclaim(queue: &Queue, robber: Option<&'static Record>) -> bool {
        queue.granted.find(|seat| may_be_robbed(seat, robber)).is_some()
    }

    /// Takes grants back that nobody collects. Returns whether the lock is the caller's then; whatever it
    /// did, nobody is worse off than by a place in the queue.
    fn reclaim(
        &self,
        queue: &mut Queue,
        kind: Kind,
        robber: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        self.reclaim_readers(queue, kind, robber, wakes)
            || self.reclaim_writer(queue, kind, robber, wakes)
    }

    /// If only grants that nobody collects keep a writer out, takes them back.
    fn reclaim_readers(
        &self,
        queue: &mut Queue,
        kind: Kind,
        robber: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        let mut count = 0;
        queue.granted.find(|seat| {
            if seat.data == Kind::Read && may_be_robbed(seat, robber) {
                seat.tag = TAG_STALE;
                count += 1;
            }
            false
        });
        // Either the announced writer waits for no others, or the caller is a writer and does not.
        let alone = count > 0
            && if queue.draining {
                self.readers() == count
            } else {
                kind == Kind::Write && self.enter_alone_locked(count)
            };
        let is_stale = |seat: &mut Seat<Kind>| seat.tag == TAG_STALE;
        while let Some(node) = queue.granted.find(is_stale) {
            if alone {
                // SAFETY: it is linked as granted, under the lock that the caller holds.
                unsafe { self.take_back(queue, node) };
                continue;
            }
            // SAFETY: (L2): it is linked.
            let node = unsafe { node.as_ref() };
            // SAFETY: (L1): under the lock.
            unsafe { node.seat() }.tag = TAG_GRANTED;
        }
        if !alone {
            return false;
        }
        self.add_readers(count.wrapping_neg());
        let mine = !queue.draining;
        self.advance(queue, wakes);
        mine || self.enter_locked(kind)
    }

    /// Takes the grant of a writer that does not collect it.
    fn reclaim_writer(
        &self,
        queue: &mut Queue,
        kind: Kind,
        robber: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        let stale = |seat: &mut Seat<Kind>| seat.data == Kind::Write && may_be_robbed(seat, robber);
        let Some(node) = queue.granted.find(stale) else { return false };
        if kind == Kind::Read {
            // As if the writer had been here and gone, and come again.
            self.add_readers(1);
        }
        // SAFETY: it is linked as granted, under the lock that the caller holds.
        unsafe { self.take_back(queue, node) };
        if kind == Kind::Read {
            self.end_phase(queue, wakes);
        }
        true
    }

    /// Takes back a grant, whose owner is the first in line then, if it is not a select.
    ///
    /// # Safety
    ///
    /// The node is linked as granted, the caller holds the lock of the queues, and `WRITER` is set.
    unsafe fn take_back(&self, queue: &mut Queue, node: NonNull<Node<Kind>>) {
        // SAFETY: by this function's contract.
        unsafe { queue.granted.remove(node) };
        // SAFETY: (L2): it was linked just now.
        let found = unsafe { node.as_ref() };
        // SAFETY: (L1): under the lock.
        let seat = unsafe { found.seat() };
        // SAFETY: it was linked.
        if unsafe { seat.is_select() } {
            seat.tag = TAG_ROBBED;
            return;
        }
        seat.tag = TAG_WAITS;
        // SAFETY: it was linked just now, under the lock.
        let waiter = unsafe { seat.waiter() };
        // SAFETY: we hold the lock, and the owner looks under it only.
        unsafe { waiter.unsettle() };
        let list = queue.of(seat.data);
        let front = list.front();
        // SAFETY: not linked, pinned and assigned as before; `front` is in the list.
        unsafe { list.insert_before(front, node) };
        // Ordering: Relaxed: the bit carries no data.
        self.state.fetch_or(QUEUED, Ordering::Relaxed);
    }

    /// Takes a queued node out.
    ///
    /// # Safety
    ///
    /// The node is queued as `kind`, and the caller holds the lock of the queues.
    unsafe fn unlink(
        &self,
        queue: &mut Queue,
        kind: Kind,
        node: &Node<Kind>,
        wakes: &mut WakeBatch,
    ) {
        // SAFETY: by this function's contract.
        unsafe { queue.of(kind).remove(NonNull::from(node)) };
        if queue.draining && queue.writers.is_empty() {
            queue.draining = false;
            self.end_phase(queue, wakes);
        }
        self.mark(queue);
    }

    /// Releases, under the lock of the queues, what was granted.
    fn release_locked(&self, queue: &mut Queue, kind: Kind, wakes: &mut WakeBatch) {
        match kind {
            Kind::Write => self.end_phase(queue, wakes),
            Kind::Read => {
                self.add_readers(1_usize.wrapping_neg());
                self.advance(queue, wakes);
            }
        }
    }

    /// Ends the wait of a node that is linked, or that was claimed otherwise.
    ///
    /// # Safety
    ///
    /// The caller owns the node, and holds the lock of the queues.
    unsafe fn cancel(
        &self,
        queue: &mut Queue,
        kind: Kind,
        node: &Node<Kind>,
        wakes: &mut WakeBatch,
    ) {
        // SAFETY: (L1): under the lock.
        if !unsafe { node.is_linked() } {
            return;
        }
        // SAFETY: (L1): under the lock.
        if unsafe { node.seat() }.tag == TAG_GRANTED {
            // SAFETY: linked as granted, by the tag.
            unsafe { queue.granted.remove(NonNull::from(node)) };
            self.release_locked(queue, kind, wakes);
        } else {
            // SAFETY: linked, so it is queued, by the tag.
            unsafe { self.unlink(queue, kind, node, wakes) };
        }
    }

    /// Wakes everybody in the batch. If one of them panics, nobody but this will release what the caller has
    /// just taken.
    fn wake(&self, wakes: &mut WakeBatch, taken: Option<Kind>) {
        self.unwinding(taken, || wakes.wake_all());
    }

    /// Does `f`, which may panic, and releases what the caller has taken if it does.
    fn unwinding(&self, taken: Option<Kind>, f: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
            match taken {
                Some(Kind::Read) => self.release_read(),
                Some(Kind::Write) => self.release_write(),
                None => {}
            }
            resume_unwind(panic);
        }
    }

    #[cfg(test)]
    #[allow(dead_code, reason = "of loom")]
    pub(super) fn sharded() -> Self {
        let lock = Self::scaling();
        lock.shard();
        lock
    }
}

/// See [`Waiter::may_be_robbed`]. For granted nodes, under the lock of the queues.
fn may_be_robbed(seat: &Seat<Kind>, robber: Option<&'static Record>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock of the queues.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2), (W3): as above, and the claim has been won.
    unsafe { waiter.may_be_robbed(robber) }
}

/// Gives the lock to a waiter.
///
/// # Safety
///
/// The node was linked, and its claim won, under the lock of the queues, which the caller still holds.
unsafe fn grant(queue: &mut Queue, node: NonNull<Node<Kind>>, wakes: &mut WakeBatch) {
    // SAFETY: (L2): it was linked just now; its owner comes by the lock before it goes.
    let found = unsafe { node.as_ref() };
    // SAFETY: (L1): under the lock.
    unsafe { found.seat() }.tag = TAG_GRANTED;
    // SAFETY: not linked any more, pinned and assigned; its owner unlinks it.
    unsafe { queue.granted.push_back(node) };
    // SAFETY: by this function's contract.
    if let Some(waker) = unsafe { found.complete() } {
        wakes.push(waker);
    }
}

impl Default for RawRwLock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RawRwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ordering: Relaxed: a look without consequences.
        let writer = self.state.load(Ordering::Relaxed) & WRITER != 0;
        f.debug_struct("RawRwLock")
            .field("writer", &writer)
            .field("readers", &self.readers())
            .finish_non_exhaustive()
    }
}

impl Drop for RawRwLock {
    fn drop(&mut self) {
        // Only forgotten futures can still be linked: others borrow the lock.
        let queue = self.queue.get_mut();
        queue.readers.abandon();
        queue.writers.abandon();
        queue.granted.abandon();
    }
}

/// A [`RawRwLock`] for reading; made by [`RawRwLock::rlocker`].
///
/// # Go
///
/// What `RWMutex.RLocker` returns.
#[derive(Debug, Clone, Copy)]
pub struct RLocker<'a>(&'a RawRwLock);

impl<'a> RLocker<'a> {
    /// As [`RawRwLock::read`].
    ///
    /// # Cancel safety
    ///
    /// As [`RawRwLock::read`].
    #[doc(alias = "Lock")]
    #[track_caller]
    pub fn lock(&self) -> RawRead<'a> {
        self.0.read()
    }

    /// As [`RawRwLock::unlock_read`].
    ///
    /// # Panics
    ///
    /// As [`RawRwLock::unlock_read`].
    #[doc(alias = "Unlock")]
    #[track_caller]
    pub fn unlock(&self) {
        self.0.unlock_read();
    }
}

/// The future of [`RawRwLock::read`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RawRead<'a>(pub(super) Acquire<'a>);

/// The future of [`RawRwLock::write`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RawWrite<'a>(pub(super) Acquire<'a>);

macro_rules! is_acquire {
    ($($name:ident)*) => {$(
        impl Future for $name<'_> {
            type Output = ();

            #[inline]
            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                // SAFETY: the one field is pinned whenever `self` is: nothing moves it out, and there is
                // no `Drop` or `Unpin` of ours.
                unsafe { self.map_unchecked_mut(|this| &mut this.0) }.poll(cx)
            }
        }

        impl<'a> $name<'a> {
            /// The operation, of a future that has not been polled.
            pub(crate) fn into_arm(self) -> RwArm<'a> {
                self.0.into_arm()
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let waiting = matches!(self.0.stage, Stage::Waiting(_));
                f.debug_struct(stringify!($name))
                    .field("waiting", &waiting)
                    .finish_non_exhaustive()
            }
        }
    )*};
}

is_acquire! { RawRead RawWrite }

/// The future of both.
pub(super) struct Acquire<'a> {
    lock: &'a RawRwLock,
    kind: Kind,
    site: &'static Location<'static>,
    stage: Stage,
}

enum Stage {
    /// Not linked.
    New,
    /// Queued or granted.
    Waiting(Place),
    /// The lock was taken, and yielded.
    Done,
}

/// A place in a queue.
struct Place {
    waiter: Waiter,
    node: Node<Kind>,
}

// SAFETY: the waiter and the node are shared under the lock of the queues (L1, W2 of `wait`), which is how
// other threads reach them anyway.
unsafe impl Send for Place {}
// SAFETY: there is nothing to do with a `&Place` but under that lock.
unsafe impl Sync for Place {}

/// What one look under the lock of the queues came to.
struct Looked {
    acquired: bool,
    /// To be dropped outside of the lock.
    spare: Option<Waker>,
    wakes: WakeBatch,
}

impl<'a> Acquire<'a> {
    #[track_caller]
    fn new(lock: &'a RawRwLock, kind: Kind) -> Self {
        Self { lock, kind, site: Location::caller(), stage: Stage::New }
    }

    /// The operation, of a future that has not been polled.
    pub(super) fn into_arm(self) -> RwArm<'a> {
        debug_assert!(matches!(self.stage, Stage::New), "a future that was polled does not move");
        RwArm::new(self.lock, self.kind)
    }

    #[inline]
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let quick = matches!(self.stage, Stage::New)
            && match self.kind {
                Kind::Write => self.lock.enter_alone(),
                Kind::Read => match self.lock.enter() {
                    Entered::Yes => true,
                    Entered::No => false,
                    Entered::Counted => {
                        self.lock.reader_left();
                        false
                    }
                },
            };
        if quick {
            // SAFETY: a `New` stage may be replaced, and nothing else is.
            unsafe { self.get_unchecked_mut() }.stage = Stage::Done;
            return Poll::Ready(());
        }
        self.poll_slow(cx)
    }

    #[cold]
    fn poll_slow(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        assert!(!matches!(self.stage, Stage::Done), "a lock polled after it was ready");
        ready!(point::poll(cx, Op::Sync));
        // SAFETY: a `Waiting` place stays where it is until it has been unlinked.
        let this = unsafe { self.get_unchecked_mut() };
        let waker = cx.waker().clone();
        let Looked { acquired, spare, mut wakes } = match this.stage {
            Stage::Waiting(_) => this.look_again(waker),
            _ => this.enqueue(waker),
        };
        if acquired {
            this.stage = Stage::Done;
        }
        let taken = acquired.then_some(this.kind);
        this.lock.unwinding(taken, || {
            wakes.wake_all();
            drop(spare);
        });
        if acquired {
            return Poll::Ready(());
        }
        point::refund();
        let reason = match this.kind {
            Kind::Read => WaitReason::RwLockRLock,
            Kind::Write => WaitReason::RwLockLock,
        };
        record::park(reason, this.site);
        Poll::Pending
    }

    /// Takes the lock, or enters a queue.
    fn enqueue(&mut self, waker: Waker) -> Looked {
        let (lock, kind) = (self.lock, self.kind);
        let mut wakes = WakeBatch::new();
        let queue = &mut *lock.queue.lock();
        if lock.enter_locked(kind)
            || lock.reclaim(queue, kind, record::current(), &mut wakes)
            || lock.enter_or_queue(queue, kind)
        {
            return Looked { acquired: true, spare: Some(waker), wakes };
        }
        self.stage = Stage::Waiting(Place { waiter: Waiter::new(), node: Node::new(kind) });
        let Stage::Waiting(place) = &self.stage else { unreachable!("stored above") };
        let spare = place.waiter.register(waker);
        // SAFETY: the node is new and ours; the waiter lives beside it.
        unsafe { place.node.assign(&place.waiter, PLAIN) };
        // SAFETY: not linked, assigned, and pinned with this future, whose drop unlinks it.
        unsafe { RawRwLock::link(queue, kind, &place.node) };
        Looked { acquired: false, spare, wakes }
    }

    /// Whether the lock has come, or can be had; stores the waker if not.
    fn look_again(&mut self, waker: Waker) -> Looked {
        let (lock, kind) = (self.lock, self.kind);
        let mut wakes = WakeBatch::new();
        let Stage::Waiting(place) = &self.stage else { unreachable!("the caller looked") };
        let queue = &mut *lock.queue.lock();
        // SAFETY: (L1): under the lock.
        if unsafe { place.node.seat() }.tag == TAG_GRANTED {
            // SAFETY: linked as granted, by the tag.
            unsafe { queue.granted.remove(NonNull::from(&place.node)) };
            // SAFETY: (W2): under the lock.
            let spare = unsafe { place.waiter.take_waker() };
            return Looked { acquired: true, spare: spare.or(Some(waker)), wakes };
        }
        let robber = record::current();
        let mut acquired = false;
        if RawRwLock::may_reclaim(queue, robber) {
            // SAFETY: queued, by the tag.
            unsafe { lock.unlink(queue, kind, &place.node, &mut wakes) };
            acquired = lock.enter_locked(kind)
                || lock.reclaim(queue, kind, robber, &mut wakes)
                || lock.enter_or_queue(queue, kind);
            if !acquired {
                // SAFETY: as in `enqueue`.
                unsafe { RawRwLock::link(queue, kind, &place.node) };
            }
        }
        // SAFETY: (W2): under the lock.
        let spare = unsafe { place.waiter.replace((!acquired).then_some(waker)) };
        Looked { acquired, spare, wakes }
    }
}

impl Drop for Acquire<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Stage::Waiting(place) = &self.stage {
            place.give_up(self.lock, self.kind);
        }
    }
}

impl Place {
    #[cold]
    fn give_up(&self, lock: &RawRwLock, kind: Kind) {
        let mut wakes = WakeBatch::new();
        let spare = {
            let queue = &mut *lock.queue.lock();
            // SAFETY: the node is ours, and we hold the lock.
            unsafe { lock.cancel(queue, kind, &self.node, &mut wakes) };
            // SAFETY: (W2): under the lock.
            unsafe { self.waiter.take_waker() }
        };
        wakes.wake_all();
        drop(spare);
    }
}

/// Taking the lock, as an arm of a select.
#[doc(hidden)]
pub struct RwArm<'a> {
    lock: &'a RawRwLock,
    kind: Kind,
    /// Whether the node was enqueued and has been neither collected nor cancelled.
    armed: Cell<bool>,
    /// Whether the lock was taken and not given out.
    held: Cell<bool>,
    node: Node<Kind>,
}

// SAFETY: the node is shared under the lock of the queues; the cells are the owner's.
unsafe impl Send for RwArm<'_> {}

impl<'a> RwArm<'a> {
    fn new(lock: &'a RawRwLock, kind: Kind) -> Self {
        let (armed, held) = (Cell::new(false), Cell::new(false));
        Self { lock, kind, armed, held, node: Node::new(kind) }
    }

    /// Hands the lock over to the caller, who releases it. The arm must be done.
    pub(crate) fn take(&self) {
        assert!(self.held.replace(false), "the arm has not been chosen");
    }
}

// SAFETY: the key and the lock are those of the queues; `drop` unlinks and releases.
unsafe impl Arm for RwArm<'_> {
    fn key(&self) -> Option<usize> {
        Some(self.lock.queue.key())
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.lock.queue.lock_only()
    }

    fn not_ready(&self) -> Option<u32> {
        // The word has no room for a number of the moment.
        None
    }

    unsafe fn try_locked(&self, _wakes: &mut WakeBatch) -> bool {
        let entered = self.lock.enter_locked(self.kind);
        self.held.set(entered);
        entered
    }

    unsafe fn may_reclaim_locked(&self, goroutine: Option<&'static Record>) -> bool {
        // SAFETY: the caller holds the lock.
        RawRwLock::may_reclaim(unsafe { self.lock.queue.access() }, goroutine)
    }

    unsafe fn reclaim_locked(
        &self,
        goroutine: Option<&'static Record>,
        wakes: &mut WakeBatch,
    ) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.lock.queue.access() };
        let entered = self.lock.reclaim(queue, self.kind, goroutine, wakes);
        self.held.set(entered);
        entered
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, wakes: &mut WakeBatch) {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.lock.queue.access() };
        self.armed.set(true);
        // SAFETY: not linked, so ours; the waiter lives as long as it is, by the contract of `Arm`.
        unsafe { self.node.assign(waiter, case) };
        // SAFETY: (L1): not linked, so ours.
        unsafe { self.node.seat() }.tag = TAG_WAITS;
        if !self.lock.enter_or_queue(queue, self.kind) {
            // SAFETY: pinned, not linked and assigned; `drop` unlinks it.
            unsafe { RawRwLock::link(queue, self.kind, &self.node) };
            return;
        }
        // It was released since it was tried: as if that came after. All locks are held, so only an arm
        // of the same select to which this happened too can have been chosen.
        // SAFETY: we hold the lock, under which it was assigned.
        if unsafe { self.node.claim() } {
            // SAFETY: pinned, and won just now; `drop` unlinks it.
            unsafe { grant(queue, NonNull::from(&self.node), wakes) };
        } else {
            self.lock.release_locked(queue, self.kind, wakes);
        }
    }

    unsafe fn cancel_locked(&self, wakes: &mut WakeBatch) {
        if self.armed.replace(false) {
            // SAFETY: the caller holds the lock.
            let queue = unsafe { self.lock.queue.access() };
            // SAFETY: the node is ours.
            unsafe { self.lock.cancel(queue, self.kind, &self.node, wakes) };
        }
    }

    unsafe fn collect_locked(&self, _wakes: &mut WakeBatch) -> bool {
        self.armed.set(false);
        // SAFETY: (L1): under the lock.
        let granted = unsafe { self.node.seat() }.tag == TAG_GRANTED;
        if granted {
            // SAFETY: the caller holds the lock.
            let queue = unsafe { self.lock.queue.access() };
            // SAFETY: linked as granted, by the tag.
            unsafe { queue.granted.remove(NonNull::from(&self.node)) };
        }
        self.held.set(granted);
        granted
    }
}

impl Drop for RwArm<'_> {
    fn drop(&mut self) {
        if self.armed.get() {
            let mut wakes = WakeBatch::new();
            let guard = self.lock();
            // SAFETY: we hold the lock.
            unsafe { self.cancel_locked(&mut wakes) };
            drop(guard);
            wakes.wake_all();
        } else if self.held.get() {
            match self.kind {
                Kind::Read => self.lock.release_read(),
                Kind::Write => self.lock.release_write(),
            }
        }
    }
}

impl fmt::Debug for RwArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwArm").field("armed", &self.armed).finish_non_exhaustive()
    }
}
