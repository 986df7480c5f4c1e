//! Locks and wait groups.

use super::util::{Bare, Chance, WORKERS, attempt, runtime};
use gort::sync::{Mutex, RawMutex, WaitGroup};
use gort::task::yield_now;
use std::sync::Arc;

/// A lock, and a number that nothing but the lock protects.
#[derive(Default)]
struct Protected {
    lock: RawMutex,
    number: Bare,
}

pub(crate) fn a_lock_and_those_who_give_up() {
    const EACH: usize = 1_500;
    const TASKS: usize = 8;
    let protected = Arc::new(Protected::default());
    let taken = runtime(WORKERS).run({
        let protected = Arc::clone(&protected);
        async move {
            let tasks: Vec<_> = (0..TASKS)
                .map(|seed| {
                    let protected = Arc::clone(&protected);
                    gort::go(async move {
                        let mut chance = Chance::new(seed);
                        let mut taken = 0;
                        for round in 0..EACH {
                            let polls = chance.below(3);
                            if polls == 0 {
                                protected.lock.lock().await;
                            } else if attempt(polls, protected.lock.lock()).await.is_none() {
                                continue;
                            }
                            protected.number.add(1);
                            taken += 1;
                            if round % 16 == 0 {
                                // The others line up.
                                yield_now().await;
                            }
                            protected.lock.unlock();
                        }
                        taken
                    })
                })
                .collect();
            let mut taken = 0;
            for task in tasks {
                taken += task.await.unwrap();
            }
            taken
        }
    });
    assert_eq!(protected.number.get(), taken);
}

pub(crate) fn a_lock_between_threads_and_goroutines() {
    const EACH: u64 = 4_000;
    let lock = Arc::new(Mutex::new(0));
    let runtime = runtime(2);
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let lock = Arc::clone(&lock);
            std::thread::spawn(move || {
                for _ in 0..EACH {
                    *lock.blocking_lock() += 1;
                }
            })
        })
        .collect();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let lock = Arc::clone(&lock);
            runtime.spawn(async move {
                for _ in 0..EACH {
                    *Arc::clone(&lock).lock_owned().await += 1;
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*lock.blocking_lock(), 6 * EACH);
}

/// Members write what those who wait then read, and the next round's members write again.
pub(crate) fn groups_meet() {
    const ROUNDS: u64 = 800;
    const MEMBERS: usize = 4;
    runtime(WORKERS).run(async {
        let cells: Arc<[Bare; MEMBERS]> = Arc::default();
        for round in 1..=ROUNDS {
            let group = WaitGroup::new();
            group.add(MEMBERS as i32);
            for member in 0..MEMBERS {
                let cells = Arc::clone(&cells);
                let guard = group.guard();
                gort::go(async move {
                    cells[member].add(1);
                    drop(guard);
                });
            }
            let waiters = [0, 1, 2].map(|_| {
                let (group, cells) = (group.clone(), Arc::clone(&cells));
                gort::go(async move {
                    if attempt(1, group.wait()).await.is_none() {
                        group.wait().await;
                    }
                    cells.iter().map(Bare::get).sum::<u64>()
                })
            });
            group.wait().await;
            for waiter in waiters {
                assert_eq!(waiter.await.unwrap(), round * MEMBERS as u64);
            }
        }
    });
}
