//! The threads inside `block_on`, who on a current-thread runtime take turns in hosting its one worker.
//!
//! Whoever needs tasks to run takes the worker if it is free, runs it until its own future is ready, and puts it
//! back. The others wait on their parkers. What must not happen is that the worker is free while everybody waits:
//! so whoever leaves `block_on`, whether it was the host or not, wakes one of the others if the worker is free. That
//! it was not the host is no excuse: it may be the one that the last host has woken to follow it, and its own
//! future was ready before it came to look.
//!
//! A thread is registered before it looks for the worker, and leaves the register before it looks whether the worker
//! is free. Whoever picks a successor has made the worker free before. Both happen under the lock of the register: if
//! the pick comes first, the picked thread finds the worker free when it leaves, and picks another one; if the
//! leaving comes first, it is not picked.

use crate::sys::park::Parker;
use crate::sys::sync::Mutex;
use std::sync::Arc;

/// See the module documentation. `W` is the worker.
#[derive(Debug)]
pub(crate) struct Hosts<W> {
    /// The worker, while nobody hosts it; always empty on a multi-thread runtime.
    free: Mutex<Option<W>>,
    /// Threads inside `block_on`.
    guests: Mutex<Vec<Arc<Parker>>>,
}

impl<W> Hosts<W> {
    pub(crate) fn new() -> Self {
        Self { free: Mutex::new(None), guests: Mutex::new(Vec::new()) }
    }

    /// Takes the worker, if it is free.
    pub(crate) fn take(&self) -> Option<W> {
        self.free.lock().take()
    }

    /// Makes the worker free. The host that does so leaves `block_on`, or calls [`wake_one`](Self::wake_one).
    pub(crate) fn put(&self, worker: W) {
        *self.free.lock() = Some(worker);
    }

    /// Makes the worker free unless it is over with the runtime, which is asked under the lock that
    /// [`take`](Self::take) takes.
    ///
    /// # Errors
    ///
    /// The worker, if so.
    pub(crate) fn put_unless(&self, over: impl FnOnce() -> bool, worker: W) -> Result<(), W> {
        let mut free = self.free.lock();
        if over() {
            return Err(worker);
        }
        *free = Some(worker);
        Ok(())
    }

    /// Registers the calling thread, which waits on `parker`, until the guard drops.
    pub(crate) fn enter<'a>(&'a self, parker: &Arc<Parker>) -> Guest<'a, W> {
        self.guests.lock().push(Arc::clone(parker));
        Guest { hosts: self, parker: Arc::clone(parker) }
    }

    /// Wakes one of the threads if nobody hosts the worker.
    pub(crate) fn wake_one(&self) {
        let free = self.free.lock().is_some();
        if free {
            if let Some(parker) = self.guests.lock().first() {
                parker.unpark();
            }
        }
    }

    /// Wakes every thread, to look whether the runtime is over.
    pub(crate) fn wake_all(&self) {
        for parker in self.guests.lock().iter() {
            parker.unpark();
        }
    }
}

/// See [`Hosts::enter`].
#[derive(Debug)]
pub(crate) struct Guest<'a, W> {
    hosts: &'a Hosts<W>,
    parker: Arc<Parker>,
}

impl<W> Drop for Guest<'_, W> {
    fn drop(&mut self) {
        let mut guests = self.hosts.guests.lock();
        if let Some(at) = guests.iter().position(|p| Arc::ptr_eq(p, &self.parker)) {
            guests.swap_remove(at);
        }
        drop(guests);
        self.hosts.wake_one();
    }
}

#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn who_was_to_follow_the_host_and_leaves_passes_it_on() {
        let hosts = Hosts::new();
        let [first, second, third] = std::array::from_fn(|_| Arc::new(Parker::new()));
        let host = hosts.enter(&first);
        hosts.put(());
        hosts.take().unwrap();
        let follower = hosts.enter(&second);
        let waiting = hosts.enter(&third);
        hosts.put(());
        drop(host);
        // Whichever of the two was picked does not come for the worker: its own future is ready.
        if second.take_token() {
            drop(follower);
            assert!(third.take_token(), "nobody would ever run the goroutines");
        } else {
            assert!(third.take_token(), "nobody would ever run the goroutines");
            drop(waiting);
            assert!(second.take_token(), "nobody would ever run the goroutines");
        }
    }

    #[test]
    fn nobody_is_woken_while_the_worker_has_a_host() {
        let hosts = Hosts::<()>::new();
        let [first, second] = std::array::from_fn(|_| Arc::new(Parker::new()));
        let leaving = hosts.enter(&first);
        let _waiting = hosts.enter(&second);
        drop(leaving);
        assert!(!second.take_token());
    }
}
