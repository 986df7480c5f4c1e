//! Errors of a group, as the cause that its context ends with.

use crate::context::{self, BoxError, Cause};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// An error that goroutines of a group may return.
///
/// The first one is returned by [`wait`](super::Group::wait), and is also the
/// [`cause`](crate::context::Context::cause) of the group's context. As Rust's errors have one owner, the
/// cause is made from the error: of a [`BoxError`] its words, those of its sources included; of an
/// [`Arc`] of an error, and of a [`Cause`], the very same error. For errors of your own that can be cloned:
///
/// ```
/// use gort::context::Cause;
/// use gort::errgroup::Failure;
///
/// #[derive(Debug, Clone)]
/// struct NotFound(String);
///
/// impl std::fmt::Display for NotFound {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         write!(f, "{} not found", self.0)
///     }
/// }
///
/// impl std::error::Error for NotFound {}
///
/// impl Failure for NotFound {
///     fn to_cause(&self) -> Cause {
///         Cause::new(self.clone())
///     }
/// }
/// ```
pub trait Failure: Send + 'static {
    /// The cause that the group's context ends with.
    fn to_cause(&self) -> Cause;
}

impl Failure for BoxError {
    fn to_cause(&self) -> Cause {
        Cause::new(Words::of(&**self))
    }
}

impl<E: Error + Send + Sync + 'static> Failure for Arc<E> {
    fn to_cause(&self) -> Cause {
        Cause::new(Arc::clone(self))
    }
}

impl Failure for Cause {
    fn to_cause(&self) -> Cause {
        self.clone()
    }
}

impl Failure for context::Error {
    fn to_cause(&self) -> Cause {
        Cause::from(*self)
    }
}

/// What an error says, and what its sources say.
struct Words {
    display: String,
    debug: String,
    source: Option<Box<Words>>,
}

impl Words {
    fn of(error: &(dyn Error + 'static)) -> Self {
        let source = error.source().map(|source| Box::new(Self::of(source)));
        Self { display: error.to_string(), debug: format!("{error:?}"), source }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.debug)
    }
}

impl Error for Words {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
