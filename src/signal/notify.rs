//! Signals on channels: Go's `os/signal`.

use super::SignalKind;
use super::registry;
use crate::chan::Sender;

/// Has signals of `kinds` sent to `channel`; of all kinds that can be caught, if none is given.
///
/// A send never waits: a signal that finds the channel full is dropped, so give it room for one. Kinds
/// add up over several calls; several channels get a signal each. Whatever the kinds did before, they do
/// it no more until [`stop`] or [`reset`], or until the receivers of all these channels are dropped.
///
/// The channel does not close while it is notified.
///
/// # Panics
///
/// `os/signal: Notify using nil channel`; and if the system refuses the thread or the descriptors that
/// are needed at first use. A kind that cannot be caught is not caught.
///
/// # Go
///
/// `signal.Notify`.
///
/// ```
/// use gort::Chan;
/// use gort::signal::{self, SignalKind};
///
/// # gort::run(async {
/// let changes = Chan::new(1);
/// signal::notify(&changes, [SignalKind::window_change()]);
/// # signal_hook::low_level::raise(SignalKind::window_change().as_raw_value()).unwrap();
/// assert_eq!(changes.recv().await.to_string(), "window changed");
/// signal::stop(&changes);
/// # });
/// ```
#[doc(alias = "Notify")]
#[track_caller]
pub fn notify(channel: impl Into<Sender<SignalKind>>, kinds: impl IntoIterator<Item = SignalKind>) {
    let channel = channel.into();
    assert!(!channel.is_nil(), "os/signal: Notify using nil channel");
    let kinds = or_all(kinds);
    let refused = registry::with(|registry, after| {
        kinds.into_iter().filter(|kind| kind.can_be_caught()).find_map(|kind| {
            // The system knows best which numbers are kinds at all.
            let result = registry.add(&channel, kind, false, after);
            result.err().filter(|error| error.kind() != std::io::ErrorKind::InvalidInput)
        })
    });
    if let Some(error) = refused {
        panic!("signals cannot be caught: {error}");
    }
}

/// The kinds that are given; all, if none is.
fn or_all(kinds: impl IntoIterator<Item = SignalKind>) -> Vec<SignalKind> {
    let kinds: Vec<_> = kinds.into_iter().collect();
    if kinds.is_empty() { SignalKind::all().collect() } else { kinds }
}

/// Has no more signals sent to `channel`, a [`Chan`](crate::Chan), a [`Sender`] or a
/// [`Receiver`](crate::Receiver). When this has returned, it gets none.
///
/// Kinds that no other channel or stream wants do again what they did before. A signal that comes
/// meanwhile is in the channel, if it had room, or does that.
///
/// # Go
///
/// `signal.Stop`.
///
/// ```
/// use gort::Chan;
/// use gort::signal::{self, SignalKind};
///
/// # gort::run(async {
/// let changes = Chan::new(1);
/// signal::notify(&changes, [SignalKind::window_change()]);
/// signal::stop(&changes);
/// # signal_hook::low_level::raise(SignalKind::window_change().as_raw_value()).unwrap();
/// assert!(changes.is_empty(), "what the terminal does is nobody's business any more");
/// # });
/// ```
#[doc(alias = "Stop")]
pub fn stop<C>(channel: &C)
where
    Sender<SignalKind>: PartialEq<C>,
{
    registry::with(|registry, after| registry.remove(|sender| sender == channel, u128::MAX, after));
}

/// Undoes every [`notify`], [`ignore`] and stream for these kinds; for all kinds, if none is given. They
/// do again what they did before.
///
/// # Go
///
/// `signal.Reset`.
#[doc(alias = "Reset")]
pub fn reset(kinds: impl IntoIterator<Item = SignalKind>) {
    let kinds: Vec<_> = kinds.into_iter().collect();
    registry::with(|registry, after| {
        let kinds = if kinds.is_empty() { registry.installed() } else { kinds };
        for kind in kinds {
            registry.reset(kind, after);
        }
    });
}

/// Has signals of these kinds dropped; of all that can be caught, if none is given. Undoes every
/// [`notify`] and stream for them.
///
/// # Panics
///
/// If the system refuses the thread or the descriptors that are needed at first use.
///
/// # Go
///
/// `signal.Ignore`.
///
/// ```
/// use gort::signal::{self, SignalKind};
///
/// signal::ignore([SignalKind::hangup()]);
/// # signal_hook::low_level::raise(SignalKind::hangup().as_raw_value()).unwrap();
/// assert!(signal::ignored(SignalKind::hangup()));
/// signal::reset([SignalKind::hangup()]);
/// assert!(!signal::ignored(SignalKind::hangup()));
/// ```
#[doc(alias = "Ignore")]
#[track_caller]
pub fn ignore(kinds: impl IntoIterator<Item = SignalKind>) {
    let kinds = or_all(kinds);
    let refused = registry::with(|registry, after| {
        let mut kinds = kinds.into_iter().filter(|kind| kind.can_be_caught());
        kinds.find_map(|kind| registry.ignore(kind, after).err())
    });
    if let Some(error) = refused.filter(|error| error.kind() != std::io::ErrorKind::InvalidInput) {
        panic!("signals cannot be caught: {error}");
    }
}

/// Whether signals of this kind have no effect: by [`ignore`], or because the program was started so, as
/// by `nohup`, and nobody wants them.
///
/// # Go
///
/// `signal.Ignored`.
#[doc(alias = "Ignored")]
#[must_use]
pub fn ignored(kind: SignalKind) -> bool {
    registry::with(|registry, _| registry.is_ignored(kind))
}
