//! Go's cases of `sync.Mutex` and `sync.WaitGroup`, 76 to 82 and 90 to 98, and of its atomics, 116 and 117. (81 stands with the clock that it
//! needs, in `src/sync/tests.rs`.)

mod common;
mod sync_util;

use common::child::main_of_child;
use common::everywhere::{everywhere, live, seeded};
use common::go;
use common::plain::plain;
use gort::runtime::{goexit, gosched};
use gort::sync::{Mutex, RawMutex, WaitGroup};
use gort::time::{Duration, Instant, sleep};
use gort::{Chan, select};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use sync_util::{drive, panic_text};

const NEGATIVE: &str = "sync: negative WaitGroup counter";
const REUSED: &str = "sync: WaitGroup is reused before previous Wait has returned";

// Mutex.

#[test]
fn c076_unlock_of_an_unlocked_mutex_panics_with_the_words_of_go() {
    let mutex = RawMutex::new();
    let text = "sync: unlock of unlocked mutex";
    assert_eq!(panic_text(|| mutex.unlock()), text);
    drive(mutex.lock()).ready();
    mutex.unlock();
    assert_eq!(panic_text(|| mutex.unlock()), text);
    drive(mutex.lock()).ready();
}

#[cfg(not(foreign_executor))]
#[test]
fn c076_the_process_dies_of_it_though_the_goroutine_catches_the_panic() {
    let ended =
        main_of_child("c076_the_process_dies_of_it_though_the_goroutine_catches_the_panic", || {
            gort::run(async {
                let caught = std::panic::catch_unwind(|| RawMutex::new().unlock());
                assert!(caught.is_err());
                gosched().await;
                eprintln!("went on");
            });
            eprintln!("went on");
        });
    assert!(!ended.status.success(), "{ended:?}");
    assert!(!ended.said.contains("went on"), "{ended:?}");
    let text = "fatal error: sync: unlock of unlocked mutex\n\ngoroutine 1 [running]:\n";
    assert!(ended.said.contains(text), "{ended:?}");
}

#[test]
fn c077_locked_here_unlocked_there() {
    everywhere(|| async {
        let mutex = Arc::new(RawMutex::new());
        mutex.lock().await;
        let other = mutex.clone();
        let unlocker = go(async move { other.unlock() });
        mutex.lock().await;
        unlocker.await.unwrap();
        assert!(!mutex.try_lock());
    });
}

#[test]
fn c079_try_lock_of_a_held_and_of_a_free_lock() {
    let mutex = Mutex::new(());
    let guard = mutex.try_lock().unwrap();
    assert!(mutex.try_lock().is_err());
    drop(guard);
    assert!(mutex.try_lock().is_ok());
}

/// A goroutine holds the lock again and again, with nothing in between, until another one has had it ten
/// times. How often the first has had it, at most `limit` times.
#[cfg(not(foreign_executor))]
async fn rounds_of_a_hog<F>(limit: u32, hold: fn() -> F) -> u32
where
    F: Future<Output = ()> + Send + 'static,
{
    let (mutex, done) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
    let (hogged, stop) = (mutex.clone(), done.clone());
    let hog = go(async move {
        for round in 0..limit {
            if stop.load(Ordering::Relaxed) {
                return round;
            }
            let _guard = hogged.lock().await;
            hold().await;
        }
        limit
    });
    for _ in 0..10 {
        drop(mutex.lock().await);
        gosched().await;
    }
    done.store(true, Ordering::Relaxed);
    hog.await.unwrap()
}

#[cfg(not(foreign_executor))]
#[test]
fn c080_a_hog_leaves_the_lock_to_another_in_time() {
    const HELD: Duration = Duration::from_micros(100);
    async fn spin() {
        let start = Instant::now();
        while start.elapsed() < HELD {
            std::hint::spin_loop();
        }
    }
    // What the hog could do in Go's ten seconds.
    const LIMIT: u32 = 100_000;
    let rounds = common::everywhere::workers(2).run(rounds_of_a_hog(LIMIT, spin));
    assert!(rounds < LIMIT, "{rounds}");

    seeded(|| async {
        let rounds = rounds_of_a_hog(LIMIT, || sleep(HELD)).await;
        // The other one waits for a millisecond, and is then given the lock.
        assert!(rounds <= 10 * 12, "{rounds}");
    });
}

/// Ten goroutines, each of which locks `rounds` times, and sometimes only tries to.
async fn lock_and_try_lock(rounds: u32) {
    let (mutex, tried) = (Arc::new(Mutex::new(0)), Arc::new(AtomicU32::new(0)));
    let wg = WaitGroup::new();
    for _ in 0..10 {
        let (mutex, tried) = (mutex.clone(), tried.clone());
        wg.go(async move {
            for i in 0..rounds {
                if i % 3 == 0 {
                    if let Ok(mut guard) = mutex.try_lock() {
                        *guard += 1;
                        tried.fetch_add(1, Ordering::Relaxed);
                    }
                }
                let mut guard = mutex.lock().await;
                let before = *guard;
                if i % 7 == 0 {
                    gosched().await;
                }
                *guard = before + 1;
            }
        });
    }
    wg.wait().await;
    assert_eq!(*mutex.lock().await, 10 * rounds + tried.load(Ordering::Relaxed));
}

#[test]
fn c082_lock_and_try_lock_mixed_count_exactly() {
    live(|| lock_and_try_lock(1000));
    seeded(|| lock_and_try_lock(20));
}

// WaitGroup.

#[test]
fn c090_wait_at_zero_returns_at_once() {
    let wg = WaitGroup::new();
    drive(wg.wait()).ready();
    wg.add(2);
    wg.add(-2);
    drive(wg.wait()).ready();
}

#[test]
fn c091_done_below_zero_panics() {
    assert_eq!(panic_text(|| WaitGroup::new().done()), NEGATIVE);
    assert_eq!(panic_text(|| WaitGroup::new().add(i32::MIN)), NEGATIVE);
    let wg = WaitGroup::new();
    wg.add(i32::MAX);
    assert_eq!(panic_text(|| wg.add(1)), NEGATIVE, "the counter has 32 bits");
}

/// Sixteen goroutines say that they are there and wait to be let go, one after the other.
async fn one_round(here: &WaitGroup, let_go: &WaitGroup) {
    const N: i32 = 16;
    here.add(N);
    let_go.add(N);
    let gone = Chan::<()>::new(N as usize);
    for _ in 0..N {
        let (here, let_go, gone) = (here.clone(), let_go.clone(), gone.clone());
        drop(go(async move {
            here.done();
            let_go.wait().await;
            gone.send(()).await;
        }));
    }
    here.wait().await;
    for _ in 0..N {
        select! {
            <-gone => panic!("released too soon"),
            default => {}
        }
        let_go.done();
    }
    for _ in 0..N {
        gone.recv().await;
    }
}

#[test]
fn c092_two_groups_are_used_again_and_again_and_release_nobody_early() {
    everywhere(|| async {
        let (one, other) = (WaitGroup::new(), WaitGroup::new());
        for _ in 0..8 {
            one_round(&one, &other).await;
        }
    });
}

#[test]
fn c093_the_last_done_releases_all_waits_and_no_other_does() {
    let wg = WaitGroup::new();
    wg.add(2);
    // More than one wake batch.
    let mut waits: Vec<_> = (0..100).map(|_| drive(wg.wait())).collect();
    waits.iter_mut().for_each(|wait| wait.pending());
    wg.done();
    waits.iter_mut().for_each(|wait| wait.pending());
    assert!(waits.iter().all(|wait| wait.woken() == 0));
    wg.done();
    assert!(waits.iter().all(|wait| wait.woken() == 1));
    waits.iter_mut().for_each(|wait| wait.ready());

    everywhere(|| async {
        let (wg, released) = (WaitGroup::new(), Arc::new(AtomicU32::new(0)));
        wg.add(2);
        let wait = |(wg, released): (WaitGroup, Arc<AtomicU32>)| async move {
            wg.wait().await;
            released.fetch_add(1, Ordering::Relaxed);
        };
        let waits: Vec<_> = (0..3).map(|_| go(wait((wg.clone(), released.clone())))).collect();
        gosched().await;
        wg.done();
        gosched().await;
        assert_eq!(released.load(Ordering::Relaxed), 0);
        wg.done();
        for wait in waits {
            wait.await.unwrap();
        }
    });
}

#[test]
fn c094_an_add_between_the_last_done_and_the_return_of_wait_panics_there() {
    let wg = WaitGroup::new();
    wg.add(1);
    let mut wait = drive(wg.wait());
    wait.pending();
    wg.done();
    wg.add(1);
    assert_eq!(panic_text(|| wait.poll()), REUSED);
}

#[cfg(not(foreign_executor))]
#[test]
fn c094_a_goroutine_that_is_done_and_adds_at_once_makes_the_wait_panic() {
    let text = common::everywhere::dies_seeded(|| async {
        let wg = WaitGroup::new();
        wg.add(1);
        let member = wg.clone();
        drop(go(async move {
            // The other one waits by then.
            sleep(Duration::from_millis(1)).await;
            member.done();
            member.add(1);
        }));
        wg.wait().await;
    });
    assert_eq!(text, REUSED);
}

#[test]
fn c095_a_running_member_may_add() {
    everywhere(|| async {
        let (wg, ended) = (WaitGroup::new(), Arc::new(AtomicU32::new(0)));
        let (group, inner, outer) = (wg.clone(), ended.clone(), ended.clone());
        wg.go(async move {
            for _ in 0..5 {
                let ended = inner.clone();
                group.go(async move {
                    gosched().await;
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
            outer.fetch_add(1, Ordering::Relaxed);
        });
        wg.wait().await;
        assert_eq!(ended.load(Ordering::Relaxed), 6);
    });
}

#[cfg(not(foreign_executor))]
#[test]
fn c096_a_member_that_panics_ends_the_process_and_releases_nobody() {
    let ended =
        main_of_child("c096_a_member_that_panics_ends_the_process_and_releases_nobody", || {
            gort::run(async {
                let wg = WaitGroup::new();
                wg.go(async { panic!("test") });
                wg.wait().await;
                eprintln!("released");
            });
        });
    assert!(!ended.status.success(), "{ended:?}");
    assert!(!ended.said.contains("released"), "{ended:?}");
    let text = "panic: test [recovered, repanicked]\n\ngoroutine ";
    assert!(ended.said.contains(text), "{ended:?}");
}

#[cfg(not(foreign_executor))]
#[test]
fn c096_a_member_that_panics_is_never_done() {
    let (wg, released) = (WaitGroup::new(), Arc::new(AtomicBool::new(false)));
    let text = common::everywhere::dies_seeded(|| {
        let (wg, released) = (wg.clone(), released.clone());
        async move {
            wg.go(async { panic!("test") });
            wg.wait().await;
            released.store(true, Ordering::Relaxed);
        }
    });
    assert_eq!((text.as_str(), released.load(Ordering::Relaxed)), ("test", false));
    drive(wg.wait()).pending();
}

#[cfg(not(foreign_executor))]
#[test]
fn c097_a_member_that_exits_is_done() {
    everywhere(|| async {
        let wg = WaitGroup::new();
        wg.go(async { goexit() });
        wg.go(async {
            gosched().await;
            goexit()
        });
        wg.wait().await;
    });
}

#[test]
fn c098_what_the_members_did_is_visible_after_wait() {
    live(|| async {
        for _ in 0..100 {
            let slots = plain(8);
            let wg = WaitGroup::new();
            for i in 0..8 {
                let slots = slots.clone();
                wg.go(async move { slots[i].set(i as u64 + 1) });
            }
            wg.wait().await;
            assert_eq!(slots.iter().map(|slot| slot.get()).sum::<u64>(), 36);
        }
    });
}

// Atomics: those of the standard library, with `SeqCst` for what Go's always are.

#[test]
fn c116_of_two_who_store_and_then_load_one_sees_the_other() {
    const ROUNDS: usize = 1_000_000;
    let pair = || (AtomicU32::new(0), AtomicU32::new(0));
    let words: Arc<[_]> = std::iter::repeat_with(pair).take(ROUNDS).collect();
    live(move || {
        let words = words.clone();
        async move {
            for (x, y) in &words[..] {
                x.store(0, Ordering::SeqCst);
                y.store(0, Ordering::SeqCst);
            }
            let ours = words.clone();
            let first = go(async move {
                let look = |(x, y): &(AtomicU32, AtomicU32)| {
                    x.store(1, Ordering::SeqCst);
                    y.load(Ordering::SeqCst)
                };
                ours.iter().map(look).collect::<Vec<_>>()
            });
            let ours = words.clone();
            let second = go(async move {
                let look = |(x, y): &(AtomicU32, AtomicU32)| {
                    y.store(1, Ordering::SeqCst);
                    x.load(Ordering::SeqCst)
                };
                ours.iter().map(look).collect::<Vec<_>>()
            });
            let (first, second) = (first.await.unwrap(), second.await.unwrap());
            assert!(!first.into_iter().zip(second).any(|saw| saw == (0, 0)), "neither saw it");
        }
    });
}

#[test]
fn c117_and_and_or_return_the_old_value_and_what_is_added_wraps() {
    let word = AtomicU32::new(0b1100);
    assert_eq!(word.fetch_and(0b0110, Ordering::SeqCst), 0b1100);
    assert_eq!(word.fetch_or(0b0001, Ordering::SeqCst), 0b0100);
    assert_eq!(word.swap(u32::MAX, Ordering::SeqCst), 0b0101);
    assert_eq!(word.fetch_add(2, Ordering::SeqCst), u32::MAX);
    assert_eq!(word.load(Ordering::SeqCst), 1);
}
