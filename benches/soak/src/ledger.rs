//! Messages that know what became of them.

use crate::demand;
use crate::tally::TALLY;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What may become of a message; a message collects these.
mod fate {
    pub const SENT: u8 = 1;
    pub const RECEIVED: u8 = 2;
    pub const RETURNED: u8 = 4;
    pub const REJECTED: u8 = 8;
    pub const DROPPED: u8 = 16;
}

/// The messages of one round and their fates.
pub struct Ledger {
    name: &'static str,
    fates: Box<[AtomicU8]>,
    made: AtomicUsize,
}

impl Ledger {
    /// A ledger for at most `capacity` messages.
    pub fn new(name: &'static str, capacity: usize) -> Arc<Self> {
        let fates = (0..capacity).map(|_| AtomicU8::new(0)).collect();
        Arc::new(Self { name, fates, made: AtomicUsize::new(0) })
    }

    pub fn message(self: &Arc<Self>) -> Message {
        let id = self.made.fetch_add(1, Ordering::Relaxed);
        assert!(id < self.fates.len(), "{}: the ledger is too small", self.name);
        Message { id: Box::new(id), ledger: Arc::clone(self) }
    }

    fn mark(&self, id: usize, bit: u8) {
        let before = self.fates[id].fetch_or(bit, Ordering::Relaxed);
        demand!(before & bit == 0, "{} {id}: {bit:#x} for the second time", self.name);
    }

    /// The send of message `id` has returned without an error.
    pub fn sent(&self, id: usize) {
        self.mark(id, fate::SENT);
    }

    /// Waits until no message is alive: blocking jobs whose goroutine was aborted are still at it.
    async fn await_drops(&self) {
        let (start, mut id) = (Instant::now(), 0);
        while id < self.made.load(Ordering::Relaxed) && start.elapsed() < Duration::from_secs(20) {
            match self.fates[id].load(Ordering::Relaxed) & fate::DROPPED {
                0 => gort::time::sleep(Duration::from_millis(1)).await,
                _ => id += 1,
            }
        }
    }

    /// As [`settle_now`](Self::settle_now), when the last message is gone.
    pub async fn settle(&self, discards: bool) {
        self.await_drops().await;
        self.settle_now(discards);
    }

    /// All is over: checks and counts the fate of each message. `discards` says that channels lost
    /// their receivers while they held messages.
    pub fn settle_now(&self, discards: bool) {
        for id in 0..self.made.load(Ordering::Relaxed) {
            let bits = self.fates[id].load(Ordering::Relaxed);
            demand!(bits & fate::DROPPED != 0, "{} {id}: still alive ({bits:#x})", self.name);
            let (counter, allowed) = match bits & !fate::DROPPED {
                fate::RECEIVED => (&TALLY.received, true),
                bits if bits == fate::RECEIVED | fate::SENT => (&TALLY.received, true),
                fate::RETURNED => (&TALLY.returned, true),
                fate::REJECTED => (&TALLY.rejected, true),
                fate::SENT => (&TALLY.discarded, discards),
                0 => (&TALLY.given_up, true),
                _ => (&TALLY.discarded, false),
            };
            demand!(allowed, "{} {id}: lost or doubled ({bits:#x})", self.name);
            TALLY.messages.one();
            counter.one();
        }
    }
}

/// A message. Its number lies on the heap, for the allocator's and the sanitizers' sake.
pub struct Message {
    id: Box<usize>,
    ledger: Arc<Ledger>,
}

impl Message {
    pub fn id(&self) -> usize {
        *self.id
    }

    /// It reached a receiver.
    pub fn received(self) {
        self.ledger.mark(*self.id, fate::RECEIVED);
    }

    /// Its send failed and gave it back.
    pub fn returned(self) {
        self.ledger.mark(*self.id, fate::RETURNED);
    }

    /// It could not be sent at once, and came back.
    pub fn rejected(self) {
        self.ledger.mark(*self.id, fate::REJECTED);
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.ledger.mark(*self.id, fate::DROPPED);
    }
}
