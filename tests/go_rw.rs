//! Go's cases of `sync.RWMutex`, 83 to 89.

mod common;
mod sync_util;

use common::child::main_of_child;
use common::everywhere::{everywhere, live, seeded};
use common::go;
use gort::runtime::gosched;
use gort::sync::{Cond, RawRwLock, RwLock, WaitGroup};
use gort::{Chan, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use sync_util::{drive, panic_text};

#[test]
fn c083_readers_hold_the_lock_together() {
    let lock = RwLock::new(1);
    let guards = [drive(lock.read()).ready(), drive(lock.read()).ready(), lock.try_read().unwrap()];
    assert_eq!(guards.iter().map(|guard| **guard).sum::<i32>(), 3);
    assert!(lock.try_write().is_err());

    // Each waits for all the others while it holds the lock.
    everywhere(|| async {
        let (lock, here) = (Arc::new(RwLock::new(())), WaitGroup::new());
        here.add(3);
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let (lock, here) = (lock.clone(), here.clone());
                go(async move {
                    let _guard = lock.read().await;
                    here.done();
                    here.wait().await;
                })
            })
            .collect();
        for reader in readers {
            reader.await.unwrap();
        }
    });
}

#[test]
fn c084_a_waiting_writer_keeps_new_readers_out() {
    let lock = RwLock::new(());
    let reading = drive(lock.read()).ready();
    let mut writer = drive(lock.write());
    writer.pending();
    let mut reader = drive(lock.read());
    reader.pending();
    assert!(lock.try_read().is_err());
    assert!(lock.try_write().is_err());
    drop(reading);
    assert_eq!((writer.woken(), reader.woken()), (1, 0));
    let writing = writer.ready();
    assert!(lock.try_read().is_err());
    assert!(lock.try_write().is_err());
    reader.pending();
    drop(writing);
    assert_eq!(reader.woken(), 1);
    drop(reader.ready());
}

#[test]
fn c085_reading_again_behind_a_waiting_writer_waits_for_ever() {
    let lock = RwLock::new(());
    let _reading = drive(lock.read()).ready();
    let mut writer = drive(lock.write());
    writer.pending();
    let mut again = drive(lock.read());
    for _ in 0..3 {
        again.pending();
        writer.pending();
    }
    assert_eq!((writer.woken(), again.woken()), (0, 0));
}

#[cfg(not(foreign_executor))]
#[test]
fn c085_the_deadlock_is_reported() {
    let text = common::everywhere::dies_seeded(|| async {
        let lock = Arc::new(RwLock::new(()));
        let _reading = lock.read().await;
        let other = lock.clone();
        drop(go(async move {
            let _writing = other.write().await;
        }));
        while lock.try_read().is_ok() {
            gosched().await;
        }
        let _again = lock.read().await;
    });
    assert!(text.contains("deadlock"), "{text}");
}

#[test]
fn c086_queued_readers_go_before_the_next_writer_and_later_ones_too() {
    let lock = RwLock::new(());
    let writing = drive(lock.write()).ready();
    let mut readers: Vec<_> = (0..3).map(|_| drive(lock.read())).collect();
    readers.iter_mut().for_each(|reader| reader.pending());
    let mut writer = drive(lock.write());
    writer.pending();
    readers.push(drive(lock.read()));
    readers[3].pending();
    drop(writing);
    // RRR r, and not W.
    assert!(readers.iter().all(|reader| reader.woken() == 1));
    assert_eq!(writer.woken(), 0);
    writer.pending();
    let mut guards: Vec<_> = readers.iter_mut().map(|reader| reader.ready()).collect();
    // The next reader comes after the writer.
    let mut late = drive(lock.read());
    late.pending();
    while guards.pop().is_some() {
        let last = guards.is_empty();
        assert_eq!(writer.woken(), usize::from(last));
    }
    let writing = writer.ready();
    late.pending();
    drop(writing);
    assert_eq!(late.woken(), 1);
    drop(late.ready());
}

/// Readers and writers without pause, until each has had its turns.
async fn endless_loops(turns: u32) {
    let lock = Arc::new(RwLock::new((0, 0)));
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Chan::new(0));
    let mut all = Vec::new();
    for writes in [true, true, false, false] {
        let (lock, stop, done) = (lock.clone(), stop.clone(), done.clone());
        all.push(go(async move {
            let mut mine = 0;
            while !stop.load(Ordering::Relaxed) {
                if writes {
                    let mut guard = lock.write().await;
                    guard.0 += 1;
                    gosched().await;
                    guard.1 += 1;
                } else {
                    let guard = lock.read().await;
                    gosched().await;
                    assert_eq!(guard.0, guard.1, "a writer is in the middle of it");
                }
                mine += 1;
                if mine == turns {
                    done.send(()).await;
                }
            }
        }));
    }
    for _ in 0..all.len() {
        done.recv().await;
    }
    stop.store(true, Ordering::Relaxed);
    for one in all {
        one.await.unwrap();
    }
}

#[test]
fn c087_readers_and_writers_in_endless_loops_all_make_progress() {
    live(|| endless_loops(500));
    seeded(|| endless_loops(10));
}

const RUNLOCK: &str = "sync: RUnlock of unlocked RWMutex";
const UNLOCK: &str = "sync: Unlock of unlocked RWMutex";

#[test]
fn c088_unlocks_of_an_unlocked_lock_panic_with_the_words_of_go() {
    let lock = RawRwLock::new();
    assert_eq!(panic_text(|| lock.unlock_write()), UNLOCK);
    assert_eq!(panic_text(|| lock.unlock_read()), RUNLOCK);
    // While the other kind holds it.
    drive(lock.read()).ready();
    assert_eq!(panic_text(|| lock.unlock_write()), UNLOCK);
    lock.unlock_read();
    drive(lock.write()).ready();
    assert_eq!(panic_text(|| lock.unlock_read()), RUNLOCK);
    lock.unlock_write();
    // After the last.
    assert_eq!(panic_text(|| lock.unlock_read()), RUNLOCK);
    assert_eq!(panic_text(|| lock.unlock_write()), UNLOCK);
    // With a writer that has not got it yet.
    drive(lock.read()).ready();
    let mut writer = drive(lock.write());
    writer.pending();
    assert_eq!(panic_text(|| lock.unlock_write()), UNLOCK);
    lock.unlock_read();
    writer.ready();
    lock.unlock_write();
    assert!(lock.try_write());
}

#[cfg(not(foreign_executor))]
#[test]
fn c088_the_process_dies_of_it_though_the_goroutine_catches_the_panic() {
    let ended =
        main_of_child("c088_the_process_dies_of_it_though_the_goroutine_catches_the_panic", || {
            gort::run(async {
                let caught = std::panic::catch_unwind(|| RawRwLock::new().unlock_read());
                assert!(caught.is_err());
                gosched().await;
                eprintln!("went on");
            });
        });
    assert!(!ended.status.success(), "{ended:?}");
    assert!(!ended.said.contains("went on"), "{ended:?}");
    let text = format!("fatal error: {RUNLOCK}\n\ngoroutine 1 [running]:\n");
    assert!(ended.said.contains(&text), "{ended:?}");
}

#[test]
fn c089_rlocker_is_the_lock_for_reading() {
    let lock = RawRwLock::new();
    let (one, other) = (lock.rlocker(), lock.rlocker());
    drive(one.lock()).ready();
    drive(other.lock()).ready();
    assert!(lock.try_read() && !lock.try_write());
    one.unlock();
    other.unlock();
    lock.unlock_read();
    assert!(lock.try_write());
    drive(one.lock()).pending();
    lock.unlock_write();

    // A lock for a condition that readers wait for.
    let cond = Cond::new();
    drive(one.lock()).ready();
    let mut wait = drive(cond.wait(one));
    wait.pending();
    assert!(lock.try_write());
    cond.signal();
    wait.pending();
    lock.unlock_write();
    wait.ready().unlock();
    assert!(lock.try_write());
}

#[test]
fn c089_a_lock_is_an_arm_of_a_select() {
    everywhere(|| async {
        let (lock, seen) = (Arc::new(RwLock::new(0)), Arc::new(AtomicU32::new(0)));
        let stop = Chan::<()>::new(0);
        let mut all = Vec::new();
        for i in 0..4 {
            let (lock, seen, stop) = (lock.clone(), seen.clone(), stop.clone());
            all.push(go(async move {
                for _ in 0..10 {
                    if i % 2 == 0 {
                        select! {
                            mut guard = lock.write() => *guard += 1,
                            <-stop => panic!("nobody stops it"),
                        }
                        seen.fetch_add(1, Ordering::Relaxed);
                    } else {
                        select! {
                            guard = lock.read() => assert!(*guard <= 20),
                            <-stop => panic!("nobody stops it"),
                        }
                    }
                    gosched().await;
                }
            }));
        }
        for one in all {
            one.await.unwrap();
        }
        assert_eq!((*lock.read().await, seen.load(Ordering::Relaxed)), (20, 20));
    });
}
