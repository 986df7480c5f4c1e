//! Work that is started when a context ends.

use super::node::{self, Action, Kind, Node, Scope};
use super::{Context, End, Error};
use crate::runtime::{self, Handle};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// Starts a goroutine that runs `future` when `ctx` ends; at once if it has.
///
/// The goroutine is one of the runtime in which `after_func` was called, or of the global one. Several may
/// stand behind one context; they are started in no particular order. While they wait they are no goroutines,
/// and cost memory only.
///
/// # Go
///
/// `context.AfterFunc`.
///
/// ```
/// use gort::context::{after_func, background, with_cancel};
///
/// gort::run(async {
///     let (ctx, cancel) = with_cancel(&background());
///     let (tx, rx) = gort::chan(0);
///     after_func(&ctx, async move { tx.send("cleaned up").await.unwrap() });
///     cancel.cancel();
///     assert_eq!(rx.recv().await, "cleaned up");
///
///     let (ctx, cancel) = with_cancel(&background());
///     let stop = after_func(&ctx, async { unreachable!() });
///     assert!(stop.stop());
///     cancel.cancel();
/// });
/// ```
#[doc(alias = "AfterFunc")]
pub fn after_func<F>(ctx: &Context, future: F) -> Stop
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = Handle::try_current();
    let action: Action = Box::new(move || {
        drop(match runtime {
            Ok(runtime) => runtime.go(future),
            Err(_) => runtime::go(future),
        });
    });
    let scope = Scope::new(None, 0, Some(action));
    let node = Arc::new(Node { above: ctx.clone(), kind: Kind::Scope(scope) });
    node::link(&node);
    Stop { node }
}

/// Takes back what [`after_func`] was told. Dropping it changes nothing.
#[derive(Clone)]
pub struct Stop {
    node: Arc<Node>,
}

impl Stop {
    /// Whether this call prevented the work from being started: false if it has been started, and if
    /// it was stopped before. It does not wait for work that has been started.
    ///
    /// The future is dropped before this returns.
    ///
    /// ```
    /// use gort::context::{after_func, background, with_cancel};
    ///
    /// gort::run(async {
    ///     let (ctx, cancel) = with_cancel(&background());
    ///     let stop = after_func(&ctx, async { unreachable!("it was stopped") });
    ///     assert!(stop.stop());
    ///     assert!(!stop.stop(), "it was already");
    ///     cancel.cancel();
    /// });
    /// ```
    pub fn stop(&self) -> bool {
        let action = self.node.scope().and_then(Scope::take_action);
        let stopped = action.is_some();
        // Takes it out of the list, too.
        node::cancel(&self.node, &End::plain(Error::Canceled));
        drop(action);
        stopped
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.node.scope()).finish()
    }
}
