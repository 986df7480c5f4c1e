//! Deadlines of the operations on a descriptor.
//!
//! A deadline that passes is a bit of the [`Source`] beside what it is ready for: operations look at that
//! word anyway, and whoever waits is woken as by an event. While there is none, it costs nothing.

use super::shard::{Shard, Timer};
use super::source::{Direction, Source};
use super::wake_contained;
use crate::sys::clock::Nanos;
use crate::sys::sync::Mutex;
use crate::wait::batch::WakeBatch;
use std::sync::Arc;
use std::task::{Wake, Waker};

/// The deadline of operations in one direction.
#[derive(Debug)]
pub(super) struct Deadline {
    source: Arc<Source>,
    direction: Direction,
    /// Set while the deadline is still to come. Held while the source is told, so that a deadline that
    /// passes does not undo that another one was set.
    timer: Mutex<Option<Timer>>,
}

impl Deadline {
    pub(super) fn new(source: Arc<Source>, direction: Direction) -> Self {
        Self { source, direction, timer: Mutex::new(None) }
    }

    pub(super) fn set(self: &Arc<Self>, shard: &Arc<Shard>, deadline: Option<Nanos>) {
        let mut timer = self.timer.lock();
        *timer = None;
        self.source.set_in_time(self.direction);
        let Some(deadline) = deadline else { return };
        if shard.has_come(deadline) {
            self.source.set(self.direction.late());
            drop(timer);
            return self.wake_all();
        }
        let mut next = Timer::new(Arc::clone(shard), deadline);
        next.arm(Waker::from(Arc::clone(self)));
        *timer = Some(next);
    }

    pub(super) fn cancel(&self) {
        *self.timer.lock() = None;
    }

    /// Wakes whoever waits in this direction.
    fn wake_all(&self) {
        let mut done = false;
        while !done {
            let mut batch = WakeBatch::new();
            done = self.source.take_wakers(self.direction.late(), false, &mut batch);
            wake_contained(&mut batch);
        }
    }
}

impl Wake for Deadline {
    fn wake(self: Arc<Self>) {
        let mut timer = self.timer.lock();
        if !timer.as_ref().is_some_and(Timer::is_elapsed) {
            // Another one was set meanwhile, or the runtime has gone.
            return;
        }
        *timer = None;
        self.source.set(self.direction.late());
        drop(timer);
        self.wake_all();
    }
}
