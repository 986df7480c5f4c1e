//! What processors have whose prefetch has no name in the standard library yet: nothing.

/// Does nothing.
#[inline]
pub(crate) fn prefetch<T>(_: *const T) {}
