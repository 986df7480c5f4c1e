//! Locks and wait groups.

use super::util::{Bare, Chance, Ledger, Token, WORKERS, attempt, runtime};
use gort::context::Cause;
use gort::errgroup::{Failure, Group};
use gort::sync::{Cond, Mutex, RawMutex, WaitGroup};
use gort::task::yield_now;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// A barrier, with what it takes: a lock, and a condition.
#[derive(Default)]
struct Barrier {
    /// How many have arrived in this round, and the round.
    now: Mutex<(usize, u64)>,
    next: Cond,
    /// Protected by the lock too.
    number: Bare,
}

impl Barrier {
    /// Waits for the others. Some give up to wait, and come back. The last to arrive tells the others without the lock,
    /// so that they are put in line for it while others take it and give it up.
    async fn meet(&self, members: usize, chance: &mut Chance) {
        let mut now = self.now.lock().await;
        let round = now.1;
        now.0 += 1;
        self.number.add(1);
        if now.0 == members {
            *now = (0, round + 1);
            drop(now);
            self.next.broadcast();
            return;
        }
        while now.1 == round {
            now = match chance.below(4) {
                0 => match attempt(1 + chance.below(2), self.next.wait(now)).await {
                    Some(now) => now,
                    None => self.now.lock().await,
                },
                _ => self.next.wait(now).await,
            };
        }
        self.number.add(1);
    }
}

/// Broadcasts put those who wait in line for a lock that never rests.
pub(crate) fn a_broadcast_into_a_line_for_a_lock() {
    const ROUNDS: usize = 600;
    const MEMBERS: usize = 24;
    runtime(WORKERS).run(async {
        let barrier = Arc::new(Barrier::default());
        let over = Arc::new(AtomicBool::new(false));
        let others = [0, 1, 2, 3, 4, 5, 6, 7].map(|seed| {
            let (barrier, over) = (Arc::clone(&barrier), Arc::clone(&over));
            gort::go(async move {
                let (mut chance, mut taken) = (Chance::new(MEMBERS + seed), 0);
                while !over.load(Ordering::Relaxed) {
                    if let Some(_now) = attempt(1 + chance.below(3), barrier.now.lock()).await {
                        barrier.number.add(1);
                        taken += 1;
                        if chance.below(4) == 0 {
                            // The others line up.
                            yield_now().await;
                        }
                    }
                    yield_now().await;
                }
                taken
            })
        });
        let members = std::array::from_fn::<_, MEMBERS, _>(|seed| {
            let barrier = Arc::clone(&barrier);
            gort::go(async move {
                let mut chance = Chance::new(seed);
                for _ in 0..ROUNDS {
                    barrier.meet(MEMBERS, &mut chance).await;
                }
            })
        });
        for member in members {
            member.await.unwrap();
        }
        over.store(true, Ordering::Relaxed);
        let mut expected = (ROUNDS * (2 * MEMBERS - 1)) as u64;
        for other in others {
            expected += other.await.unwrap();
        }
        assert_eq!(barrier.number.get(), expected);
    });
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

/// An error that wants to be dropped.
struct Lost(Token);

impl Failure for Lost {
    fn to_cause(&self) -> Cause {
        Cause::new(format!("{} is lost", self.0.number()))
    }
}

/// Groups whose members come to none again and again, on several threads, while others are started. Their handles go
/// before them, and nobody asks for the errors.
pub(crate) fn groups_end_with_their_last() {
    const ROUNDS: usize = 400;
    const STARTERS: usize = 3;
    const EACH: usize = 8;
    let ledger = Ledger::new(ROUNDS * STARTERS * EACH);
    let made = Arc::clone(&ledger);
    runtime(WORKERS).run(async move {
        for round in 0..ROUNDS {
            let group = Group::<Lost>::typed();
            let starters = std::array::from_fn::<_, STARTERS, _>(|starter| {
                let (group, made) = (group.clone(), Arc::clone(&made));
                gort::go(async move {
                    let mut chance = Chance::new(round * STARTERS + starter);
                    for _ in 0..EACH {
                        let (token, yields) = (made.token(), chance.below(3));
                        let member = async move {
                            for _ in 0..yields {
                                yield_now().await;
                            }
                            Err(Lost(token))
                        };
                        group.go(member).await;
                        if chance.below(2) == 0 {
                            yield_now().await;
                        }
                    }
                })
            });
            drop(group);
            for starter in starters {
                starter.await.unwrap();
            }
        }
    });
    ledger.assert_settled([]);
}
