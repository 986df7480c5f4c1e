//! A wait group: a counter, guards, waits, and selects of a wait and a channel.
//!
//! Two bytes an operation: what, and a choice. The model knows which change panics, of each poll whether it is ready,
//! of each future how often it has been woken, and how many wait.

use super::futures::Futures;
use super::{Bytes, callback, panics};
use gort::sync::{DoneGuard, WaitGroup};
use gort::{Chan, select};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Poll};

const NEGATIVE: &str = "sync: negative WaitGroup counter";
const REUSED: &str = "sync: WaitGroup is reused before previous Wait has returned";

/// So many are told at a time. Between two such times wakers run, and may decide a select that has not been told yet.
const TOLD_AT_ONCE: usize = 16;

/// By how much the counter changes.
const DELTAS: [i32; 16] = [1, 1, 1, 1, 2, 3, -1, -1, -1, -1, -1, -2, -3, 0, i32::MAX, i32::MIN];

pub fn run(data: &[u8]) {
    let channel = Chan::new(0);
    let world = Rc::new(World { group: WaitGroup::new(), channel, model: RefCell::default() });
    let mut bytes = Bytes::new(data);
    while !bytes.is_empty() {
        world.op(bytes.below(14), usize::from(bytes.next()));
        world.check();
    }
    callback::forget();
    world.end();
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    New,
    Waiting,
    /// The counter has come to zero.
    Woken,
    /// A select that was handed a value.
    Received,
}

/// What a poll has to be.
#[derive(Debug, PartialEq)]
enum Outcome {
    Pending,
    Waited,
    Received,
    /// The group is in use again.
    Panic,
}

#[derive(Default)]
struct Model {
    counter: i32,
    /// Yield whether they have waited for the group; a select may have received instead.
    futures: Futures<bool>,
    states: BTreeMap<usize, State>,
    selects: Vec<usize>,
    /// Those that the group counts.
    counted: Vec<usize>,
    /// Those whose wait is over and who have not been told yet.
    untold: VecDeque<usize>,
    /// Selects that wait for the channel.
    receivers: VecDeque<usize>,
    /// Values that were given back.
    returned: usize,
    guards: Vec<DoneGuard>,
}

impl Model {
    fn state(&mut self, id: usize) -> &mut State {
        self.states.get_mut(&id).expect("it is there")
    }

    /// Tells it something unless it has been told something else.
    fn tell(&mut self, id: usize, what: State) -> bool {
        let waits = *self.state(id) == State::Waiting;
        if waits {
            *self.state(id) = what;
            self.futures.wake(id);
        }
        waits
    }

    /// Changes the counter; false if that is a panic. At zero, tells the first of those who wait.
    fn change(&mut self, delta: i32) -> bool {
        self.counter = self.counter.wrapping_add(delta);
        if self.counter == 0 {
            self.untold.extend(self.counted.drain(..));
            self.tell_next(TOLD_AT_ONCE);
        }
        self.counter >= 0
    }

    /// Tells so many of those whose wait is over.
    fn tell_next(&mut self, count: usize) {
        let mut told = 0;
        while told < count {
            let Some(id) = self.untold.pop_front() else { break };
            told += usize::from(self.tell(id, State::Woken));
        }
    }

    fn poll(&mut self, id: usize) -> Outcome {
        let (select, state) = (self.selects.contains(&id), *self.state(id));
        match state {
            State::New if self.counter == 0 => Outcome::Waited,
            State::New if select && self.returned > 0 => {
                self.returned -= 1;
                Outcome::Received
            }
            State::New => {
                *self.state(id) = State::Waiting;
                self.counted.push(id);
                self.receivers.extend(select.then_some(id));
                Outcome::Pending
            }
            State::Waiting => Outcome::Pending,
            State::Woken => {
                self.receivers.retain(|other| *other != id);
                if self.counter == 0 { Outcome::Waited } else { Outcome::Panic }
            }
            State::Received => {
                self.counted.retain(|other| *other != id);
                Outcome::Received
            }
        }
    }

    /// It is dropped.
    fn leave(&mut self, id: usize) {
        self.counted.retain(|other| *other != id);
        self.untold.retain(|other| *other != id);
        self.receivers.retain(|other| *other != id);
        if *self.state(id) == State::Received && !self.hand_over() {
            self.returned += 1;
        }
    }

    /// A value for the channel: whether somebody waits for it.
    fn hand_over(&mut self) -> bool {
        while let Some(id) = self.receivers.pop_front() {
            if self.tell(id, State::Received) {
                return true;
            }
        }
        false
    }
}

struct World {
    group: WaitGroup,
    channel: Chan<u8>,
    model: RefCell<Model>,
}

impl World {
    fn op(self: &Rc<Self>, what: usize, how: usize) {
        match what {
            0 => drop(self.start(false)),
            1 => (0..=how % 20).for_each(|_| self.wait(false)),
            2 => drop(self.start(true)),
            3..=6 => self.poll(how),
            7 => self.drop_one(how),
            8 | 9 => self.add(DELTAS[how % DELTAS.len()]),
            10 => self.add_with_guard(),
            11 => self.drop_guard(),
            12 => self.send(),
            _ => self.call_back(how),
        }
    }

    fn start(&self, select: bool) -> Option<usize> {
        let model = &mut *self.model.borrow_mut();
        let id = model.futures.next()?;
        let group = self.group.clone();
        model.states.insert(id, State::New);
        if select {
            let channel = self.channel.clone();
            model.selects.push(id);
            model.futures.start(async move {
                select! {
                    biased;
                    () = group.wait() => true,
                    _v = channel.next() => false,
                }
            });
        } else {
            model.futures.start(async move {
                group.wait().await;
                true
            });
        }
        Some(id)
    }

    /// Starts one and polls it.
    fn wait(&self, select: bool) {
        if let Some(id) = self.start(select) {
            self.poll_this(id, 0);
        }
    }

    fn poll(&self, how: usize) {
        let id = self.model.borrow().futures.pick(how / 2);
        if let Some(id) = id {
            self.poll_this(id, how % 2);
        }
    }

    fn poll_this(&self, id: usize, waker: usize) {
        let mut model = self.model.borrow_mut();
        // A select that is polled with another waker starts anew.
        let waker = if model.selects.contains(&id) { 0 } else { waker };
        let (mut future, waker) = model.futures.lend(id, waker);
        let expected = model.poll(id);
        drop(model);
        let mut poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
        let polled =
            if expected == Outcome::Panic { panics::expect(REUSED, poll) } else { Some(poll()) };
        let outcome = match polled {
            None => Outcome::Panic,
            Some(Poll::Pending) => Outcome::Pending,
            Some(Poll::Ready(true)) => Outcome::Waited,
            Some(Poll::Ready(false)) => Outcome::Received,
        };
        assert_eq!(outcome, expected, "future {id}");
        let futures = &mut self.model.borrow_mut().futures;
        if outcome == Outcome::Pending {
            futures.keep(id, future);
        } else {
            futures.remove(id);
        }
    }

    fn drop_one(&self, how: usize) {
        let mut model = self.model.borrow_mut();
        let Some(id) = model.futures.pick(how) else { return };
        model.leave(id);
        let future = model.futures.remove(id);
        drop(model);
        drop(future);
    }

    fn add(&self, delta: i32) {
        let fine = self.model.borrow_mut().change(delta);
        if fine {
            self.group.add(delta);
        } else {
            assert!(panics::expect(NEGATIVE, || self.group.add(delta)).is_none(), "add({delta})");
        }
        self.model.borrow_mut().tell_next(usize::MAX);
    }

    fn add_with_guard(&self) {
        self.add(1);
        let guard = self.group.guard();
        self.model.borrow_mut().guards.push(guard);
    }

    fn drop_guard(&self) {
        let mut model = self.model.borrow_mut();
        let Some(guard) = model.guards.pop() else { return };
        let fine = model.change(-1);
        drop(model);
        if fine {
            drop(guard);
        } else {
            assert!(panics::expect(NEGATIVE, || drop(guard)).is_none(), "the guard's `done`");
        }
        self.model.borrow_mut().tell_next(usize::MAX);
    }

    fn send(&self) {
        let expected = self.model.borrow_mut().hand_over();
        assert_eq!(self.channel.try_send(0).is_ok(), expected, "try_send");
    }

    /// The next waker uses the group.
    fn call_back(self: &Rc<Self>, how: usize) {
        let world = self.clone();
        callback::set(move || match how % 3 {
            0 => world.add(1),
            1 => world.drop_one(how / 3),
            _ => {
                world.add(1);
                world.wait(how % 2 == 1);
            }
        });
    }

    fn check(&self) {
        let model = self.model.borrow();
        model.futures.check();
        let (counter, waiters) = (model.counter, model.counted.len());
        let expected = format!("WaitGroup {{ counter: {counter}, waiters: {waiters} }}");
        assert_eq!(format!("{:?}", self.group), expected);
    }

    fn end(&self) {
        while self.model.borrow().futures.pick(0).is_some() {
            self.drop_one(0);
            self.check();
        }
        while !self.model.borrow().guards.is_empty() {
            self.drop_guard();
        }
        let rest = self.model.borrow().counter;
        self.add(rest.wrapping_neg());
        self.group.blocking_wait();
    }
}
