//! Halves of a connection for different tasks: they share it.

use super::Peek;
use super::io_traits::{impl_read, impl_write};
use super::split::{impl_half, impl_read_half, impl_write_half};
use super::stream::TcpStream;
use super::wait::{Readable, Readiness, Writable};
use crate::reactor::Interest;
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// The half of [`TcpStream::into_split`] that reads.
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<TcpStream>);

/// The half of [`TcpStream::into_split`] that writes. Dropping it tells the other side that there is
/// no more to come.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    shut_down_on_drop: bool,
}

pub(super) fn split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    let write = OwnedWriteHalf { stream: Arc::clone(&stream), shut_down_on_drop: true };
    (OwnedReadHalf(stream), write)
}

fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
    if !Arc::ptr_eq(&read.0, &write.stream) {
        return Err(ReuniteError(read, write));
    }
    write.forget();
    // Only the two halves share it, and the other one is gone.
    Ok(Arc::into_inner(read.0).expect("no third owner"))
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

impl OwnedReadHalf {
    /// Puts the two halves together again.
    ///
    /// # Errors
    ///
    /// If they are not of the same connection; the error gives them back.
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        reunite(self, other)
    }
}

impl OwnedWriteHalf {
    /// Puts the two halves together again.
    ///
    /// # Errors
    ///
    /// If they are not of the same connection; the error gives them back.
    pub fn reunite(self, other: OwnedReadHalf) -> Result<TcpStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops it without a word to the other side.
    pub fn forget(mut self) {
        self.shut_down_on_drop = false;
    }

    fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.shut_down_on_drop {
            // Whoever wants to know whether it worked calls `shutdown`.
            let _ = self.stream.shut_down_writing();
        }
    }
}

impl AsRef<TcpStream> for OwnedReadHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.0
    }
}

impl AsRef<TcpStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &TcpStream {
        &self.stream
    }
}

impl_half!(OwnedReadHalf);
impl_half!(OwnedWriteHalf);
impl_read_half!(OwnedReadHalf);
impl_write_half!(OwnedWriteHalf);
impl_read!(OwnedReadHalf);
impl_write!(OwnedWriteHalf, |half| half.shut_down_on_drop = false);
