//! The right to cancel a context.

use super::error::{BoxError, Cause, End, Error};
use super::node::{self, Node};
use crate::sys::sync::atomic::Ordering;
use crate::sys::unwind;
use std::fmt;
use std::sync::Arc;

/// Cancels the context that it was made with, and all that were made from that one.
///
/// It is a handle: clones cancel the same context. When the last one is dropped the context is
/// cancelled, as by [`cancel`](Self::cancel); so what was started on behalf of a function ends with
/// the function. [`detach`](Self::detach) gives up a handle without that.
///
/// # Go
///
/// `CancelFunc` and `CancelCauseFunc`. The drop is Go's `defer cancel()`.
///
/// ```
/// use gort::context::{Error, background, with_cancel};
///
/// let (ctx, cancel) = with_cancel(&background());
/// assert_eq!(ctx.err(), None);
/// drop(cancel);
/// assert_eq!(ctx.err(), Some(Error::Canceled));
/// ```
#[doc(alias = "CancelFunc")]
#[doc(alias = "CancelCauseFunc")]
#[must_use = "the context is cancelled when this is dropped"]
pub struct Cancel {
    /// `None` once it was detached.
    node: Option<Arc<Node>>,
}

impl Cancel {
    /// The first one of a scope, which counts it already.
    pub(super) fn new(node: Arc<Node>) -> Self {
        Self { node: Some(node) }
    }

    /// Cancels the context: [`err`](super::Context::err) is
    /// [`Canceled`](super::Error::Canceled) and `done` is closed. It does not wait for the work to stop.
    ///
    /// When it returns, every context that was made from this one is cancelled too, whether by this
    /// call or by another one. A context that has ended stays as it is.
    ///
    /// Goroutines that wait for `done` are woken. No lock is held meanwhile, and a waker that panics
    /// does so when all is done.
    ///
    /// # Go
    ///
    /// Calling a `CancelFunc`.
    ///
    /// ```
    /// use gort::context::{background, with_cancel};
    ///
    /// let (parent, cancel) = with_cancel(&background());
    /// let (child, _cancel) = with_cancel(&parent);
    /// cancel.cancel();
    /// assert!(child.err().is_some(), "it has ended when the call returns");
    /// ```
    #[doc(alias = "CancelFunc")]
    pub fn cancel(&self) {
        self.end(&End::plain(Error::Canceled));
    }

    /// Cancels the context as [`cancel`](Self::cancel) does, and says why: `error` is the
    /// [`cause`](super::Context::cause) of this context and of those made from it, but for those
    /// that have ended already.
    ///
    /// ```
    /// use gort::context::{Error, background, with_cancel};
    ///
    /// let (ctx, cancel) = with_cancel(&background());
    /// cancel.cancel_with("no more work");
    /// assert_eq!(ctx.err(), Some(Error::Canceled));
    /// assert_eq!(ctx.cause().unwrap().to_string(), "no more work");
    /// ```
    ///
    /// # Go
    ///
    /// The `CancelCauseFunc` of `context.WithCancelCause`; `cancel(nil)` is [`cancel`](Self::cancel).
    #[doc(alias = "CancelCauseFunc")]
    pub fn cancel_with(&self, error: impl Into<BoxError>) {
        let given = Some(Cause::new(error));
        self.end(&End { error: Error::Canceled, given });
    }

    /// Gives up this handle without cancelling anything. If it was the last one, the context ends at
    /// its deadline or with the context that it was made from, or never.
    ///
    /// The context that it was made from keeps it in memory until then, as in Go if the function is never
    /// called.
    ///
    /// ```
    /// use gort::context::{background, with_cancel};
    ///
    /// let (ctx, cancel) = with_cancel(&background());
    /// cancel.detach();
    /// assert_eq!(ctx.err(), None);
    /// ```
    pub fn detach(mut self) {
        if let Some(node) = self.node.take() {
            if release(&node) {
                node::settle(&node);
            }
        }
    }

    fn end(&self, end: &End) {
        if let Some(node) = &self.node {
            node::cancel(node, end);
        }
    }
}

/// Counts one handle less; says whether it was the last.
fn release(node: &Node) -> bool {
    let Some(scope) = node.scope() else { return false };
    // Ordering: Acquire: as below. Nobody can count one more if this is the only one.
    if scope.cancels.load(Ordering::Acquire) == 1 {
        // Ordering: Release, as below. An exchange is not needed for `node::settle`: who gives up a child looks at
        // its parent under the parent's lock, and who gives up the parent has had that lock before it looks at
        // the child's count. So one of the two sees the other.
        scope.cancels.store(0, Ordering::Release);
        return true;
    }
    // Ordering: AcqRel: what was done with the other handles comes before what the last one's end brings.
    // See also `node::settle`.
    scope.cancels.fetch_sub(1, Ordering::AcqRel) == 1
}

impl Clone for Cancel {
    fn clone(&self) -> Self {
        if let Some(scope) = self.node.as_deref().and_then(Node::scope) {
            // Ordering: Relaxed: this handle is counted, so the count cannot reach zero.
            scope.cancels.fetch_add(1, Ordering::Relaxed);
        }
        Self { node: self.node.clone() }
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        if !release(&node) {
            return;
        }
        let cancel = || node::cancel(&node, &End::plain(Error::Canceled));
        if std::thread::panicking() {
            // A second panic would end the process.
            unwind::contain(cancel);
        } else {
            cancel();
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.node.as_deref().and_then(Node::scope)).finish()
    }
}
