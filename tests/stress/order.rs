//! What one goroutine wrote is seen by another one, with nothing but the operation under test to order the two.

use super::util::{Bare, Chance, WORKERS, attempt, runtime};
use gort::chan;
use gort::context;
use gort::semaphore::Weighted;
use gort::sync::{Cond, Mutex, Once, RwLock};
use std::array::from_fn;
use std::sync::Arc;

const ROUNDS: usize = 2_000;

fn cells<const N: usize>() -> Arc<[Bare; N]> {
    Arc::new(from_fn(|_| Bare::default()))
}

/// What was written before a send is seen after its receive; what was written before a receive is seen after the
/// send that its room was for.
pub(crate) fn values_come_and_room_goes_back() {
    for capacity in [0, 1, 3] {
        runtime(WORKERS).run(async move {
            let (tx, rx) = chan(capacity);
            let (sent, taken) = (cells::<ROUNDS>(), cells::<ROUNDS>());
            let receiver = gort::go({
                let (sent, taken) = (Arc::clone(&sent), Arc::clone(&taken));
                async move {
                    for i in 0..ROUNDS {
                        taken[i].add(1);
                        assert_eq!(rx.recv().await, i);
                        assert_eq!(sent[i].get(), 1);
                    }
                }
            });
            for i in 0..ROUNDS {
                sent[i].add(1);
                tx.send(i).await.unwrap();
                if let Some(earlier) = i.checked_sub(capacity) {
                    assert_eq!(taken[earlier].get(), 1);
                }
            }
            receiver.await.unwrap();
        });
    }
}

/// What was written before a channel is closed, or a context is cancelled, is seen by whoever learns of it.
pub(crate) fn ends_are_told() {
    runtime(WORKERS).run(async {
        for _ in 0..ROUNDS / 4 {
            let (tx, rx) = chan::<()>(0);
            let (ctx, cancel) = context::with_cancel(&context::background());
            let written = cells::<2>();
            let readers: Vec<_> = (0..3)
                .map(|_| {
                    let (rx, ctx, written) = (rx.clone(), ctx.clone(), Arc::clone(&written));
                    gort::go(async move {
                        rx.recv().await;
                        assert_eq!(written[0].get(), 1);
                        ctx.done().recv().await;
                        assert_eq!(written[1].get(), 1);
                        assert!(ctx.err().is_some());
                    })
                })
                .collect();
            written[0].add(1);
            tx.close();
            written[1].add(1);
            cancel.cancel();
            for reader in readers {
                reader.await.unwrap();
            }
        }
    });
}

/// Two threads meet inside of the lock so often that its readers count apart from then on.
fn let_readers_meet<T: Send + Sync>(lock: &RwLock<T>) {
    let look = || drop(lock.try_read().unwrap());
    let _inside = lock.try_read().unwrap();
    for _ in 0..300 {
        std::thread::scope(|scope| {
            scope.spawn(look);
        });
        look();
    }
}

/// Readers of a lock see what its writers wrote, some of which give up, and write when no reader is inside. They have met
/// so often before that they count apart.
pub(crate) fn readers_and_writers_take_turns() {
    runtime(WORKERS).run(async {
        let pair = Arc::new(RwLock::new([Bare::default(), Bare::default()]));
        let_readers_meet(&pair);
        let tasks: Vec<_> = (0..8)
            .map(|seed| {
                let pair = Arc::clone(&pair);
                gort::go(async move {
                    let mut chance = Chance::new(seed);
                    let mut written = 0;
                    for _ in 0..ROUNDS {
                        if chance.below(8) > 0 {
                            let pair = pair.read().await;
                            assert_eq!(pair[0].get(), pair[1].get());
                        } else if let Some(pair) = attempt(2, pair.write()).await {
                            pair.iter().for_each(|number| number.add(1));
                            written += 1;
                        }
                    }
                    written
                })
            })
            .collect();
        let mut written = 0;
        for task in tasks {
            written += task.await.unwrap();
        }
        assert_eq!(pair.read().await[1].get(), written);
    });
}

/// What was done once is seen by everybody whose call has returned.
pub(crate) fn it_is_done_once() {
    runtime(WORKERS).run(async {
        for _ in 0..ROUNDS / 4 {
            let once = Arc::new((Once::new(), Bare::default()));
            let callers = [(); 4].map(|()| {
                let once = Arc::clone(&once);
                gort::go(async move {
                    once.0.call_once(async || once.1.add(1)).await;
                    assert_eq!(once.1.get(), 1);
                })
            });
            for caller in callers {
                caller.await.unwrap();
            }
        }
    });
}

/// Some take turns as a condition tells them; what each wrote is seen by the next.
pub(crate) fn turns_are_told() {
    const PLAYERS: usize = 4;
    runtime(WORKERS).run(async {
        let table = Arc::new((Mutex::new(0), Cond::new(), Bare::default()));
        let players = [0, 1, 2, 3].map(|player| {
            let table = Arc::clone(&table);
            gort::go(async move {
                let (turn, changed, number) = &*table;
                for round in 0..ROUNDS / PLAYERS {
                    let mut now = turn.lock().await;
                    while *now != round * PLAYERS + player {
                        now = changed.wait(now).await;
                    }
                    assert_eq!(number.get(), *now as u64);
                    number.add(1);
                    *now += 1;
                    drop(now);
                    changed.broadcast();
                }
            })
        });
        for player in players {
            player.await.unwrap();
        }
        assert_eq!(table.2.get(), ROUNDS as u64);
    });
}

/// Whoever has the whole of a semaphore sees what those did who had it, or a part of it, before.
pub(crate) fn permits_are_given_back() {
    const PARTS: usize = 2;
    runtime(WORKERS).run(async {
        let semaphore = Weighted::new(PARTS);
        let parts = cells::<PARTS>();
        let small = [0, 1].map(|part| {
            let (semaphore, parts) = (semaphore.clone(), Arc::clone(&parts));
            gort::go(async move {
                for _ in 0..ROUNDS {
                    semaphore.acquire(&context::background(), 1).await.unwrap();
                    parts[part].add(1);
                    semaphore.release(1);
                }
            })
        });
        let ctx = context::background();
        let mut seen = 0;
        while seen < (PARTS * ROUNDS) as u64 {
            if attempt(3, semaphore.acquire(&ctx, PARTS)).await.is_some() {
                seen = parts.iter().map(Bare::get).sum();
                semaphore.release(PARTS);
            }
        }
        for task in small {
            task.await.unwrap();
        }
    });
}
