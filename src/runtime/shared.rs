//! What all threads of one runtime share.

use super::blocking::Pool;
use super::chains::{Chain, Chains};
use super::goroutine::Meta;
use super::host::Hosts;
use super::idle::Idle;
use super::panic::Payload;
use super::processor::Processor;
use super::schedule::Schedule;
use super::table;
use super::worker::Worker;
use crate::reactor::Driver;
use crate::sys::choose;
use crate::sys::clock::Clock;
use crate::sys::park::Parker;
use crate::sys::point;
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use crate::sys::unwind;
use crate::wait::record::FreeList;
use async_task::Runnable;
use event_listener::Event;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Settings of a runtime, as the builder leaves them.
#[derive(Clone)]
pub(crate) struct Config {
    /// Workers that may run goroutines at the same time: GOMAXPROCS.
    pub(crate) workers: usize,
    /// One thread, inside `block_on`; none of its own.
    pub(crate) current_thread: bool,
    /// Where the choices of a simulated runtime come from, which is a current-thread one.
    pub(crate) schedule: Option<Schedule>,
    /// Spare workers that may stand in for stuck ones.
    pub(crate) spares: usize,
    pub(crate) max_blocking_threads: usize,
    pub(crate) thread_keep_alive: Duration,
    pub(crate) thread_stack_size: Option<usize>,
    pub(crate) thread_name: Arc<dyn Fn() -> String + Send + Sync>,
    pub(crate) on_thread_start: Option<Callback>,
    pub(crate) on_thread_stop: Option<Callback>,
    /// Ticks between two looks at the global queue.
    pub(crate) global_queue_interval: u32,
    /// How long a shutdown waits for goroutines that are inside a poll.
    pub(crate) shutdown_grace: Duration,
    /// The process-wide fallback runtime: a panic in it is printed and counted, never fatal.
    pub(crate) global: bool,
}

#[cfg(test)]
impl Config {
    /// For tests that are the workers themselves.
    pub(super) fn without_threads(workers: usize, spares: usize) -> Self {
        Config {
            workers,
            current_thread: false,
            schedule: None,
            spares,
            max_blocking_threads: 1,
            thread_keep_alive: Duration::ZERO,
            thread_stack_size: None,
            thread_name: Arc::new(String::new),
            on_thread_start: None,
            on_thread_stop: None,
            global_queue_interval: 61,
            shutdown_grace: Duration::ZERO,
            global: false,
        }
    }
}

/// The name of threads that the user gives no name.
pub(crate) const DEFAULT_THREAD_NAME: &str = "gort-worker";

/// A user's hook.
pub(crate) type Callback = Arc<dyn Fn() + Send + Sync>;

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("workers", &self.workers)
            .field("current_thread", &self.current_thread)
            .field("spares", &self.spares)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .finish_non_exhaustive()
    }
}

/// Where a runtime stands in its life; only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    Running = 0,
    /// A panic was fatal: workers stop, `run` and `block_on` re-raise.
    Dead = 1,
    /// Nothing new starts, everything there is ends.
    ShuttingDown = 2,
    /// It has ended, but for what threads keep inside of a poll.
    Over = 3,
}

/// See the module documentation.
pub(crate) struct Shared {
    index: u16,
    pub(crate) config: Config,
    pub(crate) driver: Arc<Driver>,
    pub(crate) clock: Clock,
    pub(crate) inject: Chains,
    pub(crate) idle: Idle,
    pub(crate) pool: Pool,
    /// Processors, in the order in which they were made; never removed.
    processors: Box<[OnceLock<Processor>]>,
    // Ordering: Relaxed: under the lock of `spares`.
    made: AtomicUsize,
    /// Spare workers that wait to be needed, and the number of workers that are not abandoned.
    pub(crate) spares: Mutex<Spares>,
    phase: AtomicU8,
    // Ordering: Relaxed: the numbers have to differ, no more.
    next_id: AtomicU64,
    /// Goroutines started and ended by threads that are no workers of this runtime.
    // Ordering: Relaxed: a start is counted before the goroutine is scheduled, so whoever sees its end
    // counted sees this.
    started_outside: AtomicU64,
    ended_outside: AtomicU64,
    /// Records for spawns and ends outside of the workers.
    records: Mutex<FreeList>,
    // Ordering: Relaxed: statistics.
    panics: AtomicU64,
    /// Set when the main goroutine called `goexit`: the end of the last goroutine is news then.
    // Ordering: Relaxed: ordered with the counts by the fence in `poll_all_ended` and those before
    // `tell_if_last`.
    main_exited: AtomicBool,
    /// Who is told that no goroutine is left.
    all_ended: Mutex<Option<Waker>>,
    /// The [trace](super::Handle::trace_hash) of a simulated runtime when it was left.
    pub(crate) trace: AtomicU64,
    /// Some worker was inside of one poll at the last two looks of the monitor.
    pub(crate) is_stalled: AtomicBool,
    /// Workers that were found stuck and replaced, so far.
    pub(crate) stuck: AtomicU64,
    /// Where the goroutines were started that got a worker stuck and have been reported.
    pub(crate) told_stuck: Mutex<Vec<&'static Location<'static>>>,
    fatal: Mutex<Fatal>,
    /// Threads that run the loop, or watch it, and have not returned yet; `exited` tells of each that
    /// does.
    pub(crate) threads: Mutex<usize>,
    pub(crate) exited: Event,
    pub(crate) sysmon: Parker,
    /// Set while the monitor waits to be woken rather than for time to pass.
    pub(crate) sysmon_sleeps: AtomicBool,
    /// The clock at the last turn of the driver, for the monitor.
    pub(crate) last_turn: AtomicU64,
    /// The clock at the last turn of the driver that brought something; 0 if none has.
    // Ordering: Relaxed: a time, with nothing behind it.
    pub(crate) last_event: AtomicU64,
    /// Threads inside `block_on`, and what they share.
    pub(crate) hosts: Hosts<Box<Worker>>,
}

#[derive(Debug, Default)]
pub(crate) struct Spares {
    /// Indices of parked spare workers.
    pub(crate) parked: Vec<usize>,
    /// Processors for which the system would not start a thread; the next spare worker gets one.
    pub(crate) threadless: Vec<usize>,
    /// Workers that are neither abandoned nor spare.
    pub(crate) active: usize,
    /// Workers that are abandoned: inside of a poll, in which they may wake goroutines.
    pub(crate) abandoned: usize,
}

#[derive(Debug, Default)]
struct Fatal {
    text: String,
    payload: Option<Payload>,
}

impl Shared {
    /// Makes the shared part and enters it into the table of runtimes.
    pub(crate) fn new(config: Config, driver: Driver, clock: Clock) -> Arc<Self> {
        let slots = if config.current_thread { 1 } else { config.workers + config.spares };
        let index = table::reserve();
        let shared = Arc::new(Self {
            index,
            driver: Arc::new(driver),
            clock,
            inject: Chains::new(),
            idle: Idle::new(),
            pool: Pool::new(),
            processors: (0..slots).map(|_| OnceLock::new()).collect(),
            made: AtomicUsize::new(0),
            spares: Mutex::new(Spares::default()),
            phase: AtomicU8::new(Phase::Running as u8),
            next_id: AtomicU64::new(1),
            started_outside: AtomicU64::new(0),
            ended_outside: AtomicU64::new(0),
            records: Mutex::new(FreeList::new()),
            panics: AtomicU64::new(0),
            main_exited: AtomicBool::new(false),
            all_ended: Mutex::new(None),
            trace: AtomicU64::new(0),
            is_stalled: AtomicBool::new(false),
            stuck: AtomicU64::new(0),
            told_stuck: Mutex::new(Vec::new()),
            fatal: Mutex::new(Fatal::default()),
            threads: Mutex::new(0),
            exited: Event::new(),
            sysmon: Parker::new(),
            sysmon_sleeps: AtomicBool::new(false),
            last_turn: AtomicU64::new(0),
            last_event: AtomicU64::new(0),
            hosts: Hosts::new(),
            config,
        });
        table::insert(index, Arc::clone(&shared));
        shared
    }

    /// The runtime of a live task. `meta` belongs to a goroutine that has not ended, or to a blocking job
    /// that is being polled and was not refused: the runtime is still in the table.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub(crate) fn of_task(meta: &Meta) -> Arc<Self> {
        table::find(meta.runtime)
    }

    /// Takes a runtime out of the table that was shut down and whose last task has ended.
    pub(crate) fn unlist_if_over(&self) {
        if self.phase() == Phase::Over
            && self.num_goroutine() == 0
            && *self.threads.lock() == 0
            && self.pool.is_over()
        {
            table::remove(self);
        }
    }

    pub(crate) fn index(&self) -> u16 {
        self.index
    }

    pub(crate) fn is_simulated(&self) -> bool {
        self.config.schedule.is_some()
    }

    /// The budget for one poll of goroutine `id`; a simulated runtime notes the poll in its trace.
    #[inline]
    pub(crate) fn budget(&self, id: u64) -> u32 {
        if self.is_simulated() {
            choose::note(id);
            point::simulated_budget()
        } else {
            point::BUDGET
        }
    }

    // ----- processors

    /// The processors made so far.
    pub(crate) fn processors(&self) -> impl Iterator<Item = &Processor> {
        // Ordering: Acquire pairs with the Release in `make_processor`, for the slots.
        let made = self.made.load(Ordering::Acquire);
        self.processors[..made].iter().filter_map(OnceLock::get)
    }

    pub(crate) fn processor(&self, index: usize) -> &Processor {
        self.processors[index].get().expect("a worker has its processor")
    }

    /// Makes a processor, if the cap allows another one. Callers hold the lock on `spares`.
    pub(crate) fn make_processor(&self) -> Option<usize> {
        let index = self.made.load(Ordering::Relaxed);
        let slot = self.processors.get(index)?;
        let _ = slot.set(Processor::new());
        // Ordering: Release pairs with the Acquire in `processors`.
        self.made.store(index + 1, Ordering::Release);
        Some(index)
    }

    // ----- goroutines

    pub(crate) fn next_ids(&self, count: u64) -> u64 {
        self.next_id.fetch_add(count, Ordering::Relaxed)
    }

    /// A record and a number for a goroutine that is started outside of the workers; `None` if nothing
    /// is started any more.
    pub(crate) fn record_outside(&self) -> Option<(&'static crate::wait::record::Record, u64)> {
        self.count_start_outside().then(|| (self.records.lock().pop(), self.next_ids(1)))
    }

    /// Counts a goroutine that is about to be started outside of the workers, unless nothing is started
    /// any more. One that is counted keeps the runtime in the table.
    pub(crate) fn count_start_outside(&self) -> bool {
        if !self.is_running() {
            return false;
        }
        self.started_outside.fetch_add(1, Ordering::Relaxed);
        // Ordering: pairs with the fence in `enter_phase`: either whoever takes an ended runtime out of
        // the table sees what was counted, or this load sees a phase.
        fence(Ordering::SeqCst);
        if self.is_running() {
            return true;
        }
        self.count_end_outside();
        // Who wanted to do that meanwhile may have seen the count.
        self.unlist_if_over();
        false
    }

    pub(crate) fn retire_outside(&self, record: &'static crate::wait::record::Record) {
        self.records.lock().push(record);
        self.count_end_outside();
    }

    fn count_end_outside(&self) {
        // Ordering: Release pairs with the Acquire in `num_goroutine`: whoever sees this end counted
        // sees the start counted, whichever worker counted it.
        self.ended_outside.fetch_add(1, Ordering::Release);
        // Ordering: pairs with the fences in `poll_all_ended` and `enter_phase`.
        fence(Ordering::SeqCst);
        self.tell_if_last();
    }

    /// Goroutines may have ended: wakes a `run` whose main goroutine has left. Called by every worker
    /// that has run out of work or lost its place, after a fence that comes after the end.
    #[inline]
    pub(crate) fn tell_if_last(&self) {
        if self.main_exited.load(Ordering::Relaxed) && self.num_goroutine() == 0 {
            let waker = self.all_ended.lock().take();
            waker.into_iter().for_each(Waker::wake);
        }
    }

    /// Ready when no goroutine is left. One caller, once the main goroutine has ended.
    pub(crate) fn poll_all_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        let old = self.all_ended.lock().replace(cx.waker().clone());
        drop(old);
        self.main_exited.store(true, Ordering::Relaxed);
        // Ordering: pairs with the fence in `Idle::sleep`: the worker that ended the last goroutine
        // sleeps later and sees the flag, or the count below sees that end.
        fence(Ordering::SeqCst);
        if self.num_goroutine() == 0 { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Nobody waits for that any more. The waker of a thread that hosts the one worker holds the
    /// runtime, which holds the waker.
    pub(crate) fn forget_who_waits_for_all(&self) {
        let waker = self.all_ended.lock().take();
        drop(waker);
    }

    /// Goroutines that were started and have not ended.
    pub(crate) fn num_goroutine(&self) -> usize {
        // Ends are read first: a goroutine that ends meanwhile is counted, one that starts
        // meanwhile may be.
        // Ordering: Acquire pairs with the Release in `retire_outside`.
        let ended: u64 = self.processors().map(Processor::ended).sum::<u64>()
            + self.ended_outside.load(Ordering::Acquire);
        let started: u64 = self.processors().map(Processor::started).sum::<u64>()
            + self.started_outside.load(Ordering::Relaxed);
        usize::try_from(started.saturating_sub(ended)).unwrap_or(usize::MAX)
    }

    // ----- scheduling

    /// Makes tasks runnable from outside of the workers.
    #[cold]
    pub(crate) fn schedule_outside(self: &Arc<Self>, chain: Chain) {
        match self.push_outside(chain) {
            Phase::Running => self.notify(),
            Phase::Dead | Phase::ShuttingDown => {}
            Phase::Over => {
                super::shutdown::end_queued(self);
                self.unlist_if_over();
            }
        }
    }

    /// Puts tasks into the global queue. Returns the phase, which tells who will look there.
    pub(super) fn push_outside(&self, chain: Chain) -> Phase {
        self.inject.push(chain);
        self.phase_after_push()
    }

    /// The phase, for whoever has put something into the global queue.
    pub(super) fn phase_after_push(&self) -> Phase {
        // Ordering: pairs with the fence in `enter_phase`: either the last look of the shutdown sees what was
        // pushed or this load sees its phase.
        fence(Ordering::SeqCst);
        self.phase()
    }

    /// Makes a blocking job runnable: on a thread of the pool, or, simulated, among the goroutines.
    pub(crate) fn schedule_blocking(self: &Arc<Self>, runnable: Runnable<Meta>) {
        if self.is_simulated() {
            super::context::schedule_job(self, runnable);
        } else {
            Pool::submit(self, runnable);
        }
    }

    /// There is more work than those who run can be trusted to reach soon: wakes one sleeper,
    /// unless somebody searches.
    pub(crate) fn notify(&self) {
        if let Some(worker) = self.idle.notify() {
            self.unpark(worker);
        } else if self.config.current_thread {
            // The one worker may be without a host; whoever is inside `block_on` takes it.
            self.hosts.wake_one();
        }
    }

    pub(crate) fn unpark(&self, worker: usize) {
        self.processor(worker).unpark(&self.driver);
    }

    /// A worker has woken: the monitor, if there is one, must not sleep longer than the workers do.
    pub(crate) fn wake_sysmon(&self) {
        if self.config.current_thread {
            return;
        }
        // Ordering: pairs with the fence in `sysmon::sleep_until_woken`.
        fence(Ordering::SeqCst);
        if self.sysmon_sleeps.load(Ordering::Relaxed) {
            self.sysmon.unpark();
        }
    }

    // ----- phases and panics

    pub(crate) fn phase(&self) -> Phase {
        // Ordering: Acquire pairs with the Release in `enter_phase`.
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Dead,
            2 => Phase::ShuttingDown,
            _ => Phase::Over,
        }
    }

    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        // Ordering: Relaxed: who finds it running too late is told by its parker, its attention, or the
        // fence in `phase_after_push`.
        self.phase.load(Ordering::Relaxed) == Phase::Running as u8
    }

    /// Moves to `phase` and wakes everybody. Returns false if it stood there or further.
    pub(crate) fn enter_phase(&self, phase: Phase) -> bool {
        // Ordering: AcqRel: Release pairs with the Acquire in `phase`.
        if self.phase.fetch_max(phase as u8, Ordering::AcqRel) >= phase as u8 {
            return false;
        }
        // Ordering: pairs with the fences in `phase_after_push`, `may_begin`, `count_start_outside` and
        // `count_end_outside`.
        fence(Ordering::SeqCst);
        for processor in self.processors() {
            processor.call_attention();
            processor.unpark(&self.driver);
        }
        self.sysmon.unpark();
        self.hosts.wake_all();
        true
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Panics of goroutines and blocking jobs so far.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// A goroutine panicked and nobody can be told: Go's crash. The runtime stops; whoever waits in
    /// `run` or `block_on` re-raises.
    #[cold]
    pub(crate) fn fatal(&self, text: String, payload: Option<Payload>) {
        unwind::tell(format_args!("{text}"));
        if self.config.global {
            return;
        }
        let mut fatal = self.fatal.lock();
        if fatal.text.is_empty() {
            fatal.text = text;
            fatal.payload = payload;
        }
        drop(fatal);
        self.enter_phase(Phase::Dead);
    }

    /// Re-raises a fatal panic in a thread that waits for the runtime, which may be shut down by another such
    /// thread already.
    pub(crate) fn rethrow_fatal(&self) {
        if self.phase() < Phase::Dead {
            return;
        }
        let mut fatal = self.fatal.lock();
        if fatal.text.is_empty() {
            return;
        }
        let payload = fatal.payload.take();
        let text = fatal.text.clone();
        drop(fatal);
        match payload {
            Some(payload) => std::panic::resume_unwind(payload),
            None => std::panic::resume_unwind(Box::new(text)),
        }
    }

    /// Runs the user's hooks for a thread of this runtime, which goes on if they panic.
    pub(crate) fn thread_started(&self) {
        if let Some(hook) = &self.config.on_thread_start {
            unwind::contain(|| hook());
        }
    }

    pub(crate) fn thread_stops(&self) {
        if let Some(hook) = &self.config.on_thread_stop {
            unwind::contain(|| hook());
        }
    }

    /// A builder for a thread of this runtime. Asks the user for the name: no lock may be held.
    pub(crate) fn thread(&self) -> std::thread::Builder {
        let mut given = None;
        unwind::contain(|| given = Some((self.config.thread_name)()));
        // No thread can be started under a name with a NUL in it.
        let name = given.filter(|name| !name.contains('\0'));
        let name = name.unwrap_or_else(|| DEFAULT_THREAD_NAME.to_owned());
        let builder = std::thread::Builder::new().name(name);
        match self.config.thread_stack_size {
            Some(bytes) => builder.stack_size(bytes),
            None => builder,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("index", &self.index)
            .field("config", &self.config)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}
