//! Every choice the library makes: which ready arm of a select, which victim to steal from.
//!
//! One generator per thread, behind one function: whoever wants the choices to come from a seed puts
//! a seeded generator there.

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
