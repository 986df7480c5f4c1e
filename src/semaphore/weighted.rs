//! The semaphore, as its users see it.

use super::acquire::Acquire;
use super::state::State;
use crate::context::Context;
use crate::wait::batch::WakeBatch;
use crate::wait::object::{Locked, Object};
use std::fmt;
use std::sync::Arc;

pub(super) struct Inner {
    pub(super) size: usize,
    pub(super) state: Object<State>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Only forgotten futures can still be linked: others borrow a handle.
        self.state.get_mut().abandon();
    }
}

/// A semaphore of a given size, of which one may take several at once.
///
/// Who waits is served in the order of coming: a small request does not overtake a large one that has to
/// wait. It is a handle: clones are the same semaphore, and equal.
///
/// # Go
///
/// `semaphore.Weighted`.
///
/// # Examples
///
/// At most two at a time:
///
/// ```
/// use gort::context::background;
/// use gort::semaphore::Weighted;
/// use gort::sync::WaitGroup;
///
/// gort::run(async {
///     let (slots, wg) = (Weighted::new(2), WaitGroup::new());
///     for _ in 0..10 {
///         let slots = slots.clone();
///         wg.go(async move {
///             slots.acquire(&background(), 1).await.unwrap();
///             gort::runtime::gosched().await; // work
///             slots.release(1);
///         });
///     }
///     wg.wait().await;
/// });
/// ```
#[doc(alias = "semaphore.Weighted")]
#[derive(Clone)]
pub struct Weighted {
    pub(super) inner: Arc<Inner>,
}

impl Weighted {
    /// A semaphore of which `size` can be held at a time.
    ///
    /// # Go
    ///
    /// `semaphore.NewWeighted(n)`.
    #[doc(alias = "NewWeighted")]
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self { inner: Arc::new(Inner { size, state: Object::new(State::new(size)) }) }
    }

    /// Takes `n`, and waits for them while they are not there or others came before.
    ///
    /// If `n` is more than the size, it waits for the end of the context, and keeps nobody else.
    ///
    /// # Errors
    ///
    /// The context has ended, before or meanwhile; then nothing was taken.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in line, and gives back what it was granted and has not
    /// yielded.
    ///
    /// # Go
    ///
    /// `Acquire`.
    ///
    /// ```
    /// use gort::context::{Error, background, with_timeout};
    /// use gort::semaphore::Weighted;
    /// use gort::time::Duration;
    ///
    /// gort::run(async {
    ///     let memory = Weighted::new(100);
    ///     memory.acquire(&background(), 60).await.unwrap();
    ///     let (ctx, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    ///     assert_eq!(memory.acquire(&ctx, 60).await, Err(Error::DeadlineExceeded));
    /// });
    /// ```
    #[doc(alias = "Acquire")]
    #[track_caller]
    pub fn acquire<'a>(&'a self, ctx: &'a Context, n: usize) -> Acquire<'a> {
        Acquire::new(self, ctx, n)
    }

    /// Takes `n` if they are there and nobody waits, and says whether it did.
    ///
    /// # Go
    ///
    /// `s.TryAcquire(n)`.
    ///
    /// ```
    /// let semaphore = gort::semaphore::Weighted::new(3);
    /// assert!(semaphore.try_acquire(2));
    /// assert!(!semaphore.try_acquire(2));
    /// semaphore.release(2);
    /// assert!(semaphore.try_acquire(3));
    /// ```
    #[doc(alias = "TryAcquire")]
    #[inline]
    pub fn try_acquire(&self, n: usize) -> bool {
        self.inner.state.lock().try_take(n)
    }

    /// How many are held, or granted to somebody.
    pub(crate) fn held(&self) -> usize {
        self.inner.size - self.inner.state.lock().free()
    }

    /// Gives back `n`, whoever took them.
    ///
    /// # Panics
    ///
    /// `semaphore: released more than held`.
    ///
    /// # Go
    ///
    /// `s.Release(n)`.
    #[doc(alias = "Release")]
    #[track_caller]
    #[inline]
    pub fn release(&self, n: usize) {
        let mut state = self.inner.state.lock();
        let too_many = n > self.inner.size - state.free();
        if too_many || !state.put_back(n) {
            self.release_to_line(state, n, too_many);
        }
    }

    #[cold]
    #[track_caller]
    fn release_to_line(&self, mut state: Locked<'_, State>, n: usize, too_many: bool) {
        let mut wakes = WakeBatch::new();
        if !too_many {
            state.give_back(n, &mut wakes);
        }
        drop(state);
        assert!(!too_many, "semaphore: released more than held");
        wakes.wake_all();
    }
}

impl PartialEq for Weighted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Weighted {}

impl fmt::Debug for Weighted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.inner.state.lock().free();
        f.debug_struct("Weighted").field("size", &self.inner.size).field("free", &free).finish()
    }
}
