//! The end of a runtime.
//!
//! 1. The phase becomes `ShuttingDown`: nothing new is started, every thread is woken.
//! 2. Workers leave their loop after the poll they are in, and hand over what they have queued.
//! 3. The caller waits for them, and for whoever hosts the one worker inside `block_on`, up to the
//!    grace. A worker that is inside a poll for longer keeps the
//!    goroutine it polls: that future is dropped when the poll returns, by the thread it is on.
//! 4. The references that goroutines hold to themselves are taken and woken: every goroutine that is
//!    not inside a poll becomes runnable. What lies in the queues of workers that are inside of one is stolen.
//! 5. Runnable goroutines are run one last time, aborted: this drops each future once, on the
//!    caller's thread. What those drops wake is run in turn, until nothing is left.
//! 6. The phase becomes `Over`, and the queue is looked at once more.
//! 7. The blocking pool is stopped.
//! 8. When the last task has ended, here or on the thread of a stuck one, the runtime leaves the
//!    table.
//!
//! Until the phase is `Over`, a wake only pushes, to the global queue or, on a worker's thread, to its own: who wakes may
//! hold a lock (that of an `event_listener::Event`, say) which the future that it wakes takes when it is dropped.
//! From then on whoever makes a goroutine runnable ends it himself. By then that is the thread that was inside of
//! its poll, as every other one has been woken for its end already, or one that starts a new one.
//!
//! Such a push looks at the phase after it, and the last look at the queue comes after the phase: one of the two
//! sees the other.

#![expect(unsafe_code, reason = "tasks travel through the queues as raw pointers")]

use super::chains::Chain;
use super::context;
use super::goroutine::Meta;
use super::ring::{Item, Ring};
use super::shared::{Phase, Shared};
use crate::sys::clock::Clock;
use crate::sys::point::BUDGET;
use crate::sys::unwind;
use crate::wait::record;
use async_task::Runnable;
use event_listener::{Event, Listener};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Shuts `shared` down; see the module documentation. `grace` bounds the wait for blocking jobs;
/// `None` waits for them for ever.
pub(crate) fn shut_down(shared: &Arc<Shared>, grace: Option<Duration>) {
    if !shared.enter_phase(Phase::ShuttingDown) {
        return;
    }
    // What destructors start is refused, and not started in another runtime.
    let _in = context::enter(shared);
    let polls = grace.map_or(shared.config.shutdown_grace, |g| g.min(shared.config.shutdown_grace));
    wait_for_threads(shared, polls);
    shared.forget_who_waits_for_all();
    if let Some(worker) = shared.hosts.take() {
        worker.hand_over();
    }
    // Whoever waits for a socket from outside of the runtime is told that nothing will come.
    shared.driver.shut_down();
    // All of them first: what the end of one wakes is runnable already then.
    if shared.num_goroutine() > 0 {
        for reference in record::take_own_references(shared.index()) {
            reference.wake();
        }
    }
    take_over(shared);
    end_queued(shared);
    shared.enter_phase(Phase::Over);
    end_queued(shared);
    // Timers that are waited for outside go on elsewhere; those of the goroutines are gone.
    shared.driver.stop_timers();
    shared.pool.stop(shared, grace);
    tell_who_is_left(shared);
    shared.unlist_if_over();
}

/// Moves what is queued at workers that are still inside of a poll, perhaps for ever, to the global queue.
fn take_over(shared: &Shared) {
    let ring = Ring::new();
    for processor in shared.processors() {
        let chains = std::iter::from_fn(|| processor.spill.pop());
        chains.for_each(|chain| shared.inject.push(chain));
        while let Some(first) = processor.ring.steal_into(&ring).or_else(|| processor.take_next()) {
            let rest = std::iter::from_fn(|| ring.pop());
            shared.inject.push(Chain::Many(std::iter::once(first).chain(rest).collect()));
        }
    }
}

/// Names the goroutines that the shutdown could not end.
fn tell_who_is_left(shared: &Shared) {
    let left = shared.num_goroutine();
    if left == 0 {
        return;
    }
    let mut text = format!(
        "gort: {left} goroutine(s) were inside a poll when their runtime was shut down, and \
         are left to their threads"
    );
    for processor in shared.processors().filter(|processor| processor.is_polling()) {
        let record = processor.current();
        if let Some((record, created)) = record.and_then(|r| Some((r, r.created()?))) {
            let (id, parent) = (record.id(), record.parent());
            let _ = write!(text, "\ngoroutine {id}, created by goroutine {parent} at {created}");
        }
    }
    unwind::tell(format_args!("{text}"));
}

fn wait_for_threads(shared: &Shared, grace: Duration) {
    wait_until(&shared.exited, Some(grace), || *shared.threads.lock() == 0);
}

/// Waits until `done`, which every notification of `event` may have changed, or until `grace` is
/// over.
pub(crate) fn wait_until(event: &Event, grace: Option<Duration>, done: impl Fn() -> bool) {
    // Threads need real time to end, whatever the runtime's clock shows.
    let start = Clock::Real.now();
    loop {
        let listener = event.listen();
        if done() {
            return;
        }
        let Some(grace) = grace else {
            listener.wait();
            continue;
        };
        let waited = Duration::from_nanos(Clock::Real.now().saturating_sub(start));
        match grace.checked_sub(waited).filter(|left| !left.is_zero()) {
            Some(left) => drop(listener.wait_timeout(left)),
            None => return,
        }
    }
}

/// What a thread does that leaves its runtime: if nobody else will look into the global queue any more, what lies
/// there is ended here.
pub(crate) fn end_leftovers(shared: &Arc<Shared>) {
    if shared.phase_after_push() == Phase::Over {
        end_queued(shared);
    }
}

/// Ends every task in the global queue.
pub(crate) fn end_queued(shared: &Arc<Shared>) {
    let _in = context::enter(shared);
    while let Some(chain) = shared.inject.pop() {
        chain.into_iter().for_each(|task| end(shared, task));
    }
}

fn end(shared: &Shared, task: Item) {
    // SAFETY: queues carry what `Runnable::into_raw` gave, each once.
    let runnable = unsafe { Runnable::<Meta>::from_raw(task.0) };
    let meta = runnable.metadata();
    // A job of a simulated runtime, which is queued among its goroutines but not counted with them.
    if meta.record.is_none() && shared.phase() == Phase::Over {
        meta.refuse();
    } else {
        meta.abort();
    }
    context::poll_task(runnable, BUDGET);
}
