//! The bottom row: everything that touches the machine, and the only place that knows about models.
//!
//! * [`sync`] and [`cell`]: atomics, locks and cells. They are the standard library's in a normal
//!   build, loom's under `--cfg gort_loom`, shuttle's under `--cfg gort_shuttle`, and parking_lot's
//!   locks under `--cfg gort_tsan` (the thread sanitizer cannot see into the prebuilt `std`).
//!   No other module names one of these cfgs outside of a `mod` line or an attribute on a test.
//! * [`lock`]: a lock for critical sections of a few dozen instructions.
//! * [`lane`]: a small number for each thread.
//! * [`park`]: a thread parker built on them.
//! * [`clock`]: the only caller of the operating system's clock.
//! * [`choose`]: every choice the library makes at random.
//! * [`thread`]: what another thread is doing.
//! * [`point`]: every place where an operation may be made to yield.
//! * [`prefetch`]: memory that is asked for before it is needed.
//! * [`unwind`]: calls of the user's code where a panic has to end.
//!
//! # In models
//!
//! Loom judges memory orderings, and tries every interleaving of two or three threads; shuttle tries random
//! ones of many. For both, sizes are small ([`MODEL`]), time stands still, a wait with a limit may
//! end at any moment, and nothing depends on chance or on an address. `chained` makes loom see what it
//! would miss.
//!
//! What a model checker offers cannot be made in a constant; [`const_fn`] is for constructors that are
//! `const` in a normal build.

/// Defines a method as `const fn`; as `fn` under a model checker, whose atomics, cells and locks have
/// no constant constructors.
#[cfg(not(any(gort_loom, gort_shuttle)))]
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        $(#[$meta])*
        $vis const fn $($rest)*
    };
}
#[cfg(any(gort_loom, gort_shuttle))]
macro_rules! const_fn {
    ($(#[$meta:meta])* $vis:vis const fn $($rest:tt)*) => {
        $(#[$meta])*
        $vis fn $($rest)*
    };
}
pub(crate) use const_fn;

pub(crate) mod cell;
#[cfg(gort_loom)]
pub(crate) mod chained;
pub(crate) mod choose;
pub(crate) mod clock;
pub(crate) mod lane;
pub(crate) mod lock;
#[cfg(all(test, gort_loom))]
mod loom;
pub(crate) mod park;
pub(crate) mod point;
#[cfg(target_arch = "x86_64")]
pub(crate) mod prefetch;
#[cfg(not(target_arch = "x86_64"))]
#[path = "prefetch_other.rs"]
pub(crate) mod prefetch;
pub(crate) mod sync;
pub(crate) mod thread;
pub(crate) mod unwind;

/// Whether this is a build for a model checker, where sizes are small.
pub(crate) const MODEL: bool = cfg!(any(gort_loom, gort_shuttle));
