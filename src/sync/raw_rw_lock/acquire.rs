//! Taking the lock, as a future.

#![expect(unsafe_code, reason = "waiters are linked into the queues by address")]

use super::queue::{Queue, TAG_GRANTED, TAG_ROBBED};
use super::{Kind, RawRwLock, RwArm};
use crate::sys::point::{self, Op};
use crate::wait::batch::WakeBatch;
use crate::wait::place::Place;
use crate::wait::record::{self, WaitReason};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker, ready};

/// The future of [`RawRwLock::read`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RawRead<'a> {
    lock: &'a RawRwLock,
    request: Request,
}

/// The future of [`RawRwLock::write`].
#[must_use = "a lock is taken when the future is awaited"]
pub struct RawWrite<'a> {
    lock: &'a RawRwLock,
    request: Request,
}

macro_rules! waits_for {
    ($($name:ident for $kind:expr;)*) => {$(
        impl<'a> $name<'a> {
            #[track_caller]
            pub(super) fn new(lock: &'a RawRwLock) -> Self {
                Self { lock, request: Request::new() }
            }

            /// The operation, of a future that has not been polled.
            pub(crate) fn into_arm(self) -> RwArm<'a> {
                self.request.assert_new();
                RwArm::new(self.lock, $kind)
            }
        }

        impl Future for $name<'_> {
            type Output = ();

            #[inline]
            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                let lock = self.lock;
                // SAFETY: the request stays where it is.
                let request = unsafe { self.map_unchecked_mut(|this| &mut this.request) };
                request.poll(lock, $kind, cx)
            }
        }

        impl Drop for $name<'_> {
            #[inline]
            fn drop(&mut self) {
                self.request.leave(self.lock, $kind);
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let waiting = matches!(self.request.stage, Stage::Waiting(_));
                f.debug_struct(stringify!($name))
                    .field("waiting", &waiting)
                    .finish_non_exhaustive()
            }
        }
    )*};
}

waits_for! {
    RawRead for Kind::Read;
    RawWrite for Kind::Write;
}

/// A wish for one lock, of one kind: whoever owns it gives both to each call. It [leaves](Self::leave) before it
/// goes. (It does not keep them, as each store before the exchange is one that the exchange waits for.)
pub(in crate::sync) struct Request {
    site: &'static Location<'static>,
    stage: Stage,
}

enum Stage {
    /// Not linked.
    New,
    /// The same, of a writer that has let others run first.
    Late,
    /// Queued, granted, or robbed of a grant.
    Waiting(Place<Kind>),
    /// The lock was taken, and yielded.
    Done,
}

/// What one look under the lock of the queues came to.
struct Looked {
    acquired: bool,
    /// Nobody needs them any more; to be dropped outside of the lock.
    spare: [Option<Waker>; 2],
}

impl Request {
    #[track_caller]
    pub(in crate::sync) fn new() -> Self {
        Self { site: Location::caller(), stage: Stage::New }
    }

    pub(in crate::sync) fn assert_new(&self) {
        debug_assert!(matches!(self.stage, Stage::New), "a future that was polled does not move");
    }

    // A call would cost as much as the two exchanges.
    #[inline(always)]
    pub(in crate::sync) fn poll(
        self: Pin<&mut Self>,
        lock: &RawRwLock,
        kind: Kind,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let quick = matches!(self.stage, Stage::New)
            && match kind {
                Kind::Write => lock.enter_alone(),
                Kind::Read => lock.enter_at_once(),
            };
        if quick {
            // SAFETY: a `New` stage may be replaced, and nothing else is.
            unsafe { self.get_unchecked_mut() }.stage = Stage::Done;
            return Poll::Ready(());
        }
        self.poll_slow(lock, kind, cx)
    }

    #[cold]
    fn poll_slow(
        self: Pin<&mut Self>,
        lock: &RawRwLock,
        kind: Kind,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        assert!(!matches!(self.stage, Stage::Done), "a lock polled after it was ready");
        // SAFETY: a `Waiting` place stays where it is until it has been unlinked.
        let this = unsafe { self.get_unchecked_mut() };
        if matches!((kind, &this.stage), (Kind::Write, Stage::New)) {
            this.stage = Stage::Late;
            if lock.readers_are_to_come() {
                point::exhaust();
            }
        }
        ready!(point::poll(cx, Op::Sync));
        let mut wakes = WakeBatch::new();
        let Looked { acquired, spare } = match this.stage {
            Stage::Waiting(_) => this.look_again(lock, kind, cx.waker(), &mut wakes),
            _ => this.enqueue(lock, kind, cx.waker().clone(), &mut wakes),
        };
        if acquired {
            this.stage = Stage::Done;
        }
        lock.unwinding(acquired.then_some(kind), || {
            wakes.wake_all();
            drop(spare);
        });
        if acquired {
            return Poll::Ready(());
        }
        point::refund();
        let reason = match kind {
            Kind::Read => WaitReason::RwLockRLock,
            Kind::Write => WaitReason::RwLockLock,
        };
        record::park(reason, this.site);
        Poll::Pending
    }

    /// Takes the lock, or enters a queue.
    fn enqueue(
        &mut self,
        lock: &RawRwLock,
        kind: Kind,
        waker: Waker,
        wakes: &mut WakeBatch,
    ) -> Looked {
        let queue = &mut *lock.queue.lock();
        if lock.enter_locked(kind)
            || lock.reclaim(queue, kind, record::current(), wakes)
            || lock.enter_or_queue(queue, kind)
        {
            return Looked { acquired: true, spare: [Some(waker), None] };
        }
        self.stage = Stage::Waiting(Place::new(kind));
        let Stage::Waiting(place) = &self.stage else { unreachable!("stored above") };
        // SAFETY: new, and pinned with this request, which leaves before it goes.
        unsafe { place.enter(queue.of(kind), waker) };
        Looked { acquired: false, spare: [None, None] }
    }

    /// Whether the lock has come, or can be had; stores the waker if not.
    fn look_again(
        &mut self,
        lock: &RawRwLock,
        kind: Kind,
        waker: &Waker,
        wakes: &mut WakeBatch,
    ) -> Looked {
        let Stage::Waiting(place) = &self.stage else { unreachable!("the caller looked") };
        // The common case, which needs no waker: it was woken because the lock has come.
        if let Some(spare) = place.collect(&mut lock.queue.lock()) {
            return Looked { acquired: true, spare: [spare, None] };
        }
        // Not under the lock: to clone it may run code of the user's.
        let fresh = waker.clone();
        let mut locked = lock.queue.lock();
        let queue = &mut *locked;
        if let Some(spare) = place.collect(queue) {
            return Looked { acquired: true, spare: [spare, Some(fresh)] };
        }
        // SAFETY: (L1): under the lock.
        if unsafe { place.node.seat() }.tag == TAG_ROBBED {
            drop(locked);
            // In no list, so nobody else knows it any more.
            self.stage = Stage::Late;
            return self.enqueue(lock, kind, fresh, wakes);
        }
        let robber = record::current();
        let mut acquired = false;
        if RawRwLock::may_reclaim(queue, robber) {
            // SAFETY: queued, by the tag.
            unsafe { lock.unlink(queue, kind, &place.node, wakes) };
            acquired = lock.enter_locked(kind)
                || lock.reclaim(queue, kind, robber, wakes)
                || lock.enter_or_queue(queue, kind);
            if !acquired {
                // SAFETY: as in `enqueue`.
                unsafe { RawRwLock::link(queue, kind, &place.node) };
            }
        }
        let (kept, unused) = if acquired { (None, Some(fresh)) } else { (Some(fresh), None) };
        // SAFETY: (W2): under the lock.
        let old = unsafe { place.waiter.replace(kept) };
        Looked { acquired, spare: [old, unused] }
    }

    /// Gives up the place in line, or the lock if it was granted.
    #[inline]
    pub(in crate::sync) fn leave(&mut self, lock: &RawRwLock, kind: Kind) {
        if let Stage::Waiting(place) = &self.stage {
            place.give_up(lock, kind);
        }
    }
}

impl Place<Kind> {
    /// Leaves if the lock was granted. Returns a waker to be dropped outside of the lock of the queues then.
    fn collect(&self, queue: &mut Queue) -> Option<Option<Waker>> {
        // SAFETY: (L1): under the lock.
        if unsafe { self.node.seat() }.tag != TAG_GRANTED {
            return None;
        }
        // SAFETY: linked as granted, by the tag.
        unsafe { queue.granted.remove(NonNull::from(&self.node)) };
        // SAFETY: (W2): under the lock.
        Some(unsafe { self.waiter.take_waker() })
    }

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
