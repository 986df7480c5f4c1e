//! Waiting for a number of goroutines: Go's `sync.WaitGroup`.
//!
//! One word holds the counter (upper half, signed) and the number of waiters (lower half), so that
//! [`add`](WaitGroup::add) and a wait that need not wait are one atomic operation. Waiters stand in a
//! list under a lock.
//!
//! Invariants:
//! * G1. The lower half changes under the lock only. It is the number of waiters of the current
//!   generation, except between the change that brought the counter to zero and the critical section
//!   in which the same caller sets the word to 0 and starts the next generation.
//! * G2. A waiter is linked, with the generation at that time, only in an exchange that finds the
//!   counter not zero. So the list is sorted by generation, and the waiters of a generation that is
//!   over stand in front.
//!
//! No wake-up is lost: the counter reaches zero either before that exchange, which then fails, or
//! after it, and then the change sees the waiter in the word. Nothing is handed to a waiter, so
//! nothing has to be given back when one is dropped.

#![expect(unsafe_code, reason = "waiters are linked into the list by address")]

use crate::runtime::{self, context, panic};
use crate::sys::sync::atomic::{AtomicU64, Ordering};
use crate::sys::unwind::FirstPanic;
use crate::wait::arm::{Arm, ObjectGuard, abandon};
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Node};
use crate::wait::object::Object;
use crate::wait::place::Place;
use crate::wait::record::{self, Record, WaitReason};
use crate::wait::waiter::Waiter;
use pin_project_lite::pin_project;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const NEGATIVE: &str = "sync: negative WaitGroup counter";
const MISUSE: &str = "sync: WaitGroup misuse: Add called concurrently with Wait";
const REUSED: &str = "sync: WaitGroup is reused before previous Wait has returned";

/// The word of a group.
#[derive(Clone, Copy)]
struct State(u64);

impl State {
    /// One waiter.
    const WAITER: u64 = 1;

    fn counter(self) -> i32 {
        (self.0 >> 32) as i32
    }

    fn waiters(self) -> u32 {
        self.0 as u32
    }

    /// What to add to the word for `delta`; wraps in the upper half.
    fn change(delta: i32) -> u64 {
        u64::from(delta as u32) << 32
    }
}

/// Proof that a counter was brought to zero.
#[must_use = "those who wait are to be told"]
pub(crate) struct Zero(State);

/// The number of times that the counter has come down to zero with somebody waiting.
type Generation = u32;

/// A counter, and who waits for zero: a [`WaitGroup`] without handles.
pub(crate) struct Count {
    state: AtomicU64,
    queue: Object<Queue>,
}

struct Queue {
    list: List<Generation>,
    generation: Generation,
}

impl Drop for Count {
    fn drop(&mut self) {
        // Only forgotten futures can still be linked: others borrow a handle.
        self.queue.get_mut().list.abandon();
    }
}

/// Waits for a number of goroutines, or of anything, to be done.
///
/// Whoever starts work [adds](Self::add) to the counter, whoever ends it says [`done`](Self::done), and
/// [`wait`](Self::wait) waits for zero. [`go`](Self::go) does the first two.
///
/// It is a handle: clones share the counter, and are equal.
///
/// # Go
///
/// `sync.WaitGroup`, with the same panics. Where Go passes a pointer, clone.
///
/// # Examples
///
/// ```
/// use gort::sync::WaitGroup;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// gort::run(async {
///     let (wg, sum) = (WaitGroup::new(), Arc::new(AtomicU32::new(0)));
///     for i in 0..10 {
///         let sum = sum.clone();
///         wg.go(async move { sum.fetch_add(i, Ordering::Relaxed) });
///     }
///     wg.wait().await;
///     assert_eq!(sum.load(Ordering::Relaxed), 45);
/// });
/// ```
#[doc(alias = "sync.WaitGroup")]
#[derive(Clone)]
pub struct WaitGroup {
    count: Arc<Count>,
}

impl WaitGroup {
    /// A group whose counter is zero.
    #[must_use]
    pub fn new() -> Self {
        Self { count: Arc::new(Count::new()) }
    }

    /// Adds `delta`, which may be negative, to the counter. At zero everybody who waits goes on.
    ///
    /// An addition to a counter that is zero must come before the [`wait`](Self::wait) that is to
    /// see it; so add before you start the work, not in it.
    ///
    /// # Panics
    ///
    /// With Go's texts: `sync: negative WaitGroup counter`, if it becomes negative;
    /// `sync: WaitGroup misuse: Add called concurrently with Wait`, if that is seen to happen. The
    /// counter wraps at 32 bits.
    ///
    /// # Go
    ///
    /// `wg.Add(delta)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let wg = gort::sync::WaitGroup::new();
    /// wg.add(2);
    /// for _ in 0..2 {
    ///     let wg = wg.clone();
    ///     gort::go(async move { wg.done() });
    /// }
    /// wg.wait().await;
    /// # });
    /// ```
    #[doc(alias = "Add")]
    #[track_caller]
    #[inline]
    pub fn add(&self, delta: i32) {
        if let Err(text) = self.count.change(delta) {
            complain(text);
        }
    }

    /// Takes one from the counter.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    ///
    /// # Go
    ///
    /// `wg.Done()`.
    #[doc(alias = "Done")]
    #[track_caller]
    #[inline]
    pub fn done(&self) {
        self.add(-1);
    }

    /// A guard that says [`done`](Self::done) when it is dropped; Go's `defer wg.Done()`.
    ///
    /// # Go
    ///
    /// `defer wg.Done()`.
    ///
    /// ```
    /// # use gort::sync::WaitGroup;
    /// let wg = WaitGroup::new();
    /// wg.add(1);
    /// drop(wg.guard());
    /// wg.blocking_wait();
    /// ```
    #[doc(alias = "Done")]
    pub fn guard(&self) -> DoneGuard {
        DoneGuard { group: Some(self.clone()) }
    }

    /// Adds one to the counter and starts a goroutine that takes it back when it ends.
    ///
    /// If the goroutine panics, it does *not* take it back, so that nobody goes on as if all had gone
    /// well; the panic is fatal, as it is after [`go`](fn@crate::go), and is reported, as in Go, as
    /// `[recovered, repanicked]`. After
    /// [`goexit`](crate::runtime::goexit) and when the goroutine is dropped at a shutdown, it does.
    ///
    /// # Panics
    ///
    /// As [`add`](Self::add).
    ///
    /// # Go
    ///
    /// `wg.Go(f)`.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let (wg, done) = (gort::sync::WaitGroup::new(), gort::Chan::new(3));
    /// for n in 1..=3 {
    ///     let done = done.clone();
    ///     wg.go(async move { done.send(n).await });
    /// }
    /// wg.wait().await;
    /// assert_eq!(done.len(), 3);
    /// # });
    /// ```
    #[doc(alias = "Go")]
    #[track_caller]
    pub fn go<F>(&self, future: F)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.add(1);
        drop(runtime::go(Member { future, done: self.guard() }));
    }

    /// Waits until the counter is zero. What the members did before they were done is visible then.
    ///
    /// Any number may wait at a time. The group may be used again when all of them have returned.
    ///
    /// # Panics
    ///
    /// With Go's text `sync: WaitGroup is reused before previous Wait has returned`, if the counter
    /// was zero and is not any more when the waiter gets to run.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait and changes nothing else.
    ///
    /// # Go
    ///
    /// `wg.Wait()`. Here it can be an arm of a [`select!`](macro@crate::select).
    ///
    /// # Examples
    ///
    /// ```
    /// use gort::select;
    /// use gort::sync::WaitGroup;
    /// use gort::time::{Duration, after};
    ///
    /// # gort::run(async {
    /// let wg = WaitGroup::new();
    /// wg.go(std::future::pending::<()>());
    /// select! {
    ///     () = wg.wait() => unreachable!("it never ends"),
    ///     <-after(Duration::from_millis(1)) => println!("waited long enough"),
    /// }
    /// # });
    /// ```
    #[doc(alias = "Wait")]
    #[track_caller]
    pub fn wait(&self) -> Wait<'_> {
        self.count.wait()
    }

    /// Blocks the thread until the counter is zero. For threads outside of async code.
    ///
    /// In a goroutine it works too, but the worker is stuck meanwhile, and another takes its place.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    ///
    /// # Go
    ///
    /// `wg.Wait()`.
    #[doc(alias = "Wait")]
    #[track_caller]
    pub fn blocking_wait(&self) {
        if self.count.state().counter() != 0 {
            context::block_thread(self.wait());
        }
    }
}

impl Count {
    pub(crate) fn new() -> Self {
        let queue = Queue { list: List::new(), generation: 0 };
        Self { state: AtomicU64::new(0), queue: Object::new(queue) }
    }

    /// See [`WaitGroup::wait`].
    #[track_caller]
    pub(crate) fn wait(&self) -> Wait<'_> {
        Wait { count: self, site: Location::caller(), stage: Stage::New }
    }

    /// Adds one. Calls `first` if it was zero, before it panics.
    ///
    /// # Panics
    ///
    /// As [`WaitGroup::add`].
    #[track_caller]
    #[inline]
    pub(crate) fn enter(&self, first: impl FnOnce()) {
        let new = self.shift(1);
        if new.counter() == 1 {
            first();
        }
        if let Err(text) = self.settle(new, 1) {
            complain(text);
        }
    }

    /// Takes one away, and does not touch this any more unless it is zero then: the caller has to tell those who wait.
    #[inline]
    pub(crate) fn leave(&self) -> Option<Zero> {
        let new = self.shift(-1);
        (new.counter() <= 0).then_some(Zero(new))
    }

    /// Wakes those who wait for the zero that the caller has brought about.
    ///
    /// # Panics
    ///
    /// As [`WaitGroup::add`].
    #[track_caller]
    pub(crate) fn tell(&self, zero: Zero) {
        if let Err(text) = self.settle(zero.0, -1) {
            complain(text);
        }
    }

    /// For a waiter that returns from the list.
    ///
    /// # Panics
    ///
    /// If the group is in use again.
    #[track_caller]
    fn check_returned(&self) {
        if self.state().0 != 0 {
            complain(REUSED);
        }
    }

    fn state(&self) -> State {
        // Ordering: Acquire pairs with the Release of the changes in `change`: whoever finds zero
        // sees what was done before every one of them.
        State(self.state.load(Ordering::Acquire))
    }

    /// Counts one waiter, under the lock of the list, unless the counter is zero. Returns whether it did.
    fn count_waiter(&self) -> bool {
        let mut state = self.state();
        while state.counter() != 0 {
            // Ordering: Acquire, as in `state`, for the case of failure; success carries no data.
            let exchanged = self.state.compare_exchange_weak(
                state.0,
                state.0 + State::WAITER,
                Ordering::Acquire,
                Ordering::Acquire,
            );
            match exchanged {
                Ok(_) => return true,
                Err(now) => state = State(now),
            }
        }
        false
    }

    /// Takes a waiter out of the list, and out of the count if it was counted there.
    ///
    /// # Safety
    ///
    /// The node is in the list, whose lock the caller holds.
    unsafe fn unlink(&self, queue: &mut Queue, node: &Node<Generation>) {
        // SAFETY: by this function's contract.
        unsafe { queue.list.remove(NonNull::from(node)) };
        // SAFETY: (L1): under the lock.
        if unsafe { node.seat() }.data == queue.generation {
            // Ordering: Relaxed: under the lock, and carries no data.
            self.state.fetch_sub(State::WAITER, Ordering::Relaxed);
        }
    }

    /// Changes the counter. The error is what Go panics with.
    #[inline]
    fn change(&self, delta: i32) -> Result<(), &'static str> {
        self.settle(self.shift(delta), delta)
    }

    /// Changes the word, and does nothing about it.
    #[inline]
    fn shift(&self, delta: i32) -> State {
        let change = State::change(delta);
        // Ordering: AcqRel: Release publishes what the caller did to whoever finds zero; Acquire,
        // because the one who brings it to zero publishes the others' work to the waiters.
        let old = self.state.fetch_add(change, Ordering::AcqRel);
        State(old.wrapping_add(change))
    }

    /// Does what follows from a change by `delta`, after which the word was `new`.
    #[inline]
    fn settle(&self, new: State, delta: i32) -> Result<(), &'static str> {
        if new.counter() > 0 && (new.waiters() == 0 || delta <= 0 || new.counter() != delta) {
            return Ok(());
        }
        self.at_the_edge(new, delta)
    }

    /// The counter is zero or has just left it, or is negative.
    fn at_the_edge(&self, new: State, delta: i32) -> Result<(), &'static str> {
        if new.counter() < 0 {
            return Err(NEGATIVE);
        }
        if new.waiters() == 0 {
            return Ok(());
        }
        if new.counter() > 0 && new.counter() == delta {
            return Err(MISUSE);
        }
        self.release_waiters()
    }

    /// The counter has come to zero, and somebody waits.
    #[cold]
    fn release_waiters(&self) -> Result<(), &'static str> {
        let mut queue = self.queue.lock();
        // Ordering: Relaxed: what the members did came with the change in `change`.
        let state = self.state.load(Ordering::Relaxed);
        let reset = State(state).counter() == 0
            && self.state.compare_exchange(state, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if !reset {
            return Err(MISUSE);
        }
        queue.generation = queue.generation.wrapping_add(1);
        let current = queue.generation;
        let (mut wakes, mut panic) = (WakeBatch::new(), FirstPanic::default());
        loop {
            while !wakes.is_full() && queue.complete_one(current, &mut wakes) {}
            let more = wakes.is_full();
            drop(queue);
            panic.catch(|| wakes.wake_all());
            if !more {
                panic.resume();
                return Ok(());
            }
            queue = self.queue.lock();
        }
    }
}

impl Queue {
    /// Completes the first waiter if its generation is over.
    fn complete_one(&mut self, current: Generation, wakes: &mut WakeBatch) -> bool {
        let Some(node) = self.list.front() else { return false };
        // SAFETY: (L2): it is linked.
        let node = unsafe { node.as_ref() };
        // SAFETY: (L1): linked, and the caller holds the lock. The reference ends at once.
        let generation = unsafe { node.seat() }.data;
        if generation == current {
            return false;
        }
        // SAFETY: it is linked, and the caller holds the lock.
        let won = unsafe { node.claim() };
        self.list.pop_front();
        if won {
            // SAFETY: won just now, under the lock that the caller holds.
            if let Some(waker) = unsafe { node.complete() } {
                wakes.push(waker);
            }
        }
        true
    }
}

#[cold]
#[track_caller]
fn complain(text: &str) -> ! {
    panic!("{text}");
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for WaitGroup {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.count, &other.count)
    }
}

impl Eq for WaitGroup {}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count.fmt(f)
    }
}

impl fmt::Debug for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("WaitGroup")
            .field("counter", &state.counter())
            .field("waiters", &state.waiters())
            .finish()
    }
}

/// Says [`done`](WaitGroup::done) when it is dropped; made by [`WaitGroup::guard`].
#[derive(Debug)]
#[must_use = "dropping the guard is what says `done`"]
pub struct DoneGuard {
    group: Option<WaitGroup>,
}

impl DoneGuard {
    /// Gives up the guard without saying anything.
    fn disarm(&mut self) {
        self.group = None;
    }
}

impl Drop for DoneGuard {
    fn drop(&mut self) {
        if let Some(Err(text)) = self.group.take().map(|group| group.count.change(-1)) {
            // A second panic would end the process.
            if !std::thread::panicking() {
                complain(text);
            }
        }
    }
}

pin_project! {
    /// A goroutine of [`WaitGroup::go`]. The fields are dropped in this order.
    struct Member<F> {
        #[pin]
        future: F,
        done: DoneGuard,
    }
}

impl<F: Future> Future for Member<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        catch_unwind(AssertUnwindSafe(|| this.future.poll(cx))).unwrap_or_else(|payload| {
            if panic::is_goexit(&*payload) {
                resume_unwind(payload);
            }
            this.done.disarm();
            panic::repanic(payload)
        })
    }
}

/// The future of [`WaitGroup::wait`].
#[must_use = "nothing is waited for until the future is awaited"]
pub struct Wait<'a> {
    count: &'a Count,
    site: &'static Location<'static>,
    stage: Stage,
}

enum Stage {
    /// Not in the list.
    New,
    /// In the list, or completed and not seen.
    Waiting(Place<Generation>),
    /// The counter was zero.
    Done,
}

impl Future for Wait<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: a `Waiting` place stays where it is until it has been unlinked.
        let this = unsafe { self.get_unchecked_mut() };
        let over = match &this.stage {
            Stage::New => this.count.state().counter() == 0 || !this.enqueue(cx.waker().clone()),
            Stage::Waiting(place) => place.look_again(this.count, cx),
            Stage::Done => panic!("`wait` polled after it was ready"),
        };
        if over {
            this.stage = Stage::Done;
            return Poll::Ready(());
        }
        record::park(WaitReason::WaitGroupWait, this.site);
        Poll::Pending
    }
}

impl<'a> Wait<'a> {
    /// The operation, of a future that has not been polled.
    pub(crate) fn into_arm(self) -> WaitArm<'a> {
        debug_assert!(matches!(self.stage, Stage::New), "a future that was polled does not move");
        let (armed, waited) = (Cell::new(false), Cell::new(false));
        WaitArm { count: self.count, armed, waited, node: Node::new(0) }
    }

    /// Enters the list, unless the counter is zero. Returns whether it did.
    #[cold]
    fn enqueue(&mut self, waker: Waker) -> bool {
        let mut queue = self.count.queue.lock();
        if !self.count.count_waiter() {
            // The clone is dropped after the lock: it was declared before.
            return false;
        }
        let place = Place::new(queue.generation);
        self.stage = Stage::Waiting(place);
        let Stage::Waiting(place) = &self.stage else { unreachable!("stored above") };
        // SAFETY: new, and pinned with this future, whose drop unlinks it.
        unsafe { place.enter(&mut queue.list, waker) };
        true
    }
}

impl Place<Generation> {
    /// Whether the wait is over; stores the waker if not.
    ///
    /// # Panics
    ///
    /// If the wait is over and the group is in use again.
    #[track_caller]
    fn look_again(&self, count: &Count, cx: &Context<'_>) -> bool {
        if self.waiter.chosen().is_none() && self.replace_waker(count, cx.waker().clone()) {
            return false;
        }
        count.check_returned();
        true
    }

    /// Stores `waker`, unless the wait is over. Returns whether it did.
    fn replace_waker(&self, count: &Count, waker: Waker) -> bool {
        let queue = count.queue.lock();
        if self.waiter.chosen().is_some() {
            return false;
        }
        // SAFETY: (W2): we hold the lock of the list.
        let old = unsafe { self.waiter.replace(Some(waker)) };
        drop(queue);
        drop(old);
        true
    }

    #[cold]
    fn cancel(&self, count: &Count) {
        if self.waiter.chosen().is_some() {
            return;
        }
        let mut queue = count.queue.lock();
        if self.waiter.chosen().is_some() {
            return;
        }
        // SAFETY: not completed, so it is still linked; we hold the lock.
        unsafe { count.unlink(&mut queue, &self.node) };
        // SAFETY: (W2): we hold the lock of the list.
        let waker = unsafe { self.waiter.take_waker() };
        drop(queue);
        drop(waker);
    }
}

impl Drop for Wait<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Stage::Waiting(place) = &self.stage {
            place.cancel(self.count);
        }
    }
}

impl fmt::Debug for Wait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("group", self.count).finish_non_exhaustive()
    }
}

/// Waiting for zero, as an arm of a select.
#[doc(hidden)]
pub struct WaitArm<'a> {
    count: &'a Count,
    /// Whether the node was enqueued and has been neither collected nor cancelled.
    armed: Cell<bool>,
    /// Whether it had to wait.
    waited: Cell<bool>,
    node: Node<Generation>,
}

// SAFETY: the node is shared under the lock of the list; the cells are the owner's.
unsafe impl Send for WaitArm<'_> {}

impl WaitArm<'_> {
    /// Returns from the wait. The arm must be done.
    ///
    /// # Panics
    ///
    /// As [`WaitGroup::wait`].
    #[track_caller]
    pub(crate) fn take(&self) {
        if self.waited.get() {
            self.count.check_returned();
        }
    }
}

// SAFETY: the key and the lock are those of the list; `drop` unlinks.
unsafe impl Arm for WaitArm<'_> {
    fn key(&self) -> Option<usize> {
        Some(self.count.queue.key())
    }

    fn lock(&self) -> ObjectGuard<'_> {
        self.count.queue.lock_only()
    }

    fn not_ready(&self) -> Option<u32> {
        // The word has no room for a number of the moment.
        None
    }

    unsafe fn try_locked(&self, _wakes: &mut WakeBatch) -> bool {
        self.count.state().counter() == 0
    }

    unsafe fn may_reclaim_locked(&self, _goroutine: Option<&'static Record>) -> bool {
        false
    }

    unsafe fn reclaim_locked(
        &self,
        _goroutine: Option<&'static Record>,
        _wakes: &mut WakeBatch,
    ) -> bool {
        // Nothing is handed to a waiter, so there is nothing to take back.
        false
    }

    unsafe fn enqueue_locked(&self, waiter: &Waiter, case: u32, wakes: &mut WakeBatch) {
        // SAFETY: the caller holds the lock.
        let queue = unsafe { self.count.queue.access() };
        self.armed.set(true);
        // SAFETY: not linked, so ours; the waiter lives as long as it is, by the contract of `Arm`.
        unsafe { self.node.assign(waiter, case) };
        // SAFETY: (L1): not linked, so ours.
        unsafe { self.node.seat() }.data = queue.generation;
        if self.count.count_waiter() {
            // SAFETY: pinned, not linked and assigned; `drop` unlinks it.
            unsafe { queue.list.push_back(NonNull::from(&self.node)) };
            return;
        }
        // It has come to zero since it was tried: as if that came after.
        // SAFETY: we hold the lock, under which it was assigned.
        if unsafe { self.node.claim() } {
            // SAFETY: won just now, under the lock.
            if let Some(waker) = unsafe { self.node.complete() } {
                wakes.push(waker);
            }
        }
    }

    unsafe fn cancel_locked(&self, _wakes: &mut WakeBatch) {
        self.armed.set(false);
        // SAFETY: (L1): under the lock, which the caller holds.
        if unsafe { self.node.is_linked() } {
            // SAFETY: the caller holds the lock.
            let queue = unsafe { self.count.queue.access() };
            // SAFETY: it is linked.
            unsafe { self.count.unlink(queue, &self.node) };
        }
    }

    unsafe fn collect_locked(&self, _wakes: &mut WakeBatch) -> bool {
        self.armed.set(false);
        self.waited.set(true);
        true
    }
}

impl Drop for WaitArm<'_> {
    fn drop(&mut self) {
        if self.armed.get() {
            // SAFETY: enqueued, so pinned; this is the end of it.
            unsafe { abandon(self) };
        }
    }
}

impl fmt::Debug for WaitArm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitArm").field("armed", &self.armed).finish_non_exhaustive()
    }
}
