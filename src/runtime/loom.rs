//! Models of the ring, of the sleep protocol and of threads that take turns in hosting the worker, for loom.

use super::host::Hosts;
use super::idle::Idle;
use super::ring::{Item, Ring};
use crate::sys::park::Parker;
use crate::sys::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sys::sync::{Arc, Mutex};
use loom::thread;

fn item(n: usize) -> Item {
    Item::new(std::ptr::without_provenance_mut(n * 8 + 8)).unwrap()
}

fn drain(ring: &Ring) -> Vec<Item> {
    std::iter::from_fn(|| ring.pop()).collect()
}

/// The owner pushes past the capacity and pops while a thief steals: each item once.
#[test]
fn push_pop_steal_overflow() {
    loom::model(|| {
        let ring = Arc::new(Ring::new());
        for n in 0..3 {
            ring.push(item(n)).unwrap();
        }
        let thief = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let own = Ring::new();
                let mut got: Vec<_> = ring.steal_into(&own).into_iter().collect();
                got.extend(drain(&own));
                got
            })
        };
        let mut got = Vec::new();
        for n in 3..5 {
            if let Err(half) = ring.push(item(n)) {
                got.extend(half);
            }
        }
        got.extend(ring.pop());
        got.extend(thief.join().unwrap());
        got.extend(drain(&ring));
        got.sort();
        assert_eq!(got, (0..5).map(item).collect::<Vec<_>>());
    });
}

/// Two thieves on one ring.
#[test]
fn two_thieves() {
    loom::model(|| {
        let ring = Arc::new(Ring::new());
        for n in 0..3 {
            ring.push(item(n)).unwrap();
        }
        let thieves: Vec<_> = (0..2)
            .map(|_| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || {
                    let own = Ring::new();
                    let mut got: Vec<_> = ring.steal_into(&own).into_iter().collect();
                    got.extend(drain(&own));
                    got
                })
            })
            .collect();
        let mut got: Vec<_> = ring.pop().into_iter().collect();
        for thief in thieves {
            got.extend(thief.join().unwrap());
        }
        got.extend(drain(&ring));
        got.sort();
        assert_eq!(got, (0..3).map(item).collect::<Vec<_>>());
    });
}

/// One worker gives up searching while another thread publishes a task: either the publisher
/// wakes the sleeper or the sleeper sees the task.
#[test]
fn push_against_last_searcher_going_to_sleep() {
    loom::model(|| {
        let idle = Arc::new(Idle::new());
        let queue = Arc::new(AtomicUsize::new(0));
        assert!(idle.start_search(2));
        let publisher = {
            let (idle, queue) = (Arc::clone(&idle), Arc::clone(&queue));
            thread::spawn(move || {
                queue.store(1, Ordering::Relaxed);
                idle.notify().is_some()
            })
        };
        idle.sleep(0, true);
        let seen = queue.load(Ordering::Relaxed) == 1;
        let woken = publisher.join().unwrap();
        assert!(seen || woken, "the task was published and nobody will run it");
    });
}

/// A searcher finds a task while another thread publishes a second one, with a sleeper at hand: either
/// the publisher wakes the sleeper or the searcher sees the second task.
#[test]
fn push_against_the_last_searcher_finding_work() {
    loom::model(|| {
        let idle = Arc::new(Idle::new());
        let queue = Arc::new(AtomicUsize::new(0));
        idle.sleep(1, false);
        assert!(idle.start_search(2));
        let publisher = {
            let (idle, queue) = (Arc::clone(&idle), Arc::clone(&queue));
            thread::spawn(move || {
                queue.store(1, Ordering::Relaxed);
                idle.notify().is_some()
            })
        };
        let last = idle.stop_search();
        let seen = last && queue.load(Ordering::Relaxed) == 1;
        let woken = publisher.join().unwrap();
        assert!(seen || woken, "the second task was published and nobody will wake for it");
    });
}

/// Two publishers and a sleeper: it is picked once, and the counts end where they should.
#[test]
fn a_sleeper_is_picked_once() {
    loom::model(|| {
        let idle = Arc::new(Idle::new());
        idle.sleep(0, false);
        let other = {
            let idle = Arc::clone(&idle);
            thread::spawn(move || idle.notify())
        };
        let mine = idle.notify();
        let theirs = other.join().unwrap();
        assert!(mine.is_some() != theirs.is_some());
        assert!(idle.wake(0), "it was picked, so it searches");
        assert!(idle.stop_search());
        assert_eq!(idle.sleeping(), 0);
    });
}

/// Threads inside `block_on` of a current-thread runtime with one task each.
struct Blocked {
    hosts: Hosts<()>,
    /// For each thread what it waits on, and whether its task has run.
    threads: Vec<(std::sync::Arc<Parker>, AtomicBool)>,
    /// Whose task is next.
    queue: Mutex<Vec<usize>>,
}

impl Blocked {
    fn is_done(&self, thread: usize) -> bool {
        self.threads[thread].1.load(Ordering::Acquire)
    }

    /// `block_on`, for what `thread` does.
    fn block_on(&self, thread: usize) {
        let (parker, _) = &self.threads[thread];
        let _guest = self.hosts.enter(parker);
        loop {
            if let Some(worker) = self.hosts.take() {
                while !self.is_done(thread) {
                    let next = self.queue.lock().pop();
                    let (parker, done) =
                        &self.threads[next.expect("the host's own task has not run")];
                    done.store(true, Ordering::Release);
                    parker.unpark();
                }
                self.hosts.put(worker);
            }
            if self.is_done(thread) {
                return;
            }
            parker.park(None);
        }
    }
}

/// The host leaves and wakes another thread, whose own future is ready, so that it does not come for the
/// worker: a third one has to.
#[test]
fn the_worker_finds_a_host_while_somebody_waits() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let parked = || (std::sync::Arc::new(Parker::new()), AtomicBool::new(false));
        let blocked = Arc::new(Blocked {
            hosts: Hosts::new(),
            threads: (0..3).map(|_| parked()).collect(),
            queue: Mutex::new(vec![2, 0, 1]),
        });
        blocked.hosts.put(());
        let others: Vec<_> = (1..3)
            .map(|other| {
                let blocked = Arc::clone(&blocked);
                thread::spawn(move || blocked.block_on(other))
            })
            .collect();
        blocked.block_on(0);
        for other in others {
            other.join().unwrap();
        }
        assert!(blocked.hosts.take().is_some());
    });
}
