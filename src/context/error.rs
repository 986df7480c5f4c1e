//! Why a context has ended: one of two errors, and perhaps a cause.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::Arc;

/// Any error, as functions return it that may fail in many ways.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// How a context has ended; from [`Context::err`](super::Context::err).
///
/// # Go
///
/// `context.Canceled` and `context.DeadlineExceeded`, with the same texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Error {
    /// Somebody cancelled it, or a context that it was made from.
    #[doc(alias = "context.Canceled")]
    Canceled,
    /// Its deadline has come.
    #[doc(alias = "context.DeadlineExceeded")]
    DeadlineExceeded,
}

impl Error {
    /// Whether it is [`DeadlineExceeded`](Error::DeadlineExceeded).
    #[doc(alias = "Timeout")]
    #[must_use]
    pub fn is_timeout(self) -> bool {
        self == Error::DeadlineExceeded
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::Canceled => "context canceled",
            Error::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl StdError for Error {}

impl From<Error> for io::Error {
    /// Of the kind `TimedOut` for a deadline, otherwise of the kind `Other`.
    fn from(error: Error) -> io::Error {
        let kind = if error.is_timeout() { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
        io::Error::new(kind, error)
    }
}

/// Why a context has ended, in the words of whoever ended it; from
/// [`Context::cause`](super::Context::cause).
///
/// It is a shared error: clones are the same error, and it derefs to the error that was given to
/// [`Cancel::cancel_with`](super::Cancel::cancel_with), which can so be downcast. If none was given, that
/// is the context's [`Error`].
///
/// ```
/// use gort::context::{self, background, with_cancel};
///
/// let (ctx, cancel) = with_cancel(&background());
/// cancel.cancel_with(std::fmt::Error);
/// let cause = ctx.cause().unwrap();
/// assert!(cause.downcast_ref::<std::fmt::Error>().is_some());
/// assert!(!cause.is::<context::Error>());
/// ```
#[derive(Clone)]
pub struct Cause(Shared);

#[derive(Clone)]
enum Shared {
    /// None was given.
    Plain(Error),
    Given(Arc<dyn StdError + Send + Sync>),
}

impl Cause {
    /// Shares `error`.
    pub fn new(error: impl Into<BoxError>) -> Self {
        let error = error.into();
        match error.downcast::<Cause>() {
            Ok(cause) => *cause,
            Err(error) => Self(Shared::Given(Arc::from(error))),
        }
    }

    /// Whether both are one error, not just two that look the same.
    #[must_use]
    pub fn ptr_eq(&self, other: &Cause) -> bool {
        match (&self.0, &other.0) {
            (Shared::Plain(one), Shared::Plain(other)) => one == other,
            (Shared::Given(one), Shared::Given(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Deref for Cause {
    type Target = dyn StdError + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            Shared::Plain(error) => error,
            Shared::Given(error) => &**error,
        }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        Self(Shared::Plain(error))
    }
}

/// Whether no other cause was given.
impl PartialEq<Error> for Cause {
    fn eq(&self, other: &Error) -> bool {
        self.downcast_ref::<Error>() == Some(other)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        (**self).source()
    }
}

/// How a scope has ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) error: Error,
    /// What was given, if anything was.
    pub(super) given: Option<Cause>,
}

impl End {
    pub(super) fn plain(error: Error) -> Self {
        Self { error, given: None }
    }

    pub(super) fn cause(&self) -> Cause {
        self.given.clone().unwrap_or_else(|| self.error.into())
    }
}
