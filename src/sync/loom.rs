//! Models of the lock and the wait group: no wake-up is lost, whoever gives up.

use super::raw_mutex::RawMutex;
use super::wait_group::WaitGroup;
use crate::sys::cell::UnsafeCell;
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

/// A lock and what it protects; the checker complains of two who are inside.
struct Guarded {
    mutex: RawMutex,
    inside: UnsafeCell<u32>,
}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Self { mutex: RawMutex::new(), inside: UnsafeCell::new(0) })
    }

    /// What is done under the lock.
    fn visit(&self) {
        self.inside.with_mut(|_| ());
    }
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn three_lock_in_turn() {
    loom::model(|| {
        let guarded = Guarded::new();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    block_on(guarded.mutex.lock());
                    guarded.visit();
                    guarded.mutex.release();
                })
            })
            .collect();
        block_on(guarded.mutex.lock());
        guarded.visit();
        guarded.mutex.unlock();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A waiter is dropped while the lock is released: whoever was behind it is woken.
#[test]
fn a_waiter_gives_up_while_the_lock_is_released() {
    loom::model(|| {
        let guarded = Guarded::new();
        assert!(guarded.mutex.try_lock());
        let waiter = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || {
                block_on(guarded.mutex.lock());
                guarded.visit();
                guarded.mutex.unlock();
            })
        };
        let quitter = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || {
                let mut lock = pin!(guarded.mutex.lock());
                if poll_once(lock.as_mut()) {
                    guarded.visit();
                    guarded.mutex.release();
                }
            })
        };
        guarded.visit();
        guarded.mutex.release();
        waiter.join().unwrap();
        quitter.join().unwrap();
        assert!(guarded.mutex.try_lock());
    });
}

/// The starvation mode: the waiter in front has waited for long and lost; it is given the lock, or
/// gives up, while a second one and a newcomer want it too.
#[test]
fn a_starving_lock_is_handed_over_or_passed_on() {
    for gives_up in [false, true] {
        loom::model(move || {
            let guarded = Guarded::new();
            assert!(guarded.mutex.try_lock());
            let behind = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    block_on(guarded.mutex.lock());
                    guarded.visit();
                    guarded.mutex.release();
                })
            };
            let mut front = pin!(guarded.mutex.lock());
            let mut cx = Context::from_waker(Waker::noop());
            assert!(front.as_mut().poll_at(&mut cx, 0).is_pending());
            assert!(front.as_mut().poll_at(&mut cx, 2_000_000).is_pending());
            let release = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    guarded.visit();
                    guarded.mutex.release();
                })
            };
            if gives_up {
                front.set(guarded.mutex.lock());
            } else {
                release.join().unwrap();
                block_on(front.as_mut());
                guarded.visit();
                guarded.mutex.release();
                behind.join().unwrap();
                return;
            }
            release.join().unwrap();
            behind.join().unwrap();
        });
    }
}

#[test]
fn two_done_and_one_waits() {
    loom::model(|| {
        let wg = WaitGroup::new();
        let work = Arc::new([UnsafeCell::new(0), UnsafeCell::new(0)]);
        wg.add(2);
        let threads: Vec<_> = (0..2)
            .map(|i| {
                let (wg, work) = (wg.clone(), Arc::clone(&work));
                thread::spawn(move || {
                    work[i].with_mut(|_| ());
                    wg.done();
                })
            })
            .collect();
        block_on(wg.wait());
        work.iter().for_each(|cell| cell.with(|_| ()));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_wait_gives_up_while_the_counter_comes_to_zero() {
    loom::model(|| {
        let wg = WaitGroup::new();
        wg.add(1);
        let quitter = {
            let wg = wg.clone();
            thread::spawn(move || {
                poll_once(pin!(wg.wait()));
            })
        };
        let done = {
            let wg = wg.clone();
            thread::spawn(move || wg.done())
        };
        block_on(wg.wait());
        quitter.join().unwrap();
        done.join().unwrap();
        // Nobody is counted any more: the group can be used again.
        wg.add(1);
        wg.done();
        block_on(wg.wait());
    });
}
