//! Models of lists and claims: see README.md, "Proof sketch", for what they check.

#![expect(unsafe_code, reason = "models of unsafe parts")]

use super::list::{List, Node};
use super::model::Wakes;
use super::record::{Arena, Record};
use super::waiter::{PLAIN, Waiter};
use crate::sys::cell::UnsafeCell;
use crate::sys::sync::{Arc, Mutex};
use loom::thread;
use std::panic::Location;
use std::ptr::NonNull;
use std::task::{Wake, Waker};

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
        let wakes = Wakes::default();
        let waiter = Box::new(Waiter::new());
        let nodes = [Box::pin(Node::new(0)), Box::pin(Node::new(0))];
        assert!(waiter.register(wakes.waker()).is_none());
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
        assert_eq!(wakes.count(), usize::from(given[0] || given[1]));
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
        let wakes = Wakes::default();
        let waiter = Box::new(Waiter::new());
        let node = Box::pin(Node::new(0));
        assert!(waiter.register(wakes.waker()).is_none());
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
        assert_eq!(wakes.count(), usize::from(given));
        assert_eq!(got + object.with(|_, permits| *permits), 7, "given or kept, once");
    });
}

/// Enqueue against give: the owner sees the permit, or is woken.
#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let object = Object::new();
        let wakes = Wakes::default();
        let waiter = Waiter::new();
        let node = Box::pin(Node::new(0));
        assert!(waiter.register(wakes.waker()).is_none());
        let giver = {
            let object = object.clone();
            thread::spawn(move || object.give(7))
        };
        let at_once = object.take_or_link(&node, &waiter, PLAIN);
        giver.join().unwrap();
        let woken = wakes.count();
        assert_eq!((at_once.is_some(), woken), if woken == 1 { (false, 1) } else { (true, 0) });
        if woken == 1 {
            assert_eq!(object.cancel(&node), 7);
        }
        waiter.reset();
    });
}

/// The owner is polled with another waker, or gives up, while it is given something: the waker that is
/// there at that moment is woken, and no other.
#[test]
fn a_waker_that_is_replaced_beside_a_completion() {
    loom::model(|| {
        let object = Object::new();
        let (first, second) = (Wakes::default(), Wakes::default());
        let waiter = Box::new(Waiter::new());
        let node = Box::pin(Node::new(0));
        assert!(waiter.register(first.waker()).is_none());
        assert_eq!(object.take_or_link(&node, &waiter, PLAIN), None);
        let giver = {
            let object = object.clone();
            thread::spawn(move || object.give(7))
        };
        let replaced = object.with(|_, _| {
            waiter.chosen().is_none().then(|| {
                // SAFETY: (W2): linked, and under the lock.
                unsafe { waiter.replace(Some(second.waker())) }
            })
        });
        assert!(giver.join().unwrap());
        let woken = usize::from(replaced.is_none());
        assert_eq!((first.count(), second.count()), (woken, 1 - woken));
        assert_eq!(object.cancel(&node), 7);
        waiter.reset();
    });
}

/// A select that is parked on two objects claims itself, to start anew, while one gives: either it is
/// chosen and has the value, or the giver keeps that and nobody is woken.
#[test]
fn a_select_claims_itself_beside_a_giver() {
    loom::model(|| {
        let objects = [Object::new(), Object::new()];
        let wakes = Wakes::default();
        let waiter = Box::new(Waiter::new());
        let nodes = [Box::pin(Node::new(0)), Box::pin(Node::new(0))];
        assert!(waiter.register(wakes.waker()).is_none());
        for case in 0..2 {
            assert_eq!(objects[case].take_or_link(&nodes[case], &waiter, case as u32), None);
        }
        let giver = {
            let object = objects[1].clone();
            thread::spawn(move || object.give(7))
        };
        let mine = waiter.claim(9);
        let got: Vec<_> = (0..2).map(|i| objects[i].cancel(&nodes[i])).collect();
        assert_eq!(waiter.chosen(), Some(if mine { 9 } else { 1 }));
        waiter.reset();
        drop((nodes, waiter));
        assert_eq!(giver.join().unwrap(), !mine);
        assert_eq!(got, [0, if mine { 0 } else { 7 }]);
        assert_eq!(wakes.count(), usize::from(!mine));
    });
}

fn publish(record: &Record, id: u64, parent: u64, runtime: u16, own: Waker) {
    record.publish(id, parent, runtime, Location::caller(), own);
}

/// The end of a goroutine and the shutdown of its runtime both take its reference: one gets it.
#[test]
fn the_end_and_the_shutdown_take_a_reference_once() {
    loom::model(|| {
        let [record] = Record::leaked();
        let wakes = Wakes::default();
        publish(record, 1, 0, 0, wakes.waker());
        let end = thread::spawn(move || record.take_own_reference().is_some());
        let taken = record.take_own_reference();
        assert!(end.join().unwrap() != taken.is_some());
    });
}

/// A record passes from one goroutine to the next of the same runtime, whose waker is of another
/// kind, beside a shutdown: the two halves of the reference that it takes belong together.
#[test]
fn a_reference_is_not_put_together_from_two() {
    struct Other;
    impl Wake for Other {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    loom::model(|| {
        let chunk: &'static [Record; 1] = Record::leaked();
        let record = &chunk[0];
        let arena = Arc::new(Mutex::new(Arena { chunks: vec![chunk], free: Vec::new() }));
        let other = Waker::from(std::sync::Arc::new(Other));
        let (data, vtable) = (other.data().addr(), other.vtable());
        publish(record, 1, 0, 0, Wakes::default().waker());
        let worker = {
            let arena = arena.clone();
            thread::spawn(move || {
                record.drop_own_reference_or(|| drop(arena.lock()));
                record.vacate();
                publish(record, 2, 0, 0, other);
            })
        };
        for taken in arena.lock().take_own_references(0) {
            assert_eq!(taken.data().addr() == data, std::ptr::eq(taken.vtable(), vtable));
        }
        worker.join().unwrap();
    });
}

/// A handle asks for the waker of its goroutine while that ends and its record passes on, to a
/// goroutine of the same runtime, or of another runtime where it has the same number: it gets that of its
/// own goroutine or none.
#[test]
fn a_waker_is_of_the_goroutine_that_was_asked_for() {
    for next in [(6, 0), (5, 1)] {
        loom::model(move || {
            let [record] = Record::leaked();
            let (mine, other) = (Wakes::default(), Wakes::default());
            publish(record, 5, 0, 0, mine.waker());
            let worker = {
                let waker = other.waker();
                thread::spawn(move || {
                    record.drop_own_reference_or(|| panic!("nobody shuts down"));
                    record.vacate();
                    publish(record, next.0, 0, next.1, waker);
                })
            };
            if let Some(waker) = record.waker_of(5, 0) {
                waker.wake();
                assert_eq!((mine.count(), other.count()), (1, 0), "the waker of another goroutine");
            }
            worker.join().unwrap();
        });
    }
}

/// A dump reads a record while it passes on to another goroutine: what it read between two looks at the
/// number is of the goroutine with that number.
#[test]
fn what_is_read_of_a_record_is_of_one_goroutine() {
    loom::model(|| {
        let [record] = Record::leaked();
        let [own, next] = [(); 2].map(|()| Wakes::default().waker());
        publish(record, 5, 50, 0, own);
        let worker = thread::spawn(move || {
            record.drop_own_reference_or(|| panic!("nobody shuts down"));
            record.vacate();
            publish(record, 6, 60, 0, next);
        });
        let id = record.id();
        let parent = record.parent();
        if id != 0 && record.is_still(id) {
            assert_eq!(parent, 10 * id);
        }
        worker.join().unwrap();
    });
}

/// A runtime shuts down while its goroutine ends and the record passes to a goroutine of another
/// runtime, which goes through the arena: that one's reference is not taken.
#[test]
fn a_shutdown_takes_no_reference_of_another_runtime() {
    loom::model(|| {
        let chunk: &'static [Record; 1] = Record::leaked();
        let record = &chunk[0];
        let arena = Arc::new(Mutex::new(Arena { chunks: vec![chunk], free: Vec::new() }));
        let (mine, other) = (Wakes::default(), Wakes::default());
        publish(record, 1, 0, 0, mine.waker());
        let worker = {
            let (arena, waker) = (arena.clone(), other.waker());
            thread::spawn(move || {
                record.drop_own_reference_or(|| drop(arena.lock()));
                record.vacate();
                arena.lock().free.push(vec![record]);
                let free = arena.lock().free.pop().unwrap();
                publish(free[0], 1, 0, 1, waker);
            })
        };
        let taken = arena.lock().take_own_references(0);
        let stopped = taken.len();
        taken.into_iter().for_each(Waker::wake);
        worker.join().unwrap();
        assert_eq!((mine.count(), other.count()), (stopped, 0));
        assert!(record.take_own_reference().is_some(), "the reference of another runtime is gone");
    });
}
