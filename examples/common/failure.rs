//! Why a request failed: a kind to count by and a line to print.

use std::{error::Error, fmt, io, time::Duration};

use gort::net::TooManyFiles;

/// The kinds of failure the summary counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    BadUrl,
    Https,
    UnknownHost,
    Refused,
    Unreachable,
    Descriptors,
    Timeout,
    Reset,
    Closed,
    Garbage,
    TooLong,
    Redirects,
    Other,
}

impl Kind {
    /// The name in the summary.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::BadUrl => "bad URL",
            Kind::Https => "https",
            Kind::UnknownHost => "unknown host",
            Kind::Refused => "refused",
            Kind::Unreachable => "unreachable",
            Kind::Descriptors => "descriptors",
            Kind::Timeout => "timeout",
            Kind::Reset => "reset",
            Kind::Closed => "closed early",
            Kind::Garbage => "not HTTP",
            Kind::TooLong => "too long",
            Kind::Redirects => "redirects",
            Kind::Other => "other",
        }
    }
}

/// A failed request.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    text: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Failure { kind, text: text.into() }
    }

    /// The request took longer than it may.
    pub(crate) fn late(timeout: Duration) -> Self {
        Failure::new(Kind::Timeout, format!("not done within {timeout:?} (--timeout)"))
    }

    /// The same, said of what it is about.
    pub(crate) fn about(self, what: &str) -> Self {
        Failure { text: format!("{what}: {}", self.text), ..self }
    }

    /// Whether the connection went away, so that a new one may do better.
    pub(crate) fn lost_connection(&self) -> bool {
        matches!(self.kind, Kind::Reset | Kind::Closed)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::from(&error)
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind as E;
        if error.get_ref().is_some_and(|inner| inner.is::<TooManyFiles>()) {
            return Failure::new(Kind::Descriptors, "too many open files");
        }
        match error.kind() {
            E::ConnectionRefused => Failure::new(Kind::Refused, "connection refused"),
            E::HostUnreachable => Failure::new(Kind::Unreachable, "host unreachable"),
            E::NetworkUnreachable => Failure::new(Kind::Unreachable, "network unreachable"),
            E::TimedOut => Failure::new(Kind::Timeout, "the network gave up waiting"),
            E::ConnectionReset | E::ConnectionAborted | E::BrokenPipe => {
                Failure::new(Kind::Reset, "connection reset by the server")
            }
            E::UnexpectedEof => Failure::closed(),
            _ => Failure::new(Kind::Other, error.to_string()),
        }
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        if let Some(io) = source::<io::Error>(&error) {
            Failure::from(io)
        } else if error.is_parse_too_large() {
            Failure::new(Kind::TooLong, "the header of the answer is too long")
        } else if error.is_parse() {
            Failure::new(Kind::Garbage, "the answer is not HTTP")
        } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            Failure::closed()
        } else {
            Failure::new(Kind::Other, error.to_string())
        }
    }
}

impl Failure {
    fn closed() -> Self {
        Failure::new(Kind::Closed, "connection closed before the answer was complete")
    }
}

/// The first cause of type `E` behind `error`.
fn source<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
