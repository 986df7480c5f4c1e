//! Real channels and tasks, driven step by step beside the model of them.
//!
//! After every step the model must agree on what the step yielded, how often each waker has been
//! woken, what the channels tell about themselves, and how many values are alive.

use super::actors::{ACTORS, Actors};
use super::model::{Arm, Expected, Model, Taken, Value};
use super::operations::{
    Ends, Handle, Operation, RealArm, Token, any_select, closed, received, recv, send, sink,
};
use super::panics;
use futures::Stream;
use gort::chan::{Chan, RecvStream};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Tasks at a time.
const SLOTS: usize = 6;
/// A task's wakers: two for each goroutine that may poll it, and for the thread.
const WAKERS: usize = 2 * (ACTORS + 1);
/// Handles that the driver keeps of a channel.
const HANDLES: usize = 5;
/// Operations in one poll of a goroutine; its budget is greater.
const TURN: usize = 16;

/// What one step does. Numbers choose among what is there, modulo how much that is.
#[derive(Debug, Clone)]
pub enum Op {
    Poll { task: usize, other_waker: bool },
    Drop { task: usize },
    Send { channel: usize, how: usize },
    Recv { channel: usize, how: usize },
    Stream { channel: usize, how: usize },
    Closed { channel: usize, how: usize },
    Select { arms: Vec<(usize, bool)>, default: bool, biased: bool, by_macro: bool, narrow: bool },
    TrySend { channel: usize, how: usize },
    TryRecv { channel: usize, how: usize },
    Close { channel: usize, how: usize },
    Clone { channel: usize, how: usize },
    Release { channel: usize, how: usize },
}

enum Running {
    Operation(Operation),
    /// One that yields the value back where others panic.
    Sink(Operation),
    Stream(usize, Pin<Box<RecvStream<Token>>>),
    Closed(usize, Pin<Box<dyn Future<Output = ()> + Send>>),
}

struct Task {
    running: Running,
    /// The handles inside.
    holds: Vec<(usize, Ends)>,
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub struct World {
    model: Model,
    handles: Vec<Vec<Handle>>,
    tasks: [Option<Task>; SLOTS],
    /// [`WAKERS`] for each slot.
    wakers: Vec<Arc<Count>>,
    ledger: Arc<()>,
    last_value: Value,
    /// Says what it does, on standard error.
    trace: bool,
}

impl World {
    pub fn new(capacities: &[usize]) -> Self {
        Self {
            model: Model::new(capacities, SLOTS * WAKERS),
            handles: capacities.iter().map(|&n| vec![Handle::Both(Chan::new(n))]).collect(),
            tasks: std::array::from_fn(|_| None),
            wakers: (0..SLOTS * WAKERS).map(|_| Arc::default()).collect(),
            ledger: Arc::new(()),
            last_value: 0,
            trace: std::env::var_os("GORT_FUZZ_TRACE").is_some(),
        }
    }

    /// Does the operations, each where it says: on the thread itself (0), or in a goroutine, in one
    /// poll with the one before if that is `true`.
    pub fn run(self, ops: Vec<(usize, bool, Op)>) {
        let world = Arc::new(Mutex::new(self));
        let mut actors = None;
        let mut turns: Vec<(usize, Vec<Op>)> = Vec::new();
        for (actor, same_poll, op) in ops {
            match turns.last_mut() {
                Some((last, ops)) if *last == actor && same_poll && ops.len() < TURN => {
                    ops.push(op)
                }
                _ => turns.push((actor % (ACTORS + 1), vec![op])),
            }
        }
        for (actor, ops) in turns {
            let Some(goroutine) = actor.checked_sub(1) else {
                world.lock().unwrap().steps(ops, None);
                continue;
            };
            let shared = Arc::clone(&world);
            let job = move || {
                let mut world = shared.lock().unwrap();
                world.model.begin_poll(goroutine);
                world.steps(ops, Some(goroutine));
            };
            actors.get_or_insert_with(Actors::get).poll(goroutine, Box::new(job));
            world.lock().unwrap().model.end_poll(goroutine);
        }
        world.lock().unwrap().finish();
        actors.into_iter().for_each(Actors::keep);
    }

    fn steps(&mut self, ops: Vec<Op>, goroutine: Option<usize>) {
        for op in ops {
            if self.trace {
                eprintln!("{goroutine:?} {op:?}");
            }
            self.step(op, goroutine);
            self.check();
        }
    }

    fn step(&mut self, op: Op, goroutine: Option<usize>) {
        match op {
            Op::Poll { task, other_waker } => {
                if let Some(slot) = self.nth_task(task) {
                    self.poll(slot, other_waker, goroutine);
                }
            }
            Op::Drop { task } => {
                if let Some(slot) = self.nth_task(task) {
                    self.drop_task(slot);
                }
            }
            Op::Send { channel, how } => self.start_send(channel, how),
            Op::Recv { channel, how } => self.start_recv(channel, how),
            Op::Stream { channel, how } => self.start_stream(channel, how),
            Op::Closed { channel, how } => self.start_closed(channel, how),
            Op::Select { arms, default, biased, by_macro, narrow } => {
                let (arms, real) = self.arms(&arms, narrow || by_macro);
                self.start_select(arms, real, default, biased && !by_macro, by_macro);
            }
            Op::TrySend { channel, how } => self.try_send(channel, how),
            Op::TryRecv { channel, how } => self.try_recv(channel, how, goroutine),
            Op::Close { channel, how } => self.close(channel, how),
            Op::Clone { channel, how } => self.clone_handle(channel, how),
            Op::Release { channel, how } => self.release_handle(channel, how),
        }
    }

    // What the channels and the wakers tell.

    fn check(&self) {
        for (channel, handles) in self.model.channels.iter().zip(&self.handles) {
            let Some(handle) = handles.first() else { continue };
            let told = handle.told();
            let over = channel.closed || channel.disconnected;
            assert_eq!(told, (channel.buffer.len(), channel.capacity, over), "len, cap, closed");
        }
        for (i, (waker, expected)) in self.wakers.iter().zip(&self.model.wakes).enumerate() {
            let woken = waker.0.load(Ordering::Relaxed);
            assert_eq!(woken, *expected, "wakes of task {}, waker {}", i / WAKERS, i % WAKERS);
        }
        assert_eq!(Arc::strong_count(&self.ledger) - 1, self.model.values(), "values alive");
    }

    /// Looks at every task once more, drops them all and then the handles.
    fn finish(&mut self) {
        for slot in 0..SLOTS {
            self.poll(slot, false, None);
            self.check();
        }
        for slot in 0..SLOTS {
            self.drop_task(slot);
            self.check();
        }
        for channel in 0..self.handles.len() {
            while !self.handles[channel].is_empty() {
                self.release_handle(channel, 0);
                self.check();
            }
        }
        assert_eq!(Arc::strong_count(&self.ledger), 1, "values are left over");
    }

    // Handles.

    fn handle(&self, channel: usize, ends: Ends, pick: usize) -> Option<&Handle> {
        let handles = self.handles.get(channel)?.iter();
        let fit: Vec<&Handle> = handles.filter(|handle| handle.can(ends)).collect();
        fit.get(pick % fit.len().max(1)).copied()
    }

    fn clone_handle(&mut self, channel: usize, how: usize) {
        let ends = [(true, true), (true, false), (false, true)][how % 3];
        if self.handles[channel].len() == HANDLES {
            return;
        }
        let Some(handle) = self.handle(channel, ends, how / 3) else { return };
        let handle = handle.derive(ends, true);
        self.model.retain(channel, handle.ends());
        self.handles[channel].push(handle);
    }

    fn release_handle(&mut self, channel: usize, how: usize) {
        let handles = &mut self.handles[channel];
        if handles.is_empty() {
            return;
        }
        let handle = handles.swap_remove(how % handles.len());
        self.model.release(channel, handle.ends());
    }

    // Operations that do not wait.

    fn token(&mut self) -> Token {
        self.last_value += 1;
        Token::new(self.last_value, &self.ledger)
    }

    fn try_send(&mut self, channel: usize, how: usize) {
        let token = self.token();
        let Some(handle) = self.handle(channel, (true, false), how) else { return };
        let sent = handle.try_send(token);
        assert_eq!(sent, self.model.send(channel, self.last_value), "try_send");
    }

    fn try_recv(&mut self, channel: usize, how: usize, goroutine: Option<usize>) {
        let Some(handle) = self.handle(channel, (false, true), how) else { return };
        let received = handle.try_recv();
        assert_eq!(received, self.model.recv(channel, goroutine), "try_recv");
    }

    fn close(&mut self, channel: usize, how: usize) {
        let Some(handle) = self.handle(channel, (true, false), how / 2) else { return };
        let closed = handle.close(how % 2 == 0);
        assert_eq!(closed, self.model.close(channel), "close");
    }

    // Tasks.

    fn nth_task(&self, n: usize) -> Option<usize> {
        let running: Vec<usize> = (0..SLOTS).filter(|&slot| self.tasks[slot].is_some()).collect();
        running.get(n % running.len().max(1)).copied()
    }

    fn free_slot(&self) -> Option<usize> {
        self.tasks.iter().position(Option::is_none)
    }

    fn start(&mut self, slot: usize, running: Running, holds: Vec<(usize, Ends)>) {
        for (channel, ends) in &holds {
            self.model.retain(*channel, *ends);
        }
        self.tasks[slot] = Some(Task { running, holds });
    }

    /// What an operation that waits needs: a slot, and a handle of its own.
    fn seat(&self, channel: usize, ends: Ends, how: usize) -> Option<(usize, Handle)> {
        let handle = self.handle(channel, ends, how / 2)?.derive(ends, how % 2 == 1);
        Some((self.free_slot()?, handle))
    }

    fn start_send(&mut self, channel: usize, how: usize) {
        let Some((slot, handle)) = self.seat(channel, (true, false), how / 2) else { return };
        let token = self.token();
        let arms = vec![Arm::Send(Some(channel), self.last_value)];
        self.model.start(slot, arms, true, false, false);
        let (running, ends) = if how % 2 == 1 {
            (Running::Sink(Box::pin(sink(handle, token))), (true, false))
        } else {
            let ends = handle.ends();
            (Running::Operation(Box::pin(send(handle, token))), ends)
        };
        self.start(slot, running, vec![(channel, ends)]);
    }

    fn start_recv(&mut self, channel: usize, how: usize) {
        let Some((slot, handle)) = self.seat(channel, (false, true), how / 3) else { return };
        let holds = vec![(channel, handle.ends())];
        self.model.start(slot, vec![Arm::Recv(Some(channel))], true, false, false);
        self.start(slot, Running::Operation(Box::pin(recv(handle, how % 3))), holds);
    }

    fn start_stream(&mut self, channel: usize, how: usize) {
        let Some((slot, handle)) = self.seat(channel, (false, true), how) else { return };
        let running = Running::Stream(channel, Box::pin(handle.stream()));
        self.model.start(slot, vec![], true, false, false);
        self.start(slot, running, vec![(channel, (false, true))]);
    }

    fn start_closed(&mut self, channel: usize, how: usize) {
        let Some((slot, handle)) = self.seat(channel, (true, false), how) else { return };
        let holds = vec![(channel, handle.ends())];
        self.model.start(slot, vec![], true, false, false);
        self.start(slot, Running::Closed(channel, Box::pin(closed(handle))), holds);
    }

    /// The arms of a select: channels by number, where one past the end is nil, and whether it sends.
    /// Arms that send on the same channel send the same value.
    fn arms(&mut self, wanted: &[(usize, bool)], narrow: bool) -> (Vec<Arm>, Vec<RealArm>) {
        let mut values = vec![None; self.handles.len()];
        let (mut arms, mut real) = (Vec::new(), Vec::new());
        for &(channel, sends) in wanted {
            let c = channel % (self.handles.len() + 1);
            let ends = (sends, !sends);
            let handle = self.handle(c, ends, channel).map(|handle| handle.derive(ends, narrow));
            let c = handle.is_some().then_some(c);
            let nil = Handle::Both(Chan::nil()).derive(ends, narrow);
            let value = sends.then(|| match c.and_then(|c| values[c]) {
                Some(id) => Token::new(id, &self.ledger),
                None => self.token(),
            });
            if let (Some(c), Some(token)) = (c, &value) {
                values[c] = Some(token.id);
            }
            arms.push(value.as_ref().map_or(Arm::Recv(c), |token| Arm::Send(c, token.id)));
            real.push((handle.unwrap_or(nil), value));
        }
        (arms, real)
    }

    fn start_select(
        &mut self,
        arms: Vec<Arm>,
        real: Vec<RealArm>,
        default: bool,
        biased: bool,
        by_macro: bool,
    ) {
        let Some(slot) = self.free_slot() else { return };
        let channel = |arm: &Arm| match *arm {
            Arm::Recv(c) | Arm::Send(c, _) => c,
        };
        let holds = arms.iter().zip(&real);
        let holds = holds.filter_map(|(arm, (handle, _))| Some((channel(arm)?, handle.ends())));
        let holds = holds.collect();
        self.model.start(slot, arms, false, default, biased);
        let operation = any_select(real, default, biased, by_macro);
        self.start(slot, Running::Operation(operation), holds);
    }

    fn drop_task(&mut self, slot: usize) {
        let Some(task) = self.tasks[slot].take() else { return };
        drop(task.running);
        self.model.give_up(slot);
        self.release(task.holds);
    }

    fn release(&mut self, holds: Vec<(usize, Ends)>) {
        for (channel, ends) in holds {
            self.model.release(channel, ends);
        }
    }

    fn poll(&mut self, slot: usize, other_waker: bool, goroutine: Option<usize>) {
        let Some(mut task) = self.tasks[slot].take() else { return };
        let actor = goroutine.map_or(0, |goroutine| goroutine + 1);
        let which = slot * WAKERS + 2 * actor + usize::from(other_waker);
        let waker = Waker::from(Arc::clone(&self.wakers[which]));
        let mut cx = Context::from_waker(&waker);
        let ended = match &mut task.running {
            Running::Operation(operation) => {
                let polled =
                    panics::expect("send on closed channel", || operation.as_mut().poll(&mut cx));
                self.compare(slot, which, goroutine, polled, false)
            }
            Running::Sink(operation) => {
                let polled = operation.as_mut().poll(&mut cx);
                self.compare(slot, which, goroutine, Some(polled), true)
            }
            Running::Stream(channel, stream) => {
                let taken = match stream.as_mut().poll_next(&mut cx) {
                    Poll::Ready(item) => Some(received(item)),
                    Poll::Pending => None,
                };
                let expected = self.model.poll_stream(slot, *channel, which, goroutine);
                assert_eq!(taken, expected, "a stream");
                false
            }
            Running::Closed(channel, wait) => {
                let over = wait.as_mut().poll(&mut cx).is_ready();
                assert_eq!(over, self.model.poll_closed(slot, *channel, which), "closed()");
                if over {
                    self.model.end(slot);
                }
                over
            }
        };
        if ended {
            drop(task.running);
            self.release(task.holds);
        } else {
            self.tasks[slot] = Some(task);
        }
    }

    /// Whether the operation has ended, which must be as the model says. `None`: it panicked.
    fn compare(
        &mut self,
        slot: usize,
        which: usize,
        goroutine: Option<usize>,
        polled: Option<Poll<(usize, Taken)>>,
        sink: bool,
    ) -> bool {
        let expected = self.model.poll(slot, which, goroutine);
        let (arms, path) = match (expected, polled) {
            (Expected::Pending, Some(Poll::Pending)) => return false,
            (Expected::Default, Some(Poll::Ready((_, Taken::Default)))) => {
                self.model.end(slot);
                return true;
            }
            (Expected::One(arms, path), Some(Poll::Ready(_)) | None) => (arms, path),
            (expected, polled) => panic!("{polled:?} instead of {expected:?}"),
        };
        let (arm, taken) = match polled {
            Some(Poll::Ready((arm, taken))) => (arm, taken),
            _ => (self.closed_arm(slot, &arms), Taken::Closed),
        };
        assert!(arms.contains(&arm), "arm {arm} ({taken:?}) instead of one of {arms:?}, {path:?}");
        let kind = self.model.arms(slot)[arm];
        let expected = match (self.model.take(slot, arm, path, goroutine), kind) {
            (Taken::Closed, Arm::Send(_, value)) if sink => Taken::Back(value),
            (expected, _) => expected,
        };
        assert_eq!(taken, expected, "arm {arm}, {path:?}");
        true
    }

    /// Which of the arms it may have been that panicked; all that may have did the same.
    fn closed_arm(&self, slot: usize, among: &[usize]) -> usize {
        let panics = |arm: &&usize| match self.model.arms(slot)[**arm] {
            Arm::Send(Some(c), _) => self.model.channels[c].closed,
            _ => false,
        };
        *among.iter().find(panics).unwrap_or_else(|| panic!("a panic instead of {among:?}"))
    }
}
