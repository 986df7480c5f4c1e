//! `timers`: times of every kind on a clock that is moved by hand.
//!
//! Each operation has three bytes: what, which, and how long or how. There are timers, tickers, `after`,
//! functions and sleeps; receives that are started, polled and dropped; stops, resets, looks, and the
//! passing of time.
//!
//! The oracle is a map of what is due when. After each operation: what it yielded, whether a stop or a reset
//! came in time, how often each waker was woken, and how often each function ran must be equal.

use super::bytes::Bytes;
use gort::Receiver;
use gort::runtime::Builder;
use gort::time::{self, Duration, Instant, Ticker, Timer};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// More of either kind are not made.
const SOURCES: usize = 6;
const WAITS: usize = 12;

pub fn run(data: &[u8]) {
    let runtime = Builder::new_current_thread().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut bytes = Bytes::new(data);
        let mut world = World { start: Instant::now(), ..World::default() };
        while !bytes.is_empty() {
            world.step(bytes.below(14), usize::from(bytes.next()), bytes.below(12)).await;
            world.check();
        }
    });
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn millis(n: usize) -> Duration {
    Duration::from_millis(n as u64)
}

enum Kind {
    Timer(Timer),
    Ticker(Ticker),
    After(Receiver<Instant>),
    /// With how often it has run.
    Func(Timer, Arc<Count>),
    Sleep,
}

/// A time in the real world, and what is known of it.
struct Source {
    kind: Kind,
    /// 0: it comes once.
    period: usize,
    /// Waits, by index, in the order in which they get values.
    line: Vec<usize>,
    /// Values of receives that were dropped, by the number of the match, oldest first.
    returned: BTreeMap<usize, usize>,
    matches: usize,
    runs: usize,
}

impl Source {
    fn channel(&self) -> Option<&Receiver<Instant>> {
        match &self.kind {
            Kind::Timer(timer) => Some(timer.c()),
            Kind::Ticker(ticker) => Some(ticker.c()),
            Kind::After(rx) => Some(rx),
            Kind::Func(..) | Kind::Sleep => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Not in line: new, or what it had was taken back.
    Fresh,
    /// In line.
    Waiting,
    /// Has number so and so, of this time.
    Matched(usize, usize),
}

type Future1 = Pin<Box<dyn Future<Output = Instant>>>;

struct Wait {
    source: usize,
    future: Future1,
    count: Arc<Count>,
    state: State,
    wakes: usize,
    /// It would be woken.
    armed: bool,
}

#[derive(Default)]
struct World {
    start: Instant,
    now: usize,
    sources: Vec<Source>,
    waits: BTreeMap<usize, Wait>,
    made: usize,
    /// What is due next: the time of each source, and its source.
    due: BTreeMap<(usize, usize), ()>,
}

impl World {
    async fn step(&mut self, what: usize, which: usize, how: usize) {
        let source = which.checked_rem(self.sources.len());
        let wait = which.checked_rem(self.waits.len());
        let wait = wait.and_then(|n| self.waits.keys().nth(n).copied());
        match (what, source, wait) {
            (0..=1, _, _) if self.sources.len() < SOURCES => self.make(which, how),
            (2, Some(source), _) => self.stop(source),
            (3, Some(source), _) => self.reset(source, how),
            (4, Some(source), _) => self.look(source),
            (5..=6, Some(source), _) if self.waits.len() < WAITS => self.wait(source),
            (7, _, Some(wait)) => self.poll(wait),
            (8, _, Some(wait)) => self.give_up(wait),
            (9..=13, _, _) => {
                time::advance(millis(how)).await;
                self.now += how;
                self.fire();
            }
            _ => {}
        }
    }

    fn check(&self) {
        for wait in self.waits.values() {
            assert_eq!(wait.count.get(), wait.wakes, "wakes");
        }
        for source in &self.sources {
            if let Kind::Func(_, count) = &source.kind {
                assert_eq!(count.get(), source.runs, "runs");
            }
        }
    }

    // The map.

    fn next(&self, source: usize) -> Option<usize> {
        self.due.keys().find(|(_, s)| *s == source).map(|(at, _)| *at)
    }

    /// Returns whether there was a next time.
    fn set(&mut self, source: usize, next: Option<usize>) -> bool {
        let before = self.next(source);
        if let Some(at) = before {
            self.due.remove(&(at, source));
        }
        if let Some(at) = next {
            self.due.insert((at, source), ());
        }
        before.is_some()
    }

    fn ready(&self, source: usize) -> Option<usize> {
        self.next(source).filter(|at| *at <= self.now)
    }

    /// The time that is ready has been received: the next one is the first of its phase that has not
    /// come.
    fn pass(&mut self, source: usize) {
        let (period, at) = (self.sources[source].period, self.next(source).expect("it is ready"));
        let next = (period > 0).then(|| (1..).map(|n| at + n * period).find(|at| *at > self.now));
        self.set(source, next.flatten());
    }

    fn instant(&self, at: usize) -> Instant {
        self.start + millis(at)
    }

    // What happens.

    /// Gives the time that is ready to the first in line.
    fn pump(&mut self, source: usize) {
        let Some(at) = self.ready(source) else { return };
        if self.sources[source].line.is_empty() {
            return;
        }
        let wait = self.sources[source].line.remove(0);
        let number = self.sources[source].matches;
        self.sources[source].matches += 1;
        self.hand_over(wait, number, at);
        self.pass(source);
    }

    fn hand_over(&mut self, wait: usize, number: usize, at: usize) {
        let wait = self.waits.get_mut(&wait).expect("it is in line");
        wait.state = State::Matched(number, at);
        wait.wakes += usize::from(std::mem::take(&mut wait.armed));
    }

    fn fire(&mut self) {
        let due: Vec<_> = self.due.keys().copied().take_while(|(at, _)| *at <= self.now).collect();
        for (_, source) in due {
            match self.sources[source].kind {
                Kind::Func(..) => {
                    self.sources[source].runs += 1;
                    self.pass(source);
                }
                Kind::Sleep => {
                    for wait in self.waits.values_mut().filter(|wait| wait.source == source) {
                        wait.wakes += usize::from(std::mem::take(&mut wait.armed));
                    }
                }
                _ => self.pump(source),
            }
        }
    }

    /// What a receive would yield now that is not in line.
    fn take(&mut self, source: usize) -> Option<usize> {
        if let Some((_, at)) = self.sources[source].returned.pop_first() {
            if self.ready(source).is_some() {
                self.pass(source);
            }
            return Some(at);
        }
        self.pump(source);
        let at = self.ready(source)?;
        self.pass(source);
        Some(at)
    }

    /// Takes back what nobody has seen. Returns whether there was something.
    fn recall(&mut self, source: usize) -> bool {
        let mut unseen = !std::mem::take(&mut self.sources[source].returned).is_empty();
        for wait in self.waits.values_mut().filter(|wait| wait.source == source) {
            if let State::Matched(..) = wait.state {
                wait.state = State::Fresh;
                unseen = true;
            }
        }
        unseen
    }

    // Both worlds.

    fn make(&mut self, which: usize, how: usize) {
        let (source, mut period, mut at) = (self.sources.len(), 0, self.now + how);
        let kind = match which % 5 {
            0 => Kind::Timer(Timer::new(millis(how))),
            1 => {
                period = how.max(1);
                at = self.now + period;
                Kind::Ticker(Ticker::new(millis(period)))
            }
            2 => Kind::After(time::after(millis(how))),
            3 => {
                let count = Arc::<Count>::default();
                let runs = count.clone();
                let f = move || {
                    runs.0.fetch_add(1, Ordering::Relaxed);
                    std::future::ready(())
                };
                Kind::Func(time::after_func(millis(how), f), count)
            }
            _ => Kind::Sleep,
        };
        let (line, returned) = (Vec::new(), BTreeMap::new());
        self.sources.push(Source { kind, period, line, returned, matches: 0, runs: 0 });
        self.set(source, Some(at));
    }

    fn stop(&mut self, source: usize) {
        if matches!(self.sources[source].kind, Kind::After(_) | Kind::Sleep) {
            return;
        }
        let unseen = self.recall(source);
        let stopped = self.set(source, None) || unseen;
        match &self.sources[source].kind {
            Kind::Timer(timer) | Kind::Func(timer, _) => assert_eq!(timer.stop(), stopped, "stop"),
            Kind::Ticker(ticker) => ticker.stop(),
            Kind::After(_) | Kind::Sleep => {}
        }
    }

    fn reset(&mut self, source: usize, how: usize) {
        if matches!(self.sources[source].kind, Kind::After(_) | Kind::Sleep) {
            return;
        }
        let ticks = matches!(self.sources[source].kind, Kind::Ticker(_));
        let how = if ticks { how.max(1) } else { how };
        let unseen = self.recall(source);
        let in_time = self.set(source, Some(self.now + how)) || unseen;
        match &self.sources[source].kind {
            Kind::Timer(timer) | Kind::Func(timer, _) => {
                assert_eq!(timer.reset(millis(how)), in_time, "reset");
            }
            Kind::Ticker(ticker) => ticker.reset(millis(how)),
            Kind::After(_) | Kind::Sleep => {}
        }
        if ticks {
            self.sources[source].period = how;
        }
    }

    fn look(&mut self, source: usize) {
        let Some(rx) = self.sources[source].channel().cloned() else { return };
        let at = self.take(source).map(|at| self.instant(at));
        assert_eq!(rx.try_recv().ok(), at, "a look");
        assert_eq!((rx.len(), rx.capacity(), rx.is_closed()), (0, 0, false));
    }

    fn wait(&mut self, source: usize) {
        let future: Future1 = match (&self.sources[source].kind, self.sources[source].channel()) {
            (_, Some(rx)) => {
                let rx = rx.clone();
                Box::pin(async move { rx.recv().await })
            }
            (Kind::Sleep, _) => {
                let Some(until) = self.next(source).map(|at| self.instant(at)) else { return };
                Box::pin(async move {
                    time::sleep_until(until).await;
                    until
                })
            }
            _ => return,
        };
        let (count, state) = (Arc::default(), State::Fresh);
        let wait = Wait { source, future, count, state, wakes: 0, armed: false };
        self.waits.insert(self.made, wait);
        self.made += 1;
        self.poll(self.made - 1);
    }

    fn poll(&mut self, id: usize) {
        let (source, state) = (self.waits[&id].source, self.waits[&id].state);
        let expected = match state {
            _ if matches!(self.sources[source].kind, Kind::Sleep) => self.ready(source),
            State::Fresh => self.take(source),
            State::Waiting => None,
            State::Matched(_, at) => Some(at),
        };
        if state == State::Fresh && expected.is_none() {
            self.waits.get_mut(&id).expect("it is there").state = State::Waiting;
            self.sources[source].line.push(id);
        }
        let expected = expected.map(|at| self.instant(at));
        let wait = self.waits.get_mut(&id).expect("it is there");
        let waker = Waker::from(wait.count.clone());
        match wait.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(at) => {
                assert_eq!(Some(at), expected, "a receive");
                self.waits.remove(&id);
                self.sources[source].line.retain(|other| *other != id);
            }
            Poll::Pending => {
                assert_eq!(None, expected, "a receive that waits");
                wait.armed = true;
            }
        }
    }

    fn give_up(&mut self, id: usize) {
        let wait = self.waits.remove(&id).expect("it is there");
        let source = wait.source;
        self.sources[source].line.retain(|other| *other != id);
        if let State::Matched(number, at) = wait.state {
            if self.sources[source].line.is_empty() {
                self.sources[source].returned.insert(number, at);
            } else {
                let next = self.sources[source].line.remove(0);
                self.hand_over(next, number, at);
            }
        }
        drop(wait);
    }
}
