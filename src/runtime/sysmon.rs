//! The monitor: a thread that watches for workers stuck in a poll, and polls the driver when nobody
//! does.
//!
//! It sleeps 1 ms between two looks, up to 10 ms when there is nothing to see, and until it is woken
//! when every worker has slept for a while, and none is abandoned: what that one wakes just before it has
//! noticed lies in its own queue, and nobody else is told.
//!
//! A worker whose poll number has not moved since the last look is *stalled*: if it has work queued,
//! a sleeper is woken for it and may take even its next slot, and workers that are busy take from it now and
//! then. If nobody waits in the driver, which the stalled one may have left for its poll, a sleeper is woken that
//! does. One that has not moved for 10 ms while nobody is free to take its work is *abandoned*, and at once if its
//! thread sleeps, work waits and no other worker gets on: a spare worker with a processor of its own takes its
//! place, and empties its queues by ordinary stealing. Not so if one more thread would not help: where the thread is
//! runnable and has had no processor, the machine is busy; and where it computes and another worker gets on, the two
//! would be three, on the same processors of the machine. If it stays stuck for 100 ms, and the threads of this
//! process have not waited for processors meanwhile, the user is told. A processor never changes its thread: its ring
//! would have two owners. When the stuck poll returns, the worker hands over what is left and becomes a spare.

use super::processor::{Processor, Status};
use super::shared::{Shared, Spares};
use super::worker::{self, Worker};
use crate::reactor::Wait;
use crate::sys::clock::Nanos;
use crate::sys::sync::atomic::{Ordering, fence};
use crate::sys::thread::{self, Activity};
use crate::sys::unwind;
use std::sync::Arc;
use std::time::Duration;

/// The shortest and the longest time between two looks.
const PERIOD: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_millis(10);
/// A poll that takes longer than this may cost its worker the place.
const STUCK: Nanos = 10_000_000;
/// A poll that takes longer than this is named to the user.
const NAMED: Nanos = 100_000_000;
/// How long nobody may have polled the driver.
const DRIVER: Nanos = 10_000_000;
/// Looks that found every worker asleep before the monitor sleeps too.
const QUIET: u32 = 20;

/// Starts the monitor of `shared`.
///
/// # Errors
///
/// The system's, if it does not start a thread.
pub(crate) fn start(shared: &Arc<Shared>) -> std::io::Result<()> {
    let thread = shared.thread();
    *shared.threads.lock() += 1;
    let owned = Arc::clone(shared);
    let started = thread.spawn(move || {
        Monitor::default().watch(&owned);
        *owned.threads.lock() -= 1;
        owned.exited.notify(usize::MAX);
        owned.unlist_if_over();
    });
    if started.is_err() {
        *shared.threads.lock() -= 1;
    }
    started.map(drop)
}

#[derive(Debug, Default)]
pub(super) struct Monitor {
    /// For each processor what was seen last.
    seen: Vec<Seen>,
    /// Looks in a row that found every worker asleep.
    quiet: u32,
    /// Looks in a row that found nothing to do.
    dull: u32,
    /// The last look found a worker inside of a poll.
    polling: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    tick: u32,
    /// Since when the tick has not moved.
    moved: Nanos,
    /// As `moved`, or later: since when it is the poll's own doing.
    since: Nanos,
    usage: Usage,
    /// It is stuck, and the user is told if it stays so. How long the process had waited for processors then.
    to_name: Option<Nanos>,
    /// The user was told.
    named: bool,
}

impl Monitor {
    fn watch(&mut self, shared: &Arc<Shared>) {
        while shared.is_running() {
            if self.quiet >= QUIET {
                sleep_until_woken(shared);
                self.quiet = 0;
            } else {
                shared.sysmon.park(Some(self.period()));
            }
            let now = shared.clock.now();
            if self.look(shared, now) {
                self.dull = 0;
            } else {
                self.dull += 1;
            }
        }
    }

    /// The time until the next look: it grows when there is nothing to see, but little while workers
    /// are inside of polls, one of which may be a long one.
    fn period(&self) -> Duration {
        let longest = if self.polling { 2 * *PERIOD.start() } else { *PERIOD.end() };
        (*PERIOD.start() * (1 << (self.dull / 50).min(4))).min(longest)
    }

    /// One look at everything. Returns whether there was anything to do.
    pub(super) fn look(&mut self, shared: &Arc<Shared>, now: Nanos) -> bool {
        let watched = self.seen.iter().any(|seen| seen.to_name.is_some());
        self.quiet = if all_asleep(shared) && !watched { self.quiet.saturating_add(1) } else { 0 };
        let mut busy = false;
        self.polling = false;
        let made = shared.processors().count();
        self.seen.resize(made.max(self.seen.len()), Seen::default());
        let (mut others_moved, mut is_stalled) = (0, false);
        for (processor, seen) in shared.processors().zip(&mut self.seen) {
            let (tick, active) = (processor.tick(), processor.status() == Status::Active);
            self.polling |= tick % 2 == 1 && active;
            if tick != seen.tick || tick % 2 == 0 {
                let usage = Usage::from(now);
                *seen = Seen { tick, moved: now, since: now, usage, ..Seen::default() };
            }
            if active {
                others_moved = seen.moved.max(others_moved);
            }
            is_stalled |= seen.moved != now;
        }
        // Ordering: Relaxed: a hint.
        shared.is_stalled.store(is_stalled, Ordering::Relaxed);
        if is_stalled && !shared.driver.is_waiting() {
            // Those who sleep may all have found somebody there.
            shared.notify();
        }
        for (index, seen) in self.seen.iter_mut().enumerate().take(made) {
            if seen.moved != now {
                busy |= stalled(shared, index, seen, now, others_moved);
            }
        }
        // Ordering: Relaxed: a time, with nothing behind it; an old one costs a turn of the driver.
        if now.saturating_sub(shared.last_turn.load(Ordering::Relaxed)) >= DRIVER {
            busy |= turn_driver(shared, now);
        }
        busy
    }
}

/// Does for the driver what workers that are all busy do not get round to. Returns whether there was anything to
/// do.
pub(super) fn turn_driver(shared: &Shared, now: Nanos) -> bool {
    let events = shared.driver.try_turn(Wait::Now);
    if events.is_some() {
        // A worker that went to sleep meanwhile found the driver taken, as if another one waited in it.
        shared.notify();
    }
    let fired = shared.driver.fire_due(now);
    events.is_some_and(|events| events > 0) || fired > 0
}

/// Every worker sleeps, and has for some time: so does the monitor, until one wakes.
pub(super) fn sleep_until_woken(shared: &Shared) {
    // Ordering: the fence pairs with the one in `wake_sysmon`: either the worker that wakes sees
    // the flag or `all_asleep` sees the worker.
    shared.sysmon_sleeps.store(true, Ordering::Relaxed);
    fence(Ordering::SeqCst);
    if all_asleep(shared) && shared.is_running() {
        shared.sysmon.park(None);
    }
    // Ordering: Relaxed: who still finds it set ends the next wait of the monitor, too early.
    shared.sysmon_sleeps.store(false, Ordering::Relaxed);
}

/// A worker's poll number has not moved since `seen.since`: sees to it that others do its work.
/// Returns whether it is worth another look soon.
fn stalled(
    shared: &Arc<Shared>,
    index: usize,
    seen: &mut Seen,
    now: Nanos,
    others_moved: Nanos,
) -> bool {
    let processor = shared.processor(index);
    let queued = processor.has_work();
    let work_waits = queued || !shared.inject.is_empty();
    if work_waits {
        processor.mark_stalled(seen.tick);
        shared.notify();
    }
    name_if_stuck(shared, processor, seen, now);
    if processor.status() != Status::Active || shared.idle.sleeping() > 0 {
        return queued;
    }
    match seen.usage.judge(processor.activity(), now, work_waits, others_moved) {
        Verdict::Early => true,
        Verdict::Starved => {
            seen.since = now;
            queued
        }
        Verdict::Computes => {
            if !seen.named {
                seen.to_name.get_or_insert_with(thread::waited);
            }
            queued
        }
        Verdict::Blocks => {
            seen.to_name = abandon(shared, index).then(thread::waited);
            true
        }
    }
}

/// What is to be thought of a worker whose poll takes long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may still come back.
    Early,
    /// The machine has no processor for its thread, and would have none for a spare.
    Starved,
    /// It uses a processor of the machine that a spare would want, and others get on.
    Computes,
    /// Its place is wanted.
    Blocks,
}

/// How much of its time a thread has run, inside of a poll that takes long: counted anew every [`STUCK`], as one
/// that has computed may block later.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    /// Since when it is counted.
    since: Nanos,
    /// Processor time of the thread then; `None` before the first look at it.
    cpu: Option<Nanos>,
}

impl Usage {
    pub(super) fn from(now: Nanos) -> Self {
        Self { since: now, cpu: None }
    }

    /// Judges the worker by what its thread has done until `now`. `work_waits` for a worker; another one last got
    /// on with its own at `others_moved`.
    pub(super) fn judge(
        &mut self,
        activity: Option<Activity>,
        now: Nanos,
        work_waits: bool,
        others_moved: Nanos,
    ) -> Verdict {
        let time = now.saturating_sub(self.since);
        let Some(thread) = activity else {
            return if time < STUCK { Verdict::Early } else { Verdict::Blocks };
        };
        let Some(before) = self.cpu else {
            *self = Self { since: now, cpu: Some(thread.cpu) };
            return Verdict::Early;
        };
        let used = thread.cpu.saturating_sub(before);
        if time < STUCK {
            // Who has not run at all gives up nothing with the place. But if another one gets on there is no
            // hurry, and it may be waiting for memory only.
            let sleeps = !thread.runnable && used == 0;
            let urgent = work_waits && others_moved < now;
            return if sleeps && urgent { Verdict::Blocks } else { Verdict::Early };
        }
        *self = Self { since: now, cpu: Some(thread.cpu) };
        // Who waits for a lock or a page of memory just now, but has run, does not block.
        if used >= time / 2 {
            if now - others_moved < STUCK { Verdict::Computes } else { Verdict::Blocks }
        } else if thread.runnable {
            Verdict::Starved
        } else {
            Verdict::Blocks
        }
    }
}

/// Tells the user of a goroutine that a worker has been stuck in for long, if that is its own doing.
fn name_if_stuck(shared: &Shared, processor: &Processor, seen: &mut Seen, now: Nanos) {
    let time = now.saturating_sub(seen.since);
    let Some(before) = seen.to_name.filter(|_| time >= NAMED) else { return };
    let waited = thread::waited();
    // It has become less if threads have ended: then nobody knows.
    if waited.checked_sub(before).is_some_and(|waited| waited < time / 2) {
        (seen.to_name, seen.named) = (None, true);
        report(shared, processor);
    } else {
        // It may have no processor itself, or wait for a lock whose holder has none.
        (seen.since, seen.to_name) = (now, Some(waited));
    }
}

/// Whether nobody is awake who could wake a goroutine.
pub(super) fn all_asleep(shared: &Shared) -> bool {
    let spares = shared.spares.lock();
    shared.idle.sleeping() as usize >= spares.active && spares.active > 0 && spares.abandoned == 0
}

/// Takes the place of the worker of `index` away and gives it to a spare. Does nothing if the worker
/// has no place, or if no spare can be had: then the worker keeps it, and the answer is no.
pub(crate) fn abandon(shared: &Arc<Shared>, index: usize) -> bool {
    let processor = shared.processor(index);
    let Some(successor) = give_place_away(shared, processor) else { return false };
    if let Successor::New(new) = successor {
        // Not under the lock: the user is asked for the thread's name.
        if worker::start_thread(shared, new).is_err() {
            take_back(shared, processor, new);
            return false;
        }
    }
    // Ordering: Relaxed: statistics.
    shared.stuck.fetch_add(1, Ordering::Relaxed);
    processor.call_attention();
    // It may have left its poll meanwhile, and sleep.
    processor.unpark(&shared.driver);
    // What lies in the queues of the abandoned one is to be stolen now.
    shared.notify();
    true
}

/// Names the goroutine that a worker is stuck in: once for each place that starts such goroutines.
fn report(shared: &Shared, processor: &Processor) {
    let Some(record) = processor.current() else { return };
    let (id, Some(created)) = (record.id(), record.created()) else { return };
    let mut told = shared.told_stuck.lock();
    if id == 0 || told.contains(&created) {
        return;
    }
    told.push(created);
    drop(told);
    let what = match processor.status() {
        Status::Abandoned => "blocks its thread, so another one takes its place",
        Status::Active | Status::Spare => "keeps its thread busy, and others wait",
    };
    unwind::tell(format_args!(
        "gort: goroutine {id} {what}; task::spawn_blocking is for code that blocks or computes\n\
         created by goroutine {} at {created}",
        record.parent()
    ));
}

/// Who has the place of an abandoned worker.
enum Successor {
    /// A spare worker that was parked, and has been woken.
    Parked,
    /// A new one with this processor, which has no thread yet.
    New(usize),
}

/// Gives the place of the worker of `processor`, if it has one, to a spare worker, if one can be had.
fn give_place_away(shared: &Shared, processor: &Processor) -> Option<Successor> {
    let mut spares = shared.spares.lock();
    if processor.status() != Status::Active || shared.config.current_thread {
        return None;
    }
    processor.set_status(Status::Abandoned);
    spares.active -= 1;
    spares.abandoned += 1;
    if activate_parked(shared, &mut spares) {
        return Some(Successor::Parked);
    }
    let Some(new) = spares.threadless.pop().or_else(|| shared.make_processor()) else {
        processor.set_status(Status::Active);
        spares.active += 1;
        spares.abandoned -= 1;
        return None;
    };
    shared.processor(new).set_status(Status::Active);
    spares.active += 1;
    Some(Successor::New(new))
}

/// Gives a free place to a spare worker that is parked, if there is one.
fn activate_parked(shared: &Shared, spares: &mut Spares) -> bool {
    let Some(spare) = spares.parked.pop() else { return false };
    shared.processor(spare).set_status(Status::Active);
    spares.active += 1;
    shared.processor(spare).parker.unpark();
    true
}

/// The system would not start a thread for `new`, which has got the place of the worker of `processor`.
fn take_back(shared: &Shared, processor: &Processor, new: usize) {
    let mut spares = shared.spares.lock();
    // The monitor will try again, many times perhaps: the processor must not be used up by it.
    shared.processor(new).set_status(Status::Spare);
    spares.threadless.push(new);
    spares.active -= 1;
    if processor.status() == Status::Abandoned {
        processor.set_status(Status::Active);
        spares.active += 1;
        spares.abandoned -= 1;
    } else {
        // It is back from its poll already, and may have found no free place.
        activate_parked(shared, &mut spares);
    }
}

/// An abandoned worker is back from the poll it was stuck in: takes a place if one is free, or waits
/// as a spare until one is.
pub(crate) fn rejoin(worker: &Worker) {
    let shared = worker.shared();
    let processor = worker.processor();
    {
        let mut spares = shared.spares.lock();
        spares.abandoned -= 1;
        if spares.active < shared.config.workers {
            spares.active += 1;
            processor.set_status(Status::Active);
            return;
        }
        processor.set_status(Status::Spare);
        spares.parked.push(worker.index());
    }
    while processor.status() == Status::Spare && shared.is_running() {
        processor.parker.park(None);
    }
}
