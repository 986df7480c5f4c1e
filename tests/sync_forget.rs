//! Forgotten futures of `sync`: they may leak, and nothing else. (The leak check is off for this file.)

mod sync_util;

use gort::sync::{Mutex, RawMutex, RwLock, WaitGroup};
use std::sync::Arc;
use sync_util::drive;

#[test]
fn a_forgotten_lock_future_stays_in_the_queue_and_harms_nobody() {
    let mutex = RawMutex::new();
    drive(mutex.lock()).ready();
    let (mut first, mut second) = (drive(mutex.lock()), drive(mutex.lock()));
    first.pending();
    second.pending();
    first.forget();
    mutex.unlock();
    // The wake-up went to the forgotten one. Whoever looks gets the lock.
    second.ready();
    mutex.unlock();
    drive(mutex.lock()).ready();
    drop(second);
}

#[test]
fn a_forgotten_owned_lock_keeps_the_mutex() {
    let mutex = Arc::new(Mutex::new(()));
    let guard = mutex.try_lock().unwrap();
    let mut lock = drive(Arc::clone(&mutex).lock_owned());
    lock.pending();
    lock.forget();
    drop(guard);
    assert_eq!(Arc::strong_count(&mutex), 2);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_forgotten_wait_is_released_like_the_others() {
    let wg = WaitGroup::new();
    wg.add(1);
    let (mut first, mut second) = (drive(wg.wait()), drive(wg.wait()));
    first.pending();
    second.pending();
    first.forget();
    wg.done();
    second.ready();
    wg.add(1);
    let mut third = drive(wg.wait());
    third.pending();
    third.forget();
}

/// A future that is forgotten keeps its place, and nobody touches it after the lock.
#[test]
fn a_forgotten_waiter_of_an_rw_lock_harms_nobody() {
    let lock = Box::new(RwLock::new(()));
    let reading = lock.try_read().unwrap();
    let mut writer = drive(lock.write());
    writer.pending();
    writer.forget();
    drop(reading);
    drop(lock);
}
