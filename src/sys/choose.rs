//! Every choice the library makes: which ready arm of a select, which victim to steal from.
//!
//! One generator per thread. A simulated runtime lends its own seeded generator to the thread while
//! it runs there ([`swap`]), so that no choice depends on the thread or the process.

use std::cell::Cell;

thread_local! {
    static RNG: Cell<Option<fastrand::Rng>> = const { Cell::new(None) };
}

/// A number in `0..n`, uniform. `choose(0)` and `choose(1)` are 0 and draw nothing.
#[inline]
pub(crate) fn choose(n: usize) -> usize {
    if n <= 1 {
        return 0;
    }
    RNG.try_with(|cell| {
        let mut rng = cell.take().unwrap_or_default();
        let pick = rng.usize(..n);
        cell.set(Some(rng));
        pick
    })
    // The thread is ending and its generator is gone: any choice is as good as another.
    .unwrap_or(0)
}

/// Makes `rng` this thread's generator and returns the one it replaces.
pub(crate) fn swap(rng: Option<fastrand::Rng>) -> Option<fastrand::Rng> {
    RNG.try_with(|cell| cell.replace(rng)).unwrap_or(None)
}
