//! What user code does that gort calls while it is at work: at most one thing an operation.

use std::cell::RefCell;

thread_local! {
    static NEXT: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// The next call does `f`.
pub fn set(f: impl FnOnce() + 'static) {
    NEXT.set(Some(Box::new(f)));
}

/// Does what was set, if nothing has done it yet.
pub fn call() {
    // Values may be dropped when their thread has gone.
    let next = NEXT.try_with(RefCell::take).ok().flatten();
    if let Some(f) = next {
        f();
    }
}

/// Nothing is to be done.
pub fn forget() {
    drop(NEXT.take());
}
