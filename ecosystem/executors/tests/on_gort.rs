//! The tests under gort's own executor.

mod suite;

/// What `tests/common` runs futures with.
mod executor {
    pub(crate) use gort::go;

    pub(crate) fn run<F>(main: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        gort::run(main)
    }
}
