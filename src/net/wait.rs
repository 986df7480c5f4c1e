//! Waiting until a socket is ready, without doing anything with it.

use crate::reactor::{Descriptor, Direction, Interest, Ready, Registered, Snapshot, Timer, WaitId};
use crate::sys::point::{self, Op};
use crate::wait::record::{self, WaitReason};
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Polls an operation on a socket: it costs a unit of the budget if it is ready, and the goroutine
/// says that it waits if it is not.
pub(super) fn poll_operation<R>(
    cx: &mut Context<'_>,
    site: &'static Location<'static>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<R>,
) -> Poll<R> {
    ready!(point::poll(cx, Op::Io));
    let polled = poll(cx);
    if polled.is_pending() {
        point::refund();
        record::park(WaitReason::IoWait, site);
    }
    polled
}

/// [`poll_operation`] for who has no place in line: the last task to ask is woken.
pub(super) fn poll_as_last<T: Descriptor, R>(
    io: &Registered<T>,
    cx: &mut Context<'_>,
    direction: Direction,
    site: &'static Location<'static>,
    mut operation: impl FnMut(&T) -> io::Result<R>,
) -> Poll<io::Result<R>> {
    poll_operation(cx, site, |cx| {
        io.poll_io(direction, &mut WaitId::poll(), cx, |io, _| operation(io))
    })
}

/// Ready when an operation makes no pause any more, with whether it has made one. A pause ends as well when
/// the runtime has gone that would have ended it: the operation says so.
pub(super) fn poll_pause(pause: &mut Option<Timer>, cx: &mut Context<'_>) -> Poll<bool> {
    let Some(timer) = pause else { return Poll::Ready(false) };
    if timer.poll_elapsed(cx).is_pending() && !timer.is_orphaned() {
        return Poll::Pending;
    }
    *pause = None;
    Poll::Ready(true)
}

/// A place in line in one direction of a socket, given up when it is dropped.
pub(super) struct Place<'a, T: Descriptor> {
    pub(super) io: &'a Registered<T>,
    direction: Direction,
    id: WaitId,
}

impl<'a, T: Descriptor> Place<'a, T> {
    pub(super) fn new(io: &'a Registered<T>, direction: Direction) -> Self {
        Self { io, direction, id: WaitId::NEW }
    }

    /// Tries `operation` until it does not block.
    pub(super) fn poll_io<R>(
        &mut self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T, Snapshot) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.io.poll_io(self.direction, &mut self.id, cx, operation)
    }
}

impl<T: Descriptor> Drop for Place<'_, T> {
    fn drop(&mut self) {
        self.io.leave(self.direction, self.id);
    }
}

impl<T: Descriptor> fmt::Debug for Place<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("direction", &self.direction).finish_non_exhaustive()
    }
}

/// A registered socket of any kind, for who only waits for it.
pub(super) trait Watched: fmt::Debug + Send + Sync {
    fn poll_ready(
        &self,
        direction: Direction,
        id: &mut WaitId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Snapshot>>;

    fn clear(&self, direction: Direction, seen: Snapshot);

    fn leave(&self, direction: Direction, id: WaitId);
}

impl<T: Descriptor + fmt::Debug + Send + Sync> Watched for Registered<T> {
    fn poll_ready(
        &self,
        direction: Direction,
        id: &mut WaitId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Snapshot>> {
        Registered::poll_ready(self, direction, id, cx)
    }

    fn clear(&self, direction: Direction, seen: Snapshot) {
        Registered::clear(self, direction, seen);
    }

    fn leave(&self, direction: Direction, id: WaitId) {
        Registered::leave(self, direction, id);
    }
}

/// As a [`Place`], of a socket of any kind.
#[derive(Debug)]
struct AnyPlace<'a> {
    io: &'a dyn Watched,
    direction: Direction,
    id: WaitId,
}

impl<'a> AnyPlace<'a> {
    fn new(io: &'a dyn Watched, direction: Direction) -> Self {
        Self { io, direction, id: WaitId::NEW }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Snapshot>> {
        self.io.poll_ready(self.direction, &mut self.id, cx)
    }
}

impl Drop for AnyPlace<'_> {
    fn drop(&mut self) {
        self.io.leave(self.direction, self.id);
    }
}

/// Future of `async_io`, of any socket.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct AsyncIo<'a, F> {
    place: AnyPlace<'a>,
    operation: F,
    site: &'static Location<'static>,
}

impl<'a, F> AsyncIo<'a, F> {
    pub(super) fn new(
        io: &'a dyn Watched,
        direction: Direction,
        operation: F,
        site: &'static Location<'static>,
    ) -> Self {
        Self { place: AnyPlace::new(io, direction), operation, site }
    }
}

// The operation is only ever called, never pinned.
impl<F> Unpin for AsyncIo<'_, F> {}

impl<R, F: FnMut() -> io::Result<R>> Future for AsyncIo<'_, F> {
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let AsyncIo { place, operation, site } = &mut *self;
        poll_operation(cx, site, |cx| {
            loop {
                let seen = ready!(place.poll_ready(cx))?;
                match operation() {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                        place.io.clear(place.direction, seen);
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    done => return Poll::Ready(done),
                }
            }
        })
    }
}

impl<F> fmt::Debug for AsyncIo<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncIo").field("place", &self.place).finish_non_exhaustive()
    }
}

/// # Panics
///
/// If `interest` is more or less than one direction.
#[track_caller]
pub(super) fn one_direction(interest: Interest) -> Direction {
    let mut directions = interest.directions();
    match (directions.next(), directions.next()) {
        (Some(direction), None) => direction,
        _ => panic!("{interest:?} is not one direction"),
    }
}

/// Future of `ready`, of any socket.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Readiness<'a> {
    places: [Option<AnyPlace<'a>>; 2],
    interest: Interest,
    site: &'static Location<'static>,
}

impl<'a> Readiness<'a> {
    pub(super) fn new(
        io: &'a dyn Watched,
        interest: Interest,
        site: &'static Location<'static>,
    ) -> Self {
        let mut directions = interest.directions();
        let places = [(); 2].map(|()| directions.next().map(|dir| AnyPlace::new(io, dir)));
        Self { places, interest, site }
    }

    fn poll_any(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        for place in self.places.iter_mut().flatten() {
            if let Poll::Ready(seen) = place.poll_ready(cx)? {
                return Poll::Ready(Ok(Ready::of(seen).for_interest(self.interest)));
            }
        }
        Poll::Pending
    }
}

impl Future for Readiness<'_> {
    type Output = io::Result<Ready>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let site = self.site;
        poll_operation(cx, site, |cx| self.poll_any(cx))
    }
}

macro_rules! one_direction {
    ($name:ident, $method:literal, $direction:expr) => {
        #[doc = concat!("Future of `", $method, "`, of any socket.")]
        #[derive(Debug)]
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct $name<'a> {
            place: AnyPlace<'a>,
            site: &'static Location<'static>,
        }

        impl<'a> $name<'a> {
            pub(super) fn new(io: &'a dyn Watched, site: &'static Location<'static>) -> Self {
                Self { place: AnyPlace::new(io, $direction), site }
            }
        }

        impl Future for $name<'_> {
            type Output = io::Result<()>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let site = self.site;
                poll_operation(cx, site, |cx| self.place.poll_ready(cx).map_ok(|_| ()))
            }
        }
    };
}

one_direction!(Readable, "readable", Direction::Read);
one_direction!(Writable, "writable", Direction::Write);
