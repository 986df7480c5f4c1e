//! Calling code that may panic where nobody could go on unwinding, on a thread of the runtime's; or not yet.

use std::any::Any;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Calls `f`. A panic ends here; the panic hook has told about it.
#[inline]
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        drop_payload(payload);
    }
}

/// Prints a line to standard error, which may be closed or full: that is no reason to panic.
#[cold]
pub(crate) fn tell(line: fmt::Arguments<'_>) {
    // Not `writeln!`: tests capture what `eprintln!` prints.
    contain(|| eprintln!("{line}"));
}

/// Drops what a panic carried, whose own drop may panic: a second panic is not worth the process.
#[cold]
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        let _forgotten = ManuallyDrop::new(second);
    }
}

/// The first of several panics, which goes on when all that is to be done has been.
#[derive(Debug, Default)]
pub(crate) struct FirstPanic(Option<Box<dyn Any + Send>>);

impl FirstPanic {
    /// Calls `f`, and keeps the panic in which it ends, if it is the first.
    #[inline]
    pub(crate) fn catch(&mut self, f: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
            match self.0 {
                None => self.0 = Some(payload),
                Some(_) => drop_payload(payload),
            }
        }
    }

    /// Goes on with it, if there was one.
    #[inline]
    pub(crate) fn resume(self) {
        if let Some(payload) = self.0 {
            resume_unwind(payload);
        }
    }
}
