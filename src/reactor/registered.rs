//! A descriptor and its registration with a driver.
//!
//! Invariant: the descriptor is open as long as it is registered. `Registered` owns it, deregisters
//! it in `Drop` before it is closed, and gives it away only after it has deregistered it.

use super::Driver;
use super::deadline::Deadline;
use super::poller::Descriptor;
use super::source::{Direction, Snapshot, Source, WaitId};
use crate::sys::clock::Nanos;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

/// See the [module](self).
pub(crate) struct Registered<T: Descriptor> {
    /// `None` only while it is given away.
    io: Option<T>,
    source: Arc<Source>,
    driver: Arc<Driver>,
    /// Of operations in each direction, once one has been set.
    deadlines: OnceLock<[Arc<Deadline>; 2]>,
}

impl<T: Descriptor> Registered<T> {
    /// Registers `io`, which must be in non-blocking mode.
    ///
    /// # Errors
    ///
    /// When the system cannot watch it (regular files) or is out of memory; `io` is closed then.
    pub(crate) fn new(io: T, driver: Arc<Driver>) -> io::Result<Self> {
        let source = driver.register(&io, true)?;
        Ok(Self { io: Some(io), source, driver, deadlines: OnceLock::new() })
    }

    /// As [`new`](Self::new), for a descriptor that is not ready for anything until the poller says
    /// so: one that is being connected.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub(crate) fn new_unready(io: T, driver: Arc<Driver>) -> io::Result<Self> {
        let source = driver.register(&io, false)?;
        Ok(Self { io: Some(io), source, driver, deadlines: OnceLock::new() })
    }

    /// The descriptor.
    pub(crate) fn get(&self) -> &T {
        self.io.as_ref().expect("the descriptor is given away by value only")
    }

    /// Deregisters the descriptor and gives it away.
    ///
    /// # Errors
    ///
    /// When the system refuses to deregister it; it is closed then.
    pub(crate) fn into_inner(mut self) -> io::Result<T> {
        let io = self.io.take().expect("the descriptor is given away once");
        self.driver.forget(&self.source);
        self.driver.shared.poller().delete(&io)?;
        Ok(io)
    }

    /// From `deadline` on, operations in `direction` fail, also those that wait already; never, if that is
    /// `None`.
    pub(crate) fn set_deadline(&self, direction: Direction, deadline: Option<Nanos>) {
        let deadlines = self.deadlines.get_or_init(|| {
            [Direction::Read, Direction::Write]
                .map(|direction| Arc::new(Deadline::new(Arc::clone(&self.source), direction)))
        });
        deadlines[direction as usize].set(self.driver.shard(), deadline);
    }

    /// The driver it is registered with.
    pub(crate) fn driver(&self) -> &Arc<Driver> {
        &self.driver
    }

    /// What it is ready for, as far as anybody knows.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.source.snapshot()
    }

    /// Takes back readiness; see [`Source::clear`].
    pub(crate) fn clear(&self, direction: Direction, seen: Snapshot) {
        self.source.clear(direction, seen);
    }

    /// Takes back readiness; see [`Source::clear_drained`].
    pub(crate) fn clear_drained(&self, direction: Direction, seen: Snapshot) {
        self.source.clear_drained(direction, seen);
    }

    /// Forgets a waiter.
    pub(crate) fn leave(&self, direction: Direction, id: WaitId) {
        if id != WaitId::NEW {
            drop(self.source.leave(direction, id));
        }
    }

    /// Ready when an operation in `direction` is worth trying. Otherwise the waker of `cx` is called
    /// when it is.
    ///
    /// # Errors
    ///
    /// When the runtime is gone that would have told.
    pub(crate) fn poll_ready(
        &self,
        direction: Direction,
        id: &mut WaitId,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Snapshot>> {
        let seen = self.source.snapshot();
        if seen.is_ready(direction) {
            return Poll::Ready(check(seen, direction));
        }
        let arm = |read, write| self.arm(read, write);
        let (old, waits) = self.source.wait(direction, id, cx.waker().clone(), arm);
        drop(old);
        match waits {
            Ok(Ok(())) => Poll::Pending,
            Ok(Err(error)) => {
                self.leave(direction, *id);
                Poll::Ready(Err(error))
            }
            Err(seen) => Poll::Ready(check(seen, direction)),
        }
    }

    /// Under the source's lock, so that the last of two callers asks for both directions.
    fn arm(&self, read: bool, write: bool) -> io::Result<()> {
        if !self.driver.shared.poller().needs_arming() {
            return Ok(());
        }
        self.driver.shared.poller().arm(self.get(), self.source.token, read, write)
    }

    /// Tries `operation` if it is worth trying.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if it is not or if `operation` says so; what `operation` returns.
    pub(crate) fn try_io<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let seen = self.source.snapshot();
        if !seen.is_ready(direction) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        check(seen, direction)?;
        let result = operation(self.get());
        if result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock) {
            self.source.clear(direction, seen);
        }
        result
    }

    /// Tries `operation`, and waits as often as it would block. It is told what the descriptor was
    /// ready for before it began.
    ///
    /// # Errors
    ///
    /// What `operation` returns, and that of [`poll_ready`](Self::poll_ready).
    pub(crate) fn poll_io<R>(
        &self,
        direction: Direction,
        id: &mut WaitId,
        cx: &mut Context<'_>,
        mut operation: impl FnMut(&T, Snapshot) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let seen = ready!(self.poll_ready(direction, id, cx))?;
            match operation(self.get(), seen) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.source.clear(direction, seen);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

#[inline]
fn check(seen: Snapshot, direction: Direction) -> io::Result<Snapshot> {
    if seen.is_refused(direction) { Err(refusal(seen)) } else { Ok(seen) }
}

#[cold]
fn refusal(seen: Snapshot) -> io::Error {
    if seen.is_shut_down() {
        return io::Error::other("the runtime that this socket was made in has shut down");
    }
    io::Error::new(io::ErrorKind::TimedOut, "i/o timeout")
}

impl<T: Descriptor> Drop for Registered<T> {
    fn drop(&mut self) {
        self.deadlines.get().into_iter().flatten().for_each(|deadline| deadline.cancel());
        if let Some(io) = &self.io {
            self.driver.forget(&self.source);
            // It fails only if the descriptor was closed behind our back, and then there is nothing
            // left to remove.
            let _ = self.driver.shared.poller().delete(io);
        }
    }
}

impl<T: Descriptor + fmt::Debug> fmt::Debug for Registered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.io.fmt(f)
    }
}
