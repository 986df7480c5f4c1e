//! Go's concurrency for async Rust.

pub mod chan;
pub mod compat;
pub mod io;
pub mod net;
pub(crate) mod reactor;
pub mod runtime;
pub mod select;
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
pub use wait::record::WaitReason;

/// What the macros expand to. Not public API: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::macros::Deferred;
    pub use crate::runtime::entry;
    pub use crate::select::private as select;
    pub use gort_macros::select_impl;
}

/// Compiles and runs the README's programs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
