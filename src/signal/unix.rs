//! Signals as streams, as tokio has them.

use super::registry;
use crate::chan::{RecvStream, chan};
use futures_core::Stream;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use super::kind::SignalKind;

/// Starts to listen for signals of one kind.
///
/// From here on for the whole life of the process, the kind does not do any more what it did before, also
/// when no stream is left ([`reset`](super::reset) undoes that). Every stream that is there gets each signal;
/// those that come while one is still to be received are one with it. A signal that comes while there is no
/// stream, and one that none of its streams has yielded when the last of them is dropped, is for the next one,
/// so that none is lost between two.
///
/// # Errors
///
/// If the kind cannot be caught, or the system refuses what is needed to catch it.
///
/// ```
/// use gort::signal::unix::{SignalKind, signal};
///
/// # gort::run(async {
/// let mut changes = signal(SignalKind::window_change())?;
/// # signal_hook::low_level::raise(SignalKind::window_change().as_raw_value())?;
/// changes.recv().await;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub fn signal(kind: SignalKind) -> io::Result<Signal> {
    let (sender, receiver) = chan(1);
    registry::with(|registry, after| registry.add(&sender, kind, true, after))?;
    Ok(Signal { kind, stream: receiver.stream() })
}

/// Signals of one kind, from [`signal`].
pub struct Signal {
    kind: SignalKind,
    stream: RecvStream<SignalKind>,
}

impl Signal {
    /// Waits for the next signal. It is `Some` until the kind is [reset](super::reset) or
    /// [ignored](super::ignore).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing is lost.
    pub fn recv(&mut self) -> RecvSignal<'_> {
        RecvSignal { signal: self }
    }

    /// Takes the next signal if it is there, otherwise arranges for the task of `cx` to be woken when
    /// it is.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let polled = Pin::new(&mut self.stream).poll_next(cx);
        if let Poll::Ready(Some(kind)) = polled {
            registry::with(|registry, _| registry.yielded(self.stream.receiver(), kind));
        }
        polled.map(|signal| signal.map(|_| ()))
    }
}

impl Drop for Signal {
    fn drop(&mut self) {
        registry::with(|registry, after| {
            registry.remove_stream(self.stream.receiver(), self.kind, after);
        });
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Future of [`Signal::recv`].
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct RecvSignal<'a> {
    signal: &'a mut Signal,
}

impl Future for RecvSignal<'_> {
    type Output = Option<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<()>> {
        self.signal.poll_recv(cx)
    }
}
