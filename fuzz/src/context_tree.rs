//! `context_tree`: a tree of contexts beside a naive one.
//!
//! Each operation has three bytes: what, which context, and a number. All happens on one thread, in a runtime
//! whose clock is moved by hand, so that the model knows what comes of each.

use super::bytes::Bytes;
use gort::Receiver;
use gort::context::{
    Cancel, Context, Error, Stop, after_func, background, with_cancel, with_deadline_cause,
    with_value, without_cancel,
};
use gort::runtime::{Builder, gosched, num_goroutine};
use gort::sync::CancellationToken;
use gort::time::{Duration, Instant, sleep};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a context with a value holds: a number, and something that counts how many there are.
struct Value(u8, #[expect(dead_code, reason = "it is counted")] Arc<()>);

const SECOND: Duration = Duration::from_secs(1);

// The model.

/// How a context has ended: in which way, and in whose words.
type End = (Error, String);

enum Kind {
    /// With a time at which it ends, and the cause.
    Scope(Option<(Instant, String)>),
    Value(u8),
    WithoutCancel,
}

struct Node {
    above: Option<usize>,
    kind: Kind,
    end: Option<End>,
}

/// What Go's contexts would do, found by looking at all of them each time.
#[derive(Default)]
struct Model(Vec<Node>);

impl Model {
    fn path(&self, from: Option<usize>) -> impl Iterator<Item = (usize, &Node)> {
        let node = |index: usize| (index, &self.0[index]);
        std::iter::successors(from.map(node), move |(_, below)| below.above.map(node))
    }

    /// The scope that a context ends with.
    fn scope(&self, of: Option<usize>) -> Option<usize> {
        let found = self.path(of).find(|(_, node)| !matches!(node.kind, Kind::Value(_)))?;
        matches!(found.1.kind, Kind::Scope(_)).then_some(found.0)
    }

    fn end(&self, of: Option<usize>) -> Option<&End> {
        self.0[self.scope(of)?].end.as_ref()
    }

    fn deadline(&self, of: Option<usize>) -> Option<Instant> {
        let mut visible = self.path(of).take_while(|(_, n)| !matches!(n.kind, Kind::WithoutCancel));
        visible.find_map(|(_, node)| match &node.kind {
            Kind::Scope(Some((at, _))) => Some(*at),
            _ => None,
        })
    }

    fn value(&self, of: Option<usize>) -> Option<u8> {
        self.path(of).find_map(|(_, node)| match node.kind {
            Kind::Value(value) => Some(value),
            _ => None,
        })
    }

    fn add(&mut self, above: Option<usize>, kind: Kind) {
        self.0.push(Node { above, kind, end: None });
        self.spread();
    }

    fn cancel(&mut self, scope: usize, error: Error, cause: String) {
        self.0[scope].end.get_or_insert((error, cause));
        self.spread();
    }

    /// Who stands above comes before.
    fn spread(&mut self) {
        for index in 0..self.0.len() {
            let above = self.0[index].above;
            if matches!(self.0[index].kind, Kind::Scope(_)) && self.0[index].end.is_none() {
                self.0[index].end = self.end(above).cloned();
            }
        }
    }

    /// Ends what has a deadline that has come, in order.
    fn look_at_the_clock(&mut self, now: Instant) {
        let due = |(index, node): (usize, &Node)| match &node.kind {
            Kind::Scope(Some((at, cause))) if *at <= now => Some((*at, index, cause.clone())),
            _ => None,
        };
        let mut due: Vec<_> = self.0.iter().enumerate().filter_map(due).collect();
        due.sort();
        for (_, index, cause) in due {
            self.cancel(index, Error::DeadlineExceeded, cause);
        }
    }
}

// The contexts.

/// Work for the end of a context.
struct After {
    of: Option<usize>,
    stop: Stop,
    stopped: bool,
    runs: Arc<AtomicUsize>,
}

#[derive(Default)]
struct World {
    model: Model,
    /// By the model's index. `None` when the handle was dropped.
    contexts: Vec<Option<Context>>,
    /// Handles that can cancel, by the model's index.
    cancels: Vec<(usize, Cancel)>,
    done: Vec<(Option<usize>, Receiver<()>)>,
    tokens: Vec<(Option<usize>, CancellationToken)>,
    afters: Vec<After>,
    values: Arc<()>,
    /// Goroutines that are none of the world's.
    others: usize,
}

impl World {
    /// A context that is still there, or the first of all.
    fn pick(&self, place: u8) -> (Option<usize>, Context) {
        let index = usize::from(place) % (self.contexts.len() + 1);
        match self.contexts.get(index) {
            Some(Some(ctx)) => (Some(index), ctx.clone()),
            _ => (None, background()),
        }
    }

    fn add(&mut self, above: Option<usize>, kind: Kind, ctx: Context) {
        self.model.add(above, kind);
        self.contexts.push(Some(ctx));
    }

    fn add_scope(&mut self, above: Option<usize>, kind: Kind, (ctx, cancel): (Context, Cancel)) {
        self.cancels.push((self.contexts.len(), cancel));
        self.add(above, kind, ctx);
    }

    fn make(&mut self, what: u8, place: u8, number: u8) {
        let (above, ctx) = self.pick(place);
        match what {
            0 => self.add_scope(above, Kind::Scope(None), with_cancel(&ctx)),
            1 => {
                let value = Value(number, Arc::clone(&self.values));
                self.add(above, Kind::Value(number), with_value(&ctx, value));
            }
            2 => self.add(above, Kind::WithoutCancel, without_cancel(&ctx)),
            _ => {
                let (now, cause) = (Instant::now(), format!("late {number}"));
                let at = now + SECOND * u32::from(number % 8);
                let known = self.model.deadline(above);
                let counts = known.is_none_or(|known| at <= known);
                let deadline = counts.then(|| (at, cause.clone()));
                let made = with_deadline_cause(&ctx, at, cause);
                self.add_scope(above, Kind::Scope(deadline), made);
                self.model.look_at_the_clock(now);
            }
        }
    }

    /// Does something with a handle that can cancel.
    fn cancel(&mut self, what: u8, place: u8, number: u8) {
        if self.cancels.is_empty() {
            return;
        }
        let place = usize::from(place) % self.cancels.len();
        let of = self.cancels[place].0;
        match what {
            0 => {
                self.cancels[place].1.cancel();
                self.model.cancel(of, Error::Canceled, Error::Canceled.to_string());
            }
            1 => {
                let cause = format!("cause {number}");
                self.cancels[place].1.cancel_with(cause.clone());
                self.model.cancel(of, Error::Canceled, cause);
            }
            2 => {
                let again = self.cancels[place].clone();
                self.cancels.push(again);
            }
            3 => self.cancels.swap_remove(place).1.detach(),
            _ => {
                drop(self.cancels.swap_remove(place));
                if self.cancels.iter().all(|(other, _)| *other != of) {
                    self.model.cancel(of, Error::Canceled, Error::Canceled.to_string());
                }
            }
        }
    }

    /// Asks a context for something that tells when it ends.
    fn ask(&mut self, what: u8, place: u8) {
        let (of, ctx) = self.pick(place);
        match what {
            0 => self.done.push((of, ctx.done())),
            1 => self.tokens.push((of, CancellationToken::from(&ctx))),
            _ => {
                let runs = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&runs);
                let stop = after_func(&ctx, async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                });
                self.afters.push(After { of, stop, stopped: false, runs });
            }
        }
    }

    fn stop(&mut self, place: u8) {
        if self.afters.is_empty() {
            return;
        }
        let place = usize::from(place) % self.afters.len();
        let after = &mut self.afters[place];
        let expected = !after.stopped && self.model.end(after.of).is_none();
        assert_eq!(after.stop.stop(), expected, "stop");
        after.stopped |= expected;
    }

    async fn step(&mut self, what: u8, place: u8, number: u8) {
        match what {
            0..=6 => self.make([0, 0, 0, 1, 2, 3, 3][usize::from(what)], place, number),
            7..=13 => self.cancel([0, 1, 2, 3, 3, 4, 4][usize::from(what - 7)], place, number),
            14..=16 => self.ask(what - 14, place),
            17 => self.stop(place),
            18 => {
                let index = usize::from(place) % (self.contexts.len() + 1);
                if let Some(ctx) = self.contexts.get_mut(index) {
                    *ctx = None;
                }
            }
            _ => {
                sleep(SECOND * u32::from(number % 4)).await;
                self.model.look_at_the_clock(Instant::now());
            }
        }
        // What has been started ends.
        while num_goroutine() > self.others {
            gosched().await;
        }
    }

    fn check(&self) {
        for (index, ctx) in self.contexts.iter().enumerate() {
            let (of, Some(ctx)) = (Some(index), ctx) else { continue };
            let end =
                ctx.err().map(|error| (error, ctx.cause().expect("with a cause").to_string()));
            assert_eq!(end.as_ref(), self.model.end(of), "how {ctx} has ended");
            assert_eq!(ctx.deadline(), self.model.deadline(of), "the deadline of {ctx}");
            assert_eq!(
                ctx.value::<Value>().map(|value| value.0),
                self.model.value(of),
                "its value"
            );
        }
        for (of, done) in &self.done {
            assert_eq!(done.is_nil(), self.model.scope(*of).is_none(), "whether done is nil");
            assert_eq!(done.is_closed(), self.model.end(*of).is_some(), "whether done is closed");
            if let Some(Some(ctx)) = of.map(|of| &self.contexts[of]) {
                assert_eq!(ctx.done(), *done, "done is another channel");
            }
        }
        for (of, token) in &self.tokens {
            assert_eq!(token.is_cancelled(), self.model.end(*of).is_some(), "a token");
        }
        for after in &self.afters {
            let runs = usize::from(!after.stopped && self.model.end(after.of).is_some());
            assert_eq!(after.runs.load(Ordering::Relaxed), runs, "runs of work for the end");
        }
    }
}

pub fn run(data: &[u8]) {
    let runtime = Builder::new_current_thread().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut bytes = Bytes::new(data);
        let mut world = World { others: num_goroutine(), ..World::default() };
        while !bytes.is_empty() {
            let (what, place, number) = (bytes.below(20) as u8, bytes.next(), bytes.next());
            world.step(what, place, number).await;
            world.check();
        }
        let values = Arc::clone(&world.values);
        drop(world);
        // What is detached may still have a deadline.
        sleep(100 * SECOND).await;
        assert_eq!(Arc::strong_count(&values), 1, "a context is kept");
    });
}
