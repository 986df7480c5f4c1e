//! Models of workers: how they sleep and are told of work, lose their place and find another, and how a
//! runtime ends beside them. Tasks are addresses that nobody runs.

use super::{Host, Item, Thread, Worker};
use crate::reactor::{Backend, Driver};
use crate::runtime::chains::Chain;
use crate::runtime::processor::Status;
use crate::runtime::shared::{Config, Phase, Shared};
use crate::runtime::{sysmon, table};
use crate::sys::clock::Clock;
use crate::sys::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::wait::model::Wakes;
use loom::thread;
use std::ops::Deref;
use std::sync::Arc;
use std::task::Context;

/// The shared part of a runtime that has no threads.
struct Runtime(Arc<Shared>);

impl Runtime {
    /// With the processors of `workers` active workers and of `spares` that wait to be needed.
    fn new(workers: usize, spares: usize) -> Self {
        let runtime = Self::without_processors(workers, spares);
        for index in 0..workers + spares {
            runtime.make_processor();
            let mut seats = runtime.spares.lock();
            if index < workers {
                seats.active += 1;
            } else {
                runtime.processor(index).set_status(Status::Spare);
                seats.parked.push(index);
            }
        }
        runtime
    }

    /// With room for so many.
    fn without_processors(workers: usize, spares: usize) -> Self {
        let driver = Driver::new(Clock::Real, Backend::Bare, workers + spares).unwrap();
        Self(Shared::new(Config::without_threads(workers, spares), driver, Clock::Real))
    }

    fn worker(&self, index: usize) -> Worker {
        Worker::new(Arc::clone(&self.0), index)
    }

    /// What is queued anywhere.
    fn rest(&self) -> Vec<Item> {
        let mut rest = Vec::new();
        for processor in self.processors() {
            rest.extend(processor.take_next());
            rest.extend(std::iter::from_fn(|| processor.ring.pop()));
        }
        let spills = self.processors().map(|processor| &processor.spill);
        for chains in spills.chain([&self.inject]) {
            rest.extend(std::iter::from_fn(|| chains.pop()).flatten());
        }
        rest
    }
}

impl Deref for Runtime {
    type Target = Arc<Shared>;

    fn deref(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // A model that has failed may touch nothing any more.
        if !std::thread::panicking() {
            self.rest();
            table::remove(&self.0);
        }
    }
}

fn item(n: usize) -> Item {
    Item::new(std::ptr::without_provenance_mut(n * 8 + 8)).unwrap()
}

/// `got` are the first `n` items, each once.
fn assert_all(mut got: Vec<Item>, n: usize) {
    got.sort();
    assert_eq!(got, (0..n).map(item).collect::<Vec<_>>());
}

/// The loop of a worker, until `left` tasks have been run by whomever.
fn serve(worker: &Worker, left: &AtomicUsize) {
    loop {
        let processor = worker.processor();
        if processor.has_attention() && processor.take_attention() && Thread.attend(worker) {
            return;
        }
        if worker.next_task().or_else(|| worker.find_task()).is_none() {
            // Something may be on its way into the global queue: whoever brings it has to go on.
            thread::yield_now();
            continue;
        }
        if worker.searching.get() {
            worker.found();
        }
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            worker.shared.enter_phase(Phase::Dead);
        }
    }
}

/// What a spare worker does first.
fn wait_for_place(worker: &Worker) {
    while worker.processor().status() == Status::Spare {
        worker.processor().parker.park(None);
    }
}

/// Runs worker `index` on a thread of its own, once it has a place.
fn start(runtime: &Runtime, index: usize, left: &Arc<AtomicUsize>) -> thread::JoinHandle<()> {
    let (worker, left) = (runtime.worker(index), Arc::clone(left));
    thread::spawn(move || {
        wait_for_place(&worker);
        serve(&worker, &left);
    })
}

/// One or two workers go to sleep, in the poller and on a parker, while a task comes from outside: one
/// sees the task, or is woken wherever it stands (else this is a deadlock).
fn a_task_from_outside(workers: usize) {
    loom::model(move || {
        let runtime = Runtime::new(workers, 0);
        let left = Arc::new(AtomicUsize::new(1));
        let started: Vec<_> = (0..workers).map(|index| start(&runtime, index, &left)).collect();
        runtime.schedule_outside(Chain::One(item(0)));
        started.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_task_from_outside_beside_a_worker_that_goes_to_sleep() {
    a_task_from_outside(1);
}

#[test]
fn a_task_from_outside_beside_two_workers() {
    a_task_from_outside(2);
}

/// The end of a runtime beside two workers that go to sleep, one of which may be leaving the poller
/// while the other one is about to wait there: both learn of it.
#[test]
fn the_end_reaches_two_workers_that_go_to_sleep() {
    loom::model(|| {
        let runtime = Runtime::new(2, 0);
        let left = Arc::new(AtomicUsize::new(1));
        let started = [0, 1].map(|index| start(&runtime, index, &left));
        runtime.enter_phase(Phase::Dead);
        started.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A worker is abandoned inside a poll that goes on and wakes tasks: into the next slot and the ring, which the
/// spare worker that takes its place empties meanwhile. Back from the poll it hands over what is left
/// and waits for a place, or has not been told yet. Each task is somewhere once, and one worker has
/// the place.
#[test]
fn an_abandoned_worker_and_its_successor() {
    loom::model(|| {
        let runtime = Runtime::new(1, 1);
        let worker = runtime.worker(0);
        worker.processor().start_poll(None);
        worker.schedule(item(0), false);
        worker.schedule(item(1), false);
        let monitor = {
            let shared = Arc::clone(&runtime);
            thread::spawn(move || assert!(sysmon::abandon(&shared, 0)))
        };
        let spare = {
            let worker = runtime.worker(1);
            thread::spawn(move || {
                wait_for_place(&worker);
                let mut got: Vec<_> = worker.steal().into_iter().collect();
                got.extend(worker.steal());
                worker.shared.enter_phase(Phase::Dead);
                got
            })
        };
        worker.schedule(item(2), false);
        worker.processor().end_poll();
        if worker.processor().take_attention() {
            Thread.attend(&worker);
        }
        let mut got: Vec<_> = worker.processor().take_next().into_iter().collect();
        monitor.join().unwrap();
        got.extend(spare.join().unwrap());
        got.extend(runtime.rest());
        assert_all(got, 3);
        let active = (0..2).filter(|&i| runtime.processor(i).status() == Status::Active).count();
        assert_eq!((active, runtime.spares.lock().active), (1, 1));
    });
}

/// A worker that has lost its place comes back while the one that has it loses it too: the place is
/// taken again by one of them.
#[test]
fn a_place_that_becomes_free_is_taken() {
    loom::model(|| {
        let runtime = Runtime::new(1, 1);
        assert!(sysmon::abandon(&runtime, 0));
        let returns = {
            let worker = runtime.worker(0);
            thread::spawn(move || {
                assert!(worker.processor().take_attention());
                Thread.attend(&worker);
                // It runs again, or nothing does any more.
                worker.shared.is_running()
            })
        };
        let abandoned = sysmon::abandon(&runtime, 1);
        let seats = |runtime: &Runtime| {
            let active = |i: &usize| runtime.processor(*i).status() == Status::Active;
            ((0..2).filter(active).count(), runtime.spares.lock().active)
        };
        if !abandoned {
            // Nobody could take its place.
            assert_eq!(seats(&runtime), (1, 1));
            runtime.enter_phase(Phase::Dead);
        }
        assert_eq!(returns.join().unwrap(), abandoned);
        assert_eq!(seats(&runtime), (1, 1));
    });
}

/// A worker is made while the runtime ends: it is told, or sees it by itself.
#[test]
fn a_worker_that_is_made_beside_the_end() {
    loom::model(|| {
        let runtime = Runtime::without_processors(1, 0);
        let begins = {
            let shared = Arc::clone(&runtime);
            thread::spawn(move || {
                let index = shared.make_processor().unwrap();
                let worker = Worker::new(Arc::clone(&shared), index);
                worker.may_begin()
            })
        };
        runtime.enter_phase(Phase::Dead);
        let begins = begins.join().unwrap();
        assert!(!begins || runtime.processor(0).has_attention(), "it runs for ever");
    });
}

/// A task comes from outside while the runtime shuts down and empties its queues for the last time: one
/// of the two sees it.
#[test]
fn a_task_from_outside_beside_a_shutdown() {
    loom::model(|| {
        let runtime = Runtime::new(1, 0);
        let outside = {
            let shared = Arc::clone(&runtime);
            thread::spawn(move || {
                let phase = shared.push_outside(Chain::One(item(0)));
                phase == Phase::Over && shared.inject.pop().is_some()
            })
        };
        runtime.enter_phase(Phase::Over);
        let mine = runtime.inject.pop().is_some();
        let theirs = outside.join().unwrap();
        assert!(mine != theirs, "a task is left behind, or run twice");
    });
}

/// A goroutine is started outside of the workers while the runtime ends: it is refused, or whoever looks whether
/// the runtime may leave the table sees it.
#[test]
fn a_start_from_outside_beside_the_end() {
    loom::model(|| {
        let runtime = Runtime::new(1, 0);
        let starts = {
            let shared = Arc::clone(&runtime);
            thread::spawn(move || shared.count_start_outside())
        };
        runtime.enter_phase(Phase::Over);
        let none_left = runtime.num_goroutine() == 0;
        let started = starts.join().unwrap();
        assert!(!(started && none_left), "it lives on in a runtime that is gone");
        assert_eq!(runtime.num_goroutine(), usize::from(started));
    });
}

/// The last goroutine ends on a worker, which goes to sleep, while somebody begins to wait for that: he
/// sees it or is told.
#[test]
fn the_end_of_the_last_goroutine_is_told() {
    loom::model(|| {
        let runtime = Runtime::new(1, 0);
        let wakes = Wakes::default();
        runtime.processor(0).count_start();
        let worker = {
            let worker = runtime.worker(0);
            thread::spawn(move || {
                worker.processor().count_end();
                worker.shared.idle.sleep(0, false);
                worker.shared.tell_if_last();
            })
        };
        let seen = runtime.poll_all_ended(&mut Context::from_waker(&wakes.waker())).is_ready();
        worker.join().unwrap();
        assert!(seen || wakes.count() == 1, "nobody is told of the end");
    });
}

/// A goroutine is started on one worker and ends on another one: whoever counts meanwhile never finds
/// fewer than there are.
#[test]
fn a_goroutine_that_ends_elsewhere_is_not_counted_twice() {
    loom::model(|| {
        let runtime = Runtime::new(2, 0);
        // The one that starts it, and stays.
        runtime.processor(0).count_start();
        let start = {
            let worker = runtime.worker(0);
            thread::spawn(move || {
                worker.processor().count_start();
                worker.schedule(item(0), true);
            })
        };
        let end = {
            let worker = runtime.worker(1);
            thread::spawn(move || {
                if worker.steal().is_some() {
                    worker.processor().count_end();
                }
            })
        };
        assert!(runtime.num_goroutine() >= 1, "it ended before it started");
        start.join().unwrap();
        end.join().unwrap();
    });
}

/// The monitor goes to sleep because every worker does, while one wakes: it sees that one, or is woken
/// by it.
#[test]
fn a_worker_wakes_beside_the_monitor_that_goes_to_sleep() {
    loom::model(|| {
        let runtime = Runtime::new(1, 0);
        runtime.idle.sleep(0, false);
        let worker = {
            let shared = Arc::clone(&runtime);
            thread::spawn(move || {
                shared.idle.wake(0);
                shared.wake_sysmon();
            })
        };
        sysmon::sleep_until_woken(&runtime);
        worker.join().unwrap();
    });
}

/// A worker goes to sleep while the monitor is in the driver: afterwards the worker waits there, and what ends such a
/// wait reaches it.
#[test]
fn a_worker_goes_to_sleep_beside_the_monitor_in_the_driver() {
    loom::model(|| {
        let runtime = Runtime::new(1, 0);
        let event = Arc::new(AtomicBool::new(false));
        let sleeper = {
            let (worker, event) = (runtime.worker(0), Arc::clone(&event));
            thread::spawn(move || {
                while !event.load(Ordering::Acquire) {
                    worker.sleep();
                }
            })
        };
        sysmon::turn_driver(&runtime, 0);
        event.store(true, Ordering::Release);
        runtime.driver.interrupt();
        sleeper.join().unwrap();
    });
}

/// A worker loses its place while it searches, goes to sleep, or has just been picked to look for the task
/// that comes from outside at the same moment: the task is run by its successor or by itself.
#[test]
fn a_worker_that_loses_its_place_takes_no_wake_up_with_it() {
    loom::model(|| {
        let runtime = Runtime::new(1, 1);
        let left = Arc::new(AtomicUsize::new(1));
        let started = [0, 1].map(|index| start(&runtime, index, &left));
        assert!(sysmon::abandon(&runtime, 0));
        runtime.schedule_outside(Chain::One(item(0)));
        started.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A worker goes to sleep, and another one after it, while it loses its place: it is told, although the other one is
/// picked to look for what it has left.
#[test]
fn a_worker_that_loses_its_place_as_it_goes_to_sleep_is_told() {
    loom::model(|| {
        let runtime = Runtime::new(2, 1);
        let sleeper = {
            let worker = runtime.worker(0);
            thread::spawn(move || {
                while !worker.processor().has_attention() {
                    worker.sleep();
                }
            })
        };
        runtime.idle.sleep(1, false);
        assert!(sysmon::abandon(&runtime, 0));
        sleeper.join().unwrap();
    });
}

/// A worker has lost its place and does not know yet: it is no worker that it relieves.
#[test]
fn an_abandoned_worker_does_not_relieve_itself() {
    loom::model(|| {
        let runtime = Runtime::new(1, 1);
        let worker = runtime.worker(0);
        (0..3).for_each(|n| worker.push_ring(item(n)));
        assert!(sysmon::abandon(&runtime, 0));
        worker.relieve();
        assert_all(runtime.rest(), 3);
    });
}

/// Two have lost their places and relieve each other: both find an end, and every task is somewhere.
#[test]
fn abandoned_workers_relieve_each_other_and_find_an_end() {
    loom::model(|| {
        let runtime = Runtime::new(2, 2);
        let workers = [0, 1].map(|index| {
            let worker = runtime.worker(index);
            worker.push_ring(item(index));
            assert!(sysmon::abandon(&runtime, index));
            worker
        });
        let [one, other] = workers;
        let started = thread::spawn(move || one.relieve());
        other.relieve();
        started.join().unwrap();
        assert_all(runtime.rest(), 2);
    });
}

/// More tasks than the ring has room for, while a thief looks for work: each is somewhere once, and none in the
/// global queue.
#[test]
fn tasks_that_overflow_beside_a_thief() {
    loom::model(|| {
        let runtime = Runtime::new(2, 0);
        let thief = {
            let worker = runtime.worker(1);
            thread::spawn(move || [worker.steal(), worker.steal()])
        };
        let worker = runtime.worker(0);
        (0..5).for_each(|n| worker.push_ring(item(n)));
        let mut got = Vec::from_iter(worker.take_spilled());
        got.extend(worker.processor().ring.pop());
        got.extend(thief.join().unwrap().into_iter().flatten());
        assert!(runtime.inject.is_empty());
        got.extend(runtime.rest());
        assert_all(got, 5);
    });
}

/// What overflowed a worker that is stuck: others steal it, or give it to all once the worker has lost its place, as
/// it does itself when it comes back.
#[test]
fn what_overflowed_a_stuck_worker() {
    let ways: [fn(&Worker, &Worker) -> Option<Item>; 3] = [
        |spare, _stuck| spare.steal(),
        |spare, _stuck| {
            spare.relieve();
            None
        },
        |_spare, stuck| {
            stuck.hand_over();
            None
        },
    ];
    for take in ways {
        loom::model(move || {
            let runtime = Runtime::new(1, 1);
            let [stuck, spare] = [0, 1].map(|index| runtime.worker(index));
            (0..5).for_each(|n| stuck.push_ring(item(n)));
            assert!(sysmon::abandon(&runtime, 0));
            assert!(spare.sees_work() && !stuck.processor().spill.is_empty());
            let mut got = Vec::from_iter(take(&spare, &stuck));
            assert!(stuck.processor().spill.is_empty(), "it stays where it is");
            got.extend(runtime.rest());
            assert_all(got, 5);
        });
    }
}
