//! A poller for tests that have no descriptors: somebody waits, and somebody ends the wait. It is made of
//! our own locks, so that models see into it; in a model a wait with a limit may end at any moment.

use super::Event;
use crate::sys::sync::{Condvar, Mutex};
use std::time::Duration;

/// See the [module](self).
#[derive(Debug, Default)]
pub(in crate::reactor) struct Bare {
    told: Mutex<bool>,
    wake: Condvar,
}

impl Bare {
    pub(super) fn wait(&self, _events: &mut Vec<Event>, limit: Option<Duration>) {
        let mut told = self.told.lock();
        match limit {
            Some(Duration::ZERO) => {}
            Some(limit) if !*told => told = self.wake.wait_for(told, limit),
            Some(_) => {}
            None => {
                while !*told {
                    told = self.wake.wait(told);
                }
            }
        }
        *told = false;
    }

    pub(super) fn notify(&self) {
        *self.told.lock() = true;
        self.wake.notify_one();
    }
}
