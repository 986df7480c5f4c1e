//! Models of the two handshakes: the bell and a source. The poller of the system is a stand-in: a
//! counter that a wait ends on when it is not zero.

use super::bell::Bell;
use super::poller::bits;
use super::source::{Direction, Source, WaitId};
use crate::sys::clock::Nanos;
use crate::sys::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sys::sync::{Arc, Condvar, Mutex};
use crate::wait::batch::WakeBatch;
use loom::thread;
use std::task::{Wake, Waker};

/// The descriptor that ends a wait.
struct Counter {
    written: Mutex<bool>,
    wake: Condvar,
}

impl Counter {
    fn new() -> Self {
        Self { written: Mutex::new(false), wake: Condvar::new() }
    }

    fn write(&self) {
        *self.written.lock() = true;
        self.wake.notify_one();
    }

    /// Waits for ever, as far as it is not written to: a lost wake-up is a deadlock.
    fn wait(&self) {
        let mut written = self.written.lock();
        while !*written {
            written = self.wake.wait(written);
        }
        *written = false;
    }
}

struct Sleeper {
    bell: Bell,
    counter: Counter,
    least: AtomicU64,
    /// What somebody wants the poller to see.
    word: AtomicUsize,
}

impl Sleeper {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            bell: Bell::new(),
            counter: Counter::new(),
            least: AtomicU64::new(Nanos::MAX),
            word: AtomicUsize::new(0),
        })
    }

    /// One turn of the poller without a limit. Returns the time until which it means to sleep, 0 if
    /// not at all; it does sleep only if that is for ever.
    fn turn(&self) -> Nanos {
        let least = || self.least.load(Ordering::Relaxed);
        let Some(until) = self.bell.doze(least(), least, || false) else { return 0 };
        if until == Nanos::MAX {
            self.counter.wait();
        }
        self.bell.awake();
        until
    }

    fn ring(&self) {
        if self.bell.ring() {
            self.counter.write();
        }
    }
}

#[test]
fn a_deadline_made_beside_a_poller_that_goes_to_sleep_is_not_overslept() {
    loom::model(|| {
        let sleeper = Sleeper::new();
        let poller = thread::spawn({
            let sleeper = sleeper.clone();
            // It sleeps for ever, and is rung, or it has seen the deadline.
            move || while sleeper.turn() != 5 {}
        });
        sleeper.least.store(5, Ordering::Relaxed);
        if sleeper.bell.deadline_moved(5) {
            sleeper.counter.write();
        }
        poller.join().unwrap();
    });
}

#[test]
fn a_ring_ends_the_sleep_and_shows_what_came_before_it() {
    loom::model(|| {
        let sleeper = Sleeper::new();
        let ringer = thread::spawn({
            let sleeper = sleeper.clone();
            move || {
                sleeper.word.store(1, Ordering::Relaxed);
                sleeper.ring();
            }
        });
        sleeper.turn();
        assert_eq!(sleeper.word.load(Ordering::Relaxed), 1);
        ringer.join().unwrap();
    });
}

/// One rings for a poller that has not got the poll lock yet, while another one has it.
#[test]
fn a_ring_that_another_poller_uses_up_is_not_missed() {
    loom::model(|| {
        let sleeper = Sleeper::new();
        let polls = Arc::new(Mutex::new(()));
        let ringer = thread::spawn({
            let sleeper = sleeper.clone();
            move || {
                sleeper.word.store(1, Ordering::Relaxed);
                sleeper.ring();
            }
        });
        let other = thread::spawn({
            let (sleeper, polls) = (sleeper.clone(), polls.clone());
            move || {
                let _polls = polls.lock();
                if sleeper.bell.doze(Nanos::MAX, || Nanos::MAX, || false).is_some() {
                    // An event ends its wait, together with the ring if there was one.
                    *sleeper.counter.written.lock() = false;
                    sleeper.bell.awake();
                }
            }
        });
        let polls = polls.lock();
        let stop = || sleeper.word.load(Ordering::Relaxed) == 1;
        if sleeper.bell.doze(Nanos::MAX, || Nanos::MAX, stop).is_some() {
            sleeper.counter.wait();
            sleeper.bell.awake();
        }
        drop(polls);
        ringer.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn two_rings_end_at_least_one_sleep() {
    loom::model(|| {
        let sleeper = Sleeper::new();
        let ringers = [(); 2].map(|()| {
            let sleeper = sleeper.clone();
            thread::spawn(move || {
                sleeper.word.fetch_add(1, Ordering::Relaxed);
                sleeper.ring();
            })
        });
        // As long as it has not seen both, there is a ring that it has not used up.
        while sleeper.word.load(Ordering::Relaxed) < 2 {
            sleeper.turn();
        }
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}

struct Flag(Arc<AtomicUsize>);

impl Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn deliver(source: &Source) {
    source.set(bits::READ);
    let mut batch = WakeBatch::new();
    assert!(source.take_wakers(bits::READ, false, &mut batch));
    batch.wake_all();
}

#[test]
fn an_event_beside_a_waiter_is_seen_or_wakes_it() {
    loom::model(|| {
        let source = Arc::new(Source::new(0, false));
        let woken = Arc::new(AtomicUsize::new(0));
        let poller = thread::spawn({
            let source = source.clone();
            move || deliver(&source)
        });
        let waker = Waker::from(std::sync::Arc::new(Flag(woken.clone())));
        let waits = source.wait(Direction::Read, &mut WaitId::poll(), waker, |_, _| ()).1.is_ok();
        poller.join().unwrap();
        assert_eq!(woken.load(Ordering::Relaxed), usize::from(waits));
        assert!(source.snapshot().is_ready(Direction::Read));
    });
}

#[test]
fn data_that_come_beside_a_read_that_would_block_are_not_forgotten() {
    loom::model(|| {
        let source = Arc::new(Source::new(0, true));
        let data = Arc::new(AtomicUsize::new(0));
        let peer = thread::spawn({
            let (source, data) = (source.clone(), data.clone());
            move || {
                // The system notes the data and then reports them.
                data.store(1, Ordering::Release);
                source.set(bits::READ);
            }
        });
        let seen = source.snapshot();
        if data.load(Ordering::Acquire) == 0 {
            source.clear(Direction::Read, seen);
        }
        peer.join().unwrap();
        assert!(source.snapshot().is_ready(Direction::Read));
    });
}

#[test]
fn clears_of_both_directions_beside_each_other_both_happen() {
    loom::model(|| {
        let source = Arc::new(Source::new(0, true));
        let writer = thread::spawn({
            let source = source.clone();
            move || source.clear(Direction::Write, source.snapshot())
        });
        source.clear(Direction::Read, source.snapshot());
        writer.join().unwrap();
        assert!(!source.snapshot().is_ready(Direction::Read));
        assert!(!source.snapshot().is_ready(Direction::Write));
    });
}
