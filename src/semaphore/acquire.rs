//! Taking from a semaphore, as a future.

#![expect(unsafe_code, reason = "waiters are linked into the lists by address")]

use super::arm::AcquireArm;
use super::state::{Standing, State, Want};
use super::weighted::Weighted;
use crate::chan::RecvStream;
use crate::context::{self, Context};
use crate::sys::point::{self, Op};
use crate::wait::batch::WakeBatch;
use crate::wait::object::Locked;
use crate::wait::place::Place;
use crate::wait::record::{self, WaitReason};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{self, Poll, Waker, ready};

/// The future of [`Weighted::acquire`].
#[must_use = "nothing is taken until the future is awaited"]
pub struct Acquire<'a> {
    semaphore: &'a Weighted,
    ctx: &'a Context,
    request: Request,
}

impl<'a> Acquire<'a> {
    #[track_caller]
    pub(super) fn new(semaphore: &'a Weighted, ctx: &'a Context, n: usize) -> Self {
        Self { semaphore, ctx, request: Request::new(n, Location::caller()) }
    }

    /// The operation, of a future that has not been polled.
    pub(super) fn into_arm(self) -> AcquireArm<'a> {
        debug_assert!(
            matches!(self.request.stage, Stage::New),
            "a future that was polled does not move"
        );
        AcquireArm::new(self.semaphore, self.ctx, self.request.n)
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), context::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        // SAFETY: the request stays where it is.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as above.
        let request = unsafe { Pin::new_unchecked(&mut this.request) };
        request.poll(this.semaphore, this.ctx, cx)
    }
}

impl Drop for Acquire<'_> {
    #[inline]
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
    Waiting(Place<Want>),
    /// Over.
    Done,
}

impl Request {
    pub(crate) fn new(n: usize, site: &'static Location<'static>) -> Self {
        Self { n, site, done: None, stage: Stage::New }
    }

    /// See [`Weighted::acquire`]. It is always the same semaphore.
    #[inline]
    pub(crate) fn poll(
        self: Pin<&mut Self>,
        semaphore: &Weighted,
        ctx: &Context,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), context::Error>> {
        if matches!(self.stage, Stage::New) && ctx.err().is_none() && semaphore.try_acquire(self.n)
        {
            // SAFETY: a `New` stage may be replaced, and nothing else is.
            unsafe { self.get_unchecked_mut() }.stage = Stage::Done;
            return Poll::Ready(Ok(()));
        }
        self.poll_slow(semaphore, ctx, cx)
    }

    #[cold]
    fn poll_slow(
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
            Stage::New => this.enqueue(semaphore, cx),
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

    /// Stands in line; it was not free just now. Returns whether it has it nevertheless.
    fn enqueue(&mut self, semaphore: &Weighted, cx: &task::Context<'_>) -> bool {
        if self.n > semaphore.inner.size {
            return false;
        }
        let waker = cx.waker().clone();
        self.stage = Stage::Waiting(Place::new(Want::new(self.n)));
        let Stage::Waiting(place) = &self.stage else { unreachable!("it was set just now") };
        let mut wakes = WakeBatch::new();
        let mut state = semaphore.inner.state.lock();
        // SAFETY: new, pinned, and unlinked before it goes.
        unsafe { state.enter(place, waker) };
        // The room may have come meanwhile.
        let settled = settle(place, state, &mut wakes);
        self.end(semaphore, settled.is_some(), wakes, [settled.flatten(), None])
    }

    /// Polled again while in a list.
    fn look_again(&mut self, semaphore: &Weighted, cx: &task::Context<'_>) -> bool {
        let Stage::Waiting(place) = &self.stage else { unreachable!("the caller looked") };
        let fresh = cx.waker().clone();
        let mut wakes = WakeBatch::new();
        let state = semaphore.inner.state.lock();
        // SAFETY: (W2): it is linked, and we hold the lock.
        let old = unsafe { place.waiter.replace(Some(fresh)) };
        let settled = settle(place, state, &mut wakes);
        self.end(semaphore, settled.is_some(), wakes, [old, settled.flatten()])
    }

    /// Ends a look under the lock, which is free again: wakes whom it found, and drops the wakers that nobody
    /// needs any more. If one of them panics, nobody else will give back what has just been acquired.
    fn end(
        &mut self,
        semaphore: &Weighted,
        acquired: bool,
        mut wakes: WakeBatch,
        spare: [Option<Waker>; 2],
    ) -> bool {
        if acquired {
            // First: the place is in no list any more.
            self.stage = Stage::Done;
        }
        let woken = catch_unwind(AssertUnwindSafe(|| {
            wakes.wake_all();
            drop(spare);
        }));
        if let Err(panic) = woken {
            if acquired {
                semaphore.release(self.n);
            }
            resume_unwind(panic);
        }
        acquired
    }

    /// Gives up the place, and what was granted, if it has any.
    #[inline]
    pub(crate) fn leave(&mut self, semaphore: &Weighted) {
        if let Stage::Waiting(_) = &self.stage {
            self.leave_line(semaphore);
        }
    }

    #[cold]
    fn leave_line(&mut self, semaphore: &Weighted) {
        let Stage::Waiting(place) = &self.stage else { return };
        let mut wakes = WakeBatch::new();
        let spare = {
            let mut state = semaphore.inner.state.lock();
            // SAFETY: it is linked while it waits, and the lock is held.
            unsafe { state.leave(&place.node, &mut wakes) };
            // SAFETY: (W2): under the lock.
            unsafe { place.waiter.take_waker() }
        };
        self.stage = Stage::Done;
        wakes.wake_all();
        drop(spare);
    }
}

/// Serves the line, if need be with what nobody collects. If that gave this place what it wants, takes it out
/// of the lists, and returns its waker, to be dropped outside of the lock.
fn settle(
    place: &Place<Want>,
    mut state: Locked<'_, State>,
    wakes: &mut WakeBatch,
) -> Option<Option<Waker>> {
    // SAFETY: the place is linked, ours, and the lock is held.
    let is_granted = |state: &State| unsafe { state.standing(&place.node) } == Standing::Granted;
    if !is_granted(&state) {
        state.serve(wakes);
    }
    if !is_granted(&state) {
        state.rob(record::current(), wakes);
    }
    is_granted(&state).then(|| {
        // SAFETY: as above.
        unsafe { state.collect(&place.node) };
        // SAFETY: (W2): under the lock.
        unsafe { place.waiter.take_waker() }
    })
}
