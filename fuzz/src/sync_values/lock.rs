//! A mutex, with or without data: locks, selects of the lock and a channel, looks, releases, time passing.
//!
//! Two bytes an operation: what, and a choice. All is done by no goroutine or, without selects, by one. The model
//! knows of each poll whether it is ready, and of each future how often it has been woken.

use super::futures::Futures;
use super::line::Line;
use super::{Bytes, callback};
use gort::runtime::Builder;
use gort::sync::{Mutex, OwnedMutexGuard, RawMutex};
use gort::time::{self, Duration};
use gort::{Chan, select};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Operations of a program, few enough for the budget of one poll.
const MOST: usize = 256;

/// Runs `program` in one poll, where the clock stands still: in a goroutine or outside of any.
pub fn in_one_poll(in_goroutine: bool, program: impl FnOnce() + Send + 'static) {
    let runtime = Builder::new_current_thread().start_paused(true).build().expect("a runtime");
    let program = async move { program() };
    if !in_goroutine {
        runtime.block_on(program);
    } else if let Err(error) = runtime.block_on(runtime.handle().go(program)) {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Lets time pass, for the real clock and the model's.
pub fn pass(line: &mut Line, micros: u64) {
    line.now += micros;
    let advance = pin!(time::advance(Duration::from_micros(micros)));
    // Nobody sleeps, so that nobody has to run.
    let _pending = advance.poll(&mut Context::from_waker(Waker::noop()));
}

pub fn run(data: &[u8], how: usize) {
    let (data, raw, in_goroutine) = (data.to_vec(), how % 2 == 1, how / 2 % 2 == 1);
    in_one_poll(in_goroutine, move || {
        let world = World::new(raw, in_goroutine);
        let mut bytes = Bytes::new(&data);
        for _ in 0..MOST {
            if bytes.is_empty() {
                break;
            }
            world.op(bytes.below(16), usize::from(bytes.next()));
            world.check();
        }
        callback::forget();
        world.end();
    });
}

#[derive(Clone)]
enum Lock {
    Mutex(Arc<Mutex<u32>>),
    Raw(Arc<RawMutex>),
}

/// The lock, held.
enum Held {
    Guard(OwnedMutexGuard<u32>),
    Raw(Arc<RawMutex>),
}

impl Held {
    fn release(self) {
        match self {
            Held::Guard(mut guard) => *guard += 1,
            Held::Raw(mutex) => mutex.unlock(),
        }
    }
}

impl Lock {
    fn try_lock(&self) -> Option<Held> {
        match self {
            Lock::Mutex(mutex) => mutex.clone().try_lock_owned().ok().map(Held::Guard),
            Lock::Raw(mutex) => mutex.try_lock().then(|| Held::Raw(mutex.clone())),
        }
    }

    async fn lock(self) -> Option<Held> {
        Some(match self {
            Lock::Mutex(mutex) => Held::Guard(mutex.lock_owned().await),
            Lock::Raw(mutex) => {
                mutex.lock().await;
                Held::Raw(mutex)
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Waiting,
    /// A value was handed to it.
    Received,
}

/// What a poll has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Pending,
    Locked,
    Received,
}

#[derive(Default)]
struct Model {
    line: Line,
    /// Yield the lock, or none if they have received.
    futures: Futures<Option<Held>>,
    /// Selects, by number.
    selects: Vec<(usize, State)>,
    /// Those that wait for the channel.
    receivers: VecDeque<usize>,
    /// Values that were given back.
    returned: usize,
    held: Vec<Held>,
    released: u32,
}

impl Model {
    fn count_wakes(&mut self) {
        for id in std::mem::take(&mut self.line.wakes) {
            self.futures.wake(id);
        }
    }

    fn select(&mut self, id: usize) -> Option<&mut State> {
        self.selects.iter_mut().find(|select| select.0 == id).map(|(_, state)| state)
    }

    fn poll(&mut self, id: usize) -> Outcome {
        let state = self.select(id).copied();
        let locked = match state {
            None | Some(State::Waiting) => self.line.poll(id),
            Some(State::New) => self.line.come(id, true),
            Some(State::Received) => {
                self.line.leave(id);
                return Outcome::Received;
            }
        };
        if locked {
            self.receivers.retain(|other| *other != id);
            return Outcome::Locked;
        }
        if state == Some(State::New) {
            if self.returned > 0 {
                self.returned -= 1;
                self.line.leave(id);
                return Outcome::Received;
            }
            *self.select(id).expect("it is one") = State::Waiting;
            self.receivers.push_back(id);
        }
        Outcome::Pending
    }

    /// It is dropped.
    fn leave(&mut self, id: usize) {
        let received = self.select(id).is_some_and(|state| *state == State::Received);
        self.receivers.retain(|other| *other != id);
        self.line.leave(id);
        if received && !self.hand_over() {
            self.returned += 1;
        }
    }

    /// A value for the channel: whether somebody waits for it.
    fn hand_over(&mut self) -> bool {
        while let Some(id) = self.receivers.pop_front() {
            if self.line.decide(id) {
                *self.select(id).expect("it is one") = State::Received;
                self.futures.wake(id);
                return true;
            }
        }
        false
    }
}

struct World {
    lock: Lock,
    channel: Chan<u8>,
    model: RefCell<Model>,
}

impl World {
    fn new(raw: bool, one_goroutine: bool) -> Rc<Self> {
        let lock = if raw { Lock::Raw(Arc::default()) } else { Lock::Mutex(Arc::default()) };
        let line = Line::new(one_goroutine);
        let model = RefCell::new(Model { line, ..Model::default() });
        Rc::new(Self { lock, channel: Chan::new(0), model })
    }

    fn op(self: &Rc<Self>, what: usize, how: usize) {
        match what {
            0..=2 => self.start(false),
            3 => self.start(true),
            4..=7 => self.poll(how),
            8 => self.drop_one(how),
            9..=11 => self.release(),
            12 => self.look(),
            13 => pass(&mut self.model.borrow_mut().line, how as u64 % 8 * 200),
            14 => self.send(),
            _ => self.call_back(how),
        }
    }

    fn start(&self, select: bool) {
        let model = &mut *self.model.borrow_mut();
        let Some(id) = model.futures.next() else { return };
        match &self.lock {
            Lock::Mutex(mutex) if select && !model.line.one_goroutine => {
                let (mutex, channel) = (mutex.clone(), self.channel.clone());
                model.selects.push((id, State::New));
                model.futures.start(async move {
                    select! {
                        biased;
                        guard = mutex.lock_owned() => Some(Held::Guard(guard)),
                        _v = channel.next() => None,
                    }
                });
            }
            _ => model.futures.start(self.lock.clone().lock()),
        }
    }

    fn poll(&self, how: usize) {
        let mut model = self.model.borrow_mut();
        let Some(id) = model.futures.pick(how / 2) else { return };
        // A select that is polled with another waker starts anew.
        let waker = if model.select(id).is_some() { 0 } else { how % 2 };
        let (mut future, waker) = model.futures.lend(id, waker);
        let expected = model.poll(id);
        model.count_wakes();
        drop(model);
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut model = self.model.borrow_mut();
        let outcome = match &polled {
            Poll::Pending => Outcome::Pending,
            Poll::Ready(Some(_)) => Outcome::Locked,
            Poll::Ready(None) => Outcome::Received,
        };
        assert_eq!(outcome, expected, "future {id}");
        match polled {
            Poll::Pending => model.futures.keep(id, future),
            Poll::Ready(held) => {
                model.futures.remove(id);
                model.held.extend(held);
            }
        }
    }

    fn drop_one(&self, how: usize) {
        let mut model = self.model.borrow_mut();
        let Some(id) = model.futures.pick(how) else { return };
        model.leave(id);
        model.count_wakes();
        let future = model.futures.remove(id);
        drop(model);
        drop(future);
    }

    fn release(&self) {
        let mut model = self.model.borrow_mut();
        let Some(held) = model.held.pop() else { return };
        model.released += 1;
        model.line.release();
        model.count_wakes();
        drop(model);
        held.release();
    }

    fn look(&self) {
        let expected = self.model.borrow_mut().line.try_lock();
        let held = self.lock.try_lock();
        assert_eq!(held.is_some(), expected, "try_lock");
        self.model.borrow_mut().held.extend(held);
    }

    fn send(&self) {
        let expected = self.model.borrow_mut().hand_over();
        assert_eq!(self.channel.try_send(0).is_ok(), expected, "try_send");
    }

    /// The next waker uses the lock.
    fn call_back(self: &Rc<Self>, how: usize) {
        let world = self.clone();
        callback::set(move || match how % 4 {
            0 => world.look(),
            1 => world.release(),
            2 => world.drop_one(how / 4),
            _ => world.poll(how / 4),
        });
    }

    fn check(&self) {
        let model = self.model.borrow();
        model.futures.check();
        assert!(model.held.len() <= 1, "the lock is held twice");
    }

    fn end(&self) {
        while self.model.borrow().futures.pick(0).is_some() {
            self.drop_one(0);
            self.check();
        }
        self.release();
        let held = self.lock.try_lock();
        let released = self.model.borrow().released;
        match held.expect("nobody is left who holds it") {
            Held::Guard(guard) => assert_eq!(*guard, released, "the data is the holders'"),
            Held::Raw(mutex) => mutex.unlock(),
        }
    }
}
