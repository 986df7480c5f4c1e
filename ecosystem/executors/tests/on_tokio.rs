//! The tests under tokio's runtime of several threads.

mod suite;

/// What `tests/common` runs futures with.
mod executor {
    use executors::{Handle, goroutine, returned};
    use std::sync::LazyLock;
    use tokio::runtime::{Builder, Runtime};

    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(4).build().unwrap());

    pub(crate) fn go<F>(future: F) -> Handle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (task, handle) = goroutine(future);
        RUNTIME.spawn(task);
        handle
    }

    pub(crate) fn run<F>(main: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        returned(RUNTIME.block_on(go(main)))
    }
}
