//! What other systems than Linux have: sockets become non-blocking by a call of its own.

use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};

/// How many buffers one system call takes; some systems take less, or more.
pub(super) const MOST_SLICES: usize = 1024;

/// A stream socket: non-blocking, not inherited by other programs.
pub(super) fn stream_socket(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Takes a connection: non-blocking, not inherited by other programs.
pub(super) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, addr) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((stream, addr))
}

/// How many descriptors the process may have; not known here.
pub(super) fn descriptor_limit() -> Option<u64> {
    None
}

/// Whether the process (first) or the system (second) has no descriptors left: EMFILE and ENFILE,
/// which have these numbers on every unix, and WSAEMFILE.
pub(super) fn out_of_descriptors(error: &io::Error) -> (bool, bool) {
    let raw = error.raw_os_error();
    (raw == Some(24) || raw == Some(10024), raw == Some(23))
}

/// Whether `error` says that a connection is being made: EINPROGRESS on BSD, or WSAEWOULDBLOCK.
pub(super) fn in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(36) || error.kind() == io::ErrorKind::WouldBlock
}

/// Receives into the start of `buf`, and initialises as much of it as is returned.
pub(super) fn recv(io: &TcpStream, buf: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
    SockRef::from(io).recv(buf)
}

/// Says whether [`recv_telling`] is to tell: it cannot.
pub(super) fn tell_remainder(_: &TcpStream, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As [`recv`].
pub(super) fn recv_telling(
    io: &TcpStream,
    buf: &mut [MaybeUninit<u8>],
) -> io::Result<(usize, Option<usize>)> {
    Ok((recv(io, buf)?, None))
}

pub(super) fn recv_slices(mut io: &TcpStream, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    io.read_vectored(bufs)
}

pub(super) fn send(mut io: &TcpStream, buf: &[u8]) -> io::Result<usize> {
    io.write(buf)
}

pub(super) fn send_slices(mut io: &TcpStream, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    io.write_vectored(bufs)
}
