//! Functions that run once, and whose outcome every caller gets: Go's `sync.OnceFunc`, `OnceValue` and
//! `OnceValues`.
//!
//! The function's future lies under a [`Mutex`]; whoever holds it polls the future. If that caller is
//! dropped, the next one goes on where it was.

use super::mutex::{Lock, Mutex, MutexGuard};
use pin_project_lite::pin_project;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What all handles share.
struct Shared<T> {
    outcome: OnceLock<Result<T, Panicked>>,
    /// The function, until it has come to its end.
    work: Mutex<Option<Work<T>>>,
}

/// What a panic carried, as far as it can be said again.
enum Panicked {
    Literal(&'static str),
    Text(String),
    /// Only the first caller gets it.
    Other,
}

impl Panicked {
    fn of(payload: &(dyn Any + Send)) -> Self {
        if let Some(text) = payload.downcast_ref::<&'static str>() {
            Panicked::Literal(text)
        } else if let Some(text) = payload.downcast_ref::<String>() {
            Panicked::Text(text.clone())
        } else {
            Panicked::Other
        }
    }

    fn again(&self) -> ! {
        resume_unwind(match self {
            Panicked::Literal(text) => Box::new(*text),
            Panicked::Text(text) => Box::new(text.clone()),
            Panicked::Other => Box::new("the function ended with a panic that is no text"),
        })
    }
}

/// A function that runs when it is first called, and whose value every call yields.
///
/// It is a handle: clones share the function and its value. The function is dropped when it has come to its
/// end.
///
/// # Go
///
/// What `sync.OnceValue` returns. A panic of the function is the panic of every call, with the same text.
/// (A panic whose value is neither `&str` nor `String` cannot be repeated: the call that ran the function
/// gets it, later ones a text that says so.)
///
/// # Examples
///
/// ```
/// use gort::sync::OnceValue;
///
/// gort::run(async {
///     let answer = OnceValue::new(|| async {
///         println!("computing"); // once
///         42
///     });
///     let other = answer.clone();
///     let there = gort::go(async move { *other.call().await });
///     assert_eq!(*answer.call().await + there.await.unwrap(), 84);
/// });
/// ```
#[doc(alias = "sync.OnceValue")]
pub struct OnceValue<T> {
    shared: Arc<Shared<T>>,
}

impl<T> OnceValue<T> {
    /// Of `f`, which runs when it is first called for.
    pub fn new<F, Fut>(f: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        let work: Work<T> = Box::pin(async move { f().await });
        Self { shared: Arc::new(Shared { outcome: OnceLock::new(), work: Mutex::new(Some(work)) }) }
    }

    /// The value; runs the function if nobody has, and waits for it if somebody does.
    ///
    /// Allocates nothing.
    ///
    /// # Panics
    ///
    /// If the function has, on every call.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: if it was the one that ran the function, another call goes on
    /// where it was. A future that is kept without being polled while it runs the function keeps others
    /// waiting, as the holder of a lock does.
    #[track_caller]
    pub fn call(&self) -> CallValue<'_, T> {
        let shared = &*self.shared;
        CallValue { shared, stage: Stage::Waiting { lock: shared.work.lock() } }
    }

    /// The value, if the function has come to its end.
    ///
    /// # Panics
    ///
    /// If the function has.
    ///
    /// # Examples
    ///
    /// ```
    /// # gort::run(async {
    /// let answer = gort::sync::OnceValue::new(|| async { 42 });
    /// assert_eq!(answer.get(), None);
    /// answer.call().await;
    /// assert_eq!(answer.get(), Some(&42));
    /// # });
    /// ```
    pub fn get(&self) -> Option<&T> {
        self.shared.outcome.get().map(value)
    }
}

/// The value, or the panic again.
fn value<T>(outcome: &Result<T, Panicked>) -> &T {
    outcome.as_ref().unwrap_or_else(|panicked| panicked.again())
}

impl<T> Clone for OnceValue<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for OnceValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let called = self.shared.outcome.get().is_some();
        f.debug_struct("OnceValue").field("called", &called).finish_non_exhaustive()
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<'a, T> {
        Waiting { #[pin] lock: Lock<'a, Option<Work<T>>> },
        Running { work: MutexGuard<'a, Option<Work<T>>> },
        Over,
    }
}

pin_project! {
    /// The future of [`OnceValue::call`].
    #[must_use = "nothing is called until the future is awaited"]
    pub struct CallValue<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        stage: Stage<'a, T>,
    }
}

impl<'a, T> Future for CallValue<'a, T> {
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        let mut this = self.project();
        loop {
            let polled = match this.stage.as_mut().project() {
                StageProjection::Waiting { lock } => {
                    if this.shared.outcome.get().is_none() {
                        let work = ready!(lock.poll(cx));
                        if work.is_some() {
                            this.stage.set(Stage::Running { work });
                            continue;
                        }
                    }
                    this.stage.set(Stage::Over);
                    return Poll::Ready(this.shared.outcome());
                }
                StageProjection::Running { work } => match &mut **work {
                    Some(work) => catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))),
                    None => unreachable!("taken by the one who runs it"),
                },
                StageProjection::Over => panic!("`call` polled after it was ready"),
            };
            let outcome = match polled {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(value)) => Ok(value),
                Err(panic) => Err(panic),
            };
            let done = match this.stage.as_mut().project() {
                StageProjection::Running { work } => work.take(),
                _ => None,
            };
            let (outcome, panic) = match outcome {
                Ok(value) => (Ok(value), None),
                Err(panic) => (Err(Panicked::of(&*panic)), Some(panic)),
            };
            this.shared.outcome.get_or_init(|| outcome);
            this.stage.set(Stage::Over);
            drop(done);
            if let Some(panic) = panic {
                resume_unwind(panic);
            }
            return Poll::Ready(this.shared.outcome());
        }
    }
}

impl<T> Shared<T> {
    /// The value, of a function that has come to its end.
    fn outcome(&self) -> &T {
        match self.outcome.get() {
            Some(outcome) => value(outcome),
            None => unreachable!("it is set before the work is taken"),
        }
    }
}

impl<T> fmt::Debug for CallValue<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallValue").finish_non_exhaustive()
    }
}

/// A function that runs when it is first called; other calls wait until it has.
///
/// It is a handle, see [`OnceValue`], of which it is the one without a value.
///
/// # Go
///
/// What `sync.OnceFunc` returns.
///
/// # Examples
///
/// ```
/// use gort::sync::OnceFunc;
///
/// gort::run(async {
///     let hello = OnceFunc::new(|| async { println!("hello") });
///     hello.call().await;
///     hello.call().await; // silent
/// });
/// ```
#[doc(alias = "sync.OnceFunc")]
#[derive(Clone, Debug)]
pub struct OnceFunc(OnceValue<()>);

impl OnceFunc {
    /// Of `f`, which runs when it is first called for.
    pub fn new<F, Fut>(f: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self(OnceValue::new(f))
    }

    /// Runs the function if nobody has, and waits for it if somebody does.
    ///
    /// # Panics
    ///
    /// If the function has, on every call.
    ///
    /// # Cancel safety
    ///
    /// As [`OnceValue::call`].
    #[track_caller]
    pub fn call(&self) -> CallFunc<'_> {
        CallFunc { call: self.0.call() }
    }
}

pin_project! {
    /// The future of [`OnceFunc::call`].
    #[derive(Debug)]
    #[must_use = "nothing is called until the future is awaited"]
    pub struct CallFunc<'a> {
        #[pin]
        call: CallValue<'a, ()>,
    }
}

impl Future for CallFunc<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().call.poll(cx).map(|()| ())
    }
}

/// A function that runs when it is first called, and whose two values every call yields.
///
/// It is a handle, see [`OnceValue`].
///
/// # Go
///
/// What `sync.OnceValues` returns. Where Go returns a value and an error, a
/// [`OnceValue<Result<..>>`](OnceValue) is the better fit.
///
/// # Examples
///
/// ```
/// use gort::sync::OnceValues;
///
/// gort::run(async {
///     let both = OnceValues::new(|| async { ("gopher", 17) });
///     assert_eq!(both.call().await, (&"gopher", &17));
/// });
/// ```
#[doc(alias = "sync.OnceValues")]
#[derive(Debug)]
pub struct OnceValues<A, B>(OnceValue<(A, B)>);

impl<A, B> OnceValues<A, B> {
    /// Of `f`, which runs when it is first called for.
    pub fn new<F, Fut>(f: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = (A, B)> + Send + 'static,
    {
        Self(OnceValue::new(f))
    }

    /// The values; runs the function if nobody has, and waits for it if somebody does.
    ///
    /// # Panics
    ///
    /// If the function has, on every call.
    ///
    /// # Cancel safety
    ///
    /// As [`OnceValue::call`].
    #[track_caller]
    pub fn call(&self) -> CallValues<'_, A, B> {
        CallValues { call: self.0.call() }
    }
}

impl<A, B> Clone for OnceValues<A, B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pin_project! {
    /// The future of [`OnceValues::call`].
    #[derive(Debug)]
    #[must_use = "nothing is called until the future is awaited"]
    pub struct CallValues<'a, A, B> {
        #[pin]
        call: CallValue<'a, (A, B)>,
    }
}

impl<'a, A, B> Future for CallValues<'a, A, B> {
    type Output = (&'a A, &'a B);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx).map(|(a, b)| (a, b))
    }
}
