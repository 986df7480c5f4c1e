//! `sync_ops`: a lock for readers and writers, a condition variable for it, and selects over both the lock and a
//! channel, beside a model of Go's phases.
//!
//! Two bytes an operation: what, and a choice. Futures are polled by hand, in any order, also when nobody woke
//! them, and dropped at any await. The model knows of each poll whether it is ready, and of each future how
//! often it has been woken.

use super::bytes::Bytes;
use gort::sync::{Cond, RwLock, RwLockReadGuard, RwLockWriteGuard};
use gort::{Chan, select};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// At most so many futures at a time.
const MOST: usize = 12;

#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is held.
enum Guard<'a> {
    Read(RwLockReadGuard<'a, u32>),
    Write(RwLockWriteGuard<'a, u32>),
}

/// What a future yields.
enum Out<'a> {
    Held(Guard<'a>),
    Received,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    /// A write and a receive.
    Select,
    /// A wait for the condition.
    Wait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not polled. A `Wait` holds the lock.
    New,
    /// In line for the condition.
    Waits,
    /// In line for the lock; a select perhaps for the channel only.
    Queued,
    /// The lock is its own.
    Granted,
    /// The condition was signalled.
    Told,
    /// A value was handed to it.
    Received,
}

/// One future, and what the model thinks of it.
struct One<'a> {
    id: usize,
    future: Pin<Box<dyn Future<Output = Out<'a>> + 'a>>,
    count: Arc<Count>,
    kind: Kind,
    state: State,
    wakes: usize,
    /// Of a `Wait`: its ticket, and the signal that it was given and has not used.
    ticket: u64,
    signal: Option<u64>,
}

impl One<'_> {
    fn writes(&self) -> bool {
        self.kind != Kind::Read
    }
}

#[derive(Default)]
struct Model<'a> {
    all: Vec<One<'a>>,
    readers: usize,
    /// A writer holds the lock, is granted it, or is announced.
    writer: bool,
    draining: bool,
    queued_readers: VecDeque<usize>,
    queued_writers: VecDeque<usize>,
    /// Selects that wait for the channel.
    receivers: VecDeque<usize>,
    /// Values that were given back.
    returned: usize,
    /// In line for the condition.
    waiting: VecDeque<usize>,
    number: u64,
}

impl<'a> Model<'a> {
    fn one(&mut self, id: usize) -> &mut One<'a> {
        self.all.iter_mut().find(|one| one.id == id).expect("it is there")
    }

    /// Tells a waiter; false if it is a select that has been told something else.
    fn tell(&mut self, id: usize, state: State) -> bool {
        let one = self.one(id);
        let from = if state == State::Told { State::Waits } else { State::Queued };
        let told = one.state == from;
        if told {
            one.state = state;
            one.wakes += 1;
        }
        told
    }

    fn enter(&mut self, writes: bool) -> bool {
        let free = !self.writer && (!writes || self.readers == 0);
        match (free, writes) {
            (true, true) => self.writer = true,
            (true, false) => self.readers += 1,
            _ => {}
        }
        free
    }

    fn queue(&mut self, id: usize, writes: bool) {
        if writes {
            self.queued_writers.push_back(id);
            if !self.writer {
                self.writer = true;
                self.draining = true;
            }
        } else {
            self.queued_readers.push_back(id);
        }
    }

    fn end_phase(&mut self) {
        while let Some(id) = self.queued_readers.pop_front() {
            if self.tell(id, State::Granted) {
                self.readers += 1;
            }
        }
        if self.queued_writers.is_empty() {
            self.writer = false;
        } else {
            self.draining = true;
            self.advance();
        }
    }

    fn advance(&mut self) {
        if !self.draining || self.readers != 0 {
            return;
        }
        self.draining = false;
        while let Some(id) = self.queued_writers.pop_front() {
            if self.tell(id, State::Granted) {
                return;
            }
        }
        self.end_phase();
    }

    fn release(&mut self, writes: bool) {
        if writes {
            self.end_phase();
        } else {
            self.readers -= 1;
            self.advance();
        }
    }

    /// Takes a future out of the queues of the lock.
    fn leave(&mut self, id: usize) {
        self.queued_readers.retain(|other| *other != id);
        self.queued_writers.retain(|other| *other != id);
        if self.draining && self.queued_writers.is_empty() {
            self.draining = false;
            self.end_phase();
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

    fn signal(&mut self, signal: u64) -> bool {
        let first = self
            .waiting
            .iter()
            .copied()
            .find(|&id| self.all.iter().any(|one| one.id == id && one.ticket < signal));
        let Some(id) = first else { return false };
        self.waiting.retain(|other| *other != id);
        assert!(self.tell(id, State::Told));
        self.one(id).signal = Some(signal);
        true
    }

    fn number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// What a poll does; true if it is ready.
    fn poll(&mut self, id: usize) -> bool {
        let one = self.one(id);
        let (kind, writes, state) = (one.kind, one.writes(), one.state);
        match (kind, state) {
            (Kind::Wait, State::New) => {
                let number = self.number();
                let one = self.one(id);
                (one.ticket, one.state) = (number, State::Waits);
                self.waiting.push_back(id);
                self.release(true);
                false
            }
            (_, State::New | State::Told) => {
                if self.enter(writes) {
                    return true;
                }
                if kind == Kind::Select && self.returned > 0 {
                    self.returned -= 1;
                    self.one(id).state = State::Received;
                    return true;
                }
                self.one(id).state = State::Queued;
                self.queue(id, writes);
                if kind == Kind::Select {
                    self.receivers.push_back(id);
                }
                false
            }
            (_, State::Waits | State::Queued) => false,
            (_, State::Granted) => {
                self.receivers.retain(|other| *other != id);
                true
            }
            (_, State::Received) => {
                self.leave(id);
                true
            }
        }
    }

    /// What dropping it does.
    fn drop_one(&mut self, id: usize) {
        let one = self.one(id);
        let (kind, writes, state, signal) = (one.kind, one.writes(), one.state, one.signal);
        self.waiting.retain(|other| *other != id);
        self.receivers.retain(|other| *other != id);
        match state {
            State::New if kind == Kind::Wait => self.release(true),
            State::Granted => self.release(writes),
            State::Queued => self.leave(id),
            State::Received => {
                self.leave(id);
                if !self.hand_over() {
                    self.returned += 1;
                }
            }
            State::New | State::Waits | State::Told => {}
        }
        if let Some(signal) = signal {
            self.signal(signal);
        }
    }

    fn check(&self) {
        for one in &self.all {
            let woken = one.count.0.load(Ordering::Relaxed);
            assert_eq!(woken, one.wakes, "{:?} that is {:?}", one.kind, one.state);
        }
    }
}

struct Objects {
    lock: RwLock<u32>,
    cond: Cond,
    channel: Chan<u8>,
}

struct Run<'a> {
    objects: &'a Objects,
    model: Model<'a>,
    held: Vec<Guard<'a>>,
    made: usize,
}

impl<'a> Run<'a> {
    fn start(&mut self, kind: Kind) {
        let Objects { lock, cond, channel } = self.objects;
        if self.model.all.len() == MOST {
            return;
        }
        let future: Pin<Box<dyn Future<Output = Out<'a>> + 'a>> = match kind {
            Kind::Read => Box::pin(async { Out::Held(Guard::Read(lock.read().await)) }),
            Kind::Write => Box::pin(async { Out::Held(Guard::Write(lock.write().await)) }),
            Kind::Select => Box::pin(async {
                select! {
                    biased;
                    guard = lock.write() => Out::Held(Guard::Write(guard)),
                    _v = channel.next() => Out::Received,
                }
            }),
            Kind::Wait => {
                let at = self.held.iter().position(|guard| matches!(guard, Guard::Write(_)));
                let Some(Guard::Write(guard)) = at.map(|at| self.held.swap_remove(at)) else {
                    return;
                };
                let wait = cond.wait(guard);
                Box::pin(async { Out::Held(Guard::Write(wait.await)) })
            }
        };
        let (id, count) = (self.made, Arc::default());
        self.made += 1;
        let (state, wakes, ticket, signal) = (State::New, 0, 0, None);
        self.model.all.push(One { id, future, count, kind, state, wakes, ticket, signal });
    }

    fn poll(&mut self, at: usize) {
        let id = self.model.all[at].id;
        let ready = self.model.poll(id);
        let one = &mut self.model.all[at];
        let received = one.state == State::Received;
        let waker = Waker::from(Arc::clone(&one.count));
        let polled = one.future.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(polled.is_ready(), ready, "{:?} that is {:?}", one.kind, one.state);
        let Poll::Ready(out) = polled else { return };
        match out {
            Out::Held(guard) => {
                assert!(!received, "it has the lock, not the value");
                self.held.push(guard);
            }
            Out::Received => assert!(received, "it has the value, not the lock"),
        }
        self.model.all.swap_remove(at);
    }

    fn drop_one(&mut self, at: usize) {
        let id = self.model.all[at].id;
        self.model.drop_one(id);
        self.model.all.swap_remove(at);
    }

    fn release(&mut self, how: usize) {
        if self.held.is_empty() {
            return;
        }
        let guard = self.held.swap_remove(how % self.held.len());
        self.model.release(matches!(guard, Guard::Write(_)));
        match guard {
            Guard::Read(guard) => drop(guard),
            Guard::Write(mut guard) => *guard += 1,
        }
    }

    fn downgrade(&mut self) {
        let Some(at) = self.held.iter().position(|guard| matches!(guard, Guard::Write(_))) else {
            return;
        };
        if let Guard::Write(guard) = self.held.swap_remove(at) {
            self.model.readers += 1;
            self.model.end_phase();
            self.held.push(Guard::Read(guard.downgrade()));
        }
    }

    fn write_now(&mut self) {
        let guard = self.objects.lock.try_write().ok();
        assert_eq!(guard.is_some(), self.model.enter(true), "try_write");
        self.held.extend(guard.map(Guard::Write));
    }

    fn op(&mut self, what: usize, how: usize) {
        let Objects { lock, cond, channel } = self.objects;
        let any = (!self.model.all.is_empty()).then(|| how % self.model.all.len());
        match (what, any) {
            (0, _) => self.start(Kind::Read),
            (1, _) => self.start(Kind::Write),
            (2, _) => self.start(Kind::Select),
            (3, _) => {
                self.write_now();
                self.start(Kind::Wait);
            }
            (4..=7, Some(at)) => self.poll(at),
            (8, Some(at)) => self.drop_one(at),
            (9 | 10, _) => self.release(how),
            (11, _) => self.downgrade(),
            (12, _) => {
                let guard = lock.try_read().ok();
                assert_eq!(guard.is_some(), self.model.enter(false), "try_read");
                self.held.extend(guard.map(Guard::Read));
            }
            (13, _) => self.write_now(),
            (14, _) => {
                let signal = self.model.number();
                if how % 4 == 0 {
                    cond.broadcast();
                    while self.model.signal(signal) {}
                } else {
                    cond.signal();
                    self.model.signal(signal);
                }
            }
            (15, _) => {
                let sent = channel.try_send(0).is_ok();
                assert_eq!(sent, self.model.hand_over(), "try_send");
            }
            _ => {}
        }
        self.model.check();
    }
}

pub fn run(data: &[u8]) {
    let objects = Objects { lock: RwLock::new(0), cond: Cond::new(), channel: Chan::new(0) };
    let mut run = Run { objects: &objects, model: Model::default(), held: Vec::new(), made: 0 };
    let mut bytes = Bytes::new(data);
    while !bytes.is_empty() {
        let (what, how) = (bytes.below(16), usize::from(bytes.next()));
        run.op(what, how);
    }
    while !run.model.all.is_empty() {
        run.drop_one(0);
        run.model.check();
    }
    while !run.held.is_empty() {
        run.release(0);
    }
    assert!(objects.lock.try_write().is_ok(), "somebody holds it who is gone");
}
