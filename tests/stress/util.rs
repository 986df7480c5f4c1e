//! What the cases share: giving up, chance, and values that know what became of them.

#![expect(unsafe_code, reason = "a cell without protection of its own is what shows a race")]

use gort::runtime::{Builder, Runtime};
use gort::task::yield_now;
use std::cell::UnsafeCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::Poll;

/// Workers of a case: more than the processors of a small machine, so that they interrupt each other.
pub(crate) const WORKERS: usize = 4;

pub(crate) fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).build().unwrap()
}

/// Polls `future` at most `polls` times, letting others run in between, and then drops it.
pub(crate) async fn attempt<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: usize) -> Self {
        Self((seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}

/// What became of values: each is dropped once, and arrived once or not at all.
pub(crate) struct Ledger {
    arrived: Vec<AtomicU32>,
    dropped: Vec<AtomicU32>,
    /// Numbers of the values made so far.
    made: AtomicUsize,
}

/// A value that tells its ledger when it is dropped. Its number lies on the heap, written by who made
/// it and read by who receives it, with nothing but the channel to order the two.
pub(crate) struct Token {
    number: Box<usize>,
    ledger: Arc<Ledger>,
}

impl Ledger {
    /// A ledger for at most `capacity` values.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        let zeros = || (0..capacity).map(|_| AtomicU32::new(0)).collect();
        Arc::new(Self { arrived: zeros(), dropped: zeros(), made: AtomicUsize::new(0) })
    }

    pub(crate) fn token(self: &Arc<Self>) -> Token {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Token { number: Box::new(number), ledger: Arc::clone(self) }
    }

    pub(crate) fn arrivals(&self) -> usize {
        self.arrived.iter().map(|n| n.load(Ordering::Relaxed) as usize).sum()
    }

    /// Asserts that every value made was dropped once and none arrived twice, and that those of
    /// `sent` arrived.
    #[track_caller]
    pub(crate) fn assert_settled(&self, sent: impl IntoIterator<Item = usize>) {
        for number in 0..self.made.load(Ordering::Relaxed) {
            assert_eq!(self.dropped[number].load(Ordering::Relaxed), 1, "drops of {number}");
            assert!(self.arrived[number].load(Ordering::Relaxed) < 2, "{number} arrived twice");
        }
        for number in sent {
            assert_eq!(self.arrived[number].load(Ordering::Relaxed), 1, "{number} was sent");
        }
    }
}

impl Token {
    pub(crate) fn number(&self) -> usize {
        *self.number
    }

    /// The value has reached its receiver.
    pub(crate) fn arrive(self) {
        self.ledger.arrived[self.number()].fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.ledger.dropped[self.number()].fetch_add(1, Ordering::Relaxed);
    }
}

/// A number that only what is under test protects.
#[derive(Default)]
pub(crate) struct Bare(UnsafeCell<u64>);

// SAFETY: the cases use one from several threads only in turns, which is what they test.
unsafe impl Sync for Bare {}

impl Bare {
    pub(crate) fn add(&self, n: u64) {
        // SAFETY: it is the caller's turn.
        unsafe { *self.0.get() += n };
    }

    pub(crate) fn get(&self) -> u64 {
        // SAFETY: it is the caller's turn.
        unsafe { *self.0.get() }
    }
}
