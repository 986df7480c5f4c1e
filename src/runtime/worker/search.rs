//! What a worker does when its own queue is empty: it looks at the global queue and at the other workers, lingers
//! for a moment while the driver brings work, and sleeps.
//!
//! All looks but the last may pass over work that is published at that moment, or leave out some queue: they only
//! decide how soon it is found. [`Worker::sleep`] looks at every queue once more after the worker counts as
//! sleeping, and who publishes work after that finds a sleeper to wake (`idle`).

use super::{Item, Worker};
use crate::reactor::Wait;
use crate::sys::choose::choose;
use crate::sys::clock::{Clock, Nanos};
use crate::sys::sync::atomic::Ordering;
use crate::sys::sync::spin_loop;
use crate::wait::record;

/// Rounds over all other workers before a searcher gives up.
const SEARCH_ROUNDS: usize = 2;
/// How long a worker looks at the driver before it sleeps, in nanoseconds, if it has only [`RECENT`]ly come back
/// from a sleep, and the driver has brought something since then.
const LINGER: Nanos = 25_000;
/// What is not long ago, in nanoseconds: an event, and how long before the end of a sleep the worker has last been at
/// the driver.
const RECENT: Nanos = 250_000;
/// A sleep has found events at once if it ends so soon after the last time at the driver, in nanoseconds.
const AT_ONCE: Nanos = 5_000;
/// Pauses between two such looks, during which others may take the driver.
const LINGER_PAUSES: usize = 8;

impl Worker {
    /// The worker's own queue is empty: looks at the global queue and at the others, then sleeps.
    /// Returns `None` after a sleep, or if there is something to attend to.
    pub(super) fn find_task(&self) -> Option<Item> {
        self.note_end();
        if let Some(task) = self.take_spilled().or_else(|| self.take_global()) {
            return Some(task);
        }
        let active = u32::try_from(self.shared.config.workers).unwrap_or(u32::MAX);
        if !self.searching.get() && self.shared.processors().nth(1).is_some() {
            self.searching.set(self.shared.idle.start_search(active));
        }
        if self.searching.get() {
            for _ in 0..SEARCH_ROUNDS {
                if let Some(task) = self.steal() {
                    return Some(task);
                }
            }
        }
        if let Some(task) = self.look_again().or_else(|| self.linger()) {
            return Some(task);
        }
        self.sleep();
        None
    }

    /// Ends a search with success. Whoever published work meanwhile may have counted on this
    /// searcher: if there is more than the one task, another worker is woken.
    #[cold]
    pub(super) fn found(&self) {
        self.searching.set(false);
        if self.shared.idle.stop_search()
            && (self.processor().ring.len() > 0 || !self.shared.inject.is_empty())
        {
            self.shared.notify();
        }
    }

    /// Takes from another worker: a chain that overflowed, or half of its ring; if it is stuck also its next slot.
    pub(super) fn steal(&self) -> Option<Item> {
        let made = self.shared.processors().count();
        let start = choose(made);
        let mut victims = (0..made).map(|i| (start + i) % made).filter(|&i| i != self.index);
        let stolen = victims.find_map(|victim| {
            let victim = self.shared.processor(victim);
            let spilled = || self.take_in(victim.spill.pop()?);
            spilled()
                .or_else(|| victim.ring.steal_into(&self.processor().ring))
                .or_else(|| if victim.is_stalled() { victim.take_next() } else { None })
        });
        self.unless_over(stolen?)
    }

    /// Looks at the driver before the worker sleeps, if events have been there whenever it was about to: what it has
    /// just run makes them at once, as with both ends of a connection on one worker. The look takes a system
    /// call, as the sleep that finds them would, and little else.
    fn look_again(&self) -> Option<Item> {
        if !self.finds_events.get() || self.simulated {
            return None;
        }
        let task = self.take_from_driver(Clock::Real.now());
        self.finds_events.set(task.is_some());
        task
    }

    /// Looks at the driver for a moment before the worker sleeps, while events come and another worker is
    /// busy: that one will make some more, and to be woken for them costs more than to have waited.
    ///
    /// It takes nothing from others meanwhile: what runs there wakes tasks that are better off there. Whoever
    /// counts on this searcher waits no longer than it lingers.
    pub(super) fn linger(&self) -> Option<Item> {
        if !self.searching.get() || !self.is_restless.get() {
            return None;
        }
        let start = Clock::Real.now();
        // Ordering: Relaxed: a time, with nothing behind it. It is 0 in models, whose clock stands still, too.
        let last_event = self.shared.last_event.load(Ordering::Relaxed);
        if last_event == 0 || start.saturating_sub(last_event) >= RECENT {
            return None;
        }
        let mut now = start;
        while now.saturating_sub(start) < LINGER && self.may_linger() {
            if let Some(task) = self.take_from_driver(now) {
                return Some(task);
            }
            (0..LINGER_PAUSES).for_each(|_| spin_loop());
            now = Clock::Real.now();
        }
        None
    }

    /// A task that the driver brings now, or somebody from outside.
    fn take_from_driver(&self, now: Nanos) -> Option<Item> {
        self.turn_driver(now);
        self.processor().ring.pop().or_else(|| self.take_global())
    }

    /// Nobody else looks, and somebody is busy: of workers that all have nothing to do one waits in the driver,
    /// and the others sleep.
    fn may_linger(&self) -> bool {
        !self.processor().has_attention()
            && self.shared.idle.has_one_searcher_beside_busy(self.shared.config.workers)
    }

    /// Whether another look is worth it, after the worker has been counted as sleeping.
    pub(super) fn sees_work(&self) -> bool {
        self.processor().has_attention()
            || !self.shared.inject.is_empty()
            || self
                .shared
                .processors()
                .enumerate()
                .any(|(index, other)| index != self.index && other.offers_work())
    }

    pub(super) fn sleep(&self) {
        let processor = self.processor();
        let idle = &self.shared.idle;
        idle.sleep(self.index, self.searching.replace(false));
        self.shared.tell_if_last();
        if !self.sees_work() && !self.pass_time() && processor.enter_driver() {
            processor.count_park();
            self.to_tail.set(true);
            // Who unparks this worker from here on interrupts the driver; but if another worker is
            // just leaving it, that one may be the one that is interrupted.
            let unparked = || processor.parker.take_token();
            let turned = self.shared.driver.try_turn_unless(Wait::Forever, unparked);
            processor.leave_driver();
            if turned.is_none() {
                processor.parker.park(None);
            }
            let now = Clock::Real.now();
            self.note_sleep(now, turned);
            let now = self.shared.clock.at(now);
            record::set_coarse_time(now);
            self.shared.driver.fire_due(now);
            self.to_tail.set(false);
        }
        self.searching.set(idle.wake(self.index));
        self.shared.wake_sysmon();
    }

    /// A sleep has ended, with so many events if it was in the driver: what it tells about the next one.
    fn note_sleep(&self, now: Nanos, events: Option<usize>) {
        let elapsed = now.saturating_sub(self.last_turn.get().0);
        self.is_restless.set(elapsed < RECENT);
        self.finds_events.set(elapsed < AT_ONCE && events.is_some_and(|events| events > 0));
        self.note_turn(now, events);
    }
}

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;
    use crate::reactor::Timer;
    use crate::runtime::chains::Chain;
    use crate::runtime::shared::Shared;
    use crate::runtime::{table, tests::two_workers};
    use std::ptr::NonNull;
    use std::sync::Arc;
    use std::task::{Context, Wake};

    /// Queues a task, which nobody runs, when a timer fires.
    struct Queues(Arc<Shared>);

    impl Queues {
        fn task() -> Item {
            Item(NonNull::from(&ITEM).cast())
        }
    }

    static ITEM: u64 = 0;

    impl Wake for Queues {
        fn wake(self: Arc<Self>) {
            self.0.schedule_outside(Chain::One(Self::task()));
        }
    }

    /// Lets worker 0 have a `look`, once `prepare` has changed something, while a timer is due. Returns whether it
    /// found what the timer woke; then it has also turned the driver.
    fn finds(look: fn(&Worker) -> Option<Item>, prepare: impl FnOnce(&Worker)) -> bool {
        let shared = two_workers();
        let worker = Worker::new(Arc::clone(&shared), 0);
        worker.searching.set(shared.idle.start_search(2));
        worker.is_restless.set(true);
        worker.finds_events.set(true);
        // Not in the past, however long it takes from here.
        shared.last_event.store(Clock::Real.now() + 3_600_000_000_000, Ordering::Relaxed);
        let waker = Arc::new(Queues(Arc::clone(&shared))).into();
        let ahead = (0..).map(|doublings| 1_000_000 << doublings);
        // On a loaded machine it may be due before it has been polled.
        let waiting = ahead.map(|ahead| {
            let deadline = Clock::Real.now() + ahead;
            let mut timer = Timer::new(shared.driver.shard().clone(), deadline);
            let waits = timer.poll_elapsed(&mut Context::from_waker(&waker)).is_pending();
            waits.then_some(timer)
        });
        let timer = waiting.flatten().next().expect("one of them is not due yet");
        while Clock::Real.now() <= timer.deadline() {
            std::thread::yield_now();
        }
        prepare(&worker);
        let found = look(&worker);
        assert!(found.is_none_or(|task| task == Queues::task()));
        let turned = shared.last_turn.load(Ordering::Relaxed) != 0;
        assert_eq!(found.is_some(), turned);
        table::remove(&shared);
        turned
    }

    fn lingers(prepare: impl FnOnce(&Worker)) -> bool {
        finds(Worker::linger, prepare)
    }

    #[test]
    fn a_worker_lingers_for_what_the_driver_brings_to_a_runtime_that_is_busy() {
        assert!(lingers(|_| {}));
    }

    #[test]
    fn a_worker_does_not_linger_if_that_is_unlikely_to_bring_anything() {
        let event = |worker: &Worker, at| worker.shared.last_event.store(at, Ordering::Relaxed);
        assert!(!lingers(|worker| event(worker, 0)), "there has been no event");
        assert!(!lingers(|worker| event(worker, 1)), "the last event was long ago");
        assert!(!lingers(|worker| worker.is_restless.set(false)), "it slept for long");
        assert!(!lingers(|worker| worker.shared.idle.sleep(1, false)), "nobody is busy");
        assert!(
            !lingers(|worker| assert!(worker.shared.idle.start_search(4))),
            "another one looks"
        );
        assert!(!lingers(|worker| worker.processor().call_attention()), "it is called");
    }

    #[test]
    fn a_worker_looks_again_where_events_have_been_before() {
        assert!(finds(Worker::look_again, |_| {}));
        assert!(!finds(Worker::look_again, |worker| worker.finds_events.set(false)));
    }

    #[test]
    fn a_look_in_vain_is_the_last_one() {
        let shared = two_workers();
        let worker = Worker::new(Arc::clone(&shared), 0);
        worker.finds_events.set(true);
        assert!(worker.look_again().is_none());
        assert_ne!(shared.last_turn.swap(0, Ordering::Relaxed), 0, "it has looked");
        assert!(worker.look_again().is_none());
        assert_eq!(shared.last_turn.load(Ordering::Relaxed), 0, "it has looked in vain before");
        table::remove(&shared);
    }

    /// What a sleep that ended so long after the last turn of the driver tells, and with so many events.
    #[test]
    fn a_sleep_tells_whether_to_look_again_or_to_linger() {
        let shared = two_workers();
        let worker = Worker::new(Arc::clone(&shared), 0);
        let tells = |elapsed: Nanos, events| {
            let (last_turn, _) = worker.last_turn.get();
            worker.note_sleep(last_turn + elapsed, events);
            (worker.finds_events.get(), worker.is_restless.get())
        };
        assert_eq!(tells(1_000_000, Some(1)), (false, false));
        assert_eq!(tells(AT_ONCE - 1, Some(1)), (true, true));
        assert_eq!(tells(AT_ONCE - 1, Some(0)), (false, true), "it was interrupted");
        assert_eq!(tells(AT_ONCE - 1, None), (false, true), "another one was in the driver");
        assert_eq!(tells(AT_ONCE, Some(1)), (false, true));
        assert_eq!(tells(RECENT - 1, Some(1)), (false, true));
        assert_eq!(tells(RECENT, Some(1)), (false, false));
        table::remove(&shared);
    }
}
