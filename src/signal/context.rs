//! A context that a signal cancels: Go's `signal.NotifyContext`.

use super::{SignalKind, notify, stop};
use crate::chan::{Receiver, chan};
use crate::context::{Cancel, Context, Error, with_cancel_named};
use crate::runtime::go;
use crate::select;
use std::error;
use std::fmt;

/// A context that is cancelled by the first signal of `kinds`, of any kind if none is given; by the
/// [`Stop`]; or with `parent`.
///
/// After a signal its error is [`Canceled`](Error::Canceled), and its cause a [`SignalReceived`]. The kinds stay
/// caught until the `Stop` is called or dropped, whatever becomes of the context: a second Ctrl-C does nothing to
/// a program that is on its way to its end. Where it is to end the program at once, stop as soon as the context
/// has ended:
///
/// ```
/// use gort::context::{after_func, background};
/// use gort::signal::{SignalKind, notify_context};
///
/// # gort::run(async {
/// let (ctx, stop) = notify_context(&background(), [SignalKind::interrupt()]);
/// after_func(&ctx, async move { stop.stop() });
/// # });
/// ```
///
/// One goroutine waits for the signal, in the runtime that this is called in, until the context ends. If that
/// runtime is shut down before, nobody would be told any more, and the kinds do again what they did before.
///
/// # Panics
///
/// As [`notify()`].
///
/// # Go
///
/// `signal.NotifyContext`.
///
/// ```
/// use gort::context::background;
/// use gort::signal::{SignalKind, notify_context};
///
/// # gort::run(async {
/// let (ctx, _stop) = notify_context(&background(), [SignalKind::interrupt()]);
/// # signal_hook::low_level::raise(SignalKind::interrupt().as_raw_value()).unwrap();
/// ctx.done().recv().await;
/// assert_eq!(ctx.cause().unwrap().to_string(), "interrupt signal received");
/// # });
/// ```
#[doc(alias = "NotifyContext")]
#[track_caller]
pub fn notify_context(
    parent: &Context,
    kinds: impl IntoIterator<Item = SignalKind>,
) -> (Context, Stop) {
    let kinds: Vec<_> = kinds.into_iter().collect();
    let (ctx, cancel) = with_cancel_named(parent, "signal.NotifyContext(", close_name(&kinds));
    let (sender, signals) = chan(1);
    notify(sender, kinds);
    if ctx.err().is_none() {
        drop(go(wait(ctx.done(), Watched(Some(signals.clone())), cancel.clone())));
    }
    (ctx, Stop { cancel, signals })
}

/// What follows the parent in the name of the context, in Go's words.
fn close_name(kinds: &[SignalKind]) -> String {
    let names: Vec<_> = kinds.iter().map(SignalKind::to_string).collect();
    if names.is_empty() { ")".to_owned() } else { format!(", [{}])", names.join(" ")) }
}

/// Cancels on a signal.
async fn wait(done: Receiver<()>, mut watched: Watched, cancel: Cancel) {
    let Some(signals) = &watched.0 else { return };
    select! {
        kind = signals.next() => {
            if let Some(kind) = kind {
                cancel.cancel_with(SignalReceived(kind));
            }
        }
        <-done => {}
    }
    // From here on it is the `Stop` that gives the signals back.
    watched.0 = None;
}

/// Signals that a goroutine waits for. If it is dropped while it waits, its runtime has gone: they are given back.
struct Watched(Option<Receiver<SignalKind>>);

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(signals) = self.0.take() {
            stop(&signals);
        }
    }
}

/// Cancels the context of [`notify_context`] and gives the signals back, when it is dropped at the latest.
#[derive(Debug)]
#[must_use = "the context is cancelled when it is dropped"]
pub struct Stop {
    cancel: Cancel,
    /// The channel that gets the signals, which lasts as long as it has a receiver.
    signals: Receiver<SignalKind>,
}

impl Stop {
    /// Does so now. The kinds do again what they did before, as far as nobody else wants them.
    pub fn stop(&self) {
        stop(&self.signals);
        self.cancel.cancel();
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Why a context of [`notify_context`] was cancelled. Its source is [`Canceled`](Error::Canceled).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalReceived(SignalKind);

impl SignalReceived {
    /// Which signal it was.
    #[must_use]
    pub fn kind(&self) -> SignalKind {
        self.0
    }
}

impl fmt::Display for SignalReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signal received", self.0)
    }
}

impl error::Error for SignalReceived {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&Error::Canceled)
    }
}
