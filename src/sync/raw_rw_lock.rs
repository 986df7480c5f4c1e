//! The lock without data for many readers or one writer: Go's `sync.RWMutex`, and the algorithm of
//! [`RwLock`](super::RwLock).
//!
//! One word says everything that the fast paths need; queues under a lock of their own hold those who
//! wait. It goes by phases, as Go's. A writer that finds readers is *announced*: it waits for them to
//! leave, and no new ones come in. When a writer has had the lock, or has given up waiting, all readers
//! that came meanwhile are let in; then the next writer is announced. So readers wait for one writer at
//! most, and an announced writer is overtaken by nobody. Writers are served first come, first served,
//! unless they find the lock free. (One that finds that readers were let in and have not run since lets them run
//! before it asks, once: see `readers_are_to_come`.)
//!
//! Whoever is let in from a queue has the lock from that moment: it is *granted*, and the waiter need
//! only come and see. A grant that nobody collects is taken back for somebody who would have to wait
//! ([`Waiter::may_be_robbed`]): from a writer, or from all readers who hold up a writer. Who was robbed lines up
//! anew when it looks.
//!
//! # Readers that do not meet
//!
//! Readers count themselves in the word, until two threads have met there again and again with no write in
//! between. From then on each thread counts its readers on a cache line of its own, and a writer adds them up. So
//! readers on different threads do not slow each other down; a write costs a look at each of these lines, and a read
//! waits for one more load behind its exchange, which is why a lock that is often written, or a machine with one
//! processor, does without. (Not taken: one line per thread from the start,
//! which is a kilobyte for a lock that may never be contended; readers in a table shared by all locks, as BRAVO has
//! it, where a guard must know its place in the table, and two locks meet in one.)
//!
//! Which it is stands in `mode`, apart from the word: a load of a word that has just been exchanged waits for the
//! exchange, and costs half as much as another one.
//!
//! # Invariants
//!
//! All bits but `SHARDED` change under the lock of the queues, or in an exchange that finds `WRITER` the only
//! other one set or to be set, and no `QUEUED`. `SHARDED` is set before `mode` is `APART`.
//!
//! * S1. `WRITER` is set exactly while a writer holds the lock, is granted it, or is announced
//!   (`draining`); and while somebody tries, under the lock of the queues. `QUEUED` is set exactly while
//!   somebody is queued, and implies `WRITER`. While `draining` there is a writer in the queue.
//! * S2. The number of readers is the count in the word and those of the shards together: holders and granted
//!   ones, and perhaps some who have counted themselves and are about to see `WRITER` and
//!   leave. A reader counts, then looks for `WRITER`; a writer sets `WRITER`, then counts. It is one exchange of one
//!   word, or both are `SeqCst`; so one of the two sees the other, and once `WRITER` is set the sum does not fall to
//!   zero before the last reader has left: each reader that got in was counted before that, wherever it
//!   leaves, and is in the sum until the writer sees it leave.
//! * S3. A reader that leaves, or that has counted itself in vain, looks for `WRITER` after it; if it is set,
//!   it looks whether a writer waits for the sum to be zero. So the last one to leave is noticed, by
//!   itself or by the writer.
//!
//! [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed

mod acquire;
mod arm;
mod queue;

pub(super) use acquire::Request;
pub use acquire::{RawRead, RawWrite};
pub use arm::RwArm;

use super::raw_mutex::fatal;
use super::shards::{self, Part, Shards};
use crate::runtime::context;
use crate::sys::MODEL;
use crate::sys::const_fn;
use crate::sys::lane::lane;
use crate::sys::sync::OnceLock;
use crate::sys::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};
use crate::wait::batch::WakeBatch;
use crate::wait::object::Object;
use queue::Queue;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A writer holds the lock or is announced: nobody gets in.
const WRITER: usize = 1;
/// Somebody is queued.
const QUEUED: usize = 1 << 1;
/// There may be readers in the shards.
const SHARDED: usize = 1 << 2;
/// One reader.
const READER: usize = 1 << 3;
/// More readers are none: guards were forgotten.
const TOO_MANY: usize = usize::MAX / 2;

// Modes: where a reader counts itself.
/// In the word, where no writer is: whoever releases a lock that nobody holds is found out.
const EXACT: u8 = 0;
/// In the word.
const TOGETHER: u8 = 1;
/// In the shard of its thread.
const APART: u8 = 2;

/// One meeting of two threads' readers, in `met`. What is left over is a lane.
const MEETING: u32 = 1 << 8;
/// So many with no write in between, and readers count apart. Each costs the move of a cache line, tens of nanoseconds.
/// (A lock that is written every hundredth time does not get there, and is twice as fast for it.)
pub(super) const MEETINGS: u32 = if MODEL { 1 } else { 256 };

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Read,
    Write,
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
    mode: AtomicU8,
    /// Of the readers that were not alone inside since the last write: the lane of the latest, plus one, and how often that
    /// was another one than before, see `MEETING`.
    // Ordering: Relaxed: a hint that it is time for `APART`.
    met: AtomicU32,
    shards: OnceLock<Shards>,
    queue: Object<Queue>,
}

impl RawRwLock {
    const_fn! {
        /// An unlocked lock.
        pub const fn new() -> Self {
            Self::with(EXACT)
        }
    }

    const_fn! {
        /// An unlocked lock of which every release is known to be of a holder.
        pub(super) const fn scaling() -> Self {
            Self::with(TOGETHER)
        }
    }

    const_fn! {
        const fn with(mode: u8) -> Self {
            Self {
                state: AtomicUsize::new(0),
                mode: AtomicU8::new(mode),
                met: AtomicU32::new(0),
                shards: OnceLock::new(),
                queue: Object::new(Queue::new()),
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
        RawRead::new(self)
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
        RawWrite::new(self)
    }

    /// Takes the lock for reading if no writer holds it or waits for it, and says whether it did.
    ///
    /// # Go
    ///
    /// `mu.TryRLock()`.
    #[doc(alias = "TryRLock")]
    #[inline]
    pub fn try_read(&self) -> bool {
        match self.enter() {
            Entered::Yes => true,
            Entered::No | Entered::Counted => self.try_locked(Kind::Read),
        }
    }

    /// Takes the lock for writing if nobody holds it or waits for it, and says whether it did.
    ///
    /// # Go
    ///
    /// `mu.TryLock()`.
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
    ///
    /// # Go
    ///
    /// `mu.RUnlock()`, whose misuse is a fatal error.
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
    ///
    /// # Go
    ///
    /// `mu.Unlock()`, whose misuse is a fatal error.
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
    ///
    /// # Go
    ///
    /// `mu.RLocker()`.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let mu = gort::sync::RawRwLock::new();
    /// let locker = mu.rlocker();
    /// locker.lock().await;
    /// assert!(mu.try_read() && !mu.try_write());
    /// mu.unlock_read();
    /// locker.unlock();
    /// # });
    /// ```
    #[doc(alias = "RLocker")]
    pub fn rlocker(&self) -> RLocker<'_> {
        RLocker(self)
    }

    // Getting in without a queue.

    /// Where a reader counts itself.
    #[inline]
    fn mode(&self) -> u8 {
        // Ordering: Acquire pairs with the Release in `shard`, for the shards and for `SHARDED`.
        self.mode.load(Ordering::Acquire)
    }

    /// Counts the caller among the readers, if no writer is there.
    #[inline]
    fn enter(&self) -> Entered {
        match self.mode() {
            APART => self.on_own_part(Self::enter_part),
            // Ordering: Acquire pairs with the Release in `end_phase` and `release_write`: what the last writer
            // did is visible.
            TOGETHER => match self.state.fetch_add(READER, Ordering::Acquire) {
                0 => Entered::Yes,
                old => self.enter_beside(old),
            },
            _ => self.enter_exactly(),
        }
    }

    /// As [`enter`](Self::enter); says whether it did, and looks after the writer if not.
    #[inline]
    fn enter_at_once(&self) -> bool {
        let entered = self.enter();
        if let Entered::Counted = entered {
            self.reader_left();
        }
        matches!(entered, Entered::Yes)
    }

    /// The caller has counted itself in the word, which was `old`: somebody is there.
    #[inline(never)]
    fn enter_beside(&self, old: usize) -> Entered {
        if old & WRITER == 0 {
            if old >= READER {
                self.meet(old);
            }
            return Entered::Yes;
        }
        // Ordering: Relaxed: nothing was done. S3: the caller looks after the writer.
        self.state.fetch_sub(READER, Ordering::Relaxed);
        Entered::Counted
    }

    /// The caller has counted itself in the word, which was `old`, beside other readers.
    #[cold]
    fn meet(&self, old: usize) {
        if old >= TOO_MANY {
            self.state.fetch_sub(READER, Ordering::Relaxed);
            panic!("the guards of too many readers were forgotten");
        }
        let (own, met) = (lane() as u32 + 1, self.met.load(Ordering::Relaxed));
        if met % MEETING == own {
            return;
        }
        if met < MEETINGS * MEETING {
            self.met.store(met - met % MEETING + MEETING + own, Ordering::Relaxed);
        } else if shards::worthwhile() {
            self.shard();
        }
    }

    #[inline(never)]
    fn enter_exactly(&self) -> Entered {
        // Ordering: Relaxed: the exchange decides; Acquire, as in `enter`.
        let entered = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
            assert!(state < TOO_MANY, "too many readers have not unlocked");
            (state & WRITER == 0).then(|| state + READER)
        });
        if entered.is_ok() { Entered::Yes } else { Entered::No }
    }

    /// The shards, once `APART` or `SHARDED` has been seen.
    #[inline]
    fn shards(&self) -> &Shards {
        self.shards.get_or_init(Shards::new)
    }

    /// Does `f` to the part of the number that is the calling thread's.
    #[inline]
    fn on_own_part<R>(&self, f: fn(&Self, &Part) -> R) -> R {
        match self.shards.get().and_then(Shards::own) {
            Some(part) => f(self, part),
            None => self.on_new_part(f),
        }
    }

    #[cold]
    fn on_new_part<R>(&self, f: fn(&Self, &Part) -> R) -> R {
        f(self, self.shards().of(lane()))
    }

    #[inline]
    fn enter_part(&self, part: &Part) -> Entered {
        part.add();
        // Ordering: SeqCst: S2; it includes the Acquire of `enter`.
        if self.state.load(Ordering::SeqCst) & WRITER == 0 {
            return Entered::Yes;
        }
        part.sub();
        Entered::Counted
    }

    #[inline]
    fn leave_part(&self, part: &Part) {
        part.sub();
        // Ordering: SeqCst: S3.
        if self.state.load(Ordering::SeqCst) & WRITER != 0 {
            self.reader_left();
        }
    }

    /// From now on readers count in shards.
    pub(super) fn shard(&self) {
        self.shards();
        // Ordering: Release pairs with the Acquire in `readers`: the shards are there.
        self.state.fetch_or(SHARDED, Ordering::Release);
        // Ordering: Release pairs with the Acquire in `mode`. Whoever counts in a shard has `SHARDED` behind it, and
        // so has the writer that its look at the word does not see.
        self.mode.store(APART, Ordering::Release);
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
            if self.mode() == APART {
                // Only somebody with this lock could set `WRITER` now.
                self.shards().of(lane()).add();
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
        if self.mode() == APART {
            return self.on_own_part(Self::leave_part);
        }
        // Ordering: Release pairs with the Acquire of the writer that finds no reader. It also makes
        // the change and the writer's announcement, which are on one word, see each other.
        if self.state.fetch_sub(READER, Ordering::Release) & WRITER != 0 {
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
        self.met.store(0, Ordering::Relaxed);
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
        if self.mode() != APART {
            // Ordering: Relaxed: ordered by the lock of the queues.
            self.state.fetch_add(count.wrapping_mul(READER), Ordering::Relaxed);
        } else {
            self.shards().of(lane()).add_many(count);
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
    #[allow(dead_code, reason = "of tests without loom")]
    pub(super) fn is_apart(&self) -> bool {
        self.mode() == APART
    }

    #[cfg(test)]
    #[allow(dead_code, reason = "of loom")]
    pub(super) fn sharded() -> Self {
        let lock = Self::scaling();
        lock.shard();
        lock
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
        self.queue.get_mut().abandon();
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
