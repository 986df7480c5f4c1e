//! `cancel_drop`: small programs that are polled, dropped and forgotten at any await.
//!
//! The first byte gives the capacities of three channels. Then come operations: a byte for what and one
//! for a choice; the start of a program has two more bytes for each of its steps.
//!
//! Whatever was sent is received, once, by a program or by the oracle when it empties the channels; or
//! it is in a future that was forgotten. When everybody who was woken has been polled, nobody waits
//! for what is there. When all programs have gone, nobody is in line.

use super::bytes::Bytes;
use super::panics;
use super::programs::{CHANNELS, Me, PROGRAMS, Place, Step};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{self, Arc};
use std::task::{Context, Wake, Waker};

#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Program<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    woken: Arc<Flag>,
    me: usize,
}

impl Program<'_> {
    /// Whether it has come to its end.
    fn poll(&mut self) -> bool {
        self.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut cx = Context::from_waker(&waker);
        let polled =
            panics::expect("send on closed channel", || self.future.as_mut().poll(&mut cx));
        polled.is_none_or(|polled| polled.is_ready())
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed)
    }
}

/// Where forgotten futures lie, so that a leak check does not hear of them.
static FORGOTTEN: sync::Mutex<Vec<usize>> = sync::Mutex::new(Vec::new());

/// More in one process would be felt.
const FORGET_AT_MOST: usize = 100_000;

/// Forgets the program; false if too many were forgotten before, and it is only dropped.
#[expect(clippy::mem_forget, reason = "that is what is tested")]
fn forget(program: Program<'_>) -> bool {
    let mut forgotten = FORGOTTEN.lock().unwrap_or_else(sync::PoisonError::into_inner);
    if forgotten.len() == FORGET_AT_MOST {
        return false;
    }
    forgotten.push(std::ptr::from_ref(&*program.future).addr());
    std::mem::forget(program.future);
    true
}

struct Run<'a> {
    place: &'a Place,
    programs: Vec<Program<'a>>,
    /// Numbers of programs that were forgotten.
    forgotten: Vec<usize>,
    started: usize,
}

impl Run<'_> {
    fn start(&mut self, bytes: &mut Bytes<'_>, steps: usize) {
        let steps: Vec<_> = (0..steps).map(|_| Step::read(bytes, Step::KINDS)).collect();
        if self.started == PROGRAMS {
            return;
        }
        let me = Me { place: self.place, me: self.started };
        let future = Box::pin(async move {
            for step in steps {
                me.step(step).await;
            }
        });
        self.started += 1;
        self.programs.push(Program { future, woken: Arc::default(), me: me.me });
        self.poll(self.programs.len() - 1);
    }

    fn poll(&mut self, index: usize) {
        if self.programs[index].poll() {
            self.programs.swap_remove(index);
        }
    }

    /// Polls one of those that were woken; false if none was.
    fn poll_woken(&mut self, pick: usize) -> bool {
        let woken: Vec<usize> =
            (0..self.programs.len()).filter(|&i| self.programs[i].is_woken()).collect();
        let Some(&index) = woken.get(pick % woken.len().max(1)) else { return false };
        self.poll(index);
        true
    }

    fn drop_one(&mut self, index: usize) {
        self.place.gave_up.store(true, Ordering::Relaxed);
        self.programs.swap_remove(index);
    }

    fn forget_one(&mut self, index: usize) {
        self.place.gave_up.store(true, Ordering::Relaxed);
        let program = self.programs.swap_remove(index);
        let me = program.me;
        if forget(program) {
            self.forgotten.push(me);
        }
    }

    fn op(&mut self, what: usize, how: usize, bytes: &mut Bytes<'_>) {
        let c = how % CHANNELS;
        let any = (!self.programs.is_empty()).then(|| how % self.programs.len());
        match (what, any) {
            (0..=2, _) => self.start(bytes, 1 + how % 4),
            (3..=5, _) => drop(self.poll_woken(how)),
            (6, Some(index)) => self.poll(index),
            (7..=8, Some(index)) => self.drop_one(index),
            (9, Some(index)) => self.forget_one(index),
            (10..=11, _) => drop(self.place.try_send(c)),
            (12..=13, _) => drop(self.place.try_recv(c)),
            (14, _) => self.place.open_gate(),
            (15, _) if how >= 200 => drop(self.place.channels[c].try_close()),
            _ => {}
        }
    }

    fn come_to_rest(&mut self) {
        let mut polls = 0;
        while self.poll_woken(0) {
            polls += 1;
            assert!(polls < 10_000, "they never come to rest");
        }
        let waiting: Vec<usize> = self.programs.iter().map(|program| program.me).collect();
        self.place.check_rest(&waiting, &self.forgotten);
    }
}

/// Yields the numbers of the programs that were forgotten.
fn run_in(place: &Place, mut bytes: Bytes<'_>) -> Vec<usize> {
    let mut run = Run { place, programs: Vec::new(), forgotten: Vec::new(), started: 0 };
    while !bytes.is_empty() {
        let (what, how) = (bytes.below(16), usize::from(bytes.next()));
        run.op(what, how, &mut bytes);
    }
    run.come_to_rest();
    run.programs.clear();
    place.check_lines(&run.forgotten);
    run.forgotten
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let place = Place::new(usize::from(bytes.next()));
    let books = Arc::clone(&place.books);
    let forgotten = run_in(&place, bytes);
    let stranded = forgotten.iter().map(|&me| place.receiving(me)).sum();
    // Futures that were forgotten are still in its lines.
    drop(place);
    books.balance((!forgotten.is_empty()).then_some(stranded));
}
