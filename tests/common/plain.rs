//! Memory that is written and read without synchronisation of its own: what stands there is visible if
//! something else has made it so. A sanitizer or an interpreter that looks for races sees one if nothing has.

#![expect(unsafe_code, reason = "the point is to have no synchronisation")]

use std::cell::UnsafeCell;

/// A number.
#[derive(Debug, Default)]
pub(crate) struct Plain(UnsafeCell<u64>);

// SAFETY: the tests write and read a `Plain` in an order that they expect the library to enforce.
unsafe impl Sync for Plain {}

impl Plain {
    pub(crate) fn set(&self, value: u64) {
        // SAFETY: as above, nobody else is at it.
        unsafe { *self.0.get() = value }
    }

    pub(crate) fn get(&self) -> u64 {
        // SAFETY: as above, nobody writes.
        unsafe { *self.0.get() }
    }
}

/// `count` of them.
pub(crate) fn plain(count: usize) -> std::sync::Arc<[Plain]> {
    (0..count).map(|_| Plain::default()).collect()
}
