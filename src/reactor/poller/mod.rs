//! The system's readiness queue, in two ways.
//!
//! * [`epoll`] (Linux): every descriptor is registered once, edge-triggered, for everything; waiting
//!   is one system call.
//! * [`portable`]: [`polling`]'s one-shot interface, which exists on every system; a descriptor is
//!   armed whenever somebody waits for it.
//!
//! Both compile on Linux, where tests run against both.

#[cfg(test)]
mod bare;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod epoll;
mod portable;

use std::io;
use std::time::Duration;

/// What can be registered: a socket, or on unix any descriptor.
#[cfg(unix)]
pub(crate) trait Descriptor: std::os::fd::AsFd {}
#[cfg(unix)]
impl<T: std::os::fd::AsFd> Descriptor for T {}

/// What can be registered: a socket.
#[cfg(windows)]
pub(crate) trait Descriptor: std::os::windows::io::AsSocket {}
#[cfg(windows)]
impl<T: std::os::windows::io::AsSocket> Descriptor for T {}

/// Which of the ways to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// The best that the system has.
    Native,
    /// The one that every system has.
    Portable,
    /// One that knows no descriptors.
    #[cfg(test)]
    Bare,
}

/// One event: the token given at registration and what the descriptor is ready for ([`bits`]).
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) token: u64,
    pub(super) bits: u32,
}

/// What a descriptor can be ready for.
pub(super) mod bits {
    /// Reading, or accepting, will not block.
    pub(crate) const READ: u32 = 1;
    /// Writing will not block.
    pub(crate) const WRITE: u32 = 1 << 1;
    /// The other side will write no more.
    pub(crate) const READ_CLOSED: u32 = 1 << 2;
    /// Nothing can be written any more.
    pub(crate) const WRITE_CLOSED: u32 = 1 << 3;
    /// There is an error to fetch.
    pub(crate) const ERROR: u32 = 1 << 4;
    /// There are urgent data; reads stop before them.
    pub(crate) const URGENT: u32 = 1 << 5;
}

/// See the [module](self).
#[derive(Debug)]
pub(super) enum Poller {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Epoll(epoll::Epoll),
    Portable(Box<portable::Portable>),
    #[cfg(test)]
    Bare(bare::Bare),
}

impl Poller {
    pub(super) fn new(backend: Backend) -> io::Result<Self> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if backend == Backend::Native {
            return Ok(Poller::Epoll(epoll::Epoll::new()?));
        }
        #[cfg(test)]
        if backend == Backend::Bare {
            return Ok(Poller::Bare(bare::Bare::default()));
        }
        let _ = backend;
        Ok(Poller::Portable(Box::new(portable::Portable::new()?)))
    }

    /// Whether [`arm`](Self::arm) has to be called by whoever waits.
    pub(super) fn needs_arming(&self) -> bool {
        matches!(self, Poller::Portable(_))
    }

    /// Registers a descriptor, which must be removed with [`delete`](Self::delete) before it is
    /// closed.
    pub(super) fn add(&self, io: &impl Descriptor, token: u64) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.add(io, token),
            Poller::Portable(portable) => portable.add(io, token),
            #[cfg(test)]
            Poller::Bare(_) => Ok(()),
        }
    }

    /// Asks for one event when the descriptor is ready for reading or writing.
    pub(super) fn arm(
        &self,
        io: &impl Descriptor,
        token: u64,
        read: bool,
        write: bool,
    ) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(_) => Ok(()),
            Poller::Portable(portable) => portable.arm(io, token, read, write),
            #[cfg(test)]
            Poller::Bare(_) => Ok(()),
        }
    }

    pub(super) fn delete(&self, io: &impl Descriptor) -> io::Result<()> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.delete(io),
            Poller::Portable(portable) => portable.delete(io),
            #[cfg(test)]
            Poller::Bare(_) => Ok(()),
        }
    }

    /// Waits for events, at most `limit`, and appends them to `events`. One caller at a time.
    pub(super) fn wait(&self, events: &mut Vec<Event>, limit: Option<Duration>) -> io::Result<()> {
        let result = match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.wait(events, limit),
            Poller::Portable(portable) => portable.wait(events, limit),
            #[cfg(test)]
            Poller::Bare(bare) => {
                bare.wait(events, limit);
                Ok(())
            }
        };
        match result {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            other => other,
        }
    }

    /// Ends the wait in progress, or the next one.
    pub(super) fn notify(&self) {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Poller::Epoll(epoll) => epoll.notify(),
            Poller::Portable(portable) => portable.notify(),
            #[cfg(test)]
            Poller::Bare(bare) => bare.notify(),
        }
    }
}
