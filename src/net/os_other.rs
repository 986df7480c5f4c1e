//! What other systems than Linux have: sockets become non-blocking by a call of its own.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

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
