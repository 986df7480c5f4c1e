//! Memory that is asked for before it is needed.

#![expect(unsafe_code, reason = "an instruction that has no safe name")]

use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};

/// Asks for the cache line that begins at `at`, which is about to be written to. That takes an instruction, and
/// the line is there some hundred nanoseconds later, also if it is in another processor's cache. The address
/// need not be one of anything.
///
/// A load would ask as well, but the next locked instruction would wait for it.
#[inline]
pub(crate) fn prefetch<T>(at: *const T) {
    // SAFETY: it reads nothing and never faults.
    unsafe { _mm_prefetch::<_MM_HINT_ET0>(at.cast()) };
}
