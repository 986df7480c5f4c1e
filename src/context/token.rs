//! Contexts and tokio's cancellation tokens.

use super::{Cancel, Context, ContextExt, background, with_cancel, with_cancel_named};
use crate::runtime;
use tokio_util::sync::CancellationToken;

/// A context that is cancelled with `token`, by the [`Cancel`], or with `parent`.
///
/// One goroutine stands behind it, until either the token or the context is cancelled: a token tells
/// nobody but those who wait for it. It is also cancelled when the runtime of that goroutine is shut down.
///
/// # Go
///
/// A context made from one of another package.
///
/// ```
/// use gort::context::{background, with_token};
/// use gort::sync::CancellationToken;
///
/// gort::run(async {
///     let token = CancellationToken::new();
///     let (ctx, _cancel) = with_token(&background(), token.clone());
///     token.cancel();
///     ctx.done().recv().await;
/// });
/// ```
pub fn with_token(parent: &Context, token: CancellationToken) -> (Context, Cancel) {
    // The token has a scope of its own, without a name, above that of the caller: whatever becomes of the
    // caller's `Cancel`, the goroutine's can end it.
    let (above, by_token) = with_cancel_named(parent, "", String::new());
    let (ctx, cancel) = with_cancel(&above);
    if token.is_cancelled() {
        by_token.cancel();
    } else if ctx.err().is_none() {
        drop(runtime::go(follow(token, ctx.clone(), by_token)));
    }
    (ctx, cancel)
}

/// Drops `cancel`, and so cancels, when the token is cancelled; or when the context has ended, and there is nothing
/// left to cancel.
async fn follow(token: CancellationToken, ctx: Context, cancel: Cancel) {
    let _which = token.cancelled().with_context(&ctx).await;
    drop(cancel);
}

/// A context that is cancelled with the token. One goroutine stands behind it until then; see
/// [`with_token`] for one that can be ended earlier.
///
/// It is also cancelled when the runtime of that goroutine is shut down.
///
/// ```
/// use gort::context::Context;
/// use gort::sync::CancellationToken;
///
/// gort::run(async {
///     let token = CancellationToken::new();
///     let ctx = Context::from(token.clone());
///     assert!(ctx.err().is_none());
///     token.cancel();
///     ctx.done().recv().await;
///     assert!(ctx.err().is_some());
/// });
/// ```
impl From<CancellationToken> for Context {
    fn from(token: CancellationToken) -> Context {
        let (ctx, cancel) = with_cancel(&background());
        if token.is_cancelled() {
            cancel.cancel();
        } else {
            // It takes the only right to cancel along.
            drop(runtime::go(async move {
                token.cancelled().await;
                cancel.cancel();
            }));
        }
        ctx
    }
}

/// A token that is cancelled when the context ends: by the time that
/// [`cancel`](Cancel::cancel) returns, and without a goroutine. To cancel the token does nothing to the
/// context.
///
/// ```
/// use gort::context::{background, with_cancel};
/// use gort::sync::CancellationToken;
///
/// let (ctx, cancel) = with_cancel(&background());
/// let token = CancellationToken::from(&ctx);
/// cancel.cancel();
/// assert!(token.is_cancelled());
/// ```
impl From<&Context> for CancellationToken {
    fn from(ctx: &Context) -> CancellationToken {
        ctx.token()
    }
}

impl From<Context> for CancellationToken {
    fn from(ctx: Context) -> CancellationToken {
        ctx.token()
    }
}

impl Context {
    fn token(&self) -> CancellationToken {
        self.nearest_scope().map_or_else(CancellationToken::new, |scope| scope.token())
    }
}
