//! The lock without data: Go's `sync.Mutex`, and the algorithm of [`Mutex`](super::Mutex).
//!
//! One word says everything that the fast paths need; a queue under a lock of its own holds those
//! who wait. A waiter's node is in one of these states, its *tag*:
//!
//! | tag | meaning |
//! |---|---|
//! | `WAITS` | nobody has told it anything that it has not seen; but it may have been woken beside another |
//! | `WOKEN` | it was woken and competes for the lock with everybody else; nothing is reserved for it |
//! | `GRANTED` | the lock is its own (`LOCKED` is set for it); it need only come and see |
//! | `ROBBED` | of a select: the grant was taken back; it begins anew when it comes |
//!
//! Normal mode: a release frees the lock and wakes one waiter, which may lose it to whoever comes
//! first; and those behind it, if it may not come, see below. Starvation mode, entered when a waiter that lost has
//! waited for [`STARVATION`]: a release grants the lock to the head of the queue. A granted waiter leaves the mode if
//! it has not waited that long or is the last.
//!
//! A select that waits for the lock as one of its arms is granted it in either mode: the arm is chosen only
//! when the lock is its own. A waiter that competes could lose, and the select would have chosen an arm that
//! does not take effect.
//!
//! Invariants; all bits but `LOCKED` change only under the queue's lock:
//! * R1. `LOCKED` is set exactly while somebody holds the lock; a `GRANTED` waiter does.
//! * R2. `QUEUED` is set exactly while the queue is not empty. `STARVING` implies `QUEUED`, and
//!   `LOCKED` but for the moment between the two steps of a release: it frees the lock without having
//!   looked, which is one atomic operation, and takes it back if it finds that it should have granted
//!   it. Whoever gets in between has the lock, and its own release grants it.
//! * R3. `WOKEN` is set exactly while one node has the tag `WOKEN`; no more than one has. At most one
//!   node is `GRANTED`.
//! * R4. A node that was woken has no waker any more, until its owner looks again.
//! * R5. If `QUEUED` and neither `LOCKED` nor `WOKEN`, then a release is between freeing the lock
//!   and waking somebody, or no node has a waker.
//!
//! No wake-up is lost: a waiter sets `QUEUED`, or clears `WOKEN`, in the same exchange that finds
//! the lock held, so the release that comes after finds somebody to wake. A waiter that goes away
//! `WOKEN` or `GRANTED` passes on what it was told.
//!
//! A waiter that is kept but not polled holds up nobody who comes. Somebody who would have to wait takes
//! a grant that its own goroutine, or nobody, collects ([`Waiter::may_be_robbed`]), and answers a
//! wake-up in the same way: the next release wakes somebody again. A wake-up that nobody answers is
//! given to the next waiter as well, after [`PATIENCE`] releases.
//!
//! Those behind it who wait already are woken beside it if its goroutine was waiting for something else when the
//! lock was released ([`comes`]; up to [`DOUBTFUL`]). Not if it was granted the lock, which only somebody who comes can
//! take back; nor if it turned to something else when it had been woken. Then they stay asleep until somebody else has to
//! wait. (To find that out at the end of each poll would burden every goroutine: `wait/README.md`.)

#![expect(unsafe_code, reason = "waiters are linked into the queue by address")]

mod requeue;

pub(super) use requeue::Requeue;

use crate::runtime::context;
use crate::sys::clock::{Clock, Nanos};
use crate::sys::point::{self, Op};
use crate::sys::sync::atomic::{AtomicU32, Ordering};
use crate::sys::{MODEL, const_fn};
use crate::wait::arm::{Arm, ObjectGuard, abandon};
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node, Seat};
use crate::wait::object::{Locked, Object};
use crate::wait::place::Place;
use crate::wait::record::{self, Record, WaitReason};
use crate::wait::waiter::Waiter;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker, ready};

/// How long a waiter loses the lock to others before it gets it by right.
const STARVATION: Nanos = 1_000_000;

/// How many releases may pass before an unanswered wake-up is given to somebody else as well.
const PATIENCE: u32 = if MODEL { 2 } else { 256 };

/// How many waiters one release wakes at most, of whom it is not known that they come.
const DOUBTFUL: usize = 4;

/// Somebody holds the lock.
const LOCKED: u32 = 1;
/// The queue is not empty.
const QUEUED: u32 = 1 << 1;
/// A waiter has been woken and not come yet: no other need be woken.
const WOKEN: u32 = 1 << 2;
/// The lock goes to the head of the queue.
const STARVING: u32 = 1 << 3;
/// Tags of nodes, see the module documentation.
const TAG_WAITS: u8 = 0;
const TAG_WOKEN: u8 = 1;
const TAG_GRANTED: u8 = 2;
const TAG_ROBBED: u8 = 3;

/// The word of a lock.
#[derive(Clone, Copy)]
struct State(u32);

impl State {
    fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    /// Whether anybody may take the lock.
    fn is_free(self) -> bool {
        !self.has(LOCKED | STARVING)
    }
}

/// What the queue knows of a waiter: since when it waits.
type Seen = Nanos;

/// Wakers that nobody needs any more, to be dropped outside of the queue's lock.
type Spare = [Option<Waker>; 2];

/// It has been put into the queue by somebody else, and has not looked: it waits from when it does.
const UNSEEN: Seen = Nanos::MAX;

/// A mutual exclusion lock without data, with bare [`lock`](Self::lock) and
/// [`unlock`](Self::unlock).
///
/// It belongs to nobody: one goroutine may lock it and another unlock it. It is a value, to be shared
/// by [`Arc`](std::sync::Arc) or as a `static`. Prefer [`Mutex`](super::Mutex), whose guard cannot be
/// forgotten.
///
/// # Go
///
/// `sync.Mutex`, letter by letter. That Go's unlock of an unlocked mutex cannot be recovered is
/// imitated as far as possible, see [`unlock`](Self::unlock).
///
/// # Examples
///
/// ```
/// use gort::sync::RawMutex;
/// use std::sync::Arc;
///
/// gort::run(async {
///     let mu = Arc::new(RawMutex::new());
///     mu.lock().await;
///     let other = mu.clone();
///     gort::go(async move { other.unlock() });
///     mu.lock().await; // waits for the unlock over there
///     mu.unlock();
/// });
/// ```
#[doc(alias = "sync.Mutex")]
pub struct RawMutex {
    state: AtomicU32,
    /// Releases since a waiter was woken that has not come yet; roughly, nobody waits for the others'
    /// stores.
    ticks: AtomicU32,
    queue: Object<List<Seen>>,
}

impl RawMutex {
    const_fn! {
        /// An unlocked mutex.
        pub const fn new() -> Self {
            Self { state: AtomicU32::new(0), ticks: AtomicU32::new(0), queue: Object::new(List::new()) }
        }
    }

    /// Waits until the lock is free, and takes it. Does not wait if nobody holds it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue; if the lock had already come to it, the
    /// next in the queue gets it.
    ///
    /// # Go
    ///
    /// `mu.Lock()`. Locking twice in one goroutine waits for ever, unless somebody else unlocks.
    #[doc(alias = "Lock")]
    #[track_caller]
    pub fn lock(&self) -> RawLock<'_> {
        self.lock_at(Location::caller())
    }

    /// [`lock`](Self::lock) on behalf of somebody else.
    pub(super) fn lock_at(&self, site: &'static Location<'static>) -> RawLock<'_> {
        RawLock { mutex: self, request: Request::at(site) }
    }

    /// Takes the lock if it is free, and says whether it did.
    ///
    /// False also while the lock is promised to somebody who has waited for long.
    ///
    /// # Go
    ///
    /// `mu.TryLock()`.
    ///
    /// # Examples
    ///
    /// ```
    /// let mu = gort::sync::RawMutex::new();
    /// assert!(mu.try_lock());
    /// assert!(!mu.try_lock());
    /// mu.unlock();
    /// ```
    #[doc(alias = "TryLock")]
    #[inline]
    pub fn try_lock(&self) -> bool {
        // One bit decides: see R2 for `STARVING`.
        // Ordering: Acquire pairs with the Release of whoever released the lock: what was done under
        // it is visible.
        self.state.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0
    }

    /// Blocks the thread until the lock is free, and takes it. For threads outside of async code.
    ///
    /// In a goroutine it works too, but the worker is stuck meanwhile, and another takes its place.
    #[track_caller]
    pub fn blocking_lock(&self) {
        if self.try_lock() {
            return;
        }
        context::block_thread(self.lock());
    }

    /// Releases the lock, whoever took it.
    ///
    /// # Panics
    ///
    /// If it is not locked, with Go's text `sync: unlock of unlocked mutex`.
    ///
    /// # Go
    ///
    /// `mu.Unlock()`. In Go the misuse is a fatal error, which no `recover` stops. Here a goroutine
    /// that catches the panic does not stop it either: its runtime is finished, and `run` and
    /// `block_on` raise the error. Only outside of a runtime is it an ordinary panic.
    #[doc(alias = "Unlock")]
    #[track_caller]
    #[inline]
    pub fn unlock(&self) {
        if !self.try_release() {
            fatal("sync: unlock of unlocked mutex");
        }
    }

    /// Releases the lock that the caller holds.
    #[inline]
    pub(super) fn release(&self) {
        // Ordering: Release pairs with the Acquire in `try_lock` and everywhere else where the lock is
        // taken.
        let old = State(self.state.fetch_sub(LOCKED, Ordering::Release));
        debug_assert!(old.has(LOCKED), "a guard holds the lock");
        if old.has(QUEUED) {
            self.after_release(old);
        }
    }

    /// Releases the lock; false if it was not locked.
    #[inline]
    fn try_release(&self) -> bool {
        // Ordering: Release, as in `release`.
        match self.state.compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => true,
            Err(state) => self.try_release_from(State(state)),
        }
    }

    /// Releases a lock that has waiters; false if it was not locked.
    #[cold]
    fn try_release_from(&self, mut state: State) -> bool {
        while state.has(LOCKED) {
            let new = state.0 - LOCKED;
            // Ordering: Release, as in `release`.
            match self.state.compare_exchange_weak(
                state.0,
                new,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    self.after_release(state);
                    return true;
                }
                Err(now) => state = State(now),
            }
        }
        false
    }

    /// Does what a release owes to the waiters that it found: `old` is what it changed.
    #[cold]
    fn after_release(&self, old: State) {
        if old.has(STARVING) {
            // Second step of R2.
            if self.try_lock() {
                self.hand_over(self.queue.lock());
            }
        } else if !old.has(WOKEN) {
            self.wake_next(self.queue.lock());
        } else {
            // Ordering: Relaxed, and not one operation: a count that is wrong by a few does no harm.
            let ticks = self.ticks.load(Ordering::Relaxed).wrapping_add(1);
            self.ticks.store(ticks, Ordering::Relaxed);
            if ticks % PATIENCE == 0 {
                self.pass_on();
            }
        }
    }

    /// Wakes a waiter, unless the lock is held (its release will do it) or one is awake already.
    fn wake_next(&self, mut queue: Locked<'_, List<Seen>>) {
        let mut wakes = WakeBatch::new();
        self.find_next(&mut queue, &mut wakes);
        drop(queue);
        wakes.wake_all();
    }

    /// Tells a waiter that the lock is free, or gives it to a select. As [`wake_next`](Self::wake_next).
    fn find_next(&self, queue: &mut List<Seen>, wakes: &mut WakeBatch) {
        // Ordering: Relaxed: whoever holds the lock releases it by an exchange on this word, after
        // which it comes here, under this lock, if that exchange found nobody woken.
        let state = State(self.state.load(Ordering::Relaxed));
        if state.has(LOCKED | WOKEN) {
            return;
        }
        if self.tell_first(queue, wakes) == Some(TAG_WOKEN) {
            // Ordering: Relaxed: the bit carries no data; tags are under the queue's lock.
            self.state.fetch_or(WOKEN, Ordering::Relaxed);
        }
    }

    /// Tells the first waiter that can be told: one that competes is woken, a select is given the lock, if
    /// nobody takes it first. Returns what the waiter was told.
    ///
    /// If the one that is woken may not come, the next is told too, and so on. What counts is what was told the
    /// last; the others compete as if they had looked on their own account.
    fn tell_first(&self, queue: &mut List<Seen>, wakes: &mut WakeBatch) -> Option<u8> {
        // Ordering: Relaxed: `STARVING` changes under the queue's lock only.
        let starving = State(self.state.load(Ordering::Relaxed)).has(STARVING);
        let (mut last, mut mine) = (None, false);
        for _ in 0..DOUBTFUL {
            let mut told = None;
            let found = queue.find(|seat| {
                // SAFETY: it is linked, and the caller holds the lock of the queue.
                let select = unsafe { seat.is_select() };
                mine = mine || (select && self.try_lock());
                if select && !mine {
                    // Whoever was faster wakes somebody when it is done.
                    return true;
                }
                let tag = if mine && (select || starving) { TAG_GRANTED } else { TAG_WOKEN };
                told = tell(seat, tag, wakes).then(|| (tag, tag == TAG_GRANTED || comes(seat)));
                told.is_some()
            });
            let (Some(node), Some((tag, comes))) = (found, told) else { break };
            if let Some((before, _)) = last.replace((node, tag)) {
                // SAFETY: (L2): it is linked.
                let before: &Node<Seen> = unsafe { before.as_ref() };
                // SAFETY: (L1): under the lock.
                unsafe { before.seat() }.tag = TAG_WAITS;
            }
            if comes {
                break;
            }
        }
        let tag = last.map(|(_, tag)| tag);
        if mine && tag != Some(TAG_GRANTED) {
            // Ordering: Release, as in `release`, though nothing was done. Whoever found the lock held
            // meanwhile is about to look at it under the lock of the queue.
            self.state.fetch_and(!(LOCKED | STARVING), Ordering::Release);
        }
        tag
    }

    /// The waiter that was woken has let many releases pass. If its goroutine is busy elsewhere,
    /// wakes the next one in its stead.
    #[cold]
    fn pass_on(&self) {
        let mut wakes = WakeBatch::new();
        let mut queue = self.queue.lock();
        let silent = |seat: &mut Seat<Seen>| seat.tag == TAG_WOKEN && may_be_robbed(seat, None);
        let Some(silent) = queue.find(silent) else { return };
        if let Some(tag) = self.tell_first(&mut queue, &mut wakes) {
            // SAFETY: (L2): it is linked.
            let silent = unsafe { silent.as_ref() };
            // SAFETY: (L1): it is linked, and we hold the lock of the queue.
            unsafe { silent.seat() }.tag = TAG_WAITS;
            if tag == TAG_GRANTED {
                // Ordering: Relaxed: the bit carries no data.
                self.state.fetch_and(!WOKEN, Ordering::Relaxed);
            }
            drop(queue);
            wakes.wake_all();
        }
    }

    /// Drops wakers of somebody who has just been given the lock and does not know yet. If that panics,
    /// nobody will ever release the lock but this.
    fn drop_wakers(&self, spare: Spare) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(spare))) {
            self.release();
            resume_unwind(panic);
        }
    }

    /// Gives the lock that the caller holds to a waiter if the lock is starving, else frees it.
    fn hand_over(&self, mut queue: Locked<'_, List<Seen>>) {
        let mut wakes = WakeBatch::new();
        self.give(&mut queue, &mut wakes);
        drop(queue);
        wakes.wake_all();
    }

    /// As [`hand_over`](Self::hand_over), under the lock of the queue.
    fn give(&self, queue: &mut List<Seen>, wakes: &mut WakeBatch) {
        // Ordering: Relaxed: `STARVING` changes under the queue's lock only.
        if State(self.state.load(Ordering::Relaxed)).has(STARVING)
            && queue.find(|seat| tell(seat, TAG_GRANTED, wakes)).is_some()
        {
            return;
        }
        // The last waiter has left, or none is left that could be told.
        // Ordering: Release, as in `try_release`.
        let old = State(self.state.fetch_and(!(LOCKED | STARVING), Ordering::Release));
        if old.has(QUEUED) && !old.has(WOKEN) {
            self.find_next(queue, wakes);
        }
    }

    /// Takes the lock if it is free, else sets and clears bits, in one exchange. Returns whether it
    /// took the lock.
    fn try_lock_or(&self, set: u32, clear: u32) -> bool {
        // Ordering: Relaxed: the exchanges below decide.
        let mut state = State(self.state.load(Ordering::Relaxed));
        loop {
            let free = state.is_free();
            let new = if free { state.0 | LOCKED } else { (state.0 | set) & !clear };
            // Ordering: Acquire, as in `try_lock`, for the case that the lock is taken.
            match self.state.compare_exchange_weak(
                state.0,
                new,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return free,
                Err(now) => state = State(now),
            }
        }
    }

    /// Takes the lock if it is free, else sets bits. Clears others in any case: a wake-up that is
    /// answered.
    fn compete(&self, set: u32, clear: u32) -> bool {
        let acquired = self.try_lock_or(set, clear);
        if acquired && clear != 0 {
            // Ordering: Relaxed: the bits carry no data.
            self.state.fetch_and(!clear, Ordering::Relaxed);
        }
        acquired
    }

    /// Answers for a waiter that was woken and does not come, if there is one. Returns the bits that
    /// the caller, who competes for the lock now, has to clear.
    fn answer_for_silent(&self, queue: &List<Seen>) -> u32 {
        // Ordering: Relaxed: `WOKEN` changes under the queue's lock only.
        if !State(self.state.load(Ordering::Relaxed)).has(WOKEN) {
            return 0;
        }
        let robber = record::current();
        let silent = queue.find(|seat| {
            let silent = seat.tag == TAG_WOKEN && may_be_robbed(seat, robber);
            if silent {
                seat.tag = TAG_WAITS;
            }
            silent
        });
        silent.map_or(0, |_| WOKEN)
    }

    /// Takes the lock from a waiter that was granted it and does not come, if there is one.
    fn rob(queue: &List<Seen>) -> bool {
        let robber = record::current();
        let robbed = queue.find(|seat| {
            let robbed = seat.tag == TAG_GRANTED && may_be_robbed(seat, robber);
            if robbed {
                // SAFETY: it is linked, and the caller holds the lock of the queue.
                seat.tag = if unsafe { seat.is_select() } { TAG_ROBBED } else { TAG_WAITS };
            }
            robbed
        });
        robbed.is_some()
    }

    /// Takes a node out of the queue, and clears bits.
    ///
    /// # Safety
    ///
    /// The node is in it.
    unsafe fn unlink(&self, queue: &mut List<Seen>, node: &Node<Seen>, clear: u32) {
        // SAFETY: by this function's contract.
        unsafe { queue.remove(NonNull::from(node)) };
        let clear = if queue.is_empty() { clear | QUEUED | STARVING } else { clear };
        if clear != 0 {
            // Ordering: Relaxed: these bits change under the queue's lock only, and carry no data.
            self.state.fetch_and(!clear, Ordering::Relaxed);
        }
    }
}

/// See [`Waiter::may_be_robbed`]. For nodes of the queue, under its lock.
fn may_be_robbed(seat: &Seat<Seen>, robber: Option<&'static Record>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock of the queue.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2): as above.
    unsafe { waiter.may_be_robbed(robber) }
}

/// Tells a waiter, in the queue and under its lock, what `tag` says. False if it was told before and has not
/// looked since, or is a select that has been decided otherwise.
fn tell(seat: &mut Seat<Seen>, tag: u8, wakes: &mut WakeBatch) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock of the queue.
    if !unsafe { seat.claim() } {
        return false;
    }
    // SAFETY: as above.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2), or (W3): we hold the lock, and have won the claim.
    let Some(waker) = (unsafe { waiter.take_waker() }) else { return false };
    wakes.push(waker);
    seat.tag = tag;
    true
}

/// Whether a plain waiter looks at the lock sooner or later, by what its goroutine said last: that it waits for a
/// lock, or for a time. Of one that is no goroutine nothing is known, and it is believed. Under the lock of the queue.
fn comes(seat: &Seat<Seen>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock of the queue.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2): as above.
    match unsafe { waiter.reason() } {
        None | Some(WaitReason::MutexLock | WaitReason::Sleep) => true,
        // It was put here by a broadcast, and not woken.
        Some(WaitReason::CondWait) => seat.data == UNSEEN,
        Some(_) => false,
    }
}

/// The time on the clock of the current runtime.
fn now() -> Nanos {
    context::with_worker(|worker| worker.map(|worker| worker.shared().clock.now()))
        .unwrap_or_else(|| Clock::Real.now())
}

/// A misuse that is fatal in Go.
#[cold]
#[track_caller]
pub(super) fn fatal(text: &str) -> ! {
    if let Some(runtime) = context::running_in() {
        let goroutine = record::current().map_or(0, |record| record.id());
        runtime.fatal(format!("fatal error: {text}\n\ngoroutine {goroutine} [running]:"), None);
    }
    panic!("{text}");
}

impl Default for RawMutex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ordering: Relaxed: a look without consequences.
        let state = State(self.state.load(Ordering::Relaxed));
        f.debug_struct("RawMutex").field("locked", &state.has(LOCKED)).finish_non_exhaustive()
    }
}

impl Drop for RawMutex {
    fn drop(&mut self) {
        // Only forgotten futures can still be linked: others borrow the mutex.
        self.queue.get_mut().abandon();
    }
}

/// The future of [`RawMutex::lock`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RawLock<'a> {
    mutex: &'a RawMutex,
    request: Request,
}

impl Future for RawLock<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mutex = self.mutex;
        self.request().poll(mutex, cx)
    }
}

impl<'a> RawLock<'a> {
    /// The operation, of a future that has not been polled.
    pub(crate) fn into_arm(self) -> LockArm<'a> {
        self.request.assert_new();
        LockArm::new(self.mutex)
    }

    /// The same as somebody else may start it.
    pub(super) fn requeue(self: Pin<&mut Self>) -> Requeue {
        let mutex = self.mutex;
        self.request().requeue(mutex)
    }

    #[inline]
    fn request(self: Pin<&mut Self>) -> Pin<&mut Request> {
        // SAFETY: the request stays where it is.
        unsafe { self.map_unchecked_mut(|this| &mut this.request) }
    }

    /// A poll at a given time, without the quick look at the lock before.
    #[cfg(test)]
    pub(super) fn poll_at(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        now: impl FnOnce() -> Nanos,
    ) -> Poll<()> {
        let mutex = self.mutex;
        self.request().poll_at(mutex, cx, now)
    }
}

impl Drop for RawLock<'_> {
    #[inline]
    fn drop(&mut self) {
        self.request.leave(self.mutex);
    }
}

impl fmt::Debug for RawLock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queued = matches!(self.request.stage, Stage::Queued(_));
        f.debug_struct("RawLock").field("queued", &queued).finish_non_exhaustive()
    }
}

/// A wish for one lock: whoever owns it gives that to each call. It [leaves](Self::leave) before it goes. (It does not
/// keep the lock, as each store before the exchange is one that the exchange waits for.)
pub(super) struct Request {
    site: &'static Location<'static>,
    stage: Stage,
}

enum Stage {
    /// Not in the queue.
    New,
    /// In the queue.
    Queued(Place<Seen>),
    /// The lock was taken, and yielded.
    Done,
}

impl Request {
    #[track_caller]
    pub(super) fn new() -> Self {
        Self::at(Location::caller())
    }

    fn at(site: &'static Location<'static>) -> Self {
        Self { site, stage: Stage::New }
    }

    pub(super) fn assert_new(&self) {
        debug_assert!(matches!(self.stage, Stage::New), "a future that was polled does not move");
    }

    #[inline]
    pub(super) fn poll(self: Pin<&mut Self>, mutex: &RawMutex, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::New) && mutex.try_lock() {
            // SAFETY: a `New` stage may be replaced, and nothing else is.
            unsafe { self.get_unchecked_mut() }.stage = Stage::Done;
            return Poll::Ready(());
        }
        self.poll_slow(mutex, cx)
    }

    #[cold]
    fn poll_slow(self: Pin<&mut Self>, mutex: &RawMutex, cx: &mut Context<'_>) -> Poll<()> {
        assert!(!matches!(self.stage, Stage::Done), "`lock` polled after it was ready");
        ready!(point::poll(cx, Op::Sync));
        self.poll_at(mutex, cx, now)
    }

    /// [`poll_slow`](Self::poll_slow) at a given time.
    fn poll_at(
        self: Pin<&mut Self>,
        mutex: &RawMutex,
        cx: &mut Context<'_>,
        now: impl FnOnce() -> Nanos,
    ) -> Poll<()> {
        // SAFETY: a `Queued` place stays where it is until it has been unlinked.
        let this = unsafe { self.get_unchecked_mut() };
        if matches!(&this.stage, Stage::Queued(place) if place.answer(mutex)) {
            this.stage = Stage::Done;
            return Poll::Ready(());
        }
        let (waker, now) = (cx.waker().clone(), now());
        let (acquired, spare) = match this.stage {
            Stage::Queued(_) => this.look_again(mutex, waker, now),
            _ => this.enqueue(mutex, waker, now),
        };
        if acquired {
            // First: the place in the queue is gone.
            this.stage = Stage::Done;
            mutex.drop_wakers(spare);
            return Poll::Ready(());
        }
        drop(spare);
        point::refund();
        record::park(WaitReason::MutexLock, this.site);
        Poll::Pending
    }

    /// Takes the lock, or enters the queue. Returns whether it took the lock.
    fn enqueue(&mut self, mutex: &RawMutex, waker: Waker, now: Nanos) -> (bool, Spare) {
        let mut queue = mutex.queue.lock();
        let answered = mutex.answer_for_silent(&queue);
        if mutex.compete(QUEUED, answered) || RawMutex::rob(&queue) {
            return (true, [Some(waker), None]);
        }
        self.stage = Stage::Queued(Place::new(now));
        let Stage::Queued(place) = &self.stage else { unreachable!("stored above") };
        // SAFETY: new, and pinned with this request, which leaves before it goes.
        unsafe { place.enter(&mut queue, waker) };
        (false, [None, None])
    }

    /// From the queue: takes the lock and leaves, or stays. Returns as [`enqueue`](Self::enqueue).
    fn look_again(&mut self, mutex: &RawMutex, waker: Waker, now: Nanos) -> (bool, Spare) {
        let Stage::Queued(place) = &self.stage else { unreachable!("the caller looked") };
        let mut queue = mutex.queue.lock();
        // SAFETY: the node is linked, and we hold the lock of the queue.
        let seat = unsafe { place.node.seat() };
        let tag = std::mem::replace(&mut seat.tag, TAG_WAITS);
        seat.data = seat.data.min(now);
        let starved = now - seat.data > STARVATION;
        if tag == TAG_GRANTED {
            if !starved {
                // Ordering: Relaxed: the bit changes under the queue's lock only.
                mutex.state.fetch_and(!STARVING, Ordering::Relaxed);
            }
        } else {
            let starve = if starved { STARVING } else { 0 };
            let answered = if tag == TAG_WOKEN { WOKEN } else { mutex.answer_for_silent(&queue) };
            if !mutex.compete(starve, answered) && !RawMutex::rob(&queue) {
                // SAFETY: (W2): we hold the lock of the queue.
                return (false, [unsafe { place.waiter.replace(Some(waker)) }, None]);
            }
        }
        (true, [place.leave(mutex, &mut queue), Some(waker)])
    }

    /// Gives up the place in the queue, and what it was told.
    #[inline]
    pub(super) fn leave(&mut self, mutex: &RawMutex) {
        if let Stage::Queued(place) = &self.stage {
            place.cancel(mutex);
        }
    }
}

impl Place<Seen> {
    /// The common case, which needs neither a waker nor the time: the waiter was woken, and nobody was
    /// faster. Takes the lock then, and leaves the queue.
    fn answer(&self, mutex: &RawMutex) -> bool {
        let queue = &mut *mutex.queue.lock();
        // SAFETY: the node is linked, and we hold the lock of the queue.
        let woken = unsafe { self.node.seat() }.tag == TAG_WOKEN;
        if !woken || !mutex.try_lock() {
            return false;
        }
        // SAFETY: it is linked. No waker is left behind: R4.
        unsafe { mutex.unlink(queue, &self.node, WOKEN) };
        true
    }

    /// Leaves the queue; returns a waker to be dropped outside of its lock.
    fn leave(&self, mutex: &RawMutex, queue: &mut List<Seen>) -> Option<Waker> {
        // SAFETY: the node is linked: we are `Queued`, and nobody else unlinks.
        unsafe { mutex.unlink(queue, &self.node, 0) };
        // SAFETY: (W2): we hold the lock of the queue.
        unsafe { self.waiter.take_waker() }
    }

    /// Gives up the place in the queue, and passes on what the waiter was told.
    #[cold]
    fn cancel(&self, mutex: &RawMutex) {
        let mut queue = mutex.queue.lock();
        // SAFETY: the node is linked, and we hold the lock of the queue.
        let tag = unsafe { self.node.seat() }.tag;
        let spare = self.leave(mutex, &mut queue);
        match tag {
            TAG_GRANTED => mutex.hand_over(queue),
            TAG_WOKEN => {
                // Ordering: Relaxed: the bits carry no data. If the lock is held now, its release
                // comes later in the order of this word and finds nobody woken.
                mutex.state.fetch_and(!WOKEN, Ordering::Relaxed);
                mutex.wake_next(queue);
            }
            _ => drop(queue),
        }
        drop(spare);
    }
}

/// Taking the lock, as an arm of a select.
#[doc(hidden)]
pub struct LockArm<'a> {
    mutex: &'a RawMutex,
    /// Whether the node is in the queue.
    armed: Cell<bool>,
    /// Whether the lock was taken and not given out.
    held: Cell<bool>,
    node: Node<Seen>,
}

// SAFETY: the node is shared under the lock of the queue; the cells are the owner's.
unsafe impl Send for LockArm<'_> {}

impl<'a> LockArm<'a> {
    pub(super) fn new(mutex: &'a RawMutex) -> Self {
        Self { mutex, armed: Cell::new(false), held: Cell::new(false), node: Node::new(0) }
    }

    /// Hands the lock over to the caller, who releases it. The arm must be done.
    pub(crate) fn take(&self) {
        assert!(self.held.replace(false), "the arm has not been chosen");
    }

    /// Leaves the queue, with what the node was told.
    ///
    /// # Safety
    ///
    /// The arm is in the queue, whose lock the caller holds.
    unsafe fn leave(&self, queue: &mut List<Seen>) -> u8 {
        self.armed.set(false);
        // SAFETY: by this function's contract; nobody else unlinks.
        unsafe { self.mutex.unlink(queue, &self.node, 0) };
        // SAFETY: (L1): not linked.
        unsafe { self.node.seat() }.tag
    }
}

// SAFETY: the key and the lock are those of the queue; `drop` unlinks and releases.
unsafe impl Arm for LockArm<'_> {
    fn key(&self) -> Option<usize> {
        Some(self.mutex.queue.key())
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.mutex.queue.lock_only()
    }

    fn not_ready(&self) -> Option<u32> {
        // The word has no room for a number of the moment.
        None
    }

    unsafe fn try_locked(&self, _wakes: &mut WakeBatch) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.mutex.queue.access() };
        let answered = self.mutex.answer_for_silent(queue);
        let acquired = self.mutex.compete(0, answered);
        self.held.set(acquired);
        acquired
    }

    unsafe fn may_reclaim_locked(&self, goroutine: Option<&'static Record>) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.mutex.queue.access() };
        queue.find(|seat| seat.tag == TAG_GRANTED && may_be_robbed(seat, goroutine)).is_some()
    }

    unsafe fn reclaim_locked(
        &self,
        _goroutine: Option<&'static Record>,
        _wakes: &mut WakeBatch,
    ) -> bool {
        // SAFETY: the caller holds the lock.
        let robbed = RawMutex::rob(unsafe { self.mutex.queue.access() });
        self.held.set(robbed);
        robbed
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, wakes: &mut WakeBatch) {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.mutex.queue.access() };
        self.armed.set(true);
        // SAFETY: not linked, so ours; the waiter lives as long as it is, by the contract of `Arm`.
        unsafe { self.node.assign(waiter, case) };
        // SAFETY: (L1): not linked, so ours.
        unsafe { self.node.seat() }.tag = TAG_WAITS;
        // SAFETY: pinned, not linked and assigned; `drop` unlinks it.
        unsafe { queue.push_back(NonNull::from(&self.node)) };
        if !self.mutex.compete(QUEUED, 0) {
            return;
        }
        // It was released since it was tried: as if that came after.
        // Ordering: Relaxed: the bit carries no data.
        self.mutex.state.fetch_or(QUEUED, Ordering::Relaxed);
        self.mutex.give(queue, wakes);
    }

    unsafe fn cancel_locked(&self, wakes: &mut WakeBatch) {
        if !self.armed.get() {
            return;
        }
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.mutex.queue.access() };
        // SAFETY: armed, so it is in the queue.
        if unsafe { self.leave(queue) } == TAG_GRANTED {
            self.mutex.give(queue, wakes);
        }
    }

    unsafe fn collect_locked(&self, _wakes: &mut WakeBatch) -> bool {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.mutex.queue.access() };
        // SAFETY: chosen and not collected, so it is in the queue.
        let granted = unsafe { self.leave(queue) } == TAG_GRANTED;
        self.held.set(granted);
        granted
    }
}

impl Drop for LockArm<'_> {
    fn drop(&mut self) {
        if self.armed.get() {
            // SAFETY: enqueued, so pinned; this is the end of it.
            unsafe { abandon(self) };
        } else if self.held.get() {
            self.mutex.release();
        }
    }
}

impl fmt::Debug for LockArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockArm").field("armed", &self.armed).finish_non_exhaustive()
    }
}
