//! `sched`: small programs in a simulated runtime, whose schedule is bytes too.
//!
//! The first byte gives the capacities of the channels, the second the number of goroutines (2 to 5);
//! each of them has a byte for its number of steps and two for each step. Then comes the number of
//! things that the main goroutine does meanwhile, with two bytes each. The rest is the schedule.
//!
//! What holds for `cancel_drop` holds here. Besides, what one goroutine received from another by one
//! channel came in the order it was sent; a wait for the group ends when all its members have ended,
//! and not before; and the same bytes make the same run.

use super::bytes::Bytes;
use super::panics;
use super::programs::{CHANNELS, Entry, Me, Place, Step, yield_once};
use gort::runtime::{Builder, JoinHandle, Schedule};
use gort::sync::{DoneGuard, WaitGroup};
use gort::time::{self, Duration, Instant};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

/// When everybody has come to rest: no goroutine sleeps so long.
const REST: Duration = Duration::from_secs(3600);

struct Program {
    capacities: usize,
    goroutines: Vec<Vec<Step>>,
    /// What main does, each after a pause.
    meanwhile: Vec<(usize, usize)>,
}

impl Program {
    fn read(bytes: &mut Bytes<'_>) -> Self {
        let capacities = usize::from(bytes.next());
        let steps = |bytes: &mut Bytes<'_>| {
            (0..=bytes.below(6)).map(|_| Step::read(bytes, Step::KINDS + 4)).collect()
        };
        let goroutines = (0..2 + bytes.below(4)).map(|_| steps(bytes)).collect();
        let meanwhile =
            (0..bytes.below(6)).map(|_| (bytes.below(12), usize::from(bytes.next()))).collect();
        Self { capacities, goroutines, meanwhile }
    }
}

struct Shared {
    place: Place,
    /// For each goroutine those that were started before it.
    earlier: Vec<WaitGroup>,
    /// A bit for each goroutine that has ended, and for each that waits for the earlier ones.
    ended: AtomicUsize,
    waiting: AtomicUsize,
}

impl Shared {
    fn new(program: &Program) -> Arc<Self> {
        Arc::new(Self {
            place: Place::new(program.capacities),
            earlier: program.goroutines.iter().map(|_| WaitGroup::new()).collect(),
            ended: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        })
    }

    fn has_ended(&self, me: usize) -> bool {
        self.ended.load(Ordering::Relaxed) & (1 << me) != 0
    }

    fn have_ended_before(&self, me: usize) -> bool {
        (0..me).all(|earlier| self.has_ended(earlier))
    }

    /// Nobody who has not ended waits for what is there.
    fn check_rest(&self) {
        let goroutines = self.earlier.len();
        let left: Vec<usize> = (0..goroutines).filter(|&me| !self.has_ended(me)).collect();
        self.place.check_rest(&left, &[]);
        let waiting = self.waiting.load(Ordering::Relaxed);
        for me in left {
            let waits = waiting & (1 << me) != 0;
            assert!(!waits || !self.have_ended_before(me), "{me} waits for a group that has ended");
        }
    }
}

/// The end of a goroutine, however it comes.
struct End {
    shared: Arc<Shared>,
    me: usize,
    /// Dropped after it has been noted that the goroutine has ended.
    _guards: Vec<DoneGuard>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.shared.ended.fetch_or(1 << self.me, Ordering::Relaxed);
    }
}

async fn goroutine(end: End, steps: Vec<Step>) {
    let (shared, me) = (&*end.shared, end.me);
    let program = Me { place: &shared.place, me };
    for step in steps {
        match step.kind.checked_sub(Step::KINDS) {
            None => program.step(step).await,
            Some(0) => sleep(Duration::from_millis(step.a as u64)).await,
            Some(1) => recv_for(program, step.a, Duration::from_millis(step.b as u64)).await,
            Some(2) => lock_for(program, Duration::from_millis(step.a as u64)).await,
            Some(_) => {
                shared.waiting.fetch_or(1 << me, Ordering::Relaxed);
                shared.earlier[me].wait().await;
                shared.waiting.fetch_and(!(1 << me), Ordering::Relaxed);
                assert!(shared.have_ended_before(me), "a group has not ended");
            }
        }
    }
}

async fn sleep(duration: Duration) {
    let start = Instant::now();
    time::sleep(duration).await;
    assert!(start.elapsed() >= duration, "woke too early");
}

async fn recv_for(program: Me<'_>, c: usize, limit: Duration) {
    if time::timeout(limit, program.recv(c)).await.is_err() {
        program.place.gave_up.store(true, Ordering::Relaxed);
    }
}

async fn lock_for(program: Me<'_>, limit: Duration) {
    if let Ok(_held) = time::timeout(limit, program.lock()).await {
        yield_once().await;
    }
}

/// Runs a future to its end, which may be Go's panic about a closed channel.
async fn to_its_end(future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let polled = panics::expect("send on closed channel", || future.as_mut().poll(cx));
        polled.unwrap_or(Poll::Ready(()))
    })
    .await;
}

fn start(shared: &Arc<Shared>, me: usize, steps: Vec<Step>) -> JoinHandle<()> {
    let later = &shared.earlier[me + 1..];
    later.iter().for_each(|group| group.add(1));
    let guards = later.iter().map(WaitGroup::guard).collect();
    let end = End { shared: Arc::clone(shared), me, _guards: guards };
    gort::go(to_its_end(goroutine(end, steps)))
}

async fn main(shared: Arc<Shared>, program: Program) {
    let begin = Instant::now();
    let goroutines = program.goroutines.into_iter().enumerate();
    let handles: Vec<_> = goroutines.map(|(me, steps)| start(&shared, me, steps)).collect();
    let place = &shared.place;
    let abort = |which: usize| {
        place.gave_up.store(true, Ordering::Relaxed);
        handles[which].abort();
    };
    for (what, how) in program.meanwhile {
        match what {
            0 | 1 => sleep(Duration::from_millis(how as u64 % 5)).await,
            2 | 3 => gort::task::yield_now().await,
            4 | 5 => abort(how % handles.len()),
            6 => place.open_gate(),
            7 | 8 => drop(place.try_send(how % CHANNELS)),
            9 | 10 => drop(place.try_recv(how % CHANNELS)),
            _ => drop(place.channels[how % CHANNELS].try_close()),
        }
    }
    time::sleep_until(begin + REST).await;
    shared.check_rest();
    (0..handles.len()).for_each(abort);
    for handle in handles {
        if let Err(error) = handle.await {
            assert!(error.is_cancelled(), "{error}");
        }
    }
    assert!(shared.have_ended_before(shared.earlier.len()), "joined before its end");
}

/// What can be compared between two runs.
fn run_once(data: &[u8]) -> (u64, Vec<Entry>) {
    let mut bytes = Bytes::new(data);
    let program = Program::read(&mut bytes);
    let schedule = Schedule::from_bytes(bytes.rest());
    let runtime = Builder::simulated(schedule).build().expect("a runtime");
    let shared = Shared::new(&program);
    runtime.block_on(main(Arc::clone(&shared), program));
    let trace = runtime.handle().trace_hash();
    drop(runtime);
    let shared = Arc::into_inner(shared).expect("the goroutines are gone");
    shared.place.check_lines(&[]);
    let books = Arc::clone(&shared.place.books);
    drop(shared);
    books.balance(None);
    (trace, books.entries())
}

pub fn run(data: &[u8]) {
    assert_eq!(run_once(data), run_once(data), "the same bytes, and another run");
}
