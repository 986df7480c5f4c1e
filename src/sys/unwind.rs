//! Calling code of the user's where nobody could go on unwinding: on a thread of the runtime's.

use std::any::Any;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `f`. A panic ends here; the panic hook has told about it.
#[inline]
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        drop_payload(payload);
    }
}

/// Drops what a panic carried, whose own drop may panic: a second panic is not worth the process.
#[cold]
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        let _forgotten = ManuallyDrop::new(second);
    }
}
