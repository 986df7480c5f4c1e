//! Models of the condition variable.

use super::super::cond::Cond;
use super::super::raw_mutex::RawMutex;
use crate::sys::cell::UnsafeCell;
use crate::wait::model::{Goroutine, Wakes, poll};
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

/// A number under a lock, and a condition variable for it.
struct Shared {
    mutex: RawMutex,
    cond: Cond,
    /// The checker complains of two who use it at once.
    used: UnsafeCell<()>,
    count: AtomicU32,
}

impl Shared {
    fn new() -> Arc<Self> {
        let (mutex, cond) = (RawMutex::new(), Cond::new());
        Arc::new(Self { mutex, cond, used: UnsafeCell::new(()), count: AtomicU32::new(0) })
    }

    /// For whoever holds the lock.
    fn count(&self) -> u32 {
        self.used.with(|_| self.count.load(Ordering::Relaxed))
    }

    fn set(&self, count: u32) {
        self.used.with_mut(|_| self.count.store(count, Ordering::Relaxed));
    }

    /// Waits until there is one, and takes it.
    async fn take(&self) {
        self.mutex.lock().await;
        while self.count() == 0 {
            self.cond.wait(&self.mutex).await;
        }
        self.set(self.count() - 1);
        self.mutex.release();
    }

    fn give(&self) {
        block_on(self.mutex.lock());
        self.set(self.count() + 1);
        self.mutex.release();
        self.cond.signal();
    }
}

/// What is given under the lock is found by who waits, whichever way they meet.
#[test]
fn a_signal_is_not_missed() {
    loom::model(|| {
        let shared = Shared::new();
        let threads = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || block_on(Box::pin(shared.take())))
        });
        shared.give();
        shared.give();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// The same for two who are told at once, before the lock is released or after it.
#[test]
fn a_broadcast_is_not_missed() {
    for under_the_lock in [false, true] {
        loom::model(move || {
            let shared = Shared::new();
            let threads = [(); 2].map(|()| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    block_on(Goroutine::new().drive(async move { shared.take().await }))
                })
            });
            block_on(shared.mutex.lock());
            shared.set(2);
            if under_the_lock {
                shared.cond.broadcast();
            }
            shared.mutex.release();
            if !under_the_lock {
                shared.cond.broadcast();
            }
            for thread in threads {
                thread.join().unwrap();
            }
        });
    }
}

/// One waits, and one gives up, at its first wait or beside the signal: the signal is not lost with it.
#[test]
fn a_wait_gives_up_while_it_is_told() {
    loom::model(|| {
        let shared = Shared::new();
        let mut waits = [(); 2].map(|()| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                shared.mutex.lock().await;
                shared.cond.wait(&shared.mutex).await.unlock();
            })
        });
        let wakes = Wakes::default();
        assert!(poll(waits[0].as_mut()).is_pending());
        assert!(wakes.poll(waits[1].as_mut()).is_pending());
        let signal = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.cond.signal())
        };
        let [first, mut second] = waits;
        drop(first);
        signal.join().unwrap();
        assert_eq!(wakes.count(), 1);
        assert!(poll(second.as_mut()).is_ready());
    });
}

/// Three wait when it is broadcast: one gives up meanwhile, and one looks.
#[test]
fn a_broadcast_reaches_all() {
    loom::model(|| {
        let shared = Shared::new();
        let (wakes, goroutines) =
            ([(); 3].map(|()| Wakes::default()), [(); 3].map(|()| Goroutine::new()));
        let mut waits = [(); 3].map(|()| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                shared.mutex.lock().await;
                shared.cond.wait(&shared.mutex).await.unlock();
            })
        });
        for ((wait, wakes), goroutine) in waits.iter_mut().zip(&wakes).zip(goroutines) {
            assert!(goroutine.turn(|| wakes.poll(wait.as_mut())).is_pending());
        }
        let broadcast = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.cond.broadcast())
        };
        let [mut first, second, mut third] = waits;
        drop(second);
        let first_knows = goroutines[0].turn(|| wakes[0].poll(first.as_mut())).is_ready();
        broadcast.join().unwrap();
        if !first_knows {
            assert_eq!(wakes[0].count(), 1);
            assert!(goroutines[0].turn(|| poll(first.as_mut())).is_ready());
        }
        // The first has released the lock.
        assert_eq!(wakes[2].count(), 1);
        assert!(goroutines[2].turn(|| poll(third.as_mut())).is_ready());
    });
}

/// One is told while somebody has the lock and somebody else waits for it: it gets it in its turn, whether it found
/// place in the queue of the lock or not.
#[test]
fn a_broadcast_beside_those_who_take_the_lock() {
    loom::model(|| {
        let shared = Shared::new();
        let mut wait = {
            let shared = Arc::clone(&shared);
            Box::pin(Goroutine::new().drive(async move {
                shared.mutex.lock().await;
                shared.cond.wait(&shared.mutex).await.unlock();
            }))
        };
        assert!(poll(wait.as_mut()).is_pending());
        assert!(shared.mutex.try_lock());
        let broadcast = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.cond.broadcast())
        };
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                block_on(shared.mutex.lock());
                shared.mutex.release();
            })
        };
        shared.mutex.release();
        block_on(wait);
        broadcast.join().unwrap();
        other.join().unwrap();
    });
}

/// A signal that is not collected by a whole poll is taken by another that waited then, while the one that
/// had it comes or goes.
#[test]
fn a_stale_signal_is_taken_collected_or_passed_on() {
    for gives_up in [false, true] {
        loom::model(move || {
            let shared = Shared::new();
            let (owner, other) = (Goroutine::new(), Goroutine::new());
            let mut waits = [(); 2].map(|()| {
                let shared = Arc::clone(&shared);
                Box::pin(async move {
                    shared.mutex.lock().await;
                    shared.cond.wait(&shared.mutex).await.unlock();
                })
            });
            assert!(owner.turn(|| poll(waits[0].as_mut())).is_pending());
            assert!(other.turn(|| poll(waits[1].as_mut())).is_pending());
            shared.cond.signal();
            owner.turn(|| ());
            let [mut kept, mut robber] = waits;
            let robber = thread::spawn(move || {
                let done = other.turn(|| poll(robber.as_mut())).is_ready();
                (robber, done)
            });
            let mut collected = false;
            if !gives_up {
                collected = owner.turn(|| poll(kept.as_mut())) == Poll::Ready(());
            }
            owner.turn(|| drop(kept));
            let (mut robber, taken) = robber.join().unwrap();
            // A signal is for one. (Whoever finds the other with the lock is about to get it.)
            assert!(!(collected && taken), "one signal woke two");
            if !collected && !taken {
                assert!(other.turn(|| poll(robber.as_mut())).is_ready(), "the signal is lost");
            }
        });
    }
}
