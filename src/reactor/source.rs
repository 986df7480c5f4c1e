//! One registered descriptor: what it is ready for, and who waits.
//!
//! # Readiness
//!
//! Operations do not ask the poller first. A source starts out ready for everything; whoever wants
//! to read tries to, and only `WouldBlock` (or a read that did not fill its buffer) clears the
//! readiness, which the next event sets again. An event may arrive between the operation and the
//! clear, and must survive it. So the word holds a count of events beside the bits, and
//! [`Source::clear`] does nothing when the count is not the one that was read *before* the
//! operation.
//!
//! # Waiting
//!
//! The poller sets the bits and then takes the wakers under the lock; a waiter leaves its waker under
//! the lock and looks at the bits again before it lets go. If the waiter's turn comes first the
//! poller finds the waker, otherwise the waiter sees the bits.

use super::poller::bits;
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicU64, Ordering};
use crate::wait::batch::WakeBatch;
use std::task::Waker;

/// Which half of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Reading and accepting.
    Read = 0,
    /// Writing and connecting.
    Write = 1,
}

impl Direction {
    /// All bits that make an operation in this direction worth trying.
    fn mask(self) -> u32 {
        match self {
            Direction::Read => bits::READ | bits::READ_CLOSED | bits::ERROR,
            Direction::Write => bits::WRITE | bits::WRITE_CLOSED | bits::ERROR,
        }
    }

    /// The bits that a `WouldBlock` disproves. The closed bits are among them: if they were set by
    /// an event before the operation, the operation would not have blocked.
    fn disproved(self) -> u32 {
        self.mask()
    }

    /// The bit that says that the deadline of operations in this direction has passed.
    pub(super) fn late(self) -> u32 {
        match self {
            Direction::Read => READ_LATE,
            Direction::Write => WRITE_LATE,
        }
    }

    /// All bits that end a wait in this direction.
    fn ends(self) -> u32 {
        self.mask() | SHUT_DOWN | self.late()
    }
}

/// Who waits: at most one waker per number is kept for each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitId(u64);

impl WaitId {
    /// The caller of a `poll_*` method: the last one to call is woken.
    pub(crate) const fn poll() -> WaitId {
        WaitId(0)
    }

    /// A waiter that has not waited yet; the first wait gives it a number.
    pub(crate) const NEW: WaitId = WaitId(u64::MAX);

    /// Whether it has a number, which has to be given back ([`Source::leave`]).
    #[cfg(test)]
    pub(crate) fn is_numbered(self) -> bool {
        self != WaitId::poll() && self != WaitId::NEW
    }
}

/// What a source was ready for at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(u64);

const BITS: u64 = 0x3ff;
const EVENT: u64 = BITS + 1;
/// The driver is gone; never cleared.
const SHUT_DOWN: u32 = 1 << 7;
/// A deadline has passed; cleared when another one is set.
const READ_LATE: u32 = 1 << 8;
const WRITE_LATE: u32 = 1 << 9;

impl Snapshot {
    fn bits(self) -> u32 {
        (self.0 & BITS) as u32
    }

    /// Whether an operation in `direction` is worth trying.
    pub(crate) fn is_ready(self, direction: Direction) -> bool {
        self.bits() & direction.ends() != 0
    }

    /// Whether operations in `direction` fail, whatever the descriptor is ready for.
    pub(crate) fn is_refused(self, direction: Direction) -> bool {
        self.bits() & (SHUT_DOWN | direction.late()) != 0
    }

    /// Whether the runtime is gone that would have delivered events.
    pub(crate) fn is_shut_down(self) -> bool {
        self.bits() & SHUT_DOWN != 0
    }

    pub(crate) fn is_readable(self) -> bool {
        self.bits() & (bits::READ | bits::READ_CLOSED) != 0
    }

    pub(crate) fn is_writable(self) -> bool {
        self.bits() & (bits::WRITE | bits::WRITE_CLOSED) != 0
    }

    pub(crate) fn is_read_closed(self) -> bool {
        self.bits() & bits::READ_CLOSED != 0
    }

    pub(crate) fn is_write_closed(self) -> bool {
        self.bits() & bits::WRITE_CLOSED != 0
    }

    pub(crate) fn is_error(self) -> bool {
        self.bits() & bits::ERROR != 0
    }

    /// Whether a read that did not fill its buffer proves that there is nothing left: reads also
    /// stop in front of urgent data.
    pub(crate) fn short_read_drains(self) -> bool {
        self.bits() & bits::URGENT == 0
    }
}

/// Wakers of one direction. One waiter is the rule.
#[derive(Debug, Default)]
struct Waiters {
    first: Option<(u64, Waker)>,
    others: Vec<(u64, Waker)>,
}

impl Waiters {
    #[cfg(test)]
    fn find(&self, id: u64) -> Option<&Waker> {
        self.first.iter().chain(&self.others).find(|(other, _)| *other == id).map(|(_, w)| w)
    }

    /// Adds a waker and returns the one it replaces.
    fn put(&mut self, id: u64, waker: Waker) -> Option<Waker> {
        let mut all = self.first.iter_mut().chain(&mut self.others);
        if let Some((_, old)) = all.find(|(other, _)| *other == id) {
            return Some(std::mem::replace(old, waker));
        }
        if self.first.is_none() {
            self.first = Some((id, waker));
        } else {
            self.others.push((id, waker));
        }
        None
    }

    fn remove(&mut self, id: u64) -> Option<Waker> {
        if self.first.as_ref().is_some_and(|(other, _)| *other == id) {
            return self.first.take().map(|(_, waker)| waker);
        }
        let index = self.others.iter().position(|(other, _)| *other == id)?;
        Some(self.others.swap_remove(index).1)
    }

    fn pop(&mut self) -> Option<Waker> {
        self.first.take().or_else(|| self.others.pop()).map(|(_, waker)| waker)
    }

    fn is_empty(&self) -> bool {
        self.first.is_none() && self.others.is_empty()
    }
}

#[derive(Debug, Default)]
struct State {
    waiters: [Waiters; 2],
    /// The number of the last waiter.
    last: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Source {
    /// What it is ready for, and above that the count of events.
    ready: AtomicU64,
    state: Mutex<State>,
    /// By which the poller knows it; a registration's own, never used again.
    pub(super) token: u64,
}

impl Source {
    /// A source that is taken to be ready, so that the first operation is tried, or not.
    pub(super) fn new(token: u64, ready: bool) -> Self {
        let ready = if ready { u64::from(bits::READ | bits::WRITE) } else { 0 };
        Self { ready: AtomicU64::new(ready), state: Mutex::default(), token }
    }

    /// What it is ready for.
    pub(crate) fn snapshot(&self) -> Snapshot {
        // Ordering: Acquire pairs with the Release in `set`: an operation that is tried because of
        // an event comes after the event.
        Snapshot(self.ready.load(Ordering::Acquire))
    }

    /// Takes back that the source is ready in `direction`, after an operation that was begun at
    /// `seen` would have blocked.
    pub(crate) fn clear(&self, direction: Direction, seen: Snapshot) {
        self.clear_bits(direction.disproved(), seen);
    }

    /// Takes back that there is something to read, or room to write to, after an operation that was
    /// begun at `seen` moved less than was asked. That the peer has closed is still to be seen.
    pub(crate) fn clear_drained(&self, direction: Direction, seen: Snapshot) {
        let bit = match direction {
            Direction::Read => bits::READ,
            Direction::Write => bits::WRITE,
        };
        self.clear_bits(bit, seen);
    }

    fn clear_bits(&self, bits: u32, seen: Snapshot) {
        let bits = u64::from(bits);
        let mut current = seen.0;
        // Same count of events: no event since `seen`, so what differs was cleared by others.
        while current & !BITS == seen.0 & !BITS && current & bits != 0 {
            // Ordering: nothing is published by clearing.
            match self.ready.compare_exchange_weak(
                current,
                current & !bits,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => current = now,
            }
        }
    }

    /// Leaves `waker` to be woken by the next event in `direction`, unless the source is ready now.
    /// `then` runs under the lock with who waits for reading and writing.
    ///
    /// Returns what it saw and a waker to drop.
    pub(super) fn wait<R>(
        &self,
        direction: Direction,
        id: &mut WaitId,
        waker: Waker,
        then: impl FnOnce(bool, bool) -> R,
    ) -> (Option<Waker>, Result<R, Snapshot>) {
        let mut state = self.state.lock();
        let seen = self.snapshot();
        if seen.is_ready(direction) {
            return (Some(waker), Err(seen));
        }
        if *id == WaitId::NEW {
            state.last += 1;
            *id = WaitId(state.last);
        }
        let old = state.waiters[direction as usize].put(id.0, waker);
        let [read, write] = &state.waiters;
        let done = then(!read.is_empty(), !write.is_empty());
        (old, Ok(done))
    }

    /// Forgets a waiter. Returns its waker, to be dropped.
    #[must_use]
    pub(crate) fn leave(&self, direction: Direction, id: WaitId) -> Option<Waker> {
        self.state.lock().waiters[direction as usize].remove(id.0)
    }

    /// Notes an event.
    pub(super) fn set(&self, bits: u32) {
        let update = |old: u64| Some((old | u64::from(bits)).wrapping_add(EVENT));
        // Ordering: Release pairs with the Acquire in `snapshot`.
        let _ = self.ready.fetch_update(Ordering::Release, Ordering::Relaxed, update);
    }

    /// Takes back that the deadline in `direction` has passed.
    pub(super) fn set_in_time(&self, direction: Direction) {
        // Ordering: Relaxed: whoever waits looks again when the next deadline passes.
        self.ready.fetch_and(!u64::from(direction.late()), Ordering::Relaxed);
    }

    /// Notes that no event will come any more.
    pub(super) fn shut_down(&self) {
        self.set(SHUT_DOWN);
    }

    /// Moves the wakers to `batch` of those who wait for one of `bits`, or all if `everybody`.
    /// `false`: the batch is full and there are more.
    pub(super) fn take_wakers(&self, bits: u32, everybody: bool, batch: &mut WakeBatch) -> bool {
        let mut state = self.state.lock();
        for direction in [Direction::Read, Direction::Write] {
            if !everybody && bits & direction.ends() == 0 {
                continue;
            }
            let waiters = &mut state.waiters[direction as usize];
            while !waiters.is_empty() {
                if batch.is_full() {
                    return false;
                }
                if let Some(waker) = waiters.pop() {
                    batch.push(waker);
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(source: &Source, direction: Direction, mut id: WaitId) -> bool {
        source.wait(direction, &mut id, Waker::noop().clone(), |_, _| ()).1.is_ok()
    }

    #[test]
    fn an_event_between_the_operation_and_the_clear_is_kept() {
        let source = Source::new(0, true);
        let seen = source.snapshot();
        source.set(bits::READ);
        source.clear(Direction::Read, seen);
        assert!(source.snapshot().is_ready(Direction::Read));
        source.clear(Direction::Read, source.snapshot());
        assert!(!source.snapshot().is_ready(Direction::Read));
        assert!(source.snapshot().is_ready(Direction::Write), "the other direction is untouched");
    }

    #[test]
    fn a_clear_of_the_other_direction_does_not_undo_a_clear() {
        let source = Source::new(0, true);
        let (read, write) = (source.snapshot(), source.snapshot());
        source.clear(Direction::Write, write);
        source.clear(Direction::Read, read);
        assert!(!source.snapshot().is_ready(Direction::Read));
        assert!(!source.snapshot().is_ready(Direction::Write));
    }

    #[test]
    fn a_short_read_leaves_the_end_of_the_stream_to_be_seen() {
        let source = Source::new(0, true);
        source.set(bits::READ | bits::READ_CLOSED);
        source.clear_drained(Direction::Read, source.snapshot());
        assert!(source.snapshot().is_ready(Direction::Read));
        source.clear(Direction::Read, source.snapshot());
        assert!(!source.snapshot().is_ready(Direction::Read), "it was not the end after all");
    }

    #[test]
    fn an_event_between_the_look_and_the_wait_is_seen() {
        let source = Source::new(0, true);
        let seen = source.snapshot();
        source.clear(Direction::Read, seen);
        assert!(!source.snapshot().is_ready(Direction::Read));
        source.set(bits::READ);
        assert!(!wait(&source, Direction::Read, WaitId::poll()), "ready: it does not wait");
    }

    #[test]
    fn an_event_wakes_every_waiter_of_its_direction_in_rounds() {
        let source = Source::new(0, true);
        source.clear(Direction::Read, source.snapshot());
        source.clear(Direction::Write, source.snapshot());
        for _ in 0..20 {
            assert!(wait(&source, Direction::Read, WaitId::NEW));
        }
        assert!(wait(&source, Direction::Write, WaitId::poll()));
        source.set(bits::READ);
        let mut batch = WakeBatch::new();
        assert!(!source.take_wakers(bits::READ, false, &mut batch), "16 fit");
        batch.wake_all();
        assert!(source.take_wakers(bits::READ, false, &mut batch));
        batch.wake_all();
        assert!(source.leave(Direction::Write, WaitId::poll()).is_some());
    }

    #[test]
    fn a_waiter_that_left_is_not_woken_and_the_others_are() {
        let source = Source::new(0, true);
        source.clear(Direction::Read, source.snapshot());
        let mut ids = [WaitId::NEW; 3];
        for id in &mut ids {
            let waits = source.wait(Direction::Read, id, Waker::noop().clone(), |_, _| ()).1;
            assert!(waits.is_ok() && id.is_numbered());
        }
        assert!(source.leave(Direction::Read, ids[1]).is_some());
        assert!(source.leave(Direction::Read, ids[1]).is_none());
        let mut state = source.state.lock();
        let waiters = &mut state.waiters[Direction::Read as usize];
        assert!(waiters.find(ids[1].0).is_none());
        assert!(waiters.pop().is_some() && waiters.pop().is_some() && waiters.pop().is_none());
    }
}
