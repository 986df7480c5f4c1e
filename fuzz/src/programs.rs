//! Small programs over three channels, a lock and a gate, and books of what became of every value.
//!
//! Who drives them (`cancel_drop` by hand, `sched` in a simulated runtime) asks at the end whether the
//! books balance, and at rest whether anybody waits for what is there.

use super::bytes::Bytes;
use futures::future::{self, Either};
use futures::{SinkExt, StreamExt};
use gort::sync::{Mutex, MutexGuard};
use gort::{Chan, Select, select};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{self, Arc};
use std::task::{Poll, Waker};

pub const CHANNELS: usize = 3;
/// Programs that a run may start.
pub const PROGRAMS: usize = 8;

/// What became of each value.
#[derive(Debug, Default)]
pub struct Books(sync::Mutex<Vec<Entry>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which program made it, if one did.
    from: Option<usize>,
    /// The send said so.
    sent: bool,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    InFlight,
    Received,
    Dropped,
}

impl Books {
    fn with<R>(&self, f: impl FnOnce(&mut Vec<Entry>) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(sync::PoisonError::into_inner))
    }

    fn end(&self, id: usize, end: End) {
        self.with(|books| {
            assert_eq!(books[id].end, End::InFlight, "value {id} has come to an end before");
            books[id].end = end;
        });
    }

    /// The channels are empty or gone; `stranded` is how many values forgotten futures may hold, if
    /// there are any.
    pub fn balance(&self, stranded: Option<usize>) {
        self.with(|books| {
            let lost = books.iter().position(|entry| entry.sent && entry.end == End::Dropped);
            assert_eq!(lost, None, "a value was sent and lost");
            let left = |sent| {
                let left = books.iter().filter(|e| e.end == End::InFlight && e.sent == sent);
                left.count()
            };
            let (sent, unsent) = (left(true), left(false));
            assert!(sent <= stranded.unwrap_or(0), "{sent} values were sent and are nowhere");
            assert!(unsent == 0 || stranded.is_some(), "{unsent} values have leaked");
        });
    }

    /// All that is in them.
    pub fn entries(&self) -> Vec<Entry> {
        self.with(|books| books.clone())
    }
}

/// A value. It is entered in the books when it goes.
#[derive(Debug)]
pub struct Parcel {
    id: usize,
    books: Option<Arc<Books>>,
}

impl Parcel {
    pub fn receive(mut self) {
        if let Some(books) = self.books.take() {
            books.end(self.id, End::Received);
        }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some(books) = self.books.take() {
            books.end(self.id, End::Dropped);
        }
    }
}

/// A future that is foreign to gort: ready when the gate has been opened.
#[derive(Debug, Default)]
struct Gate(sync::Mutex<(bool, Vec<Waker>)>);

impl Gate {
    fn passed(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|cx| {
            let mut gate = self.0.lock().unwrap();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push(cx.waker().clone());
            Poll::Pending
        })
    }

    fn open(&self) {
        let mut gate = self.0.lock().unwrap();
        gate.0 = true;
        let wakers = std::mem::take(&mut gate.1);
        drop(gate);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// What the programs share.
pub struct Place {
    pub books: Arc<Books>,
    pub channels: Vec<Chan<Parcel>>,
    lock: Mutex,
    /// Which program holds it.
    holder: sync::Mutex<Option<usize>>,
    gate: Gate,
    /// What each program waits for.
    wants: [Wants; PROGRAMS],
    /// A receive was given up, so that its value may have come late.
    pub gave_up: AtomicBool,
    /// The last value that a program received from another one by a channel.
    last: sync::Mutex<BTreeMap<(usize, usize, usize), usize>>,
}

/// How many operations of a program wait for what.
#[derive(Default)]
struct Wants {
    recv: [AtomicUsize; CHANNELS],
    send: [AtomicUsize; CHANNELS],
    lock: AtomicUsize,
    /// Operations that may be handed a value.
    receiving: AtomicUsize,
}

/// Says that an operation waits, while it lives.
struct Want<'a>(Vec<&'a AtomicUsize>);

impl<'a> Want<'a> {
    fn new(counts: Vec<&'a AtomicUsize>) -> Self {
        for count in &counts {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Self(counts)
    }
}

impl Drop for Want<'_> {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The lock, held.
pub struct Held<'a> {
    place: &'a Place,
    _guard: MutexGuard<'a, ()>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.place.holder.lock().unwrap() = None;
    }
}

impl Place {
    /// The capacities of the channels are the digits of a number to the base 3.
    pub fn new(capacities: usize) -> Self {
        let capacity = |c: usize| capacities / 3_usize.pow(c as u32) % 3;
        Self {
            books: Arc::default(),
            channels: (0..CHANNELS).map(|c| Chan::new(capacity(c))).collect(),
            lock: Mutex::new(()),
            holder: sync::Mutex::default(),
            gate: Gate::default(),
            wants: std::array::from_fn(|_| Wants::default()),
            gave_up: AtomicBool::new(false),
            last: sync::Mutex::default(),
        }
    }

    fn parcel(&self, from: Option<usize>) -> Parcel {
        let id = self.books.with(|books| {
            books.push(Entry { from, sent: false, end: End::InFlight });
            books.len() - 1
        });
        Parcel { id, books: Some(Arc::clone(&self.books)) }
    }

    fn sent(&self, id: usize) {
        self.books.with(|books| books[id].sent = true);
    }

    pub fn try_send(&self, c: usize) -> bool {
        let parcel = self.parcel(None);
        let id = parcel.id;
        let sent = self.channels[c].try_send(parcel).is_ok();
        if sent {
            self.sent(id);
        }
        sent
    }

    pub fn try_recv(&self, c: usize) -> bool {
        self.channels[c].try_recv().map(Parcel::receive).is_ok()
    }

    pub fn open_gate(&self) {
        self.gate.open();
    }

    /// Receives all that is there; how much that was.
    fn empty(&self, c: usize) -> usize {
        std::iter::from_fn(|| self.try_recv(c).then_some(())).count()
    }

    /// How many values a program may have been handed that it has not seen.
    pub fn receiving(&self, program: usize) -> usize {
        self.wants[program].receiving.load(Ordering::Relaxed)
    }

    /// Everybody who was woken has been polled, and `waiting` are the programs that have not ended:
    /// none of them waits for what is there.
    pub fn check_rest(&self, waiting: &[usize], forgotten: &[usize]) {
        let any = |programs: &[usize], what: &dyn Fn(&Wants) -> usize| {
            programs.iter().any(|&me| what(&self.wants[me]) > 0)
        };
        for (c, channel) in self.channels.iter().enumerate() {
            let recv = any(waiting, &|wants| wants.recv[c].load(Ordering::Relaxed));
            let send = any(waiting, &|wants| wants.send[c].load(Ordering::Relaxed));
            if channel.is_closed() {
                assert!(!recv && !send, "channel {c} is closed, and somebody was not woken");
            }
            // This also takes what waiting senders have.
            assert!(!recv || self.empty(c) == 0, "there is a value in channel {c}");
            assert!(!send || !self.try_send(c), "there is room in channel {c}");
        }
        let lock = |wants: &Wants| wants.lock.load(Ordering::Relaxed);
        let locked = self.holder.lock().unwrap().is_some();
        // Who is forgotten after it was woken keeps the wake-up, until the lock is used again.
        let excused = any(forgotten, &lock);
        assert!(locked || excused || !any(waiting, &lock), "the lock is free");
    }

    /// All programs have gone, but those that were forgotten: nobody else is in line.
    pub fn check_lines(&self, forgotten: &[usize]) {
        let holder = *self.holder.lock().unwrap();
        assert!(holder.is_none_or(|me| forgotten.contains(&me)), "who has gone holds the lock");
        // One that was forgotten while it waited may have been granted the lock.
        let granted = forgotten.iter().any(|&me| self.wants[me].lock.load(Ordering::Relaxed) > 0);
        let free = self.lock.try_lock().is_ok();
        assert!(granted || free == holder.is_none(), "the lock is free, and is not");
        for (c, channel) in self.channels.iter().enumerate() {
            self.empty(c);
            let limit = 2 * PROGRAMS + channel.capacity();
            let sent = (0..=limit).take_while(|_| self.try_send(c)).count();
            if channel.is_closed() {
                assert_eq!(sent, 0, "sent on channel {c}, which is closed");
            } else if forgotten.is_empty() {
                assert_eq!(sent, channel.capacity(), "somebody receives from channel {c}");
                assert_eq!(self.empty(c), sent, "channel {c}");
            } else {
                assert!(sent <= limit && self.empty(c) >= channel.capacity(), "channel {c}");
            }
        }
    }
}

/// A step of a program: what, and with which two channels.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub kind: usize,
    pub a: usize,
    pub b: usize,
}

impl Step {
    pub const KINDS: usize = 16;

    pub fn read(bytes: &mut Bytes<'_>, kinds: usize) -> Self {
        let (kind, channels) = (bytes.below(kinds), bytes.below(6));
        let a = channels % CHANNELS;
        Self { kind, a, b: (a + 1 + channels / CHANNELS) % CHANNELS }
    }
}

/// One program.
#[derive(Clone, Copy)]
pub struct Me<'a> {
    pub place: &'a Place,
    pub me: usize,
}

impl<'a> Me<'a> {
    fn want(self, recv: &[usize], send: &[usize]) -> Want<'a> {
        let wants = &self.place.wants[self.me];
        let mut counts: Vec<_> = recv.iter().map(|&c| &wants.recv[c]).collect();
        counts.extend(send.iter().map(|&c| &wants.send[c]));
        counts.extend((!recv.is_empty()).then_some(&wants.receiving));
        Want::new(counts)
    }

    fn channel(self, c: usize) -> &'a Chan<Parcel> {
        &self.place.channels[c]
    }

    fn parcel(self) -> (usize, Parcel) {
        let parcel = self.place.parcel(Some(self.me));
        (parcel.id, parcel)
    }

    /// What one program received from another one by one channel came in the order it was sent.
    fn received(self, c: usize, item: Option<Parcel>) {
        let Some(parcel) = item else { return };
        let from = self.place.books.with(|books| books[parcel.id].from);
        if let Some(from) = from {
            let mut last = self.place.last.lock().unwrap();
            let before = last.insert((from, self.me, c), parcel.id);
            let in_order = before.is_none_or(|before| before < parcel.id);
            assert!(in_order || self.place.gave_up.load(Ordering::Relaxed), "out of order");
        }
        parcel.receive();
    }

    pub async fn recv(self, c: usize) {
        let _want = self.want(&[c], &[]);
        self.received(c, self.channel(c).next().await);
    }

    async fn send(self, c: usize) {
        let _want = self.want(&[], &[c]);
        let (id, parcel) = self.parcel();
        self.channel(c).send(parcel).await;
        self.place.sent(id);
    }

    pub async fn lock(self) -> Held<'a> {
        let want = Want::new(vec![&self.place.wants[self.me].lock]);
        let guard = self.place.lock.lock().await;
        drop(want);
        let before = self.place.holder.lock().unwrap().replace(self.me);
        assert_eq!(before, None, "two hold the lock");
        Held { place: self.place, _guard: guard }
    }

    pub async fn step(self, Step { kind, a, b }: Step) {
        match kind {
            0 | 1 => self.recv(a).await,
            2 | 3 => self.send(a).await,
            4 => self.recv_or_send(a, b).await,
            5 => self.recv_or_gate(a, b).await,
            6 => self.send_in_the_end(a, b).await,
            7 => self.try_both(a, b).await,
            8 => self.any(a, b).await,
            9 => drop(future::join(self.recv(a), self.send(b)).await),
            10 => self.recv_until_gate(a).await,
            11 => self.by_stream(a).await,
            12 => self.by_sink(a).await,
            13 => {
                let _held = self.lock().await;
                self.recv(a).await;
            }
            14 => {
                let _held = self.lock().await;
                self.send(a).await;
            }
            _ => {
                let _held = self.lock().await;
                yield_once().await;
            }
        }
    }

    async fn recv_or_send(self, a: usize, b: usize) {
        let _want = self.want(&[a], &[b]);
        let (id, parcel) = self.parcel();
        select! {
            item = self.channel(a).next() => self.received(a, item),
            self.channel(b) <- parcel => self.place.sent(id),
        }
    }

    async fn recv_or_gate(self, a: usize, b: usize) {
        let _want = self.want(&[a, b], &[]);
        select! {
            item = self.channel(a).next() => self.received(a, item),
            item = self.channel(b).next() => self.received(b, item),
            () = self.place.gate.passed() => {}
        }
    }

    /// Sends, and receives as long as that waits, at most three times. The value survives the selects
    /// that it loses.
    async fn send_in_the_end(self, a: usize, b: usize) {
        let (id, parcel) = self.parcel();
        let mut pending = Some(parcel);
        for _ in 0..3 {
            let _want = self.want(&[a], &[b]);
            select! {
                biased;
                self.channel(b) <- &mut pending => return self.place.sent(id),
                item = self.channel(a).next() => {
                    assert!(pending.is_some(), "a losing arm has taken its value");
                    self.received(a, item);
                }
            }
        }
    }

    async fn try_both(self, a: usize, b: usize) {
        let (id, parcel) = self.parcel();
        select! {
            item = self.channel(a).next() => self.received(a, item),
            self.channel(b) <- parcel => self.place.sent(id),
            default => {}
        }
    }

    async fn any(self, a: usize, b: usize) {
        let c = CHANNELS - a - b;
        let _want = self.want(&[a, b], &[c]);
        let (id, parcel) = self.parcel();
        let mut select = Select::new();
        select.next(self.channel(a), |item| item);
        select.next(self.channel(b), |item| item);
        select.send(self.channel(c), parcel, |()| None);
        match select.await {
            (2, _) => self.place.sent(id),
            (arm, item) => self.received([a, b][arm], item),
        }
    }

    /// The loser is dropped by who races it.
    async fn recv_until_gate(self, a: usize) {
        let (recv, gate) = (pin!(self.recv(a)), pin!(self.place.gate.passed()));
        if let Either::Right(((), recv)) = future::select(recv, gate).await {
            self.place.gave_up.store(true, Ordering::Relaxed);
            // It may be handed a value meanwhile.
            yield_once().await;
            let _until_now = recv;
        }
    }

    async fn by_stream(self, a: usize) {
        let _want = self.want(&[a], &[]);
        let mut stream = self.channel(a).stream();
        self.received(a, stream.next().await);
        let more = future::poll_immediate(stream.next()).await;
        self.received(a, more.flatten());
    }

    async fn by_sink(self, a: usize) {
        let _want = self.want(&[], &[a]);
        let mut sink = self.channel(a).sink();
        for _ in 0..2 {
            let (id, parcel) = self.parcel();
            match sink.send(parcel).await {
                Ok(()) => self.place.sent(id),
                Err(back) => drop(back),
            }
        }
    }
}

pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
