//! The errors of channel operations. None needs anything of `T`.

use std::error::Error;
use std::fmt;

/// A value could not be sent, because no receiver is left; it comes back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SendError<T>(pub T);

impl<T> SendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("send on a channel without receivers")
    }
}

impl<T> Error for SendError<T> {}

/// Why [`try_send`](crate::chan::Sender::try_send) did not send; the value comes back.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrySendError<T> {
    /// Nobody waits to receive, and the buffer is full. Or the channel is nil.
    Full(T),
    /// The channel is closed.
    Closed(T),
    /// No receiver is left.
    Disconnected(T),
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(value)
            | TrySendError::Closed(value)
            | TrySendError::Disconnected(value) => value,
        }
    }

    /// Whether it is [`Full`](TrySendError::Full): trying again later may succeed.
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }

    /// Whether it is [`Closed`](TrySendError::Closed).
    pub fn is_closed(&self) -> bool {
        matches!(self, TrySendError::Closed(_))
    }

    /// Whether it is [`Disconnected`](TrySendError::Disconnected).
    pub fn is_disconnected(&self) -> bool {
        matches!(self, TrySendError::Disconnected(_))
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Closed(_) => "Closed(..)",
            TrySendError::Disconnected(_) => "Disconnected(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "send on a full channel",
            TrySendError::Closed(_) => "send on closed channel",
            TrySendError::Disconnected(_) => "send on a channel without receivers",
        })
    }
}

impl<T> Error for TrySendError<T> {}

/// Why [`try_recv`](crate::chan::Receiver::try_recv) received nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TryRecvError {
    /// There is nothing to receive now. Or the channel is nil.
    Empty,
    /// The channel is closed, and everything in it has been received.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryRecvError::Empty => "receive from an empty channel",
            TryRecvError::Closed => "receive from a closed channel",
        })
    }
}

impl Error for TryRecvError {}
