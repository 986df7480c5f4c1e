//! Panics that are expected: Go's, about misuse.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`; `None` if it panics with exactly `text`, which libFuzzer's panic hook does not hear of: it
/// ends the process.
pub fn expect<R>(text: &str, f: impl FnOnce() -> R) -> Option<R> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |info| {
            if !EXPECTED.get() {
                others(info);
            }
        }));
    });
    let outer = EXPECTED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    EXPECTED.set(outer);
    match result {
        Ok(result) => Some(result),
        Err(panic) if message(&*panic) == Some(text) => None,
        Err(panic) => panic!("not `{text}`, but {:?}", message(&*panic)),
    }
}

fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    match panic.downcast_ref::<String>() {
        Some(text) => Some(text),
        None => panic.downcast_ref::<&str>().copied(),
    }
}
