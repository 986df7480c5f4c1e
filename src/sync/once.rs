//! Something that is done once: Go's `sync.Once`.
//!
//! A flag says that it is done, a [`RawMutex`] who does it, as in Go. So a caller that waits is an ordinary
//! waiter of that lock, and whatever becomes of a lock that is being waited for holds here, too.

use super::raw_mutex::{RawLock, RawMutex};
use crate::sys::const_fn;
use crate::sys::sync::atomic::{AtomicBool, Ordering};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Does something once, whoever asks first, and lets the others wait until it is done.
///
/// It is a value, to be shared by [`Arc`](std::sync::Arc) or as a `static`. To keep what the first caller
/// computed, see [`OnceValue`](super::OnceValue) and tokio's [`OnceCell`](super::OnceCell).
///
/// # Go
///
/// `sync.Once`. If the function panics, or its goroutine exits, it counts as done. A call from inside the
/// function waits for ever.
///
/// # Examples
///
/// ```
/// use gort::sync::{Once, WaitGroup};
///
/// static SETUP: Once = Once::new();
///
/// gort::run(async {
///     let wg = WaitGroup::new();
///     for _ in 0..10 {
///         wg.go(async {
///             SETUP.call_once(|| async { println!("only once") }).await;
///             assert!(SETUP.is_completed());
///         });
///     }
///     wg.wait().await;
/// });
/// ```
#[doc(alias = "sync.Once")]
pub struct Once {
    done: AtomicBool,
    /// Held by whoever does it.
    lock: RawMutex,
}

impl Once {
    const_fn! {
        /// Nothing has been done yet.
        pub const fn new() -> Self {
            Self { done: AtomicBool::new(false), lock: RawMutex::new() }
        }
    }

    /// Does `f` if nothing has been done yet; waits until it is done if somebody else is doing it.
    ///
    /// What was done is visible to everybody whose call has returned.
    ///
    /// # Panics
    ///
    /// In the caller whose `f` panics. It counts as done then: other calls return.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future of a caller that waits changes nothing. If the future that runs `f` is dropped
    /// before its end, `f` is cut off where it stands and nothing counts as done: the next caller does its
    /// own `f`.
    ///
    /// # Go
    ///
    /// `once.Do(f)`. Calling it in its own `f` waits for ever, as in Go.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let (once, mut first) = (gort::sync::Once::new(), 0);
    /// for n in 1..=3 {
    ///     once.call_once(async || first = n).await;
    /// }
    /// assert_eq!(first, 1);
    /// # });
    /// ```
    #[doc(alias = "Do")]
    #[track_caller]
    #[inline]
    pub fn call_once<F, Fut>(&self, f: F) -> CallOnce<'_, F, Fut>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = ()>,
    {
        // It is never undone. So the future of a call after it is one byte, which the compiler knows the value of.
        if self.is_completed() {
            return CallOnce { undone: None };
        }
        // The box is a thing that may not be done on suspicion: the compiler would store all of this in the other case, too.
        let site = black_box(Location::caller());
        CallOnce { undone: Some(Undone { once: self, f: Some(f), site, stage: Stage::New }) }
    }

    /// Whether it is done.
    #[inline]
    pub fn is_completed(&self) -> bool {
        // Ordering: Acquire pairs with the Release in `complete`.
        self.done.load(Ordering::Acquire)
    }

    /// For whoever holds the lock.
    fn complete(&self) {
        // Ordering: Release pairs with the Acquire in `is_completed`: what was done is visible.
        self.done.store(true, Ordering::Release);
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("completed", &self.is_completed()).finish_non_exhaustive()
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<'a, Fut> {
        /// Not polled, so that a call after it is done costs a look.
        New,
        /// For the lock, or for it to be done.
        Waiting { #[pin] lock: RawLock<'a> },
        /// The lock is held. The fields are dropped in this order.
        Running { #[pin] f: Fut, held: Held<'a> },
        Over,
    }
}

/// Releases the lock.
struct Held<'a>(&'a RawMutex);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

pin_project! {
    /// The future of [`Once::call_once`].
    #[must_use = "nothing is done until the future is awaited"]
    pub struct CallOnce<'a, F, Fut> {
        // None if it was done before the call.
        #[pin]
        undone: Option<Undone<'a, F, Fut>>,
    }
}

pin_project! {
    /// A call of what was not done at the time.
    struct Undone<'a, F, Fut> {
        once: &'a Once,
        f: Option<F>,
        site: &'static Location<'static>,
        #[pin]
        stage: Stage<'a, Fut>,
    }
}

impl<F, Fut> Future for CallOnce<'_, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = ()>,
{
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().undone.as_pin_mut() {
            None => Poll::Ready(()),
            Some(undone) => undone.poll(cx),
        }
    }
}

impl<F, Fut> Undone<'_, F, Fut>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = ()>,
{
    /// Not inlined: a call after it is done is to be small.
    #[inline(never)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            let polled = match this.stage.as_mut().project() {
                StageProjection::New if this.once.is_completed() => {
                    this.stage.set(Stage::Over);
                    return Poll::Ready(());
                }
                StageProjection::New => {
                    let lock = this.once.lock.lock_at(this.site);
                    this.stage.set(Stage::Waiting { lock });
                    continue;
                }
                StageProjection::Waiting { lock } => {
                    if !this.once.is_completed() {
                        ready!(lock.poll(cx));
                        let held = Held(&this.once.lock);
                        if let (false, Some(f)) = (this.once.is_completed(), this.f.take()) {
                            match catch_unwind(AssertUnwindSafe(f)) {
                                Ok(f) => {
                                    this.stage.set(Stage::Running { f, held });
                                    continue;
                                }
                                Err(panic) => {
                                    this.once.complete();
                                    drop(held);
                                    this.stage.set(Stage::Over);
                                    resume_unwind(panic);
                                }
                            }
                        }
                    }
                    this.stage.set(Stage::Over);
                    return Poll::Ready(());
                }
                StageProjection::Running { f, .. } => catch_unwind(AssertUnwindSafe(|| f.poll(cx))),
                StageProjection::Over => panic!("`call_once` polled after it was ready"),
            };
            if let Ok(Poll::Pending) = polled {
                return Poll::Pending;
            }
            this.once.complete();
            this.stage.set(Stage::Over);
            return polled.unwrap_or_else(|panic| resume_unwind(panic));
        }
    }
}

impl<F, Fut> fmt::Debug for CallOnce<'_, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let was_done = self.undone.is_none();
        f.debug_struct("CallOnce").field("was_done", &was_done).finish_non_exhaustive()
    }
}
