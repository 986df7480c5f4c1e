//! The run loop: which task next, when to look elsewhere, when to sleep.
//!
//! One loop, two hosts. A worker thread runs it until its runtime stops; a thread inside `block_on`
//! of a current-thread runtime runs it until its own future is ready. The host is asked only when
//! something called for [attention](super::processor::Processor::call_attention), so the loop pays
//! one load for it.
//!
//! Order of the search for a task: every 61st time the global queue, now and then the spill; the next slot;
//! the ring; the spill; the global queue; the other workers; then sleep, in the driver if nobody else
//! is there (`search`). A chain of tasks that wake each other through the next slot is broken after [`MAX_NEXT`]
//! polls if the ring holds anything.
//!
//! Waking a second worker costs as much as some hundred task switches, so a task that this worker
//! reaches at once wakes nobody. Another worker is woken when the ring has held work for [`PATIENCE`]
//! or more (looked at every few polls, see [`Worker::maintain`] and [`Patience`]), when more than one spawned task
//! is queued, when a searcher finds more than it can run, and when work comes from outside. What lies
//! behind a poll that does not end is the monitor's business (`sysmon`).

#![expect(unsafe_code, reason = "tasks travel through the queues as raw pointers")]

mod patience;
mod search;
mod simulated;

use self::patience::Patience;
use super::chains::Chain;
use super::context;
use super::goroutine::{self, Meta, Policy};
use super::join::JoinHandle;
use super::processor::{Processor, Status};
use super::ring::{self, Item};
use super::schedule::Schedule;
use super::shared::Shared;
use super::{shutdown, sysmon};
use crate::reactor::{self, Wait};
use crate::sys::choose::Script;
use crate::sys::clock::{Clock, Nanos};
use crate::sys::lane::lane;
use crate::sys::point::BUDGET;
use crate::sys::sync::atomic::{Ordering, fence};
use crate::wait::record::{self, FreeList, Record};
use async_task::Runnable;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// Polls between two turns of the spill while the ring never gets empty. Twice as many made `yield` and an echo over
/// 2,000 connections 1 to 2 % faster, and a quarter of it 4 % slower.
const SPILL_POLLS: u32 = 4 * ring::CAPACITY;
/// Polls in a row that may come from the next slot while the ring holds work.
const MAX_NEXT: u32 = 64;
/// How long work lies in a ring at least before another worker is woken for it, in nanoseconds.
const PATIENCE: Nanos = 50_000;
/// A worker that has enough to do turns the driver after so many polls, or after so long.
const TURN_POLLS: u32 = 64;
const TURN: Nanos = 250_000;
/// Time between two looks at the clock and the driver that the loop aims at, in nanoseconds.
const MAINTENANCE: std::ops::Range<Nanos> = 8_000..25_000;
/// Most polls between two such looks.
const MAX_INTERVAL: u32 = 64;
/// Goroutine numbers that a worker reserves at a time.
const ID_BATCH: u64 = 16;

/// What hosts the loop.
pub(crate) trait Host {
    /// Something called for attention. Returns true to leave the loop.
    fn attend(&mut self, worker: &Worker) -> bool;
}

/// A worker's private part; its processor is the public one.
#[derive(Debug)]
pub(crate) struct Worker {
    shared: Arc<Shared>,
    runtime: u16,
    index: usize,
    /// Points into `shared`.
    processor: NonNull<Processor>,
    records: RefCell<FreeList>,
    /// The next goroutine number and the end of the reserved ones.
    ids: Cell<(u64, u64)>,
    tick: Cell<u32>,
    /// The tick at which the global queue is looked at first.
    global_at: Cell<u32>,
    /// The tick at which what has overflowed was looked at.
    spilled_at: Cell<u32>,
    /// Polls in a row from the next slot.
    next_run: Cell<u32>,
    /// Counts among the searchers.
    searching: Cell<bool>,
    /// Wakes go to the tail of the ring: the driver is waking those whose event came.
    to_tail: Cell<bool>,
    /// The tick of the next maintenance, the interval, and the time of the last one.
    maintain_at: Cell<u32>,
    interval: Cell<u32>,
    maintained: Cell<Nanos>,
    /// Whether what waits in the queue has waited long enough.
    patience: Cell<Patience>,
    /// The last sleep, and what came before it since the last turn of the driver, were short.
    is_restless: Cell<bool>,
    /// The last look at the driver before a sleep, or that sleep, has found events at once.
    finds_events: Cell<bool>,
    /// The time and the tick of the last turn of the driver.
    last_turn: Cell<(Nanos, u32)>,
    /// When a spawn last woke another worker; the last tick at which one might have, and how often.
    spread_at: Cell<Nanos>,
    spreads: Cell<(u32, u32)>,
    /// Tasks are run in an order that is chosen, by `script` while nobody hosts the worker.
    simulated: bool,
    script: RefCell<Option<Box<Script>>>,
}

// SAFETY: `processor` points into `shared`, which the worker keeps alive, and is `Sync`; the cells
// are used by the thread that owns the worker only.
unsafe impl Send for Worker {}

impl Worker {
    /// The worker of processor `index`. Made once for each processor.
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Self {
        let processor = NonNull::from(shared.processor(index));
        let script = shared.config.schedule.as_ref().map(Schedule::script);
        Self {
            runtime: shared.index(),
            shared,
            index,
            processor,
            records: RefCell::new(FreeList::new()),
            ids: Cell::new((0, 0)),
            tick: Cell::new(0),
            global_at: Cell::new(1),
            spilled_at: Cell::new(0),
            next_run: Cell::new(0),
            searching: Cell::new(false),
            to_tail: Cell::new(false),
            maintain_at: Cell::new(1),
            interval: Cell::new(1),
            maintained: Cell::new(0),
            patience: Cell::new(Patience::new()),
            is_restless: Cell::new(false),
            finds_events: Cell::new(false),
            last_turn: Cell::new((0, 0)),
            spread_at: Cell::new(0),
            spreads: Cell::new((0, 0)),
            simulated: script.is_some(),
            script: RefCell::new(script),
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn runtime_index(&self) -> u16 {
        self.runtime
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    #[inline]
    pub(crate) fn processor(&self) -> &Processor {
        // SAFETY: processors are never removed from `shared`, which `self` keeps alive.
        unsafe { self.processor.as_ref() }
    }

    // ----- the loop

    /// Whether the worker may begin. Its thread may be started while the runtime ends: whoever ends it tells
    /// those whose processors it finds, and this one may not have been there.
    fn may_begin(&self) -> bool {
        // Ordering: pairs with the fence in `enter_phase`: either this processor is found there, or the phase
        // here.
        fence(Ordering::SeqCst);
        self.shared.is_running()
    }

    /// Runs tasks until the host says stop.
    pub(crate) fn run(&self, host: &mut dyn Host) {
        reactor::set_shard(self.index);
        let _scripted = self.install_script();
        context::host(self, || {
            loop {
                if self.processor().has_attention()
                    && self.processor().take_attention()
                    && host.attend(self)
                {
                    break;
                }
                if let Some(task) = self.next_task().or_else(|| self.find_task()) {
                    if self.searching.get() {
                        self.found();
                    }
                    self.poll(task);
                }
            }
        });
    }

    #[inline]
    fn poll(&self, task: Item) {
        // SAFETY: queues carry what `Runnable::into_raw` gave, each once.
        let runnable = unsafe { Runnable::<Meta>::from_raw(task.0) };
        let processor = self.processor();
        processor.start_poll(runnable.metadata().record);
        let budget =
            if self.simulated { self.shared.budget(runnable.metadata().id()) } else { BUDGET };
        context::poll_task(runnable, budget);
        processor.end_poll();
    }

    #[inline]
    fn next_task(&self) -> Option<Item> {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        if tick == self.maintain_at.get() {
            self.maintain();
        }
        if tick == self.global_at.get() {
            self.global_at.set(tick.wrapping_add(self.shared.config.global_queue_interval));
            if let Some(task) = self.take_turn_of_others() {
                return Some(task);
            }
        }
        if self.simulated {
            return self.next_simulated();
        }
        let processor = self.processor();
        if let Some(task) = processor.take_next() {
            // It counts on while the ring is empty, however long that is.
            let run = self.next_run.get().saturating_add(1);
            if run <= MAX_NEXT || processor.ring.len() == 0 {
                self.next_run.set(run);
                return Some(task);
            }
            self.push_ring(task);
        }
        self.next_run.set(0);
        processor.ring.pop()
    }

    /// Looks at the clock, and at what is due by it: the driver, timers, work that has waited.
    #[cold]
    fn maintain(&self) {
        let now = Clock::Real.now();
        record::set_coarse_time(self.shared.clock.at(now));
        let elapsed = now.saturating_sub(self.maintained.replace(now));
        let interval = self.interval.get();
        let interval = if elapsed > MAINTENANCE.end {
            (interval / 2).max(1)
        } else if elapsed < MAINTENANCE.start {
            (interval * 2).min(MAX_INTERVAL)
        } else {
            interval
        };
        self.interval.set(interval);
        self.maintain_at.set(self.tick.get().wrapping_add(interval));
        if self.turn_is_due(now) {
            self.turn_driver(now);
        }
        // Ordering: Relaxed: a hint.
        if self.shared.is_stalled.load(Ordering::Relaxed)
            || self.shared.processors().count() > self.shared.config.workers
        {
            self.relieve();
        }
        self.wake_for_waiting(now);
    }

    /// Wakes another worker if work has waited for too long.
    fn wake_for_waiting(&self, now: Nanos) {
        let mut patience = self.patience.get();
        if patience.is_over(self.work_waits(), now) && self.shared.idle.wants_work() {
            self.shared.notify();
            patience.woke(now);
        }
        self.patience.set(patience);
    }

    /// The queue is empty: what comes next has not waited yet.
    fn note_end(&self) {
        let mut patience = self.patience.get();
        patience.end(|| Clock::Real.now());
        self.patience.set(patience);
    }

    /// Whether to look at the driver. While enough is runnable, events would only add to it.
    fn turn_is_due(&self, now: Nanos) -> bool {
        let (last, tick) = self.last_turn.get();
        let elapsed = now.saturating_sub(last);
        let polls = self.tick.get().wrapping_sub(tick);
        elapsed >= PATIENCE && (elapsed >= TURN || polls >= TURN_POLLS || !self.work_waits())
    }

    /// Whether a task will be waiting once the next one runs: a goroutine that yields all the time is
    /// no work for two.
    fn work_waits(&self) -> bool {
        let processor = self.processor();
        processor.ring.len() + u32::from(processor.has_next()) > 1
    }

    /// Empties the queues of abandoned workers, and takes a part of what lies in those of stalled ones: a worker
    /// that is never idle would not steal from them, and it would wait for the end of the poll they are stuck in.
    ///
    /// This worker may be one of them and not know it yet, and so may another that relieves it: nobody takes
    /// from itself, or more often than there was something.
    #[cold]
    fn relieve(&self) {
        let own = self.processor();
        for victim in self.shared.processors().filter(|&p| !ptr::eq(p, own)) {
            if victim.status() == Status::Abandoned {
                while let Some(chain) = victim.spill.pop() {
                    self.shared.schedule_outside(chain);
                }
                for _ in 0..=victim.ring.len() {
                    if !self.relieve_of_one(victim) {
                        break;
                    }
                }
            } else if victim.is_stalled() {
                victim.spill.pop().into_iter().flatten().for_each(|task| self.push_ring(task));
                self.relieve_of_one(victim);
            }
        }
    }

    /// Takes half of a ring, or the next slot if that is empty. Returns whether there was something.
    fn relieve_of_one(&self, victim: &Processor) -> bool {
        let task = victim.ring.steal_into(&self.processor().ring).or_else(|| victim.take_next());
        task.map(|task| self.push_ring(task)).is_some()
    }

    /// Collects what is ready in the driver without waiting, and fires due timers.
    fn turn_driver(&self, now: Nanos) {
        self.to_tail.set(true);
        self.note_turn(now, self.shared.driver.try_turn(Wait::Now));
        self.shared.driver.fire_due(self.shared.clock.at(now));
        self.to_tail.set(false);
    }

    /// The driver has brought so many events, if it was free.
    fn note_turn(&self, now: Nanos, events: Option<usize>) {
        self.last_turn.set((now, self.tick.get()));
        let Some(events) = events else { return };
        // Ordering: Relaxed, both: times that are compared, and nothing stands behind them.
        self.shared.last_turn.store(now, Ordering::Relaxed);
        if events > 0 {
            self.shared.last_event.store(now, Ordering::Relaxed);
        }
    }

    /// Takes from the global queue: one task to run, the rest of its chain into the ring.
    fn take_global(&self) -> Option<Item> {
        let chain = self.shared.inject.pop()?;
        self.unless_over(self.take_in(chain)?)
    }

    /// Takes from what has overflowed: one task to run, the rest of its chain into the ring.
    fn take_spilled(&self) -> Option<Item> {
        self.spilled_at.set(self.tick.get());
        self.take_in(self.processor().spill.pop()?)
    }

    /// What comes before the ring now and then. A ring that never gets empty is exchanged, half of it at a time,
    /// for what has overflowed; not often, as what is in the ring has been run a moment ago and is in the cache with
    /// all it uses. The global queue has the next turn then: it is not to wait for two intervals, or for ever if
    /// they are long.
    fn take_turn_of_others(&self) -> Option<Item> {
        let tick = self.tick.get();
        let due = tick.wrapping_sub(self.spilled_at.get()) >= SPILL_POLLS;
        let spilled = if due { self.take_spilled() } else { None };
        if spilled.is_some() {
            self.global_at.set(tick.wrapping_add(1));
        }
        spilled.or_else(|| self.take_global())
    }

    /// The first task of a chain; the others go into the ring.
    fn take_in(&self, chain: Chain) -> Option<Item> {
        let mut tasks = chain.into_iter();
        let first = tasks.next();
        tasks.for_each(|task| self.push_ring(task));
        first
    }

    /// A task that came from elsewhere, to be run now; or back to the global queue with it, if nothing is
    /// run any more.
    ///
    /// A panic that is fatal calls for the attention of every worker, but this one may have looked for
    /// it before. Whoever queued the task after the panic knew of it, so here it is known, too.
    fn unless_over(&self, task: Item) -> Option<Item> {
        if self.shared.is_running() {
            return Some(task);
        }
        self.shared.schedule_outside(Chain::One(task));
        None
    }

    // ----- tasks becoming runnable on this thread

    /// Queues a task that was woken by whatever runs on this thread. `yielded` means that it was
    /// woken while it ran.
    #[inline]
    pub(crate) fn schedule(&self, task: Item, yielded: bool) {
        if self.processor().status() == Status::Abandoned && self.shared.is_running() {
            // It may be long before this worker looks at its queue.
            self.shared.schedule_outside(Chain::One(task));
        } else if yielded || self.to_tail.get() {
            self.push_ring(task);
        } else if let Some(displaced) = self.processor().put_next(task) {
            self.push_ring(displaced);
        }
    }

    #[inline]
    fn push_ring(&self, task: Item) {
        if let Err(half) = self.processor().ring.push(task) {
            self.overflow(half);
        }
    }

    #[cold]
    fn overflow(&self, half: Vec<Item>) {
        self.processor().spill.push(Chain::Many(half));
        self.spread();
    }

    /// Starts a goroutine from this thread.
    #[inline]
    pub(crate) fn spawn<F>(
        &self,
        future: F,
        policy: Policy,
        created: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if !self.shared.is_running() {
            return goroutine::refuse(future);
        }
        let record = self.records.borrow_mut().pop();
        let id = self.next_id();
        self.processor().count_start();
        let meta = Meta::new(Some(record), self.runtime, policy);
        let (runnable, handle) = goroutine::allocate(future, meta, id, created);
        self.schedule(Item(runnable.into_raw()), false);
        if self.processor().ring.len() >= 2 {
            self.spread();
        }
        handle
    }

    /// More goroutines are runnable than the worker can run at once: wakes another worker, if one
    /// sleeps and nobody searches.
    #[inline]
    fn spread(&self) {
        if self.shared.idle.wants_work() {
            self.spread_slow();
        }
    }

    /// If goroutines are so short that a worker that was woken for them soon sleeps again, then waking it
    /// each time costs more than they do. So it is not done more often than every [`PATIENCE`]; what is
    /// left waits no longer than that either, see [`maintain`](Self::maintain).
    #[cold]
    fn spread_slow(&self) {
        let tick = self.tick.get();
        let (last_tick, looks) = self.spreads.replace((tick, 1));
        if last_tick == tick {
            // The same poll starts many: it need not look at the clock for each.
            self.spreads.set((tick, looks + 1));
            if looks % 8 != 0 {
                return;
            }
        }
        let now = Clock::Real.now();
        if now.saturating_sub(self.spread_at.get()) >= PATIENCE {
            self.spread_at.set(now);
            self.shared.notify();
        }
    }

    #[inline]
    fn next_id(&self) -> u64 {
        let (mut next, mut end) = self.ids.get();
        if next == end {
            next = self.shared.next_ids(ID_BATCH);
            end = next + ID_BATCH;
        }
        self.ids.set((next + 1, end));
        next
    }

    /// A goroutine has ended on this thread.
    #[inline]
    pub(crate) fn retire(&self, record: &'static Record) {
        self.processor().count_end();
        self.records.borrow_mut().push(record);
    }

    // ----- giving up

    /// The worker has lost its place: whatever it was woken for is for others.
    fn step_down(&self) {
        // It may have been picked to search between the end of its long poll and this look. Whoever
        // published work since has counted on it, and woken nobody.
        if self.searching.replace(false) {
            self.shared.idle.stop_search();
        }
        self.hand_over();
        // Not only if it was the last to search: it may have ended its search itself, to sleep, and have
        // got up for what it saw then.
        if self.sees_work() {
            self.shared.notify();
        }
        // It may have ended the last goroutine, and becomes a spare without going to sleep first.
        // Ordering: pairs with the fence in `poll_all_ended`.
        fence(Ordering::SeqCst);
        self.shared.tell_if_last();
    }

    /// Hands everything that is queued here to the global queue.
    pub(crate) fn hand_over(&self) {
        let processor = self.processor();
        while let Some(chain) = processor.spill.pop() {
            self.shared.schedule_outside(chain);
        }
        let tasks: Vec<_> = processor
            .take_next()
            .into_iter()
            .chain(std::iter::from_fn(|| processor.ring.pop()))
            .collect();
        if !tasks.is_empty() {
            self.shared.schedule_outside(Chain::Many(tasks));
        }
    }
}

/// Hosts the loop on a thread of its own.
struct Thread;

impl Host for Thread {
    fn attend(&mut self, worker: &Worker) -> bool {
        if worker.processor().status() == Status::Abandoned {
            worker.step_down();
            sysmon::rejoin(worker);
        }
        !worker.shared().is_running()
    }
}

/// Starts the thread of processor `index`.
///
/// # Errors
///
/// The system's, if it does not start a thread.
pub(crate) fn start_thread(shared: &Arc<Shared>, index: usize) -> std::io::Result<()> {
    let thread = shared.thread();
    *shared.threads.lock() += 1;
    let owned = Arc::clone(shared);
    let started = thread.spawn(move || {
        let _runtime = context::enter(&owned);
        // Now, so that those who start together have neighbouring ones.
        lane();
        owned.thread_started();
        let worker = Worker::new(Arc::clone(&owned), index);
        worker.processor().bind_thread();
        if worker.may_begin() {
            worker.run(&mut Thread);
        }
        worker.hand_over();
        shutdown::end_leftovers(&owned);
        drop(worker);
        owned.thread_stops();
        thread_is_gone(&owned);
    });
    if let Err(error) = started {
        thread_is_gone(shared);
        return Err(error);
    }
    Ok(())
}

/// A thread that ran the loop does so no more.
pub(crate) fn thread_is_gone(shared: &Shared) {
    *shared.threads.lock() -= 1;
    shared.exited.notify(usize::MAX);
    shared.unlist_if_over();
}

#[cfg(all(test, gort_loom))]
mod loom;

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;
    use crate::runtime::shared::Phase;
    use crate::runtime::{Builder, Runtime};
    use crate::sys::park::Parker;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[test]
    fn a_searcher_that_loses_its_place_wakes_another_one() {
        let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let _inside = runtime.enter();
        let shared = context::current();
        while shared.processor(0).parks() == 0 {
            std::thread::yield_now();
        }
        // A second worker, which has just been picked to search when it loses its place.
        let index = shared.make_processor().unwrap();
        let worker = Worker::new(Arc::clone(&shared), index);
        worker.searching.set(shared.idle.start_search(2));
        assert!(worker.searching.get());
        let told = Arc::new(Parker::new());
        let tell = Arc::clone(&told);
        runtime.spawn(async move { tell.unpark() });
        assert!(!told.take_token(), "somebody searches, so nobody was woken");
        worker.step_down();
        assert!(told.park(Some(Duration::from_secs(60))), "nobody runs the goroutine");
    }

    #[test]
    fn a_worker_that_has_not_heard_of_a_fatal_panic_runs_nothing_from_elsewhere() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let shared = context::current();
        let worker = shared.hosts.take().expect("nobody runs it");
        drop(runtime.spawn(async {}));
        assert!(!shared.inject.is_empty());
        shared.enter_phase(Phase::Dead);
        assert!(worker.next_task().is_none() && worker.find_task().is_none());
        assert!(!shared.inject.is_empty(), "it is dropped at the shutdown");
        shared.hosts.put(worker);
    }

    /// A pair that wakes each other and has the worker for itself, for long enough.
    #[test]
    fn polls_in_a_row_from_the_next_slot_may_be_any_number() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let shared = context::current();
        let worker = shared.hosts.take().expect("nobody runs it");
        let tasks = spawned(&runtime, &worker, 3);
        worker.next_run.set(u32::MAX);
        assert_eq!(worker.processor().put_next(tasks[0]), None);
        assert_eq!(worker.next_task(), Some(tasks[0]));
        // It is still too many for one more beside others.
        tasks[1..].iter().for_each(|&task| worker.push_ring(task));
        assert_eq!(worker.processor().put_next(tasks[0]), None);
        assert_eq!(worker.next_task(), Some(tasks[1]));
        worker.push_ring(tasks[1]);
        run_all(&worker);
        shared.hosts.put(worker);
    }

    /// So many goroutines, which end in their first poll.
    fn spawned(runtime: &Runtime, worker: &Worker, count: usize) -> Vec<Item> {
        (0..count)
            .map(|_| {
                drop(runtime.spawn(async {}));
                worker.take_global().expect("it was spawned")
            })
            .collect()
    }

    /// Goroutines that yield for ever, more than fit into the ring: none of them leaves the worker, and none
    /// waits for much longer than it takes to run all.
    #[test]
    fn what_overflows_stays_with_its_worker_and_has_its_turn() {
        const COUNT: usize = 1000;
        let runtime = Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let shared = context::current();
        let worker = shared.hosts.take().expect("nobody runs it");
        let mut waits_since = BTreeMap::new();
        for task in spawned(&runtime, &worker, COUNT) {
            worker.push_ring(task);
            waits_since.insert(task, 0);
        }
        for polls in 1..100 * COUNT {
            let task = worker.next_task().expect("it is there");
            worker.push_ring(task);
            let waited = polls - waits_since.insert(task, polls).expect("it is one of them");
            assert!(waited < 20 * COUNT, "it has waited for {waited} polls");
            assert!(shared.inject.is_empty(), "it is for all");
        }
        let longest = 100 * COUNT - waits_since.values().min().expect("there are some");
        assert!(longest < 20 * COUNT, "one waits since {longest} polls");
        run_all(&worker);
        assert_eq!(runtime.handle().num_goroutine(), 0);
        shared.hosts.put(worker);
    }

    fn run_all(worker: &Worker) {
        while let Some(task) = worker.next_task().or_else(|| worker.take_spilled()) {
            worker.poll(task);
        }
    }

    /// A goroutine from outside has its turn beside more goroutines than fit into the ring that yield for ever.
    #[test]
    fn what_overflows_leaves_the_global_queue_its_turns() {
        for interval in [1, 61, 256, 1000] {
            let mut builder = Builder::new_current_thread();
            let runtime = builder.global_queue_interval(interval).build().unwrap();
            let _entered = runtime.enter();
            let shared = context::current();
            let worker = shared.hosts.take().expect("nobody runs it");
            for task in spawned(&runtime, &worker, 1000) {
                worker.push_ring(task);
            }
            for _ in 0..20 {
                drop(runtime.spawn(async {}));
                let mut polls = 0;
                while !shared.inject.is_empty() {
                    worker.push_ring(worker.next_task().expect("it is there"));
                    polls += 1;
                    assert!(polls <= interval + 1, "it has waited for {polls} polls");
                }
            }
            run_all(&worker);
            assert_eq!(runtime.handle().num_goroutine(), 0);
            shared.hosts.put(worker);
        }
    }
}
