//! The readiness queue as [`polling`] offers it on every system: one event per arming.

#![expect(
    unsafe_code,
    reason = "polling asks for descriptors to be removed before they are closed"
)]

use super::{Descriptor, Event, bits};
use crate::sys::sync::Mutex;
use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

/// How many events one wait returns at most.
const ROOM: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Portable {
    queue: polling::Poller,
    buffer: Mutex<Buffer>,
}

struct Buffer(polling::Events);

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Buffer")
    }
}

impl Portable {
    pub(super) fn new() -> io::Result<Self> {
        let queue = polling::Poller::new()?;
        let buffer = Mutex::new(Buffer(polling::Events::with_capacity(ROOM)));
        Ok(Self { queue, buffer })
    }

    pub(super) fn add(&self, io: &impl Descriptor, token: u64) -> io::Result<()> {
        let borrowed = raw::borrow(io);
        // SAFETY: `Registered` calls `delete` before it closes the descriptor or gives it away.
        unsafe { self.queue.add(raw::of(&borrowed), polling::Event::none(token as usize)) }
    }

    pub(super) fn arm(
        &self,
        io: &impl Descriptor,
        token: u64,
        read: bool,
        write: bool,
    ) -> io::Result<()> {
        self.queue.modify(raw::borrow(io), polling::Event::new(token as usize, read, write))
    }

    pub(super) fn delete(&self, io: &impl Descriptor) -> io::Result<()> {
        self.queue.delete(raw::borrow(io))
    }

    pub(super) fn wait(&self, out: &mut Vec<Event>, limit: Option<Duration>) -> io::Result<()> {
        // Uncontended: the caller holds the poll lock.
        let mut buffer = self.buffer.lock();
        buffer.0.clear();
        self.queue.wait(&mut buffer.0, limit)?;
        out.extend(
            buffer.0.iter().map(|event| Event { token: event.key as u64, bits: translate(&event) }),
        );
        Ok(())
    }

    pub(super) fn notify(&self) {
        let result = self.queue.notify();
        debug_assert!(result.is_ok(), "the poller's notifier: {result:?}");
    }
}

fn translate(event: &polling::Event) -> u32 {
    let mut out = 0;
    if event.readable {
        out |= bits::READ;
    }
    if event.writable {
        out |= bits::WRITE;
    }
    if event.is_interrupt() {
        out |= bits::READ | bits::WRITE | bits::READ_CLOSED | bits::WRITE_CLOSED;
    }
    if event.is_err() == Some(true) {
        out |= bits::READ | bits::WRITE | bits::ERROR;
    }
    out
}

#[cfg(unix)]
mod raw {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

    pub(super) fn borrow(io: &impl AsFd) -> BorrowedFd<'_> {
        io.as_fd()
    }

    pub(super) fn of(io: &BorrowedFd<'_>) -> RawFd {
        io.as_raw_fd()
    }
}

#[cfg(windows)]
mod raw {
    use std::os::windows::io::{AsRawSocket, AsSocket, BorrowedSocket, RawSocket};

    pub(super) fn borrow(io: &impl AsSocket) -> BorrowedSocket<'_> {
        io.as_socket()
    }

    pub(super) fn of(io: &BorrowedSocket<'_>) -> RawSocket {
        io.as_raw_socket()
    }
}
