//! The reactor: readiness of descriptors, and timers. One [`Driver`] per runtime, shared by its
//! workers and by every socket and timer that was made in it. It has no thread: an idle worker calls
//! [`Driver::try_turn`], and so does a busy one now and then.
//!
//! * [`poller`]: the system's queue. A lock of its own, tried and never waited for, is held across
//!   the wait itself and nothing else.
//! * [`source`]: one registered descriptor. A slab maps tokens to sources; a token is used once, so
//!   an event that was on its way when its descriptor was deregistered finds nobody.
//! * [`shard`], [`timers`], [`calendar`]: the timers, a set of them per worker.
//! * [`bell`]: how the sleeping poller is woken.
//!
//! Locks, in the order they may be taken: poll lock, slab, source; a shard's timers alone. No waker
//! is called, cloned or dropped under any of them.

mod bell;
mod calendar;
mod deadline;
mod interest;
#[cfg(all(test, gort_loom))]
mod loom;
mod poller;
mod ready;
mod registered;
mod shard;
mod source;
#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests;
mod timers;

pub use self::{interest::Interest, ready::Ready};

pub(crate) use self::{
    poller::{Backend, Descriptor},
    registered::Registered,
    shard::{Shard, Timer},
    source::{Direction, Snapshot, WaitId},
};

use self::bell::Bell;
use self::poller::{Event, Poller};
use self::source::Source;
use crate::sys::cell::CachePadded;
use crate::sys::clock::{Clock, Nanos, duration_to_nanos};
use crate::sys::sync::Mutex;
use crate::sys::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sys::unwind;
use crate::wait::batch::WakeBatch;
use slab::Slab;
use std::cell::Cell;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a turn may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all: one system call, no look at the timers.
    Now,
    /// So long, and no longer than until the next deadline.
    #[cfg_attr(not(test), expect(dead_code, reason = "for hosts that have something else to do"))]
    UpTo(Duration),
    /// Until there is an event, a deadline or an interrupt.
    Forever,
}

/// What the driver shares with its timers.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    /// A time that has passed: what the clock said when timers were last fired.
    coarse: CachePadded<AtomicU64>,
    bell: CachePadded<Bell>,
    backend: Backend,
    /// Made with the driver, or [lazily](Driver::lazy) by the first registration.
    poller: OnceLock<Poller>,
    /// Nobody fires timers any more. Set before a shard's lock is taken to remove its timers, and
    /// read under it by who adds one.
    timers_stopped: AtomicBool,
}

impl Shared {
    fn coarse(&self) -> Nanos {
        self.coarse.load(Ordering::Relaxed)
    }

    fn make_poller(&self) -> io::Result<&Poller> {
        if self.poller.get().is_none() {
            // Two may come here; one of the pollers is used.
            let _ = self.poller.set(Poller::new(self.backend)?);
        }
        Ok(self.poller())
    }

    /// The poller. The caller holds a registration, or the driver is not lazy.
    fn poller(&self) -> &Poller {
        self.poller.get().expect("the poller is made before it is needed")
    }

    /// Ends the wait of the thread that waits in the poller.
    fn notify(&self) {
        // Without a poller nobody waits in it.
        if let Some(poller) = self.poller.get() {
            poller.notify();
        }
    }
}

/// The poll lock: held by the thread that is in the poller, tried by others and never waited for.
#[derive(Debug)]
struct Turn(AtomicBool);

impl Turn {
    fn take(&self) -> Option<TurnGuard<'_>> {
        // Ordering: Acquire pairs with the Release in `drop`: what the last poller wrote is visible.
        let taken = self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then(|| TurnGuard(self))
    }
}

struct TurnGuard<'a>(&'a Turn);

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        // Ordering: Release pairs with the Acquire in `take`.
        self.0.0.store(false, Ordering::Release);
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Driver {
    shared: Arc<Shared>,
    shards: Box<[Arc<Shard>]>,
    turn: CachePadded<Turn>,
    sources: CachePadded<Mutex<Sources>>,
    shut_down: AtomicBool,
}

#[derive(Debug, Default)]
struct Sources {
    slab: Slab<Arc<Source>>,
    /// How many registrations there have been.
    made: u32,
}

impl Sources {
    /// The source that an event is for, if it is still registered.
    fn find(&self, token: u64) -> Option<&Arc<Source>> {
        // The token as the poller hands it back: a machine word.
        let source = self.slab.get(token as u32 as usize)?;
        (source.token as usize == token as usize).then_some(source)
    }
}

thread_local! {
    /// Which shard timers go to that are made on this thread.
    static SHARD: Cell<usize> = const { Cell::new(0) };
    /// Room for the events of a turn.
    static EVENTS: Cell<Vec<Event>> = const { Cell::new(Vec::new()) };
}

/// Says that this thread is worker `index`: its timers go to that shard.
pub(crate) fn set_shard(index: usize) {
    SHARD.set(index);
}

impl Driver {
    /// A driver with one shard for each of `shards` workers.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left.
    pub(crate) fn new(clock: Clock, backend: Backend, shards: usize) -> io::Result<Self> {
        let driver = Self::lazy(clock, backend, shards);
        driver.shared.make_poller()?;
        Ok(driver)
    }

    /// As [`new`](Self::new), without a poller until somebody registers a descriptor. Nobody can wait
    /// in it until then, so this is for a runtime that lets no time pass while it waits.
    pub(crate) fn lazy(clock: Clock, backend: Backend, shards: usize) -> Self {
        let coarse = CachePadded::new(AtomicU64::new(clock.now()));
        let bell = CachePadded::new(Bell::new());
        let shared = Arc::new(Shared {
            clock,
            coarse,
            bell,
            backend,
            poller: OnceLock::new(),
            timers_stopped: AtomicBool::new(false),
        });
        let shard = || Arc::new(Shard::new(shared.clone()));
        Self {
            shards: std::iter::repeat_with(shard).take(shards.max(1)).collect(),
            shared,
            turn: CachePadded::new(Turn(AtomicBool::new(false))),
            sources: CachePadded::new(Mutex::default()),
            shut_down: AtomicBool::new(false),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The shard of this thread.
    pub(crate) fn shard(&self) -> &Arc<Shard> {
        &self.shards[SHARD.get() % self.shards.len()]
    }

    /// Waits for events, at most `limit` and never past the least deadline, and wakes whoever waited
    /// for them. Returns how many events there were, `None` if another thread is waiting right now or
    /// if there is nothing to wait in. While the clock stands still there are no deadlines.
    ///
    /// It fires no timers: [`fire_due`](Self::fire_due) does.
    ///
    /// # Panics
    ///
    /// When the system refuses to wait, which means that somebody has closed the queue's descriptor.
    pub(crate) fn try_turn(&self, limit: Wait) -> Option<usize> {
        self.try_turn_unless(limit, || false)
    }

    /// As [`try_turn`](Self::try_turn), but without waiting if `stop` returns true. It is asked when
    /// an [interrupt](Self::interrupt) is sure to end the wait: one that came before may have ended
    /// that of another thread.
    pub(crate) fn try_turn_unless(
        &self,
        limit: Wait,
        stop: impl FnOnce() -> bool,
    ) -> Option<usize> {
        let poller = self.shared.poller.get()?;
        let turn = self.turn.take()?;
        let mut events = EVENTS.try_with(Cell::take).unwrap_or_default();
        let waited = match limit {
            Wait::Now => poller.wait(&mut events, Some(Duration::ZERO)),
            Wait::UpTo(limit) => {
                let until = self.clock().now().saturating_add(duration_to_nanos(limit));
                self.doze(poller, &mut events, until, stop)
            }
            Wait::Forever if self.clock().is_stopped() => {
                self.doze_without_time(poller, &mut events, stop)
            }
            Wait::Forever => self.doze(poller, &mut events, Nanos::MAX, stop),
        };
        drop(turn);
        if let Err(error) = waited {
            panic!("waiting for events: {error}");
        }
        let count = events.len();
        self.dispatch(&events);
        events.clear();
        let _ = EVENTS.try_with(|cell| cell.set(events));
        Some(count)
    }

    /// Waits until `until`, or the least deadline, or an event, or an interrupt.
    fn doze(
        &self,
        poller: &Poller,
        events: &mut Vec<Event>,
        until: Nanos,
        stop: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let until = until.min(self.next_deadline());
        let bell = &self.shared.bell;
        let Some(until) = bell.doze(until, || self.next_deadline(), stop) else {
            return poller.wait(events, Some(Duration::ZERO));
        };
        let limit = match until {
            Nanos::MAX => None,
            until => Some(Duration::from_nanos(until.saturating_sub(self.clock().now()))),
        };
        let waited = poller.wait(events, limit);
        bell.awake();
        waited
    }

    /// Waits until there is an event, an interrupt, or a new first deadline.
    fn doze_without_time(
        &self,
        poller: &Poller,
        events: &mut Vec<Event>,
        stop: impl FnOnce() -> bool,
    ) -> io::Result<()> {
        let bell = &self.shared.bell;
        let quiet = bell.doze(Nanos::MAX, || Nanos::MAX, stop).is_some();
        let waited = poller.wait(events, if quiet { None } else { Some(Duration::ZERO) });
        if quiet {
            bell.awake();
        }
        waited
    }

    fn dispatch(&self, events: &[Event]) {
        // When everybody has to be told of any event: a descriptor is armed for one event only.
        let everybody = self.shared.poller().needs_arming();
        let mut rest = events;
        while !rest.is_empty() {
            let mut batch = WakeBatch::new();
            let sources = self.sources.lock();
            while let Some((event, later)) = rest.split_first() {
                if let Some(source) = sources.find(event.token) {
                    source.set(event.bits);
                    if !source.take_wakers(event.bits, everybody, &mut batch) {
                        break;
                    }
                }
                rest = later;
            }
            drop(sources);
            wake_contained(&mut batch);
        }
    }

    /// Makes the thread inside [`try_turn`](Self::try_turn) return, or if there is none the next one
    /// that would wait there. Who means a certain thread leaves a word for it first, see
    /// [`try_turn_unless`](Self::try_turn_unless).
    pub(crate) fn interrupt(&self) {
        if self.shared.bell.ring() {
            self.shared.notify();
        }
    }

    /// Whether a thread waits for events right now; it may change at any moment.
    pub(crate) fn is_waiting(&self) -> bool {
        self.shared.bell.is_waiting()
    }

    /// Fires the timers that are due at `now`, a time that has passed. Returns how many.
    pub(crate) fn fire_due(&self, now: Nanos) -> usize {
        self.shared.coarse.store(now, Ordering::Relaxed);
        self.shards.iter().map(|shard| if shard.least() <= now { shard.fire(now) } else { 0 }).sum()
    }

    /// When the next timer is due; [`Nanos::MAX`] if there is none.
    pub(crate) fn next_deadline(&self) -> Nanos {
        self.shards.iter().map(|shard| shard.least_exact()).min().unwrap_or(Nanos::MAX)
    }

    /// When the next timer is due that ever is.
    pub(crate) fn next_real_deadline(&self) -> Option<Nanos> {
        Some(self.next_deadline()).filter(|&deadline| deadline < shard::FOREVER)
    }

    /// How many timers somebody waits for.
    #[cfg(test)]
    pub(crate) fn timers(&self) -> usize {
        self.shards.iter().map(|shard| shard.pending()).sum()
    }

    /// How many descriptors are registered.
    pub(crate) fn sources(&self) -> usize {
        self.sources.lock().slab.len()
    }

    /// Says that nobody will take turns any more. Whoever waits for a descriptor is woken and gets an
    /// error, as does whoever comes later.
    pub(crate) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::Relaxed);
        let sources = self.sources.lock();
        let all: Vec<_> = sources.slab.iter().map(|(_, source)| source.clone()).collect();
        drop(sources);
        for source in all {
            source.shut_down();
            let mut done = false;
            while !done {
                let mut batch = WakeBatch::new();
                done = source.take_wakers(0, true, &mut batch);
                wake_contained(&mut batch);
            }
        }
    }

    /// Says that nobody will fire timers any more. Whoever waits for one is woken and finds it
    /// [orphaned](Timer::is_orphaned), as does whoever comes later.
    pub(crate) fn stop_timers(&self) {
        self.shared.timers_stopped.store(true, Ordering::Relaxed);
        for shard in &self.shards {
            shard.clear();
        }
    }

    fn register(&self, io: &impl Descriptor, ready: bool) -> io::Result<Arc<Source>> {
        let poller = self.shared.make_poller()?;
        let mut sources = self.sources.lock();
        sources.made = sources.made.wrapping_add(1);
        let made = sources.made & 0x7fff_ffff;
        let entry = sources.slab.vacant_entry();
        // The upper bit is free: tokens near `u64::MAX` are the poller's own.
        let token = u64::from(made) << 32 | entry.key() as u64;
        let source = Arc::new(Source::new(token, ready));
        entry.insert(source.clone());
        // Under the lock: after a shutdown has marked all sources, none is added unmarked.
        if self.shut_down.load(Ordering::Relaxed) {
            source.shut_down();
        }
        drop(sources);
        if let Err(error) = poller.add(io, token) {
            self.forget(&source);
            return Err(error);
        }
        Ok(source)
    }

    fn forget(&self, source: &Source) {
        let removed = self.sources.lock().slab.try_remove(source.token as u32 as usize);
        debug_assert!(removed.is_some_and(|s| s.token == source.token));
    }
}

/// Wakes everybody in `batch`. A waker of the user's that panics must not cost others their wakes, nor
/// descriptors their events, nor the worker that called it its thread.
fn wake_contained(batch: &mut WakeBatch) {
    unwind::contain(|| batch.wake_all());
}
