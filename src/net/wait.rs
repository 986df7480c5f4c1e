//! Waiting until a socket is ready, without doing anything with it.

use crate::reactor::{Descriptor, Direction, Interest, Ready, Registered, Snapshot, WaitId};
use crate::sys::point::{self, Op};
use crate::wait::record::{self, WaitReason};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::TcpStream;
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

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Snapshot>> {
        self.io.poll_ready(self.direction, &mut self.id, cx)
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

/// Future of [`TcpStream::ready`](super::TcpStream::ready).
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Readiness<'a> {
    places: [Option<Place<'a, TcpStream>>; 2],
    interest: Interest,
    site: &'static Location<'static>,
}

impl<'a> Readiness<'a> {
    pub(super) fn new(
        io: &'a Registered<TcpStream>,
        interest: Interest,
        site: &'static Location<'static>,
    ) -> Self {
        let mut directions = interest.directions();
        let places = [(); 2].map(|()| directions.next().map(|dir| Place::new(io, dir)));
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
        #[doc = concat!("Future of [`TcpStream::", $method, "`](super::TcpStream::", $method, ").")]
        #[derive(Debug)]
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct $name<'a> {
            place: Place<'a, TcpStream>,
            site: &'static Location<'static>,
        }

        impl<'a> $name<'a> {
            pub(super) fn new(
                io: &'a Registered<TcpStream>,
                site: &'static Location<'static>,
            ) -> Self {
                Self { place: Place::new(io, $direction), site }
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
