//! Models of lists and claims: see README.md, "Proof sketch", for what they check.

#![expect(unsafe_code, reason = "models of unsafe parts")]

use super::list::{List, Node};
use super::waiter::{PLAIN, Waiter};
use crate::sys::cell::UnsafeCell;
use crate::sys::sync::{Arc, Mutex};
use loom::thread;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counting() -> (std::sync::Arc<Count>, Waker) {
    let count = std::sync::Arc::new(Count(AtomicUsize::new(0)));
    (count.clone(), count.into())
}

/// The least object that hands one thing over: a list and a permit.
struct Object {
    lock: Mutex<()>,
    state: UnsafeCell<(List<u32>, u32)>,
}

impl Object {
    fn new() -> Arc<Self> {
        Arc::new(Self { lock: Mutex::new(()), state: UnsafeCell::new((List::new(), 0)) })
    }

    fn with<R>(&self, f: impl FnOnce(&mut List<u32>, &mut u32) -> R) -> R {
        let _guard = self.lock.lock();
        self.state.with_mut(|state| {
            // SAFETY: under the lock.
            let (list, permits) = unsafe { &mut *state };
            f(list, permits)
        })
    }

    /// Hands `value` to a waiter, or keeps it.
    fn give(&self, value: u32) -> bool {
        let (given, waker) = self.with(|list, permits| match list.claim_front() {
            Some(node) => {
                // SAFETY: claimed, and under the lock.
                let node = unsafe { node.as_ref() };
                // SAFETY: as above.
                unsafe { node.seat() }.data = value;
                // SAFETY: as above.
                (true, unsafe { node.complete() })
            }
            None => {
                *permits += value;
                (false, None)
            }
        });
        if let Some(waker) = waker {
            waker.wake();
        }
        given
    }

    /// Takes a permit, or links `node`.
    fn take_or_link(&self, node: &Node<u32>, waiter: &Waiter, case: u32) -> Option<u32> {
        self.with(|list, permits| {
            if *permits > 0 {
                return Some(std::mem::take(permits));
            }
            // SAFETY: not linked; `cancel` unlinks it before it goes.
            unsafe { node.assign(waiter, case) };
            // SAFETY: as above.
            unsafe { list.push_back(NonNull::from(node)) };
            None
        })
    }

    /// Unlinks `node` if it is linked; returns what it was given.
    fn cancel(&self, node: &Node<u32>) -> u32 {
        self.with(|list, _| {
            // SAFETY: under the lock.
            if unsafe { node.is_linked() } {
                // SAFETY: linked in this list.
                unsafe { list.remove(NonNull::from(node)) };
            }
            // SAFETY: under the lock.
            std::mem::take(unsafe { &mut node.seat().data })
        })
    }
}

/// One select on two objects, two givers, and the select's owner that gives up at any moment:
/// one giver at most wins, nothing that was given is lost, and the winner wakes the owner once.
#[test]
fn two_claimers_and_a_cancel() {
    loom::model(|| {
        let objects = [Object::new(), Object::new()];
        let (count, waker) = counting();
        let waiter = Box::new(Waiter::new());
        let nodes = [Box::pin(Node::new(0)), Box::pin(Node::new(0))];
        assert!(waiter.register(waker).is_none());
        for case in 0..2 {
            let linked = objects[case].take_or_link(&nodes[case], &waiter, case as u32);
            assert_eq!(linked, None);
        }
        let givers: Vec<_> = (0..2)
            .map(|i| {
                let object = objects[i].clone();
                thread::spawn(move || object.give(i as u32 + 1))
            })
            .collect();
        let got: Vec<_> = (0..2).map(|i| objects[i].cancel(&nodes[i])).collect();
        let chosen = waiter.chosen();
        waiter.reset();
        drop((nodes, waiter));

        let given: Vec<_> = givers.into_iter().map(|giver| giver.join().unwrap()).collect();
        assert!(!(given[0] && given[1]), "two winners");
        assert_eq!(count.0.load(Ordering::Relaxed), usize::from(given[0] || given[1]));
        for i in 0..2 {
            let value = i as u32 + 1;
            assert_eq!(got[i], if given[i] { value } else { 0 });
            assert_eq!(given[i], chosen == Some(i as u32));
            assert_eq!(objects[i].with(|_, permits| *permits), value - got[i]);
        }
    });
}

/// A plain waiter that looks at its outcome without the lock and frees its node at once.
#[test]
fn a_settled_node_may_go_without_the_lock() {
    loom::model(|| {
        let object = Object::new();
        let (count, waker) = counting();
        let waiter = Box::new(Waiter::new());
        let node = Box::pin(Node::new(0));
        assert!(waiter.register(waker).is_none());
        let giver = {
            let object = object.clone();
            thread::spawn(move || object.give(7))
        };
        let got = match object.take_or_link(&node, &waiter, PLAIN) {
            Some(value) => value,
            None if waiter.chosen().is_some() => {
                // SAFETY: settled: nobody else touches it any more.
                unsafe { node.seat().data }
            }
            None => object.cancel(&node),
        };
        waiter.reset();
        drop((node, waiter));
        let given = giver.join().unwrap();
        assert_eq!(count.0.load(Ordering::Relaxed), usize::from(given));
        assert_eq!(got + object.with(|_, permits| *permits), 7, "given or kept, once");
    });
}

/// Enqueue against give: the owner sees the permit, or is woken.
#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let object = Object::new();
        let (count, waker) = counting();
        let waiter = Waiter::new();
        let node = Box::pin(Node::new(0));
        assert!(waiter.register(waker).is_none());
        let giver = {
            let object = object.clone();
            thread::spawn(move || object.give(7))
        };
        let at_once = object.take_or_link(&node, &waiter, PLAIN);
        giver.join().unwrap();
        let woken = count.0.load(Ordering::Relaxed);
        assert_eq!((at_once.is_some(), woken), if woken == 1 { (false, 1) } else { (true, 0) });
        if woken == 1 {
            assert_eq!(object.cancel(&node), 7);
        }
        waiter.reset();
    });
}
