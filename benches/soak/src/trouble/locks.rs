//! Critical sections, conditions and wait groups, with those who give up.

use super::{attempt, micros, start};
use crate::demand;
use crate::tally::TALLY;
use fastrand::Rng;
use gort::sync::{Cond, Mutex, WaitGroup};
use gort::task::{JoinHandle, yield_now};
use gort::time::timeout;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub async fn contend(mut rng: Rng) {
    let lock = Arc::new(Mutex::new(0u64));
    let taken = Arc::new(AtomicU64::new(0));
    let group = WaitGroup::new();
    for _ in 0..rng.usize(2..8) {
        let (mut rng, lock, taken) = (rng.fork(), Arc::clone(&lock), Arc::clone(&taken));
        group.add(1);
        let done = group.guard();
        start(async move {
            let _done = done;
            for _ in 0..300 {
                let polls = rng.usize(0..3);
                let guard = match polls {
                    0 => Some(lock.lock().await),
                    _ => attempt(polls, lock.lock()).await,
                };
                let Some(mut guard) = guard else { continue };
                *guard += 1;
                taken.fetch_add(1, Ordering::Relaxed);
                if rng.u8(0..32) == 0 {
                    yield_now().await;
                }
            }
        });
    }
    let _ = attempt(2, group.wait()).await;
    group.wait().await;
    TALLY.groups.one();
    let (counted, taken) = (*lock.lock().await, taken.load(Ordering::Relaxed));
    demand!(counted == taken, "{taken} critical sections counted {counted}");
    TALLY.locks.add(taken);
}

/// Things that some put down and others pick up, under one lock that is never at rest. Who finds nothing waits to be
/// told.
#[derive(Default)]
struct Store {
    shelf: Mutex<Shelf>,
    changed: Cond,
}

#[derive(Default)]
struct Shelf {
    things: u64,
    closed: bool,
}

impl Store {
    /// Tells one of who waits, or all of them. (Each finds for itself whether there is something left.)
    fn tell(&self, rng: &mut Rng) {
        match rng.bool() {
            true => self.changed.signal(),
            false => self.changed.broadcast(),
        }
    }

    async fn put(&self, rng: &mut Rng) {
        let mut shelf = self.shelf.lock().await;
        shelf.things += 1;
        if rng.bool() {
            drop(shelf);
            self.tell(rng);
        } else {
            self.tell(rng);
            yield_now().await;
        }
    }

    /// Takes one thing away; false if there will be none.
    async fn take(&self, rng: &mut Rng) -> bool {
        let mut shelf = self.shelf.lock().await;
        while shelf.things == 0 {
            if shelf.closed {
                return false;
            }
            let wait = self.changed.wait(shelf);
            let waited = match rng.u8(0..8) {
                0 => attempt(1, wait).await,
                1 => attempt(2, wait).await,
                2 => timeout(micros(rng, 300), wait).await.ok(),
                _ => Some(wait.await),
            };
            shelf = match waited {
                Some(shelf) => shelf,
                None => self.shelf.lock().await,
            };
        }
        shelf.things -= 1;
        true
    }
}

/// What is put into a store is what is taken out of it, and everybody who waits is told that it closes.
pub async fn tell(mut rng: Rng) {
    let store = Arc::new(Store::default());
    let takers: Vec<_> = (0..rng.usize(2..40))
        .map(|_| {
            let (mut rng, store) = (rng.fork(), Arc::clone(&store));
            start(async move {
                let mut taken = 0;
                while store.take(&mut rng).await {
                    taken += 1;
                }
                taken
            })
        })
        .collect();
    let putters: Vec<_> = (0..rng.usize(1..8))
        .map(|_| {
            let (mut rng, store) = (rng.fork(), Arc::clone(&store));
            start(async move {
                let things = rng.u64(1..400);
                for _ in 0..things {
                    store.put(&mut rng).await;
                }
                things
            })
        })
        .collect();
    // The line for the lock is seldom empty: who is told is put into it.
    for _ in 0..rng.usize(4..12) {
        let (mut rng, store) = (rng.fork(), Arc::clone(&store));
        start(async move {
            loop {
                if let Some(shelf) = attempt(rng.usize(1..4), store.shelf.lock()).await {
                    if shelf.closed {
                        return;
                    }
                    if rng.u8(0..4) == 0 {
                        yield_now().await;
                    }
                }
                yield_now().await;
            }
        });
    }
    let put = sum(putters).await;
    store.shelf.lock().await.closed = true;
    store.changed.broadcast();
    let taken = sum(takers).await;
    demand!(put == taken, "{put} things were put into a store, and {taken} taken");
    TALLY.things.add(taken);
}

async fn sum(tasks: Vec<JoinHandle<u64>>) -> u64 {
    let mut sum = 0;
    for task in tasks {
        match task.await {
            Ok(number) => sum += number,
            Err(error) => demand!(false, "a goroutine with a condition: {error}"),
        }
    }
    sum
}
