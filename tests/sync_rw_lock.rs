//! `sync::RwLock` and `RawRwLock`: who gets the lock, what a dropped waiter leaves behind, guards of parts, futures
//! that are kept unpolled. (Go's own cases are in `go_rw.rs`.)

mod common;
mod sync_util;

use common::everywhere::{everywhere, live};
use common::{go, panic_text, run};
use gort::runtime::gosched;
use gort::sync::{
    Mutex, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use sync_util::drive;

#[test]
fn a_free_lock_is_taken_by_the_first_poll() {
    let lock = RwLock::new(1);
    *drive(lock.write()).ready() += 1;
    assert_eq!(*drive(lock.read()).ready(), 2);
    let lock = Arc::new(lock);
    *drive(lock.clone().write_owned()).ready() += 1;
    assert_eq!(*drive(lock.clone().read_owned()).ready(), 3);
    assert_eq!(*lock.clone().try_read_owned().unwrap(), 3);
    *lock.clone().try_write_owned().unwrap() += 1;
    assert_eq!(*lock.blocking_read(), 4);
    assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), 4);
}

#[test]
fn writers_are_served_in_order() {
    let lock = RwLock::new(());
    let mut guard = Some(lock.try_write().unwrap());
    let mut writers: Vec<_> = (0..5).map(|_| drive(lock.write())).collect();
    writers.iter_mut().for_each(|writer| writer.pending());
    for at in 0..5 {
        drop(guard.take());
        let woken: Vec<_> = (0..5).filter(|&i| writers[i].woken() > 0).collect();
        assert_eq!(woken, [at]);
        guard = Some(writers[at].ready());
        assert!(lock.try_read().is_err());
    }
}

#[test]
fn an_announced_writer_that_is_dropped_lets_the_readers_in() {
    let lock = RwLock::new(());
    let reading = lock.try_read().unwrap();
    let (mut writer, mut reader) = (drive(lock.write()), drive(lock.read()));
    writer.pending();
    reader.pending();
    drop(writer);
    assert_eq!(reader.woken(), 1);
    drop((reader.ready(), reading));
    assert!(lock.try_write().is_ok());
}

#[test]
fn an_announced_writer_that_is_dropped_leaves_its_place_to_the_next() {
    let lock = RwLock::new(());
    let reading = lock.try_read().unwrap();
    let [mut first, mut second] = [drive(lock.write()), drive(lock.write())];
    first.pending();
    second.pending();
    drop(first);
    let mut late = drive(lock.read());
    late.pending();
    drop(reading);
    assert_eq!((second.woken(), late.woken()), (1, 0));
    drop(second.ready());
    drop(late.ready());
}

#[test]
fn a_granted_waiter_that_is_dropped_releases_the_lock() {
    let lock = RwLock::new(());
    let writing = lock.try_write().unwrap();
    let [mut first, mut second] = [drive(lock.write()), drive(lock.write())];
    first.pending();
    second.pending();
    drop(writing);
    assert_eq!(first.woken(), 1);
    drop(first);
    assert_eq!(second.woken(), 1);
    let writing = second.ready();
    let mut reader = drive(lock.read());
    reader.pending();
    let mut third = drive(lock.write());
    third.pending();
    drop(writing);
    assert_eq!((reader.woken(), third.woken()), (1, 0));
    drop(reader);
    assert_eq!(third.woken(), 1);
    drop(third.ready());
    assert!(lock.try_write().is_ok());
}

#[test]
fn a_waiter_that_is_dropped_unwoken_leaves_no_trace() {
    let lock = RwLock::new(());
    let writing = lock.try_write().unwrap();
    let (mut reader, mut writer) = (drive(lock.read()), drive(lock.write()));
    reader.pending();
    writer.pending();
    drop((reader, writer));
    drop(writing);
    assert!(lock.try_write().is_ok());
}

/// The limit is taken and not kept to.
#[test]
fn a_limit_of_readers_is_what_tokio_takes() {
    const MOST: u32 = u32::MAX >> 3;
    static LOCK: RwLock<u32> = RwLock::const_with_max_readers(5, 1);
    let (one, other) = (LOCK.try_read().unwrap(), LOCK.try_read().unwrap());
    assert!(*one + *other == 10 && LOCK.try_write().is_err());
    drop((one, other));
    *LOCK.try_write().unwrap() = 6;
    assert_eq!(*RwLock::with_max_readers(7, MOST).try_read().unwrap(), 7);
    for limit in [0, MOST + 1] {
        let made = panic_text(|| RwLock::with_max_readers((), limit));
        let constant = panic_text(|| RwLock::const_with_max_readers((), limit));
        assert!(made.contains("reader") && constant.contains("reader"), "{made}, {constant}");
    }
    assert_eq!(
        panic_text(|| RwLock::with_max_readers((), MOST + 1)),
        "536870912 readers exceed 536870911"
    );
}

#[test]
fn guards_of_parts_release_the_whole() {
    let lock = RwLock::new((1, String::from("two")));
    let one = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| &pair.0);
    let none = RwLockReadGuard::try_map(lock.try_read().unwrap(), |_| None::<&str>);
    assert!(lock.try_write().is_err() && *one == 1);
    drop((one, none.unwrap_err()));
    let two = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.1);
    let mut two = gort::sync::RwLockMappedWriteGuard::map(two, String::as_mut_str);
    two.make_ascii_uppercase();
    assert!(lock.try_read().is_err());
    drop(two);
    let whole = RwLockWriteGuard::try_map(lock.try_write().unwrap(), |_| None::<&mut u8>);
    let two = RwLockWriteGuard::downgrade_map(whole.unwrap_err(), |pair| pair.1.as_str());
    assert_eq!((&*two, &*lock.try_read().unwrap().1), ("TWO", "TWO"));
    drop(two);
    assert!(lock.try_write().is_ok());
}

#[test]
fn owned_guards_of_parts_keep_the_whole_alive() {
    let (flag, lock) = (common::flag(), Arc::new(RwLock::new((1, common::flag()))));
    lock.try_write().unwrap().1 = flag.clone();
    let one = OwnedRwLockReadGuard::map(lock.clone().try_read_owned().unwrap(), |pair| &pair.0);
    assert!(lock.try_write().is_err());
    drop(one);
    let mut one =
        OwnedRwLockWriteGuard::map(lock.clone().try_write_owned().unwrap(), |pair| &mut pair.0);
    *one += 1;
    drop(one);
    let whole = lock.clone().try_write_owned().unwrap();
    let one = OwnedRwLockWriteGuard::downgrade_map(whole, |pair| &pair.0);
    assert!(lock.try_read().is_ok() && lock.try_write().is_err());
    drop(lock);
    assert_eq!((*one, flag.alive()), (2, 2));
    drop(one);
    assert_eq!(flag.alive(), 1);
}

#[test]
fn a_downgrade_lets_readers_in_and_no_writer() {
    let lock = RwLock::new(0);
    let mut writing = lock.try_write().unwrap();
    let (mut writer, mut reader) = (drive(lock.write()), drive(lock.read()));
    writer.pending();
    reader.pending();
    *writing = 1;
    let reading = writing.downgrade();
    assert_eq!((reader.woken(), writer.woken()), (1, 0));
    assert_eq!((*reading, *reader.ready()), (1, 1));
    assert_eq!(writer.woken(), 0);
    drop(reading);
    assert_eq!(writer.woken(), 1);
    drop(writer.ready());
}

#[test]
fn a_panic_releases_the_lock() {
    run(async {
        let lock = Arc::new(RwLock::new(()));
        let other = lock.clone();
        let panicking = go(async move {
            let _guard = other.write().await;
            panic!("on purpose");
        });
        assert!(panicking.await.is_err());
        drop(lock.write().await);
    });
}

/// Threads read without pause until their counting has moved apart; then writers come as well.
#[test]
fn readers_on_many_threads_and_writers_see_whole_states() {
    let lock = Arc::new(RwLock::new((0, 0)));
    let threads: Vec<_> = (0..4)
        .map(|i| {
            let lock = lock.clone();
            std::thread::spawn(move || {
                for round in 0..20_000 {
                    if round > 10_000 && round % 100 == i {
                        let mut guard = lock.blocking_write();
                        guard.0 += 1;
                        guard.1 += 1;
                    } else {
                        let guard = lock.blocking_read();
                        assert_eq!(guard.0, guard.1);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let writes = 4 * 100 - 1;
    assert_eq!(*lock.try_read().unwrap(), (writes, writes));
    assert!(lock.try_write().is_ok());
}

/// Guards that are taken on one thread and dropped on another, while readers count apart.
#[test]
fn guards_travel_between_workers() {
    live(|| async {
        let lock = Arc::new(RwLock::new(0));
        let mut all = Vec::new();
        for i in 0..8 {
            let lock = lock.clone();
            all.push(go(async move {
                for round in 0..200 {
                    if (round + i) % 20 == 0 {
                        let mut guard = lock.clone().write_owned().await;
                        *guard += 1;
                        go(async move {
                            gosched().await;
                            drop(guard);
                        })
                        .await
                        .unwrap();
                    } else {
                        let guard = lock.clone().read_owned().await;
                        drop(go(async move {
                            gosched().await;
                            drop(guard);
                        }));
                    }
                }
            }));
        }
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(*lock.write().await, 80);
    });
}

/// Goroutines that give up at random, by time, in the middle of everything.
#[test]
fn nothing_is_lost_under_random_cancellation() {
    everywhere(|| async {
        let (lock, count) = (Arc::new(RwLock::new(0)), Arc::new(Mutex::new(0)));
        let mut all = Vec::new();
        for i in 0..6_u32 {
            let (lock, count) = (lock.clone(), count.clone());
            all.push(go(async move {
                for round in 0..20_u32 {
                    let mut patience = (i * 7 + round * 3) % 4;
                    let write = (i + round) % 3 == 0;
                    let taken = {
                        let mut write_lock = pin!(lock.write());
                        let mut read_lock = pin!(lock.read());
                        std::future::poll_fn(|cx| {
                            let polled = if write {
                                write_lock.as_mut().poll(cx).map(|mut guard| {
                                    *guard += 1;
                                    true
                                })
                            } else {
                                read_lock.as_mut().poll(cx).map(|_guard| false)
                            };
                            if polled.is_pending() && patience == 0 {
                                return Poll::Ready(false);
                            }
                            patience = patience.saturating_sub(1);
                            if polled.is_pending() {
                                cx.waker().wake_by_ref();
                            }
                            polled
                        })
                        .await
                    };
                    if taken {
                        *count.lock().await += 1;
                    }
                    gosched().await;
                }
            }));
        }
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(*lock.try_write().unwrap(), *count.lock().await);
    });
}

/// Polls a future once, which has to wait.
#[cfg(not(foreign_executor))]
async fn park<F: Future + Unpin>(future: &mut F) {
    assert!(common::poll_once(future).await.is_pending());
}

/// Hazard T8: a goroutine keeps one lock operation unpolled and waits for the same lock with another.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_lock_for_reading_or_writing_that_is_kept_unpolled_does_not_keep_its_own_goroutine_out() {
    for (kept_writes, writes) in [(true, true), (true, false), (false, true)] {
        let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let lock = Arc::new(RwLock::new(0));
            let guard = lock.clone().write_owned().await;
            let waiting = lock.clone();
            let task = go(async move {
                let mut write = pin!(waiting.write());
                let mut read = pin!(waiting.read());
                if kept_writes {
                    park(&mut write).await
                } else {
                    park(&mut read).await
                }
                if writes {
                    *waiting.write().await += 1;
                } else {
                    assert_eq!(*waiting.read().await, 0);
                }
            });
            gosched().await;
            drop(guard);
            task.await.unwrap();
            assert!(lock.try_write().is_ok());
        });
    }
}

/// Else they and a writer that comes back wait for each other every time that it does.
#[cfg(not(foreign_executor))]
#[test]
fn a_writer_lets_readers_run_that_were_let_in() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let lock = Arc::new(RwLock::new(0));
        let guard = lock.clone().write_owned().await;
        let reader = go({
            let lock = lock.clone();
            async move {
                let mut seen = Vec::new();
                for _ in 0..3 {
                    seen.push(*lock.read().await);
                }
                seen
            }
        });
        let writer = go({
            let lock = lock.clone();
            async move {
                gosched().await;
                drop(guard);
                *lock.write().await += 1;
            }
        });
        writer.await.unwrap();
        assert_eq!(reader.await.unwrap(), [0; 3]);
        assert_eq!(*lock.read().await, 1);
    });
}

/// Hazard T8: a lock that was granted, and that its goroutine did not collect in a whole poll, goes to whoever
/// must wait.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_lock_that_a_whole_poll_did_not_collect_is_taken_by_whoever_must_wait() {
    for kept_writes in [true, false] {
        let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move {
            let lock = Arc::new(RwLock::new(0));
            let guard = lock.clone().write_owned().await;
            let waiting = lock.clone();
            let owner = go(async move {
                let mut write = pin!(waiting.write());
                let mut read = pin!(waiting.read());
                if kept_writes {
                    park(&mut write).await
                } else {
                    park(&mut read).await
                }
                // Busy elsewhere.
                for _ in 0..10 {
                    gosched().await;
                }
                if kept_writes { *write.await += 1 } else { assert_eq!(*read.await, 1) }
            });
            gosched().await;
            drop(guard);
            gosched().await;
            gosched().await;
            *lock.write().await += 1;
            owner.await.unwrap();
            assert_eq!(*lock.try_write().unwrap(), 1 + i32::from(kept_writes));
        });
    }
}
