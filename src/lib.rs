//! Go's concurrency for async Rust: goroutines, channels, [`select!`], locks and all of Go's `sync`, contexts,
//! groups, timers, signals and sockets, with Go's semantics to the letter, on stackless futures.
//!
//! ```
//! use gort::sync::WaitGroup;
//! use gort::{chan, go, select, time};
//!
//! gort::run(async {
//!     let (results, incoming) = chan(0);
//!     let workers = WaitGroup::new();
//!     for n in 1..=3 {
//!         let results = results.clone();
//!         workers.go(async move { results.send(n * n).await.unwrap() });
//!     }
//!     drop(results); // the workers hold the others: when they end, the channel is closed
//!
//!     let timeout = time::after(time::Duration::from_secs(5));
//!     let mut sum = 0;
//!     loop {
//!         select! {
//!             square = incoming.next() => match square {
//!                 Some(square) => sum += square,
//!                 None => break,
//!             },
//!             <-timeout => panic!("too slow"),
//!         }
//!     }
//!     assert_eq!(sum, 14);
//!     workers.wait().await;
//! });
//! ```
//!
//! # Where things are
//!
//! | Go | gort |
//! |---|---|
//! | `func main` | [`run`], or [`#[gort::main]`](macro@main) |
//! | `go f(x)` | [`go`](fn@go), [`go!`](macro@go) |
//! | `make(chan T, n)`, `chan T`, `chan<- T`, `<-chan T` | [`Chan::new`], [`chan`](fn@chan), [`Chan`], [`Sender`], [`Receiver`] |
//! | `select`, `reflect.Select` | [`select!`], [`Select`] |
//! | `defer` | [`defer!`] |
//! | `sync` | [`sync`] |
//! | `context` | [`context`] |
//! | `golang.org/x/sync` | [`errgroup`], [`semaphore`], [`singleflight`] |
//! | `time` | [`time`] |
//! | `os/signal` | [`signal`] |
//! | `net` | [`net`] |
//! | `runtime.Gosched`, `Goexit`, `NumGoroutine`, `GOMAXPROCS` | [`runtime`] |
//!
//! [From Go](guide::from_go) has every name, and the idioms; the [guide] has more pages.
//!
//! The paths are also tokio's: what there is in [`spawn`], [`task`], [`time`], [`net`], [`io`] and
//! [`runtime::Builder`] has the names and signatures that tokio users know. Not there are, among others,
//! `JoinSet`, `LocalSet`, `spawn_local`, `block_in_place`, `id` and `Id` of tokio's `task` (the
//! [`id`](task::JoinHandle::id) of a handle is a `u64`), `task_local!`, `stdin` and `stdout` of its `io`, and
//! the metrics of a runtime.
//!
//! # What is promised
//!
//! * **Nothing is lost.** Any future can be dropped at any await point: no value in flight, no wake-up
//!   and no permit goes with it. Each `# Cancel safety` section says what that means.
//! * **Misuse panics with Go's words**, and a panic of a goroutine that nobody asks for ends the program, as in
//!   Go (see [`go`](fn@go)). Of a task that [`spawn`] started it is counted, as in tokio; in the global runtime
//!   it is printed.
//! * **Any executor.** Channels, locks and `select!` need no runtime. Timers, sockets and goroutines that
//!   are started outside of one use a global runtime.
//! * **A goroutine that blocks its thread** costs that thread: another one takes its place, and the other
//!   goroutines go on.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `hyper` | `hyper`, in [`compat`]: executor, timer and io adapter for hyper |

pub mod chan;
pub mod compat;
pub mod context;
pub mod errgroup;
#[cfg(any(doc, doctest))]
pub mod guide;
pub mod io;
pub mod net;
pub(crate) mod reactor;
pub mod runtime;
pub mod select;
pub mod semaphore;
#[cfg(all(unix, not(any(gort_loom, gort_shuttle))))]
pub mod signal;
pub mod singleflight;
pub mod sync;
pub(crate) mod sys;
pub mod task;
pub mod time;
pub(crate) mod wait;

mod macros;

pub use chan::{Chan, Receiver, Sender, chan};
/// Runs an `async fn main` in a runtime of its own.
///
/// `main` becomes goroutine 1, as with [`run`](fn@run), if its future and its result may leave the thread
/// ([`Send`]); if not, the calling thread polls it, as with [`runtime::block_on`]. The same goes for
/// functions that are not called `main`, and for the flavors without worker threads.
///
/// ```
/// #[gort::main]
/// async fn main() {
///     let sum = gort::go(async { 1 + 1 });
///     assert_eq!(sum.await.unwrap(), 2);
/// }
/// ```
///
/// # Options
///
/// Those of `tokio::main`: `flavor = "multi_thread"` (the default), `"current_thread"` or `"local"`,
/// `worker_threads = n`, `start_paused = true`, `name = ".."`, `unhandled_panic = ".."`, and
/// `crate = "path::to::gort"`. Without the last, the crate is found under the name that the manifest
/// gives it, so that `tokio = { package = "gort", .. }` and `#[tokio::main]` go together.
pub use gort_macros::main;
/// Runs an `async fn` as a test, in a runtime of its own.
///
/// The options are those of [`main`](macro@main); the default flavor is `"current_thread"`, and the
/// test's future may stay on its thread.
///
/// ```
/// #[gort::test(flavor = "multi_thread", worker_threads = 2)]
/// async fn two_goroutines_meet() {
///     let (tx, rx) = gort::chan(0);
///     gort::go(async move { tx.send(1).await });
///     assert_eq!(rx.recv().await, 1);
/// }
/// ```
pub use gort_macros::test;
pub use runtime::{go, run, spawn};
pub use select::Select;
// The macros over futures that need nothing of a runtime.
pub use tokio::{join, pin, try_join};
pub use wait::record::WaitReason;

/// What the macros expand to. Not public API: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::macros::Deferred;
    pub use crate::runtime::entry;
    pub use crate::select::private as select;
    pub use gort_macros::select_impl;
}

/// What the fuzz targets reach inside of.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod __fuzzing {
    /// Makes the choices of this thread the same for every run of an input.
    pub fn seed() {
        crate::sys::choose::seed(0);
    }

    /// The scheduler's local queue; see its oracle.
    pub fn ring(data: &[u8]) {
        crate::runtime::ring_oracle::run(data);
    }
}

/// Compiles and runs the README's programs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
