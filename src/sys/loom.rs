//! Models of the parker, and of the short lock that models of everything else take for a mutex.

use super::cell::UnsafeCell;
use super::lock::short::ShortLock;
use super::park::Parker;
use super::sync::Arc;
use loom::thread;
use std::time::Duration;

/// Unpark against all of [`Parker::park`]: the look for a token, the change to `PARKED`, the wait. The
/// token ends the wait (else this model deadlocks) and shows what was written before it.
#[test]
fn a_token_left_beside_a_park_ends_it() {
    loom::model(|| {
        let parked = Arc::new((Parker::new(), UnsafeCell::new(0)));
        let other = {
            let parked = Arc::clone(&parked);
            thread::spawn(move || {
                parked.1.with_mut(|_| ());
                parked.0.unpark();
            })
        };
        assert!(parked.0.park(None));
        parked.1.with(|_| ());
        other.join().unwrap();
        assert!(!parked.0.take_token(), "one unpark leaves one token");
    });
}

/// The same against a wait that ends by itself: the token is taken by it or left for the next.
#[test]
fn a_wait_that_times_out_loses_no_token() {
    loom::model(|| {
        let parked = Arc::new((Parker::new(), UnsafeCell::new(0)));
        let other = {
            let parked = Arc::clone(&parked);
            thread::spawn(move || {
                parked.1.with_mut(|_| ());
                parked.0.unpark();
            })
        };
        if !parked.0.park(Some(Duration::ZERO)) {
            assert!(parked.0.park(None));
        }
        parked.1.with(|_| ());
        other.join().unwrap();
    });
}

/// Two unparks beside a park: together they leave a token at least, and the second finds the owner
/// awake or asleep.
#[test]
fn two_tokens_end_at_least_one_park() {
    loom::model(|| {
        let parker = Arc::new(Parker::new());
        let others = [(); 2].map(|()| {
            let parker = Arc::clone(&parker);
            thread::spawn(move || parker.unpark())
        });
        assert!(parker.park(None));
        for other in others {
            other.join().unwrap();
        }
    });
}

/// Two threads on the real short lock: one is inside at a time, and sees what the last one did. A
/// sleeper that the holder misses is not left: its nap ends.
#[test]
fn one_is_inside_of_a_short_lock() {
    loom::model(|| {
        let locked = Arc::new((ShortLock::new(), UnsafeCell::new(0)));
        let visit = |(lock, inside): &(ShortLock, UnsafeCell<i32>)| {
            let guard = lock.lock();
            inside.with_mut(|_| ());
            drop(guard);
        };
        let other = {
            let locked = Arc::clone(&locked);
            thread::spawn(move || visit(&locked))
        };
        visit(&locked);
        visit(&locked);
        other.join().unwrap();
    });
}

/// One thread locks, another tries twice: who gets in is inside alone, and a try in vain leaves the lock to its holder, so
/// that the next one fails as well.
#[test]
fn who_tries_a_short_lock_gets_in_alone_or_not_at_all() {
    loom::model(|| {
        let locked = Arc::new((ShortLock::new(), UnsafeCell::new(0)));
        let other = {
            let locked = Arc::clone(&locked);
            thread::spawn(move || {
                for _ in 0..2 {
                    let guard = locked.0.try_lock();
                    if guard.is_some() {
                        locked.1.with_mut(|_| ());
                    }
                }
            })
        };
        let guard = locked.0.lock();
        locked.1.with_mut(|_| ());
        drop(guard);
        other.join().unwrap();
    });
}

/// A holder that has seen the sleeper's count wakes it, wherever the sleeper stands between its count
/// and its sleep: the nap, which never ends here, is for those only whom the holder does not see.
#[test]
fn a_sleeper_that_is_seen_is_woken() {
    loom::model(|| {
        let lock = Arc::new(ShortLock::new());
        let guard = lock.lock();
        let sleeper = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || lock.sleep_and_take(Duration::MAX))
        };
        while !lock.has_sleepers() {
            thread::yield_now();
        }
        drop(guard);
        sleeper.join().unwrap();
        assert!(!lock.has_sleepers());
    });
}
