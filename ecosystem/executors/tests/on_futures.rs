//! The tests under `futures::executor`: goroutines in its pool of threads, the caller in its `block_on`.

mod suite;

/// What `tests/common` runs futures with.
mod executor {
    use executors::{Handle, goroutine, returned};
    use futures::executor::{ThreadPool, block_on};
    use std::sync::LazyLock;

    static POOL: LazyLock<ThreadPool> =
        LazyLock::new(|| ThreadPool::builder().pool_size(4).create().unwrap());

    pub(crate) fn go<F>(future: F) -> Handle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (task, handle) = goroutine(future);
        POOL.spawn_ok(task);
        handle
    }

    pub(crate) fn run<F>(main: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        returned(block_on(go(main)))
    }
}
