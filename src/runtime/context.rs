//! What a thread is doing: the runtime it belongs to, the worker it hosts, the task it polls.

#![expect(unsafe_code, reason = "the current worker and task are thread-local addresses")]

use super::chains::Chain;
use super::goroutine::{self, Meta, Policy};
use super::join::JoinHandle;
use super::ring::Item;
use super::shared::Shared;
use super::worker::Worker;
use crate::reactor::Driver;
use crate::sys::clock::{Clock, Nanos};
use crate::sys::park::block_on;
use crate::sys::point;
use crate::wait::record::{self, Record};
use async_task::Runnable;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;

thread_local! {
    /// The worker that this thread hosts, or null. Set by `host` only.
    static WORKER: Cell<*const Worker> = const { Cell::new(ptr::null()) };
    /// The same worker while its runtime is the current one, or null: `RUNTIME` tells. Set by
    /// `choose_current` only.
    static CURRENT_WORKER: Cell<*const Worker> = const { Cell::new(ptr::null()) };
    /// Metadata of the task that this thread polls, or null. Set by `poll_task` only.
    static META: Cell<*const Meta> = const { Cell::new(ptr::null()) };
    /// Whether this thread is inside `block_on` or hosts a worker: it must not block on a runtime.
    static ENTERED: Cell<bool> = const { Cell::new(false) };
    /// The runtime entered by `Handle::enter` or by a thread that belongs to one: the current one.
    static RUNTIME: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// Calls `f` with the worker that this thread hosts.
#[inline]
pub(crate) fn with_worker<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    let worker = WORKER.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: `host` keeps the worker alive for as long as its address is set.
    f(unsafe { worker.as_ref() })
}

/// As [`with_worker`], for what is asked of the current runtime: none if the thread has entered
/// another one than that of its worker.
#[inline]
fn with_current_worker<R>(f: impl FnOnce(Option<&Worker>) -> R) -> R {
    let worker = CURRENT_WORKER.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: it is null or what `WORKER` holds: whoever changes that calls `choose_current`.
    f(unsafe { worker.as_ref() })
}

/// The thread has another worker, or has entered another runtime.
fn choose_current() {
    let is_current = |worker: &&Worker| {
        let is_entered = |runtime: &RefCell<Option<Arc<Shared>>>| match &*runtime.borrow() {
            Some(entered) => Arc::ptr_eq(entered, worker.shared()),
            None => true,
        };
        RUNTIME.try_with(is_entered).unwrap_or(true)
    };
    let worker = with_worker(|worker| worker.filter(is_current).map_or(ptr::null(), ptr::from_ref));
    let _ = CURRENT_WORKER.try_with(|current| current.set(worker));
}

/// Hosts `worker` on this thread while `f` runs.
pub(crate) fn host<R>(worker: &Worker, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Worker, bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            WORKER.set(self.0);
            ENTERED.set(self.1);
            choose_current();
        }
    }
    let _restore = Restore(WORKER.replace(worker), ENTERED.replace(true));
    choose_current();
    f()
}

/// Metadata of the task that is being polled. It lives until that poll returns.
///
/// # Panics
///
/// Outside of [`poll_task`].
#[inline]
pub(crate) fn current_meta<'a>() -> &'a Meta {
    let meta = META.get();
    assert!(!meta.is_null(), "a gort task was polled outside of its runtime");
    // SAFETY: `poll_task` set it to the metadata of the task that async-task is polling on this
    // thread, and async-task keeps the allocation until that poll has returned.
    unsafe { &*meta }
}

/// Polls a task once, with everything set that its future may ask for.
#[inline]
pub(crate) fn poll_task(runnable: Runnable<Meta>, budget: u32) {
    struct Outer(*const Meta, Option<&'static Record>);
    impl Drop for Outer {
        #[inline]
        fn drop(&mut self) {
            record::swap_current(self.1);
            META.set(self.0);
        }
    }
    let meta = ptr::from_ref(runnable.metadata());
    let record = runnable.metadata().record;
    if let Some(record) = record {
        record.start_poll();
    }
    let _outer = Outer(META.replace(meta), record::swap_current(record));
    // Does not unwind: `Goroutine::poll` catches what its future does, and async-task aborts on the
    // rest. Should it ever, the thread is left as it was.
    point::with_budget(budget, || runnable.run());
}

/// Queues a task that has become runnable.
#[inline]
pub(crate) fn schedule(runnable: Runnable<Meta>, yielded: bool) {
    let runtime = runnable.metadata().runtime;
    with_worker(|worker| match worker {
        Some(worker) if worker.runtime_index() == runtime => {
            worker.schedule(Item(runnable.into_raw()), yielded);
        }
        _ => {
            let shared = Shared::of_task(runnable.metadata());
            shared.schedule_outside(Chain::One(Item(runnable.into_raw())));
        }
    });
}

/// Queues a blocking job, which does not keep its runtime in the table, beside the goroutines of
/// `shared`.
pub(crate) fn schedule_job(shared: &Arc<Shared>, job: Runnable<Meta>) {
    let job = Item(job.into_raw());
    with_worker(|worker| match worker {
        Some(worker) if worker.runtime_index() == shared.index() => worker.schedule(job, true),
        _ => shared.schedule_outside(Chain::One(job)),
    });
}

/// The goroutine of `record`, which is being polled, has ended: gives up its reference to itself and
/// its record. What comes yet, the drop of its output perhaps, runs in no goroutine: the record may
/// be the next one's.
#[inline]
pub(crate) fn retire(record: &'static Record) {
    record::swap_current(None);
    let runtime = record.runtime();
    // Not the last reference: the one that is being polled outlives it.
    record.drop_own_reference();
    with_worker(|worker| match worker {
        Some(worker) if worker.runtime_index() == runtime => worker.retire(record),
        _ => Shared::of_task(current_meta()).retire_outside(record),
    });
}

/// Starts a task in the current runtime, or in the global one.
#[inline]
pub(crate) fn spawn<F>(
    future: F,
    policy: Policy,
    created: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let worker = CURRENT_WORKER.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: as in `with_current_worker`.
    match unsafe { worker.as_ref() } {
        Some(worker) => worker.spawn(future, policy, created),
        None => spawn_outside(&current(), future, policy, created),
    }
}

/// Starts a task in `shared`.
pub(crate) fn spawn_in<F>(
    shared: &Arc<Shared>,
    future: F,
    policy: Policy,
    created: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let worker = WORKER.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: as in `with_worker`.
    match unsafe { worker.as_ref() } {
        Some(worker) if worker.runtime_index() == shared.index() => {
            worker.spawn(future, policy, created)
        }
        _ => spawn_outside(shared, future, policy, created),
    }
}

fn spawn_outside<F>(
    shared: &Arc<Shared>,
    future: F,
    policy: Policy,
    created: &'static Location<'static>,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let Some((record, id)) = shared.record_outside() else {
        return goroutine::refuse(future);
    };
    let meta = Meta::new(Some(record), shared.index(), policy);
    let (runnable, handle) = goroutine::allocate(future, meta, id, created);
    shared.schedule_outside(Chain::One(Item(runnable.into_raw())));
    handle
}

/// The runtime this thread is in, if it is in one.
pub(crate) fn try_current() -> Option<Arc<Shared>> {
    with_current_worker(|worker| worker.map(|worker| Arc::clone(worker.shared())))
        .or_else(|| RUNTIME.try_with(|runtime| runtime.borrow().clone()).ok().flatten())
}

/// The runtime whose goroutines this thread runs, whatever it has entered; else the one it is in.
pub(crate) fn running_in() -> Option<Arc<Shared>> {
    with_worker(|worker| worker.map(|worker| Arc::clone(worker.shared()))).or_else(try_current)
}

/// The runtime this thread is in, or the global one.
pub(crate) fn current() -> Arc<Shared> {
    try_current().unwrap_or_else(|| Arc::clone(super::global::shared()))
}

/// Calls `f` with the driver (reactor and timers) of the current runtime, or of the global one.
#[inline]
pub(crate) fn with_driver<R>(f: impl FnOnce(&Arc<Driver>) -> R) -> R {
    with_current_worker(|worker| match worker {
        Some(worker) => f(&worker.shared().driver),
        None => f(&current().driver),
    })
}

/// The time on the clock of the current runtime. Outside of any it starts none, and asks the system.
#[inline]
pub(crate) fn now() -> Nanos {
    with_current_worker(|worker| worker.map(|worker| worker.shared().driver.clock().now()))
        .or_else(|| {
            let entered = |runtime: &RefCell<Option<Arc<Shared>>>| {
                runtime.borrow().as_ref().map(|shared| shared.driver.clock().now())
            };
            RUNTIME.try_with(entered).ok().flatten()
        })
        .unwrap_or_else(|| Clock::Real.now())
}

/// The driver (reactor and timers) of the current runtime, or of the global one.
#[inline]
pub(crate) fn driver() -> Arc<Driver> {
    with_current_worker(|worker| worker.map(|worker| Arc::clone(&worker.shared().driver)))
        .unwrap_or_else(|| Arc::clone(&current().driver))
}

/// The driver of the global runtime, which is never shut down.
pub(crate) fn global_driver() -> &'static Arc<Driver> {
    &super::global::shared().driver
}

/// The calling thread is about to block, inside a goroutine: another worker takes the place of the
/// one it hosts, so that the other goroutines go on. Does nothing elsewhere.
pub(crate) fn about_to_block() {
    if !META.try_with(Cell::get).unwrap_or(ptr::null()).is_null() {
        with_worker(|worker| {
            if let Some(worker) = worker {
                super::sysmon::abandon(worker.shared(), worker.index());
            }
        });
    }
}

/// Drives `future` on the calling thread, inside or outside of async code: what `blocking_*` operations
/// do when they have to wait.
///
/// # Panics
///
/// If the thread is the only one of a simulated runtime: nobody else could end the wait.
#[track_caller]
pub(crate) fn block_thread<F: Future>(future: F) -> F::Output {
    let alone = with_worker(|worker| worker.is_some_and(|w| w.shared().is_simulated()));
    assert!(!alone, "a blocking operation would block the only thread of a simulated runtime");
    about_to_block();
    point::without_budget(|| block_on(future))
}

/// Makes `shared` the thread's runtime until the guard is dropped.
pub(crate) fn enter(shared: &Arc<Shared>) -> EnterGuard<'static> {
    let outer = RUNTIME.with(|runtime| runtime.replace(Some(Arc::clone(shared))));
    choose_current();
    EnterGuard { outer: Some(outer), _runtime: PhantomData }
}

/// Keeps a thread inside of a runtime; see [`Handle::enter`](super::Handle::enter).
#[derive(Debug)]
#[must_use = "the runtime is left when the guard is dropped"]
pub struct EnterGuard<'a> {
    outer: Option<Option<Arc<Shared>>>,
    // Not `Send`: the guard belongs to its thread.
    _runtime: PhantomData<(&'a (), *const ())>,
}

impl Drop for EnterGuard<'_> {
    fn drop(&mut self) {
        if let Some(outer) = self.outer.take() {
            let left = RUNTIME.try_with(|runtime| runtime.replace(outer));
            choose_current();
            drop(left);
        }
    }
}

/// Marks the thread as blocking on a runtime.
///
/// # Panics
///
/// If it does so already, or hosts a worker.
#[track_caller]
pub(crate) fn enter_blocking() -> Blocking {
    assert!(
        !ENTERED.replace(true),
        "Cannot start a runtime from within a runtime. This happens because a function (like \
         `block_on`) attempted to block the current thread while the thread is being used to \
         drive asynchronous tasks."
    );
    Blocking(PhantomData)
}

/// Whether the thread blocks on a runtime or hosts a worker.
pub(crate) fn is_entered() -> bool {
    ENTERED.try_with(Cell::get).unwrap_or(false)
}

/// See [`enter_blocking`].
#[derive(Debug)]
pub(crate) struct Blocking(PhantomData<*const ()>);

impl Drop for Blocking {
    fn drop(&mut self) {
        ENTERED.set(false);
    }
}
