//! Locks and wait groups together, under random schedules and at random times.

use super::raw_mutex::{RawLock, RawMutex};
use super::wait_group::WaitGroup;
use crate::sys::choose::choose;
use crate::sys::clock::Nanos;
use crate::sys::sync::Arc;
use crate::sys::sync::atomic::{AtomicU32, Ordering};
use crate::wait::model::random::{check, go, perhaps};
use std::future::poll_fn;
use std::pin::pin;

const MEMBERS: usize = 4;
const ROUNDS: u32 = 2;

/// A lock, who is inside of it, and how often somebody was.
struct Guarded {
    mutex: RawMutex,
    inside: AtomicU32,
    visits: AtomicU32,
}

impl Guarded {
    fn new() -> Arc<Self> {
        let zero = || AtomicU32::new(0);
        Arc::new(Self { mutex: RawMutex::new(), inside: zero(), visits: zero() })
    }

    /// What is done under the lock: a count that comes out wrong if two do it at once.
    fn visit(&self) {
        assert_eq!(self.inside.fetch_add(1, Ordering::Relaxed), 0, "two are inside");
        let visits = self.visits.load(Ordering::Relaxed);
        self.visits.store(visits + 1, Ordering::Relaxed);
        assert_eq!(self.inside.fetch_sub(1, Ordering::Relaxed), 1);
    }
}

/// Waits for a lock, and at each look it may be so late that the lock starves.
async fn lock_late(lock: RawLock<'_>) {
    let mut lock = pin!(lock);
    let mut now: Nanos = 0;
    poll_fn(|cx| {
        let polled = lock.as_mut().poll_at(cx, || now);
        now += 2_000_000 * choose(2) as Nanos;
        polled
    })
    .await;
}

/// Four lock and unlock, in both modes, and give up now and then; a group of them is waited for by two,
/// one of whom may give up too, and then used again. One is inside at a time, nobody waits for ever,
/// and who waited for the group sees all that its members did.
fn locks_and_groups() {
    let (guarded, group) = (Guarded::new(), WaitGroup::new());
    for round in 1..=ROUNDS {
        group.add(MEMBERS as i32);
        let members: Vec<_> = (0..MEMBERS)
            .map(|_| {
                let (guarded, group) = (Arc::clone(&guarded), group.clone());
                go(async move {
                    let late = perhaps(lock_late(guarded.mutex.lock())).await.is_some();
                    if !late {
                        guarded.mutex.lock().await;
                    }
                    guarded.visit();
                    guarded.mutex.unlock();
                    group.done();
                })
            })
            .collect();
        let waiters: Vec<_> = [true, false]
            .map(|gives_up| {
                let (guarded, group) = (Arc::clone(&guarded), group.clone());
                go(async move {
                    if gives_up && perhaps(group.wait()).await.is_none() {
                        return;
                    }
                    group.wait().await;
                    let visits = guarded.visits.load(Ordering::Relaxed);
                    assert_eq!(visits, round * MEMBERS as u32, "somebody was not waited for");
                })
            })
            .into();
        for thread in members.into_iter().chain(waiters) {
            thread.join().unwrap();
        }
    }
    assert!(guarded.mutex.try_lock());
}

#[test]
fn locks_and_wait_groups_mixed() {
    check(4_000, locks_and_groups);
}

/// A goroutine keeps a lock operation that it does not poll and waits for the same lock with another: what
/// the first was told of must not keep the second from it.
fn kept_unpolled() {
    let guarded = Guarded::new();
    let members: Vec<_> = (0..MEMBERS)
        .map(|_| {
            let guarded = Arc::clone(&guarded);
            go(async move {
                let mut kept = Box::pin(guarded.mutex.lock());
                let mut now = 0;
                let taken = poll_fn(|cx| {
                    let taken = kept.as_mut().poll_at(cx, || now).is_ready();
                    now += 2_000_000;
                    let again = !taken && choose(2) == 0;
                    if again {
                        cx.waker().wake_by_ref();
                        return std::task::Poll::Pending;
                    }
                    std::task::Poll::Ready(taken)
                })
                .await;
                if !taken {
                    lock_late(guarded.mutex.lock()).await;
                }
                guarded.visit();
                guarded.mutex.unlock();
            })
        })
        .collect();
    for member in members {
        member.join().unwrap();
    }
    assert_eq!(guarded.visits.load(Ordering::Relaxed), MEMBERS as u32);
    assert!(guarded.mutex.try_lock());
}

#[test]
fn lock_operations_that_are_kept_unpolled_hold_up_nobody() {
    check(4_000, kept_unpolled);
}
