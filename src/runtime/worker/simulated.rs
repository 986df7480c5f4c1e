//! What is different when a worker is simulated: the order of tasks, and how time goes by.
//!
//! It is the ordinary worker, with its ring, its next slot and its sleep. Only, the next task is a
//! choice among those that wait, and so is the budget of its poll; and when nothing is runnable the
//! clock, which stands still otherwise, moves to the next deadline. The latter goes for every runtime
//! whose clock was stopped.

use super::{Item, Worker};
use crate::reactor::Wait;
use crate::sys::choose::{self, Script, choose};
use crate::sys::sync::atomic::Ordering;

/// How far from the head of the ring the next task may be.
const REACH: u32 = 8;
/// While fewer tasks than this are in the ring, what overflowed and what the global queue holds is added.
const ROOM: u32 = 64;

const DEADLOCK: &str = "fatal error: all goroutines are asleep - deadlock!";

impl Worker {
    /// Chooses the next task: the one in the next slot, the oldest in the ring, or one close to it.
    pub(super) fn next_simulated(&self) -> Option<Item> {
        let processor = self.processor();
        while processor.ring.len() < ROOM {
            let Some(task) = self.take_spilled().or_else(|| self.take_global()) else { break };
            self.push_ring(task);
        }
        if let Some(task) = processor.take_next() {
            if processor.ring.len() == 0 || choose(2) == 0 {
                return Some(task);
            }
            self.push_ring(task);
        }
        for _ in 0..choose(processor.ring.len().min(REACH) as usize) {
            if let Some(passed_over) = processor.ring.pop() {
                self.push_ring(passed_over);
            }
        }
        processor.ring.pop()
    }

    /// Nothing is runnable. If the clock stands still, moves it to the next deadline and fires what is
    /// due then; a simulated runtime that has no deadline either is in a deadlock, and says so.
    /// Returns whether there may be something to do now.
    pub(super) fn pass_time(&self) -> bool {
        let Some(clock) = self.shared.clock.as_virtual().filter(|clock| clock.is_stopped()) else {
            return false;
        };
        let driver = &self.shared.driver;
        self.to_tail.set(true);
        let events = driver.try_turn(Wait::Now).is_some_and(|events| events > 0);
        self.to_tail.set(false);
        if events || self.shared.pool.is_busy() {
            return events;
        }
        if let Some(deadline) = driver.next_real_deadline() {
            clock.advance_to(deadline.max(clock.now()));
            choose::note(deadline);
            self.fire_due();
            return true;
        }
        let stuck = self.simulated && driver.sources() == 0;
        if stuck {
            self.shared.fatal(DEADLOCK.to_owned(), None);
        }
        stuck
    }

    /// Fires the timers that are due on the runtime's clock; whom they wake goes to the tail of the
    /// ring. Returns how many there were.
    pub(crate) fn fire_due(&self) -> usize {
        self.to_tail.set(true);
        let fired = self.shared.driver.fire_due(self.shared.clock.now());
        self.to_tail.set(false);
        fired
    }

    /// Makes the worker's script, if it has one, the source of the thread's choices until the guard is
    /// dropped.
    pub(super) fn install_script(&self) -> Option<Installed<'_>> {
        let script = self.script.borrow_mut().take()?;
        let outer = choose::install(Some(script));
        Some(Installed { worker: self, outer })
    }
}

/// See [`Worker::install_script`].
pub(super) struct Installed<'a> {
    worker: &'a Worker,
    outer: Option<Box<Script>>,
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        if let Some(script) = choose::install(self.outer.take()) {
            // Ordering: Relaxed: the lock under which the runtime gets its worker back publishes it.
            self.worker.shared.trace.store(script.trace(), Ordering::Relaxed);
            *self.worker.script.borrow_mut() = Some(script);
        }
    }
}
