//! Halves of a connection for the same task: references.

use super::Peek;
use super::io_traits::{impl_read, impl_write};
use super::stream::TcpStream;
use super::wait::{Readable, Readiness, Writable};
use crate::reactor::Interest;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

/// The half of [`TcpStream::split`] that reads.
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The half of [`TcpStream::split`] that writes. Dropping it changes nothing.
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

/// What the halves have in common with the stream.
macro_rules! impl_read_half {
    ($type:ty) => {
        impl $type {
            /// See [`TcpStream::peek`].
            #[track_caller]
            pub fn peek<'b>(&'b mut self, buf: &'b mut [u8]) -> Peek<'b> {
                self.0.peek(buf)
            }

            /// See [`TcpStream::poll_peek`].
            ///
            /// # Errors
            ///
            /// What the system says.
            pub fn poll_peek(
                &mut self,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<usize>> {
                self.0.poll_peek(cx, buf)
            }

            /// See [`TcpStream::readable`].
            #[track_caller]
            pub fn readable(&self) -> Readable<'_> {
                self.0.readable()
            }

            /// See [`TcpStream::try_read`].
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing; what the system says.
            pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.try_read(buf)
            }

            /// See [`TcpStream::try_read_vectored`].
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is nothing; what the system says.
            pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.try_read_vectored(bufs)
            }
        }
    };
}

macro_rules! impl_write_half {
    ($type:ty) => {
        impl $type {
            /// See [`TcpStream::writable`].
            #[track_caller]
            pub fn writable(&self) -> Writable<'_> {
                self.stream().writable()
            }

            /// See [`TcpStream::try_write`].
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room; what the system says.
            pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
                self.stream().try_write(buf)
            }

            /// See [`TcpStream::try_write_vectored`].
            ///
            /// # Errors
            ///
            /// `WouldBlock` if there is no room; what the system says.
            pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.stream().try_write_vectored(bufs)
            }
        }
    };
}

macro_rules! impl_half {
    ($type:ty) => {
        impl $type {
            /// See [`TcpStream::ready`].
            #[track_caller]
            pub fn ready(&self, interest: Interest) -> Readiness<'_> {
                AsRef::<TcpStream>::as_ref(self).ready(interest)
            }

            /// The address of the other side.
            ///
            /// # Errors
            ///
            /// When it is not connected any more.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                AsRef::<TcpStream>::as_ref(self).peer_addr()
            }

            /// The connection's own address.
            ///
            /// # Errors
            ///
            /// When the system does not tell.
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                AsRef::<TcpStream>::as_ref(self).local_addr()
            }
        }
    };
}

pub(super) use {impl_half, impl_read_half, impl_write_half};

impl WriteHalf<'_> {
    fn stream(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl_half!(ReadHalf<'_>);
impl_half!(WriteHalf<'_>);
impl_read_half!(ReadHalf<'_>);
impl_write_half!(WriteHalf<'_>);
impl_read!(ReadHalf<'_>);
impl_write!(WriteHalf<'_>, |_| ());
