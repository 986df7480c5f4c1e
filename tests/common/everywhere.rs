//! One case on every kind of runtime.

use super::run;
#[cfg(not(foreign_executor))]
use gort::runtime::{Builder, Runtime};

/// A runtime with this many workers.
#[cfg(not(foreign_executor))]
pub(crate) fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(count).build().expect("the system has threads")
}

/// Runs `case` as goroutine 1 on several workers and on one.
pub(crate) fn live<C>(case: impl Fn() -> C)
where
    C: Future<Output = ()> + Send + 'static,
{
    run(case());
    #[cfg(not(foreign_executor))]
    workers(1).run(case());
}

/// Runs `case` wherever it can run. It must not need that time passes while it computes.
pub(crate) fn everywhere<C>(case: impl Fn() -> C)
where
    C: Future<Output = ()> + Send + 'static,
{
    live(&case);
}
