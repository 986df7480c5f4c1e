//! The tests under smol's executor, on four threads.

mod suite;

/// What `tests/common` runs futures with.
mod executor {
    use executors::{Handle, goroutine, returned};
    use smol::Executor;
    use std::future::pending;
    use std::sync::LazyLock;
    use std::thread;

    static EXECUTOR: Executor<'_> = Executor::new();

    static THREADS: LazyLock<()> = LazyLock::new(|| {
        for _ in 0..4 {
            thread::spawn(|| smol::block_on(EXECUTOR.run(pending::<()>())));
        }
    });

    pub(crate) fn go<F>(future: F) -> Handle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        LazyLock::force(&THREADS);
        let (task, handle) = goroutine(future);
        EXECUTOR.spawn(task).detach();
        handle
    }

    pub(crate) fn run<F>(main: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        returned(smol::block_on(go(main)))
    }
}
