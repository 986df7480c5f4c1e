//! Models of the lock and the wait group: no wake-up is lost, whoever gives up or does not come.
//!
//! They back what the heads of `raw_mutex.rs`, `wait_group.rs` and `once.rs` say; those of the other locks are
//! in files of their own.

#![expect(unsafe_code, reason = "arms are driven by hand")]

mod cond;
mod rw;

use super::once::Once;
use super::raw_mutex::{RawLock, RawMutex};
use super::wait_group::WaitGroup;
use crate::sys::cell::UnsafeCell;
use crate::sys::clock::Nanos;
use crate::wait::arm::Arm;
use crate::wait::batch::WakeBatch;
use crate::wait::model::{Goroutine, Wakes, poll};
use crate::wait::waiter::Waiter;
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

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

/// A select of one arm, driven as the engine does.
pub(super) struct Armed<A> {
    arm: A,
    waiter: Waiter,
}

impl<A: Arm> Armed<A> {
    pub(super) fn new(arm: A) -> Self {
        Self { arm, waiter: Waiter::new() }
    }
}

impl<A: Arm> Future for Armed<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (waker, mut wakes) = (cx.waker().clone(), WakeBatch::new());
        let this = &*self;
        let guard = this.arm.lock();
        let done = match this.waiter.chosen() {
            None if !this.waiter.is_idle() => return Poll::Pending,
            Some(_) => {
                this.waiter.reset();
                // SAFETY: the lock is held, and it was chosen.
                unsafe { this.arm.collect_locked(&mut wakes) }
            }
            None => false,
        };
        // SAFETY: the lock is held, and the arm is not enqueued.
        let done = done || unsafe { this.arm.try_locked(&mut wakes) };
        let mut spare = None;
        if !done {
            spare = this.waiter.register(waker);
            // SAFETY: as above, and the waiter is dropped after the arm.
            unsafe { this.arm.enqueue_locked(&this.waiter, 0, &mut wakes) };
        }
        drop(guard);
        drop(spare);
        wakes.wake_all();
        if done { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Longer than a waiter has to lose the lock.
const LATE: Nanos = 2_000_000;

fn poll_at(lock: Pin<&mut RawLock<'_>>, now: Nanos) -> bool {
    lock.poll_at(&mut Context::from_waker(Waker::noop()), || now).is_ready()
}

/// Three want the lock at once: whoever parks is woken by a release, whichever way they meet.
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
                if poll(lock.as_mut()).is_ready() {
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
            assert!(!poll_at(front.as_mut(), 0) && !poll_at(front.as_mut(), LATE));
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

/// A lock operation is woken and kept unpolled, a newcomer takes the lock, and the same goroutine
/// waits for it with another operation: that one answers the wake-up, so that the newcomer's
/// release, before or after it parks, wakes it.
#[test]
fn a_wake_up_that_is_kept_is_answered_by_the_same_goroutine() {
    loom::model(|| {
        let guarded = Guarded::new();
        assert!(guarded.mutex.try_lock());
        let newcomer = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || {
                guarded.visit();
                guarded.mutex.release();
                if guarded.mutex.try_lock() {
                    guarded.visit();
                    guarded.mutex.release();
                }
            })
        };
        block_on(Goroutine::new().drive(async {
            let mut kept = pin!(guarded.mutex.lock());
            if poll_fn(|cx| Poll::Ready(kept.as_mut().poll(cx).is_pending())).await {
                guarded.mutex.lock().await;
            }
            guarded.visit();
            guarded.mutex.release();
        }));
        newcomer.join().unwrap();
        assert!(guarded.mutex.try_lock(), "somebody who is told of it does not come");
    });
}

/// A lock was granted, and not collected by a whole poll of its goroutine. Somebody who has to wait
/// takes it while the owner comes after all, or gives up: the lock has one holder at a time, and
/// everybody gets it in the end.
#[test]
fn a_stale_grant_is_taken_collected_or_passed_on() {
    for gives_up in [false, true] {
        loom::model(move || {
            let guarded = Guarded::new();
            let owner = Goroutine::new();
            assert!(guarded.mutex.try_lock());
            let mut kept = Box::pin(guarded.mutex.lock());
            assert!(!owner.turn(|| poll_at(kept.as_mut(), 0)));
            guarded.mutex.release();
            assert!(guarded.mutex.try_lock(), "a newcomer is faster");
            assert!(!owner.turn(|| poll_at(kept.as_mut(), LATE)));
            guarded.mutex.release();
            owner.turn(|| ());
            let robber = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    block_on(Goroutine::new().drive(guarded.mutex.lock()));
                    guarded.visit();
                    guarded.mutex.release();
                })
            };
            if !gives_up {
                block_on(owner.drive(kept.as_mut()));
                guarded.visit();
                guarded.mutex.release();
            }
            owner.turn(|| drop(kept));
            robber.join().unwrap();
            assert!(guarded.mutex.try_lock());
        });
    }
}

/// A lock operation is kept by a goroutine that waits for something else, and somebody waits behind it. While the
/// lock is released, the goroutine keeps it, gives it up, or looks before. Whoever is behind is woken, whichever way it
/// goes.
#[test]
fn who_waits_behind_one_that_may_not_come_is_woken() {
    #[derive(Clone, Copy, PartialEq)]
    enum Then {
        Keeps,
        GivesUp,
        Looks,
    }
    for then in [Then::Keeps, Then::GivesUp, Then::Looks] {
        loom::model(move || {
            let guarded = Guarded::new();
            let (owner, wakes) = (Goroutine::new(), Wakes::default());
            assert!(guarded.mutex.try_lock());
            let mut kept = Some(Box::pin(guarded.mutex.lock()));
            let look = |kept: &mut Pin<Box<RawLock<'_>>>| owner.turn(|| poll(kept.as_mut()));
            let mut behind = pin!(guarded.mutex.lock());
            assert!(look(kept.as_mut().unwrap()).is_pending());
            owner.turn(|| ());
            assert!(wakes.poll(behind.as_mut()).is_pending());
            let release = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    guarded.visit();
                    guarded.mutex.release();
                })
            };
            if then == Then::Looks && look(kept.as_mut().unwrap()).is_ready() {
                guarded.visit();
                guarded.mutex.release();
            }
            if then != Then::Keeps {
                owner.turn(|| kept = None);
            }
            release.join().unwrap();
            assert_eq!(wakes.count(), 1, "whoever is behind is not told, or twice");
            assert!(poll(behind.as_mut()).is_ready());
            guarded.mutex.release();
            owner.turn(|| drop(kept));
            assert!(guarded.mutex.try_lock());
        });
    }
}

/// A wake-up is not answered for many releases, and given to the next waiter, while the one that had it
/// is dropped and passes it on as well: the next is told, and the lock is an ordinary one again.
#[test]
fn a_silent_waiter_goes_while_its_wake_up_is_passed_on() {
    loom::model(|| {
        let guarded = Guarded::new();
        let (owner, wakes) = (Goroutine::new(), Wakes::default());
        assert!(guarded.mutex.try_lock());
        let mut kept = {
            let guarded = Arc::clone(&guarded);
            Box::pin(async move { guarded.mutex.lock().await })
        };
        let mut next = pin!(guarded.mutex.lock());
        assert!(owner.turn(|| poll(kept.as_mut())).is_pending());
        assert!(wakes.poll(next.as_mut()).is_pending());
        guarded.mutex.release();
        owner.turn(|| ());
        let quitter = thread::spawn(move || owner.turn(|| drop(kept)));
        for _ in 0..2 {
            if guarded.mutex.try_lock() {
                guarded.visit();
                guarded.mutex.release();
            }
        }
        quitter.join().unwrap();
        assert_eq!(wakes.count(), 1, "the next waiter is not told, or twice");
        assert!(poll(next.as_mut()).is_ready());
        guarded.mutex.release();
        assert!(guarded.mutex.try_lock());
    });
}

/// Two members end while one waits: it goes on after both, and sees what both did.
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

/// A wait is dropped beside the change that releases the waiters: it is counted out or completed,
/// and the other one goes on.
#[test]
fn a_wait_gives_up_while_the_counter_comes_to_zero() {
    loom::model(|| {
        let wg = WaitGroup::new();
        wg.add(1);
        let quitter = {
            let wg = wg.clone();
            thread::spawn(move || {
                let _ = poll(pin!(wg.wait()));
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

/// More waiters than are woken in one round, one of which gives up between the rounds or in one.
#[test]
fn a_wait_gives_up_between_two_rounds_of_wakes() {
    loom::model(|| {
        let wg = WaitGroup::new();
        wg.add(1);
        let wakes = [(); 3].map(|()| Wakes::default());
        let mut waits = [(); 3].map(|()| {
            let wg = wg.clone();
            Box::pin(async move { wg.wait().await })
        });
        for (wait, wakes) in waits.iter_mut().zip(&wakes) {
            assert!(wakes.poll(wait.as_mut()).is_pending());
        }
        let done = {
            let wg = wg.clone();
            thread::spawn(move || wg.done())
        };
        let [mut first, second, mut third] = waits;
        drop(second);
        done.join().unwrap();
        for (wait, wakes) in [(&mut first, &wakes[0]), (&mut third, &wakes[2])] {
            assert_eq!(wakes.count(), 1);
            assert!(poll(wait.as_mut()).is_ready());
        }
    });
}

/// A lock, granted to a select, as an arm of one: it is enqueued beside the release.
#[test]
fn an_arm_is_given_the_lock_or_finds_it_free() {
    for gives_up in [false, true] {
        loom::model(move || {
            let guarded = Guarded::new();
            assert!(guarded.mutex.try_lock());
            let other = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    block_on(guarded.mutex.lock());
                    guarded.visit();
                    guarded.mutex.release();
                })
            };
            let release = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    guarded.visit();
                    guarded.mutex.release();
                })
            };
            let mut arm = Box::pin(Armed::new(guarded.mutex.lock().into_arm()));
            if gives_up {
                if arm.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    guarded.visit();
                }
            } else {
                block_on(arm.as_mut());
                guarded.visit();
            }
            drop(arm);
            release.join().unwrap();
            other.join().unwrap();
            assert!(guarded.mutex.try_lock());
        });
    }
}

/// A wait as an arm, beside the change that brings the counter to zero.
#[test]
fn an_arm_waits_for_zero() {
    loom::model(|| {
        let wg = WaitGroup::new();
        let work = Arc::new(UnsafeCell::new(0));
        wg.add(1);
        let member = {
            let (wg, work) = (wg.clone(), Arc::clone(&work));
            thread::spawn(move || {
                work.with_mut(|_| ());
                wg.done();
            })
        };
        let quitter = {
            let wg = wg.clone();
            thread::spawn(move || {
                let _ = poll(Box::pin(Armed::new(wg.wait().into_arm())).as_mut());
            })
        };
        block_on(Box::pin(Armed::new(wg.wait().into_arm())));
        work.with(|_| ());
        member.join().unwrap();
        quitter.join().unwrap();
        wg.add(1);
        wg.done();
    });
}

/// Two call, and a third gives up at its first wait: it is done once, and visible to whose call returned.
#[test]
fn once_is_once() {
    loom::model(|| {
        let once = Arc::new((Once::new(), UnsafeCell::new(()), AtomicU32::new(0)));
        let call = |once: &(Once, UnsafeCell<()>, AtomicU32)| {
            let runs = &once.2;
            block_on(Box::pin(once.0.call_once(|| async {
                once.1.with_mut(|_| runs.fetch_add(1, Ordering::Relaxed));
            })));
            once.1.with(|_| assert_eq!(runs.load(Ordering::Relaxed), 1));
        };
        let other = {
            let once = Arc::clone(&once);
            thread::spawn(move || call(&once))
        };
        let quitter = {
            let once = Arc::clone(&once);
            thread::spawn(move || {
                let _ = poll(Box::pin(once.0.call_once(std::future::pending)).as_mut());
            })
        };
        call(&once);
        other.join().unwrap();
        quitter.join().unwrap();
    });
}
