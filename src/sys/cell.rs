//! Interior mutability in the shape a model checker can watch.

#[cfg(gort_loom)]
pub(crate) use loom::cell::UnsafeCell;

pub(crate) use crossbeam_utils::CachePadded;

/// [`std::cell::UnsafeCell`] whose accesses are closures, so that loom's cell can take its place.
#[cfg(not(gort_loom))]
#[derive(Debug, Default)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(gort_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Calls `f` with a pointer for reading. The caller upholds aliasing when it dereferences.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Calls `f` with a pointer for writing. The caller upholds aliasing when it dereferences.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}
