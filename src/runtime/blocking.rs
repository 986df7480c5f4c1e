//! The blocking pool: threads for closures that may block.
//!
//! A job is a task like any other, except that scheduling it puts it here and that polling it runs
//! its closure. One lock covers the queue and the counts, so a job is never left behind: whoever
//! queues one either sees an idle thread that will look at the queue before it waits again, or
//! starts a thread, or knows that as many threads as allowed will come back to the queue (those that
//! are about to end are not counted).

use super::context;
use super::goroutine::Meta;
use super::shared::Shared;
use super::shutdown;
use crate::sys::point::BUDGET;
use crate::sys::sync::{Condvar, Mutex};
use async_task::Runnable;
use event_listener::Event;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// See the module documentation.
pub(crate) struct Pool {
    state: Mutex<State>,
    work: Condvar,
    /// A thread has ended.
    ended: Event,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Runnable<Meta>>,
    /// Threads that have not ended.
    threads: usize,
    /// Those of them that will look at the queue again. One that has found it empty for the last time
    /// is on its way out, which may take long: the user's hook runs there.
    serving: usize,
    /// Threads that wait for work.
    idle: usize,
    /// Jobs that are queued or run.
    unfinished: usize,
    stopped: bool,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State::default()), work: Condvar::new(), ended: Event::new() }
    }

    /// Queues a job, and starts a thread for it if no idle one is left for it.
    pub(crate) fn submit(shared: &Arc<Shared>, job: Runnable<Meta>) {
        let pool = &shared.pool;
        let mut state = pool.state.lock();
        if state.stopped {
            drop(state);
            // It is not counted, so the runtime may have left the table.
            job.metadata().refuse();
            context::poll_task(job, BUDGET);
            return;
        }
        state.queue.push_back(job);
        state.unfinished += 1;
        if state.idle >= state.queue.len() {
            drop(state);
            pool.work.notify_one();
            return;
        }
        if state.serving >= shared.config.max_blocking_threads {
            return;
        }
        state.threads += 1;
        state.serving += 1;
        drop(state);
        let owned = Arc::clone(shared);
        if let Err(error) = shared.thread().spawn(move || owned.pool.work(&owned)) {
            pool.no_thread(shared, &error);
        }
    }

    /// A thread could not be started. The job waits for another thread if one will come to the queue;
    /// else it fails, and with it whatever was queued behind it.
    #[cold]
    fn no_thread(&self, shared: &Shared, error: &std::io::Error) {
        let mut state = self.state.lock();
        state.threads -= 1;
        state.serving -= 1;
        let orphans =
            if state.serving == 0 { std::mem::take(&mut state.queue) } else { VecDeque::new() };
        drop(state);
        self.ended.notify(usize::MAX);
        for job in orphans {
            job.metadata().fail(error.raw_os_error().unwrap_or(0));
            self.finish(shared, job);
        }
        shared.unlist_if_over();
    }

    /// Polls a job, which ends there.
    fn finish(&self, shared: &Shared, job: Runnable<Meta>) {
        context::poll_task(job, BUDGET);
        self.state.lock().unfinished -= 1;
        if shared.clock.is_stopped() {
            // Time stood still for the job.
            shared.unpark(0);
        }
    }

    /// What a thread of the pool does.
    fn work(&self, shared: &Arc<Shared>) {
        let runtime = context::enter(shared);
        shared.thread_started();
        while let Some(job) = self.next_job(shared.config.thread_keep_alive) {
            self.finish(shared, job);
        }
        drop(runtime);
        shared.thread_stops();
        self.state.lock().threads -= 1;
        self.ended.notify(usize::MAX);
        shared.unlist_if_over();
    }

    /// Waits for a job; `None` ends the thread.
    fn next_job(&self, keep_alive: Duration) -> Option<Runnable<Meta>> {
        let mut state = self.state.lock();
        let mut waited = false;
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if state.stopped || waited {
                // In the same critical section: whoever queues a job later does not count on us.
                state.serving -= 1;
                return None;
            }
            state.idle += 1;
            // Woken for nothing, or too early: the thread ends a little before its time.
            state = self.work.wait_for(state, keep_alive);
            state.idle -= 1;
            waited = true;
        }
    }

    /// Takes no more jobs and ends those that have not started. Waits for the others for `grace`, or
    /// for ever.
    pub(crate) fn stop(&self, shared: &Shared, grace: Option<Duration>) {
        let mut state = self.state.lock();
        state.stopped = true;
        let queued = std::mem::take(&mut state.queue);
        drop(state);
        self.work.notify_all();
        for job in queued {
            job.metadata().abort();
            self.finish(shared, job);
        }
        shutdown::wait_until(&self.ended, grace, || self.state.lock().threads == 0);
    }

    /// Whether a job is queued or runs.
    pub(crate) fn is_busy(&self) -> bool {
        self.state.lock().unfinished > 0
    }

    /// Whether the pool was stopped, and its last thread and its last job have ended.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.stopped && state.threads == 0 && state.unfinished == 0
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("Pool")
            .field("threads", &state.threads)
            .field("idle", &state.idle)
            .field("queued", &state.queue.len())
            .finish()
    }
}
