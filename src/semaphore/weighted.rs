//! The semaphore. All of it happens under one lock.
//!
//! A waiter that can be served is *granted* what it wants: that is taken from `free` on its behalf, and its
//! node goes from `waiting` to `granted`, where it stands until the waiter has looked. Only the first in
//! line is ever served; if there is not enough for it, nobody is.
//!
//! Invariants, between two critical sections:
//! * V1. `free` and what holders and granted waiters have are `size` together.
//! * V2. The first waiter of `waiting` that has a waker wants more than `free`.
//! * V3. A waiter without a waker was robbed (below) and has not looked since. It keeps its place in line,
//!   but nobody waits for it.
//!
//! A waiter that is granted and does not come would keep its grant from everybody else. So whoever would have
//! to wait takes back what its own goroutine, or nobody, collects ([`Waiter::may_be_robbed`]), and the line
//! moves on. Who wants more than `size` stands in no line: it can only wait for its context to end.
//!
//! [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed

#![expect(unsafe_code, reason = "waiters are linked into the lists by address")]

use crate::chan::RecvStream;
use crate::context::{self, Context};
use crate::sys::point::{self, Op};
use crate::sys::sync::{Mutex, MutexGuard};
use crate::wait::batch::WakeBatch;
use crate::wait::list::{List, Seat};
use crate::wait::place::Place;
use crate::wait::record::{self, Record, WaitReason};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{self, Poll, Waker, ready};

/// Tags of nodes, see the module.
const TAG_WAITS: u8 = 0;
const TAG_GRANTED: u8 = 1;

struct Inner {
    size: usize,
    state: Mutex<State>,
}

struct State {
    free: usize,
    /// Each with how much it wants.
    waiting: List<usize>,
    granted: List<usize>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Only forgotten futures can still be linked: others borrow a handle.
        let state = self.state.get_mut();
        state.waiting.abandon();
        state.granted.abandon();
    }
}

/// A semaphore of a given size, of which one may take several at once.
///
/// Who waits is served in the order of coming: a small request does not overtake a large one that has to
/// wait. It is a handle: clones are the same semaphore, and equal.
///
/// # Go
///
/// `semaphore.Weighted`.
///
/// # Examples
///
/// At most two at a time:
///
/// ```
/// use gort::context::background;
/// use gort::semaphore::Weighted;
/// use gort::sync::WaitGroup;
///
/// gort::run(async {
///     let (slots, wg) = (Weighted::new(2), WaitGroup::new());
///     for _ in 0..10 {
///         let slots = slots.clone();
///         wg.go(async move {
///             slots.acquire(&background(), 1).await.unwrap();
///             gort::runtime::gosched().await; // work
///             slots.release(1);
///         });
///     }
///     wg.wait().await;
/// });
/// ```
#[doc(alias = "semaphore.Weighted")]
#[derive(Clone)]
pub struct Weighted {
    inner: Arc<Inner>,
}

impl Weighted {
    /// A semaphore of which `size` can be held at a time.
    ///
    /// # Go
    ///
    /// `semaphore.NewWeighted(n)`.
    #[doc(alias = "NewWeighted")]
    #[must_use]
    pub fn new(size: usize) -> Self {
        let state = State { free: size, waiting: List::new(), granted: List::new() };
        Self { inner: Arc::new(Inner { size, state: Mutex::new(state) }) }
    }

    /// Takes `n`, and waits for them while they are not there or others came before.
    ///
    /// If `n` is more than the size, it waits for the end of the context, and keeps nobody else.
    ///
    /// # Errors
    ///
    /// The context has ended, before or meanwhile; then nothing was taken.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and gives back what it was granted and has not
    /// yielded.
    ///
    /// # Go
    ///
    /// `Acquire`.
    ///
    /// ```
    /// use gort::context::{Error, background, with_timeout};
    /// use gort::semaphore::Weighted;
    /// use gort::time::Duration;
    ///
    /// gort::run(async {
    ///     let memory = Weighted::new(100);
    ///     memory.acquire(&background(), 60).await.unwrap();
    ///     let (ctx, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    ///     assert_eq!(memory.acquire(&ctx, 60).await, Err(Error::DeadlineExceeded));
    /// });
    /// ```
    #[doc(alias = "Acquire")]
    #[track_caller]
    pub fn acquire<'a>(&'a self, ctx: &'a Context, n: usize) -> Acquire<'a> {
        Acquire { semaphore: self, ctx, request: Request::new(n, Location::caller()) }
    }

    /// Takes `n` if they are there and nobody waits, and says whether it did.
    ///
    /// # Go
    ///
    /// `s.TryAcquire(n)`.
    #[doc(alias = "TryAcquire")]
    pub fn try_acquire(&self, n: usize) -> bool {
        self.inner.state.lock().try_take(n)
    }

    /// How many are held, or granted to somebody.
    pub(crate) fn held(&self) -> usize {
        self.inner.size - self.inner.state.lock().free
    }

    /// Gives back `n`, whoever took them.
    ///
    /// # Panics
    ///
    /// `semaphore: released more than held`.
    ///
    /// # Go
    ///
    /// `s.Release(n)`.
    #[doc(alias = "Release")]
    #[track_caller]
    pub fn release(&self, n: usize) {
        let mut wakes = WakeBatch::new();
        let mut state = self.inner.state.lock();
        let held = self.inner.size - state.free;
        if n <= held {
            state.give_back(n, &mut wakes);
        }
        drop(state);
        assert!(n <= held, "semaphore: released more than held");
        wakes.wake_all();
    }
}

impl PartialEq for Weighted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Weighted {}

impl fmt::Debug for Weighted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.inner.state.lock().free;
        f.debug_struct("Weighted").field("size", &self.inner.size).field("free", &free).finish()
    }
}

/// See [`Waiter::take_waker`]. Under the lock.
///
/// [`Waiter::take_waker`]: crate::wait::waiter::Waiter::take_waker
fn take_waker(seat: &Seat<usize>) -> Option<Waker> {
    // SAFETY: the node is linked, and the caller holds the lock.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2): as above.
    unsafe { waiter.take_waker() }
}

/// See [`Waiter::may_be_robbed`]. Under the lock.
///
/// [`Waiter::may_be_robbed`]: crate::wait::waiter::Waiter::may_be_robbed
fn may_be_robbed(seat: &Seat<usize>, robber: Option<&'static Record>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2): as above.
    unsafe { waiter.may_be_robbed(robber) }
}

/// Whether others wait behind it (V3). Under the lock.
fn has_waker(seat: &Seat<usize>) -> bool {
    // SAFETY: the node is linked, and the caller holds the lock.
    let waiter = unsafe { seat.waiter() };
    // SAFETY: (W2): as above.
    unsafe { waiter.has_waker() }
}

impl State {
    fn try_take(&mut self, n: usize) -> bool {
        let taken = n <= self.free && self.waiting.find(|seat| has_waker(seat)).is_none();
        if taken {
            self.free -= n;
        }
        taken
    }

    fn give_back(&mut self, n: usize, wakes: &mut WakeBatch) {
        self.free += n;
        self.serve(wakes);
    }

    /// Grants to the first in line what they want, until there is not enough for one (V2).
    fn serve(&mut self, wakes: &mut WakeBatch) {
        loop {
            let Some(node) = self.waiting.find(|seat| has_waker(seat)) else { return };
            // SAFETY: (L2): it is linked.
            let found = unsafe { node.as_ref() };
            // SAFETY: (L1): linked, and we hold the lock. The reference ends before the list is used.
            let seat = unsafe { found.seat() };
            if seat.data > self.free {
                return;
            }
            self.free -= seat.data;
            seat.tag = TAG_GRANTED;
            if let Some(waker) = take_waker(seat) {
                wakes.push(waker);
            }
            // SAFETY: it is in this list.
            unsafe { self.waiting.remove(node) };
            // SAFETY: it is in no list now; the rest as when it was linked first.
            unsafe { self.granted.push_back(node) };
        }
    }

    /// Takes back what is granted and not collected. Who was granted it is first in line again.
    fn rob(&mut self) {
        let robber = record::current();
        while let Some(node) = self.granted.find(|seat| may_be_robbed(seat, robber)) {
            // SAFETY: it is in this list.
            unsafe { self.granted.remove(node) };
            // SAFETY: (L2): the owner looks under the lock, which we hold.
            let found = unsafe { node.as_ref() };
            // SAFETY: (L1): we hold the lock. The reference ends before the list is used.
            let seat = unsafe { found.seat() };
            seat.tag = TAG_WAITS;
            self.free += seat.data;
            // SAFETY: it is in no list now; the rest as when it was linked first.
            unsafe { self.waiting.insert_before(self.waiting.front(), node) };
        }
    }
}

/// The future of [`Weighted::acquire`].
#[must_use = "nothing is taken until the future is awaited"]
pub struct Acquire<'a> {
    semaphore: &'a Weighted,
    ctx: &'a Context,
    request: Request,
}

impl Future for Acquire<'_> {
    type Output = Result<(), context::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the request stays where it is.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        let request = unsafe { Pin::new_unchecked(&mut this.request) };
        request.poll(this.semaphore, this.ctx, cx)
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        self.request.leave(self.semaphore);
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = matches!(self.request.stage, Stage::Waiting(_));
        f.debug_struct("Acquire")
            .field("n", &self.request.n)
            .field("waiting", &waiting)
            .finish_non_exhaustive()
    }
}

/// A wish for `n`, of one semaphore and one context. Whoever owns it [leaves](Self::leave) before it goes.
pub(crate) struct Request {
    n: usize,
    site: &'static Location<'static>,
    /// Made when it has to wait.
    done: Option<RecvStream<()>>,
    stage: Stage,
}

enum Stage {
    /// In no list.
    New,
    /// In one.
    Waiting(Place<usize>),
    /// Over.
    Done,
}

impl Request {
    pub(crate) fn new(n: usize, site: &'static Location<'static>) -> Self {
        Self { n, site, done: None, stage: Stage::New }
    }

    /// See [`Weighted::acquire`]. It is always the same semaphore.
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        semaphore: &Weighted,
        ctx: &Context,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), context::Error>> {
        // SAFETY: a `Waiting` place stays where it is until it has been unlinked.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(!matches!(this.stage, Stage::Done), "`acquire` polled after it was ready");
        ready!(point::poll(cx, Op::Sync));
        if let Err(error) = ctx.check() {
            this.leave(semaphore);
            this.stage = Stage::Done;
            return Poll::Ready(Err(error));
        }
        let acquired = match this.stage {
            Stage::New => this.take_or_enqueue(semaphore, cx),
            Stage::Waiting(_) => this.look_again(semaphore, cx),
            Stage::Done => true,
        };
        if acquired {
            this.stage = Stage::Done;
            return Poll::Ready(Ok(()));
        }
        let done = this.done.get_or_insert_with(|| ctx.done().stream());
        if done.poll_end_quietly(cx).is_ready() {
            this.leave(semaphore);
            this.stage = Stage::Done;
            return Poll::Ready(ctx.check());
        }
        point::refund();
        record::park(WaitReason::SemAcquire, this.site);
        Poll::Pending
    }

    /// Takes what it wants if it is there, else stands in line. Returns whether it has it.
    fn take_or_enqueue(&mut self, semaphore: &Weighted, cx: &task::Context<'_>) -> bool {
        if self.n > semaphore.inner.size {
            return false;
        }
        if semaphore.try_acquire(self.n) {
            return true;
        }
        let waker = cx.waker().clone();
        self.stage = Stage::Waiting(Place::new(self.n));
        let Stage::Waiting(place) = &self.stage else { unreachable!("it was set just now") };
        let mut state = semaphore.inner.state.lock();
        // SAFETY: new, pinned, and unlinked before it goes.
        unsafe { place.enter(&mut state.waiting, waker) };
        // The room may have come meanwhile.
        place.settle(state)
    }

    /// Polled again while in a list.
    fn look_again(&self, semaphore: &Weighted, cx: &task::Context<'_>) -> bool {
        let Stage::Waiting(place) = &self.stage else { unreachable!("the caller looked") };
        let fresh = cx.waker().clone();
        let state = semaphore.inner.state.lock();
        // SAFETY: (W2): it is linked, and we hold the lock.
        let old = unsafe { place.waiter.replace(Some(fresh)) };
        let acquired = place.settle(state);
        drop(old);
        acquired
    }

    /// Gives up the place, and what was granted, if it has any.
    pub(crate) fn leave(&mut self, semaphore: &Weighted) {
        let Stage::Waiting(place) = &self.stage else { return };
        let mut wakes = WakeBatch::new();
        let mut state = semaphore.inner.state.lock();
        let node = NonNull::from(&place.node);
        // SAFETY: (L1): linked, and we hold the lock.
        if unsafe { place.node.seat() }.tag == TAG_GRANTED {
            // SAFETY: granted nodes are in this list.
            unsafe { state.granted.remove(node) };
            state.free += self.n;
        } else {
            // SAFETY: nodes that are not granted are in this list.
            unsafe { state.waiting.remove(node) };
        }
        // It may have been the one that all waited behind.
        state.serve(&mut wakes);
        drop(state);
        self.stage = Stage::Done;
        wakes.wake_all();
    }
}

impl Place<usize> {
    fn is_granted(&self) -> bool {
        // SAFETY: (L1): linked, and the callers hold the lock.
        unsafe { self.node.seat() }.tag == TAG_GRANTED
    }

    /// Serves the line, if need be with what nobody collects. If that gave this one what it wants, takes it
    /// out of the lists.
    fn settle(&self, mut state: MutexGuard<'_, State>) -> bool {
        let mut wakes = WakeBatch::new();
        if !self.is_granted() {
            state.serve(&mut wakes);
        }
        if !self.is_granted() {
            state.rob();
            state.serve(&mut wakes);
        }
        let granted = self.is_granted();
        if granted {
            // SAFETY: granted nodes are in this list.
            unsafe { state.granted.remove(NonNull::from(&self.node)) };
        }
        drop(state);
        wakes.wake_all();
        granted
    }
}
