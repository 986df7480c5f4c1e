//! No descriptors left: an error that says so, and pauses that keep a server from spinning on it.

use super::os;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// The process, or the system, has no descriptors left for another socket. It is inside of the
/// [`io::Error`] that the operation returns.
///
/// ```
/// fn is_overloaded(error: &std::io::Error) -> bool {
///     error.get_ref().is_some_and(|inner| inner.is::<gort::net::TooManyFiles>())
/// }
/// # assert!(!is_overloaded(&std::io::Error::other("x")));
/// ```
#[derive(Debug)]
pub struct TooManyFiles {
    limit: Option<u64>,
    whole_system: bool,
    cause: io::Error,
}

impl TooManyFiles {
    /// How many descriptors the process may have, where that is known and is the limit.
    #[must_use]
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }
}

impl fmt::Display for TooManyFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            _ if self.whole_system => write!(f, "the system has no file descriptors left")?,
            Some(limit) => {
                write!(f, "all {limit} file descriptors of the process are in use (ulimit -n)")?;
            }
            None => write!(f, "the process has no file descriptors left")?,
        }
        write!(f, ": {}", self.cause)
    }
}

impl Error for TooManyFiles {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// Whether `error` says that there are no descriptors left.
pub(super) fn are_used_up(error: &io::Error) -> bool {
    let (process, system) = os::out_of_descriptors(error);
    process || system
}

/// `error`, said more clearly if there are no descriptors left.
pub(super) fn explain(error: io::Error) -> io::Error {
    let (process, whole_system) = os::out_of_descriptors(&error);
    if !process && !whole_system {
        return error;
    }
    let limit = os::descriptor_limit().filter(|_| process);
    io::Error::new(error.kind(), TooManyFiles { limit, whole_system, cause: error })
}

/// How long to wait before trying again after `failures` in a row: 5 ms, doubling up to 160 ms.
pub(super) fn pause(failures: u32) -> Duration {
    Duration::from_millis(5 << failures.saturating_sub(1).min(5))
}
