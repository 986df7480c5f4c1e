//! Something that is done once: by one of those who call, or by a function that all poll until it has ended.
//!
//! Two bytes an operation: what, and a choice. Whoever does it has to be polled some times, and may panic or be
//! dropped. The model knows who does it, what each poll is, how often each caller is woken, and how often it was begun.

use super::futures::Futures;
use super::line::Line;
use super::lock::{in_one_poll, pass};
use super::{Bytes, callback, panics};
use gort::sync::{Once, OnceValue};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

const MOST: usize = 256;
/// What is computed.
const VALUE: u32 = 42;
const TEXT: &str = "it went wrong";

/// What is to be done.
#[derive(Clone, Copy)]
struct Work {
    /// How often it has to be polled before its end.
    left: usize,
    panics: bool,
    /// Before the first poll.
    at_once: bool,
}

impl Work {
    fn new(how: usize) -> Self {
        let (panics, at_once) = (how % 4 == 3, how % 8 == 7);
        Self { left: if at_once { 0 } else { how / 8 % 4 }, panics, at_once }
    }

    /// Begins it.
    fn call(self, begun: &AtomicUsize) -> Self {
        begun.fetch_add(1, Ordering::Relaxed);
        assert!(!self.at_once, "{TEXT}");
        self
    }
}

impl Future for Work {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u32> {
        if self.left > 0 {
            self.left -= 1;
            return Poll::Pending;
        }
        assert!(!self.panics, "{TEXT}");
        Poll::Ready(VALUE)
    }
}

pub fn run(data: &[u8], how: usize) {
    let (data, shared, in_goroutine) = (data.to_vec(), how % 2 == 1, how / 2 % 2 == 1);
    in_one_poll(in_goroutine, move || {
        let mut bytes = Bytes::new(&data);
        let work = shared.then(|| Work::new(usize::from(bytes.next())));
        let world = World::new(work, in_goroutine);
        for _ in 0..MOST {
            if bytes.is_empty() {
                break;
            }
            world.op(bytes.below(12), usize::from(bytes.next()));
            world.check();
        }
        callback::forget();
        world.end();
    });
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Not polled, or in line.
    Waits,
    /// Does it.
    Runs,
}

/// What a poll has to be.
#[derive(Debug, PartialEq)]
enum Outcome {
    Pending,
    Ready,
    Panic,
}

#[derive(Default)]
struct Model {
    line: Line,
    futures: Futures<u32>,
    /// What each caller brings along.
    callers: BTreeMap<usize, (State, Work)>,
    /// What all callers do, if it is theirs.
    shared: Option<Work>,
    /// How it ended.
    done: Option<Outcome>,
    begun: usize,
}

impl Model {
    fn poll(&mut self, id: usize) -> Outcome {
        let shared = self.shared.is_some();
        let (state, work) = self.callers.get_mut(&id).expect("it was picked");
        let work = self.shared.as_mut().unwrap_or(work);
        if *state == State::Waits {
            if let Some(done) = &self.done {
                self.line.leave(id);
                // A panic is repeated if the work was everybody's.
                let again = shared && *done == Outcome::Panic;
                return if again { Outcome::Panic } else { Outcome::Ready };
            }
            if !self.line.poll(id) {
                return Outcome::Pending;
            }
            *state = State::Runs;
            if !shared || self.begun == 0 {
                self.begun += 1;
            }
        }
        if work.left > 0 {
            work.left -= 1;
            return Outcome::Pending;
        }
        let outcome = || if work.panics { Outcome::Panic } else { Outcome::Ready };
        self.done = Some(outcome());
        self.line.release();
        outcome()
    }

    /// It is dropped.
    fn leave(&mut self, id: usize) {
        match self.callers.get(&id) {
            Some((State::Runs, _)) => self.line.release(),
            _ => self.line.leave(id),
        }
    }

    fn count_wakes(&mut self) {
        for id in std::mem::take(&mut self.line.wakes) {
            self.futures.wake(id);
        }
    }

    fn forget(&mut self, id: usize) -> Option<Pin<Box<dyn Future<Output = u32>>>> {
        self.callers.remove(&id);
        self.futures.remove(id)
    }
}

/// The real thing.
enum Real {
    Once(Arc<Once>),
    Value(OnceValue<u32>),
}

struct World {
    real: Real,
    begun: Arc<AtomicUsize>,
    model: RefCell<Model>,
}

impl World {
    fn new(shared: Option<Work>, one_goroutine: bool) -> Rc<Self> {
        let begun = Arc::new(AtomicUsize::new(0));
        let real = match shared {
            None => Real::Once(Arc::default()),
            Some(work) => {
                let begun = begun.clone();
                Real::Value(OnceValue::new(move || work.call(&begun)))
            }
        };
        let line = Line::new(one_goroutine);
        let model = RefCell::new(Model { line, shared, ..Model::default() });
        Rc::new(Self { real, begun, model })
    }

    fn op(self: &Rc<Self>, what: usize, how: usize) {
        match what {
            0..=2 => self.start(how),
            3..=7 => self.poll(how),
            8 | 9 => self.drop_one(how),
            10 => pass(&mut self.model.borrow_mut().line, how as u64 % 8 * 200),
            _ => self.call_back(how),
        }
    }

    fn start(&self, how: usize) {
        let model = &mut *self.model.borrow_mut();
        let Some(id) = model.futures.next() else { return };
        let work = Work::new(how);
        model.callers.insert(id, (State::Waits, work));
        match &self.real {
            Real::Once(once) => {
                let (once, begun) = (once.clone(), self.begun.clone());
                model.futures.start(async move {
                    let call = || {
                        let work = work.call(&begun);
                        async move { assert_eq!(work.await, VALUE) }
                    };
                    once.call_once(call).await;
                    VALUE
                });
            }
            Real::Value(value) => {
                let value = value.clone();
                model.futures.start(async move { *value.call().await });
            }
        }
    }

    fn poll(&self, how: usize) {
        let mut model = self.model.borrow_mut();
        let Some(id) = model.futures.pick(how / 2) else { return };
        let (mut future, waker) = model.futures.lend(id, how % 2);
        let expected = model.poll(id);
        model.count_wakes();
        drop(model);
        let mut poll = || future.as_mut().poll(&mut Context::from_waker(&waker));
        let polled =
            if expected == Outcome::Panic { panics::expect(TEXT, poll) } else { Some(poll()) };
        let outcome = match polled {
            None => Outcome::Panic,
            Some(Poll::Pending) => Outcome::Pending,
            Some(Poll::Ready(value)) => {
                assert_eq!(value, VALUE);
                Outcome::Ready
            }
        };
        assert_eq!(outcome, expected, "caller {id}");
        if outcome == Outcome::Pending {
            self.model.borrow_mut().futures.keep(id, future);
        } else {
            self.model.borrow_mut().forget(id);
        }
    }

    fn drop_one(&self, how: usize) {
        let mut model = self.model.borrow_mut();
        let Some(id) = model.futures.pick(how) else { return };
        model.leave(id);
        model.count_wakes();
        let future = model.forget(id);
        drop(model);
        drop(future);
    }

    /// The next waker polls or drops another caller.
    fn call_back(self: &Rc<Self>, how: usize) {
        let world = self.clone();
        callback::set(move || match how % 2 {
            0 => world.poll(how / 2),
            _ => world.drop_one(how / 2),
        });
    }

    fn check(&self) {
        let model = self.model.borrow();
        model.futures.check();
        assert_eq!(self.begun.load(Ordering::Relaxed), model.begun, "how often it was begun");
        match (&self.real, &model.done) {
            (Real::Once(once), done) => assert_eq!(once.is_completed(), done.is_some()),
            (Real::Value(_), Some(Outcome::Panic)) => {}
            (Real::Value(value), done) => assert_eq!(value.get().is_some(), done.is_some()),
        }
    }

    /// When all callers have gone, somebody else can do what is not done.
    fn end(&self) {
        while self.model.borrow().futures.pick(0).is_some() {
            self.drop_one(0);
            self.check();
        }
        self.start(0);
        while self.model.borrow().futures.pick(0).is_some() {
            self.poll(0);
            self.check();
        }
        assert!(self.model.borrow().done.is_some(), "the last one was held up");
    }
}
