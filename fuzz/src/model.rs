//! Go's channels as plain data: what every operation must yield, and who must be woken.
//!
//! Written from Go's rules, and for what Go does not have, operations that are given up or kept
//! without being polled, from `src/wait/README.md` of gort.

use std::collections::{BTreeMap, VecDeque};

pub type Value = u32;

/// Which of all wakers.
pub type WakerId = usize;

/// What a task wants of a channel; `None` is nil.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    Recv(Option<usize>),
    Send(Option<usize>, Value),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Value(Value),
    /// Closed and empty.
    End,
    Sent,
    /// Nobody is left to receive it: it comes back.
    Back(Value),
    /// The channel is closed: `send on closed channel`.
    Closed,
    Default,
}

/// How the next poll of a task must end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    Pending,
    Default,
    /// With one of these arms.
    One(Vec<usize>, Path),
}

/// On what ground an arm is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// It is ready.
    Ready,
    /// Somebody completed it while it waited.
    Completed(How),
    /// It would have to wait, and there is a match that nobody collects.
    Reclaimed,
}

/// How a waiting arm was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Sent,
    Closed,
    Disconnected,
    /// Received the value of this match on this channel.
    Matched(usize, u64),
    /// Receiving, when the channel was closed.
    Ended,
    /// Its match was taken from it: it has no place in line, and begins anew when it is polled.
    Robbed,
}

#[derive(Debug, Default)]
pub struct Channel {
    pub capacity: usize,
    pub buffer: VecDeque<Value>,
    pub closed: bool,
    pub disconnected: bool,
    /// Handles that can send, and that can receive.
    pub senders: usize,
    pub receivers: usize,
    /// Values that receivers were handed and gave back, by the number of the match.
    returned: BTreeMap<u64, Value>,
    /// Values that receivers were handed and have not collected.
    matches: BTreeMap<u64, Match>,
    next_match: u64,
    sending: VecDeque<Place>,
    receiving: VecDeque<Place>,
    /// Those who are woken when there is something to receive; when nothing can be sent any more.
    streams: Vec<usize>,
    closers: Vec<usize>,
}

/// A place in line. A select's arms of one kind on one channel share theirs: which of them is chosen
/// is nobody's business.
#[derive(Debug)]
struct Place {
    task: usize,
    arms: Vec<usize>,
}

#[derive(Debug)]
struct Match {
    value: Value,
    place: Place,
    at: u64,
}

#[derive(Debug, Default)]
struct Task {
    arms: Vec<Arm>,
    /// Not a select.
    plain: bool,
    default: bool,
    biased: bool,
    state: State,
    waker: Option<WakerId>,
    /// Which goroutine polled it last.
    goroutine: Option<usize>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Parked,
    Chosen(Vec<usize>, How),
}

/// When a goroutine's polls began.
#[derive(Debug, Default)]
struct Polls {
    /// The last one.
    began: u64,
    /// The last one that is over.
    whole: u64,
}

#[derive(Debug, Default)]
pub struct Model {
    pub channels: Vec<Channel>,
    tasks: BTreeMap<usize, Task>,
    goroutines: BTreeMap<usize, Polls>,
    /// How often each waker was woken.
    pub wakes: Vec<usize>,
    now: u64,
}

impl Model {
    /// Channels of these capacities, with one handle each, which sends and receives.
    pub fn new(capacities: &[usize], wakers: usize) -> Self {
        let channel =
            |&capacity| Channel { capacity, senders: 1, receivers: 1, ..Channel::default() };
        let channels = capacities.iter().map(channel).collect();
        Self { channels, wakes: vec![0; wakers], ..Self::default() }
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    pub fn begin_poll(&mut self, goroutine: usize) {
        let now = self.tick();
        self.goroutines.entry(goroutine).or_default().began = now;
    }

    pub fn end_poll(&mut self, goroutine: usize) {
        let polls = self.goroutines.entry(goroutine).or_default();
        polls.whole = polls.began;
    }

    pub fn start(&mut self, task: usize, arms: Vec<Arm>, plain: bool, default: bool, biased: bool) {
        self.tasks.insert(task, Task { arms, plain, default, biased, ..Task::default() });
    }

    pub fn arms(&self, task: usize) -> &[Arm] {
        &self.tasks[&task].arms
    }

    /// Values that exist: queued, in flight, and to be sent.
    pub fn values(&self) -> usize {
        let queued = |c: &Channel| c.buffer.len() + c.returned.len() + c.matches.len();
        let kept = |task: &Task| {
            let sends = task.arms.iter().filter(|arm| matches!(arm, Arm::Send(..))).count();
            sends - usize::from(matches!(task.state, State::Chosen(_, How::Sent)))
        };
        self.channels.iter().map(queued).sum::<usize>()
            + self.tasks.values().map(kept).sum::<usize>()
    }

    // What happens to a waiting task.

    fn wake(&mut self, task: usize) {
        if let Some(waker) = self.tasks.get_mut(&task).and_then(|task| task.waker.take()) {
            self.wakes[waker] += 1;
        }
    }

    fn complete(&mut self, place: &Place, how: How) {
        self.leave(place.task);
        let arms = place.arms.clone();
        self.tasks.get_mut(&place.task).unwrap().state = State::Chosen(arms, how);
        self.wake(place.task);
    }

    /// Takes a task out of every line.
    fn leave(&mut self, task: usize) {
        for channel in &mut self.channels {
            channel.sending.retain(|place| place.task != task);
            channel.receiving.retain(|place| place.task != task);
        }
    }

    fn wake_list(&mut self, list: Vec<usize>) {
        for task in list {
            self.wake(task);
        }
    }

    fn wake_streams(&mut self, c: usize) {
        let list = std::mem::take(&mut self.channels[c].streams);
        self.wake_list(list);
    }

    fn hand_over(&mut self, c: usize, place: Place, number: u64, value: Value) {
        self.complete(&place, How::Matched(c, number));
        let at = self.tick();
        self.channels[c].matches.insert(number, Match { value, place, at });
    }

    fn deposit(&self, place: &Place) -> Value {
        match self.tasks[&place.task].arms[place.arms[0]] {
            Arm::Send(_, value) => value,
            Arm::Recv(_) => unreachable!("a receiver among the senders"),
        }
    }

    // Operations.

    /// `None` if it has to wait.
    pub fn send(&mut self, c: usize, value: Value) -> Option<Taken> {
        let channel = &mut self.channels[c];
        if channel.closed {
            return Some(Taken::Closed);
        }
        if channel.disconnected {
            return Some(Taken::Back(value));
        }
        if let Some(place) = channel.receiving.pop_front() {
            let number = channel.next_match;
            channel.next_match += 1;
            self.hand_over(c, place, number, value);
        } else if channel.buffer.len() < channel.capacity {
            channel.buffer.push_back(value);
            self.wake_streams(c);
        } else {
            return None;
        }
        Some(Taken::Sent)
    }

    /// `None` if it has to wait. Before the end comes what nobody collects.
    pub fn recv(&mut self, c: usize, goroutine: Option<usize>) -> Option<Taken> {
        let channel = &mut self.channels[c];
        if let Some((_, value)) = channel.returned.pop_first() {
            return Some(Taken::Value(value));
        }
        let queued = channel.buffer.pop_front();
        let sender = channel.sending.pop_front();
        let deposit = sender.map(|place| {
            let value = self.deposit(&place);
            self.complete(&place, How::Sent);
            value
        });
        let channel = &mut self.channels[c];
        match (queued, deposit) {
            (Some(value), deposit) => {
                channel.buffer.extend(deposit);
                Some(Taken::Value(value))
            }
            (None, Some(value)) => Some(Taken::Value(value)),
            (None, None) if channel.closed => self.reclaim(c, goroutine).or(Some(Taken::End)),
            (None, None) => None,
        }
    }

    /// The oldest match on a channel that an operation of this goroutine may take.
    fn uncollected(&self, c: usize, goroutine: Option<usize>) -> Option<u64> {
        let may_take = |matched: &&Match| {
            let owner = self.tasks[&matched.place.task].goroutine;
            owner.is_some_and(|owner| {
                goroutine == Some(owner) || self.goroutines[&owner].whole > matched.at
            })
        };
        let mut matches = self.channels[c].matches.iter();
        matches.find(|(_, matched)| may_take(matched)).map(|(number, _)| *number)
    }

    /// Takes that match.
    fn reclaim(&mut self, c: usize, goroutine: Option<usize>) -> Option<Taken> {
        let number = self.uncollected(c, goroutine)?;
        let Match { value, place, .. } = self.channels[c].matches.remove(&number)?;
        self.tasks.get_mut(&place.task)?.state = State::Chosen(place.arms, How::Robbed);
        Some(Taken::Value(value))
    }

    pub fn close(&mut self, c: usize) -> bool {
        let channel = &mut self.channels[c];
        if std::mem::replace(&mut channel.closed, true) {
            return false;
        }
        let closers = std::mem::take(&mut channel.closers);
        for place in std::mem::take(&mut self.channels[c].sending) {
            self.complete(&place, How::Closed);
        }
        for place in std::mem::take(&mut self.channels[c].receiving) {
            self.complete(&place, How::Ended);
        }
        self.wake_streams(c);
        self.wake_list(closers);
        true
    }

    pub fn retain(&mut self, c: usize, (sends, receives): (bool, bool)) {
        let channel = &mut self.channels[c];
        channel.senders += usize::from(sends);
        channel.receivers += usize::from(receives);
    }

    pub fn release(&mut self, c: usize, (sends, receives): (bool, bool)) {
        let channel = &mut self.channels[c];
        channel.senders -= usize::from(sends);
        channel.receivers -= usize::from(receives);
        let (no_sender, no_receiver) = (channel.senders == 0, channel.receivers == 0);
        if sends && no_sender {
            self.close(c);
        }
        if receives && no_receiver {
            self.disconnect(c);
        }
    }

    fn disconnect(&mut self, c: usize) {
        let channel = &mut self.channels[c];
        channel.disconnected = true;
        channel.buffer.clear();
        channel.returned.clear();
        let closers = std::mem::take(&mut channel.closers);
        for place in std::mem::take(&mut self.channels[c].sending) {
            self.complete(&place, How::Disconnected);
        }
        self.wake_list(closers);
    }

    // Polls.

    fn is_ready(&self, arm: Arm) -> bool {
        match arm {
            Arm::Recv(Some(c)) => {
                let c = &self.channels[c];
                let something =
                    !(c.buffer.is_empty() && c.returned.is_empty() && c.sending.is_empty());
                something || c.closed
            }
            Arm::Send(Some(c), _) => {
                let c = &self.channels[c];
                let room = c.buffer.len() < c.capacity || !c.receiving.is_empty();
                room || c.closed || c.disconnected
            }
            Arm::Recv(None) | Arm::Send(None, _) => false,
        }
    }

    fn which(&self, task: usize, accepts: impl Fn(Arm) -> bool) -> Vec<usize> {
        let arms = self.tasks[&task].arms.iter().enumerate();
        arms.filter(|(_, arm)| accepts(**arm)).map(|(i, _)| i).collect()
    }

    /// The arms that may take what nobody collects.
    fn reclaiming(&self, task: usize, goroutine: Option<usize>) -> Vec<usize> {
        self.which(task, |arm| match arm {
            Arm::Recv(Some(c)) => self.uncollected(c, goroutine).is_some(),
            _ => false,
        })
    }

    /// A task is polled, with this waker, inside of this goroutine.
    pub fn poll(&mut self, id: usize, waker: WakerId, goroutine: Option<usize>) -> Expected {
        let reclaiming = self.reclaiming(id, goroutine);
        let task = self.tasks.get_mut(&id).unwrap();
        match &task.state {
            State::Chosen(arms, how) if *how != How::Robbed => {
                return Expected::One(arms.clone(), Path::Completed(*how));
            }
            State::Parked if !reclaiming.is_empty() => {}
            State::Parked if task.plain || task.waker == Some(waker) => {
                (task.waker, task.goroutine) = (Some(waker), goroutine);
                return Expected::Pending;
            }
            // Robbed, or a select with another waker: it lines up anew.
            _ => {}
        }
        let (default, biased) = (task.default, task.biased);
        task.state = State::Idle;
        self.leave(id);
        let mut ready = self.which(id, |arm| self.is_ready(arm));
        if !ready.is_empty() {
            ready.truncate(if biased { 1 } else { ready.len() });
            return Expected::One(ready, Path::Ready);
        }
        if default {
            return Expected::Default;
        }
        if !reclaiming.is_empty() {
            return Expected::One(reclaiming, Path::Reclaimed);
        }
        self.park(id, waker, goroutine);
        Expected::Pending
    }

    fn park(&mut self, id: usize, waker: WakerId, goroutine: Option<usize>) {
        let task = self.tasks.get_mut(&id).unwrap();
        (task.waker, task.goroutine) = (Some(waker), goroutine);
        task.state = State::Parked;
        for (arm, kind) in task.arms.clone().into_iter().enumerate() {
            let (Arm::Recv(Some(c)) | Arm::Send(Some(c), _)) = kind else { continue };
            let channel = &mut self.channels[c];
            let sends = matches!(kind, Arm::Send(..));
            let line = if sends { &mut channel.sending } else { &mut channel.receiving };
            match line.back_mut() {
                Some(place) if place.task == id => place.arms.push(arm),
                _ => line.push_back(Place { task: id, arms: vec![arm] }),
            }
            if sends {
                self.wake_streams(c);
            }
        }
    }

    /// The task took this arm, on the ground that [`poll`](Self::poll) gave, and is over.
    pub fn take(&mut self, id: usize, arm: usize, path: Path, goroutine: Option<usize>) -> Taken {
        let task = self.tasks.remove(&id).unwrap();
        match (path, task.arms[arm]) {
            (Path::Completed(How::Sent), _) => Some(Taken::Sent),
            (Path::Completed(How::Closed), _) => Some(Taken::Closed),
            (Path::Completed(How::Disconnected), Arm::Send(_, value)) => Some(Taken::Back(value)),
            (Path::Completed(How::Matched(c, number)), _) => {
                let matched = self.channels[c].matches.remove(&number);
                matched.map(|matched| Taken::Value(matched.value))
            }
            (Path::Reclaimed, Arm::Recv(Some(c))) => self.reclaim(c, goroutine),
            (_, Arm::Recv(Some(c))) => self.recv(c, goroutine),
            (_, Arm::Send(Some(c), value)) => self.send(c, value),
            _ => None,
        }
        .expect("the arm is ready")
    }

    /// The task is dropped: what it was handed goes to the next receiver, or back.
    pub fn give_up(&mut self, id: usize) {
        self.leave(id);
        self.unwatch(id);
        let Some(task) = self.tasks.remove(&id) else { return };
        let State::Chosen(_, How::Matched(c, number)) = task.state else { return };
        let Some(matched) = self.channels[c].matches.remove(&number) else { return };
        if let Some(next) = self.channels[c].receiving.pop_front() {
            self.hand_over(c, next, number, matched.value);
        } else {
            self.channels[c].returned.insert(number, matched.value);
            self.wake_streams(c);
        }
    }

    /// The task ends, or a select took its `default`.
    pub fn end(&mut self, id: usize) {
        self.tasks.remove(&id);
        self.unwatch(id);
    }

    fn unwatch(&mut self, id: usize) {
        for channel in &mut self.channels {
            channel.streams.retain(|task| *task != id);
            channel.closers.retain(|task| *task != id);
        }
    }

    /// A stream is polled; `None` if it waits.
    pub fn poll_stream(
        &mut self,
        id: usize,
        c: usize,
        waker: WakerId,
        goroutine: Option<usize>,
    ) -> Option<Taken> {
        let taken = self.recv(c, goroutine).or_else(|| self.reclaim(c, goroutine));
        if taken.is_none() {
            self.tasks.get_mut(&id).unwrap().waker = Some(waker);
            watch(&mut self.channels[c].streams, id);
        }
        taken
    }

    /// A wait for the end of sending is polled; whether it is over.
    pub fn poll_closed(&mut self, id: usize, c: usize, waker: WakerId) -> bool {
        let channel = &mut self.channels[c];
        let over = channel.closed || channel.disconnected;
        if !over {
            watch(&mut channel.closers, id);
            self.tasks.get_mut(&id).unwrap().waker = Some(waker);
        }
        over
    }
}

fn watch(list: &mut Vec<usize>, task: usize) {
    if !list.contains(&task) {
        list.push(task);
    }
}
