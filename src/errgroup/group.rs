//! A group, its goroutines, and what becomes of their errors and panics.
//!
//! What all of the goroutines touch is one word: each adds itself to the count when it is started, and takes itself
//! away when it ends. (Where several threads do both that word is most of what a member costs.) So they have no
//! references of their own to what the handles share: all of them together have one, which is made by whoever takes the
//! count from zero and given up by whoever brings it back; see [`Membership`].

#![expect(
    unsafe_code,
    reason = "a request for a slot is pinned beside a future that is not; members share a reference"
)]

use super::failure::Failure;
use crate::context::{BoxError, Cancel, Context, background, with_cancel};
use crate::runtime::{self, panic};
use crate::semaphore::{Request, Weighted};
use crate::sync::{self, Count};
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicBool, Ordering};
use crate::sys::unwind;
use pin_project_lite::pin_project;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

type Payload = Box<dyn Any + Send>;

/// Goroutines that work on one task.
///
/// [`wait`](Self::wait) waits for all of them and yields the first error. A group
/// [with a context](Self::with_context) cancels it at the first error, so that the others can stop; nothing
/// stops them by itself.
///
/// It is a handle: clones are the same group, and equal. The type of the errors is [`BoxError`], which `?` makes
/// of any error, unless the group is [`typed`](Self::typed).
///
/// # Panics of goroutines
///
/// A goroutine that panics cancels the context, too; `wait` raises the panic again when all have ended. If nobody
/// waits any more, it is fatal, as after [`go`](fn@crate::go). In Go it is fatal at once;
/// [`crash_on_panic`](Self::crash_on_panic) makes it so here.
///
/// # Go
///
/// `errgroup.Group`.
#[doc(alias = "errgroup.Group")]
pub struct Group<E = BoxError> {
    inner: Arc<Inner<E>>,
    /// Of the handles only: the goroutines keep `inner`.
    scope: Option<Arc<Scope>>,
}

/// Cancels the group's context when the last handle goes, whoever still runs.
struct Scope(Cancel);

impl Drop for Scope {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

struct Inner<E> {
    members: Count,
    /// Whether there is, or was, a limit.
    // Ordering: Relaxed: as `crash`. It is a hint: the limit itself is under the lock.
    limited: AtomicBool,
    cancel: Option<Cancel>,
    // Ordering: Relaxed: set before the goroutines are started that it is about.
    crash: AtomicBool,
    /// A goroutine has crashed: nobody goes on as if all had ended well.
    // Ordering: Relaxed: set by a member before it leaves, and of use to who has found that it has left.
    crashed: AtomicBool,
    state: Mutex<State<E>>,
}

struct State<E> {
    limit: Option<Weighted>,
    /// Somebody has failed, and nobody who waits has been told. Set before `error` is.
    failed: bool,
    error: Option<E>,
    panic: Option<Payload>,
}

impl Group {
    /// A group without a context.
    #[must_use]
    pub fn new() -> Self {
        Self::typed()
    }

    /// A group, and a context made from `ctx` that is cancelled when the first goroutine fails, with its error
    /// as the cause, or when [`wait`](Self::wait) is over.
    ///
    /// It is also cancelled when the last handle of the group is dropped, though goroutines of it may still run.
    ///
    /// # Go
    ///
    /// `errgroup.WithContext`.
    ///
    /// ```
    /// use gort::context::background;
    /// use gort::errgroup::Group;
    ///
    /// gort::run(async {
    ///     let (group, ctx) = Group::with_context(&background());
    ///     group.go(async { Err("broken".into()) }).await;
    ///     ctx.done().recv().await;
    ///     assert_eq!(ctx.cause().unwrap().to_string(), "broken");
    ///     assert!(group.wait().await.is_err());
    /// });
    /// ```
    #[doc(alias = "WithContext")]
    #[must_use]
    pub fn with_context(ctx: &Context) -> (Self, Context) {
        Self::typed_with_context(ctx)
    }
}

impl<E: Failure> Group<E> {
    /// A group of goroutines that return errors of one type, without a context.
    ///
    /// ```
    /// use gort::context::Error;
    /// use gort::errgroup::Group;
    ///
    /// gort::run(async {
    ///     let group = Group::<Error>::typed();
    ///     group.go(async { Err(Error::Canceled) }).await;
    ///     assert_eq!(group.wait().await, Err(Error::Canceled));
    /// });
    /// ```
    #[must_use]
    pub fn typed() -> Self {
        Self::make(None)
    }

    /// As [`with_context`](Group::with_context), with errors of one type.
    ///
    /// ```
    /// use gort::context::{Error, background, with_timeout};
    /// use gort::errgroup::Group;
    /// use gort::time::Duration;
    ///
    /// gort::run(async {
    ///     let (ctx, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    ///     let (group, ctx) = Group::<Error>::typed_with_context(&ctx);
    ///     let member = async move {
    ///         ctx.done().recv().await;
    ///         ctx.check()
    ///     };
    ///     group.go(member).await;
    ///     assert_eq!(group.wait().await, Err(Error::DeadlineExceeded));
    /// });
    /// ```
    #[must_use]
    pub fn typed_with_context(ctx: &Context) -> (Self, Context) {
        let (ctx, cancel) = with_cancel(ctx);
        (Self::make(Some(cancel)), ctx)
    }

    fn make(cancel: Option<Cancel>) -> Self {
        let state = State { limit: None, failed: false, error: None, panic: None };
        Self {
            scope: cancel.clone().map(|cancel| Arc::new(Scope(cancel))),
            inner: Arc::new(Inner {
                members: Count::new(),
                limited: AtomicBool::new(false),
                cancel,
                crash: AtomicBool::new(false),
                crashed: AtomicBool::new(false),
                state: Mutex::new(state),
            }),
        }
    }

    /// Starts a goroutine of the group; if there is a [limit](Self::set_limit), waits until it allows one
    /// more. Nothing is started before this is awaited.
    ///
    /// It does not look at the group's context: let the goroutine do so.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, the future has not started `future`, and drops it.
    ///
    /// # Go
    ///
    /// `g.Go(f)`.
    #[doc(alias = "Go")]
    #[track_caller]
    pub fn go<F>(&self, future: F) -> Go<'_, F, E>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let site = Location::caller();
        Go { group: self, future: Some(future), slot: None, request: Request::new(1, site) }
    }

    /// Starts a goroutine of the group if the [limit](Self::set_limit) allows one more. Never waits.
    ///
    /// # Errors
    ///
    /// The limit is reached; the future comes back.
    ///
    /// # Go
    ///
    /// `g.TryGo(f)`.
    ///
    /// ```
    /// use gort::errgroup::Group;
    ///
    /// gort::run(async {
    ///     let group = Group::new();
    ///     group.set_limit(1);
    ///     let gate = gort::Chan::<()>::new(0);
    ///     let first = gate.clone();
    ///     group.go(async move { Ok(first.recv().await) }).await;
    ///     assert!(group.try_go(async { Ok(()) }).is_err(), "the slot is taken");
    ///     gate.close();
    ///     group.wait().await.unwrap();
    /// });
    /// ```
    #[doc(alias = "TryGo")]
    #[track_caller]
    pub fn try_go<F>(&self, future: F) -> Result<(), F>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let slot = self.inner.limit();
        if slot.as_ref().is_some_and(|slots| !slots.try_acquire(1)) {
            return Err(future);
        }
        self.start(future, slot);
        Ok(())
    }

    /// Allows at most `limit` goroutines of the group at a time, or any number, for `None`. With 0, none is
    /// ever started.
    ///
    /// # Panics
    ///
    /// `errgroup: modify limit while N goroutines in the group are still active`, if there was a limit
    /// and there are.
    ///
    /// # Go
    ///
    /// `g.SetLimit(n)`; a negative n is `None`.
    ///
    /// ```
    /// use gort::errgroup::Group;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// gort::run(async {
    ///     let (group, active) = (Group::new(), Arc::new(AtomicUsize::new(0)));
    ///     group.set_limit(3);
    ///     for _ in 0..20 {
    ///         let active = active.clone();
    ///         let member = async move {
    ///             assert!(active.fetch_add(1, Ordering::Relaxed) < 3);
    ///             gort::runtime::gosched().await;
    ///             active.fetch_sub(1, Ordering::Relaxed);
    ///             Ok(())
    ///         };
    ///         group.go(member).await;
    ///     }
    ///     group.wait().await.unwrap();
    /// });
    /// ```
    #[doc(alias = "SetLimit")]
    #[track_caller]
    pub fn set_limit(&self, limit: impl Into<Option<usize>>) {
        let limit = limit.into().map(Weighted::new);
        let mut state = self.inner.state.lock();
        let active = state.limit.as_ref().map_or(0, Weighted::held);
        let old = if active == 0 { mem::replace(&mut state.limit, limit) } else { None };
        self.inner.limited.store(true, Ordering::Relaxed);
        drop(state);
        drop(old);
        assert!(
            active == 0,
            "errgroup: modify limit while {active} goroutines in the group are still active"
        );
    }

    /// Makes a panic in a goroutine that is started from now on fatal, as it is in Go.
    pub fn crash_on_panic(&self) {
        self.inner.crash.store(true, Ordering::Relaxed);
    }

    /// Waits until all goroutines of the group have ended; then cancels the group's context.
    ///
    /// # Errors
    ///
    /// The first error that a goroutine returned. The first who waits gets it. If the group is used again, the
    /// first error after that is for the next who waits.
    ///
    /// # Panics
    ///
    /// With the panic of a goroutine; see [`Group`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the wait and changes nothing else.
    ///
    /// # Go
    ///
    /// `g.Wait()`. In Go each one yields the first error, again and again.
    ///
    /// ```
    /// use gort::errgroup::Group;
    ///
    /// gort::run(async {
    ///     let group = Group::new();
    ///     group.go(async { Ok(()) }).await;
    ///     group.go(async { Err("broken".into()) }).await;
    ///     assert_eq!(group.wait().await.unwrap_err().to_string(), "broken");
    /// });
    /// ```
    #[doc(alias = "Wait")]
    #[track_caller]
    pub fn wait(&self) -> Wait<'_, E> {
        Wait { group: self, members: self.inner.members.wait() }
    }

    #[track_caller]
    fn start<F>(&self, future: F, slot: Option<Weighted>)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let seat = Seat { membership: Membership::new(&self.inner), slot };
        drop(runtime::go(Member { future, seat }));
    }
}

impl<E: Failure> Inner<E> {
    fn limit(&self) -> Option<Weighted> {
        if self.limited.load(Ordering::Relaxed) { self.state.lock().limit.clone() } else { None }
    }

    /// Whether this is the first failure.
    fn is_first(&self) -> bool {
        !mem::replace(&mut self.state.lock().failed, true)
    }

    fn fail(&self, error: E) {
        if !self.is_first() {
            return;
        }
        let cause = self.cancel.as_ref().map(|_| error.to_cause());
        // Nobody looks before this goroutine is done.
        self.state.lock().error = Some(error);
        if let (Some(cancel), Some(cause)) = (&self.cancel, cause) {
            cancel.cancel_with(cause);
        }
    }

    fn panicked(&self, payload: Payload) {
        let message = panic::message(&*payload).to_owned();
        let mut state = self.state.lock();
        let is_first = !mem::replace(&mut state.failed, true);
        let second = match &state.panic {
            Some(_) => Some(payload),
            None => state.panic.replace(payload),
        };
        drop(state);
        if let Some(second) = second {
            unwind::drop_payload(second);
        }
        if let (true, Some(cancel)) = (is_first, &self.cancel) {
            cancel.cancel_with(format!("a goroutine of the group panicked: {message}"));
        }
    }

    /// All have ended: what came of it.
    fn finish(&self) -> Result<(), E> {
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
        let mut state = self.state.lock();
        let (panic, error) = (state.panic.take(), state.error.take());
        if panic.is_some() || error.is_some() {
            // The group may be used again. What fails then is news.
            state.failed = false;
        }
        drop(state);
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
        error.map_or(Ok(()), Err)
    }
}

impl<E> Drop for Inner<E> {
    fn drop(&mut self) {
        if let Some(payload) = self.state.get_mut().panic.take() {
            // Nobody waits any more. A goroutine that nobody awaits dies of it as it should.
            drop(runtime::go(async move { resume_unwind(payload) }));
        }
    }
}

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Clone for Group<E> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), scope: self.scope.clone() }
    }
}

impl<E> PartialEq for Group<E> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl<E> Eq for Group<E> {}

impl<E> fmt::Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("members", &self.inner.members).finish_non_exhaustive()
    }
}

/// A goroutine counts as a member as long as this lives.
///
/// All memberships have one reference to the group together. It is made when the count leaves zero, and given up when
/// it is back; several may be there for a moment, when somebody enters before the last one has given up theirs.
struct Membership<E>(*const Inner<E>);

// SAFETY: it is a part of a reference to what goroutines share.
unsafe impl<E: Send> Send for Membership<E> {}

impl<E> Membership<E> {
    #[track_caller]
    fn new(group: &Arc<Inner<E>>) -> Self {
        let mut inner = Arc::as_ptr(group);
        // The reference is there before anybody can take the count back to zero, and if this panics.
        group.members.enter(|| inner = Arc::into_raw(Arc::clone(group)));
        Self(inner)
    }

    fn group(&self) -> &Inner<E> {
        // SAFETY: the reference is given up when the last has left, and this one has not.
        unsafe { &*self.0 }
    }
}

impl<E> Drop for Membership<E> {
    fn drop(&mut self) {
        // Unless it is the last, the group may be gone after this.
        let Some(zero) = self.group().members.leave() else { return };
        // SAFETY: for each time that the count comes back to zero it has left it once, and whoever took it from
        // there made a reference before it was a member.
        let group = unsafe { Arc::from_raw(self.0) };
        group.members.tell(zero);
    }
}

/// A goroutine's place in its group: when it goes, the slot is free, and then the goroutine is done.
struct Seat<E> {
    membership: Membership<E>,
    slot: Option<Weighted>,
}

impl<E> Drop for Seat<E> {
    fn drop(&mut self) {
        if let Some(slots) = &self.slot {
            slots.release(1);
        }
    }
}

pin_project! {
    /// A goroutine of a group. The fields are dropped in this order.
    struct Member<F, E> {
        #[pin]
        future: F,
        seat: Seat<E>,
    }
}

impl<F, E> Future for Member<F, E>
where
    E: Failure,
    F: Future<Output = Result<(), E>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.project();
        let polled = catch_unwind(AssertUnwindSafe(|| this.future.poll(cx)));
        let group = this.seat.membership.group();
        match polled {
            Ok(polled) => {
                if let Err(error) = ready!(polled) {
                    group.fail(error);
                }
            }
            Err(payload) if panic::is_goexit(&*payload) => resume_unwind(payload),
            Err(payload) if group.crash.load(Ordering::Relaxed) => {
                group.crashed.store(true, Ordering::Relaxed);
                panic::repanic(payload);
            }
            Err(payload) => group.panicked(payload),
        }
        Poll::Ready(())
    }
}

/// The future of [`Group::go`].
#[must_use = "the goroutine is not started until this is awaited"]
pub struct Go<'a, F, E = BoxError> {
    group: &'a Group<E>,
    /// Until it is started.
    future: Option<F>,
    /// The limit that it waits for.
    slot: Option<Weighted>,
    request: Request,
}

impl<F, E> Future for Go<'_, F, E>
where
    E: Failure,
    F: Future<Output = Result<(), E>> + Send + 'static,
{
    type Output = ();

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        // SAFETY: the request stays where it is. The future is not pinned before it has been moved out.
        let this = unsafe { self.get_unchecked_mut() };
        assert!(this.future.is_some(), "`go` polled after it was ready");
        if this.slot.is_none() {
            this.slot = this.group.inner.limit();
        }
        if let Some(slots) = &this.slot {
            // SAFETY: as above.
            let request = unsafe { Pin::new_unchecked(&mut this.request) };
            // The context never ends.
            let _ = ready!(request.poll(slots, &background(), cx));
        }
        if let Some(future) = this.future.take() {
            this.group.start(future, this.slot.take());
        }
        Poll::Ready(())
    }
}

impl<F, E> Drop for Go<'_, F, E> {
    fn drop(&mut self) {
        if let Some(slots) = &self.slot {
            self.request.leave(slots);
        }
    }
}

impl<F, E> fmt::Debug for Go<'_, F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Go").field("group", self.group).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`Group::wait`].
    #[derive(Debug)]
    #[must_use = "nothing is waited for until the future is awaited"]
    pub struct Wait<'a, E = BoxError> {
        group: &'a Group<E>,
        #[pin]
        members: sync::Wait<'a>,
    }
}

impl<E: Failure> Future for Wait<'_, E> {
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let group = &this.group.inner;
        let crashed = || group.crashed.load(Ordering::Relaxed);
        if crashed() || this.members.poll(cx).is_pending() || crashed() {
            return Poll::Pending;
        }
        Poll::Ready(group.finish())
    }
}
