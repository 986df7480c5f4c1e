//! Epoll, by its own rules.
//!
//! [`polling`] creates the queue and owns its descriptor; everything else goes to that descriptor
//! directly. Its own `wait` would arm a timer descriptor and its notifier each time, four system
//! calls more, and does not know that a peer has closed its half (`EPOLLRDHUP`).
//!
//! Waits end early through a counter descriptor that is registered edge-triggered too: each write to
//! it is an edge, so nobody has to read it.

use super::{Descriptor, Event, bits};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How many events one wait returns at most: 6 KiB of stack.
const ROOM: usize = 512;

/// Token of the counter descriptor; registrations have others ([`super::super::source`]).
const BELL: u64 = u64::MAX - 1;

/// See the [module](self).
pub(crate) struct Epoll {
    queue: polling::Poller,
    bell: OwnedFd,
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Epoll").field(&self.queue.as_fd()).finish()
    }
}

impl Epoll {
    pub(super) fn new() -> io::Result<Self> {
        let queue = polling::Poller::new()?;
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let flags = EventFlags::IN | EventFlags::ET;
        epoll::add(queue.as_fd(), &bell, EventData::new_u64(BELL), flags)?;
        Ok(Self { queue, bell })
    }

    pub(super) fn add(&self, io: &impl Descriptor, token: u64) -> io::Result<()> {
        let flags =
            EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::PRI | EventFlags::ET;
        Ok(epoll::add(self.queue.as_fd(), io, EventData::new_u64(token), flags)?)
    }

    pub(super) fn delete(&self, io: &impl Descriptor) -> io::Result<()> {
        Ok(epoll::delete(self.queue.as_fd(), io)?)
    }

    pub(super) fn wait(&self, out: &mut Vec<Event>, limit: Option<Duration>) -> io::Result<()> {
        let limit = limit.map(to_millis);
        let mut room = [const { MaybeUninit::uninit() }; ROOM];
        let (got, _) = epoll::wait(self.queue.as_fd(), &mut room, limit.as_ref())?;
        let events = got.iter().filter(|event| event.data.u64() != BELL);
        out.extend(events.map(|e| Event { token: e.data.u64(), bits: translate(e.flags) }));
        Ok(())
    }

    pub(super) fn notify(&self) {
        // The counter overflows after 2^64 writes; any other error means that the process has closed
        // our descriptor behind our back, and then no wait ends any more.
        let result = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        debug_assert!(result.is_ok(), "the poller's counter: {result:?}");
    }
}

/// A time limit in whole milliseconds, rounded up: what the system call takes.
fn to_millis(limit: Duration) -> Timespec {
    // 24 days: what 32 bits hold. The caller comes back and waits again.
    const MOST: u64 = 1 << 31;
    let millis = limit.as_nanos().div_ceil(1_000_000).min(u128::from(MOST - 1)) as i64;
    Timespec { tv_sec: millis / 1000, tv_nsec: (millis % 1000) * 1_000_000 }
}

fn translate(flags: EventFlags) -> u32 {
    let mut out = 0;
    if flags.intersects(EventFlags::IN | EventFlags::PRI) {
        out |= bits::READ;
    }
    if flags.contains(EventFlags::OUT) {
        out |= bits::WRITE;
    }
    if flags.contains(EventFlags::PRI) {
        out |= bits::URGENT;
    }
    if flags.contains(EventFlags::RDHUP) {
        out |= bits::READ | bits::READ_CLOSED;
    }
    if flags.contains(EventFlags::HUP) {
        out |= bits::READ | bits::WRITE | bits::READ_CLOSED | bits::WRITE_CLOSED;
    }
    if flags.contains(EventFlags::ERR) {
        // Whichever operation comes first fetches the error.
        out |= bits::READ | bits::WRITE | bits::ERROR;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rounded_up_to_milliseconds_and_never_overflow() {
        let millis = |d| {
            let t = to_millis(d);
            t.tv_sec * 1000 + t.tv_nsec / 1_000_000
        };
        assert_eq!(millis(Duration::ZERO), 0);
        assert_eq!(millis(Duration::from_nanos(1)), 1);
        assert_eq!(millis(Duration::from_millis(1)), 1);
        assert_eq!(millis(Duration::from_micros(1001)), 2);
        assert_eq!(millis(Duration::MAX), i64::from(i32::MAX));
    }
}
