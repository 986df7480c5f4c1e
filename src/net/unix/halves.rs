//! Halves of a connection, for one task or for two.

use super::UnixStream;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The half of [`UnixStream::split`] that reads.
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a UnixStream);

/// The half of [`UnixStream::split`] that writes.
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a UnixStream);

pub(super) fn split(stream: &mut UnixStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

/// The half of [`UnixStream::into_split`] that reads.
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<UnixStream>);

/// The half of [`UnixStream::into_split`] that writes. Dropping it tells the other side that there is no
/// more to come.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    /// `None` once it needs not tell.
    stream: Option<Arc<UnixStream>>,
}

pub(super) fn into_split(stream: UnixStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    (OwnedReadHalf(Arc::clone(&stream)), OwnedWriteHalf { stream: Some(stream) })
}

fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<UnixStream, ReuniteError> {
    if !Arc::ptr_eq(&read.0, write.shared()) {
        return Err(ReuniteError(read, write));
    }
    write.forget();
    // Only the two halves share it, and the other one is gone.
    Ok(Arc::into_inner(read.0).expect("no third owner"))
}

impl OwnedReadHalf {
    /// Puts the halves of one connection together again.
    ///
    /// # Errors
    ///
    /// If they are not of the same connection, they come back.
    pub fn reunite(self, write: OwnedWriteHalf) -> Result<UnixStream, ReuniteError> {
        reunite(self, write)
    }
}

impl OwnedWriteHalf {
    fn shared(&self) -> &Arc<UnixStream> {
        self.stream.as_ref().expect("taken only at its end")
    }

    /// See [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    ///
    /// If they are not of the same connection, they come back.
    pub fn reunite(self, read: OwnedReadHalf) -> Result<UnixStream, ReuniteError> {
        reunite(read, self)
    }

    /// Lets go of it without telling the other side anything.
    pub fn forget(mut self) {
        drop(self.stream.take());
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            // There is nobody to tell of an error.
            let _ = stream.shut_down_writing();
        }
    }
}

impl AsRef<UnixStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &UnixStream {
        self.0
    }
}

impl AsRef<UnixStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &UnixStream {
        self.0
    }
}

impl AsRef<UnixStream> for OwnedReadHalf {
    fn as_ref(&self) -> &UnixStream {
        &self.0
    }
}

impl AsRef<UnixStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &UnixStream {
        self.shared()
    }
}

/// The two halves are not of the same connection; here they are again.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves that are not from the same socket")
    }
}

impl Error for ReuniteError {}
