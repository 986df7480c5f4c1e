//! A runtime as its users hold it.

use super::block_on;
use super::context::{self, EnterGuard};
use super::goroutine::{self, Meta, Policy};
use super::join::{JoinError, JoinHandle};
use super::processor::Processor;
use super::shared::Shared;
use super::shutdown;
use crate::sys::choose;
use crate::sys::sync::atomic::Ordering;
use crate::sys::unwind;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Owns a scheduler, its threads, its reactor and its timers. Dropping it ends them.
///
/// # Shutdown
///
/// Dropping the runtime starts no new goroutine, drops the future of every goroutine that is not
/// inside a poll, exactly once and on the dropping thread, waits up to
/// [`shutdown_grace`](super::Builder::shutdown_grace) for those that are, and waits for the blocking
/// jobs that have started. Awaiting a handle of a goroutine that was dropped yields "cancelled".
///
/// # Panics
///
/// Dropping a runtime panics on a thread that is inside a runtime: it would block it.
///
/// # Examples
///
/// ```
/// use gort::runtime::Builder;
///
/// # fn main() -> std::io::Result<()> {
/// let runtime = Builder::new_multi_thread().worker_threads(2).build()?;
/// let handle = runtime.spawn(async { 1 });
/// assert_eq!(runtime.block_on(async { handle.await.unwrap() + 1 }), 2);
/// # Ok(())
/// # }
/// ```
pub struct Runtime {
    handle: Handle,
    /// How long its end waits for blocking jobs; `None` is for ever.
    patience: Option<Duration>,
}

impl Runtime {
    /// A multi-thread runtime with default settings; see [`Builder`](super::Builder).
    ///
    /// # Errors
    ///
    /// If the system refuses a descriptor or a thread.
    pub fn new() -> std::io::Result<Self> {
        super::Builder::new_multi_thread().build()
    }

    pub(crate) fn from_shared(shared: Arc<Shared>) -> Self {
        Self { handle: Handle { shared }, patience: None }
    }

    /// A handle that can be cloned and sent to other threads.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Starts a task; see [`spawn`](super::spawn()).
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Runs a closure on the blocking pool; see [`spawn_blocking`](super::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// Runs `future` to its end on the calling thread.
    ///
    /// # Panics
    ///
    /// On a thread that is inside a runtime; with the future's panic; with a fatal panic of the
    /// runtime.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// Makes this the current runtime of the thread until the guard is dropped; see [`Handle::enter`].
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Runs `main` as goroutine 1 of this runtime and then shuts it down: [`run`](super::run()) with
    /// settings.
    ///
    /// # Panics
    ///
    /// As [`run`](super::run()).
    #[track_caller]
    pub fn run<F>(mut self, main: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let shared = &self.handle.shared;
        // Go does not wait for anybody when main returns or crashes: blocking jobs get the grace.
        self.patience = Some(shared.config.shutdown_grace);
        let main = context::spawn_in(shared, main, Policy::Go, Location::caller());
        match block_on::block_on(shared, main) {
            Ok(output) => {
                // If another goroutine crashed before, main has returned too late.
                shared.rethrow_fatal();
                output
            }
            Err(error) => self.main_failed(error),
        }
    }

    #[cold]
    #[track_caller]
    fn main_failed(self, error: JoinError) -> ! {
        if error.is_goexit() {
            self.wait_for_others();
            panic!("fatal error: no goroutines (main called runtime.Goexit) - deadlock!");
        }
        match error.try_into_panic() {
            Ok(payload) => {
                let text = super::panic::message(&*payload);
                unwind::tell(format_args!("panic: {text}\n\ngoroutine 1 [running]:"));
                std::panic::resume_unwind(payload)
            }
            Err(other) => panic!("the main goroutine did not return: {other}"),
        }
    }

    /// Main has called `goexit`: waits until every other goroutine has ended.
    fn wait_for_others(&self) {
        let shared = &self.handle.shared;
        block_on::block_on(shared, std::future::poll_fn(|cx| shared.poll_all_ended(cx)));
    }

    /// Shuts the runtime down and waits at most `duration` for goroutines that are inside a poll and
    /// for blocking jobs.
    ///
    /// # Panics
    ///
    /// Inside of async code, where nothing may wait, unless `duration` is 0. The runtime is shut down all the same.
    #[track_caller]
    pub fn shutdown_timeout(mut self, duration: Duration) {
        self.patience = Some(duration);
    }

    /// Shuts the runtime down without waiting for anything, so that async code may do it.
    pub fn shutdown_background(self) {
        self.shutdown_timeout(Duration::ZERO);
    }
}

impl Drop for Runtime {
    #[track_caller]
    fn drop(&mut self) {
        let shared = &self.handle.shared;
        if context::is_entered() {
            // The threads of the runtime end by themselves; nothing may wait here.
            shutdown::shut_down(shared, Some(Duration::ZERO));
            assert!(
                self.patience == Some(Duration::ZERO) || std::thread::panicking(),
                "Cannot drop a runtime in a context where blocking is not allowed. This happens \
                 when a runtime is dropped from within an asynchronous context."
            );
            return;
        }
        shutdown::shut_down(shared, self.patience);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("shared", &self.handle.shared).finish()
    }
}

/// Refers to a runtime. Does not keep it running.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// The runtime that this thread is in.
    ///
    /// # Panics
    ///
    /// If it is in none.
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(handle) => handle,
            Err(error) => panic!("{error}"),
        }
    }

    /// The runtime that this thread is in.
    ///
    /// # Errors
    ///
    /// If it is in none.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        context::try_current().map(|shared| Self { shared }).ok_or(TryCurrentError(()))
    }

    /// The runtime that this thread is in, or the global one.
    pub(crate) fn current_or_global() -> Self {
        Self { shared: context::current() }
    }

    /// Starts a task in this runtime; see [`spawn`](super::spawn()). When the runtime has been shut
    /// down the future is dropped, and the handle yields "cancelled".
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        context::spawn_in(&self.shared, future, Policy::Spawn, Location::caller())
    }

    /// Starts a goroutine in this runtime; see [`go`](super::go()).
    #[track_caller]
    pub fn go<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        context::spawn_in(&self.shared, future, Policy::Go, Location::caller())
    }

    /// As [`go`](Self::go), for a goroutine that was ordered at `created`.
    pub(crate) fn go_from<F>(
        &self,
        future: F,
        created: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        context::spawn_in(&self.shared, future, Policy::Go, created)
    }

    /// Runs a closure on the blocking pool; see [`spawn_blocking`](super::spawn_blocking).
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.shared.spawn_blocking(f, Location::caller())
    }

    /// Runs `future` to its end on the calling thread.
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`].
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        block_on::block_on(&self.shared, future)
    }

    /// Makes this the current runtime of the thread until the guard is dropped, also inside of a goroutine
    /// of another one.
    ///
    /// Hold the guard across no `.await`: whatever else the thread polls meanwhile would be in this runtime.
    pub fn enter(&self) -> EnterGuard<'_> {
        context::enter(&self.shared)
    }

    /// Whether goroutines run on threads of the runtime's own.
    pub fn runtime_flavor(&self) -> RuntimeFlavor {
        if self.shared.config.current_thread {
            RuntimeFlavor::CurrentThread
        } else {
            RuntimeFlavor::MultiThread
        }
    }

    /// Goroutines of this runtime that exist; see [`num_goroutine`](super::num_goroutine).
    pub fn num_goroutine(&self) -> usize {
        self.shared.num_goroutine()
    }

    /// Panics of this runtime's goroutines and blocking jobs so far.
    pub fn panics(&self) -> u64 {
        self.shared.panics()
    }

    /// How often the runtime's workers went to sleep so far: a measure of how often goroutines made
    /// one core wait for another.
    pub fn worker_park_count(&self) -> u64 {
        self.shared.processors().map(Processor::parks).sum()
    }

    /// A hash of everything that a [simulated](super::Builder::simulated) runtime did so far: which
    /// goroutine was polled when, what was chosen, how time went on. Runtimes with the same schedule
    /// that run the same program have the same hash at the same point. 0 for other runtimes.
    ///
    /// ```
    /// use gort::runtime::Builder;
    ///
    /// let trace = |seed| {
    ///     let runtime = Builder::simulated(seed).build().unwrap();
    ///     runtime.block_on(async {
    ///         let (tx, rx) = gort::chan(1);
    ///         gort::go(async move { tx.send(1).await });
    ///         rx.recv().await
    ///     });
    ///     runtime.handle().trace_hash()
    /// };
    /// assert_eq!(trace(7), trace(7));
    /// ```
    pub fn trace_hash(&self) -> u64 {
        let index = self.shared.index();
        let here = context::with_worker(|worker| {
            worker.filter(|worker| worker.runtime_index() == index).and_then(|_| choose::trace())
        });
        // Ordering: Relaxed: whoever saw the runtime being left sees its last trace.
        here.unwrap_or_else(|| self.shared.trace.load(Ordering::Relaxed))
    }

    /// How often a worker was found stuck inside a poll and replaced.
    pub fn stuck_workers(&self) -> u64 {
        // Ordering: Relaxed: statistics.
        self.shared.stuck.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("shared", &self.shared).finish()
    }
}

/// The kinds of runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuntimeFlavor {
    /// Goroutines run inside `block_on`.
    CurrentThread,
    /// Goroutines run on worker threads.
    MultiThread,
}

/// [`Handle::try_current`] found no runtime.
#[derive(Debug)]
pub struct TryCurrentError(());

impl fmt::Display for TryCurrentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "this thread is in no gort runtime; call this from a goroutine or inside `enter`",
        )
    }
}

impl std::error::Error for TryCurrentError {}

impl Shared {
    /// See [`spawn_blocking`](super::spawn_blocking).
    pub(crate) fn spawn_blocking<F, R>(
        self: &Arc<Self>,
        f: F,
        created: &'static Location<'static>,
    ) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let meta = Meta::new(None, self.index(), Policy::Blocking);
        let mut f = Some(f);
        let job = std::future::poll_fn(move |_| match f.take() {
            Some(f) => std::task::Poll::Ready(f()),
            None => unreachable!("a blocking job is polled once"),
        });
        let (runnable, handle) = goroutine::allocate(job, meta, 0, created);
        self.schedule_blocking(runnable);
        handle
    }
}
