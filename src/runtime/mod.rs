//! The scheduler: runtimes, and what code asks of the one it runs in.
//!
//! A [`Runtime`] runs goroutines on worker threads (or, [current-thread](Builder::new_current_thread),
//! on the thread that calls [`block_on`](Runtime::block_on)), each with a queue of its own that the
//! others steal from. See `README.md` in this folder for the design.

mod block_on;
mod blocking;
mod builder;
mod chains;
pub(crate) mod context;
#[doc(hidden)]
pub mod entry;
mod global;
mod goroutine;
mod handle;
mod host;
mod idle;
mod join;
#[cfg(all(test, gort_loom))]
mod loom;
pub(crate) mod panic;
mod processor;
mod ring;
#[cfg(all(any(test, fuzzing), not(any(gort_loom, gort_shuttle))))]
pub(crate) mod ring_oracle;
mod schedule;
mod shared;
mod shutdown;
mod sysmon;
mod table;
#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests;
mod worker;
mod yield_now;

pub use builder::Builder;
pub use context::EnterGuard;
pub use handle::{Handle, Runtime, RuntimeFlavor, TryCurrentError};
pub use join::{AbortHandle, JoinError, JoinHandle};
pub use schedule::Schedule;

use goroutine::Policy;
use std::future::Future;
use std::panic::Location;

/// Starts a goroutine: a task that runs `future` to its end, beside the caller.
///
/// It runs in the current runtime, or in a global one that is started by its first use. `go(f(x))`
/// evaluates `f` and `x` in the caller, before it returns, as Go does.
///
/// The goroutine ends when its future returns, panics or calls [`goexit`], when its handle
/// [aborts](JoinHandle::abort) it, or when its runtime is shut down; never because nobody can wake
/// it.
///
/// # Panics
///
/// A panic inside the goroutine belongs to the handle while the handle lives: awaiting it yields a
/// [`JoinError`]. If the handle is dropped without having yielded it, the panic is *fatal*, as in
/// Go: its text is printed, the runtime stops, and [`run`] and every `block_on` of the runtime
/// re-raise it. (On the global runtime it is printed only.) [`spawn`] has tokio's rule.
///
/// # Go
///
/// The `go` statement. `go!{ … }` takes a block.
///
/// ```
/// gort::run(async {
///     let sum = gort::go(async { 1 + 2 });
///     assert_eq!(sum.await.unwrap(), 3);
/// });
/// ```
#[track_caller]
#[doc(alias = "goroutine")]
pub fn go<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    context::spawn(future, Policy::Go, Location::caller())
}

/// Starts a task, as tokio does: like [`go`], except that a panic nobody asks for is reported by the
/// panic hook and counted, and never fatal.
///
/// ```
/// # gort::run(async {
/// drop(gort::spawn(async { panic!("nobody asks") }));
/// assert_eq!(gort::spawn(async { "still here" }).await.unwrap(), "still here");
/// # });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    context::spawn(future, Policy::Spawn, Location::caller())
}

/// Runs a closure that may block on a thread of the runtime's blocking pool.
///
/// At most [`max_blocking_threads`](Builder::max_blocking_threads) run at a time; the rest wait in
/// order. A closure that has started cannot be aborted, and dropping the handle ends nothing.
///
/// # Errors
///
/// Awaiting the handle yields a [`JoinError`] if the closure panicked, if the runtime was shut down
/// before it started, or if the system would not start a single thread for it.
///
/// ```
/// # gort::run(async {
/// let text = gort::task::spawn_blocking(|| std::fs::read_to_string("Cargo.toml")).await.unwrap();
/// assert!(text.unwrap().contains("[package]"));
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    context::current().spawn_blocking(f, Location::caller())
}

/// Go's `main`: starts a runtime with GOMAXPROCS workers, runs `main` as goroutine 1, and returns
/// what it returns. The caller's thread only waits.
///
/// When `main` returns, the other goroutines are dropped where they stand, as in Go.
///
/// # Panics
///
/// With the panic of `main`; with a panic of any other goroutine that nobody was told of (see
/// [`go`]); with Go's `no goroutines (main called runtime.Goexit) - deadlock!` if `main` called
/// [`goexit`] and every other goroutine has ended; on a thread that is inside a runtime already; and
/// if the system refuses the threads.
///
/// # Go
///
/// `func main`; see also [`main`](macro@crate::main).
///
/// ```
/// let greeting = gort::run(async { String::from("hello") });
/// assert_eq!(greeting, "hello");
/// ```
#[track_caller]
pub fn run<F>(main: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match Builder::new_multi_thread().build() {
        Ok(runtime) => runtime.run(main),
        Err(error) => panic!("the runtime cannot be started: {error}"),
    }
}

/// Runs `future` to its end on the calling thread, in the runtime that the thread is in, or in the
/// global one.
///
/// # Panics
///
/// Inside a goroutine: await the future instead.
///
/// ```
/// assert_eq!(gort::runtime::block_on(async { 7 }), 7);
/// ```
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    block_on::block_on(&context::current(), future)
}

/// Ends the calling goroutine, after dropping everything on its stack and in its future. Others go
/// on; awaiting its handle yields a [`JoinError`] for which [`JoinError::is_goexit`] is true.
///
/// It unwinds, so a `catch_unwind` on the way sees it as a panic, and in a program built with
/// `panic = "abort"` it aborts.
///
/// # Panics
///
/// Outside of a goroutine.
///
/// # Go
///
/// `runtime.Goexit`.
///
/// ```
/// gort::run(async {
///     let quitter = gort::go(async { gort::runtime::goexit() });
///     let ended: Result<(), _> = quitter.await;
///     assert!(ended.unwrap_err().is_goexit());
/// });
/// ```
#[track_caller]
#[doc(alias = "Goexit")]
pub fn goexit() -> ! {
    assert!(crate::wait::record::current().is_some(), "goexit was called outside of a goroutine");
    std::panic::resume_unwind(Box::new(panic::GoexitToken))
}

/// How many goroutines of the current runtime exist: running, runnable or blocked. Code that runs in
/// no runtime asks the global one.
///
/// # Go
///
/// `runtime.NumGoroutine`.
///
/// ```
/// gort::run(async { assert_eq!(gort::runtime::num_goroutine(), 1) });
/// ```
#[doc(alias = "NumGoroutine")]
pub fn num_goroutine() -> usize {
    context::current().num_goroutine()
}

/// How many goroutines of the current runtime may run at the same time. Outside of a runtime, how
/// many would in a new one.
///
/// # Go
///
/// `runtime.GOMAXPROCS(0)`. It cannot be changed while the runtime runs.
#[doc(alias = "GOMAXPROCS")]
pub fn gomaxprocs() -> usize {
    context::try_current().map_or_else(builder::default_workers, |shared| shared.config.workers)
}

pub use yield_now::{YieldNow, yield_now};

/// Lets other goroutines run: [`yield_now`](fn@yield_now) by its Go name.
///
/// # Go
///
/// `runtime.Gosched`. Go puts the goroutine at the end of the global queue; here it goes to the end
/// of its worker's.
#[track_caller]
#[doc(alias = "Gosched")]
pub fn gosched() -> YieldNow {
    yield_now()
}
