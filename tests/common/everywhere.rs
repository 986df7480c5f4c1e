//! One case on every kind of runtime.

use super::run;

/// Runs `case` as goroutine 1 on several workers and on one.
pub(crate) fn live<C>(case: impl Fn() -> C)
where
    C: Future<Output = ()> + Send + 'static,
{
    run(case());
    #[cfg(not(foreign_executor))]
    workers(1).run(case());
}

/// Runs `case` wherever it can run, [`live`] and [`seeded`]. It must not need that time passes while it
/// computes.
pub(crate) fn everywhere<C>(case: impl Fn() -> C)
where
    C: Future<Output = ()> + Send + 'static,
{
    live(&case);
    seeded(&case);
}

#[cfg(not(foreign_executor))]
pub(crate) use gorts_own::*;

/// Other executors have no seeds.
#[cfg(foreign_executor)]
pub(crate) fn seeded<C>(_case: impl Fn() -> C) {}

#[cfg(not(foreign_executor))]
mod gorts_own {
    use crate::common::panic_text;
    use gort::runtime::{Builder, Runtime};

    /// Schedules that a case is tried under.
    const SEEDS: std::ops::Range<u64> = 0..100;

    /// A runtime with this many workers.
    pub(crate) fn workers(count: usize) -> Runtime {
        Builder::new_multi_thread().worker_threads(count).build().expect("the system has threads")
    }

    /// A runtime whose choices come from `seed`, and whose time passes when nothing else can.
    pub(crate) fn simulated(seed: u64) -> Runtime {
        Builder::simulated(seed).build().expect("it needs nothing of the system")
    }

    /// Runs `case` as goroutine 1 under many schedules. A failure names its seed.
    pub(crate) fn seeded<C>(case: impl Fn() -> C)
    where
        C: Future<Output = ()> + Send + 'static,
    {
        for seed in SEEDS {
            let _named = Named(seed);
            simulated(seed).run(case());
        }
    }

    /// Runs a `case` that must end with the same panic out of `run` on several workers and under many
    /// schedules. Returns its text.
    pub(crate) fn dies_everywhere<C>(case: impl Fn() -> C) -> String
    where
        C: Future<Output = ()> + Send + 'static,
    {
        let text = panic_text(|| super::run(case()));
        assert_eq!(dies_seeded(case), text);
        text
    }

    /// Runs a `case` that must end with the same panic out of `run` under many schedules. Returns its
    /// text.
    pub(crate) fn dies_seeded<C>(case: impl Fn() -> C) -> String
    where
        C: Future<Output = ()> + Send + 'static,
    {
        let first = panic_text(|| simulated(0).run(case()));
        for seed in SEEDS {
            let _named = Named(seed);
            assert_eq!(panic_text(|| simulated(seed).run(case())), first);
        }
        first
    }

    /// Says its seed when something fails.
    struct Named(u64);

    impl Drop for Named {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("with seed {}", self.0);
            }
        }
    }
}
