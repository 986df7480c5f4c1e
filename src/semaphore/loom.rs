//! Models of the semaphore: whoever waits is served, whoever gives up or does not come; and what is granted is
//! never lost.
//!
//! They back what the head of `state.rs` says.

use super::Weighted;
use crate::chan::Chan;
use crate::context::{background, with_cancel};
use crate::select;
use crate::sys::cell::UnsafeCell;
use crate::wait::model::{Goroutine, poll};
use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use std::pin::pin;
use std::task::Poll;

/// A semaphore of one, and what it protects; the checker complains of two who are inside.
struct Guarded {
    semaphore: Weighted,
    inside: UnsafeCell<u32>,
}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Self { semaphore: Weighted::new(1), inside: UnsafeCell::new(0) })
    }

    fn acquire(&self) {
        assert_eq!(block_on(self.semaphore.acquire(&background(), 1)), Ok(()));
    }

    /// What is done by the holder, who gives it back.
    fn visit(&self) {
        self.inside.with_mut(|_| ());
        self.semaphore.release(1);
    }
}

/// Three want it at once: whoever waits is served by a release, whichever way they meet.
#[test]
fn three_acquire_in_turn() {
    loom::model(|| {
        let guarded = Guarded::new();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    guarded.acquire();
                    guarded.visit();
                })
            })
            .collect();
        guarded.acquire();
        guarded.visit();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(guarded.semaphore.try_acquire(1));
    });
}

/// A waiter is dropped while it is served: whoever is behind it gets what it was granted.
#[test]
fn a_waiter_gives_up_while_it_is_served() {
    loom::model(|| {
        let guarded = Guarded::new();
        assert!(guarded.semaphore.try_acquire(1));
        let ctx = background();
        let mut first = Box::pin(guarded.semaphore.acquire(&ctx, 1));
        assert!(poll(first.as_mut()).is_pending());
        let behind = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || {
                guarded.acquire();
                guarded.visit();
            })
        };
        let release = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || guarded.visit())
        };
        drop(first);
        release.join().unwrap();
        behind.join().unwrap();
        assert!(guarded.semaphore.try_acquire(1));
    });
}

/// The context of a waiter ends while it is served: it gets an error and nothing else, or what it wanted.
#[test]
fn a_context_ends_while_its_waiter_is_served() {
    loom::model(|| {
        let guarded = Guarded::new();
        assert!(guarded.semaphore.try_acquire(1));
        let (ctx, cancel) = with_cancel(&background());
        let release = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || guarded.visit())
        };
        let canceller = thread::spawn(move || cancel.cancel());
        if block_on(guarded.semaphore.acquire(&ctx, 1)).is_ok() {
            guarded.visit();
        }
        release.join().unwrap();
        canceller.join().unwrap();
        assert!(guarded.semaphore.try_acquire(1), "what was granted is lost");
    });
}

/// What was granted is not collected by a whole poll of its goroutine. Somebody who has to wait takes it while
/// the owner comes after all, or gives up.
#[test]
fn a_stale_grant_is_taken_collected_or_passed_on() {
    for gives_up in [false, true] {
        loom::model(move || {
            let guarded = Guarded::new();
            let (owner, ctx) = (Goroutine::new(), background());
            assert!(guarded.semaphore.try_acquire(1));
            let mut kept = Box::pin(guarded.semaphore.acquire(&ctx, 1));
            assert!(owner.turn(|| poll(kept.as_mut())).is_pending());
            guarded.semaphore.release(1);
            owner.turn(|| ());
            let robber = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    let ctx = background();
                    let acquire = pin!(guarded.semaphore.acquire(&ctx, 1));
                    assert_eq!(block_on(Goroutine::new().drive(acquire)), Ok(()));
                    guarded.visit();
                })
            };
            if !gives_up {
                assert_eq!(block_on(owner.drive(kept.as_mut())), Ok(()));
                guarded.visit();
            }
            owner.turn(|| drop(kept));
            robber.join().unwrap();
            assert!(guarded.semaphore.try_acquire(1));
        });
    }
}

/// A large request waits while a small one comes: the small one waits behind it, and both are served.
#[test]
fn a_large_and_a_small_request() {
    loom::model(|| {
        let semaphore = Weighted::new(2);
        assert!(semaphore.try_acquire(1));
        let ctx = background();
        let mut large = pin!(semaphore.acquire(&ctx, 2));
        assert!(poll(large.as_mut()).is_pending());
        let small = {
            let semaphore = semaphore.clone();
            thread::spawn(move || {
                assert_eq!(block_on(semaphore.acquire(&background(), 1)), Ok(()));
                semaphore.release(1);
            })
        };
        semaphore.release(1);
        assert_eq!(poll(large.as_mut()), Poll::Ready(Ok(())), "the small one was first");
        semaphore.release(2);
        small.join().unwrap();
        assert!(semaphore.try_acquire(2));
    });
}

/// A release and the end of the context meet at a select: it gets what it wanted or an error, and what it
/// does not get is there.
#[test]
fn a_release_and_the_end_of_the_context_claim_one_select() {
    loom::model(|| {
        let guarded = Guarded::new();
        assert!(guarded.semaphore.try_acquire(1));
        let (ctx, cancel) = with_cancel(&background());
        let never = Chan::<()>::new(0);
        let release = {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || guarded.visit())
        };
        let canceller = thread::spawn(move || cancel.cancel());
        let acquired = block_on(async {
            select! {
                biased;
                result = guarded.semaphore.acquire(&ctx, 1) => result.is_ok(),
                <-never => unreachable!(),
            }
        });
        if acquired {
            guarded.visit();
        }
        release.join().unwrap();
        canceller.join().unwrap();
        assert!(guarded.semaphore.try_acquire(1), "what was granted is lost");
    });
}

/// A release and a send meet at a select that is given up after some polls: somebody who stands behind it is
/// served.
#[test]
fn who_stands_behind_a_select_is_served() {
    for polls in [1, 2] {
        loom::model(move || {
            let guarded = Guarded::new();
            assert!(guarded.semaphore.try_acquire(1));
            let (ctx, chan) = (background(), Chan::<u32>::new(0));
            let mut selecting = Box::pin(async {
                select! {
                    biased;
                    _ = guarded.semaphore.acquire(&ctx, 1) => true,
                    _v = <-chan => false,
                }
            });
            assert!(poll(selecting.as_mut()).is_pending());
            let behind = {
                let guarded = Arc::clone(&guarded);
                thread::spawn(move || {
                    guarded.acquire();
                    guarded.visit();
                })
            };
            let release = {
                let (guarded, chan) = (Arc::clone(&guarded), chan.clone());
                thread::spawn(move || {
                    let _sent = chan.try_send(1);
                    guarded.visit();
                })
            };
            if polls == 2 && poll(selecting.as_mut()) == Poll::Ready(true) {
                guarded.visit();
            }
            drop(selecting);
            release.join().unwrap();
            behind.join().unwrap();
            assert!(guarded.semaphore.try_acquire(1));
        });
    }
}
