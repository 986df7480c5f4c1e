//! Locks, wait groups and conditions as arms of a select.

mod common;
mod sync_util;

use common::everywhere::everywhere;
use common::{flag, go};
use gort::context::{Error, background, with_cancel};
use gort::runtime::gosched;
use gort::semaphore::Weighted;
use gort::sync::{Cond, Mutex, Notify, RawMutex, RawRwLock, RwLock, WaitGroup};
use gort::{Chan, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use sync_util::{drive, panic_text};

#[test]
fn a_free_lock_is_taken_and_the_body_holds_it() {
    let (mutex, rw, never) = (Mutex::new(1), RwLock::new(2), Chan::<()>::new(0));
    drive(async {
        select! {
            mut guard = mutex.lock() => {
                *guard += 1;
                assert!(mutex.try_lock().is_err());
            }
            <-never => {}
        }
        select! {
            guard = rw.read() => assert!(*guard == 2 && rw.try_write().is_err()),
            <-never => {}
        }
        select! {
            mut guard = rw.write() => *guard += 1,
            <-never => {}
        }
    })
    .ready();
    assert_eq!((*mutex.try_lock().unwrap(), *rw.try_write().unwrap()), (2, 3));
}

#[test]
fn default_runs_while_a_lock_is_held() {
    let (mutex, raw, rw, wg) =
        (Mutex::new(()), RawMutex::new(), RawRwLock::new(), WaitGroup::new());
    let look = || {
        drive(async {
            select! {
                _guard = mutex.lock() => 1,
                _ = raw.lock() => { raw.unlock(); 2 }
                _ = rw.write() => { rw.unlock_write(); 3 }
                _ = wg.wait() => 4,
                default => 0,
            }
        })
        .ready()
    };
    let guard = mutex.try_lock().unwrap();
    assert!(raw.try_lock() && rw.try_read());
    wg.add(1);
    assert_eq!(look(), 0);
    raw.unlock();
    assert_eq!(look(), 2);
    assert!(raw.try_lock());
    rw.unlock_read();
    assert_eq!(look(), 3);
    assert!(rw.try_read());
    wg.done();
    assert_eq!(look(), 4);
    wg.add(1);
    drop(guard);
    assert_eq!(look(), 1);
}

/// Guards that borrow nothing: the select that makes them need not outlive them, nor the lock.
#[test]
fn owned_locks_are_claimed_too() {
    let (mutex, rw, ch) = (Arc::new(Mutex::new(1)), Arc::new(RwLock::new(2)), Chan::<u32>::new(0));
    for write in [false, true] {
        let held = (mutex.try_lock().unwrap(), rw.try_write().unwrap());
        let select = |locks: (Arc<Mutex<i32>>, Arc<RwLock<i32>>)| {
            let ch = &ch;
            drive(async move {
                let (mutex, rw) = locks;
                if write {
                    select! {
                        guard = rw.write_owned() => Some(*guard),
                        _v = <-ch => None,
                    }
                } else {
                    select! {
                        guard = rw.read_owned() => Some(*guard),
                        guard = mutex.lock_owned() => Some(*guard),
                        _v = <-ch => None,
                    }
                }
            })
        };
        let (mut loses, mut wins) =
            (select((mutex.clone(), rw.clone())), select((mutex.clone(), rw.clone())));
        loses.pending();
        wins.pending();
        assert!(ch.try_send(7).is_ok());
        drop(held.1);
        assert_eq!(wins.woken(), 1, "the first was chosen already");
        assert!(ch.try_send(7).is_err());
        assert_eq!((loses.ready(), wins.ready()), (None, Some(2)));
        assert!(rw.try_write().is_ok());
    }
    assert_eq!((Arc::strong_count(&mutex), Arc::strong_count(&rw)), (1, 1));
}

/// The other arm was chosen: the lock is not the select's, and whoever is behind it in line gets it.
#[test]
fn a_losing_lock_leaves_the_line() {
    let (mutex, rw, ch) = (Mutex::new(()), RwLock::new(()), Chan::<u32>::new(0));
    let guards = (mutex.try_lock().unwrap(), rw.try_read().unwrap());
    let mut selecting = drive(async {
        select! {
            _guard = mutex.lock() => 0,
            _guard = rw.write() => 0,
            v = <-ch => v,
        }
    });
    selecting.pending();
    let (mut next, mut reader) = (drive(mutex.lock()), drive(rw.read()));
    next.pending();
    reader.pending();
    assert!(ch.try_send(7).is_ok());
    drop(guards.0);
    assert_eq!(next.woken(), 1, "the select was chosen already");
    drop(next.ready());
    assert_eq!(reader.woken(), 0);
    assert_eq!(selecting.ready(), 7);
    assert_eq!(reader.woken(), 1, "the writer has gone");
    drop((reader.ready(), guards.1));
    assert!(rw.try_write().is_ok() && mutex.try_lock().is_ok());
}

/// The lock was given to the select: what comes later on other arms goes elsewhere.
#[test]
fn a_lock_that_was_given_claims_the_select() {
    let (mutex, ch) = (Mutex::new(()), Chan::new(0));
    let guard = mutex.try_lock().unwrap();
    let mut selecting = drive(async {
        select! {
            guard = mutex.lock() => Some(guard),
            _v = ch.next() => None,
        }
    });
    selecting.pending();
    drop(guard);
    assert_eq!(selecting.woken(), 1);
    assert!(mutex.try_lock().is_err(), "it was given, and nobody barges in");
    let flag = flag();
    assert!(ch.try_send(flag.clone()).is_err());
    assert_eq!(flag.alive(), 1);
    assert!(selecting.ready().is_some());
}

#[test]
fn a_select_that_is_dropped_with_a_lock_releases_it() {
    let (mutex, rw, never) = (Mutex::new(()), RwLock::new(()), Chan::<()>::new(0));
    for write in [false, true] {
        let guards = (mutex.try_lock().unwrap(), rw.try_write().unwrap());
        let mut selecting = drive(async {
            if write {
                select! {
                    _ = rw.write() => {}
                    <-never => {}
                }
            } else {
                select! {
                    _ = mutex.lock() => {}
                    _ = rw.read() => {}
                    <-never => {}
                }
            }
        });
        selecting.pending();
        let (mut next, mut writer) = (drive(mutex.lock()), drive(rw.write()));
        next.pending();
        writer.pending();
        drop(guards);
        drop(selecting);
        assert_eq!((next.woken(), writer.woken()), (1, 1));
        drop((next.ready(), writer.ready()));
        assert!(mutex.try_lock().is_ok() && rw.try_write().is_ok());
    }
}

#[test]
fn the_group_claims_the_select_at_zero() {
    let (wg, ch) = (WaitGroup::new(), Chan::new(0));
    wg.add(1);
    let mut selecting = drive(async {
        select! {
            _ = wg.wait() => true,
            _v = <-ch => false,
        }
    });
    selecting.pending();
    wg.done();
    assert_eq!(selecting.woken(), 1);
    assert!(ch.try_send(1).is_err());
    assert!(selecting.ready());

    // It lost, and is not counted any more.
    wg.add(1);
    let mut selecting = drive(async {
        select! {
            _ = wg.wait() => true,
            _v = <-ch => false,
        }
    });
    selecting.pending();
    assert!(ch.try_send(1).is_ok());
    assert!(!selecting.ready());
    wg.done();
    wg.add(1);
    let mut selecting = drive(async {
        select! {
            _ = wg.wait() => true,
            _v = <-ch => false,
        }
    });
    selecting.pending();
    wg.done();
    wg.add(1);
    let text = panic_text(|| selecting.poll());
    assert_eq!(text, "sync: WaitGroup is reused before previous Wait has returned");
}

/// Selects over a lock and a channel, and others that use both, in every order.
#[test]
fn selects_over_locks_and_channels_mixed() {
    everywhere(|| async {
        let (mutex, rw) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
        let (ch, received) = (Chan::<u32>::new(0), Arc::new(AtomicU32::new(0)));
        let (wg, senders) = (WaitGroup::new(), WaitGroup::new());
        for i in 0..4 {
            let (mutex, rw, ch) = (mutex.clone(), rw.clone(), ch.clone());
            let received = received.clone();
            wg.go(async move {
                for _ in 0..25 {
                    let what = select! {
                        mut guard = mutex.lock() => {
                            *guard += 1;
                            gosched().await;
                            1
                        }
                        mut guard = rw.write(), if i % 2 == 0 => {
                            *guard += 1;
                            1
                        }
                        _guard = rw.read(), if i % 2 == 1 => 0,
                        v = <-ch => v,
                    };
                    received.fetch_add(what, Ordering::Relaxed);
                }
            });
        }
        let stop = Chan::<()>::new(0);
        for _ in 0..2 {
            let (mutex, rw, ch, stop) = (mutex.clone(), rw.clone(), ch.clone(), stop.clone());
            senders.go(async move {
                loop {
                    drop(mutex.lock().await);
                    drop(rw.read().await);
                    select! {
                        ch <- 100 => {}
                        <-stop => return,
                    }
                }
            });
        }
        wg.wait().await;
        stop.close();
        senders.wait().await;
        let locked = *mutex.lock().await + *rw.read().await;
        assert_eq!(received.load(Ordering::Relaxed) % 100, locked % 100);
    });
}

/// Hazard T8: a select was given the lock, and its goroutine waits for it with something else.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_lock_that_was_given_to_a_select_that_is_kept_unpolled_goes_to_its_goroutine() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mutex, rw) = (Arc::new(Mutex::new(0)), Arc::new(RwLock::new(0)));
        let guards = (mutex.clone().lock_owned().await, rw.clone().write_owned().await);
        let (waiting, writing) = (mutex.clone(), rw.clone());
        let task = go(async move {
            let never = Chan::<()>::new(0);
            let mut kept = Box::pin(async {
                select! {
                    mut guard = waiting.lock() => *guard += 1,
                    <-never => {}
                }
            });
            let mut other = Box::pin(async {
                select! {
                    mut guard = writing.write() => *guard += 1,
                    <-never => {}
                }
            });
            assert!(common::poll_once(&mut kept).await.is_pending());
            assert!(common::poll_once(&mut other).await.is_pending());
            *waiting.lock().await += 10;
            // As an arm of another select.
            select! {
                mut guard = writing.write() => *guard += 10,
                <-never => {}
            }
            kept.await;
            other.await;
        });
        gosched().await;
        drop(guards);
        task.await.unwrap();
        assert_eq!((*mutex.try_lock().unwrap(), *rw.try_read().unwrap()), (11, 11));
    });
}

#[test]
fn a_free_semaphore_is_taken_and_an_ended_context_wins_over_it() {
    let (sem, never) = (Weighted::new(2), Chan::<()>::new(0));
    let (ctx, cancel) = with_cancel(&background());
    let acquire = || {
        drive(async {
            select! {
                result = sem.acquire(&ctx, 2) => Some(result),
                <-never => None,
                default => None,
            }
        })
        .ready()
    };
    assert_eq!(acquire(), Some(Ok(())));
    assert!(!sem.try_acquire(1));
    assert_eq!(acquire(), None);
    sem.release(2);
    cancel.cancel();
    assert_eq!(acquire(), Some(Err(Error::Canceled)));
    assert!(sem.try_acquire(2));
}

/// The other arm was chosen: what is released goes to whoever is behind, even if it is not enough for the select.
#[test]
fn a_losing_acquire_leaves_the_line() {
    let (sem, ch, ctx) = (Weighted::new(2), Chan::<u32>::new(0), background());
    assert!(sem.try_acquire(2));
    let mut selecting = drive(async {
        select! {
            _ = sem.acquire(&ctx, 2) => 0,
            v = <-ch => v,
        }
    });
    selecting.pending();
    let mut next = drive(sem.acquire(&ctx, 1));
    next.pending();
    sem.release(1);
    assert_eq!(
        (next.woken(), sem.try_acquire(1)),
        (0, false),
        "the select is first, and wants two"
    );
    assert!(ch.try_send(7).is_ok());
    // A release looks at the line again.
    sem.release(1);
    assert_eq!(next.woken(), 1, "the select was chosen already");
    assert_eq!(selecting.ready(), 7);
    assert_eq!(next.ready(), Ok(()));
    assert!(sem.try_acquire(1) && !sem.try_acquire(1));
}

/// It was granted to the select: what comes later on other arms goes elsewhere, and so it is with the end of
/// the context.
#[test]
fn a_grant_claims_the_select() {
    let (sem, ch) = (Weighted::new(1), Chan::new(0));
    let (ctx, cancel) = with_cancel(&background());
    assert!(sem.try_acquire(1));
    let mut selecting = drive(async {
        select! {
            result = sem.acquire(&ctx, 1) => Some(result),
            _v = ch.next() => None,
        }
    });
    selecting.pending();
    sem.release(1);
    assert_eq!((selecting.woken(), sem.try_acquire(1)), (1, false));
    cancel.cancel();
    let flag = flag();
    assert!(ch.try_send(flag.clone()).is_err());
    assert_eq!(flag.alive(), 1);
    assert_eq!(selecting.ready(), Some(Ok(())));
    assert!(!sem.try_acquire(1));
}

#[test]
fn the_end_of_the_context_claims_the_select() {
    for n in [1, 2] {
        let (sem, ch) = (Weighted::new(1), Chan::new(0));
        let (ctx, cancel) = with_cancel(&background());
        assert!(sem.try_acquire(1));
        let mut selecting = drive(async {
            select! {
                result = sem.acquire(&ctx, n) => Some(result),
                _v = ch.next() => None,
            }
        });
        selecting.pending();
        cancel.cancel();
        assert_eq!(selecting.woken(), 1);
        assert!(ch.try_send(1).is_err(), "the select was chosen already");
        sem.release(1);
        assert!(sem.try_acquire(1), "and so it is granted nothing");
        assert_eq!(selecting.ready(), Some(Err(Error::Canceled)));
    }
}

#[test]
fn a_select_that_is_dropped_with_a_grant_gives_it_back() {
    let (sem, never, ctx) = (Weighted::new(1), Chan::<()>::new(0), background());
    assert!(sem.try_acquire(1));
    let mut selecting = drive(async {
        select! {
            _ = sem.acquire(&ctx, 1) => {}
            <-never => {}
        }
    });
    selecting.pending();
    let mut next = drive(sem.acquire(&ctx, 1));
    next.pending();
    sem.release(1);
    drop(selecting);
    assert_eq!(next.woken(), 1);
    assert_eq!(next.ready(), Ok(()));
    sem.release(1);
    assert!(sem.try_acquire(1));
}

/// One select over the same semaphore twice, and over two.
#[test]
fn several_semaphores_in_one_select() {
    let (one, other, ctx) = (Weighted::new(3), Weighted::new(1), background());
    assert!(one.try_acquire(3) && other.try_acquire(1));
    let select = || {
        drive(async {
            select! {
                biased;
                _ = one.acquire(&ctx, 3) => 3,
                _ = one.acquire(&ctx, 1) => 1,
                _ = other.acquire(&ctx, 1) => 0,
            }
        })
    };
    let mut selecting = select();
    selecting.pending();
    one.release(2);
    assert_eq!(
        selecting.woken(),
        0,
        "the arm that wants three stands before the one that wants one"
    );
    other.release(1);
    assert_eq!(selecting.ready(), 0);
    assert!(one.try_acquire(2), "both places in line are given up");
    let mut selecting = select();
    selecting.pending();
    one.release(3);
    assert_eq!(selecting.ready(), 3);
}

/// Hazard T8, as for locks.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_grant_to_a_select_that_is_kept_unpolled_goes_to_its_goroutine() {
    everywhere(async || {
        let (sem, never) = (Weighted::new(1), Chan::<()>::new(0));
        assert!(sem.try_acquire(1));
        let (ctx, _cancel) = with_cancel(&background());
        let mut kept = Box::pin(async {
            select! {
                _ = sem.acquire(&ctx, 1) => {}
                <-never => {}
            }
        });
        assert!(futures::poll!(kept.as_mut()).is_pending());
        sem.release(1);
        assert_eq!(sem.acquire(&ctx, 1).await, Ok(()));
        assert!(futures::poll!(kept.as_mut()).is_pending());
        sem.release(1);
        kept.await;
    });
}

#[test]
fn a_wait_for_a_condition_releases_the_lock_and_yields_it_again() {
    let (mutex, cond, never) = (Mutex::new(1), Cond::new(), Chan::<()>::new(0));
    let guard = mutex.try_lock().unwrap();
    let mut selecting = drive(async {
        select! {
            mut guard = cond.wait(guard) => { *guard += 1; true }
            <-never => false,
        }
    });
    selecting.pending();
    *mutex.try_lock().expect("it is released while somebody waits") += 10;
    assert_eq!(selecting.woken(), 0);
    cond.signal();
    assert_eq!(selecting.woken(), 1);
    assert!(selecting.ready());
    assert_eq!(*mutex.try_lock().unwrap(), 12);
}

/// The other arm was chosen: a signal goes to whoever is behind.
#[test]
fn a_losing_wait_for_a_condition_takes_no_signal() {
    let (mutex, cond, ch) = (Mutex::new(()), Cond::new(), Chan::<u32>::new(0));
    let guard = mutex.try_lock().unwrap();
    let mut selecting = drive(async {
        select! {
            _guard = cond.wait(guard) => 0,
            v = <-ch => v,
        }
    });
    selecting.pending();
    let mut next = drive(cond.wait(mutex.try_lock().unwrap()));
    next.pending();
    assert!(ch.try_send(7).is_ok());
    cond.signal();
    assert_eq!(next.woken(), 1, "the select was chosen already");
    assert_eq!(selecting.ready(), 7);
    drop(next.ready());
}

/// The signal was given to the select: what comes later on other arms goes elsewhere.
#[test]
fn a_signal_claims_the_select() {
    let (mutex, cond, ch) = (Mutex::new(()), Cond::new(), Chan::new(0));
    let guard = mutex.try_lock().unwrap();
    let mut selecting = drive(async {
        select! {
            guard = cond.wait(guard) => Some(guard),
            _v = ch.next() => None,
        }
    });
    selecting.pending();
    cond.broadcast();
    let flag = flag();
    assert!(ch.try_send(flag.clone()).is_err());
    assert_eq!(flag.alive(), 1);
    assert!(selecting.ready().is_some());
}

/// It was told and has to wait for the lock: another arm may still win, and then the signal is for the next.
#[test]
fn while_the_lock_is_not_to_be_had_another_arm_may_win() {
    for other_wins in [true, false] {
        let (mutex, cond, ch) = (Mutex::new(()), Cond::new(), Chan::<u32>::new(0));
        let guard = mutex.try_lock().unwrap();
        let mut selecting = drive(async {
            select! {
                _guard = cond.wait(guard) => 0,
                v = <-ch => v,
            }
        });
        selecting.pending();
        let mut next = drive(cond.wait(mutex.try_lock().unwrap()));
        next.pending();
        let held = mutex.try_lock().unwrap();
        cond.signal();
        selecting.pending();
        assert_eq!(next.woken(), 0);
        if other_wins {
            assert!(ch.try_send(7).is_ok());
            assert_eq!(selecting.ready(), 7);
            assert_eq!(next.woken(), 1, "the signal is passed on");
            drop(held);
            drop(next.ready());
        } else {
            drop(held);
            assert_eq!(selecting.ready(), 0);
            next.pending();
            cond.signal();
            drop(next.ready());
        }
    }
}

/// The select was woken by something else and is parked again: it is where it was in line.
#[test]
fn a_wait_keeps_its_place_in_line_while_the_select_looks_around() {
    let (mutex, cond, woken) = (Mutex::new(()), Cond::new(), Notify::new());
    let guard = mutex.try_lock().unwrap();
    let mut selecting = drive(async {
        select! {
            _guard = cond.wait(guard) => 1,
            () = async { loop { woken.notified().await } } => 2,
        }
    });
    selecting.pending();
    let mut next = drive(cond.wait(mutex.try_lock().unwrap()));
    next.pending();
    for _ in 0..3 {
        woken.notify_one();
        assert_eq!(selecting.woken(), 1);
        selecting.pending();
    }
    cond.signal();
    assert_eq!((selecting.woken(), next.woken()), (1, 0));
    assert_eq!(selecting.ready(), 1);
    cond.signal();
    drop(next.ready());
}

#[test]
fn a_select_that_is_dropped_with_a_signal_passes_it_on() {
    for told in [true, false] {
        let (mutex, cond, never) = (Mutex::new(()), Cond::new(), Chan::<()>::new(0));
        let guard = mutex.try_lock().unwrap();
        let mut selecting = drive(async {
            select! {
                _guard = cond.wait(guard) => {}
                <-never => {}
            }
        });
        selecting.pending();
        let mut next = drive(cond.wait(mutex.try_lock().unwrap()));
        next.pending();
        if told {
            cond.signal();
        }
        drop(selecting);
        assert_eq!(next.woken(), usize::from(told));
        cond.signal();
        drop(next.ready());
    }
}

/// Hazard T8, as for locks: a select was given the signal, and its goroutine waits for one with something else.
#[cfg(not(foreign_executor))]
#[test]
fn t08_a_signal_for_a_select_that_is_kept_unpolled_goes_to_its_goroutine() {
    let runtime = gort::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let shared = Arc::new((Mutex::new(()), Cond::new()));
        let other = shared.clone();
        let task = go(async move {
            let ((mutex, cond), never) = (&*other, Chan::<()>::new(0));
            let guard = mutex.lock().await;
            let mut kept = Box::pin(async {
                select! {
                    _guard = cond.wait(guard) => {}
                    <-never => {}
                }
            });
            assert!(common::poll_once(&mut kept).await.is_pending());
            drop(cond.wait(mutex.lock().await).await);
            assert!(common::poll_once(&mut kept).await.is_pending());
            kept.await;
        });
        gosched().await;
        shared.1.signal();
        gosched().await;
        gosched().await;
        shared.1.signal();
        task.await.unwrap();
    });
}
