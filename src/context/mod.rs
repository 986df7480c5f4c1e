//! Go's package `context`: when to stop, until when, and values that go with a request.
//!
//! A [`Context`] is handed down a call chain, and on to the goroutines that work for the caller. Each
//! function may derive one of its own, that is cancelled earlier. To cancel a context cancels all that were
//! derived from it; it asks for the work to be stopped, and the work looks, or waits, for that:
//!
//! ```
//! use gort::context::{Context, Error, background, with_timeout};
//! use gort::time::Duration;
//! use gort::{Receiver, select};
//!
//! async fn sum(ctx: &Context, numbers: Receiver<u32>) -> Result<u32, Error> {
//!     let mut sum = 0;
//!     loop {
//!         select! {
//!             number = numbers.next() => match number {
//!                 Some(number) => sum += number,
//!                 None => return Ok(sum),
//!             },
//!             <-ctx.done() => ctx.check()?,
//!         }
//!     }
//! }
//!
//! gort::run(async {
//!     let (ctx, _cancel) = with_timeout(&background(), Duration::from_millis(2));
//!     let (_sender, numbers) = gort::chan(0);
//!     assert_eq!(sum(&ctx, numbers).await, Err(Error::DeadlineExceeded));
//! });
//! ```
//!
//! | to wait with a context | |
//! |---|---|
//! | in a `select!` | an arm `<-ctx.done()` |
//! | for any future | [`future.with_context(&ctx)`](ContextExt::with_context) |
//! | in a loop that does not wait | [`ctx.check()?`](Context::check) |
//!
//! No goroutine stands behind a context, and no thread behind a deadline. Contexts work under any executor;
//! deadlines use a timer of the current runtime, or of the global one.
//!
//! # Go
//!
//! The functions have Go's names. What is different: a [`Cancel`] that is dropped cancels, where Go's
//! `go vet` asks for a `defer cancel()`; every `Cancel` can [say why](Cancel::cancel_with), where Go has
//! functions of their own (`WithCancelCause`); the key of a value is its type.

mod after;
mod bounded;
mod cancel;
mod error;
#[cfg(all(test, gort_loom))]
mod loom;
mod node;
#[cfg(all(test, not(any(gort_loom, gort_shuttle))))]
mod tests;
mod token;

pub use after::{Stop, after_func};
pub use bounded::{ContextExt, WithContext};
pub use cancel::Cancel;
pub use error::{BoxError, Cause, Error};
pub use token::with_token;

use self::error::End;
use self::node::{Deadline, Kind, Node, Scope};
use crate::chan::{Core, Receiver};
use crate::time::{Duration, Instant};
use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

/// Says when to stop, until when there is time, and what belongs to the request.
///
/// It is a handle: clones are the same context, and equal. [`background()`] is where contexts come
/// from; see the [module](self) for an example.
///
/// # Go
///
/// `context.Context`. It can be passed by reference or by value.
#[derive(Clone, Default)]
pub struct Context(Link);

/// What a context is made from.
#[derive(Clone, Default)]
enum Link {
    #[default]
    Background,
    Todo,
    Node(Arc<Node>),
}

/// The context that all others come from: it is never cancelled, has no deadline and no values.
///
/// # Go
///
/// `context.Background`.
///
/// ```
/// use gort::context::background;
///
/// assert_eq!(background().err(), None);
/// assert!(background().done().is_nil());
/// ```
#[doc(alias = "Background")]
#[must_use]
pub const fn background() -> Context {
    Context(Link::Background)
}

/// As [`background`], for where it is not yet clear which context to use.
///
/// # Go
///
/// `context.TODO`.
///
/// ```
/// assert_eq!(gort::context::todo().to_string(), "context.TODO");
/// ```
#[doc(alias = "TODO")]
#[must_use]
pub const fn todo() -> Context {
    Context(Link::Todo)
}

/// A context that is cancelled by the [`Cancel`], or with `parent`.
///
/// # Go
///
/// `context.WithCancel` and `context.WithCancelCause`.
///
/// ```
/// use gort::context::{background, with_cancel};
///
/// gort::run(async {
///     let (ctx, cancel) = with_cancel(&background());
///     gort::go(async move { cancel.cancel() });
///     ctx.done().recv().await;
///     assert!(ctx.err().is_some());
/// });
/// ```
#[doc(alias = "WithCancel")]
#[doc(alias = "WithCancelCause")]
pub fn with_cancel(parent: &Context) -> (Context, Cancel) {
    scope(parent, None)
}

/// A context that is cancelled at `deadline`, or earlier by the [`Cancel`] or with `parent`.
///
/// At the deadline its error is [`DeadlineExceeded`](Error::DeadlineExceeded). If that has passed, it is
/// so at once. A deadline that is later than that of `parent` changes nothing.
///
/// # Go
///
/// `context.WithDeadline`.
///
/// ```
/// use gort::context::{Error, background, with_deadline};
/// use gort::time::Instant;
///
/// let (ctx, _cancel) = with_deadline(&background(), Instant::now());
/// assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
/// ```
#[doc(alias = "WithDeadline")]
pub fn with_deadline(parent: &Context, deadline: Instant) -> (Context, Cancel) {
    scope(parent, Some(Deadline { at: deadline, cause: None }))
}

/// As [`with_deadline`]; at the deadline, `cause` is the [`cause`](Context::cause).
///
/// # Go
///
/// `context.WithDeadlineCause`.
///
/// ```
/// use gort::context::{background, with_deadline_cause};
/// use gort::time::Instant;
///
/// let (ctx, _cancel) = with_deadline_cause(&background(), Instant::now(), "the shop is closed");
/// assert_eq!(ctx.cause().unwrap().to_string(), "the shop is closed");
/// ```
#[doc(alias = "WithDeadlineCause")]
pub fn with_deadline_cause(
    parent: &Context,
    deadline: Instant,
    cause: impl Into<BoxError>,
) -> (Context, Cancel) {
    scope(parent, Some(Deadline { at: deadline, cause: Some(Cause::new(cause)) }))
}

/// A context with a deadline `timeout` from now; see [`with_deadline`].
///
/// # Go
///
/// `context.WithTimeout`.
///
/// ```
/// use gort::context::{Error, background, with_timeout};
/// use gort::time::Duration;
///
/// gort::run(async {
///     let (ctx, _cancel) = with_timeout(&background(), Duration::from_millis(1));
///     ctx.done().recv().await;
///     assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
/// });
/// ```
#[doc(alias = "WithTimeout")]
pub fn with_timeout(parent: &Context, timeout: Duration) -> (Context, Cancel) {
    with_deadline(parent, from_now(timeout))
}

/// As [`with_timeout`]; when the time is up, `cause` is the [`cause`](Context::cause).
///
/// # Go
///
/// `context.WithTimeoutCause`.
///
/// ```
/// use gort::context::{background, with_timeout_cause};
/// use gort::time::Duration;
///
/// let (ctx, cancel) = with_timeout_cause(&background(), Duration::from_secs(60), "too slow");
/// cancel.cancel();
/// assert_eq!(ctx.cause().unwrap().to_string(), "context canceled");
/// ```
#[doc(alias = "WithTimeoutCause")]
pub fn with_timeout_cause(
    parent: &Context,
    timeout: Duration,
    cause: impl Into<BoxError>,
) -> (Context, Cancel) {
    with_deadline_cause(parent, from_now(timeout), cause)
}

fn from_now(timeout: Duration) -> Instant {
    Instant::now().checked_add(timeout).unwrap_or_else(Instant::far_future)
}

/// A context that has a value more.
///
/// The key is the type: [`value`](Context::value) finds the nearest of that type, so make one for each
/// kind of value. Values are for what belongs to a request and crosses functions that do not care, not for
/// optional arguments.
///
/// # Go
///
/// `context.WithValue` with a key of a type of its own, as Go recommends. A value that may be absent is an
/// [`Option`], whose `None` hides what is further up, as Go's nil does.
///
/// ```
/// use gort::context::{background, with_value};
///
/// struct RequestId(u64);
///
/// let ctx = with_value(&background(), RequestId(7));
/// assert_eq!(ctx.value::<RequestId>().unwrap().0, 7);
/// assert!(ctx.value::<String>().is_none());
/// ```
#[doc(alias = "WithValue")]
#[must_use]
pub fn with_value<T: Any + Send + Sync>(parent: &Context, value: T) -> Context {
    let kind = Kind::Value { name: type_name::<T>(), value: Box::new(value) };
    Context::of(parent, kind)
}

/// A context with the values of `parent`, that is not cancelled with it and has no deadline.
///
/// # Go
///
/// `context.WithoutCancel`.
///
/// ```
/// use gort::context::{background, with_cancel, without_cancel};
///
/// let (ctx, cancel) = with_cancel(&background());
/// cancel.cancel();
/// assert_eq!(without_cancel(&ctx).err(), None);
/// ```
#[doc(alias = "WithoutCancel")]
#[must_use]
pub fn without_cancel(parent: &Context) -> Context {
    Context::of(parent, Kind::WithoutCancel)
}

/// As [`with_cancel`], with a name of its own: that of `parent` between `open` and `close`.
pub(crate) fn with_cancel_named(
    parent: &Context,
    open: &'static str,
    close: String,
) -> (Context, Cancel) {
    with_cancel(&Context::of(parent, Kind::Named { open, close }))
}

/// Makes a scope, with its first [`Cancel`].
fn scope(parent: &Context, deadline: Option<Deadline>) -> (Context, Cancel) {
    let earlier = |deadline: &Deadline| parent.deadline().is_none_or(|known| deadline.at <= known);
    let scope = Scope::new(deadline.filter(earlier), 1, None);
    let node = Arc::new(Node { above: parent.clone(), kind: Kind::Scope(scope) });
    node::link(&node);
    node::arm(&node);
    (Context(Link::Node(Arc::clone(&node))), Cancel::new(node))
}

impl Context {
    fn of(parent: &Context, kind: Kind) -> Self {
        Self(Link::Node(Arc::new(Node { above: parent.clone(), kind })))
    }

    fn node(&self) -> Option<&Arc<Node>> {
        match &self.0 {
            Link::Node(node) => Some(node),
            Link::Background | Link::Todo => None,
        }
    }

    fn into_node(self) -> Option<Arc<Node>> {
        match self.0 {
            Link::Node(node) => Some(node),
            Link::Background | Link::Todo => None,
        }
    }

    /// This and what it was made from, up to the first.
    fn path(&self) -> impl Iterator<Item = &Arc<Node>> {
        std::iter::successors(self.node(), |node| node.above.node())
    }

    /// The node of the scope that this ends with.
    fn nearest_scope_node(&self) -> Option<Arc<Node>> {
        let mut path = self.path();
        let found = path.find(|node| !node.is_transparent())?;
        found.scope().map(|_| Arc::clone(found))
    }

    /// The scope that this ends with.
    fn nearest_scope(&self) -> Option<&Scope> {
        self.path().find(|node| !node.is_transparent())?.scope()
    }

    /// A channel that is closed when the context ends. It is the same one at every call, and nil
    /// if the context never ends.
    ///
    /// When it is closed [`err`](Self::err) says why. Wait for it in a `select!`, as `<-ctx.done()`, or with
    /// `ctx.done().recv().await`.
    ///
    /// # Go
    ///
    /// `ctx.Done()`.
    ///
    /// ```
    /// use gort::context::{background, with_cancel};
    ///
    /// gort::run(async {
    ///     let (ctx, cancel) = with_cancel(&background());
    ///     let worker = gort::go(async move { ctx.done().recv().await });
    ///     cancel.cancel();
    ///     worker.await.unwrap();
    /// });
    /// ```
    #[doc(alias = "Done")]
    #[must_use]
    pub fn done(&self) -> Receiver<()> {
        self.nearest_scope().map_or_else(Receiver::nil, |scope| scope.done().receiver())
    }

    /// [`done`](Self::done), for as long as the context is borrowed.
    pub(crate) fn done_core(&self) -> Option<&Core<()>> {
        self.nearest_scope()?.done().core()
    }

    /// How the context has ended; `None` while it has not. Once it is there it does not change, and
    /// [`done`](Self::done) is closed.
    ///
    /// # Go
    ///
    /// `ctx.Err()`.
    ///
    /// ```
    /// use gort::context::{Error, background, with_timeout};
    /// use gort::time::Duration;
    ///
    /// let (ctx, _cancel) = with_timeout(&background(), Duration::ZERO);
    /// assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
    /// ```
    #[doc(alias = "Err")]
    #[must_use]
    pub fn err(&self) -> Option<Error> {
        self.nearest_scope()?.error()
    }

    /// [`err`](Self::err) for `?`.
    ///
    /// # Errors
    ///
    /// The context has ended.
    ///
    /// # Go
    ///
    /// `if err := ctx.Err(); err != nil { return err }`.
    ///
    /// ```
    /// use gort::context::{Context, Error, background};
    ///
    /// fn count(ctx: &Context) -> Result<u32, Error> {
    ///     let mut count = 0;
    ///     while count < 10 {
    ///         ctx.check()?;
    ///         count += 1;
    ///     }
    ///     Ok(count)
    /// }
    /// assert_eq!(count(&background()), Ok(10));
    /// ```
    #[doc(alias = "Err")]
    pub fn check(&self) -> Result<(), Error> {
        self.err().map_or(Ok(()), Err)
    }

    /// Why the context has ended: the error of the first [`cancel_with`](Cancel::cancel_with), or of the
    /// deadline, that reached it; [`err`](Self::err) if that was given none. `None` while it has not
    /// ended.
    ///
    /// # Go
    ///
    /// `context.Cause(ctx)`.
    ///
    /// ```
    /// use gort::context::{background, with_cancel};
    ///
    /// let (ctx, cancel) = with_cancel(&background());
    /// assert!(ctx.cause().is_none());
    /// cancel.cancel_with("out of paper");
    /// assert_eq!(ctx.cause().unwrap().to_string(), "out of paper");
    /// ```
    #[doc(alias = "context.Cause")]
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.nearest_scope()?.end().map(|end| end.cause())
    }

    /// When the context ends by itself; `None` if it does not. It stays known when the context has
    /// ended.
    ///
    /// # Go
    ///
    /// `ctx.Deadline()`; `None` for `ok == false`.
    ///
    /// ```
    /// use gort::context::{background, with_deadline};
    /// use gort::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// let (ctx, _cancel) = with_deadline(&background(), soon);
    /// let (child, _cancel) = with_deadline(&ctx, soon + Duration::from_secs(1));
    /// assert_eq!(child.deadline(), Some(soon), "no later than its parent");
    /// assert_eq!(background().deadline(), None);
    /// ```
    #[doc(alias = "Deadline")]
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.path()
            .take_while(|node| !matches!(node.kind, Kind::WithoutCancel))
            .find_map(|node| node.scope()?.deadline.as_ref())
            .map(|deadline| deadline.at)
    }

    /// The nearest value of this type; see [`with_value`].
    ///
    /// # Go
    ///
    /// `ctx.Value(key)`, with the type as the key.
    ///
    /// ```
    /// use gort::context::{background, with_value};
    ///
    /// #[derive(Debug, PartialEq)]
    /// struct UserId(u64);
    ///
    /// let ctx = with_value(&background(), UserId(7));
    /// assert_eq!(ctx.value::<UserId>(), Some(&UserId(7)));
    /// assert_eq!(ctx.value::<u64>(), None);
    /// ```
    #[doc(alias = "Value")]
    #[must_use]
    pub fn value<T: Any>(&self) -> Option<&T> {
        self.path().find_map(|node| match &node.kind {
            Kind::Value { value, .. } => value.downcast_ref(),
            Kind::WithoutCancel | Kind::Named { .. } | Kind::Scope(_) => None,
        })
    }
}

/// By identity.
impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Link::Background, Link::Background) | (Link::Todo, Link::Todo) => true,
            (Link::Node(one), Link::Node(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Context {}

/// How it was made, from the first to the last: `context.Background.WithCancel`.
///
/// Of a deadline it says how long there is still to go, of a value the type.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: Vec<_> = self.path().collect();
        let mut opened = path.iter().filter_map(|node| match node.kind {
            Kind::Named { open, .. } => Some(open),
            _ => None,
        });
        opened.try_for_each(|open| f.write_str(open))?;
        let first = path.last().map_or(self, |node| &node.above);
        f.write_str(match first.0 {
            Link::Todo => "context.TODO",
            Link::Background | Link::Node(_) => "context.Background",
        })?;
        let mut named = false;
        path.iter().rev().try_for_each(|node| match &node.kind {
            Kind::Value { name, .. } => write!(f, ".WithValue({name})"),
            Kind::WithoutCancel => f.write_str(".WithoutCancel"),
            Kind::Named { close, .. } => {
                named = true;
                f.write_str(close)
            }
            Kind::Scope(Scope { deadline: Some(deadline), .. }) => {
                write!(f, ".WithDeadline([{:?}])", deadline.at - Instant::now())
            }
            Kind::Scope(_) if std::mem::take(&mut named) => Ok(()),
            Kind::Scope(_) => f.write_str(".WithCancel"),
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
